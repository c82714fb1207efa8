"""Orders placed elsewhere: shown, left alone, and what they lock is not free."""

import pytest
import time_machine

from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.paper.models import PaperOrder
from orders import selectors, services
from orders.models import Round, StrangerOrder
from orders.services.adopting import read_open_orders
from orders.services.tracking import reconcile_account
from orders.tests.elsewhere import lose_row, place
from orders.tests.scenes import CALM, RESTING, Trader, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    return trader("alice@example.org", {"USDT": 10_000, "ETH": 5}, {"BTC": 50}, **CALM, **RESTING)


def test_they_are_shown_as_they_stand(alice: Trader) -> None:
    placed = place(alice.account, "ETHUSDT", Side.SELL, client_id="web_7")
    reconcile_account(alice.account)
    (row,) = selectors.strangers_of(alice.account)
    assert (row.symbol, row.side, row.type, row.client_order_id) == ("ETHUSDT", "SELL", "LIMIT", "web_7")
    assert (row.price, row.quantity, row.executed_quantity) == (placed.price, placed.quantity, 0)
    assert row.exchange_order_id == placed.exchange_order_id


def test_they_are_never_cancelled(alice: Trader) -> None:
    place(alice.account)
    alice.execute()
    reconcile_account(alice.account)
    services.cancel_all(alice.account)
    assert [row.status for row in PaperOrder.objects.filter(client_order_id="web_1")] == ["NEW"]


def test_one_that_is_gone_is_shown_no_more(alice: Trader, clock: time_machine.Traveller) -> None:
    place(alice.account)
    place(alice.account, client_id="web_2")
    reconcile_account(alice.account)
    exchanges.adapter_for(alice.account).cancel_order("BTCUSDT", "web_1")
    clock.shift(1)
    reconcile_account(alice.account)
    assert [row.client_order_id for row in StrangerOrder.objects.all()] == ["web_2"]


def test_a_list_of_one_symbol_says_nothing_of_another(alice: Trader, clock: time_machine.Traveller) -> None:
    alice.execute()
    lose_row(Round.objects.get(), 1)
    place(alice.account, "ETHUSDT")
    place(alice.account, "BTCUSDT", client_id="web_2")
    reconcile_account(alice.account)
    exchanges.adapter_for(alice.account).cancel_order("BTCUSDT", "web_2")
    clock.shift(1)
    services.track_account(alice.account)  # two orders on BTCUSDT: that list
    assert [row.symbol for row in StrangerOrder.objects.all()] == ["ETHUSDT"]


def test_a_list_that_was_asked_for_earlier_does_not_bring_one_back(
    alice: Trader, clock: time_machine.Traveller
) -> None:
    place(alice.account)
    adapter = exchanges.adapter_for(alice.account)

    class Slow:
        """Its answer is on its way while somebody else reads another list."""

        def get_open_orders(self, symbol: str = "") -> list[object]:
            reports = list(adapter.get_open_orders())
            place(alice.account, client_id="web_2")
            adapter.cancel_order("BTCUSDT", "web_1")
            clock.shift(1)
            read_open_orders(alice.account, adapter)
            return list(reports)

    read_open_orders(alice.account, Slow())  # type: ignore[arg-type]
    assert [row.client_order_id for row in StrangerOrder.objects.all()] == ["web_2"]


def test_nobody_sees_anothers(alice: Trader) -> None:
    bob = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    place(alice.account)
    reconcile_account(alice.account)
    reconcile_account(bob.account)
    assert not selectors.strangers_of(bob.account).exists()
