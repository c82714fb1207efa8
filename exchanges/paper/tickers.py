"""Routes of prices: the last one, the best of the book, the average, and statistics of windows of the tape."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import wide
from exchanges.paper.exchange_info import eight
from exchanges.paper.history import quote_amount, time_zone
from exchanges.paper.intervals import DAY_MS, MINUTE_MS, Grid, window_ms
from exchanges.paper.market import Bar, Day, Tape
from exchanges.paper.market.base import average_price as average_of
from exchanges.paper.public_call import PublicCall, of_the_tape, symbol_list
from exchanges.paper.routing import Route, Routes
from exchanges.paper.symbols import SymbolSpec
from exchanges.paper.wire import ApiRefusal, Json, Parameters, invalid, neither

MOST_SYMBOLS = 100
_THREE_PLACES = Decimal(1).scaleb(-3)


@dataclass(frozen=True, slots=True)
class _Window:
    """[open_ms, close_ms], both included, as the exchange prints them."""

    open_ms: int
    close_ms: int


def ticker_price(call: PublicCall) -> Json | list[Json]:
    return _answer(call, lambda symbol: {"symbol": symbol, "price": eight(call.market.quote(symbol, call.now_ms).last)})


def book_ticker(call: PublicCall) -> Json | list[Json]:
    return _answer(call, lambda symbol: {"symbol": symbol, **_best(call, symbol)})


@of_the_tape
def average_price(call: PublicCall) -> Json:
    """The price that filters compare with: of the tape's last five minutes. `closeTime` is when it was last traded."""
    symbol = call.one_symbol()
    newest = call.tape.latest(symbol, 1)
    return {
        "mins": call.market.symbols[symbol].average_minutes,
        "price": eight(call.market.average(symbol, call.now_ms)),
        "closeTime": newest[0].time_ms if newest else 0,
    }


@of_the_tape
def day_ticker(call: PublicCall) -> Json | list[Json]:
    """The last 24 hours to the millisecond."""
    full = _is_full(call)
    window = _Window(call.now_ms - DAY_MS, call.now_ms)
    tape = call.tape

    def row(symbol: str) -> Json:
        spec = call.market.symbols[symbol]
        day = call.market.day(symbol, call.now_ms) or _day(tape, symbol, window)
        bar = day.bar
        if not full:
            return _mini(spec, bar, window)
        return {
            "symbol": symbol,
            **_change(spec, bar),
            "prevClosePrice": eight(day.previous_close * spec.tick),
            "lastPrice": eight(bar.close * spec.tick),
            "lastQty": eight(day.last_lots * spec.step),
            **_best(call, symbol),
            **_prices(spec, bar),
            **_volumes(spec, bar, window),
        }

    return _answer(call, row)


def _day(tape: Tape, symbol: str, window: _Window) -> Day:
    bar = tape.window(symbol, window.open_ms, window.close_ms + 1)
    last = tape.trade(symbol, bar.last_id)
    return Day(bar, tape.last_before(symbol, window.open_ms), last.lots if last else 0)


@of_the_tape
def rolling_ticker(call: PublicCall) -> Json | list[Json]:
    """The last `windowSize`; it begins on a whole minute, so it is up to a minute longer than asked for."""
    _bounded_choice(call)
    size = window_ms(call.parameters.text("windowSize") or "1d")
    if size is None:
        raise invalid("windowSize")
    begin = (call.now_ms - size) // MINUTE_MS * MINUTE_MS
    return _statistics(call, _Window(begin, call.now_ms))


@of_the_tape
def trading_day(call: PublicCall) -> Json | list[Json]:
    """The running day of a time zone."""
    _bounded_choice(call)
    grid = Grid("1d", time_zone(call))
    day = grid.number(call.now_ms)
    return _statistics(call, _Window(grid.opens(day), grid.opens(day + 1) - 1))


def _statistics(call: PublicCall, window: _Window) -> Json | list[Json]:
    full = _is_full(call)
    tape = call.tape

    def row(symbol: str) -> Json:
        spec, bar = call.market.symbols[symbol], tape.window(symbol, window.open_ms, window.close_ms + 1)
        if not full:
            return _mini(spec, bar, window)
        return {
            "symbol": symbol,
            **_change(spec, bar),
            **_prices(spec, bar),
            "lastPrice": eight(bar.close * spec.tick),
            **_volumes(spec, bar, window),
        }

    return _answer(call, row)


