"""Cancelling: one order, all orders, and what happens when a cancel meets a fill or loses its answer."""

from decimal import Decimal

import pytest
import time_machine

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Conflict
from exchanges import services as exchanges
from exchanges.domain import NewOrder, Side
from exchanges.errors import Unavailable
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services
from orders.domain import Status
from orders.models import Run
from orders.services.recording import apply_report
from orders.tests.scenes import CALM, RESTING, Trader, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

DELETE = "DELETE /api/v3/order"


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    someone = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 40, "ETH": 40}, **CALM, **RESTING)
    someone.execute()
    return someone


def test_cancelling_one_order_stops_the_run_that_would_place_it_again(alice: Trader) -> None:
    first, second = alice.orders()
    services.cancel_order(first)
    run = Run.objects.get()
    assert (run.state, run.reason) == (Run.State.STOPPED, f"You cancelled its order on {first.symbol}.")
    assert first.status == Status.CANCELED
    second.refresh_from_db()
    assert second.status == Status.NEW
    alice.assert_books_agree()


def test_cancelling_all_ends_every_order_of_ours(alice: Trader) -> None:
    assert services.cancel_all(alice.account) == (2, [])
    assert {order.status for order in alice.orders()} == {Status.CANCELED}
    assert Run.objects.get().reason_code == "all_cancelled"


def test_orders_placed_elsewhere_are_left_alone(alice: Trader) -> None:
    adapter = exchanges.adapter_for(alice.account)
    strange = NewOrder("BTCUSDT", Side.BUY, Decimal(50_000), Decimal("0.001"), "not-one-of-ours")
    adapter.place_order(strange, now_ms())
    services.cancel_all(alice.account)
    assert [order.client_order_id for order in adapter.get_open_orders()] == ["not-one-of-ours"]


@pytest.mark.parametrize("kind", ["lost_after", "reset_after", "error_after", "truncated"])
def test_a_cancel_whose_answer_was_lost_is_settled_by_asking(kind: str, alice: Trader) -> None:
    order = alice.orders()[0]
    with faults.plan([{"match": DELETE, "kind": kind}]):
        services.cancel_order(order)
    assert order.status == Status.CANCELED
    alice.assert_books_agree()


def test_a_cancel_that_never_arrived_leaves_the_order_open_and_can_be_repeated(alice: Trader) -> None:
    order = alice.orders()[0]
    with faults.plan([{"match": DELETE, "kind": "lost_before"}]), pytest.raises(Unavailable):
        services.cancel_order(order)
    assert order.status == Status.NEW
    services.cancel_order(order)
    assert order.status == Status.CANCELED


def test_tries_on_end_are_one_event_that_says_why_the_first_failed(
    alice: Trader, clock: time_machine.Traveller
) -> None:
    order = alice.orders()[0]
    before = [event.kind for event in order.events.all()]

    def since() -> list[tuple[str, bool]]:
        return [(event.kind, bool(event.detail)) for event in order.events.all()[len(before) :]]

    away = {"match": DELETE, "kind": "error_before", "status": 503, "code": -1008, "times": 1_000}
    with faults.plan([away]) as plan:
        with pytest.raises(Unavailable) as refused:
            services.cancel_order(order)
        for _look in range(20):
            clock.shift(30)
            services.track_account(alice.account)
        assert len(plan.happened) > 20
    assert since() == [("cancelling_owner", True)]
    assert order.events.get(kind="cancelling_owner").detail == refused.value.message
    clock.shift(60)
    services.track_account(alice.account)
    assert since() == [("cancelling_owner", True), ("cancelled", False)]


def test_a_cancel_that_is_confirmed_at_once_is_told_without_a_reason(alice: Trader) -> None:
    order = alice.orders()[0]
    services.cancel_order(order)
    told = [(event.kind, event.detail) for event in order.events.all()]
    assert told[-2:] == [("cancelling_owner", ""), ("cancelled", "")]


