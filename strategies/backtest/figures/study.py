"""A back-tested account valued exactly at chosen rows, and what the same money had become elsewhere. Pure.

The first moment is the end of the first row before anything is traded: what the account began with, and what was paid
in with that row, at that row's closes. So what the first orders cost is part of every figure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from botbalance.lib.money import HUNDRED, ONE, ZERO, exact, wide
from exchanges.candles.columns import CandleColumns
from portfolio.performance.benchmarks import Benchmark, follow
from portfolio.performance.figures import BITCOIN, Compared, held, in_bitcoin
from portfolio.performance.history import AccountMoment
from portfolio.performance.returns import GrowthCurve, Unknown, growth_curve
from strategies.backtest.engine.history import Ints
from strategies.backtest.engine.result import Result

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Totals = Mapping[str, Decimal]


@dataclass(frozen=True, eq=False)
class Study:
    """`moments`: the start, then one for each of `rows`. `day_ends`: the last row of every UTC day.

    `hold_targets`: the targets of the first row bought there, without cost, and never touched; the share of a coin that
    had no price by then stays in the quote. `hold`: what was held at the start, only held. `bitcoin`: all in bitcoin.
    """

    result: Result
    rows: tuple[int, ...]
    day_ends: Ints
    moments: tuple[AccountMoment, ...]
    growth: GrowthCurve
    hold_targets: Compared
    hold: Compared
    bitcoin: Compared

    @property
    def start_nav(self) -> Decimal:
        return self.moments[0].nav

    def at_rows(self, compared: Compared) -> dict[int, Decimal]:
        """Growth of a benchmark, where it is known, by row: what 1 at the start had become."""
        curve = {point.at: point.factor for point in growth_curve(compared.benchmark.points).points}
        found = {}
        for row, moment in zip(self.rows, self.moments[1:], strict=True):
            if moment.at in curve:
                found[row] = curve[moment.at]
        return found


def study_of(result: Result, bitcoin: CandleColumns | None = None, more_rows: Iterable[int] = ()) -> Study:
    """Value a result at the end of every day, at every flow, at the first and last row, and at `more_rows`.

    `bitcoin`: candles of BTC in the quote, where there are any.
    """
    history, quote = result.history, result.scenario.quote
    day_ends = last_rows_of_days(history.close_ms)
    chosen = {0, len(history) - 1, *day_ends.tolist(), *(flow.row for flow in result.flows), *more_rows}
    rows = tuple(sorted(chosen))
    moments = _moments(result, rows)
    growth = growth_curve([moment.valued for moment in moments])
    priced = _with_bitcoin(result, rows, moments, bitcoin)
    return Study(
        result=result,
        rows=rows,
        day_ends=day_ends,
        moments=moments,
        growth=growth,
        hold_targets=_hold_targets(result, moments),
        hold=held(moments, quote),
        bitcoin=in_bitcoin(priced, quote),
    )


def last_rows_of_days(close_ms: Ints) -> Ints:
    """The last row of every UTC day that has one. What ends at midnight is of the day it ends."""
    days = (close_ms - 1) // DAY_MS
    return np.flatnonzero(np.append(days[1:] != days[:-1], True)).astype(np.int64)


def moment_of(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def start_totals(result: Result) -> dict[str, Decimal]:
    """What was there at the first row before anything was traded, with what was paid in or out by then."""
    totals = {asset: amount for asset, amount in result.scenario.start.items() if amount}
    with exact():
        for flow in result.flows:
            if flow.row == 0:
                totals[flow.asset] = totals.get(flow.asset, ZERO) + flow.amount
    return totals


def totals_at(result: Result, rows: Iterable[int]) -> list[dict[str, Decimal]]:
    """What was held at the end of each of `rows`, which ascend."""
    totals = start_totals(result)
    trades, flows = iter(result.trades), iter([flow for flow in result.flows if flow.row])
    trade, flow = next(trades, None), next(flows, None)
    found = []
    with exact():
        for row in rows:
            while trade is not None and trade.row <= row:
                sign = 1 if trade.side == "BUY" else -1
                totals[trade.asset] = totals.get(trade.asset, ZERO) + sign * trade.quantity
                totals[trade.counter] = totals.get(trade.counter, ZERO) - sign * trade.paid
                totals[trade.fee_asset] = totals.get(trade.fee_asset, ZERO) - trade.fee
                trade = next(trades, None)
            while flow is not None and flow.row <= row:
                totals[flow.asset] = totals.get(flow.asset, ZERO) + flow.amount
                flow = next(flows, None)
            found.append(dict(totals))
    return found


def _moments(result: Result, rows: tuple[int, ...]) -> tuple[AccountMoment, ...]:
    flows: dict[int, list[tuple[str, Decimal]]] = {}
    for flow in result.flows:
        if flow.row:
            flows.setdefault(flow.row, []).append((flow.asset, flow.amount))
    closes = _closes(result, 0)
    first = start_totals(result)
    found = [AccountMoment(moment_of(int(result.history.close_ms[0])), _worth(first, closes), ZERO, first, closes)]
    for row, totals in zip(rows, totals_at(result, rows), strict=True):
        closes = _closes(result, row)
        came = ZERO
        with exact():
            for asset, amount in flows.get(row, ()):
                came += amount * closes.get(asset, ZERO)
        at = moment_of(int(result.history.close_ms[row]))
        found.append(AccountMoment(at, _worth(totals, closes), came, totals, closes))
    return tuple(found)


def _closes(result: Result, row: int) -> dict[str, Decimal]:
    """Last closes of what has had one, and 1 for the quote."""
    found = {result.scenario.quote: ONE}
    for series in result.history.series:
        close = series.close(row)
        if close is not None:
            found[series.asset] = close
    return found


def _worth(totals: Totals, prices: Mapping[str, Decimal]) -> Decimal:
    """What is held is worth; what has no price counts nothing."""
    with exact():
        worth = ZERO
        for asset, amount in totals.items():
            price = prices.get(asset)
            if amount and price is not None:
                worth += amount * price
        return worth


def _hold_targets(result: Result, moments: tuple[AccountMoment, ...]) -> Compared:
    first = moments[0]
    weights = {one.asset: one.weight_pct for one in result.course.steps[0].targets if one.asset in first.prices}
    with wide():
        shares = {asset: weight / HUNDRED for asset, weight in weights.items() if weight}
        shares[result.scenario.quote] = ONE - sum(shares.values(), ZERO)
    if first.nav <= 0:
        return compared(Benchmark((), Unknown.NOTHING_INVESTED), moments)
    return compared(follow(shares, first.nav, [moment.moment for moment in moments], result.scenario.quote), moments)


def compared(benchmark: Benchmark, moments: tuple[AccountMoment, ...]) -> Compared:
    """A benchmark with its time-weighted return, where that is of the whole time."""
    curve = growth_curve(benchmark.points)
    unknown = benchmark.unknown or curve.unknown
    if unknown is None and benchmark.points[-1].at != moments[-1].at:
        unknown = Unknown.PRICE_MISSING
    return Compared(benchmark, None if unknown else curve.total, unknown)


def _with_bitcoin(
    result: Result, rows: tuple[int, ...], moments: tuple[AccountMoment, ...], columns: CandleColumns | None
) -> tuple[AccountMoment, ...]:
    """The moments with bitcoin's price among the others, where it is not there anyway."""
    if columns is None or not len(columns) or BITCOIN in result.history.places or result.scenario.quote == BITCOIN:
        return moments
    ends = columns.open_time_ms + columns.interval_ms
    unit = ONE.scaleb(-columns.price_places)
    found = []
    for row, moment in zip((0, *rows), moments, strict=True):
        place = int(np.searchsorted(ends, result.history.close_ms[row], side="right")) - 1
        prices = dict(moment.prices)
        if place >= 0:
            prices[BITCOIN] = Decimal(int(columns.close[place])) * unit
        found.append(AccountMoment(moment.at, moment.nav, moment.flow, moment.totals, prices))
    return tuple(found)
