"""docs/paper-exchange.md's account of what is covered, written from the routes, the refusals that are tested, and the
weights of the protocol; what is not simulated is said beside each route.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings

from exchanges.paper.rest import ROUTES
from exchanges.paper.routing import Route
from exchanges.paper.tests.cases import CASES
from exchanges.paper.wire import Parameters

PAGE = Path(settings.BASE_DIR) / "docs" / "paper-exchange.md"
BEGIN, END = "<!-- begin: generated -->", "<!-- end: generated -->"
Key = tuple[str, str]


def key(text: str) -> Key:
    method, _, path = text.partition(" ")
    return method, path if path.startswith("/") else f"/api/v3/{path}"


WEIGHTS: Mapping[str, tuple[tuple[dict[str, str], int], ...]] = {
    "GET ping": (({}, 1),),
    "GET time": (({}, 1),),
    "GET exchangeInfo": (({}, 20),),
    "GET depth": (({}, 5), ({"limit": "500"}, 25), ({"limit": "1000"}, 50), ({"limit": "5000"}, 250)),
    "GET trades": (({}, 25),),
    "GET historicalTrades": (({}, 25),),
    "GET aggTrades": (({}, 4),),
    "GET klines": (({}, 2),),
    "GET uiKlines": (({}, 2),),
    "GET avgPrice": (({}, 2),),
    "GET ticker/24hr": (({"symbol": "BTCUSDT"}, 2), ({"symbols": '["A0"' + ',"A"' * 20 + "]"}, 40), ({}, 80)),
    "GET ticker/price": (({"symbol": "BTCUSDT"}, 2), ({}, 4)),
    "GET ticker/bookTicker": (({"symbol": "BTCUSDT"}, 2), ({}, 4)),
    "GET ticker": (({"symbol": "BTCUSDT"}, 4), ({"symbols": '["A0"' + ',"A"' * 99 + "]"}, 200)),
    "GET ticker/tradingDay": (({"symbol": "BTCUSDT"}, 4), ({"symbols": '["A0"' + ',"A"' * 99 + "]"}, 200)),
    "POST order": (({}, 1),),
    "POST order/test": (({}, 1), ({"computeCommissionRates": "true"}, 20)),
    "POST order/cancelReplace": (({}, 1),),
    "PUT order/amend/keepPriority": (({}, 4),),
    "GET order": (({}, 4),),
    "DELETE order": (({}, 1),),
    "GET openOrders": (({"symbol": "BTCUSDT"}, 6), ({}, 80)),
    "DELETE openOrders": (({}, 1),),
    "GET allOrders": (({}, 20),),
    "GET account": (({}, 20),),
    "GET account/commission": (({}, 20),),
    "GET rateLimit/order": (({}, 40),),
    "GET myTrades": (({}, 20), ({"orderId": "1"}, 5)),
    "POST /sapi/v1/asset/dust-btc": (({}, 1),),
    "POST /sapi/v1/asset/dust": (({}, 10),),
    "GET /sapi/v1/asset/dribblet": (({}, 1),),
}
"""The weight of every route for parameters that make a difference."""

FACTS: Mapping[str, str] = {
    "GET ping": "GET ping, time",
    "GET time": "GET ping, time",
    "GET exchangeInfo": "GET exchangeInfo",
    "GET depth": "GET depth limit 1-100 / 101-500 / 501-1000 / 1001-5000",
    "GET trades": "GET trades, historicalTrades, historicalBlockTrades",
    "GET historicalTrades": "GET trades, historicalTrades, historicalBlockTrades",
    "GET aggTrades": "GET aggTrades",
    "GET klines": "GET klines, uiKlines, avgPrice",
    "GET uiKlines": "GET klines, uiKlines, avgPrice",
    "GET avgPrice": "GET klines, uiKlines, avgPrice",
    "GET ticker/24hr": "GET ticker/24hr: 1 symbol or symbols 1-20 / 21-100 / 101+ or none",
    "GET ticker/price": "GET ticker/price, ticker/bookTicker: one symbol / symbols or none",
    "GET ticker/bookTicker": "GET ticker/price, ticker/bookTicker: one symbol / symbols or none",
    "GET ticker": "GET ticker, ticker/tradingDay",
    "GET ticker/tradingDay": "GET ticker, ticker/tradingDay",
    "POST order": "POST order; DELETE order; DELETE openOrders",
    "DELETE order": "POST order; DELETE order; DELETE openOrders",
    "DELETE openOrders": "POST order; DELETE order; DELETE openOrders",
    "POST order/cancelReplace": "POST order; DELETE order; DELETE openOrders; POST order/cancelReplace",
    "PUT order/amend/keepPriority": "PUT order/amend/keepPriority",
    "POST order/test": "POST order/test, sor/order/test: plain / computeCommissionRates=true",
    "GET order": "GET order, orderList, order/amendments",
    "GET openOrders": "GET openOrders: with symbol / without",
    "GET allOrders": "GET allOrders, allOrderList, account, account/commission, myAllocations",
    "GET account": "GET allOrders, allOrderList, account, account/commission, myAllocations",
    "GET account/commission": "GET allOrders, allOrderList, account, account/commission, myAllocations",
    "GET rateLimit/order": "GET rateLimit/order, myFilters",
    "GET myTrades": "GET myTrades: without / with orderId",
}
"""How the protocol's table of weights begins the row of a route."""

