"""POST /api/me/rebalance/execute: one run whatever is repeated, and a plan that is the one its owner saw."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.paper.models import PaperOrder
from orders.models import Order, Round, Run
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = [pytest.mark.django_db(databases=["default", "paper"]), pytest.mark.usefixtures("clock")]
URL = "/api/me/rebalance/execute"


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


@pytest.fixture
def targets(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Strategy:
    """Targets whose orders rest: two per cent away from the market."""
    return strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="2", order_size_pct="10")


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


@pytest.fixture
def execute(api: APIClient, targets: Strategy) -> Callable[..., Any]:
    """execute(key="…", plan_digest="…", strategy=id): the answer."""

    def send(key: str | None = None, **body: Any) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return api.post(URL, {"strategy": targets.pk, **body}, format="json", headers=headers)

    return send


def sent() -> int:
    return PaperOrder.objects.count()


def nothing_happened() -> bool:
    return not (Run.objects.exists() or Round.objects.exists() or Order.objects.exists() or sent())


# --- one run ---------------------------------------------------------------------------------------------


def test_the_first_request_makes_a_run_and_says_what_it_sent(execute: Callable[..., Any]) -> None:
    answer = execute()
    assert answer.status_code == 201
    assert [(order["symbol"], order["side"], order["status"]) for order in answer.json()["orders"]] == [
        ("BTCUSDT", "BUY", "NEW"),
        ("ETHUSDT", "BUY", "NEW"),
    ]
    assert {order["client_order_id"] for order in answer.json()["orders"]} == set(
        PaperOrder.objects.values_list("client_order_id", flat=True)
    )


@pytest.mark.parametrize("keys", [("one", "one"), (None, None), ("one", None), (None, "one"), ("one", "two")])
def test_while_a_run_is_under_way_every_request_gives_it(
    keys: tuple[str | None, str | None], execute: Callable[..., Any]
) -> None:
    first, second = execute(keys[0]), execute(keys[1])
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert (Run.objects.count(), Order.objects.count(), sent()) == (1, 2, 2)


def test_a_key_gives_its_run_also_after_the_run_has_ended(execute: Callable[..., Any], api: APIClient) -> None:
    run = execute("one").json()["run"]
    assert api.post(f"/api/me/runs/{run}/stop").status_code == 200
    again = execute("one")
    assert (again.status_code, again.json()["run"], again.json()["state"]) == (200, run, "stopped")
    other = execute("two")
    assert (other.status_code, Run.objects.count()) == (201, 2)
    assert other.json()["run"] != run


def test_without_a_key_a_run_that_has_ended_is_followed_by_a_new_one(
    execute: Callable[..., Any], api: APIClient
) -> None:
    run = execute().json()["run"]
    api.post(f"/api/me/runs/{run}/stop")
    assert execute().status_code == 201


def test_a_key_used_for_another_strategy_is_refused(
    execute: Callable[..., Any], account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    other = strategy(account, {"SOL": 10})
    execute("one")
    refusal(execute("one", strategy=other.pk), 409, "idempotency_key_reused")
    assert (Run.objects.count(), sent()) == (1, 2)


def test_another_strategy_waits_for_the_run_of_its_account(
    execute: Callable[..., Any], account: ExchangeAccount, strategy: Callable[..., Strategy], api: APIClient
) -> None:
    other = strategy(account, {"SOL": 10})
    execute()
    api.patch(f"/api/me/strategies/{other.pk}/", {"is_active": True}, format="json")
    refusal(execute(strategy=other.pk), 409, "run_active")
    assert (Run.objects.count(), sent()) == (1, 2)


def test_a_key_is_its_users_own(
    execute: Callable[..., Any],
    bob: User,
    api_for: Callable[[User], APIClient],
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
) -> None:
    run = execute("one").json()["run"]
    bobs = strategy(paper_account(bob, {"USDT": 1000}), {"BTC": 50})
    answer = api_for(bob).post(URL, {"strategy": bobs.pk}, format="json", headers={"Idempotency-Key": "one"})
    assert answer.status_code == 201
    assert answer.json()["run"] != run


@pytest.mark.parametrize("key", ["k" * 101, "k" * 10_000, "a\x00b"], ids=["too long", "far too long", "a null byte"])
def test_a_key_that_cannot_be_kept_is_refused(key: str, execute: Callable[..., Any]) -> None:
    assert set(refusal(execute(key), 400, "invalid")) == {"idempotency_key"}
    assert nothing_happened()


def test_a_key_of_a_hundred_characters_is_the_longest(execute: Callable[..., Any]) -> None:
    assert execute("k" * 100).status_code == 201


@pytest.mark.parametrize("key", ["'; --", "\xff\xfe", "  spaces around  ", "%s {} \\"])
def test_a_key_may_be_any_text(key: str, execute: Callable[..., Any]) -> None:
    assert (execute(key).status_code, execute(key).status_code) == (201, 200)
    assert Run.objects.get().idempotency_key == key.strip()


# --- the plan that was seen ------------------------------------------------------------------------------


def digest(api: APIClient, strategy: Strategy) -> str:
    answer = api.get(f"/api/me/strategies/{strategy.pk}/plan")
    assert answer.status_code == 200
    return answer.json()["plan_digest"]


def test_the_plan_that_was_seen_is_the_one_that_is_sent(
    execute: Callable[..., Any], api: APIClient, targets: Strategy
) -> None:
    plan = api.get(f"/api/me/strategies/{targets.pk}/plan").json()
    assert nothing_happened(), "a plan is a look, not a deed"
    run = execute(plan_digest=plan["plan_digest"]).json()
    names = ("symbol", "side", "price", "quantity")
    assert [[order[name] for name in names] for order in run["orders"]] == [
        [order[name] for name in names] for order in plan["orders"]
    ]


@pytest.mark.parametrize(("move", "status"), [("1.009", 201), ("1.011", 409), ("0.98", 409)])
def test_a_plan_that_has_moved_by_more_than_one_per_cent_is_shown_again(
    move: str,
    status: int,
    execute: Callable[..., Any],
    api: APIClient,
    targets: Strategy,
    clock: time_machine.Traveller,
    settings: Settings,
) -> None:
    settings.PRICE_JUMP_PCT = Decimal(100)  # the operator's price is far from the market's
    system_settings.forget()
    paper.symbol_control("BTCUSDT", price=Decimal(50_000))
    clock.shift(10)
    seen = digest(api, targets)
    paper.symbol_control("BTCUSDT", price=Decimal(50_000) * Decimal(move))
    clock.shift(10)
    answer = execute(plan_digest=seen)
    if status == 201:
        assert answer.status_code == 201
        return
    refusal(answer, 409, "plan_changed")
    assert nothing_happened()
    assert execute(plan_digest=digest(api, targets)).status_code == 201


def test_a_plan_with_other_orders_is_shown_again(
    execute: Callable[..., Any], api: APIClient, targets: Strategy
) -> None:
    seen = digest(api, targets)
    rows = [{"asset": "BTC", "weight_pct": "40"}]
    api.patch(f"/api/me/strategies/{targets.pk}/", {"allocations": rows}, format="json")
    refusal(execute(plan_digest=seen), 409, "plan_changed")
    assert nothing_happened()


def test_a_digest_is_of_one_strategy(
    execute: Callable[..., Any], api: APIClient, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    other = strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="2", order_size_pct="10")
    assert set(refusal(execute(plan_digest=digest(api, other)), 400)) == {"plan_digest"}
    assert nothing_happened()


@pytest.mark.parametrize("garbage", ["x", ":", "a.b:c", "💥", "0" * 20_000, "x" * 20_001, "a\x00b", ["x"], {"a": 1}])
def test_a_digest_that_is_none_is_refused(garbage: Any, execute: Callable[..., Any]) -> None:
    assert set(refusal(execute(plan_digest=garbage), 400)) == {"plan_digest"}
    assert nothing_happened()


def test_a_digest_that_was_changed_is_refused(execute: Callable[..., Any], api: APIClient, targets: Strategy) -> None:
    seen = digest(api, targets)
    for changed in (seen[:-1], seen[1:], seen.swapcase()):
        refusal(execute(plan_digest=changed), 400)
    assert nothing_happened()


# --- who may not, and when not ---------------------------------------------------------------------------


def test_a_strategy_that_is_not_active_is_refused(
    execute: Callable[..., Any], api: APIClient, targets: Strategy
) -> None:
    api.patch(f"/api/me/strategies/{targets.pk}/", {"is_active": False}, format="json")
    refusal(execute(), 409, "strategy_inactive")
    assert nothing_happened()


def test_a_suspended_user_may_look_but_not_trade(
    execute: Callable[..., Any], api: APIClient, alice: User, targets: Strategy
) -> None:
    accounts.suspend(alice)
    refusal(execute(), 403, "user_suspended")
    assert nothing_happened()
    assert api.get(f"/api/me/strategies/{targets.pk}/plan").status_code == 200
    accounts.resume(alice)
    assert execute().status_code == 201


def test_a_server_that_does_not_trade_refuses(execute: Callable[..., Any], api: APIClient) -> None:
    row = SystemSettings.get_solo()
    row.trading_enabled = False
    row.save()
    refusal(execute(), 409, "trading_off")
    assert nothing_happened()
    row.trading_enabled = None
    row.save()
    assert execute().status_code == 201


def test_switching_trading_off_ends_what_is_under_way(execute: Callable[..., Any], api: APIClient) -> None:
    run = execute().json()["run"]
    row = SystemSettings.get_solo()
    row.trading_enabled = False
    row.save()
    api.post("/api/me/orders/refresh")
    state = api.get(f"/api/me/runs/{run}").json()
    assert (state["state"], state["reason_code"]) == ("stopped", "trading_off")
    assert {order["status"] for order in api.get("/api/me/orders").json()["results"]} == {"CANCELED"}


def test_an_account_that_is_refused_or_paused_is_not_traded(
    execute: Callable[..., Any], account: ExchangeAccount
) -> None:
    for status in (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.PAUSED):
        account.status = status
        account.save()
        refusal(execute(), 409, "account_not_ready")
    assert nothing_happened()


@pytest.mark.parametrize("strategy_id", [None, "", "one", [1], {"id": 1}, 1.5, -1, 0, 2**63, 10**400, "1e400", "NaN"])
def test_a_strategy_that_is_no_number_is_refused(strategy_id: Any, execute: Callable[..., Any]) -> None:
    assert set(refusal(execute(strategy=strategy_id), 400)) == {"strategy"}
    assert nothing_happened()


def test_a_strategy_that_does_not_exist_is_not_found(execute: Callable[..., Any]) -> None:
    for strategy_id in (10**9, 2**62):
        refusal(execute(strategy=strategy_id), 404, "not_found")
    assert nothing_happened()
