"""Orders that a rebalance sent and of which there is no row: found by their client ids, and taken in."""

from dataclasses import replace

import pytest
import time_machine

from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.paper.models import PaperOrder
from orders import selectors, services
from orders.domain import Status
from orders.models import Order, Round, Run, StrangerOrder
from orders.services.adopting import read_open_orders
from orders.services.tracking import reconcile_account
from orders.tests.elsewhere import lose_row, place
from orders.tests.scenes import CALM, RESTING, Trader, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    someone = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    someone.execute()
    return someone


def test_an_order_whose_id_recomputes_from_a_round_gets_a_row(alice: Trader) -> None:
    lost = lose_row(Round.objects.get(), 49, "ETHUSDT")
    assert reconcile_account(alice.account) == []
    order = alice.orders()[-1]
    assert (order.client_order_id, order.exchange_order_id) == (lost.client_order_id, lost.exchange_order_id)
    assert (order.round, order.index, order.user) == (Round.objects.get(), 49, alice.user)
    assert (order.symbol, order.base_asset, order.quote_asset) == ("ETHUSDT", "ETH", "USDT")
    assert (order.side, order.price, order.quantity) == (Side.BUY, lost.price, lost.quantity)
    assert [event.kind for event in order.events.all()] == ["adopted"]
    assert not StrangerOrder.objects.exists()
    alice.assert_books_agree()


def test_an_adopted_order_is_tracked_and_its_fills_are_recorded(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    bob.execute()
    clock.shift(60)
    Order.objects.all().delete()  # its rows are lost, its round is not
    reconcile_account(bob.account)
    order = bob.orders()[0]
    assert 0 < order.recorded_quantity == order.executed_quantity
    services.cancel_all(bob.account)
    services.track_account(bob.account)
    bob.assert_books_agree()


def test_its_run_waits_for_it(alice: Trader) -> None:
    Order.objects.all().delete()
    reconcile_account(alice.account)
    services.track_account(alice.account)
    assert [(order.status, order.cancel_requested) for order in alice.orders()] == [(Status.NEW, False)]
    assert Run.objects.get().is_active
    assert len(PaperOrder.objects.all()) == 1


def test_one_of_a_run_that_has_ended_is_cancelled_and_says_why(alice: Trader) -> None:
    services.stop_run(Run.objects.get())
    lose_row(Round.objects.get(), 1)
    reconcile_account(alice.account)
    order = alice.orders()[-1]
    assert order.status == Status.CANCELED
    events = list(order.events.all())
    assert [event.kind for event in events] == ["adopted", "cancelling_ended", "cancelled"]
    assert events[0].detail == "Its rebalance has gone on without it, so it is cancelled."
    assert [row.status for row in PaperOrder.objects.all()] == ["CANCELED", "CANCELED"]


def test_two_who_find_it_at_once_make_one_row(alice: Trader) -> None:
    """The second has read the list before the first has written the row."""
    lose_row(Round.objects.get(), 1)
    adapter = exchanges.adapter_for(alice.account)

    class Overtaken:
        """An adapter on whose answer another process is faster."""

        def get_open_orders(self, symbol: str = "") -> list[object]:
            reports = adapter.get_open_orders(symbol)
            read_open_orders(alice.account, adapter)
            return list(reports)

    read_open_orders(alice.account, Overtaken())  # type: ignore[arg-type]
    assert len(alice.orders()) == 2
    assert [event.kind for event in alice.orders()[1].events.all()] == ["adopted"]


@pytest.mark.parametrize("client_id", ["web_1", "0" * 20, "0123456789abcdef0123", "x" * 36])
def test_an_id_that_no_round_explains_is_a_strangers(client_id: str, alice: Trader) -> None:
    place(alice.account, client_id=client_id)
    reconcile_account(alice.account)
    assert len(alice.orders()) == 1
    assert [row.client_order_id for row in StrangerOrder.objects.all()] == [client_id]


def test_an_id_of_another_side_or_place_is_a_strangers(alice: Trader) -> None:
    """An id vouches for what it was made of: a SELL under the id of a BUY is not the order we sent."""
    round_ = Round.objects.get()
    lost = lose_row(round_, 50)  # no plan has so many legs
    reconcile_account(alice.account)
    assert [row.client_order_id for row in StrangerOrder.objects.all()] == [lost.client_order_id]


def test_an_id_of_another_account_of_the_user_is_a_strangers(alice: Trader, clock: time_machine.Traveller) -> None:
    other = exchanges.connect_account(alice.user, label="Second", venue="paper")
    round_ = Round.objects.get()
    lost = lose_row(round_, 1)
    exchanges.adapter_for(alice.account).cancel_order(lost.symbol, lost.client_order_id)
    place(other, client_id=lost.client_order_id)
    reconcile_account(other)
    assert not Order.objects.filter(account=other).exists()
    assert [row.account for row in StrangerOrder.objects.all()] == [other]


def test_an_order_thought_never_placed_is_taken_back_and_cancelled(alice: Trader) -> None:
    """A conclusion of ours gives way to what the exchange shows: money is at stake there."""
    order = alice.orders()[0]
    Order.objects.update(status=Status.NOT_PLACED, exchange_order_id=None, error="The exchange has never received it.")
    reconcile_account(alice.account)
    order.refresh_from_db()
    assert (order.status, order.error) == (Status.CANCELED, "")
    assert [event.kind for event in order.events.all()][-3:] == ["found", "cancelling", "cancelled"]
    alice.assert_books_agree()


def test_a_listed_order_that_is_not_the_one_we_know_changes_nothing(alice: Trader) -> None:
    adapter = exchanges.adapter_for(alice.account)
    (report,) = adapter.get_open_orders()
    order = alice.orders()[0]

    class Mistaken:
        def get_open_orders(self, symbol: str = "") -> list[object]:
            return [replace(report, quantity=report.quantity * 2, executed_quantity=report.quantity)]

    read_open_orders(alice.account, Mistaken())  # type: ignore[arg-type]
    order.refresh_from_db()
    assert (order.status, order.executed_quantity) == (Status.NEW, 0)
    assert not StrangerOrder.objects.exists()


def test_rounds_of_a_week_ago_are_not_looked_through(alice: Trader, clock: time_machine.Traveller) -> None:
    week = 7 * 86_400
    clock.shift(week)
    assert selectors.rounds_around(alice.account, Round.objects.get().tick_ts + week * 1000) == []
    assert selectors.rounds_around(alice.account, Round.objects.get().tick_ts + 1000) == [Round.objects.get()]
