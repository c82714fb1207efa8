"""Returns, risk, turnover, fees and trades of a back-test, and what drift and trading cost. Pure.

Ratios are of the growth (deposits and withdrawals taken out) at the last row of every UTC day, 365 to the year. The
series begins with 1: at the first day's end where that is the first row, else the day before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

import numpy as np

from botbalance.lib.money import HUNDRED, ONE, ZERO, exact, quantize, wide
from exchanges.domain import Side
from portfolio.performance.figures import Compared
from portfolio.performance.money_weighted import MoneyWeighted, money_weighted_return
from portfolio.performance.returns import Unknown
from portfolio.performance.risk import RiskFigures, returns, risk_figures, tracking_error, worst_drawdown
from portfolio.performance.series import daily
from strategies.backtest.engine.book import Trade
from strategies.backtest.engine.history import Floats
from strategies.backtest.engine.result import Result
from strategies.backtest.figures.ideal import Ideal, flow_values, growth_of, ideal_of
from strategies.backtest.figures.study import DAY_MS, Study, moment_of
from strategies.domain import DAYS_OF_A_YEAR

PLACES = 8


@dataclass(frozen=True, slots=True)
class Against:
    """A comparison. `time_weighted`: its return, a fraction, None where it is not known, for `unknown`.

    `tracking_error`: deviation of the daily returns less its own, per year.
    """

    time_weighted: Decimal | float | None
    unknown: Unknown | None
    tracking_error: float | None


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """`orders_filled` traded at least in part; a trade is all fills of one order, sizes in the quote."""

    orders_placed: int
    orders_filled: int
    fills: int
    mean: Decimal | None
    median: Decimal | None
    largest: Decimal | None


@dataclass(frozen=True, slots=True)
class Costs:
    """What it cost not to be the ideal portfolio (see `ideal`), as shares of the end value.

    `behind`: how much more the ideal one would be worth at the end; below 0 where it would be worth less.
    `trading`: fees and spread paid. `drift`: what remains: the effect of weights that were not at their targets, and of
    what fees and spread would have earned; below 0 where letting them drift has paid. behind = trading + drift.
    """

    behind: float | None
    trading: float | None
    drift: float | None


@dataclass(frozen=True)
class Figures:
    """All figures but those of single assets. Money in the quote, returns as fractions, times in UTC.

    `put_in`: what came in after the first row, less what went out. `worst_row`: the deepest drawdown of all rows, where
    `risk.max_drawdown` is of daily values. `turnover_per_year`: in mean values of the portfolio. `spread_paid`: half
    the spread of what was taken from the market at once. `owed`: withdrawals that were never paid. `rebalances`: how
    many began, by their reasons.
    """

    start_at: datetime
    end_at: datetime
    rows: int
    start_nav: Decimal
    end_nav: Decimal
    put_in: Decimal
    earned: Decimal
    time_weighted: Decimal | None
    time_weighted_unknown: Unknown | None
    money_weighted: MoneyWeighted
    risk: RiskFigures
    worst_row: float | None
    turnover: Decimal
    turnover_per_year: float | None
    fees: Decimal
    spread_paid: Decimal
    owed: Decimal
    trades: TradeFigures
    rebalances: Mapping[str, int]
    plans: int
    targets: Against
    hold_targets: Against
    hold: Against
    bitcoin: Against
    costs: Costs


def figures_of(study: Study) -> Figures:
    """All figures of a studied result."""
    result = study.result
    first, last = study.moments[0], study.moments[-1]
    with exact():
        put_in = sum((moment.flow for moment in study.moments), ZERO)
        earned = last.nav - first.nav - put_in
    days, values = daily_growth(study, _by_row(study))
    ideal = ideal_of(result)
    ideal_days = None if ideal is None else _daily_floats(study, ideal.growth)
    risk = risk_figures(days, values, benchmark=ideal_days, periods_per_year=DAYS_OF_A_YEAR)
    if risk.peak_at is not None:
        # The value it began with stands for the day before; nobody fell from a height before there was anything.
        begun = _day(int(result.history.close_ms[0]))
        risk = replace(risk, peak_at=max(risk.peak_at, begun))
    mean_nav, years = float(result.equity.mean()), _years(first.at, last.at)
    turnover = result.turnover
    per_year = float(turnover) / mean_nav / years if mean_nav > 0 and years > 0 else None
    spread_paid = spread_paid_of(result)
    growth = growth_of(result.equity, flow_values(result), float(first.nav))
    fall = worst_drawdown(np.concatenate(([1.0], growth)))
    return Figures(
        start_at=first.at,
        end_at=last.at,
        rows=len(result.history),
        start_nav=first.nav,
        end_nav=last.nav,
        put_in=put_in,
        earned=earned,
        time_weighted=study.growth.total,
        time_weighted_unknown=study.growth.unknown,
        money_weighted=money_weighted_return([moment.valued for moment in study.moments]),
        risk=risk,
        worst_row=None if fall is None else fall.depth,
        turnover=turnover,
        turnover_per_year=per_year,
        fees=result.fees_in_quote,
        spread_paid=spread_paid,
        owed=result.owed,
        trades=trade_figures(result.trades, result.orders_placed),
        rebalances=dict(sorted(Counter(event.code for event in result.events).items())),
        plans=result.plans,
        targets=Against(
            None if ideal is None else float(ideal.growth[-1]) - 1,
            None if ideal is not None else Unknown.NEGATIVE if first.nav > 0 else Unknown.NOTHING_INVESTED,
            risk.tracking_error,
        ),
        hold_targets=_against(study, values, study.hold_targets),
        hold=_against(study, values, study.hold),
        bitcoin=_against(study, values, study.bitcoin),
        costs=_costs(result, ideal, last.nav, spread_paid),
    )


def trade_figures(trades: Sequence[Trade], orders_placed: int) -> TradeFigures:
    """How many trades there were, and how large."""
    orders: dict[int, Decimal] = {}
    with exact():
        for trade in trades:
            orders[trade.order] = orders.get(trade.order, ZERO) + trade.notional
    sizes = list(orders.values())
    with wide():
        return TradeFigures(
            orders_placed=orders_placed,
            orders_filled=len(sizes),
            fills=len(trades),
            mean=sum(sizes, ZERO) / len(sizes) if sizes else None,
            median=median(sizes) if sizes else None,
            largest=max(sizes, default=None),
        )


def spread_paid_of(result: Result) -> Decimal:
    """Half the spread of everything that was taken from the market at once, in the quote.

    A price taken is the middle and half a spread more (less for a sale), so that the middle follows from it. What
    rested and was met pays no spread.
    """
    paid = ZERO
    with wide():
        half = result.scenario.fills.spread_pct / HUNDRED / 2
        if half:
            for trade in result.trades:
                if not trade.is_maker:
                    middle = trade.price / (ONE + half if trade.side is Side.BUY else ONE - half)
                    paid += trade.quantity * abs(trade.price - middle) * (ONE if trade.worth is None else trade.worth)
        return quantize(paid, PLACES)


def daily_growth(study: Study, by_row: Mapping[int, Decimal]) -> tuple[tuple[datetime, ...], tuple[Decimal, ...]]:
    """Growth at the end of every UTC day, beginning with 1, without a hole: a day without a row repeats the one before.

    Ends early where the growth is not known any more.
    """
    close_ms = study.result.history.close_ms
    begins, ends = _days_of(study)
    points = [(begins, ONE)]
    for row in ends:
        if row not in by_row:
            break
        points.append((_day(int(close_ms[row])), by_row[row]))
    found = daily(points)
    return found.days, found.values


def _days_of(study: Study) -> tuple[datetime, list[int]]:
    """The day the series begins with, and the rows that end the following ones."""
    first = _day(int(study.result.history.close_ms[0]))
    ends = study.day_ends.tolist()
    # The first row's own end of day stands for the beginning: its trades are part of the next day's return.
    return (first, ends[1:]) if ends[0] == 0 else (first - timedelta(days=1), ends)


def _day(close_ms: int) -> datetime:
    return moment_of((close_ms - 1) // DAY_MS * DAY_MS)


def _by_row(study: Study) -> dict[int, Decimal]:
    """Growth after each studied row, as far as it is known."""
    return {row: point.factor for row, point in zip(study.rows, study.growth.points[1:], strict=False)}


def _daily_floats(study: Study, growth: Floats) -> tuple[Decimal, ...]:
    rows = {row: Decimal(float(growth[row])) for row in study.day_ends.tolist()}
    return daily_growth(study, rows)[1]


def _against(study: Study, values: Sequence[Decimal], compared: Compared) -> Against:
    if compared.unknown is not None:
        return Against(None, compared.unknown, None)
    theirs = daily_growth(study, study.at_rows(compared))[1]
    error = None
    if len(theirs) == len(values):
        mine, other = _returns(values), _returns(theirs)
        if mine is not None and other is not None:
            error = tracking_error(mine, other, DAYS_OF_A_YEAR)
    return Against(compared.time_weighted, None, error)


def _returns(values: Sequence[Decimal]) -> Floats | None:
    return returns(np.array([float(value) for value in values]))


def _costs(result: Result, ideal: Ideal | None, end_nav: Decimal, spread_paid: Decimal) -> Costs:
    if ideal is None or end_nav <= 0:
        return Costs(None, None, None)
    with exact():
        paid = result.fees_in_quote + spread_paid
    end = float(end_nav)
    behind, trading = float(ideal.values[-1]) / end - 1, float(paid) / end
    return Costs(behind, trading, behind - trading)


def _years(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(days=DAYS_OF_A_YEAR)
