"""What the autopilot makes of its owner's hand, of mistakes of ours, and of attempts that take several rebalances."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from accounts.models import Notice
from botbalance.lib import system_settings
from botbalance.lib.clock import now_ms
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services
from orders.models import Autopilot, Order, Run, Tick, Watch
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, beat, trader
from strategies import services as strategies

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal


@pytest.fixture(autouse=True)
def _held_by_hand(settings: Settings) -> None:
    settings.PRICE_JUMP_PCT = D(100)  # prices are an operator's here, far from the market's
    system_settings.forget()


def at(price: Decimal | int) -> None:
    paper.symbol_control("BTCUSDT", price=D(price))


@pytest.mark.parametrize(
    "stop",
    [
        lambda alice: services.stop_run(Run.objects.get()),
        lambda alice: services.cancel_order(alice.orders()[0]),
        lambda alice: services.cancel_all(alice.account),
    ],
    ids=["stopped", "cancelled", "all cancelled"],
)
def test_what_its_owner_has_stopped_is_not_begun_again_until_they_let_it(
    stop: Callable[[Trader], object], clock: time_machine.Traveller
) -> None:
    at(50_000)
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 40}, **RESTING, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    stop(alice)
    beat(clock, seconds=120)
    assert [order.status for order in alice.orders()] == ["CANCELED"]
    assert Autopilot.objects.get().pause_code == "stopped_by_hand"
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    assert [order.status for order in alice.orders()] == ["CANCELED", "NEW"]


def test_the_worst_price_holds_however_many_rebalances_it_takes(clock: time_machine.Traveller) -> None:
    at(50_000)
    limits = {"order_size_pct": D(100), "order_step_pct": D("0.1"), "order_lifetime_seconds": 30}
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **limits, worst_price_pct=D(2))
    services.start_autopilot(alice.user, alice.strategy)
    price = D(50_000)
    for _step in range(30):
        beat(clock, seconds=30)
        price = (price * D("1.002")).quantize(D(1))
        at(price)
    assert Run.objects.count() > 1
    assert max(order.price for order in alice.orders()) <= D(51_000)


def test_a_mistake_of_ours_ends_the_rebalance_is_counted_and_told(clock: time_machine.Traveller) -> None:
    at(50_000)
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 40}, **RESTING, order_lifetime_seconds=10)
    services.start_autopilot(alice.user, alice.strategy)
    for _failure in range(5):
        beat(clock, seconds=60)
        # What no code of ours writes, and none can read.
        Run.objects.filter(state="active").update(first_prices={"BTCUSDT": "none"})
        at(50_000 + len(alice.orders()) * 100)
        beat(clock, seconds=40)
    assert Autopilot.objects.get().pause_code == "repeated_failures"
    assert set(Run.objects.values_list("state", "reason_code")) == {("stopped", "not_possible")}
    assert Notice.objects.filter(user=alice.user).count() == 1
    assert not Order.objects.filter(status="NEW").exists()


def test_a_mistake_of_ours_ends_a_rebalance_by_hand_and_says_so(clock: time_machine.Traveller) -> None:
    at(50_000)
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 40}, **RESTING, order_lifetime_seconds=10)
    run = alice.execute()
    Run.objects.update(first_prices={"BTCUSDT": "none"})
    at(51_000)
    beat(clock, seconds=80)
    run.refresh_from_db()
    assert (run.state, run.reason_code) == ("stopped", "not_possible")
    assert [order.status for order in alice.orders()] == ["CANCELED"]


def refused() -> Any:
    """The exchange refuses every order."""
    return faults.plan([{"match": "POST /api/v3/order", "kind": "not_found", "times": 1000}])


def test_failures_of_a_schedule_are_in_a_row_although_it_looks_in_between(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.FAILURES_BEFORE_PAUSE = 2
    system_settings.forget()
    limits = {"trigger_mode": "periodic", "interval_minutes": 30}
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **CROSSING, **limits)
    services.start_autopilot(alice.user, alice.strategy)
    with refused():
        beat(clock, seconds=2 * 3600, step=15)
    assert Autopilot.objects.get().pause_code == "repeated_failures"
    assert Run.objects.count() == 2


def test_a_failure_that_its_owners_refresh_has_met_counts_and_is_told_in_their_language(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.FAILURES_BEFORE_PAUSE = 1
    system_settings.forget()
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **CROSSING)
    alice.user.language = "ru"
    alice.user.save()
    services.start_autopilot(alice.user, alice.strategy)
    with refused():
        while not Run.objects.exists():
            beat(clock, seconds=5)
        for _click in range(5):
            services.track_account(alice.account)
    assert Run.objects.get().reason_code == "orders_refused"
    last = Tick.objects.order_by("-id")[0]
    assert (last.status, last.code, last.run_id) == ("paused", "repeated_failures", Run.objects.get().pk)
    assert "Биржа отклонила ордера" in last.values["details"]
    assert "Биржа отклонила ордера" in Notice.objects.get().text


def test_failures_far_apart_are_not_in_a_row(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 0}, **CROSSING)
    services.start_autopilot(alice.user, alice.strategy)
    Autopilot.objects.update(failures_in_a_row=4)
    beat(clock, seconds=40)
    assert Autopilot.objects.get().failures_in_a_row == 0


def test_a_change_of_the_strategy_ends_the_wait_after_a_plan_without_orders(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **CROSSING, **CALM, max_turnover_pct=D(1))
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=200, step=2)
    assert Tick.objects.order_by("-id")[0].code == "nothing_possible"
    strategies.update_strategy(alice.strategy, {"max_turnover_pct": None}, None)
    beat(clock, seconds=40, step=2)
    assert Run.objects.order_by("-id")[0].state in ("active", "complete")
    assert sum(order.cumulative_quote for order in alice.orders()) > D(4_000)


def test_a_clock_that_was_ahead_silences_nobody(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **RESTING, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    ahead = now_ms() + 3 * 3_600_000
    Watch.objects.update(due_ms=ahead, ticked_due_ms=ahead, lease_until_ms=ahead, lease_token="x", hold_until_ms=ahead)
    before = Watch.objects.get().ticks
    beat(clock, seconds=120)
    assert Watch.objects.get().ticks - before in (4, 5)  # at once, and every 30 s


def test_an_autopilot_without_a_turn_is_given_one(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **CROSSING, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    Watch.objects.update(due_ms=None)
    assert services.watch_unwatched() == 1
    beat(clock, seconds=90)
    assert Run.objects.get().state == "complete"
