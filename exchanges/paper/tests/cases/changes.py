"""Cancels, replacements and amendments that are refused."""

from collections.abc import Callable, Iterator
from typing import Any

import requests

from exchanges.paper import services
from exchanges.paper.tests.cases.base import (
    CLIENT_ID,
    ILLEGAL,
    INVALID_SYMBOL,
    LIMIT,
    NUMBER,
    UNKNOWN,
    Act,
    Case,
    after_a_hundred_orders,
    at_the_middle_of_ten_seconds,
    fails,
    invalid,
    missing,
    neither,
    sending,
    with_control,
    with_open_order,
)
from exchanges.paper.tests.support import Client


def replacing(**changes: Any) -> Callable[[Client, dict[str, Any]], requests.Response]:
    def act(client: Client, placed: dict[str, Any]) -> requests.Response:
        parameters = {
            **LIMIT, "quantity": "0.001", "price": placed["price"], "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelOrderId": placed["orderId"], **changes,
        }  # fmt: skip
        wanted = {name: value for name, value in parameters.items() if value is not None}
        return client.send("POST", "/api/v3/order/cancelReplace", **wanted)

    return act


def amending(**changes: Any) -> Callable[[Client, dict[str, Any]], requests.Response]:
    def act(client: Client, placed: dict[str, Any]) -> requests.Response:
        parameters = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "newQty": "0.0009", **changes}
        wanted = {name: value for name, value in parameters.items() if value is not None}
        return client.send("PUT", "/api/v3/order/amend/keepPriority", **wanted)

    return act


def cancelling(**parameters: Any) -> Callable[[Client, dict[str, Any]], requests.Response]:
    return lambda client, placed: client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", **parameters)


def cancels() -> Iterator[Case]:
    yield Case("DELETE", "order", -1102, missing("symbol"), sending("DELETE", "order", {"orderId": 1}))
    yield Case(
        "DELETE",
        "order",
        -1102,
        neither("orderId", "origClientOrderId"),
        sending("DELETE", "order", {"symbol": "BTCUSDT"}),
    )
    yield Case("DELETE", "order", -1121, INVALID_SYMBOL, sending("DELETE", "order", {"symbol": "NO", "orderId": 5}))
    gone = sending("DELETE", "order", {"symbol": "BTCUSDT", "orderId": 5})
    yield Case("DELETE", "order", -2011, UNKNOWN, gone)
    mixed = with_open_order(
        lambda client, placed: client.send(
            "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"], origClientOrderId="another"
        )
    )
    yield Case("DELETE", "order", -2011, UNKNOWN, mixed)
    never = with_open_order(cancelling(origClientOrderId="waiting", cancelRestrictions="ONLY_OLD"))
    yield Case("DELETE", "order", -1145, "Invalid cancelRestrictions", never)
    unmet = with_open_order(cancelling(origClientOrderId="waiting", cancelRestrictions="ONLY_PARTIALLY_FILLED"))
    yield Case("DELETE", "order", -2011, "Order was not canceled due to cancel restrictions.", unmet)
    bad = with_open_order(cancelling(origClientOrderId="waiting", newClientOrderId="with.dot"))
    yield Case("DELETE", "order", -1100, ILLEGAL + "newClientOrderId" + CLIENT_ID, bad)
    yield Case("DELETE", "openOrders", -1102, missing("symbol"), sending("DELETE", "openOrders", {}))
    nothing = sending("DELETE", "openOrders", {"symbol": "BTCUSDT"})
    yield Case("DELETE", "openOrders", -2011, UNKNOWN, nothing)
    yield Case("DELETE", "openOrders", -1121, INVALID_SYMBOL, sending("DELETE", "openOrders", {"symbol": "NOPE"}))


