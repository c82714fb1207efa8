"""From sign-up to filled orders through the API alone, on the default market."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
START = "2026-03-02T10:00:00+00:00"
TARGETS = {"BTC": D(40), "ETH": D(30), "SOL": D(20)}


@pytest.fixture
def ok() -> Callable[..., Any]:
    """ok(answer, status=200): the body of an answer that has this status."""

    def body(answer: Any, status: int = 200) -> Any:
        assert answer.status_code == status, answer.content.decode()
        return answer.json()

    return body


@pytest.mark.usefixtures("in_use")
def test_from_sign_up_to_filled_orders_in_under_three_minutes(ok: Callable[..., Any]) -> None:
    who = {"email": "stranger@example.org", "password": "correct-horse-9"}
    api = APIClient()
    with time_machine.travel(START, tick=False) as clock:
        ok(api.post("/api/auth/register", who, format="json"), 201)
        token = ok(api.post("/api/auth/token", who, format="json"))["token"]
        api.credentials(HTTP_AUTHORIZATION=f"Token {token}")

        account = ok(api.post("/api/me/accounts/", {"label": "Paper", "venue": "paper"}, format="json"), 201)
        assert (account["venue"], account["quote"], account["status"]) == ("paper", "USDT", "ok")
        assert ok(api.get("/api/me/balances"))["balances"] == [{"asset": "USDT", "free": "10000", "locked": "0"}]

        rows = [{"asset": asset, "weight_pct": str(weight)} for asset, weight in TARGETS.items()]
        strategy = {"name": "40 / 30 / 20", "account": account["id"], "allocations": rows}
        strategy = ok(api.post("/api/me/strategies/", strategy, format="json"), 201)
        assert strategy["is_active"]
        plan = ok(api.get(f"/api/me/strategies/{strategy['id']}/plan"))
        assert {order["symbol"] for order in plan["orders"]} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}

        wanted = {"strategy": strategy["id"], "plan_digest": plan["plan_digest"]}
        run = ok(api.post("/api/me/rebalance/execute", wanted, format="json", headers={"Idempotency-Key": "one"}), 201)
        sent = {(order["symbol"], order["side"], order["price"], order["quantity"]) for order in run["orders"]}
        assert sent == {(row["symbol"], row["side"], row["price"], row["quantity"]) for row in plan["orders"]}

        for _look in range(36):  # every five seconds for three minutes
            clock.shift(5)
            answer = ok(api.post("/api/me/orders/refresh", {"account": account["id"]}, format="json"))
            assert answer["problems"] == []
            state = ok(api.get(f"/api/me/runs/{run['run']}"))
            if state["state"] != "active":
                break
        assert (state["state"], state["reason_code"]) == ("complete", "within_band"), state
        assert ok(api.post("/api/me/orders/refresh", format="json"))["open_orders"] == []

        summary = ok(api.get("/api/me/portfolio/summary"))
        weights = {row["asset"]: D(row["weight_pct"]) for row in summary["assets"]}
        assert all(abs(weights[asset] - weight) <= 1 for asset, weight in TARGETS.items())
        assert sum(weights.values()) == pytest.approx(D(100), abs=D("0.001"))

        assert_the_books_agree(api, ok)
        history = ok(api.get("/api/me/portfolio/history"))["results"]
        assert [row["reason"] for row in history][-1] == "fill"


def assert_the_books_agree(api: APIClient, ok: Callable[..., Any]) -> None:
    """Start + fills - commissions are the balances, to the last digit, and the exchange's own ledger adds up."""
    expected: dict[str, Decimal] = {"USDT": D(10_000)}

    def add(asset: str, amount: Decimal) -> None:
        expected[asset] = expected.get(asset, D(0)) + amount

    orders = ok(api.get("/api/me/orders?limit=200"))["results"]
    assert {order["status"] for order in orders} <= {"FILLED", "CANCELED"}
    for order in orders:
        fills = ok(api.get(f"/api/me/orders/{order['id']}"))["fills"]
        assert sum(D(fill["quantity"]) for fill in fills) == D(order["executed_quantity"])
        sign = 1 if order["side"] == "BUY" else -1
        for fill in fills:
            assert D(fill["quote_quantity"]) == D(fill["price"]) * D(fill["quantity"])
            add(order["symbol"].removesuffix("USDT"), sign * D(fill["quantity"]))
            add("USDT", -sign * D(fill["quote_quantity"]))
            add(fill["commission_asset"], -D(fill["commission"]))
    account = ExchangeAccount.objects.get()
    balances = {row["asset"]: D(row["free"]) for row in ok(api.get("/api/me/balances"))["balances"]}
    assert balances == {asset: amount for asset, amount in expected.items() if amount}
    assert paper.audit_account(account.paper_key) == []
