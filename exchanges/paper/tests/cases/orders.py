"""Orders that are wrong by themselves, and orders that are refused for what has happened before them."""

from collections.abc import Iterator
from typing import Any

import requests

from exchanges.paper import services
from exchanges.paper.tests.cases.base import (
    CLIENT_ID,
    CLOSED,
    ID,
    ILLEGAL,
    INVALID_SYMBOL,
    LIMIT,
    MARKET,
    NUMBER,
    POOR,
    SYMBOL,
    Act,
    Case,
    D,
    after_a_hundred_orders,
    at_the_middle_of_ten_seconds,
    fails,
    invalid,
    missing,
    neither,
    order_with,
    sending,
    unread,
    with_control,
    with_open_order,
)
from exchanges.paper.tests.support import Client

WRONG_ORDERS: list[tuple[dict[str, Any], int, str]] = [
    *(({name: None}, -1102, missing(name)) for name in LIMIT),
    *(({name: ""}, -1102, missing(name)) for name in ("symbol", "side", "type")),
    ({"price": ""}, -1105, "Parameter 'price' was empty."),
    ({"newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
    ({"side": "HOLD"}, -1117, "Invalid side."),
    ({"type": "LIMITED"}, -1116, "Invalid orderType."),
    ({"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
    ({"symbol": "BTCUSD"}, -1121, INVALID_SYMBOL),
    ({"symbol": "这是测试币456"}, -1121, INVALID_SYMBOL),
    ({"symbol": "btcusdt"}, -1100, ILLEGAL + "symbol" + SYMBOL),
    *(
        ({"quantity": text}, -1100, ILLEGAL + "quantity" + NUMBER)
        for text in ("1E-5", "-1", "+1", "0,01", ".5", "NaN", "1e400", "9" * 21, "٣")
    ),
    ({"price": "1."}, -1100, ILLEGAL + "price" + NUMBER),
    ({"strategyId": "x"}, -1100, ILLEGAL + "strategyId" + ID),
    ({"quantity": "0.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
    ({"price": "50000.000000001"}, -1111, "Parameter 'price' has too much precision."),
    *(({"newClientOrderId": text}, -1100, ILLEGAL + "newClientOrderId" + CLIENT_ID) for text in ("with.dot", "x" * 37)),
    ({"strategyType": "999999"}, -1134, "strategyType was less than 1000000."),
    ({"newOrderRespType": "LONG"}, -1130, invalid("newOrderRespType")),
    ({"selfTradePreventionMode": "MAYBE"}, -1130, invalid("selfTradePreventionMode")),
    ({"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
    ({"quoteOrderQty": "1"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
    ({"type": "MARKET", "timeInForce": None, "price": "1"}, -1106, "Parameter 'price' sent when not required."),
    (
        {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None},
        -1102,
        neither("quantity", "quoteOrderQty"),
    ),
    (
        {"type": "STOP_LOSS", "timeInForce": None, "price": None},
        -1102,
        neither("stopPrice", "trailingDelta"),
    ),
    (
        {"selfTradePreventionMode": "DECREMENT"},
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
    ),
    (
        {"type": "MARKET", "timeInForce": None, "price": None, "quoteOrderQty": "10"},
        -1106,
        "Parameter 'quoteOrderQty' sent when not required.",
    ),
    ({"icebergQty": "0.001", "timeInForce": "IOC"}, -1014, "Unsupported order combination."),
    ({"quantity": "0"}, -1013, "Invalid quantity."),
    ({"price": "0.00"}, -1013, "Invalid price."),
    ({"price": "50000.001"}, -1013, fails("PRICE_FILTER")),
    ({"price": "99999999999999999999"}, -1013, fails("PRICE_FILTER")),
    ({"quantity": "0.000001"}, -1013, fails("LOT_SIZE")),
    ({"quantity": "99999999999999999999"}, -1013, fails("LOT_SIZE")),
    ({"icebergQty": "0.000001"}, -1013, fails("LOT_SIZE")),
    ({"icebergQty": "0.00009"}, -1013, fails("ICEBERG_PARTS")),
    ({"price": "0.01", "quantity": "1"}, -1013, fails("PERCENT_PRICE_BY_SIDE")),
    ({"quantity": "0.00001"}, -1013, fails("NOTIONAL")),
    (
        {"type": "MARKET", "timeInForce": None, "price": None, "quantity": "100"},
        -1013,
        fails("MARKET_LOT_SIZE"),
    ),
    (
        {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None, "quoteOrderQty": "4.99"},
        -1013,
        fails("NOTIONAL"),
    ),
    (
        {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None, "quoteOrderQty": "0"},
        -1013,
        "Invalid quote order quantity.",
    ),
    ({"icebergQty": "0.02"}, -2010, "IcebergQty exceeds QTY."),
    *(
        (
            {"type": kind, "stopPrice": "40000", **more},
            -2010,
            f"{kind.replace('_', ' ').capitalize()} orders are not supported for this symbol.",
        )
        for kind, more in (
            ("STOP_LOSS", {"timeInForce": None, "price": None}),
            ("TAKE_PROFIT", {"timeInForce": None, "price": None}),
            ("STOP_LOSS_LIMIT", {}),
            ("TAKE_PROFIT_LIMIT", {}),
        )
    ),
    (
        {"type": "STOP_LOSS", "timeInForce": None, "price": None, "trailingDelta": "100"},
        -2010,
        "Trailing stop orders are not supported for this symbol.",
    ),
    ({"pegPriceType": "PRIMARY_PEG"}, -2010, "Pegged orders are not supported for this symbol."),
]
# Only the matching engine sees these: POST order/test does not.
WRONG_IN_THE_ENGINE: list[tuple[dict[str, Any], int, str]] = [
    ({"quantity": "1"}, -2010, POOR),
    ({"side": "SELL"}, -2010, POOR),
    ({"type": "MARKET", "timeInForce": None, "price": None, "quantity": "1"}, -2010, POOR),
    (
        {"type": "LIMIT_MAKER", "timeInForce": None, "price": "200000", "quantity": "0.001"},
        -2010,
        "Order would immediately match and take.",
    ),
]


def orders() -> Iterator[Case]:
    for changes, code, text in WRONG_ORDERS:
        for path in ("order", "order/test"):
            yield Case("POST", path, code, text, sending("POST", path, order_with(changes)))
    for changes, code, text in WRONG_IN_THE_ENGINE:
        yield Case("POST", "order", code, text, sending("POST", "order", order_with(changes)))
    for path, sent in (("order", 9), ("order/test", 9)):
        extra = sending("POST", path, {**LIMIT, "colour": "red"})
        yield Case("POST", path, -1104, unread(8, sent), extra)


def again(client: Client, placed: dict[str, Any]) -> requests.Response:
    return client.order("BUY", "0.001", placed["price"], newClientOrderId="waiting")


def with_exchange_filters(act: Act, filters: dict[str, dict[str, str]]) -> Act:
    def acting(client: Client) -> requests.Response:
        services.symbol_control("*", filters=filters)
        return act(client)

    return acting


def order_happenings() -> Iterator[Case]:
    place = sending("POST", "order", order_with({"price": "40000"}))
    yield Case("POST", "order", -2010, CLOSED, with_control(place, status="HALT"))
    yield Case("POST", "order", -2010, CLOSED, with_control(place, status="CANCEL_ONLY"))
    yield Case("POST", "order", -2010, CLOSED, with_control(place, status="BREAK"))
    yield Case("POST", "order", -1121, INVALID_SYMBOL, with_control(place, status="DELISTED"))
    yield Case("POST", "order", -2010, "Duplicate order sent.", with_open_order(again))
    for name, filters in (
        ("MAX_NUM_ORDERS", {"MAX_NUM_ORDERS": {"maxNumOrders": "1"}}),
        ("MAX_POSITION", {"MAX_POSITION": {"maxPosition": "0.0015"}}),
    ):
        second = with_open_order(lambda client, placed: client.order("BUY", "0.001", placed["price"]))
        yield Case("POST", "order", -2010, fails(name), with_control(second, filters=filters))
    whole = with_exchange_filters(second, {"EXCHANGE_MAX_NUM_ORDERS": {"maxNumOrders": "1"}})
    yield Case("POST", "order", -2010, fails("EXCHANGE_MAX_NUM_ORDERS"), whole)
    iceberg = with_open_order(
        lambda client, placed: client.order("BUY", "0.001", placed["price"], icebergQty="0.0005"), icebergQty="0.0005"
    )
    whole = with_exchange_filters(iceberg, {"EXCHANGE_MAX_NUM_ICEBERG_ORDERS": {"maxNumIcebergOrders": "1"}})
    yield Case("POST", "order", -2010, fails("EXCHANGE_MAX_NUM_ICEBERG_ORDERS"), whole)
    only_one = {"MAX_NUM_ICEBERG_ORDERS": {"maxNumIcebergOrders": "1"}}
    yield Case("POST", "order", -2010, fails("MAX_NUM_ICEBERG_ORDERS"), with_control(iceberg, filters=only_one))
    nothing_sold = sending("POST", "order", {**MARKET, "quantity": "0.001"})
    text = "Order book liquidity is less than symbol minimum quantity."
    yield Case("POST", "order", -2010, text, with_control(nothing_sold, price=D(0)))
    text = "Too many new orders; current limit is 100 orders per 10 SECOND."
    place = at_the_middle_of_ten_seconds(after_a_hundred_orders(place))
    yield Case("POST", "order", -1015, text, place, status=429)
