"""The autopilot by API: its switch, how it stands, and what it decided."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders.models import Autopilot, Run, StrangerOrder, Tick, Watch
from orders.outlook import outlook, state_of
from orders.standings import standing_of
from portfolio import services as portfolio
from portfolio.models import CashFlow
from strategies import services as strategies
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    for symbol, price in (("BTCUSDT", "50000"), ("ETHUSDT", "2000")):
        paper.symbol_control(symbol, price=D(price))
    return paper_account(alice, {"USDT": 5000, "BTC": "0.1"})


@pytest.fixture
def targets(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(account, {"BTC": 40, "ETH": 30})


def url(strategy: Strategy, what: str) -> str:
    return f"/api/me/strategies/{strategy.pk}/{what}"


def tell_tick(strategy: Strategy, **values: Any) -> Tick:
    now = timezone.now()
    defaults = {"status": "idle", "code": "within_band", "started_at": now, "ended_at": now}
    return Tick.objects.create(user=strategy.user, strategy=strategy, **{**defaults, **values})


# --- the switch ------------------------------------------------------------------------------------------


def test_starting_and_stopping_are_the_same_twice(api: APIClient, targets: Strategy) -> None:
    assert api.get(url(targets, "autopilot")).json()["is_on"] is False
    first = api.post(url(targets, "start"))
    assert first.status_code == 200
    assert first.json()["is_on"] is True
    started_at = Autopilot.objects.get().started_at
    assert api.post(url(targets, "start")).json()["is_on"] is True
    assert Autopilot.objects.get().started_at == started_at
    for _twice in range(2):
        answer = api.post(url(targets, "stop"))
        assert answer.status_code == 200
        assert (answer.json()["is_on"], answer.json()["problems"]) == (False, [])


def test_switched_on_it_looks_within_a_period(api: APIClient, targets: Strategy) -> None:
    body = api.post(url(targets, "start")).json()
    due = timezone.datetime.fromisoformat(body["next_look_at"])
    assert timedelta(0) <= due - timezone.now() + timedelta(seconds=2) <= timedelta(seconds=33)
    assert body["last_look_at"] is None


def test_a_suspended_user_may_not_start_it(api: APIClient, alice: User, targets: Strategy) -> None:
    accounts.suspend(alice)
    refusal(api.post(url(targets, "start")), 403, "user_suspended")
    assert api.post(url(targets, "stop")).status_code == 200


def test_only_the_active_strategy_flies(
    api: APIClient, account: ExchangeAccount, targets: Strategy, strategy: Callable[..., Strategy]
) -> None:
    other = strategy(account, {"ETH": 10}, name="Other")
    refusal(api.post(url(other, "start")), 409, "strategy_inactive")


def test_a_refused_key_keeps_it_from_starting(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    exchanges.mark_refused(account, "Invalid API-key.")
    answer = api.post(url(targets, "start"))
    refusal(answer, 409, "account_not_ready")
    assert "Invalid API-key." in answer.json()["error"]["message"]


def test_stopping_ends_the_rebalance_it_has_begun(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    SystemSettings.objects.create(price_jump_pct=100)  # the prices of these tests are not the market's
    system_settings.forget()
    strategies.update_strategy(targets, {"order_step_pct": D(2)}, None)
    answer = api.post("/api/me/rebalance/execute", {"strategy": targets.pk}, format="json")
    api.post(url(targets, "start"))
    Run.objects.filter(pk=answer.json()["run"]).update(trigger=Run.Trigger.AUTOPILOT)
    assert api.get(url(targets, "autopilot")).json()["run"] == answer.json()["run"]
    stopped = api.post(url(targets, "stop")).json()
    assert (stopped["run"], stopped["problems"]) == (None, [])
    run = api.get(f"/api/me/runs/{answer.json()['run']}").json()
    assert (run["state"], run["trigger"], run["goal"]) == ("stopped", "autopilot", "band")


# --- how it stands ---------------------------------------------------------------------------------------


def test_it_says_how_far_the_portfolio_is_from_its_targets(
    api: APIClient, account: ExchangeAccount, targets: Strategy
) -> None:
    portfolio.read_balances(account)
    api.post(url(targets, "start"))
    body = api.get(url(targets, "autopilot")).json()
    drift = body["largest_drift"]
    assert drift["asset"] == "ETH"
    assert D(drift["drift_pct"]) == pytest.approx(D(30), abs=D("0.1"))
    assert drift["is_outside"] is True
    assert D(body["largest_order"]) == pytest.approx(D(2500), abs=D(20))
    assert "off its target by more than 1% of the portfolio" in body["does"]
    assert "It would trade at its next look" in body["next"]
    assert "at most 25% of the portfolio" in body["next"]
    assert "on PAPER, without real money." in body["next"]
    assert body["problem"] == ""


def test_it_asks_the_exchange_for_no_balances(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    body = api.get(url(targets, "autopilot")).json()
    assert body["largest_drift"] is None
    assert "have not been read yet" in body["problem"]
    portfolio.read_balances(account)
    paper.withdraw(account.paper_key, "BTC", D("0.1"))
    assert D(api.get(url(targets, "autopilot")).json()["largest_drift"]["drift_pct"]) == pytest.approx(30, abs=D("0.1"))


def test_limits_in_force_are_the_tighter_of_the_owners_and_the_servers(api: APIClient, targets: Strategy) -> None:
    SystemSettings.objects.create(max_order_nav_pct=D(10), price_jump_pct=D("3.5"), failures_before_pause=4)
    system_settings.forget()
    guards = api.get(url(targets, "autopilot")).json()["guards"]
    assert guards == {
        "trading_enabled": True,
        "max_order_pct": "10",
        "max_turnover_pct": None,
        "worst_price_pct": None,
        "max_open_orders": 50,
        "stale_price_seconds": 60,
        "price_jump_pct": "3.5",
        "price_jump_minutes": 10,
        "failures_before_pause": 4,
        "failures_in_a_row": 0,
    }


def test_a_paused_one_says_why_and_goes_on_when_it_is_let(api: APIClient, targets: Strategy) -> None:
    api.post(url(targets, "start"))
    Autopilot.objects.update(
        paused_at=timezone.now(),
        pause_code="repeated_failures",
        pause_values={"count": "5", "details": "No route."},
        failures_in_a_row=5,
    )
    body = api.get(url(targets, "autopilot")).json()
    assert (body["is_on"], body["paused"], body["next_look_at"]) == (True, True, None)
    assert body["pause_reason"] == "Paused after 5 failures in a row. The last one: No route."
    assert body["guards"]["failures_in_a_row"] == 5
    body = api.post(url(targets, "start")).json()
    assert (body["paused"], body["pause_reason"], body["guards"]["failures_in_a_row"]) == (False, "", 0)


def test_what_holds_it_back_is_said(api: APIClient, alice: User, account: ExchangeAccount, targets: Strategy) -> None:
    api.post(url(targets, "start"))

    def held() -> tuple[bool, str]:
        body = api.get(url(targets, "autopilot")).json()
        return body["held"], body["hold_code"]

    assert held() == (False, "")
    SystemSettings.objects.create(trading_enabled=False)
    assert held() == (True, "trading_off")
    SystemSettings.objects.update(trading_enabled=None)
    accounts.suspend(alice)
    assert held() == (True, "user_suspended")
    assert "lifts the suspension" in api.get(url(targets, "autopilot")).json()["next"]
    accounts.resume(alice)
    exchanges.mark_refused(account, "Invalid API-key.")
    assert held() == (True, "account_not_ready")
    upcoming = api.get(url(targets, "autopilot")).json()["next"]
    assert "until you have mended the key" in upcoming
    assert "by itself" not in upcoming


def test_prices_that_are_too_old_hold_it_back(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        portfolio.read_balances(account)
        api.post(url(targets, "start"))
        assert api.get(url(targets, "autopilot")).json()["held"] is False
        clock.shift(20)
        with faults.plan([{"kind": "refuse", "times": 1000}]):
            clock.shift(60)
            body = api.get(url(targets, "autopilot")).json()
    assert (body["held"], body["hold_code"]) == (True, "price_stale")
    assert "seconds old; nothing is traded on them." in body["hold_reason"]


def test_a_guard_that_held_the_last_tick_back_is_shown_until_it_looks_again(api: APIClient, targets: Strategy) -> None:
    api.post(url(targets, "start"))
    values = {"symbol": "ETHUSDT", "pct": "12.5", "minutes": "10"}
    tell_tick(targets, status="held", code="price_jump", values=values)
    body = api.get(url(targets, "autopilot")).json()
    assert body["hold_reason"].startswith("ETHUSDT is 12.5% from its median of the last 10 minutes")
    Watch.objects.update(quiet_looks=1)
    assert api.get(url(targets, "autopilot")).json()["held"] is False


def test_a_server_whose_background_work_stands_still_is_noticed(api: APIClient, targets: Strategy) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        api.post(url(targets, "start"))
        clock.shift(60)
        assert api.get(url(targets, "autopilot")).json()["is_late"] is False
        clock.shift(60)
        body = api.get(url(targets, "autopilot")).json()
    assert body["is_late"] is True
    assert "seems to stand still" in body["next"]


@pytest.mark.parametrize(
    ("mode", "does", "upcoming"),
    [
        ("periodic", "once in 2 days, it trades everything to its target", "By schedule it next trades at"),
        ("both", "once in 2 days, it looks whether a weight", "By schedule it next trades at"),
    ],
)
def test_a_schedule_is_told_in_words(
    mode: str, does: str, upcoming: str, api: APIClient, account: ExchangeAccount, targets: Strategy
) -> None:
    strategies.update_strategy(targets, {"trigger_mode": mode, "interval_minutes": 2880}, None)
    portfolio.read_balances(account)
    off = api.get(url(targets, "autopilot")).json()
    assert "its first time is 2 days later" in off["next"]
    body = api.post(url(targets, "start")).json()
    assert does in body["does"]
    assert upcoming in body["next"]
    assert body["scheduled_at"] is not None
    assert f"{body['scheduled_at'][:10]}" in body["next"]


def test_an_interval_that_is_no_whole_number_of_days_is_told_in_days_and_hours(
    api: APIClient, targets: Strategy
) -> None:
    strategies.update_strategy(targets, {"trigger_mode": "periodic", "interval_minutes": 2190}, None)
    body = api.get(url(targets, "autopilot")).json()
    assert "once in 1 day 12 hours 30 minutes, it trades everything" in body["does"]
    assert "its first time is 1 day 12 hours 30 minutes later" in body["next"]


# --- what it decided -------------------------------------------------------------------------------------


def test_decisions_are_listed_newest_first_with_reasons(api: APIClient, targets: Strategy) -> None:
    tell_tick(targets, values={"asset": "SOL", "drift": "0.4"}, looks=15)
    tell_tick(targets, status="held", code="trading_off")
    tell_tick(targets, status="idle", code="not_due", values={"at": "2031-01-02T03:04:05+00:00"})
    tell_tick(
        targets, status="acted", code="outside_band", values={"asset": "SOL", "drift": "3.2"}, actions={"placed": 2}
    )
    rows = api.get(url(targets, "ticks")).json()["results"]
    assert [row["reason"] for row in rows] == [
        "Outside the band: SOL is 3.2 points from its target.",
        "The next look by schedule is at 2031-01-02 03:04 UTC.",
        "Trading is switched off on this server.",
        "Within the band; the largest drift is SOL, 0.4 points.",
    ]
    assert (rows[0]["actions"], rows[0]["run"], rows[3]["looks"]) == ({"placed": 2}, None, 15)
    assert set(rows[0]) == {
        "id", "status", "code", "reason", "looks", "actions", "run", "milliseconds", "started_at", "ended_at",
    }  # fmt: skip
    held = api.get(url(targets, "ticks"), {"status": "held"}).json()["results"]
    assert [row["code"] for row in held] == ["trading_off"]
    refusal(api.get(url(targets, "ticks"), {"status": "flying"}), 400, "invalid")


def test_decisions_come_in_pages(api: APIClient, targets: Strategy) -> None:
    for _number in range(5):
        tell_tick(targets)
    seen, address = [], url(targets, "ticks") + "?limit=2"
    while address:
        body = api.get(address).json()
        seen += [row["id"] for row in body["results"]]
        address = body["next"]
    assert seen == sorted(Tick.objects.values_list("pk", flat=True), reverse=True)


def test_a_reason_of_another_version_is_shown_as_far_as_it_is_known(api: APIClient, targets: Strategy) -> None:
    tell_tick(targets, code="moon_phase")
    tell_tick(targets, code="within_band", values={"asset": "SOL"})
    reasons = [row["reason"] for row in api.get(url(targets, "ticks")).json()["results"]]
    assert reasons == ["Within the band; the largest drift is SOL, ? points.", "moon_phase"]


def test_another_users_autopilot_does_not_exist(
    targets: Strategy, bob: User, api_for: Callable[[User], APIClient]
) -> None:
    theirs = api_for(bob)
    for what in ("autopilot", "ticks"):
        refusal(theirs.get(url(targets, what)), 404, "not_found")
    for what in ("start", "stop"):
        refusal(theirs.post(url(targets, what)), 404, "not_found")
    assert not Autopilot.objects.exists()


# --- what others do at the account -----------------------------------------------------------------------


def test_strangers_orders_are_listed(api: APIClient, account: ExchangeAccount) -> None:
    StrangerOrder.objects.create(
        account=account, exchange_order_id=7, client_order_id="web_1", symbol="BTCUSDT", side="BUY", type="LIMIT",
        price=D("40000.50"), quantity=D("0.1"), seen_at=timezone.now(),
    )  # fmt: skip
    body = api.get("/api/me/stranger-orders", {"account": account.pk}).json()
    assert body["account"] == account.pk
    assert [(row["symbol"], row["price"], row["executed_quantity"]) for row in body["results"]] == [
        ("BTCUSDT", "40000.5", "0")
    ]


def test_cash_flows_are_listed_within_a_time(api: APIClient, account: ExchangeAccount) -> None:
    now = timezone.now()
    for days, amount in ((3, D(100)), (1, D("-50.5"))):
        kind = "deposit" if amount > 0 else "withdrawal"
        at = now - timedelta(days=days)
        CashFlow.objects.create(account=account, at=at, kind=kind, asset="USDT", amount=amount, value=amount)
    rows = api.get("/api/me/cash-flows", {"account": account.pk}).json()["results"]
    assert [(row["kind"], row["asset"], row["amount"], row["value"]) for row in rows] == [
        ("withdrawal", "USDT", "-50.5", "-50.5"),
        ("deposit", "USDT", "100", "100"),
    ]
    since = (now - timedelta(days=2)).isoformat()
    assert len(api.get("/api/me/cash-flows", {"from": since}).json()["results"]) == 1
    assert len(api.get("/api/me/cash-flows", {"to": since}).json()["results"]) == 1
    refusal(api.get("/api/me/cash-flows", {"from": "yesterday"}), 400, "invalid")


def test_a_time_of_the_schedule_that_has_passed_is_any_moment(
    api: APIClient, account: ExchangeAccount, targets: Strategy
) -> None:
    strategies.update_strategy(targets, {"trigger_mode": "periodic", "interval_minutes": 30}, None)
    portfolio.read_balances(account)
    api.post(url(targets, "start"))
    Autopilot.objects.update(scheduled_at=timezone.now() - timedelta(minutes=7))
    assert "By schedule it next trades any moment, with orders" in api.get(url(targets, "autopilot")).json()["next"]
    assert outlook(targets).is_overdue


def test_no_price_at_all_keeps_it_held_back_while_it_goes_on_looking(
    api: APIClient, account: ExchangeAccount, targets: Strategy
) -> None:
    portfolio.read_balances(account)
    api.post(url(targets, "start"))
    row = Autopilot.objects.get()
    now = timezone.now()
    Tick.objects.create(
        user=targets.user, strategy=targets, status="held", code="price_stale", values={"age": "90"}, looks=1,
        started_at=now, ended_at=now,
    )  # fmt: skip
    Watch.objects.filter(account=account).update(quiet_looks=3, is_blind=True)
    assert state_of(row.strategy, standing_of(row.strategy))[0] == "held"
    Watch.objects.filter(account=account).update(is_blind=False)
    assert state_of(row.strategy, standing_of(row.strategy))[0] == "on"