def replacements() -> Iterator[Case]:
    def case(code: int, text: str, status: int = 400, **changes: Any) -> Case:
        return Case("POST", "order/cancelReplace", code, text, with_open_order(replacing(**changes)), status=status)

    yield case(-1102, missing("cancelReplaceMode"), cancelReplaceMode=None)
    yield case(-1130, invalid("cancelReplaceMode"), cancelReplaceMode="SOMETIMES")
    yield case(-1130, invalid("orderRateLimitExceededMode"), orderRateLimitExceededMode="PANIC")
    yield case(-1102, missing("price"), price=None)
    yield case(-1145, "Invalid cancelRestrictions", cancelRestrictions="ONLY_OLD")
    # The new order is checked before anything is cancelled.
    yield case(-1013, fails("LOT_SIZE"), quantity="0.000001")
    failed, partial = "Order cancel-replace failed.", "Order cancel-replace partially failed."
    yield case(-2022, failed, cancelOrderId="5")
    yield case(-2022, failed, cancelOrderId=None)
    yield case(-2022, failed, cancelOrderId="5", cancelReplaceMode="ALLOW_FAILURE", quantity="1", price="60000")
    yield case(-2021, partial, 409, cancelOrderId="5", cancelReplaceMode="ALLOW_FAILURE")
    yield case(-2021, partial, 409, quantity="1", price="60000")

    def exceeded(**changes: Any) -> Act:
        act = with_open_order(
            lambda client, placed: after_a_hundred_orders(lambda same: replacing(**changes)(same, placed))(client)
        )
        return at_the_middle_of_ten_seconds(act)

    path, text = "order/cancelReplace", "Too many new orders; current limit is 100 orders per 10 SECOND."
    yield Case("POST", path, -1015, text, exceeded(), status=429)
    yield Case("POST", path, -2021, partial, exceeded(orderRateLimitExceededMode="CANCEL_ONLY"), status=429)
    only = exceeded(orderRateLimitExceededMode="CANCEL_ONLY", cancelReplaceMode="ALLOW_FAILURE")
    yield Case("POST", path, -2021, partial, only, status=409)
    unknown = exceeded(orderRateLimitExceededMode="CANCEL_ONLY", cancelOrderId="5")
    yield Case("POST", path, -2022, failed, unknown, status=429)


def amendments() -> Iterator[Case]:
    path = "order/amend/keepPriority"

    def case(code: int, text: str, **changes: Any) -> Case:
        return Case("PUT", path, code, text, with_open_order(amending(**changes)))

    yield case(-1102, missing("newQty"), newQty=None)
    yield case(-1102, neither("orderId", "origClientOrderId"), orderId=None)
    yield case(-2038, UNKNOWN, orderId="5")
    yield case(-1013, "Invalid quantity.", newQty="0")
    yield case(-1013, fails("LOT_SIZE"), newQty="0.000001")
    yield case(-1013, fails("NOTIONAL"), newQty="0.00001")
    yield case(-1100, ILLEGAL + "newQty" + NUMBER, newQty="1e-3")
    yield case(-2038, "Order amend (quantity increase) is not supported.", newQty="0.002")
    yield case(-2038, "The requested action would change no state; rejecting.", newQty="0.001")

    def twice(client: Client, placed: dict[str, Any]) -> requests.Response:
        assert amending()(client, placed).status_code == 200
        return amending(newQty="0.0008")(client, placed)

    def halted(client: Client, placed: dict[str, Any]) -> requests.Response:
        services.symbol_control("BTCUSDT", status="CANCEL_ONLY")
        return amending()(client, placed)

    yield Case("PUT", path, -2038, "Market is closed.", with_open_order(halted))
    once = with_control(with_open_order(twice), filters={"MAX_NUM_ORDER_AMENDS": {"maxNumOrderAmends": "1"}})
    yield Case("PUT", path, -2038, fails("MAX_NUM_ORDER_AMENDS"), once)

    def same_name(client: Client, placed: dict[str, Any]) -> requests.Response:
        assert client.order("BUY", "0.001", placed["price"], newClientOrderId="other").status_code == 200
        return amending(newClientOrderId="other")(client, placed)

    yield Case("PUT", path, -2038, "Duplicate order sent.", with_open_order(same_name))
