"""Several processes that find the same order, the same strangers or the same deposit at the same moment."""

from decimal import Decimal

import pytest

from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from orders.models import Order, OrderEvent, Round, StrangerOrder
from orders.services.flows import note_flows
from orders.services.state import read_state
from orders.services.tracking import reconcile_account
from orders.tests.elsewhere import lose_row, place
from orders.tests.scenes import CALM, RESTING, trader
from portfolio import selectors as portfolio
from portfolio.models import CashFlow, ExplainedBalances
from tests.test_twice_at_once import THREADS, at_once

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "paper"])


def test_an_order_is_adopted_once_and_strangers_are_shown_once() -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    alice.execute()
    lost = lose_row(Round.objects.get(), 1)
    for number in range(5):
        place(alice.account, "ETHUSDT", client_id=f"web_{number}")
    problems = at_once(lambda _number: reconcile_account(ExchangeAccount.objects.get()))
    assert problems == [[]] * THREADS
    assert Order.objects.filter(client_order_id=lost.client_order_id).count() == 1
    assert OrderEvent.objects.filter(kind="adopted").count() == 1
    assert StrangerOrder.objects.count() == 5


def test_a_deposit_is_recorded_once() -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    note_flows(alice.account, read_state(alice.account).balances)
    paper.deposit(alice.account.paper_key, "USDT", Decimal("12.5"))

    def look(_number: int) -> list[CashFlow]:
        account = ExchangeAccount.objects.get()
        return note_flows(account, read_state(account).balances)

    found = at_once(look)
    assert all(isinstance(flows, list) for flows in found), found
    assert sum(len(flows) for flows in found) == 1
    assert [flow.amount for flow in portfolio.cash_flows(alice.account)] == [Decimal("12.5")]


def test_there_is_one_first_reading() -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    known = read_state(alice.account).balances
    assert at_once(lambda _number: note_flows(ExchangeAccount.objects.get(), known)) == [[]] * THREADS
    assert ExplainedBalances.objects.count() == 1
