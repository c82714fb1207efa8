"""Moments in which something else happens than what was about to: nothing is doubled, nothing is left behind."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from accounts import services as accounts
from botbalance.lib.errors import Conflict
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.models import PaperOrder, PaperTrade
from orders import selectors, services
from orders.domain import MOST_PROBLEMS, Status
from orders.models import Run
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, beat, trader
from strategies import services as strategies

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

POST = "POST /api/v3/order"
GET = "GET /api/v3/order"
DELETE = "DELETE /api/v3/order"


class Meanwhile(list[tuple[str, str]]):
    """A list of faults that have happened; at the first, something else happens as well."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__()
        self.action = action

    def append(self, happened: tuple[str, str]) -> None:
        super().append(happened)
        if len(self) == 1:
            self.action()


@contextmanager
def meanwhile(fault: Mapping[str, Any], action: Callable[[], object]) -> Iterator[None]:
    """Let `action` happen while the request that meets the fault is on its way."""
    with faults.plan([fault]) as plan:
        plan.happened = Meanwhile(action)
        yield


@pytest.fixture
def patient(clock: time_machine.Traveller) -> Trader:
    return trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)


@pytest.fixture
def hasty(clock: time_machine.Traveller) -> Trader:
    return trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)


def look(someone: Trader, clock: time_machine.Traveller, times: int, seconds: int = 30) -> None:
    for _look in range(times):
        clock.shift(seconds)
        services.track_account(someone.account)


UNHEARD = [{"match": POST, "kind": "lost_after"}, {"match": GET, "kind": "refuse", "times": 100}]


def test_stopping_while_an_outcome_is_unknown_cancels_the_order_once_it_is_known(
    patient: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan(UNHEARD):
        run = patient.execute()
        assert services.stop_run(run)
    look(patient, clock, 1)
    assert [order.status for order in patient.orders()] == [Status.CANCELED]
    patient.assert_books_agree()


def test_switching_off_while_an_outcome_is_unknown_cancels_the_order_once_it_is_known(
    patient: Trader, clock: time_machine.Traveller, settings: Settings
) -> None:
    with faults.plan(UNHEARD):
        patient.execute()
        settings.TRADING_ENABLED = False
        look(patient, clock, 1, seconds=5)
    look(patient, clock, 1)
    assert [order.status for order in patient.orders()] == [Status.CANCELED]


def test_a_cancel_that_was_lost_is_repeated_by_tracking(patient: Trader, clock: time_machine.Traveller) -> None:
    run = patient.execute()
    with faults.plan([{"match": DELETE, "kind": "lost_before"}]):
        assert services.stop_run(run)
    assert [order.status for order in patient.orders()] == [Status.NEW]
    look(patient, clock, 1)
    assert [order.status for order in patient.orders()] == [Status.CANCELED]


def test_no_new_run_begins_while_an_outcome_is_unknown(patient: Trader, clock: time_machine.Traveller) -> None:
    with faults.plan(UNHEARD):
        run = patient.execute()
        services.stop_run(run)
        clock.shift(1)
        with pytest.raises(Conflict) as refused:
            patient.execute()
    assert refused.value.code == "orders_unresolved"
    assert len(patient.at_exchange()) == 1


def test_a_run_stopped_while_its_order_was_refused_for_the_clock_does_not_send_it_again(
    hasty: Trader, clock: time_machine.Traveller
) -> None:
    with meanwhile({"match": POST, "kind": "clock_skew"}, lambda: services.stop_run(Run.objects.get())):
        hasty.execute()
    assert hasty.at_exchange() == []
    assert [order.status for order in hasty.orders()] == [Status.NOT_PLACED]


def test_an_order_refused_for_the_clock_is_not_sent_again_an_hour_later(
    hasty: Trader, clock: time_machine.Traveller
) -> None:
    with meanwhile({"match": POST, "kind": "clock_skew"}, lambda: clock.shift(3600)):
        hasty.execute()
    assert hasty.at_exchange() == []


@pytest.mark.parametrize("what", ["switch", "suspension", "stop"])
def test_what_forbids_trading_acts_between_two_orders_of_a_round(
    what: str, clock: time_machine.Traveller, settings: Settings
) -> None:
    bob = trader("bob@example.org", {"USDT": 9_000}, {"BTC": 30, "ETH": 30, "SOL": 30}, **CALM, **RESTING)

    def forbid() -> None:
        if what == "switch":
            settings.TRADING_ENABLED = False
        elif what == "suspension":
            accounts.suspend(bob.user)
        else:
            services.stop_run(Run.objects.get())

    with meanwhile({"match": POST, "kind": "slow"}, forbid):
        bob.execute()
    assert len(bob.at_exchange()) == 1
    assert [order.status for order in bob.orders()[1:]] == [Status.NOT_PLACED, Status.NOT_PLACED]


def test_an_intent_older_than_a_minute_is_never_sent(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 9_000}, {"BTC": 30, "ETH": 30}, **CALM, **RESTING)
    with meanwhile({"match": POST, "kind": "slow"}, lambda: clock.shift(61)):
        bob.execute()
    assert [order.status for order in bob.orders()][1] == Status.NOT_PLACED
    assert len(bob.at_exchange()) <= 1


