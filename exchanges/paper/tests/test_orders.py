"""Orders over the wire: placed, filled in part and in full, asked for, cancelled; and the money afterwards."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from exchanges.paper import services
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal


def far_below(client: Client) -> str:
    return f"{client.book()['bidPrice'] * D('0.5'):.2f}"


def test_an_order_across_the_spread_fills_at_once_and_says_how() -> None:
    client = client_with(USDT="10000")
    ask = client.book()["askPrice"]
    response = client.order("BUY", "0.01", f"{ask * D('1.01'):.2f}", newClientOrderId="mine-1")
    body = response.json()
    assert list(body) == [
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime", "price", "origQty", "executedQty",
        "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type", "side", "workingTime", "fills",
        "selfTradePreventionMode",
    ]  # fmt: skip
    assert (body["status"], body["executedQty"], body["clientOrderId"]) == ("FILLED", "0.01000000", "mine-1")
    (fill,) = body["fills"]
    assert (fill["commission"], fill["commissionAsset"]) == ("0.00001000", "BTC")
    assert D(body["cummulativeQuoteQty"]) == D(fill["price"]) * D("0.01")
    assert D(fill["price"]) < D(body["price"])
    assert client.balances() == {
        "BTC": ("0.00999000", "0.00000000"),
        "USDT": (f"{10_000 - D(body['cummulativeQuoteQty']):.8f}", "0.00000000"),
    }
    assert client.audit() == []


@pytest.mark.parametrize(("kind", "fields"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_an_answer_is_as_long_as_it_was_asked_for(kind: str, fields: int) -> None:
    client = client_with(USDT="10000")
    assert len(client.order("BUY", "0.001", far_below(client), newOrderRespType=kind).json()) == fields


def test_a_resting_order_locks_its_money_until_it_is_cancelled() -> None:
    client = client_with(USDT="10000")
    price = far_below(client)
    placed = client.order("BUY", "0.1", price, newClientOrderId="rest").json()
    assert (placed["status"], placed["fills"]) == ("NEW", [])
    locked = D(price) / 10
    assert client.balances() == {"USDT": (f"{10_000 - locked:.8f}", f"{locked:.8f}")}
    (listed,) = client.send("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="rest").json()
    assert listed == asked == client.send("GET", "/api/v3/openOrders").json()[0]
    assert (asked["orderId"], asked["time"], asked["isWorking"]) == (placed["orderId"], placed["transactTime"], True)
    cancelled = client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"]).json()
    assert (cancelled["origClientOrderId"], cancelled["status"]) == ("rest", "CANCELED")
    assert cancelled["clientOrderId"] != "rest"
    assert client.balances() == {"USDT": ("10000.00000000", "0.00000000")}
    again = client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert refused(again) == (400, -2011, "Unknown order sent.")
    assert (
        client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="rest").json()["status"] == "CANCELED"
    )


def test_a_large_order_takes_the_book_rests_and_fills_by_and_by() -> None:
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        client = client_with(USDT="1000000")
        book = client.book("BARDUSDT")
        price = f"{book['askPrice']:.4f}"
        placed = client.order("BUY", "20000", price, "BARDUSDT", newClientOrderId="big").json()
        assert placed["status"] == "PARTIALLY_FILLED"
        executed = [D(placed["executedQty"])]
        assert executed[0] == book["askQty"]
        for _ in range(200):
            traveller.shift(timedelta(minutes=30))
            order = client.send("GET", "/api/v3/order", symbol="BARDUSDT", origClientOrderId="big").json()
            executed.append(D(order["executedQty"]))
            if order["status"] == "FILLED":
                break
        assert executed == sorted(executed)
        assert len(set(executed)) > 2
        trades = client.send("GET", "/api/v3/myTrades", symbol="BARDUSDT", fromId=0, limit=1000).json()
        assert [trade["isMaker"] for trade in trades[:2]] == [False, True]
        assert {trade["price"] for trade in trades[1:]} == {placed["price"]}
        assert [trade["id"] for trade in trades] == sorted({trade["id"] for trade in trades})
        assert all(D(trade["commission"]) == D(trade["qty"]) / 1000 for trade in trades)
        assert client.audit() == []


def test_looking_often_and_looking_once_end_in_the_same_books() -> None:
    books = []
    for visits in (1, 37):
        with time_machine.travel(1_790_000_000, tick=False) as traveller:
            client = client_with(USDT="100000", ETH="10")
            prices = {side: client.book("ETHUSDT")[side] for side in ("bidPrice", "askPrice")}
            for number in range(3):
                away = D(f"0.00{number + 1}")
                client.order("BUY", "5", f"{prices['bidPrice'] * (1 - away):.2f}", "ETHUSDT")
                client.order("SELL", "3", f"{prices['askPrice'] * (1 + away):.2f}", "ETHUSDT")
            for _ in range(visits):
                traveller.shift(timedelta(hours=20) / visits)
                client.send("GET", "/api/v3/openOrders", symbol="ETHUSDT")
            trades = client.send("GET", "/api/v3/myTrades", symbol="ETHUSDT", limit=1000).json()
            plain_ids = [
                {name: trade[name] for name in ("price", "qty", "commission", "time", "isBuyer")} for trade in trades
            ]
            assert plain_ids
            assert client.audit() == []
            books.append((client.balances(), plain_ids))
    assert books[0] == books[1]


def test_an_account_left_alone_for_two_days_is_brought_up_to_date() -> None:
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        client = client_with(USDT="10000")
        client.order("BUY", "0.01", f"{client.book()['bidPrice'] * D('0.995'):.2f}")
        traveller.shift(timedelta(days=2))
        (order,) = client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
        assert order["status"] == "FILLED"
        assert 1_790_000_000_000 < order["updateTime"] < 1_790_000_000_000 + 2 * 86_400_000
        assert order["executedQty"] == order["origQty"]


def test_two_orders_with_one_client_id_are_one_after_the_other_never_both_open() -> None:
    client = client_with(USDT="10000")
    low = far_below(client)
    first = client.order("BUY", "0.001", low, newClientOrderId="same").json()
    assert refused(client.order("BUY", "0.001", low, newClientOrderId="same")) == (400, -2010, "Duplicate order sent.")
    client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="same")
    second = client.order("BUY", "0.001", low, newClientOrderId="same").json()
    assert second["orderId"] > first["orderId"]
    newest = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="same").json()
    assert newest["orderId"] == second["orderId"]


def test_all_open_orders_of_a_symbol_are_cancelled_together() -> None:
    client = client_with(USDT="10000")
    for _ in range(3):
        client.order("BUY", "0.001", far_below(client))
    kept = client.order("BUY", "0.01", f"{client.book('ETHUSDT')['bidPrice'] / 2:.2f}", "ETHUSDT").json()
    cancelled = client.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert [row["status"] for row in cancelled] == ["CANCELED"] * 3
    assert [row["orderId"] for row in client.send("GET", "/api/v3/openOrders").json()] == [kept["orderId"]]
    none_left = client.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert refused(none_left) == (400, -2011, "Unknown order sent.")
    assert client.audit() == []


@pytest.mark.parametrize(
    ("restriction", "answer"),
    [
        ("ONLY_NEW", None),
        ("ONLY_PARTIALLY_FILLED", (400, -2011, "Order was not canceled due to cancel restrictions.")),
    ],
)
def test_a_cancel_can_be_restricted(restriction: str, answer: Any) -> None:
    client = client_with(USDT="10000")
    placed = client.order("BUY", "0.001", far_below(client)).json()
    response = client.send(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"], cancelRestrictions=restriction
    )
    assert (response.json()["status"] == "CANCELED") if answer is None else (refused(response) == answer)


def test_trades_and_orders_are_listed_from_an_id_or_a_time_on() -> None:
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        client = client_with(USDT="10000")
        for _ in range(4):
            client.order("BUY", "0.001", f"{client.book()['askPrice'] * D('1.01'):.2f}")
            traveller.shift(10)
        trades = client.send("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
        ids = [trade["id"] for trade in trades]

        def listed(path: str = "/api/v3/myTrades", **parameters: Any) -> list[int]:
            rows = client.send("GET", path, symbol="BTCUSDT", **parameters).json()
            return [row["id" if path.endswith("Trades") else "orderId"] for row in rows]

        assert listed(fromId=ids[1], limit=2) == ids[1:3]
        assert listed(limit=2) == ids[2:]
        assert listed(startTime=trades[1]["time"]) == ids[1:]
        assert listed(endTime=trades[1]["time"] * 1000) == ids[:2]
        assert listed(startTime=trades[1]["time"], endTime=trades[2]["time"]) == ids[1:3]
        assert listed(orderId=trades[2]["orderId"]) == [ids[2]]
        orders = listed("/api/v3/allOrders")
        assert listed("/api/v3/allOrders", orderId=orders[2]) == orders[2:]


def test_nobody_sees_or_cancels_the_orders_of_another_account() -> None:
    alice, charlie = client_with(USDT="10000"), client_with(USDT="10000")
    placed = alice.order("BUY", "0.001", far_below(alice), newClientOrderId="hers").json()
    assert charlie.send("GET", "/api/v3/openOrders").json() == []
    for parameters in ({"orderId": placed["orderId"]}, {"origClientOrderId": "hers"}):
        asked = charlie.send("GET", "/api/v3/order", symbol="BTCUSDT", **parameters)
        assert refused(asked) == (400, -2013, "Order does not exist.")
        cancelled = charlie.send("DELETE", "/api/v3/order", symbol="BTCUSDT", **parameters)
        assert refused(cancelled) == (400, -2011, "Unknown order sent.")
    own = charlie.order("BUY", "0.001", far_below(alice), newClientOrderId="hers").json()
    assert own["orderId"] != placed["orderId"]


def test_an_account_lists_every_asset_unless_zeros_are_left_out() -> None:
    client = client_with(USDT="10", BNB="2.5")
    body = client.send("GET", "/api/v3/account").json()
    assert len(body["balances"]) > 50
    assert client.balances() == {"BNB": ("2.50000000", "0.00000000"), "USDT": ("10.00000000", "0.00000000")}
    assert (body["accountType"], body["canTrade"], body["permissions"]) == ("SPOT", True, ["SPOT"])
    assert body["commissionRates"]["maker"] == "0.00100000"


def test_a_refused_order_changes_nothing() -> None:
    client = client_with(USDT="100")
    before = client.balances()
    answer = client.order("BUY", "1", far_below(client))
    assert refused(answer) == (400, -2010, "Account has insufficient balance for requested action.")
    assert client.balances() == before
    assert client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json() == []
    assert services.audit_account(client.keys.api_key) == []
