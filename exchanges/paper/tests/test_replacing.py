"""One order replaced by another, and one made smaller in its place."""

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest

from exchanges.paper import engine
from exchanges.paper.tests.scenes import RULES, account, place, request, walk
from exchanges.paper.tests.support import DATABASES, Client, client_with

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal


@pytest.fixture
def client() -> Client:
    return client_with(USDT="1000")


@pytest.fixture
def waiting(client: Client) -> dict[str, Any]:
    """It locks nine tenths of what there is."""
    price = f"{client.book()['bidPrice'] / 2:.2f}"
    return client.order("BUY", worth(900, price), price, newClientOrderId="old").json()


def worth(usdt: int, price: str) -> str:
    """The quantity that so much buys at this price, in lots."""
    return str((D(usdt) / D(price)).quantize(D("0.00001"), ROUND_FLOOR))


def replace(client: Client, waiting: dict[str, Any], **changes: Any) -> Any:
    parameters = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": worth(800, waiting["price"]), "price": waiting["price"],
        "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "old",
    }  # fmt: skip
    return client.send("POST", "/api/v3/order/cancelReplace", **{**parameters, **changes})


def amend(client: Client, order_id: int, quantity: str, **more: Any) -> Any:
    path = "/api/v3/order/amend/keepPriority"
    return client.send("PUT", path, symbol="BTCUSDT", orderId=order_id, newQty=quantity, **more)


def states(client: Client) -> dict[str, str]:
    return {
        row["clientOrderId"]: row["status"] for row in client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    }


def test_the_old_order_makes_room_for_the_new_one(client: Client, waiting: dict[str, Any]) -> None:
    """Both together would need more than there is."""
    answer = replace(client, waiting, newClientOrderId="new", cancelNewClientOrderId="why")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert body["cancelResponse"]["origClientOrderId"] == "old"
    assert (body["cancelResponse"]["clientOrderId"], body["cancelResponse"]["status"]) == ("why", "CANCELED")
    assert body["newOrderResponse"]["clientOrderId"] == "new"
    assert D(body["newOrderResponse"]["origQty"]) == D(worth(800, waiting["price"]))
    assert states(client) == {"old": "CANCELED", "new": "NEW"}
    assert answer.headers["X-MBX-ORDER-COUNT-1D"] == "2"
    assert client.audit() == []


def test_the_new_order_may_take_the_old_ones_name(client: Client, waiting: dict[str, Any]) -> None:
    assert replace(client, waiting, newClientOrderId="old").status_code == 200
    (row,) = client.send("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert row["clientOrderId"] == "old"
    assert D(row["origQty"]) == D(worth(800, waiting["price"]))


def test_a_cancel_that_fails_stops_the_new_order_and_still_counts(client: Client, waiting: dict[str, Any]) -> None:
    answer = replace(client, waiting, cancelOrigClientOrderId="nobody")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, -2022)
    assert body["data"] == {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }
    assert states(client) == {"old": "NEW"}
    counts = client.send("GET", "/api/v3/rateLimit/order").json()
    assert [row["count"] for row in counts] == [2, 2]


def test_a_cancel_that_fails_need_not_stop_the_new_order(client: Client, waiting: dict[str, Any]) -> None:
    changes = {
        "cancelOrigClientOrderId": "nobody",
        "cancelReplaceMode": "ALLOW_FAILURE",
        "quantity": worth(50, waiting["price"]),
    }
    answer = replace(client, waiting, newClientOrderId="new", **changes)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, -2021)
    assert (body["data"]["cancelResult"], body["data"]["newOrderResult"]) == ("FAILURE", "SUCCESS")
    assert body["data"]["newOrderResponse"]["clientOrderId"] == "new"
    assert states(client) == {"old": "NEW", "new": "NEW"}


def test_what_was_cancelled_stays_cancelled_when_the_new_order_is_refused(
    client: Client, waiting: dict[str, Any]
) -> None:
    answer = replace(client, waiting, quantity="1")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, -2021)
    assert body["data"]["newOrderResponse"]["code"] == -2010
    assert states(client) == {"old": "CANCELED"}
    assert client.balances() == {"USDT": ("1000.00000000", "0.00000000")}
    assert client.audit() == []


