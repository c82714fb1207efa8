"""A conversion of small balances in the performance: a sale for BNB, of which the charge is a cost, and no flow."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from botbalance.account_performance.reading import account_history
from botbalance.account_performance.tax_lots import account_lots
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from orders.dust import services as dust
from orders.services.flows import note_flows
from orders.services.state import read_state
from orders.tests.scenes import START
from portfolio import selectors as portfolio
from portfolio.models import CashFlow, PortfolioSnapshot
from portfolio.performance.lots import Method
from portfolio.services import take_snapshot

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
PRICES = {"ADA": "0.5", "BNB": "800", "BTC": "80000"}


def test_nothing_but_the_charge_is_lost(alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for asset, price in PRICES.items():
            paper.symbol_control(f"{asset}USDT", price=D(price))
        account = paper_account(alice, {"USDT": 10, "ADA": 8, "BTC": "0.001"})

        def record() -> Decimal:
            clock.shift(60)
            note_flows(account, read_state(account).balances)
            return take_snapshot(account, PortfolioSnapshot.Reason.HOURLY).nav

        before = record()
        clock.shift(60)
        sweep = dust.sweep(alice, account, ["ADA"])
        after = record()
        assert not CashFlow.objects.exists()
        # Valuations are at the middle of the market, conversions at the last price, a tick beside it.
        assert before - after == pytest.approx(sweep.charge * 800, abs=D("0.01"))
        history = account_history(account, portfolio.thinned_history(account, most=100))
        assert (len(history.stretches), history.flows) == (1, ())  # everything is accounted for
        lots = account_lots(account, Method.FIFO)
    sold = [line for line in lots.closed if line.asset == "ADA"]
    assert [(line.quantity, line.kind) for line in sold] == [(D(8), "sale")]
    assert sold[0].proceeds == pytest.approx(sweep.received * 800, rel=D("0.0001"))
