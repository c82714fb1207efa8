"""Tracking: what happened at the exchange, found out and recorded."""

from dataclasses import replace
from decimal import Decimal

import pytest
import time_machine

from exchanges import services as exchanges
from exchanges.paper import faults
from exchanges.paper.models import PaperOrder, PaperTrade
from orders import selectors, services
from orders.domain import Status
from orders.services.recording import apply_report
from orders.tests.scenes import CALM, CROSSING, RESTING, beat, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def test_fills_and_fees_are_recorded_as_the_exchange_reports_them(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    alice.execute()
    alice.follow(clock)
    order = alice.orders()[0]
    assert order.status == Status.FILLED
    assert order.recorded_quantity == order.executed_quantity == order.quantity
    assert sum(fill.quantity for fill in order.fills.all()) == order.quantity
    assert sum(fill.quote_quantity for fill in order.fills.all()) == order.cumulative_quote
    assert Decimal(order.fees["BTC"]) == sum(fill.commission for fill in order.fills.all())
    alice.assert_books_agree()


def test_fills_that_could_not_be_read_are_read_the_next_time(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    with faults.plan([{"match": "GET /api/v3/myTrades", "kind": "refuse", "times": 100}]):
        alice.execute()
        services.track_account(alice.account)
    order = alice.orders()[0]
    assert order.status == Status.FILLED
    assert order.recorded_quantity == 0
    assert selectors.active_run(alice.account) is not None
    services.track_account(alice.account)
    order.refresh_from_db()
    assert order.recorded_quantity == order.quantity


@pytest.mark.soak
def test_an_order_with_more_trades_than_one_answer_holds_is_recorded_whole(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000_000}, {"KITE": 10}, **CALM)
    alice.execute()
    for _look in range(4):
        clock.shift(3600)
        services.track_account(alice.account)
    services.cancel_all(alice.account)
    services.track_account(alice.account)
    order = alice.orders()[0]
    assert PaperTrade.objects.filter(order_id=order.exchange_order_id, symbol=order.symbol).count() > 1000
    alice.assert_books_agree()


def test_an_answer_about_another_order_is_not_believed(clock: time_machine.Traveller) -> None:
    """As when a proxy repeats an answer: a second order's end must not become that of the first."""
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 30, "ETH": 30}, **CALM, **RESTING)
    alice.execute()
    first, second = alice.orders()[:2]
    adapter = exchanges.adapter_for(alice.account)
    other = replace(adapter.get_order_status(second.symbol, second.client_order_id), status="CANCELED")
    assert apply_report(first, other) is False
    first.refresh_from_db()
    assert first.status == Status.NEW
    assert first.finished_at is None


def test_an_order_that_has_vanished_from_the_exchange_is_said_to_have(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    alice.execute()
    PaperOrder.objects.filter(account__api_key=alice.account.paper_key).delete()  # the testnet's monthly wipe
    for _look in range(3):
        clock.shift(30)
        services.track_account(alice.account)
    order = alice.orders()[0]
    assert order.status == Status.VANISHED
    assert order.error == "The exchange does not know this order any more."


def test_one_accounts_trouble_does_not_keep_another_from_being_tracked(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    bob = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    alice.execute()
    bob.execute()
    with faults.plan([{"match": "GET /api/v3/order", "kind": "html", "times": 3}]):
        assert {account_id for account_id, _due in beat(clock, seconds=30, step=30)} == {
            alice.account.pk,
            bob.account.pk,
        }
    assert bob.orders()[0].recorded_quantity == bob.orders()[0].executed_quantity


def test_there_is_nothing_to_track_when_nothing_is_open(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    alice.execute()
    alice.follow(clock)
    beat(clock, seconds=30, step=30)
    assert beat(clock, seconds=300, step=30) == []


def test_a_partly_filled_order_that_is_cancelled_keeps_what_was_filled(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    alice.execute()
    clock.shift(60)
    services.track_account(alice.account)
    order = alice.orders()[0]
    assert order.status == Status.PARTIALLY_FILLED
    exchanges.adapter_for(alice.account).cancel_order(order.symbol, order.client_order_id)
    services.track_account(alice.account)
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    assert 0 < order.recorded_quantity == order.executed_quantity < order.quantity
    alice.assert_books_agree()
