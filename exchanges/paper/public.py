"""Routes that need no key: time, rules, books, prices, trades. All views come from the market's one path."""

from django.conf import settings

from exchanges.paper import history, tickers
from exchanges.paper.exchange_info import eight, exchange_info
from exchanges.paper.listing import entry_at
from exchanges.paper.public_call import PublicCall
from exchanges.paper.routing import Route, Routes
from exchanges.paper.wire import INTEGER, ApiRefusal, Json, Parameters

__all__ = ["ROUTES", "PublicCall"]

DEFAULT_LEVELS, MOST_LEVELS = 100, 5000


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
    entries = [entry_at(call.market, symbol, call.now_ms, show_permission_sets=shown) for symbol in symbols]
    filters = call.market.exchange_filters(call.now_ms)
    return exchange_info(entries, filters, call.now_ms, settings.PAPER_WEIGHT_PER_MINUTE)


def depth(call: PublicCall) -> Json:
    symbol = call.one_symbol()
    call.with_status([symbol], single=True)
    limit = call.limit(DEFAULT_LEVELS, MOST_LEVELS)
    book = call.market.depth(symbol, call.now_ms)
    return {
        "lastUpdateId": book.step,
        "bids": [[eight(price), eight(quantity)] for price, quantity in book.bids[:limit]],
        "asks": [[eight(price), eight(quantity)] for price, quantity in book.asks[:limit]],
    }


def depth_weight(parameters: Parameters) -> int:
    text = parameters.text("limit", INTEGER)
    limit = DEFAULT_LEVELS if text is None else int(text)
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


ROUTES: Routes = {
    ("GET", "/api/v3/ping"): Route(ping, 1),
    ("GET", "/api/v3/time"): Route(server_time, 1),
    ("GET", "/api/v3/exchangeInfo"): Route(
        get_exchange_info,
        20,
        optional=("symbol", "symbols", "symbolStatus", "permissions", "showPermissionSets"),
    ),
    ("GET", "/api/v3/depth"): Route(depth, depth_weight, ("symbol",), ("limit", "symbolStatus")),
    **history.ROUTES,
    **tickers.ROUTES,
}
