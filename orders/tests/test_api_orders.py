"""/api/me/orders and /api/me/runs: lists, filters, details, cancelling and stopping."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import translation
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from orders.models import Order, OrderEvent
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = [pytest.mark.django_db(databases=["default", "paper"]), pytest.mark.usefixtures("clock")]
URL = "/api/me/orders"


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


@pytest.fixture
def resting(api: APIClient, account: ExchangeAccount, strategy: Callable[..., Strategy]) -> dict[str, Any]:
    """A run with two orders that rest."""
    targets = strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="2", order_size_pct="10")
    return _execute(api, targets)


@pytest.fixture
def filled(api: APIClient, account: ExchangeAccount, strategy: Callable[..., Strategy]) -> dict[str, Any]:
    """A run whose two orders fill at once."""
    targets = strategy(account, {"BTC": 10, "ETH": 10}, order_step_pct="-0.5", order_size_pct="100")
    return _execute(api, targets)


def _execute(api: APIClient, targets: Strategy) -> dict[str, Any]:
    answer = api.post("/api/me/rebalance/execute", {"strategy": targets.pk}, format="json")
    assert answer.status_code == 201, answer.json()
    body: dict[str, Any] = answer.json()
    return body


def results(api: APIClient, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(URL, query)
    assert answer.status_code == 200, answer.json()
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def test_an_order_is_listed_with_all_that_is_known(api: APIClient, resting: dict[str, Any]) -> None:
    newest, oldest = results(api)
    assert newest["id"] > oldest["id"]
    assert (oldest["symbol"], oldest["side"], oldest["type"], oldest["status"]) == ("BTCUSDT", "BUY", "LIMIT", "NEW")
    assert (oldest["executed_quantity"], oldest["average_price"], oldest["fee"], oldest["fee_asset"]) == (
        "0",
        None,
        "0",
        None,
    )
    assert oldest["run"] == resting["run"]
    assert oldest["created_at"].endswith("Z")
    assert all(isinstance(oldest[name], str) for name in ("price", "quantity", "executed_quantity", "fee"))


def test_an_order_tells_its_story(api: APIClient, filled: dict[str, Any]) -> None:
    api.post(f"{URL}/refresh")  # fills are read when the order is looked at
    order = api.get(f"{URL}/{filled['orders'][0]['id']}").json()
    assert order["status"] == "FILLED"
    assert [event["kind"] for event in order["events"]][:2] == ["intent", "sending"]
    quantity = sum(Decimal(fill["quantity"]) for fill in order["fills"])
    cost = sum(Decimal(fill["quote_quantity"]) for fill in order["fills"])
    assert quantity == Decimal(order["executed_quantity"]) == Decimal(order["quantity"])
    assert Decimal(order["average_price"]) == pytest.approx(cost / quantity)
    assert Decimal(order["fee"]) == sum(Decimal(fill["commission"]) for fill in order["fills"]) > 0
    assert order["fee_asset"] == order["symbol"].removesuffix("USDT")


def test_fees_are_told_in_every_asset_they_were_paid_in(api: APIClient, filled: dict[str, Any]) -> None:
    order_id = filled["orders"][0]["id"]
    Order.objects.filter(pk=order_id).update(fees={"BTC": "0.0001", "BNB": "0.02"})
    for order in (api.get(f"{URL}/{order_id}").json(), results(api, symbol="BTCUSDT")[0]):
        assert order["fees"] == {"BTC": "0.0001", "BNB": "0.02"}
        assert (order["fee_asset"], order["fee"]) in order["fees"].items()  # one of them, for those who know only this
    api.post(f"{URL}/refresh")
    assert api.get(f"{URL}/{filled['orders'][1]['id']}").json()["fees"].keys() == {"ETH"}


def test_what_we_wrote_down_ourselves_is_in_the_language_of_the_request(
    api: APIClient, resting: dict[str, Any]
) -> None:
    order_id = resting["orders"][0]["id"]
    error = "The exchange refused it and does not say why."
    Order.objects.filter(pk=order_id).update(error=error)
    OrderEvent.objects.create(order_id=order_id, kind="rejected", status="REJECTED", detail=error)
    body = api.get(f"{URL}/{order_id}", headers={"Accept-Language": "ru"}).json()
    with translation.override("ru"):
        russian = translation.gettext(error)
    assert russian != error
    assert (body["error"], body["events"][-1]["detail"], body["events"][0]["detail"]) == (russian, russian, "")


def test_a_plan_says_in_the_language_of_the_request_what_it_leaves_alone(
    api: APIClient, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    path = f"/api/me/strategies/{strategy(account, {'BTC': '0.5'}).pk}/plan"
    (english,) = api.get(path).json()["skips"]
    (russian,) = api.get(path, headers={"Accept-Language": "ru"}).json()["skips"]
    assert (english["asset"], english["code"]) == (russian["asset"], russian["code"])
    assert english["reason"] != russian["reason"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"symbol": "BTCUSDT"}, 1),
        ({"symbol": "btcusdt"}, 1),
        ({"symbol": "NOPE"}, 0),
        ({"side": "BUY"}, 2),
        ({"side": "SELL"}, 0),
        ({"status": "open"}, 2),
        ({"status": "OPEN"}, 2),
        ({"status": "NEW"}, 2),
        ({"status": "new"}, 2),
        ({"status": "FILLED"}, 0),
        ({"symbol": "BTCUSDT", "side": "BUY", "status": "open"}, 1),
    ],
)
@pytest.mark.usefixtures("resting")
def test_orders_are_filtered(query: dict[str, str], count: int, api: APIClient) -> None:
    assert len(results(api, **query)) == count


def test_orders_of_an_account_and_of_a_run(
    api: APIClient, alice: User, resting: dict[str, Any], account: ExchangeAccount, paper_account: Callable[..., Any]
) -> None:
    other = paper_account(alice, label="Other")
    assert len(results(api, account=account.pk)) == 2
    assert results(api, account=other.pk) == []
    assert len(results(api, run=resting["run"])) == 2
    refusal(api.get(URL, {"run": resting["run"] + 1}), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"account": "mine"}, "account"),
        ({"account": "-1"}, "account"),
        ({"account": str(2**70)}, "account"),
        ({"run": "1e400"}, "run"),
        ({"side": "SIDEWAYS"}, "side"),
        ({"symbol": "x" * 41}, "symbol"),
        ({"symbol": "a\x00b"}, "symbol"),
        ({"status": "x" * 21}, "status"),
        ({"status": "a\x00b"}, "status"),
        ({"status": "NO_SUCH"}, "status"),
        ({"strategy": "0"}, "strategy"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "a lot"}, "limit"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": "cD1hYmM="}, "cursor"),  # p=abc: well-formed, and no number
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(query: dict[str, str], field: str, api: APIClient) -> None:
    assert set(refusal(api.get(URL, query), 400, "invalid")) == {field}


@pytest.mark.usefixtures("resting")
def test_a_long_list_comes_in_pages(api: APIClient) -> None:
    first = api.get(URL, {"limit": 1}).json()
    second = api.get(first["next"]).json()
    assert [len(first["results"]), len(second["results"])] == [1, 1]
    assert first["results"] != second["results"]
    assert second["next"] is None


# --- cancelling ------------------------------------------------------------------------------------------


def test_cancelling_an_order_frees_its_money_and_stops_its_run(api: APIClient, resting: dict[str, Any]) -> None:
    first, second = (order["id"] for order in resting["orders"])
    answer = api.post(f"{URL}/{first}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELED")
    assert answer.json()["finished_at"]
    run = api.get(f"/api/me/runs/{resting['run']}").json()
    assert (run["state"], run["reason_code"]) == ("stopped", "order_cancelled")
    refusal(api.post(f"{URL}/{first}/cancel"), 409, "order_final")
    assert api.get(f"{URL}/{second}").json()["status"] == "NEW"


def test_cancelling_all_leaves_nothing_open(
    api: APIClient, resting: dict[str, Any], clock: time_machine.Traveller
) -> None:
    assert api.post(f"{URL}/cancel").json() == {"cancelled": 2, "problems": [], "autopilot_paused": False}
    assert results(api, status="open") == []
    clock.shift(10)
    balances = api.get("/api/me/balances").json()["balances"]
    assert balances == [{"asset": "USDT", "free": "10000", "locked": "0"}]
    assert api.get(f"/api/me/runs/{resting['run']}").json()["reason_code"] == "all_cancelled"
    assert api.post(f"{URL}/cancel").json() == {"cancelled": 0, "problems": [], "autopilot_paused": False}


def test_an_order_that_has_filled_cannot_be_cancelled(api: APIClient, filled: dict[str, Any]) -> None:
    refusal(api.post(f"{URL}/{filled['orders'][0]['id']}/cancel"), 409, "order_final")


def test_stopping_a_run_cancels_its_orders(api: APIClient, resting: dict[str, Any]) -> None:
    answer = api.post(f"/api/me/runs/{resting['run']}/stop").json()
    assert (answer["state"], answer["problems"]) == ("stopped", [])
    assert {order["status"] for order in answer["orders"]} == {"CANCELED"}
    again = api.post(f"/api/me/runs/{resting['run']}/stop")
    assert (again.status_code, again.json()["state"]) == (200, "stopped")


@pytest.mark.parametrize("account_id", ["mine", -1, 0, 2**63, 10**400, [1], {"id": 1}, 1.5])
@pytest.mark.parametrize("path", [f"{URL}/refresh", f"{URL}/cancel"])
def test_an_account_that_is_no_number_is_refused(path: str, account_id: Any, api: APIClient) -> None:
    assert set(refusal(api.post(path, {"account": account_id}, format="json"), 400, "invalid")) == {"account"}


def test_disconnecting_cancels_first_and_keeps_the_history(
    api: APIClient, resting: dict[str, Any], account: ExchangeAccount
) -> None:
    assert api.delete(f"/api/me/accounts/{account.pk}/").status_code == 204
    assert {order["status"] for order in results(api)} == {"CANCELED"}
    run = api.get(f"/api/me/runs/{resting['run']}").json()
    assert (run["state"], run["reason_code"]) == ("stopped", "account_disconnected")


# --- runs ------------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first(api: APIClient, filled: dict[str, Any]) -> None:
    for _look in range(3):
        api.post(f"{URL}/refresh")
    (run,) = api.get("/api/me/runs").json()["results"]
    assert (run["id"], run["state"], run["reason_code"], run["trigger"]) == (
        filled["run"],
        "complete",
        "within_band",
        "api",
    )
    assert run["finished_at"] >= run["started_at"]


def test_a_run_with_nothing_to_do_is_complete_at_once(
    api: APIClient, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    run = _execute(api, strategy(account, {"BTC": "0.5"}))
    assert (run["state"], run["orders"]) == ("complete", [])
    assert [skip["asset"] for skip in run["skips"]] == ["BTC"]
    assert run["reason"]
