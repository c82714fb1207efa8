"""Routes that need no key: time, rules, prices. Every view is derived from the one path of the market."""

import json
from dataclasses import dataclass

from exchanges.paper.exchange_info import eight, exchange_info, symbol_info
from exchanges.paper.market import ControlledMarket
from exchanges.paper.routing import Route, Routes
from exchanges.paper.wire import INTEGER, SYMBOL_LIST, ApiRefusal, Json, Parameters, illegal

INVALID_SYMBOL = "Invalid symbol."
SYMBOL_STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")


@dataclass(frozen=True, slots=True)
class PublicCall:
    """One request for public data, at one moment."""

    market: ControlledMarket
    parameters: Parameters
    now_ms: int

    def one_symbol(self) -> str:
        """The mandatory `symbol`; -1121 when it is not listed."""
        self.parameters.required("symbol")
        symbol = self.parameters.symbol()
        if symbol is None or symbol not in self.market.listed(self.now_ms):
            raise ApiRefusal(-1121, INVALID_SYMBOL)
        return symbol

    def chosen_symbols(self) -> tuple[list[str], bool]:
        """The symbols of `symbol`, `symbols`, or all; and whether it was the single one."""
        parameters = self.parameters
        if "symbol" in parameters and "symbols" in parameters:
            raise ApiRefusal(-1128, "Combination of optional parameters invalid.")
        if "symbol" in parameters:
            return [self.one_symbol()], True
        listed = self.market.listed(self.now_ms)
        if "symbols" not in parameters:
            return listed, False
        names = _symbol_list(parameters)
        if any(name not in listed for name in names):
            raise ApiRefusal(-1121, INVALID_SYMBOL)
        if len(set(names)) != len(names):
            raise ApiRefusal(-1151, "Symbol is present multiple times in the list.")
        return names, False

    def with_status(self, symbols: list[str], single: bool) -> list[str]:
        """Those with the `symbolStatus` asked for; -1220 when the one symbol has another."""
        if "symbolStatus" not in self.parameters:
            return symbols
        wanted = self.parameters.text("symbolStatus")
        if wanted not in SYMBOL_STATUSES:
            raise ApiRefusal(-1122, "Invalid symbolStatus.")
        kept = [symbol for symbol in symbols if self.market.status(symbol, self.now_ms) == wanted]
        if single and not kept:
            raise ApiRefusal(-1220, "The symbol's status does not match the requested symbolStatus.")
        return kept


def _symbol_list(parameters: Parameters) -> list[str]:
    text = parameters.required("symbols")
    if text.isascii():
        parameters.text("symbols", SYMBOL_LIST)
    try:
        names = json.loads(text)
    except ValueError:
        raise illegal("symbols", SYMBOL_LIST) from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise illegal("symbols", SYMBOL_LIST)
    return names


def ping(call: PublicCall) -> Json:
    return {}


def server_time(call: PublicCall) -> Json:
    return {"serverTime": call.now_ms}


def get_exchange_info(call: PublicCall) -> Json:
    parameters = call.parameters
    explicit = "symbol" in parameters or "symbols" in parameters
    if explicit and ("symbolStatus" in parameters or "permissions" in parameters):
        raise ApiRefusal(-1128, "Combination of optional parameters invalid.")
    symbols, _ = call.chosen_symbols()
    symbols = call.with_status(symbols, single=False)
    if "permissions" in parameters:
        wanted = parameters.text("permissions") or ""
        names = wanted.strip("[]").replace('"', "").split(",")
        symbols = symbols if "SPOT" in names else []
    shown = parameters.flag("showPermissionSets", default=True)
    entries = [
        symbol_info(call.market.symbols[symbol], call.market.status(symbol, call.now_ms), show_permission_sets=shown)
        for symbol in symbols
    ]
    return exchange_info(entries, call.now_ms)


def ticker_price(call: PublicCall) -> Json | list[Json]:
    symbols, single = call.chosen_symbols()
    rows: list[Json] = [
        {"symbol": symbol, "price": eight(call.market.quote(symbol, call.now_ms).last)}
        for symbol in call.with_status(symbols, single)
    ]
    return rows[0] if single else rows


def book_ticker(call: PublicCall) -> Json | list[Json]:
    symbols, single = call.chosen_symbols()
    rows: list[Json] = []
    for symbol in call.with_status(symbols, single):
        quote = call.market.quote(symbol, call.now_ms)
        rows.append(
            {
                "symbol": symbol,
                "bidPrice": eight(quote.bid),
                "bidQty": eight(quote.bid_quantity),
                "askPrice": eight(quote.ask),
                "askQty": eight(quote.ask_quantity),
            }
        )
    return rows[0] if single else rows


def average_price(call: PublicCall) -> Json:
    symbol = call.one_symbol()
    price = call.market.average(symbol, call.now_ms)
    return {
        "mins": call.market.symbols[symbol].average_minutes,
        "price": eight(price),
        "closeTime": call.now_ms,
    }


def depth(call: PublicCall) -> Json:
    symbol = call.one_symbol()
    limit = call.parameters.integer("limit", low=1) or 100
    book = call.market.depth(symbol, call.now_ms)
    return {
        "lastUpdateId": book.step,
        "bids": [[eight(price), eight(quantity)] for price, quantity in book.bids[:limit]],
        "asks": [[eight(price), eight(quantity)] for price, quantity in book.asks[:limit]],
    }


def depth_weight(parameters: Parameters) -> int:
    text = parameters.text("limit", INTEGER)
    limit = 100 if text is None else int(text)
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


def ticker_weight(parameters: Parameters) -> int:
    return 2 if "symbol" in parameters else 4


_LISTS = ("symbol", "symbols", "symbolStatus")

ROUTES: Routes = {
    ("GET", "/api/v3/ping"): Route(ping, 1),
    ("GET", "/api/v3/time"): Route(server_time, 1),
    ("GET", "/api/v3/exchangeInfo"): Route(
        get_exchange_info, 20, optional=(*_LISTS, "permissions", "showPermissionSets")
    ),
    ("GET", "/api/v3/ticker/price"): Route(ticker_price, ticker_weight, optional=_LISTS),
    ("GET", "/api/v3/ticker/bookTicker"): Route(book_ticker, ticker_weight, optional=_LISTS),
    ("GET", "/api/v3/avgPrice"): Route(average_price, 2, ("symbol",)),
    ("GET", "/api/v3/depth"): Route(depth, depth_weight, ("symbol",), ("limit",)),
}
