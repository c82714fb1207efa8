"""BNB that a strategy keeps for fees, live: only where the account pays its fees in it, bought once, and said why."""

from collections.abc import Callable

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.paper.models import PaperAccount
from orders import services
from orders.models import Order, Run, Tick
from orders.tests.scenes import CALM, CROSSING, D, Trader, beat, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def at_rest(*, burns: bool) -> Trader:
    """Half in Bitcoin as wanted, give or take; 30 USDT of BNB are to be kept, and there is none."""
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 0}, bnb_for_fees=D(30), **CALM, **CROSSING)
    PaperAccount.objects.filter(api_key=alice.account.paper_key).update(burns_bnb=burns)
    return alice


def test_the_autopilot_buys_it_once_and_then_leaves_it_alone(clock: time_machine.Traveller) -> None:
    alice = at_rest(burns=True)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=400)
    order = Order.objects.get()
    assert (order.symbol, order.side, order.status) == ("BNBUSDT", "BUY", "FILLED")
    assert abs(order.cumulative_quote - 30) < 2  # a lot, and the distance of the price
    assert [(run.goal, run.reason_code) for run in Run.objects.all()] == [("band", "within_band")]
    assert "fees_low" in Tick.objects.values_list("code", flat=True)
    alice.assert_books_agree()


def test_an_account_that_pays_no_fees_in_bnb_keeps_none(clock: time_machine.Traveller) -> None:
    alice = at_rest(burns=False)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=400)
    assert not Order.objects.exists()
    alice.account.refresh_from_db()
    assert alice.account.pays_in_bnb is False


def test_the_preview_says_what_the_order_is_for(api_for: Callable[[User], APIClient]) -> None:
    alice = at_rest(burns=True)
    answer = api_for(alice.user).get(f"/api/me/strategies/{alice.strategy.pk}/plan")
    (order,) = answer.json()["orders"]
    assert order["reason"] == "To pay fees with: less than half of the BNB that is kept for them is left."
