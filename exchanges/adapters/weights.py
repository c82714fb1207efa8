"""What each request costs of the exchange's REQUEST_WEIGHT. Data and lookups; pure.

Source: Binance Spot REST documentation as of 2026-07. Since 2026-04-02 an order, a cancel or a cancel-replace costs
nothing when it succeeds; its weight is charged only when it fails.
"""

from collections.abc import Mapping

FREE_WHEN_IT_SUCCEEDS = frozenset(
    {
        "POST /api/v3/order",
        "DELETE /api/v3/order",
        "DELETE /api/v3/openOrders",
        "POST /api/v3/order/cancelReplace",
    }
)

FIXED = {
    "GET /api/v3/ping": 1,
    "GET /api/v3/time": 1,
    "GET /api/v3/exchangeInfo": 20,
    "GET /api/v3/klines": 2,
    "GET /api/v3/order": 4,
    "GET /api/v3/account": 20,
    "GET /api/v3/account/commission": 20,
    "GET /sapi/v1/account/apiRestrictions": 1,
    "POST /sapi/v1/asset/dust-btc": 1,
    "POST /sapi/v1/asset/dust": 10,  # of a budget of its own per account; counted with the rest, which is more careful
    "GET /sapi/v1/asset/dribblet": 1,
    **dict.fromkeys(FREE_WHEN_IT_SUCCEEDS, 1),
}

# What places an order, and so counts for the account's ORDERS.
PLACES_AN_ORDER = frozenset({"POST /api/v3/order", "POST /api/v3/order/cancelReplace"})

# What every user needs alike: asked for on behalf of the server, whoever was the one to find it missing.
SERVES_EVERYBODY = frozenset(
    {
        "GET /api/v3/time",
        "GET /api/v3/exchangeInfo",
        "GET /api/v3/ticker/price",
        "GET /api/v3/ticker/bookTicker",
    }
)

# (weight without the parameter, weight with it)
BY_PARAMETER = {
    "GET /api/v3/ticker/price": ("symbol", 4, 2),
    "GET /api/v3/ticker/bookTicker": ("symbol", 4, 2),
    "GET /api/v3/ticker/24hr": ("symbol", 80, 2),
    "GET /api/v3/openOrders": ("symbol", 80, 6),
    "GET /api/v3/myTrades": ("orderId", 20, 5),
    "POST /api/v3/order/test": ("computeCommissionRates", 1, 20),
}

# Levels of the book that are asked for, up to and including, and their weight.
DEPTH = ((100, 5), (500, 25), (1000, 50), (5000, 250))
DEFAULT_DEPTH = 100


def listed_weight(method: str, path: str, parameters: Mapping[str, str]) -> int:
    """What a request may cost; a route that is not in the tables raises KeyError."""
    route = f"{method} {path}"
    if route == "GET /api/v3/depth":
        levels = int(parameters.get("limit", DEFAULT_DEPTH))
        return next((weight for most, weight in DEPTH if levels <= most), DEPTH[-1][1])
    if route in BY_PARAMETER:
        name, without, with_it = BY_PARAMETER[route]
        return with_it if name in parameters else without
    return FIXED[route]


def charged_weight(method: str, path: str, parameters: Mapping[str, str], *, succeeded: bool) -> int:
    """What a request has cost once its answer is known."""
    if succeeded and f"{method} {path}" in FREE_WHEN_IT_SUCCEEDS:
        return 0
    return listed_weight(method, path, parameters)
