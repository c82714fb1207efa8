"""What an owner switches off, stops or leaves: it stays so, it is said, and nothing else is touched by it."""

from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models.signals import post_save

from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import selectors, services
from orders.models import Autopilot, Order, OrderEvent, Run, Tick
from orders.services import runs
from orders.tests.scenes import CALM, CROSSING, RESTING, D, Trader, beat, trader
from strategies import services as strategies
from strategies.domain import Target

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def two_resting(email: str = "alice@example.com") -> Trader:
    """Two orders of an autopilot that rest far from the market."""
    return trader(email, {"USDT": 10_000}, {"BTC": 40, "ETH": 40}, **RESTING, **CALM)


def flying(clock: time_machine.Traveller) -> Trader:
    alice = two_resting()
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    assert [order.status for order in alice.orders()] == ["NEW", "NEW"]
    return alice


def states(alice: Trader) -> list[str]:
    return [order.status for order in alice.orders()]


def test_the_autopilot_of_a_strategy_that_another_has_replaced_is_off_for_good(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **CROSSING, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    other = strategies.create_strategy(alice.user, alice.account, {"name": "Cash"}, [Target("BTC", D(0))])
    strategies.activate(other)
    services.start_autopilot(alice.user, other)  # before the account has had a turn
    beat(clock, seconds=40)
    strategies.activate(alice.strategy)  # to look at it
    beat(clock, seconds=60)
    assert not Autopilot.objects.filter(is_on=True).exists()
    assert Run.objects.count() == 0


def test_a_pause_by_hand_is_in_the_history(clock: time_machine.Traveller) -> None:
    alice = flying(clock)
    services.stop_run(Run.objects.get())
    last = Tick.objects.order_by("-id")[0]
    assert (last.status, last.code) == ("paused", "stopped_by_hand")
    assert Autopilot.objects.get(strategy=alice.strategy).pause_code == "stopped_by_hand"


def test_cancelling_all_where_nothing_is_open_lets_the_autopilot_fly(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 0}, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    assert services.cancel_all(alice.account) == (0, [])
    assert selectors.flies(alice.account.pk)


def test_switching_off_cancels_also_what_an_ended_rebalance_has_left(clock: time_machine.Traveller) -> None:
    alice = flying(clock)
    services.cancel_order(alice.orders()[0])
    assert states(alice) == ["CANCELED", "NEW"]
    assert [order.pk for order in selectors.orders_left_by(alice.strategy)] == [alice.orders()[1].pk]
    _autopilot, problems = services.stop_autopilot(alice.strategy)
    assert problems == []
    assert states(alice) == ["CANCELED", "CANCELED"]
    alice.assert_books_agree()


def test_it_is_off_also_where_the_exchange_does_not_answer_and_the_orders_follow(clock: time_machine.Traveller) -> None:
    alice = flying(clock)
    with faults.plan([{"match": "DELETE /api/v3/order", "kind": "refuse", "times": 20}]):
        _autopilot, problems = services.stop_autopilot(alice.strategy)
    assert len(problems) == 2
    assert not Autopilot.objects.get().is_on
    beat(clock, seconds=40)
    assert states(alice) == ["CANCELED", "CANCELED"]


def test_a_process_that_still_holds_an_ended_run_leaves_the_others_orders_alone(clock: time_machine.Traveller) -> None:
    alice = flying(clock)
    held = Run.objects.get()
    services.cancel_order(alice.orders()[0])
    runs.advance(held)
    assert states(alice) == ["CANCELED", "NEW"]


def test_nor_does_it_touch_the_run_that_came_after(clock: time_machine.Traveller) -> None:
    alice = two_resting()
    held = alice.execute()
    services.stop_run(Run.objects.get())
    alice.execute()
    runs.advance(held)
    assert states(alice) == ["CANCELED", "CANCELED", "NEW", "NEW"]


def test_an_intent_that_is_stopped_before_it_is_claimed_is_not_sent(clock: time_machine.Traveller) -> None:
    """Between the word of the guards and the claim its run is stopped: the claim fails."""
    alice = two_resting()
    stopped: list[int] = []

    def stop_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not stopped and sql.startswith('UPDATE "orders_order" SET "status"'):
            stopped.append(1)
            Order.objects.update(cancel_requested=True)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(stop_first):
        alice.execute()
    assert stopped
    assert states(alice) == ["NOT_PLACED", "NOT_PLACED"]
    assert alice.at_exchange() == []


def test_nothing_leaves_when_the_switch_is_thrown_while_an_order_is_claimed(clock: time_machine.Traveller) -> None:
    alice = two_resting()

    def throw(instance: OrderEvent, **_rest: Any) -> None:
        if instance.kind == "sending":
            system_settings.change(trading_enabled=False)

    post_save.connect(throw, sender=OrderEvent)
    try:
        alice.execute()
    finally:
        post_save.disconnect(throw, sender=OrderEvent)
    assert states(alice) == ["NOT_PLACED", "NOT_PLACED"]
    assert {order.error for order in alice.orders()} == {"Trading is switched off on this server."}
    assert alice.at_exchange() == []


def test_intents_of_a_clock_that_was_ahead_are_not_sent(clock: time_machine.Traveller) -> None:
    alice = two_resting()
    clock.shift(3_600)
    with faults.plan([{"match": "POST /api/v3/order", "kind": "refuse", "times": 10}]):
        alice.execute()
    # As a process has left them that died before it sent them; then the clock is put right, half a minute late.
    Order.objects.update(status="PENDING", sent_ms=0, finished_at=None)
    clock.shift(-3_570)
    services.track_account(alice.account)
    assert {order.error for order in alice.orders()[:2]} == {"It was not sent in time; prices have moved on."}


def test_an_account_that_cannot_be_disconnected_yet_has_its_autopilot_off(clock: time_machine.Traveller) -> None:
    alice = flying(clock)
    with (
        faults.plan([{"match": "DELETE /api/v3/order", "kind": "refuse", "times": 20}]),
        pytest.raises(Conflict, match=r"still open.* Its autopilot was switched off\."),
    ):
        services.disconnect_account(alice.account)
    assert not Autopilot.objects.get().is_on
    beat(clock, seconds=60)
    assert states(alice) == ["CANCELED", "CANCELED"]
    services.disconnect_account(alice.account)
    assert ExchangeAccount.objects.get().archived_at is not None
