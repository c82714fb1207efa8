"""Orders over the wire that end at once: MARKET by quantity and by quote, IOC, FOK; and tries that place nothing."""

from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import services
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal


def market(client: Client, side: str, symbol: str = "BTCUSDT", **amount: str) -> dict[str, Any]:
    response = client.send("POST", "/api/v3/order", symbol=symbol, side=side, type="MARKET", **amount)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_market_order_answers_in_full_as_gtc_and_without_a_price() -> None:
    client = client_with(USDT="10000")
    body = market(client, "BUY", quantity="0.01")
    assert (body["status"], body["type"], body["timeInForce"], body["price"]) == (
        "FILLED",
        "MARKET",
        "GTC",
        "0.00000000",
    )
    assert sum(D(fill["qty"]) for fill in body["fills"]) == D("0.01")
    assert D(body["cummulativeQuoteQty"]) == sum(D(fill["price"]) * D(fill["qty"]) for fill in body["fills"])
    assert client.audit() == []


def test_what_was_spent_by_amount_of_quote_is_at_most_that_amount() -> None:
    client = client_with(USDT="10000")
    body = market(client, "BUY", quoteOrderQty="1000")
    assert body["origQuoteOrderQty"] == "1000.00000000"
    assert body["origQty"] == body["executedQty"]
    spent = D(body["cummulativeQuoteQty"])
    assert D(1000) - D("0.00001") * D(body["fills"][-1]["price"]) < spent <= D(1000)
    assert client.balances()["USDT"] == (f"{10_000 - spent:.8f}", "0.00000000")
    asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", orderId=body["orderId"]).json()
    assert (asked["origQuoteOrderQty"], asked["status"]) == ("1000.00000000", "FILLED")


def test_a_large_market_order_slips_and_one_larger_than_the_book_expires() -> None:
    client = client_with(WBETH="900")
    best = client.book("WBETHUSDT")["bidPrice"]
    slipped = market(client, "SELL", "WBETHUSDT", quantity="5")
    prices = [D(fill["price"]) for fill in slipped["fills"]]
    assert slipped["status"] == "FILLED"
    assert prices == sorted(prices, reverse=True)
    assert prices[-1] < prices[0] <= best
    expired = market(client, "SELL", "WBETHUSDT", quantity="800")
    assert (expired["status"], expired["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert 0 < D(expired["executedQty"]) < 800
    left = 900 - 5 - D(expired["executedQty"])
    assert client.balances()["WBETH"] == (f"{left:.8f}", "0.00000000")
    assert client.audit() == []


@pytest.mark.parametrize(("time_in_force", "reason"), [
    ("IOC", "UNFILLED_IOC_QUANTITY_EXPIRED"), ("FOK", "UNFILLED_FOK_ORDER_EXPIRED"),
])  # fmt: skip
def test_an_order_that_may_not_wait_expires_and_is_remembered(time_in_force: str, reason: str) -> None:
    client = client_with(USDT="10000")
    price = f"{client.book()['bidPrice'] / 2:.2f}"
    body = client.order("BUY", "0.01", price, timeInForce=time_in_force).json()
    assert (body["status"], body["executedQty"], body["expiryReason"]) == ("EXPIRED", "0.00000000", reason)
    assert client.send("GET", "/api/v3/openOrders").json() == []
    (listed,) = client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    assert (listed["status"], listed["expiryReason"]) == ("EXPIRED", reason)
    assert client.balances() == {"USDT": ("10000.00000000", "0.00000000")}


def test_a_limit_maker_answers_shortly_and_waits() -> None:
    client = client_with(USDT="10000")
    price = f"{client.book()['bidPrice'] * D('0.99'):.2f}"
    wanted = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01", "price": price}
    assert set(client.send("POST", "/api/v3/order", **wanted).json()) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime",
    }  # fmt: skip
    (waiting,) = client.send("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert (waiting["type"], waiting["timeInForce"], waiting["status"]) == ("LIMIT_MAKER", "GTC", "NEW")


def test_what_an_order_carries_is_given_back() -> None:
    client = client_with(USDT="10000")
    price = f"{client.book()['bidPrice'] / 2:.2f}"
    more = {
        "icebergQty": "0.001",
        "strategyId": "12",
        "strategyType": "1000007",
        "selfTradePreventionMode": "EXPIRE_BOTH",
    }
    placed = client.order("BUY", "0.01", price, **more).json()
    asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"]).json()
    for body in (placed, asked):
        assert (body["icebergQty"], body["strategyId"], body["strategyType"], body["selfTradePreventionMode"]) == (
            "0.00100000", 12, 1_000_007, "EXPIRE_BOTH",
        )  # fmt: skip


def test_a_try_places_nothing() -> None:
    client = client_with(USDT="10")
    wanted = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "60000",
    }
    assert client.send("POST", "/api/v3/order/test", **wanted).json() == {}
    rates = client.send("POST", "/api/v3/order/test", **wanted, computeCommissionRates="true")
    assert rates.json() == {
        "standardCommissionForOrder": {"maker": "0.00100000", "taker": "0.00100000"},
        "specialCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
        "taxCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
        "discount": {
            "enabledForAccount": False, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.75000000",
        },
    }  # fmt: skip
    assert client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json() == []
    assert client.balances() == {"USDT": ("10.00000000", "0.00000000")}


def test_nothing_is_sold_where_there_is_no_price() -> None:
    client = client_with(BTC="1")
    services.symbol_control("BTCUSDT", price=D(0))
    sold = client.send("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
    assert refused(sold)[1] == -2010
