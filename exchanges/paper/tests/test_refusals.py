"""Every refusal with its HTTP status, its code and its text."""

from typing import Any

import pytest

from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)

NUMBER = r"'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
NEITHER = "Param 'orderId' or 'origClientOrderId' must be sent, but both were empty/null!"
LIMIT = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000",
}  # fmt: skip


@pytest.fixture
def client() -> Client:
    return client_with(USDT="10000")


ORDERS: list[tuple[dict[str, Any], int, str]] = [
    *(({name: None}, -1102, MISSING.format(name)) for name in LIMIT),
    *(({name: ""}, -1102, MISSING.format(name)) for name in ("symbol", "side", "type")),
    ({"price": ""}, -1105, "Parameter 'price' was empty."),
    ({"side": "HOLD"}, -1117, "Invalid side."),
    ({"type": "LIMITED"}, -1116, "Invalid orderType."),
    ({"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
    ({"symbol": "BTCUSD"}, -1121, "Invalid symbol."),
    ({"symbol": "这是测试币456"}, -1121, "Invalid symbol."),
    (
        {"symbol": "btcusdt"},
        -1100,
        "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.",
    ),
    *(
        ({"quantity": text}, -1100, "Illegal characters found in parameter 'quantity" + NUMBER)
        for text in ("1E-5", "-1", "+1", "0,01", ".5", "NaN", "1e400", "9" * 21, "٣")
    ),
    ({"price": "1."}, -1100, "Illegal characters found in parameter 'price" + NUMBER),
    ({"quantity": "0.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
    ({"price": "50000.000000001"}, -1111, "Parameter 'price' has too much precision."),
    (
        {"newClientOrderId": "with.dot"},
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
    ),
    (
        {"newClientOrderId": "x" * 37},
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
    ),
    ({"newOrderRespType": "LONG"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
    ({"selfTradePreventionMode": "MAYBE"}, -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."),
    ({"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
    ({"quoteOrderQty": "1"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    (
        {"type": "LIMIT_MAKER"},
        -1106,
        "Parameter 'timeInForce' sent when not required.",
    ),
    ({"colour": "red"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
    ({"quantity": "0"}, -1013, "Invalid quantity."),
    ({"price": "0.00"}, -1013, "Invalid price."),
    ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": "99999999999999999999"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "99999999999999999999"}, -1013, "Filter failure: LOT_SIZE"),
    ({"price": "0.01", "quantity": "1"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
    ({"quantity": "1"}, -2010, "Account has insufficient balance for requested action."),
    ({"side": "SELL"}, -2010, "Account has insufficient balance for requested action."),
    ({"timeInForce": "IOC"}, -1020, "This operation is not supported."),
    ({"icebergQty": "0.001"}, -1020, "This operation is not supported."),
    ({"type": "MARKET", "price": None, "timeInForce": None}, -1020, "This operation is not supported."),
]


@pytest.mark.parametrize(("changes", "code", "text"), ORDERS, ids=lambda value: str(value)[:60])
def test_an_order_is_refused(client: Client, changes: dict[str, Any], code: int, text: str) -> None:
    wanted = {name: value for name, value in {**LIMIT, **changes}.items() if value is not None}
    assert refused(client.send("POST", "/api/v3/order", **wanted)) == (400, code, text)
    assert client.balances() == {"USDT": ("10000.00000000", "0.00000000")}


QUERIES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "order", {}, -1102, MISSING.format("symbol")),
    ("GET", "order", {"symbol": "BTCUSDT"}, -1102, NEITHER),
    ("DELETE", "order", {"symbol": "BTCUSDT"}, -1102, NEITHER),
    ("GET", "order", {"symbol": "BTCUSDT", "orderId": 5}, -2013, "Order does not exist."),
    ("GET", "order", {"symbol": "BTCUSDT", "orderId": "9" * 20}, -2013, "Order does not exist."),
    ("GET", "order", {"symbol": "BTCUSDT", "origClientOrderId": "x"}, -2013, "Order does not exist."),
    (
        "GET",
        "order",
        {"symbol": "BTCUSDT", "orderId": "-5"},
        -1100,
        "Illegal characters found in parameter 'orderId'; legal range is '^[0-9]{1,20}$'.",
    ),
    ("DELETE", "order", {"symbol": "BTCUSDT", "orderId": 5}, -2011, "Unknown order sent."),
    ("DELETE", "openOrders", {}, -1102, MISSING.format("symbol")),
    ("DELETE", "openOrders", {"symbol": "BTCUSDT"}, -2011, "Unknown order sent."),
    ("GET", "openOrders", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ("GET", "myTrades", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ("GET", "myTrades", {"symbol": "BTCUSDT", "limit": 1001}, -1130, "Data sent for parameter 'limit' is not valid."),
    ("GET", "myTrades", {"symbol": "BTCUSDT", "limit": 0}, -1130, "Data sent for parameter 'limit' is not valid."),
    (
        "GET",
        "myTrades",
        {"symbol": "BTCUSDT", "fromId": 1, "startTime": 1},
        -1128,
        "Combination of optional parameters invalid.",
    ),
    (
        "GET",
        "myTrades",
        {"symbol": "BTCUSDT", "startTime": 1_700_000_000_000, "endTime": 1_700_086_400_001},
        -1127,
        "More than 24 hours between startTime and endTime.",
    ),
    (
        "GET",
        "account",
        {"omitZeroBalances": "maybe"},
        -1130,
        "Data sent for parameter 'omitZeroBalances' is not valid.",
    ),
]


@pytest.mark.parametrize(("method", "path", "parameters", "code", "text"), QUERIES)
def test_a_query_is_refused(
    client: Client, method: str, path: str, parameters: dict[str, Any], code: int, text: str
) -> None:
    assert refused(client.send(method, f"/api/v3/{path}", **parameters)) == (400, code, text)


PUBLIC: list[tuple[str, dict[str, str], int, str]] = [
    ("exchangeInfo", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ("exchangeInfo", {"symbols": '["BTCUSDT","NOPE"]'}, -1121, "Invalid symbol."),
    ("ticker/price", {"symbol": "BTCUSDT", "symbols": "[]"}, -1128, "Combination of optional parameters invalid."),
    (
        "ticker/bookTicker",
        {"symbols": "BTCUSDT"},
        -1100,
        "Illegal characters found in parameter 'symbols'; legal range is "
        '\'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\'.',
    ),
    ("ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151, "Symbol is present multiple times in the list."),
    ("ticker/price", {"symbolStatus": "OPEN"}, -1122, "Invalid symbolStatus."),
    (
        "ticker/price",
        {"symbol": "BTCUSDT", "symbolStatus": "HALT"},
        -1220,
        "The symbol's status does not match the requested symbolStatus.",
    ),
    ("avgPrice", {}, -1102, MISSING.format("symbol")),
    ("ping", {"x": "1"}, -1104, "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."),
]


@pytest.mark.parametrize(("path", "parameters", "code", "text"), PUBLIC)
def test_a_public_query_is_refused(client: Client, path: str, parameters: dict[str, str], code: int, text: str) -> None:
    assert refused(client.public(f"/api/v3/{path}", **parameters)) == (400, code, text)


def test_unsigned_requests_to_signed_routes_are_refused(client: Client) -> None:
    assert refused(client.raw("GET", "/api/v3/account")) == (400, -1102, MISSING.format("timestamp"))
    unsigned = client.raw("GET", "/api/v3/account", "timestamp=1700000000000")
    assert refused(unsigned) == (400, -1102, MISSING.format("signature"))
    assert refused(client.public("/api/v3/account")) == (401, -2014, "API-key format invalid.")


def test_a_parameter_sent_twice_is_refused(client: Client) -> None:
    answer = client.raw("GET", "/api/v3/ticker/price", "symbol=BTCUSDT&symbol=ETHUSDT")
    assert refused(answer) == (400, -1101, "Duplicate values for a parameter detected.")


def test_a_client_id_that_is_not_of_this_order_is_refused(client: Client) -> None:
    placed = client.order("BUY", "0.001", "50000", newClientOrderId="right").json()
    pair = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "origClientOrderId": "wrong"}
    text = "Client order ID is not correct for this order ID"
    assert refused(client.send("GET", "/api/v3/order", **pair)) == (400, -2039, text)
    assert refused(client.send("DELETE", "/api/v3/order", **pair)) == (400, -2011, "Unknown order sent.")


def test_a_wrong_cancel_restriction_is_refused(client: Client) -> None:
    placed = client.order("BUY", "0.001", "50000").json()
    answer = client.send(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"], cancelRestrictions="ONLY_OLD"
    )
    assert refused(answer) == (400, -1145, "Invalid cancelRestrictions")


@pytest.mark.parametrize("path", ["/api/v1/ping", "/api/v3/nothing", "/", "/sapi/v1/account/apiRestrictions"])
def test_an_unknown_path_is_not_found(client: Client, path: str) -> None:
    assert client.public(path).status_code == 404
    page = client.session.get(f"https://paper.botbalance.invalid{path}", headers={"Accept": "text/html"}, timeout=5)
    assert page.headers["Content-Type"] == "text/html"
