"""Tracking by the reads that cost least: what is asked, and that what has left a list is asked for."""

import logging
from itertools import product

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.paper import faults
from exchanges.paper.models import PaperOrder
from orders import services
from orders.domain import READ_WEIGHTS, WHOLE_ACCOUNT, Status, choose_lists
from orders.models import Round
from orders.services.tracking import reconcile_account
from orders.tests.elsewhere import calls, lose_row
from orders.tests.scenes import CALM, RESTING, Trader, trader

BTC, ETH = ("BTCUSDT", Status.NEW), ("ETHUSDT", Status.PARTIALLY_FILLED)


# --- The choice, pure ------------------------------------------------------------------------------------


def test_the_weights_are_the_exchanges_own() -> None:
    assert (READ_WEIGHTS.order, READ_WEIGHTS.symbol_list, READ_WEIGHTS.whole_list) == (4, 6, 80)


@pytest.mark.parametrize(
    ("orders", "lists"),
    [
        ([], ()),
        ([BTC], ()),
        ([BTC, ETH], ()),
        ([BTC, BTC], ("BTCUSDT",)),
        ([BTC, ETH, ETH, BTC], ("BTCUSDT", "ETHUSDT")),
        ([BTC, BTC, ETH], ("BTCUSDT",)),
        ([(f"C{n}USDT", Status.NEW) for n in range(20)], ()),
        ([(f"C{n}USDT", Status.NEW) for n in range(21)], (WHOLE_ACCOUNT,)),
        ([(f"C{n:02}USDT", Status.NEW) for n in range(13)] * 2, tuple(f"C{n:02}USDT" for n in range(13))),
        ([(f"C{n:02}USDT", Status.NEW) for n in range(14)] * 2, (WHOLE_ACCOUNT,)),
    ],
)
def test_a_list_is_read_where_it_costs_less_than_asking(
    orders: list[tuple[str, Status]], lists: tuple[str, ...]
) -> None:
    assert choose_lists(orders) == lists


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.FILLED, Status.PENDING])
def test_only_orders_that_rest_are_a_reason_for_a_list(status: Status) -> None:
    assert choose_lists([("BTCUSDT", status), ("BTCUSDT", status), BTC]) == ()


@given(st.lists(st.integers(0, 9), max_size=60))
def test_no_other_choice_costs_less(symbols: list[int]) -> None:
    counts = {f"C{n}": symbols.count(n) for n in set(symbols)}
    chosen = choose_lists([(f"C{n}", Status.NEW) for n in symbols])

    def cost(lists: tuple[str, ...]) -> int:
        if lists == (WHOLE_ACCOUNT,):
            return READ_WEIGHTS.whole_list
        asked = sum(count * READ_WEIGHTS.order for symbol, count in counts.items() if symbol not in lists)
        return asked + READ_WEIGHTS.symbol_list * len(lists)

    names = sorted(counts)
    every = [
        tuple(n for n, wanted in zip(names, picks, strict=True) if wanted)
        for picks in product((0, 1), repeat=len(names))
    ]
    assert cost(chosen) == min(cost(lists) for lists in [*every, (WHOLE_ACCOUNT,)])


# --- What is asked of the exchange -----------------------------------------------------------------------


@pytest.fixture
def alice(clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture, db: None) -> Trader:
    """With one order that rests, and two more on its symbol."""
    caplog.set_level(logging.INFO)
    someone = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    someone.execute()
    return someone


pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def with_three_orders(someone: Trader, caplog: pytest.LogCaptureFixture) -> None:
    lose_row(Round.objects.get(), 1)
    lose_row(Round.objects.get(), 2)
    assert reconcile_account(someone.account) == []
    assert [order.status for order in someone.orders()] == [Status.NEW] * 3
    calls(caplog)


