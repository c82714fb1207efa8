"""What each asset of a back-test earned, and its tax lots, by portfolio.performance. Exact decimals, pure.

What was held at the start, or paid in as coins, is a lot at its market value of then. What coins had no price then has
an unknown cost, and what is made of it is unknown, never zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import ZERO, exact, quantize, wide
from exchanges.domain import Side
from portfolio.performance.lots import PLACES, Acquired, Basis, Disposed, Event, Kind, LotReport, Method, settle
from portfolio.performance.profit import AssetProfit, profit_by_asset
from portfolio.performance.trades import Trade as LotTrade
from portfolio.performance.trades import lot_events, trade_fee, trade_value
from strategies.backtest.engine.result import Result
from strategies.backtest.figures.study import moment_of, start_totals


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one asset earned in all: realised, unrealised, and gained by what was paid out of it; None where part of it
    is not known. `traded`: notional bought and sold.
    """

    profit: AssetProfit
    earned: Decimal | None
    traded: Decimal
    fills: int


@dataclass(frozen=True, slots=True)
class TaxYear:
    """Gains of one calendar year (UTC) by both methods, with what the sales brought; coins that went as a fee are sold
    at their value. `unknown`: whether some of it has no known cost or value, and is left out.
    """

    year: int
    proceeds: Decimal
    gain_fifo: Decimal
    gain_average: Decimal
    disposals: int
    has_unknown: bool


@dataclass(frozen=True, slots=True)
class Profits:
    assets: tuple[Contribution, ...]
    years: tuple[TaxYear, ...]


def profits_of(result: Result) -> Profits:
    """Profit of every asset by its tax lots (first in, first out), and gains of every year by both methods."""
    quote = result.scenario.quote
    trades = lot_trades(result)
    events = list(_events(result, trades))
    fifo, average = settle(events, Method.FIFO), settle(events, Method.AVERAGE)
    fees: dict[str, Decimal] = {}
    traded: dict[str, Decimal] = {}
    fills: dict[str, int] = {}
    with exact():
        for trade in trades:
            fees[trade.base] = fees.get(trade.base, ZERO) + (trade_fee(trade, quote) or ZERO)
            traded[trade.base] = traded.get(trade.base, ZERO) + (trade_value(trade, quote) or ZERO)
            fills[trade.base] = fills.get(trade.base, 0) + 1
    last = len(result.history) - 1
    prices = {series.asset: close for series in result.history.series if (close := series.close(last)) is not None}
    assets = tuple(
        Contribution(row, _earned(row), traded.get(row.asset, ZERO), fills.get(row.asset, 0))
        for row in profit_by_asset(fifo.closed, fifo.open, prices, fees)
    )
    return Profits(assets, _years(fifo, average))


def lot_trades(result: Result) -> list[LotTrade]:
    """The fills as tax lots take them, oldest first."""
    history, quote = result.history, result.scenario.quote
    found = []
    for trade in result.trades:
        price = None
        if trade.fee_asset not in (trade.asset, trade.counter, quote):
            price = history.series[history.places[trade.fee_asset]].close(trade.row)
        with exact():
            paid = trade.paid
        found.append(
            LotTrade(
                at=moment_of(int(history.close_ms[trade.row])),
                is_buy=trade.side is Side.BUY,
                base=trade.asset,
                quote=trade.counter,
                quantity=trade.quantity,
                quote_quantity=paid,
                commission=trade.fee,
                commission_asset=trade.fee_asset,
                quote_price=trade.worth,
                commission_price=price,
                reference=str(trade.order),
            )
        )
    return found


def _events(result: Result, trades: list[LotTrade]) -> Iterator[Event]:
    """Everything that formed or used up lots. Within a row deposits come first and withdrawals last, so that nothing
    seems to go that has not come.
    """
    quote, history = result.scenario.quote, result.history
    begins = moment_of(int(history.close_ms[0]))
    for asset, amount in sorted(start_totals(result).items()):
        if asset != quote and amount > 0:
            yield _acquired(result, 0, asset, amount)
    moves: dict[int, list[tuple[str, Decimal]]] = {}
    for flow in result.flows:
        if flow.row and flow.asset != quote:
            moves.setdefault(flow.row, []).append((flow.asset, flow.amount))
    by_row: dict[int, list[LotTrade]] = {}
    for row, trade in zip((one.row for one in result.trades), trades, strict=True):
        by_row.setdefault(row, []).append(trade)
    for row in sorted({*moves, *by_row}):
        for asset, amount in moves.get(row, ()):
            if amount > 0:
                yield _acquired(result, row, asset, amount)
        for trade in by_row.get(row, ()):
            yield from lot_events(trade, quote)
        for asset, amount in moves.get(row, ()):
            if amount < 0:
                at = moment_of(int(history.close_ms[row])) if row else begins
                yield Disposed(at, asset, -amount, _value(result, row, asset, -amount), Kind.MOVED, estimated=True)


def _acquired(result: Result, row: int, asset: str, amount: Decimal) -> Acquired:
    cost = _value(result, row, asset, amount)
    basis = Basis.UNKNOWN if cost is None else Basis.MARKET
    return Acquired(moment_of(int(result.history.close_ms[row])), asset, amount, cost, basis)


def _value(result: Result, row: int, asset: str, amount: Decimal) -> Decimal | None:
    place = result.history.places.get(asset)
    close = None if place is None else result.history.series[place].close(row)
    if close is None:
        return None
    with wide():
        return quantize(amount * close, PLACES)


def _earned(row: AssetProfit) -> Decimal | None:
    if row.unrealised is None or row.unknown_quantity or row.unknown_gone:
        return None
    with exact():
        return row.realised + row.unrealised + row.moved_gain


def _years(fifo: LotReport, average: LotReport) -> tuple[TaxYear, ...]:
    found: dict[int, list[Decimal]] = {}
    counts: dict[int, int] = {}
    unknown: set[int] = set()
    with exact():
        for place, report in ((1, fifo), (2, average)):
            for line in report.closed:
                if line.kind == Kind.MOVED:
                    continue
                year = line.disposed_at.year
                sums = found.setdefault(year, [ZERO, ZERO, ZERO])
                if line.gain is None:
                    unknown.add(year)
                else:
                    sums[place] += line.gain
                if report is fifo:
                    sums[0] += line.proceeds or ZERO
                    counts[year] = counts.get(year, 0) + 1
    return tuple(
        TaxYear(year, sums[0], sums[1], sums[2], counts.get(year, 0), year in unknown)
        for year, sums in sorted(found.items())
    )