def test_a_try_after_something_else_has_happened_is_an_event_of_its_own(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    alice.execute()
    order = alice.orders()[0]
    with faults.plan([{"match": DELETE, "kind": "lost_before"}]), pytest.raises(Unavailable):
        services.cancel_order(order)
    before = order.executed_quantity
    clock.shift(60)
    adapter = exchanges.adapter_for(alice.account)
    assert apply_report(order, adapter.get_order_status(order.symbol, order.client_order_id))
    assert before < order.executed_quantity < order.quantity
    services.cancel_order(order)
    kinds = [event.kind for event in order.events.exclude(kind="fill")]
    assert kinds[-4:] == ["cancelling_owner", "report", "cancelling_owner", "cancelled"]


def test_a_cancel_is_not_sent_again_by_itself(alice: Trader) -> None:
    order = alice.orders()[0]
    with (
        faults.plan([{"match": DELETE, "kind": "error_before", "status": 502, "times": 5}]) as happened,
        pytest.raises(Unavailable),
    ):
        services.cancel_order(order)
    assert len(happened.happened) == 1


def test_a_cancel_after_the_fill_records_the_fill(alice: Trader, clock: time_machine.Traveller) -> None:
    order = alice.orders()[0]
    paper.symbol_control(order.symbol, price=order.price * Decimal("0.9"))
    clock.shift(3600)
    services.cancel_order(order)
    assert order.status == Status.FILLED
    assert order.recorded_quantity == order.quantity
    assert order.fees


def test_what_has_ended_cannot_be_cancelled(alice: Trader) -> None:
    order = alice.orders()[0]
    services.cancel_order(order)
    with pytest.raises(Conflict) as refused:
        services.cancel_order(order)
    assert refused.value.code == "order_final"


def test_an_exchange_that_cannot_be_reached_is_reported(alice: Trader) -> None:
    order = alice.orders()[0]
    everything = [{"match": "", "kind": "error_before", "status": 503, "code": -1008, "times": 50}]
    with faults.plan(everything), pytest.raises(Unavailable):
        services.cancel_order(order)
    ended, problems = 0, []
    with faults.plan(everything):
        ended, problems = services.cancel_all(alice.account)
    assert ended == 0
    assert len(problems) == 2


def test_a_cancel_at_the_exchanges_own_site_is_noticed(alice: Trader) -> None:
    order = alice.orders()[0]
    exchanges.adapter_for(alice.account).cancel_order(order.symbol, order.client_order_id)
    services.track_account(alice.account)
    order.refresh_from_db()
    assert order.status == Status.CANCELED


def test_a_paper_account_starts_afresh(alice: Trader) -> None:
    services.reset_paper_account(alice.account)
    assert {order.status for order in alice.orders()} == {Status.CANCELED}
    balances = exchanges.adapter_for(alice.account).account_info().balances
    assert [(row.asset, row.free, row.locked) for row in balances] == [("USDT", 10_000, 0)]
    assert paper.audit_account(alice.account.paper_key) == []


def test_disconnecting_cancels_and_erases_the_keys(alice: Trader) -> None:
    paper_key = alice.account.paper_key
    services.disconnect_account(alice.account)
    alice.account.refresh_from_db()
    assert (alice.account.paper_key, alice.account.api_key) == ("", "")
    assert {order.status for order in alice.orders()} == {Status.CANCELED}
    assert paper.audit_account(paper_key) == []


def test_an_account_with_an_order_that_cannot_be_cancelled_is_not_disconnected(alice: Trader) -> None:
    with (
        faults.plan([{"match": DELETE, "kind": "error_before", "status": 503, "code": -1008, "times": 50}]),
        pytest.raises(Conflict) as refused,
    ):
        services.disconnect_account(alice.account)
    assert refused.value.code == "orders_open"
    alice.account.refresh_from_db()
    assert alice.account.archived_at is None