CONDITIONAL = "stop, trailing, pegged and list orders; STP modes NONE, DECREMENT, TRANSFER; other accounts' orders"
NOT_SIMULATED: Mapping[str, str] = {
    "GET exchangeInfo": "`sors`, `executionRules`; every symbol is SPOT",
    "GET depth": "more than the levels of the made-up book; orders of accounts in it",
    "GET trades": "fills of accounts are part of the volume, not rows of their own",
    "GET aggTrades": "every trade is an aggregate of one",
    "POST order": CONDITIONAL,
    "POST order/test": CONDITIONAL,
    "POST order/cancelReplace": CONDITIONAL,
    "PUT order/amend/keepPriority": "the weight of 0 for an amendment that ends its order",
    "GET order": "the lag of the exchange's database right after an order (a fault plan can make one)",
    "GET myTrades": "`isBestMatch` other than true",
    "GET account": "tax and special commissions; `canTrade` other than true",
    "POST /sapi/v1/asset/dust": "a limit on how often; account types other than SPOT; other targets than BNB",
}

NEVER_GIVEN: Mapping[int, str] = {
    -1002: "keys have all rights here",
    -1004: "only a client library reports it",
    -1016: "no service is shut down",
    -1020: "what is not simulated is refused by -2010, as a symbol that does not allow it",
    -1103: "-1104 is given",
    -1108: "-1100 comes first",
    -1112: "a MARKET order without a book is refused by -2010",
    -1114: "-1106 is given",
    -1118: "-1105 is given",
    -1119: "-1105 is given",
    -2008: "-2015 is given",
    -2016: "every listed symbol has a window",
    -2035: "no streams",
    -2036: "no streams",
    -2042: "no streams",
    -2043: "no referencePrice",
}
"""Codes of the protocol's table of errors that no route here gives, and why."""

BY_FAULT: Mapping[int, str] = {
    -1000: "`error_before`, `error_after`; also when the store itself fails",
    -1001: "`error_before`, `error_after`",
    -1006: "`error_before`, `error_after`",
    -1007: "`error_before`, `error_after`",
    -1008: "`error_before`",
}
"""Codes that only a fault plan brings about; exchanges/paper/tests/test_faults.py."""


def named(route: Key) -> str:
    return f"{route[0]} {route[1].removeprefix('/api/v3/')}"


def page_with(generated: str, page: str) -> str:
    """The page with the generated part put in its place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{generated}{END}{after}"


def generated() -> str:
    return "\n".join([*_routes(), "", *_refusals(), "", *_the_rest(), ""])


def _routes() -> Iterator[str]:
    yield "| route | parameters (**mandatory**) | weight | refusals tested | not simulated |"
    yield "|---|---|---|---|---|"
    for route, definition in sorted(ROUTES.items(), key=lambda item: (item[0][1], item[0][0])):
        name = named(route)
        codes = sorted({case.code for case in CASES if case.route == route}, reverse=True)
        cells = (
            f"`{name}`",
            _parameters(definition),
            _weight(name, definition),
            ", ".join(map(str, codes)) or "those of every route",
            NOT_SIMULATED.get(name, ""),
        )
        yield f"| {' | '.join(cells)} |"


def _parameters(route: Route) -> str:
    optional = [*route.optional, *(("recvWindow",) if route.signed else ())]
    mandatory = [*route.mandatory, *(("timestamp", "signature") if route.signed else ())]
    return ", ".join([*(f"**{name}**" for name in mandatory), *optional]) or "none"


def _weight(name: str, route: Route) -> str:
    weights = " / ".join(str(route.cost(Parameters(parameters))) for parameters, _ in WEIGHTS[name])
    return f"{weights}; 0 when it succeeds" if route.free else weights


def _refusals() -> Iterator[str]:
    yield "| code | HTTP | text | tested on |"
    yield "|---|---|---|---|"
    found: dict[tuple[int, int, str], set[str]] = {}
    for case in CASES:
        found.setdefault((case.code, case.status, case.text), set()).add(named(case.route))
    for (code, status, text), routes in sorted(found.items(), key=lambda item: (-item[0][0], item[0][1:])):
        shown = text.replace("|", "\\|").replace("*", "\\*")
        yield f"| {code} | {status} | {shown} | {', '.join(sorted(routes))} |"


def _the_rest() -> Iterator[str]:
    yield "| code | given by a fault plan only |"
    yield "|---|---|"
    for code, faults in BY_FAULT.items():
        yield f"| {code} | {faults} |"
    yield ""
    yield "| code | never given, because |"
    yield "|---|---|"
    for code, reason in NEVER_GIVEN.items():
        yield f"| {code} | {reason} |"
