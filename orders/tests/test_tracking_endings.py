"""How an order ends, and that its page says why."""

from collections.abc import Callable

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from exchanges import services as exchanges
from exchanges.paper import faults
from exchanges.paper.models import PaperOrder, PaperTrade
from orders import selectors, services
from orders.domain import Status, report_kind
from orders.models import Order, Run
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

NOT_BY_US = "Cancelled at the exchange, not by BotBalance."
CONFIRMED = "The exchange confirmed the cancellation."


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    someone = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    someone.execute()
    return someone


def kinds(order: Order) -> list[str]:
    return [event.kind for event in order.events.all()]


def page(someone: Trader, client_for: Callable[[User], Client]) -> str:
    return client_for(someone.user).get(reverse("orders:detail", args=[someone.orders()[0].pk])).content.decode()


def end_at_exchange(status: str) -> None:
    """The exchange ends its orders itself, in a way the paper exchange has no occasion for."""
    PaperOrder.objects.update(status=status)


def test_cancelled_on_the_exchanges_own_site(alice: Trader, client_for: Callable[[User], Client]) -> None:
    order = alice.orders()[0]
    exchanges.adapter_for(alice.account).cancel_order(order.symbol, order.client_order_id)
    services.track_account(alice.account)
    order.refresh_from_db()
    assert (order.status, order.finished_at is not None) == (Status.CANCELED, True)
    assert kinds(order)[-1] == "cancelled_elsewhere"
    assert NOT_BY_US in page(alice, client_for)


def test_cancelled_by_its_owner_here(alice: Trader, client_for: Callable[[User], Client]) -> None:
    services.cancel_order(alice.orders()[0])
    text = page(alice, client_for)
    assert CONFIRMED in text
    assert NOT_BY_US not in text


def test_a_cancel_of_ours_whose_answer_was_lost_is_still_ours(
    alice: Trader, client_for: Callable[[User], Client]
) -> None:
    with faults.plan(
        [
            {"match": "DELETE /api/v3/order", "kind": "lost_after"},
            {"match": "GET /api/v3/order", "kind": "refuse", "times": 9},
        ]
    ):
        services.stop_run(Run.objects.get())
    services.track_account(alice.account)
    assert alice.orders()[0].status == Status.CANCELED
    assert NOT_BY_US not in page(alice, client_for)


def test_partly_filled_and_then_cancelled_elsewhere(
    clock: time_machine.Traveller, client_for: Callable[[User], Client]
) -> None:
    bob = trader("bob@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    bob.execute()
    clock.shift(60)
    services.track_account(bob.account)
    order = bob.orders()[0]
    exchanges.adapter_for(bob.account).cancel_order(order.symbol, order.client_order_id)
    services.track_account(bob.account)
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert 0 < order.recorded_quantity == order.executed_quantity < order.quantity
    assert NOT_BY_US in page(bob, client_for)
    bob.assert_books_agree()


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.EXPIRED_IN_MATCH])
def test_expired(status: Status, alice: Trader, client_for: Callable[[User], Client]) -> None:
    end_at_exchange(status)
    services.track_account(alice.account)
    assert alice.orders()[0].status == status
    assert kinds(alice.orders()[0])[-1] == "expired"
    assert "The exchange ended it by its own rules." in page(alice, client_for)


def test_refused_after_it_had_been_accepted(alice: Trader, client_for: Callable[[User], Client]) -> None:
    end_at_exchange(Status.REJECTED)
    services.track_account(alice.account)
    order = alice.orders()[0]
    assert (order.status, order.error) == (Status.REJECTED, "The exchange refused it and does not say why.")
    assert "The exchange refused it." in page(alice, client_for)


def test_gone_with_the_testnets_monthly_wipe(
    alice: Trader, clock: time_machine.Traveller, client_for: Callable[[User], Client]
) -> None:
    PaperOrder.objects.all().delete()
    for _look in range(3):
        clock.shift(30)
        services.track_account(alice.account)
    assert alice.orders()[0].status == Status.VANISHED
    assert "The exchange does not know it any more." in page(alice, client_for)


def test_ended_while_nobody_was_looking(alice: Trader, clock: time_machine.Traveller) -> None:
    """As after a night in which the server was down."""
    order = alice.orders()[0]
    clock.shift(3600)
    exchanges.adapter_for(alice.account).cancel_order(order.symbol, order.client_order_id)
    clock.shift(8 * 3600)
    services.track_account(alice.account)
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert kinds(order)[-1] == "cancelled_elsewhere"
    alice.assert_books_agree()


@pytest.mark.parametrize("status", [Status.NEW, Status.PARTIALLY_FILLED, Status.FILLED])
def test_what_has_not_ended_badly_is_news_like_any_other(status: Status) -> None:
    assert report_kind(status, cancel_requested=True) == report_kind(status, cancel_requested=False) == "report"


def test_filled_and_forgotten_by_the_exchange_before_its_trades_were_read(
    clock: time_machine.Traveller, client_for: Callable[[User], Client]
) -> None:
    someone = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    with faults.plan([{"match": "GET /api/v3/myTrades", "kind": "error_before", "status": 503, "times": 100}]):
        someone.execute()
    order = someone.orders()[0]
    assert (order.status, order.recorded_quantity) == (Status.FILLED, 0)
    PaperTrade.objects.all().delete()  # the monthly wipe
    PaperOrder.objects.all().delete()
    services.track_account(someone.account)
    assert selectors.has_work(someone.account.pk), "its trades may only be late"
    clock.shift(3700)
    services.track_account(someone.account)
    order.refresh_from_db()
    assert order.trades_lost
    assert "its trades were read" in page(someone, client_for)
    services.track_account(someone.account)
    assert not selectors.has_work(someone.account.pk)