def test_one_order_is_asked_about_by_itself(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    calls(caplog)
    services.track_account(alice.account)
    assert calls(caplog) == ["GET order 4"]


def test_several_orders_on_a_symbol_are_one_list(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    with_three_orders(alice, caplog)
    services.track_account(alice.account)
    assert calls(caplog) == ["GET openOrders 6"]


def test_what_has_left_the_list_is_asked_for(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    with_three_orders(alice, caplog)
    gone = alice.orders()[1]
    exchanges.adapter_for(alice.account).cancel_order(gone.symbol, gone.client_order_id)
    calls(caplog)
    services.track_account(alice.account)
    assert calls(caplog) == ["GET openOrders 6", "GET order 4"]
    assert [order.status for order in alice.orders()] == [Status.NEW, Status.CANCELED, Status.NEW]


def test_a_list_that_shows_too_little_ends_no_order(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    with_three_orders(alice, caplog)
    with faults.plan([{"match": "GET /api/v3/order", "kind": "not_found", "times": 9}]):
        PaperOrder.objects.update(status="CANCELED")  # for the moment of this list
        services.track_account(alice.account)
        PaperOrder.objects.update(status="NEW")
    services.track_account(alice.account)
    assert [order.status for order in alice.orders()] == [Status.NEW] * 3
    assert not [order for order in alice.orders() if order.missing_answers]


def test_a_list_that_cannot_be_read_leaves_everything_for_the_next_time(
    alice: Trader, caplog: pytest.LogCaptureFixture
) -> None:
    with_three_orders(alice, caplog)
    with faults.plan([{"match": "GET /api/v3/openOrders", "kind": "error_before", "times": 9}]):
        assert services.track_account(alice.account)
    assert set(calls(caplog)) == {"GET openOrders 6"}
    assert services.track_account(alice.account) == []


def test_a_fill_that_a_list_shows_is_recorded(clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture) -> None:
    bob = trader("bob@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    bob.execute()
    lose_row(Round.objects.get(), 1, "KITEUSDT")
    reconcile_account(bob.account)
    caplog.set_level(logging.INFO)
    calls(caplog)
    clock.shift(60)
    services.track_account(bob.account)
    order = bob.orders()[0]
    assert calls(caplog)[:2] == ["GET openOrders 6", "GET myTrades 5"]
    assert order.status == Status.PARTIALLY_FILLED
    assert 0 < order.recorded_quantity == order.executed_quantity


def test_an_unknown_order_that_a_list_shows_is_known(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    with faults.plan(
        [
            {"match": "POST /api/v3/order", "kind": "lost_after"},
            {"match": "GET /api/v3/order", "kind": "refuse", "times": 100},
        ]
    ):
        bob.execute()
        assert [order.status for order in bob.orders()] == [Status.UNKNOWN]
        assert reconcile_account(bob.account) == []
    assert [order.status for order in bob.orders()] == [Status.NEW]
    bob.assert_books_agree()


def test_an_unknown_order_that_no_list_shows_stays_unknown(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    with faults.plan(
        [
            {"match": "POST /api/v3/order", "kind": "lost_before"},
            {"match": "GET /api/v3/order", "kind": "refuse", "times": 100},
        ]
    ):
        bob.execute()
        reconcile_account(bob.account)
    assert [order.status for order in bob.orders()] == [Status.UNKNOWN]


def test_what_is_to_be_cancelled_is_not_asked_about_first(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    run = Round.objects.get().run
    with faults.plan([{"match": "DELETE /api/v3/order", "kind": "lost_before"}]):
        services.stop_run(run)
    calls(caplog)
    services.track_account(alice.account)
    assert calls(caplog) == ["DELETE order 0"]
    assert [order.status for order in alice.orders()] == [Status.CANCELED]


def test_an_answer_that_comes_late_changes_nothing(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    with_three_orders(alice, caplog)
    with faults.plan([{"match": "GET /api/v3/openOrders", "kind": "duplicate_answer"}]):
        services.track_account(alice.account)
        services.track_account(alice.account)
    order = alice.orders()[0]
    services.cancel_order(order)
    services.track_account(alice.account)
    alice.assert_books_agree()
    assert Side(order.side) == Side.BUY
