"""Routes of what was traded: trades, aggregated trades, candles. All are read from the one tape."""

from decimal import Decimal

from botbalance.lib.money import exact
from exchanges.paper.exchange_info import eight
from exchanges.paper.intervals import INTERVALS, Grid, zone_ms
from exchanges.paper.market import Candle, TapeTrade
from exchanges.paper.public_call import PublicCall, of_the_tape
from exchanges.paper.routing import Route, Routes
from exchanges.paper.symbols import SymbolSpec
from exchanges.paper.wire import ApiRefusal, Json, invalid

DEFAULT_ROWS, MOST_ROWS = 500, 1000
_PLACES = Decimal(1).scaleb(-8)


def quote_amount(spec: SymbolSpec, quote: int) -> str:
    """A sum of ticks x lots in the quote asset, cut to eight decimals."""
    with exact():
        return eight(quote * spec.tick * spec.step // _PLACES * _PLACES)


@of_the_tape
def trades(call: PublicCall) -> list[Json]:
    """The newest trades, oldest first."""
    symbol = call.one_symbol()
    spec = call.market.symbols[symbol]
    return [_trade(spec, row) for row in call.tape.latest(symbol, call.limit(DEFAULT_ROWS, MOST_ROWS))]


@of_the_tape
def historical_trades(call: PublicCall) -> list[Json]:
    """Trades from an id on; without one the newest."""
    symbol = call.one_symbol()
    from_id = call.parameters.integer("fromId")
    if from_id is None:
        return trades(call)
    limit = call.limit(DEFAULT_ROWS, MOST_ROWS)
    spec = call.market.symbols[symbol]
    return [_trade(spec, row) for row in call.tape.following(symbol, limit, from_id=from_id)]


@of_the_tape
def aggregate_trades(call: PublicCall) -> list[Json]:
    """Every trade is a taker's own, so each is an aggregate of one.

    From an id or `startTime` on the oldest, else the newest, up to `endTime`; an id does not go with times.
    """
    symbol = call.one_symbol()
    from_id = call.parameters.integer("fromId")
    start, end = call.moment("startTime"), call.moment("endTime")
    limit = call.limit(DEFAULT_ROWS, MOST_ROWS)
    if from_id is not None and (start is not None or end is not None):
        raise ApiRefusal(-1128, "Combination of optional parameters invalid.")
    if from_id is None and start is None:
        rows = call.tape.latest(symbol, limit, until_ms=end)
    else:
        rows = call.tape.following(symbol, limit, from_id=from_id, since_ms=start, until_ms=end)
    spec = call.market.symbols[symbol]
    return [
        {
            "a": row.id,
            "p": eight(row.ticks * spec.tick),
            "q": eight(row.lots * spec.step),
            "f": row.id,
            "l": row.id,
            "T": row.time_ms,
            "m": row.buyer_is_maker,
            "M": True,
        }
        for row in rows
    ]


@of_the_tape
def klines(call: PublicCall) -> list[list[int | str]]:
    """Candles by their opening times: from `startTime` on the oldest, else the newest, up to `endTime` and now.

    Both times are UTC whatever the time zone, which only moves the edges of the candles.
    """
    parameters = call.parameters
    symbol = call.one_symbol()
    interval = parameters.required("interval")
    if interval not in INTERVALS:
        raise ApiRefusal(-1120, "Invalid interval.")
    grid = Grid(interval, time_zone(call))
    start, end = call.moment("startTime"), call.moment("endTime")
    limit = call.limit(DEFAULT_ROWS, MOST_ROWS)
    first = grid.number(call.market.begins_ms)
    if start is not None and start > call.market.begins_ms:
        first = max(first, grid.first_from(start))
    stop = grid.number(call.now_ms if end is None else min(end, call.now_ms)) + 1
    if start is None:
        first = max(first, stop - limit)
    stop = min(stop, first + limit)
    edges = [grid.opens(number) for number in range(first, stop + 1)]
    spec = call.market.symbols[symbol]
    return [_kline(spec, candle) for candle in call.tape.candles(symbol, edges)]


def time_zone(call: PublicCall) -> int:
    """The offset of `timeZone` in ms, by default 0."""
    offset = zone_ms(call.parameters.text("timeZone") or "0")
    if offset is None:
        raise invalid("timeZone")
    return offset


def _trade(spec: SymbolSpec, row: TapeTrade) -> Json:
    return {
        "id": row.id,
        "price": eight(row.ticks * spec.tick),
        "qty": eight(row.lots * spec.step),
        "quoteQty": quote_amount(spec, row.ticks * row.lots),
        "time": row.time_ms,
        "isBuyerMaker": row.buyer_is_maker,
        "isBestMatch": True,
    }


def _kline(spec: SymbolSpec, candle: Candle) -> list[int | str]:
    bar = candle.bar
    return [
        candle.open_ms,
        eight(bar.open * spec.tick),
        eight(bar.high * spec.tick),
        eight(bar.low * spec.tick),
        eight(bar.close * spec.tick),
        eight(bar.lots * spec.step),
        candle.close_ms - 1,
        quote_amount(spec, bar.quote),
        bar.trades,
        eight(bar.taker_lots * spec.step),
        quote_amount(spec, bar.taker_quote),
        "0",
    ]


_KLINES = ("startTime", "endTime", "timeZone", "limit")

ROUTES: Routes = {
    ("GET", "/api/v3/trades"): Route(trades, 25, ("symbol",), ("limit",)),
    ("GET", "/api/v3/historicalTrades"): Route(historical_trades, 25, ("symbol",), ("limit", "fromId")),
    ("GET", "/api/v3/aggTrades"): Route(aggregate_trades, 4, ("symbol",), ("fromId", "startTime", "endTime", "limit")),
    ("GET", "/api/v3/klines"): Route(klines, 2, ("symbol", "interval"), _KLINES),
    ("GET", "/api/v3/uiKlines"): Route(klines, 2, ("symbol", "interval"), _KLINES),
}