def test_an_order_is_not_given_up_because_it_was_asked_about_often(
    patient: Trader, clock: time_machine.Traveller
) -> None:
    patient.execute()
    with faults.plan([{"match": GET, "kind": "not_found", "times": 50}]):
        for _click in range(10):
            services.track_account(patient.account)
            clock.shift(2)
    services.track_account(patient.account)
    assert [order.status for order in patient.orders()] == [Status.NEW]


def test_an_order_that_cannot_be_asked_about_keeps_no_other_from_its_turn(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 9_000}, {"BTC": 40, "ETH": 40}, **CALM, order_step_pct=Decimal("0.05"))
    bob.execute()
    poison = {"match": GET, "kind": "clock_skew", "times": 3}  # refused for ever, as far as one look goes
    clock.shift(3600)
    for _look in range(3):
        with faults.plan([poison]) as plan:
            problems = services.track_account(bob.account)
        assert plan.happened
        assert problems
    assert bob.orders()[1].status == Status.FILLED
    assert Run.objects.get().problems_in_a_row == 3


def test_disconnecting_waits_until_every_fill_is_read(hasty: Trader, clock: time_machine.Traveller) -> None:
    with faults.plan([{"match": "GET /api/v3/myTrades", "kind": "refuse", "times": 100}]):
        hasty.execute()
        for _try in range(2):
            with pytest.raises(Conflict) as refused:
                services.disconnect_account(hasty.account)
            assert refused.value.code == "orders_open"
    services.disconnect_account(hasty.account)
    order = hasty.orders()[0]
    assert order.recorded_quantity == order.executed_quantity > 0


def test_a_run_that_is_given_up_leaves_no_order_behind(clock: time_machine.Traveller) -> None:
    alice = trader(
        "alice@example.org", {"USDT": 10_000}, {"BTC": 50}, order_size_pct=Decimal(100), order_step_pct=Decimal(2)
    )
    run = alice.execute()
    clock.shift(120)
    with faults.plan([{"match": "GET /api/v3/ticker", "kind": "throttled", "seconds": 10, "times": 10_000}]):
        look(alice, clock, MOST_PROBLEMS + 1)
    run.refresh_from_db()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "unreachable")
    look(alice, clock, 1)
    assert [order.status for order in alice.orders()] == [Status.CANCELED]


def test_a_run_at_a_refused_account_ends_without_anybody_looking(hasty: Trader, clock: time_machine.Traveller) -> None:
    with meanwhile({"match": POST, "kind": "slow"}, lambda: paper.close_account(hasty.account.paper_key)):
        hasty.execute()
    hasty.account.refresh_from_db()
    assert hasty.account.status == ExchangeAccount.Status.REFUSED
    beat(clock, seconds=30, step=30)
    assert selectors.active_run(hasty.account) is None
    assert Run.objects.get().reason_code == "credentials_refused"
    assert hasty.at_exchange() == []


def test_after_being_asked_to_slow_down_a_run_waits_as_long_as_it_was_told(
    hasty: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan([{"match": POST, "kind": "throttled", "seconds": 60, "times": 100}]) as plan:
        hasty.execute()
        look(hasty, clock, 10, seconds=5)
        assert len(plan.happened) == 1
        look(hasty, clock, 1, seconds=15)
        assert len(plan.happened) == 2
    look(hasty, clock, 3, seconds=61)
    run = Run.objects.get()
    assert run.state == Run.State.COMPLETE
    hasty.assert_books_agree()


def test_a_run_whose_fills_can_never_be_read_ends_and_says_so(hasty: Trader, clock: time_machine.Traveller) -> None:
    with faults.plan([{"match": "GET /api/v3/myTrades", "kind": "refuse", "times": 100}]):
        hasty.execute()
    PaperTrade.objects.all().delete()  # the testnet's monthly wipe
    PaperOrder.objects.all().delete()
    look(hasty, clock, MOST_PROBLEMS + 1)
    run = Run.objects.get()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "unreachable")
    assert "trades cannot be read" in run.reason


def test_a_plan_that_another_process_has_overtaken_does_not_end_the_run(clock: time_machine.Traveller) -> None:
    """Its balances come after the other's orders were placed: these already cover all that was to be done."""
    limits = {"order_size_pct": Decimal(25), "order_lifetime_seconds": 3600}
    carol = trader("carol@example.org", {"USDT": 10_000}, {"BTC": 40}, **CROSSING, **limits)
    # The first order takes what is offered; what is left is to rest.
    with meanwhile({"match": POST, "kind": "slow"}, lambda: strategies.update_strategy(carol.strategy, RESTING, None)):
        carol.execute()
    assert [order.status for order in carol.orders()] == [Status.FILLED]
    carol.strategy.refresh_from_db()
    with meanwhile({"match": "GET /api/v3/account", "kind": "slow"}, lambda: services.track_account(carol.account)):
        services.track_account(carol.account)
    assert [order.status for order in carol.orders()] == [Status.FILLED, Status.NEW]
    assert Run.objects.get().state == "active"
