"""A strategy that trades by itself: looked at every 30 s, traded outside its band, and every decision written down."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Notice
from botbalance.lib.errors import Conflict, Forbidden
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import selectors, services
from orders.models import Autopilot, Order, Run, Tick, Watch
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, beat, trader
from strategies import services as strategies

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal


def off_target(**limits: object) -> Trader:
    """All in the quote, half of it wanted in Bitcoin."""
    return trader("alice@example.com", {"USDT": "10000"}, {"BTC": "50"}, **{**CROSSING, **CALM, **limits})


def ticks(someone: Trader) -> list[tuple[str, str]]:
    return [(row.status, row.code) for row in Tick.objects.filter(strategy=someone.strategy).order_by("id")]


def test_it_trades_what_is_outside_its_band_within_a_period_of_being_started(clock: time_machine.Traveller) -> None:
    alice = off_target()
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=90)
    run = Run.objects.get(account=alice.account)
    assert (run.trigger, run.state, run.reason_code) == ("autopilot", "complete", "within_band")
    assert [order.status for order in alice.orders()] == ["FILLED"]
    alice.assert_books_agree()


def test_it_writes_down_what_it_decided_and_why(clock: time_machine.Traveller) -> None:
    alice = off_target()
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=120)
    assert ticks(alice)[:2] == [("acted", "outside_band"), ("acted", "run_ended")]
    first = Tick.objects.filter(strategy=alice.strategy).order_by("id")[0]
    assert first.values == {"asset": "BTC", "drift": "50"}
    assert first.run == Run.objects.get()
    assert first.actions == {"placed": 1, "filled": 1}


def test_quiet_looks_are_counted_in_one_row(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": "10000"}, {"BTC": "0"})
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=1300)
    row = Tick.objects.get()
    assert (row.status, row.code, row.values) == ("idle", "within_band", {"asset": "BTC", "drift": "0"})
    watch = Watch.objects.get()
    assert row.looks + watch.quiet_looks in (43, 44)  # every 30 s, though balances were read three times only
    assert watch.ticks == 3


def test_it_never_looks_twice_in_one_period(clock: time_machine.Traveller) -> None:
    alice = off_target(**RESTING)
    services.start_autopilot(alice.user, alice.strategy)
    turns = beat(clock, seconds=300)
    dues = [due_ms for _account, due_ms in turns]
    assert dues == sorted(set(dues))
    assert all(later - earlier == 30_000 for earlier, later in pairwise(dues))


def test_a_turn_that_is_delivered_twice_is_taken_once(clock: time_machine.Traveller) -> None:
    alice = off_target()
    services.start_autopilot(alice.user, alice.strategy)
    clock.shift(40)
    ((account_id, due_ms),) = services.dispatch().ticks
    assert services.tick(account_id, due_ms) is not None
    assert services.tick(account_id, due_ms) is None
    assert Run.objects.count() == 1


def test_two_accounts_are_not_looked_at_in_the_same_moment(clock: time_machine.Traveller) -> None:
    some = [trader(f"user{number}@example.com", {"USDT": "100"}, {"BTC": "0"}) for number in range(6)]
    for one in some:
        services.start_autopilot(one.user, one.strategy)
    phases = sorted(due % 30_000 for due in Watch.objects.values_list("due_ms", flat=True))
    gaps = [later - earlier for earlier, later in zip(phases, [*phases[1:], phases[0] + 30_000], strict=True)]
    assert min(gaps) > 1_000


def test_it_goes_on_with_a_run_until_it_ends_and_begins_no_other(clock: time_machine.Traveller) -> None:
    alice = off_target(**RESTING)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=200)
    assert Run.objects.count() == 1
    assert ticks(alice) == [("acted", "outside_band"), ("waiting", "run_active")]
    assert Tick.objects.get(status="waiting").values == {"count": "1"}


def test_switched_off_it_ends_its_run_and_cancels_its_orders(clock: time_machine.Traveller) -> None:
    alice = off_target(**RESTING)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    row, problems = services.stop_autopilot(alice.strategy)
    assert (row.is_on, problems) == (False, [])
    assert Run.objects.get().reason_code == "autopilot_off"
    assert [order.status for order in alice.orders()] == ["CANCELED"]
    beat(clock, seconds=120)
    assert Run.objects.count() == 1
    assert Watch.objects.get().due_ms is None
    alice.assert_books_agree()


def test_started_again_it_trades_again(clock: time_machine.Traveller) -> None:
    alice = off_target()
    services.start_autopilot(alice.user, alice.strategy)
    services.stop_autopilot(alice.strategy)
    beat(clock, seconds=60)
    assert not Run.objects.exists()
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=90)
    assert Run.objects.get().state == "complete"


def test_on_schedule_it_waits_for_its_time_and_then_goes_to_the_targets(clock: time_machine.Traveller) -> None:
    alice = trader(
        "alice@example.com",
        {"USDT": "10000"},
        {"BTC": "3"},
        **CROSSING,
        **CALM,
        min_delta_pct=D(5),
        trigger_mode="periodic",
        interval_minutes=30,
    )
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=1700, step=10)
    assert not Run.objects.exists()  # and its 3 points are inside the band of 5
    beat(clock, seconds=200, step=10)
    run = Run.objects.get()
    assert (run.goal, run.state) == ("target", "complete")
    assert Autopilot.objects.get().scheduled_at == Autopilot.objects.get().started_at + timedelta(minutes=60)


def test_an_interval_that_is_made_shorter_counts_from_the_next_look(clock: time_machine.Traveller) -> None:
    alice = off_target(trigger_mode="periodic", interval_minutes=40_320)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=60)
    strategies.update_strategy(alice.strategy, {"interval_minutes": 30}, None)
    beat(clock, seconds=40)
    scheduled_at = Autopilot.objects.get().scheduled_at
    assert scheduled_at is not None
    assert scheduled_at <= timezone.now() + timedelta(minutes=30)


def test_on_schedule_and_outside_the_band_is_both(clock: time_machine.Traveller) -> None:
    alice = off_target(trigger_mode="both", interval_minutes=30)
    bob = trader(
        "bob@example.com", {"USDT": "10000"}, {"BTC": "0.5"}, **CROSSING, trigger_mode="both", interval_minutes=30
    )
    for one in (alice, bob):
        services.start_autopilot(one.user, one.strategy)
    beat(clock, seconds=1700, step=10)
    assert not Run.objects.exists()
    beat(clock, seconds=200, step=10)
    assert [run.account for run in Run.objects.all()] == [alice.account]
    assert ("idle", "within_band") in ticks(bob)


def test_a_strategy_that_is_not_followed_any_more_does_not_fly_on(clock: time_machine.Traveller) -> None:
    alice = off_target()
    services.start_autopilot(alice.user, alice.strategy)
    strategies.deactivate(alice.strategy)
    beat(clock, seconds=1300, step=10)
    strategies.activate(alice.strategy)
    beat(clock, seconds=120)
    assert not Run.objects.exists()
    assert not Autopilot.objects.get().is_on


def test_it_is_refused_where_it_could_not_trade(clock: time_machine.Traveller) -> None:
    alice = off_target()
    strategies.deactivate(alice.strategy)
    with pytest.raises(Conflict, match="Activate it first"):
        services.start_autopilot(alice.user, alice.strategy)
    strategies.activate(alice.strategy)
    ExchangeAccount.objects.update(status="refused", status_reason="Invalid API-key.")
    alice.strategy.account.refresh_from_db()
    with pytest.raises(Conflict, match="Invalid API-key"):
        services.start_autopilot(alice.user, alice.strategy)
    alice.user.suspended_at = timezone.now()
    alice.user.save()
    with pytest.raises(Forbidden):
        services.start_autopilot(alice.user, alice.strategy)
    assert not Autopilot.objects.exists()


def test_a_coin_that_cannot_be_traded_is_left_for_ten_minutes(clock: time_machine.Traveller) -> None:
    # A fifth of 8 USDT: outside the band, and less than half of the smallest order.
    alice = trader("alice@example.com", {"USDT": "8"}, {"BTC": "20"}, **CROSSING)
    services.start_autopilot(alice.user, alice.strategy)
    looked = beat(clock, seconds=590)
    assert len(looked) == 1
    assert ticks(alice) == [("held", "nothing_possible")]
    assert "BTC" in Tick.objects.get().values["details"]
    assert not Order.objects.exists()
    assert len(beat(clock, seconds=60)) == 1


def test_failures_in_a_row_pause_it_and_its_owner_is_told(clock: time_machine.Traveller) -> None:
    alice = off_target()
    services.start_autopilot(alice.user, alice.strategy)
    with faults.plan([{"match": "POST /api/v3/order", "kind": "not_found", "times": 100}]):
        beat(clock, seconds=1800, step=5)
    autopilot = Autopilot.objects.get()
    assert autopilot.pause_code == "repeated_failures"
    assert autopilot.pause_values["count"] == "5"
    assert ticks(alice)[-1] == ("paused", "repeated_failures")
    notice = Notice.objects.get(user=alice.user)
    assert "paused" in notice.title
    before = Run.objects.count()
    beat(clock, seconds=300, step=5)
    assert Run.objects.count() == before
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=90)
    assert selectors.active_run(alice.account) is None
    assert Run.objects.order_by("-id")[0].state == "complete"
