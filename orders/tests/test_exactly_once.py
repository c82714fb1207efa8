"""One intent, at most one order at the exchange, whatever happens to the answer."""

from typing import Any

import pytest
import time_machine

from exchanges.paper import faults
from orders import services
from orders.domain import Status
from orders.models import Run
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

POST = "POST /api/v3/order"
ACCEPTED_BUT_UNHEARD: list[dict[str, Any]] = [
    {"kind": "lost_after"},
    {"kind": "reset_after"},
    {"kind": "error_after", "status": 502},
    {"kind": "error_after", "status": 500, "code": -1007},
    {"kind": "error_after", "status": 500, "code": -1006},
    {"kind": "truncated"},
]
NEVER_ACCEPTED: list[dict[str, Any]] = [
    {"kind": "lost_before"},
    {"kind": "reset_before"},
    {"kind": "error_before", "status": 503, "code": -1001},
]


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    return trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)


@pytest.fixture
def patient_alice(clock: time_machine.Traveller) -> Trader:
    return trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)


@pytest.mark.parametrize("fault", ACCEPTED_BUT_UNHEARD, ids=lambda fault: f"{fault['kind']} {fault.get('code', '')}")
def test_an_answer_lost_after_the_order_filled_is_found_by_asking(
    fault: dict[str, Any], alice: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan([{"match": POST, **fault}]) as happened:
        alice.execute()
    assert len(happened.happened) == 1
    assert len(alice.at_exchange()) == 1
    (order,) = alice.orders()
    assert order.executed_quantity > 0
    run = alice.follow(clock)
    assert run.state == Run.State.COMPLETE
    alice.assert_books_agree()


@pytest.mark.parametrize("fault", ACCEPTED_BUT_UNHEARD, ids=lambda fault: f"{fault['kind']} {fault.get('code', '')}")
def test_an_answer_lost_after_the_order_came_to_rest_is_found_by_asking(
    fault: dict[str, Any], patient_alice: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan([{"match": POST, **fault}]):
        patient_alice.execute()
    clock.shift(1)
    services.track_account(patient_alice.account)
    assert [order.status for order in patient_alice.orders()] == [Status.NEW]
    assert len(patient_alice.at_exchange()) == 1
    patient_alice.assert_books_agree()


def test_an_order_that_cannot_be_asked_about_stays_unknown_until_it_can(
    patient_alice: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan(
        [{"match": POST, "kind": "lost_after"}, {"match": "GET /api/v3/order", "kind": "refuse", "times": 100}]
    ):
        patient_alice.execute()
        for _minute in range(3):
            clock.shift(60)
            services.track_account(patient_alice.account)
        assert [order.status for order in patient_alice.orders()] == [Status.UNKNOWN]
    services.track_account(patient_alice.account)
    assert [order.status for order in patient_alice.orders()] == [Status.NEW]
    assert len(patient_alice.at_exchange()) == 1


@pytest.mark.parametrize("fault", NEVER_ACCEPTED, ids=lambda fault: fault["kind"])
def test_an_order_that_never_arrived_is_declared_so_only_when_it_can_not_arrive_any_more(
    fault: dict[str, Any], patient_alice: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan([{"match": POST, **fault}]):
        patient_alice.execute()
    for _look in range(5):
        clock.shift(1)
        services.track_account(patient_alice.account)
    assert [order.status for order in patient_alice.orders()] == [Status.UNKNOWN]
    clock.shift(10)
    services.track_account(patient_alice.account)
    first, *later = patient_alice.orders()
    assert first.status == Status.NOT_PLACED
    assert [order.status for order in later] == [Status.NEW]
    assert first.client_order_id != later[0].client_order_id
    patient_alice.assert_books_agree()


def test_an_order_that_the_exchange_cannot_find_for_a_while_is_not_given_up(
    patient_alice: Trader, clock: time_machine.Traveller
) -> None:
    lagging = {"match": "GET /api/v3/order", "kind": "not_found", "times": 3}
    with faults.plan([{"match": POST, "kind": "lost_after"}, lagging]):
        patient_alice.execute()
        for _look in range(4):
            clock.shift(1)
            services.track_account(patient_alice.account)
    assert [order.status for order in patient_alice.orders()] == [Status.NEW]
    assert len(patient_alice.at_exchange()) == 1


def test_a_skewed_clock_is_measured_and_the_same_order_sent_once_more(
    alice: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan([{"match": POST, "kind": "clock_skew"}]) as happened:
        alice.execute()
    assert len(happened.happened) == 1
    (order,) = alice.orders()
    assert order.executed_quantity > 0
    assert [event.kind for event in order.events.all()][:3] == ["intent", "sending", "sending_again"]
    assert len(alice.at_exchange()) == 1


def test_a_clock_that_stays_skewed_sends_nothing_a_third_time(alice: Trader, clock: time_machine.Traveller) -> None:
    with faults.plan([{"match": POST, "kind": "clock_skew", "times": 9}]) as happened:
        alice.execute()
        assert len(happened.happened) == 2
    (order,) = alice.orders()
    assert order.status == Status.NOT_PLACED
    assert order.error_code == -1021
    assert alice.at_exchange() == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "throttled", "seconds": 1}, -1003),
        ({"kind": "banned", "seconds": 60}, -1003),
        ({"kind": "error_before", "status": 503, "code": -1008}, -1008),
    ],
    ids=["throttled", "banned", "busy"],
)
def test_what_is_known_not_to_have_been_executed_is_not_placed_at_once(
    fault: dict[str, Any], code: int, alice: Trader, clock: time_machine.Traveller
) -> None:
    with faults.plan([{"match": POST, **fault}]):
        alice.execute()
    (order,) = alice.orders()
    assert (order.status, order.error_code) == (Status.NOT_PLACED, code)
    assert alice.follow(clock).state == Run.State.COMPLETE
    alice.assert_books_agree()


def test_after_an_unknown_outcome_the_rest_of_the_round_is_not_sent(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 9_000}, {"BTC": 30, "ETH": 30, "SOL": 30}, **CALM, **CROSSING)
    with faults.plan([{"match": POST, "nth": 2, "kind": "lost_after"}]):
        bob.execute()
    statuses = [order.status for order in bob.orders()]
    assert statuses[2] == Status.NOT_PLACED
    assert len(bob.at_exchange()) == 2
    assert bob.follow(clock).state == Run.State.COMPLETE
    bob.assert_books_agree()