def test_a_new_order_that_is_refused_counts_once(client: Client, waiting: dict[str, Any]) -> None:
    answer = replace(client, waiting, quantity="1")
    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "2"
    assert [row["count"] for row in client.send("GET", "/api/v3/rateLimit/order").json()] == [2, 2]


def test_a_cancel_can_be_restricted_in_a_replacement(client: Client, waiting: dict[str, Any]) -> None:
    body = replace(client, waiting, cancelRestrictions="ONLY_PARTIALLY_FILLED").json()
    assert body["data"]["cancelResponse"]["msg"] == "Order was not canceled due to cancel restrictions."
    assert states(client) == {"old": "NEW"}


def test_a_smaller_order_keeps_its_id_and_frees_the_difference(client: Client, waiting: dict[str, Any]) -> None:
    answer = amend(client, waiting["orderId"], worth(400, waiting["price"]), newClientOrderId="smaller")
    assert answer.status_code == 200
    body = answer.json()
    order = body["amendedOrder"]
    assert (order["orderId"], order["origClientOrderId"], order["clientOrderId"]) == (
        waiting["orderId"], "old", "smaller",
    )  # fmt: skip
    assert D(order["qty"]) == D(worth(400, waiting["price"]))
    (row,) = client.send("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert (row["origQty"], row["clientOrderId"], row["time"]) == (order["qty"], "smaller", waiting["transactTime"])
    locked = D(waiting["price"]) * D(order["qty"])
    assert client.balances() == {"USDT": (f"{1000 - locked:.8f}", f"{locked:.8f}")}
    assert client.audit() == []


def test_every_amendment_has_a_higher_execution_id(client: Client, waiting: dict[str, Any]) -> None:
    first = amend(client, waiting["orderId"], worth(700, waiting["price"])).json()
    second = amend(client, waiting["orderId"], worth(600, waiting["price"])).json()
    assert second["executionId"] > first["executionId"]
    assert second["amendedOrder"]["origClientOrderId"] == first["amendedOrder"]["clientOrderId"]


def test_an_amendment_counts_no_order(client: Client, waiting: dict[str, Any]) -> None:
    amend(client, waiting["orderId"], worth(700, waiting["price"]))
    assert [row["count"] for row in client.send("GET", "/api/v3/rateLimit/order").json()] == [1, 1]


def test_the_open_order_is_found_by_a_name_that_a_younger_one_had(client: Client, waiting: dict[str, Any]) -> None:
    small = worth(50, waiting["price"])
    younger = client.order("BUY", small, waiting["price"], newClientOrderId="name").json()
    client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=younger["orderId"])
    assert amend(client, waiting["orderId"], worth(400, waiting["price"]), newClientOrderId="name").status_code == 200
    asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="name").json()
    assert (asked["orderId"], asked["status"]) == (waiting["orderId"], "NEW")
    cancelled = client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="name").json()
    assert (cancelled["orderId"], cancelled["status"]) == (waiting["orderId"], "CANCELED")


def test_what_is_shown_of_an_iceberg_is_never_more_than_the_whole(client: Client) -> None:
    price = f"{client.book()['bidPrice'] / 2:.2f}"
    whole, part = worth(800, price), worth(500, price)
    placed = client.order("BUY", whole, price, icebergQty=part).json()
    smaller = worth(300, price)
    assert amend(client, placed["orderId"], smaller).status_code == 200
    (row,) = client.send("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert D(row["icebergQty"]) == D(row["origQty"]) == D(smaller)


def test_an_order_amended_to_what_is_executed_ends() -> None:
    state = place(account(USDT="10000"), request("BUY", "0.1", "49000")).account
    state = walk(state, ["48000"], lots=50_000).account
    ((symbol, order_id),) = state.open_orders
    outcome = engine.amend(state, symbol, order_id, D("0.05"), "b", RULES[symbol], 9000)
    (order,) = outcome.orders
    assert (order.status, order.executed, order.quantity) == ("EXPIRED", D("0.05"), D("0.05"))
    assert outcome.account.balance("USDT").locked == 0