def _answer(call: PublicCall, row: Callable[[str], Json]) -> Json | list[Json]:
    symbols, single = call.chosen_symbols()
    rows = [row(symbol) for symbol in call.with_status(symbols, single)]
    return rows[0] if single else rows


def _is_full(call: PublicCall) -> bool:
    return call.parameters.choice("type", ("FULL", "MINI"), "FULL") == "FULL"


def _bounded_choice(call: PublicCall) -> None:
    """Statistics are never of all symbols: some must be named, and not too many."""
    parameters = call.parameters
    if "symbol" not in parameters and "symbols" not in parameters:
        raise neither("symbol", "symbols")
    if "symbols" in parameters and len(symbol_list(parameters)) > MOST_SYMBOLS:
        raise ApiRefusal(-1101, f"Too many values sent for parameter 'symbols', maximum allowed up to {MOST_SYMBOLS}.")


# --- Parts of a row --------------------------------------------------------------------------------------


def _best(call: PublicCall, symbol: str) -> Json:
    quote = call.market.quote(symbol, call.now_ms)
    return {
        "bidPrice": eight(quote.bid),
        "bidQty": eight(quote.bid_quantity),
        "askPrice": eight(quote.ask),
        "askQty": eight(quote.ask_quantity),
    }


def _change(spec: SymbolSpec, bar: Bar) -> Json:
    change = bar.close - bar.open
    with wide():
        percent = (Decimal(100 * change) / bar.open if bar.open else Decimal(0)).quantize(_THREE_PLACES)
    weighted = average_of(bar.quote, bar.lots, spec.tick) if bar.lots else Decimal(0)
    return {
        "priceChange": eight(change * spec.tick),
        "priceChangePercent": f"{percent:f}",
        "weightedAvgPrice": eight(weighted),
    }


def _prices(spec: SymbolSpec, bar: Bar) -> Json:
    return {
        "openPrice": eight(bar.open * spec.tick),
        "highPrice": eight(bar.high * spec.tick),
        "lowPrice": eight(bar.low * spec.tick),
    }


def _volumes(spec: SymbolSpec, bar: Bar, window: _Window) -> Json:
    return {
        "volume": eight(bar.lots * spec.step),
        "quoteVolume": quote_amount(spec, bar.quote),
        "openTime": window.open_ms,
        "closeTime": window.close_ms,
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.trades,
    }


def _mini(spec: SymbolSpec, bar: Bar, window: _Window) -> Json:
    last = {"lastPrice": eight(bar.close * spec.tick)}
    return {"symbol": spec.symbol, **_prices(spec, bar), **last, **_volumes(spec, bar, window)}


# --- Weights ---------------------------------------------------------------------------------------------


def _named(parameters: Parameters) -> int | None:
    """How many symbols are named; None: all are meant."""
    if "symbol" in parameters:
        return 1
    return len(symbol_list(parameters)) if "symbols" in parameters else None


def price_weight(parameters: Parameters) -> int:
    return 2 if "symbol" in parameters else 4


def day_weight(parameters: Parameters) -> int:
    count = _named(parameters)
    return 80 if count is None or count > 100 else 40 if count > 20 else 2


def window_weight(parameters: Parameters) -> int:
    return min(4 * (_named(parameters) or 1), 200)


_LISTS = ("symbol", "symbols", "symbolStatus")

ROUTES: Routes = {
    ("GET", "/api/v3/ticker/price"): Route(ticker_price, price_weight, optional=_LISTS),
    ("GET", "/api/v3/ticker/bookTicker"): Route(book_ticker, price_weight, optional=_LISTS),
    ("GET", "/api/v3/avgPrice"): Route(average_price, 2, ("symbol",)),
    ("GET", "/api/v3/ticker/24hr"): Route(day_ticker, day_weight, optional=(*_LISTS, "type")),
    ("GET", "/api/v3/ticker"): Route(rolling_ticker, window_weight, optional=(*_LISTS, "windowSize", "type")),
    ("GET", "/api/v3/ticker/tradingDay"): Route(trading_day, window_weight, optional=(*_LISTS, "timeZone", "type")),
}
