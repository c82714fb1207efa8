"""One setting of a sweep on the past: the figures it is ranked by, and its growth day by day. Pure.

A sweep tries hundreds of settings on one history: whatever is the same for all of them is made once, and of a setting
only what follows from its trades. Its value is worked out at the end of each day, never at every candle.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from portfolio.performance import risk
from portfolio.performance.returns import Valued, growth_curve
from strategies.backtest.engine.history import History
from strategies.backtest.engine.result import Result
from strategies.backtest.engine.scenario import Scenario
from strategies.backtest.engine.simulation import Progress, run_backtest
from strategies.domain import DAYS_OF_A_YEAR

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """The rows at which every setting is valued: of each UTC day the last known at its end, so that a day on which the
    exchange stood still repeats the one before. `closes` are assets x these rows, `begins` the closes of the first row.
    """

    history: History
    rows: Rows
    closes: Floats
    begins: Floats

    @classmethod
    def of(cls, history: History) -> "Grid":
        # A candle belongs to the day it opens in: the one that ends at midnight is the last of its day.
        first, last = ((int(history.close_ms[place]) - 1) // DAY_MS for place in (0, -1))
        ends = np.arange(first + 1, last + 2, dtype=np.int64) * DAY_MS
        rows = (np.searchsorted(history.close_ms, ends, side="right") - 1).astype(np.int64)
        return cls(history, rows, np.ascontiguousarray(history.closes[:, rows]), history.closes[:, 0].copy())

    def __len__(self) -> int:
        """How many values a growth has: the beginning, and one a day."""
        return len(self.rows) + 1

    @property
    def at_ms(self) -> Rows:
        """The moments of a growth, UTC milliseconds: the end of the first row, then the end of every day. The last day
        may be unfinished.
        """
        first = int(self.history.close_ms[0])
        day = (first - 1) // DAY_MS
        ends = np.arange(day + 1, day + 1 + len(self.rows), dtype=np.int64) * DAY_MS
        return np.append(first, ends).astype(np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """What became of one setting.

    `end_value`, `fees` and `turnover` are exact, in the quote. The others are statistics of `growth` (what 1 has
    become, at the moments of the grid, deposits and withdrawals taken out): fractions, annual but for the total return
    and the drawdown, which is 0 or below; None where they cannot be told. `owed`: of withdrawals, never paid.
    """

    end_value: Decimal
    fees: Decimal
    turnover: Decimal
    owed: Decimal
    trades: int
    total_return: float | None
    volatility: float | None
    sharpe: float | None
    calmar: float | None
    max_drawdown: float | None
    growth: Floats


def try_setting(grid: Grid, scenario: Scenario, on_progress: Progress | None = None) -> Outcome:
    """Run one setting. `on_progress` as in `run_backtest`; raises ValueError for what cannot be tried."""
    result = run_backtest(grid.history, scenario, on_progress=on_progress)
    return outcome_of(grid, result)


def outcome_of(grid: Grid, result: Result) -> Outcome:
    """The figures of a back-test on the grid's history."""
    growth = daily_growth(grid, result)
    return Outcome(
        end_value=result.final_nav,
        fees=result.fees_in_quote,
        turnover=result.turnover,
        owed=result.owed,
        trades=len(result.trades),
        **figures_of_growth(growth),
        growth=growth,
    )


def figures_of_growth(growth: Floats) -> dict[str, float | None]:
    """The statistics of a growth of one value a day, by their names in an Outcome."""
    earned = risk.returns(growth)
    fall = risk.worst_drawdown(growth)
    return {
        "total_return": None if earned is None else float(growth[-1] / growth[0] - 1),
        "volatility": None if earned is None else risk.volatility(earned, DAYS_OF_A_YEAR),
        "sharpe": None if earned is None else risk.sharpe(earned, DAYS_OF_A_YEAR),
        "calmar": risk.calmar(growth, DAYS_OF_A_YEAR),
        "max_drawdown": None if fall is None else fall.depth,
    }


def daily_growth(grid: Grid, result: Result) -> Floats:
    """What 1 has become at the moments of the grid, beginning with what is held before the first row's orders, at its
    closes. 0 from where everything is lost, and where no growth can be told.
    """
    begin = _worth_at_the_beginning(grid, result)
    if result.flows:
        return _growth_with_flows(grid, result, begin)
    values = np.append(begin, _values_at(grid.rows, grid.closes, result))
    return values / begin if begin > 0 else np.zeros(len(values))


def _growth_with_flows(grid: Grid, result: Result, begin: float) -> Floats:
    """The chain of sub-periods between flows, through the same code as a live account's."""
    history = grid.history
    paid = _flows_by_row(result)
    rows = np.union1d(grid.rows, np.array(sorted(paid), np.int64))
    values = _values_at(rows, history.closes[:, rows], result)
    moments = [Valued(_EPOCH, _exactly(begin), Decimal(0))]
    for row, value in zip(rows.tolist(), values.tolist(), strict=True):
        at = _EPOCH + timedelta(milliseconds=int(history.close_ms[row]))
        flow = paid.get(row, 0.0)
        moments.append(Valued(at, _exactly(value - flow), _exactly(flow)))
    known = [float(point.factor) for point in growth_curve(moments).points]
    factors = np.zeros(len(moments))
    factors[: len(known)] = known
    return np.append(factors[:1], factors[1:][np.searchsorted(rows, grid.rows)])


def _flows_by_row(result: Result) -> dict[int, float]:
    """What came in and went out in each row, at its closes, in the quote."""
    found: dict[int, float] = {}
    for flow in result.flows:
        place = result.history.places.get(flow.asset)
        price = 0.0 if place is None else float(result.history.closes[place, flow.row])
        if flow.asset == result.scenario.quote:
            price = 1.0
        found[flow.row] = found.get(flow.row, 0.0) + float(flow.amount) * price
    return found


def _exactly(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def _worth_at_the_beginning(grid: Grid, result: Result) -> float:
    places, worth = result.history.places, 0.0
    for asset, amount in result.scenario.start.items():
        if asset == result.scenario.quote:
            worth += float(amount)
        elif asset in places:
            worth += float(amount) * float(grid.begins[places[asset]])
    return worth


def _values_at(rows: Rows, closes: Floats, result: Result) -> Floats:
    """NAV after each of these rows, in the quote: what was held there times its close."""
    history, quote = result.history, result.scenario.quote
    places = {**history.places, quote: len(history.series)}
    steps = np.zeros((len(places), len(rows) + 1))
    for asset, amount in result.scenario.start.items():
        if asset in places:
            steps[places[asset], 0] += float(amount)
    for flow, place in zip(result.flows, _first_at(rows, [flow.row for flow in result.flows]), strict=True):
        if flow.asset in places:
            steps[places[flow.asset], place] += float(flow.amount)
    for trade, place in zip(result.trades, _first_at(rows, [trade.row for trade in result.trades]), strict=True):
        sign = 1 if trade.side == "BUY" else -1
        steps[places[trade.asset], place] += sign * float(trade.quantity)
        steps[places[trade.counter], place] -= sign * float(trade.paid)
        if trade.fee_asset in places:
            steps[places[trade.fee_asset], place] -= float(trade.fee)
    held = np.cumsum(steps, axis=1, out=steps)[:, : len(rows)]
    values: Floats = np.einsum("ij,ij->j", held[:-1], closes) + held[-1]
    return values


def _first_at(rows: Rows, of: list[int]) -> list[int]:
    """Where the first of `rows` is that is not before each of these rows; past the end where none is."""
    places: list[int] = np.searchsorted(rows, np.array(of, np.int64)).tolist()
    return places
