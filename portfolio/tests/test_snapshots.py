"""Snapshots of idle accounts cost no reading of their own; those after fills are of balances from after them."""

import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from portfolio import selectors, services, tasks
from portfolio.models import PortfolioSnapshot

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

FILL = PortfolioSnapshot.Reason.FILL


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": "1000"})


def readings(caplog: pytest.LogCaptureFixture) -> int:
    """How often balances were read since the last time this was asked."""
    count = sum("route=/api/v3/account " in record.getMessage() for record in caplog.records)
    caplog.clear()
    return count


@pytest.mark.parametrize(("seconds", "read"), [(0, 0), (599, 0), (601, 1)])
def test_the_hourly_one_takes_what_is_known_while_it_is_not_too_old(
    seconds: int, read: int, account: ExchangeAccount, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with time_machine.travel("2026-03-02T10:00:00+00:00", tick=False) as clock:
        services.read_balances(account)
        readings(caplog)
        clock.shift(seconds)
        assert tasks.snapshot_accounts() == 1
    assert readings(caplog) == read
    assert PortfolioSnapshot.objects.get().nav == 1000


def test_balances_from_before_the_moment_asked_for_are_read_again(account: ExchangeAccount) -> None:
    services.read_balances(account)
    paper.deposit(account.paper_key, "USDT", Decimal(500))
    earlier = timezone.now() - timedelta(minutes=1)
    assert services.take_snapshot(account, FILL, read_after=earlier).nav == 1000
    assert services.take_snapshot(account, FILL, read_after=timezone.now()).nav == 1500


def test_the_price_of_bitcoin_is_recorded_whether_it_is_held_or_not(
    bob: User, account: ExchangeAccount, paper_account: Callable[..., ExchangeAccount]
) -> None:
    with time_machine.travel("2026-03-02T10:00:00+00:00", tick=False):
        price = services.take_snapshot(account, FILL).bitcoin_price
        assert price is not None
        holder = services.take_snapshot(paper_account(bob, {"BTC": 2}), FILL)
    assert (holder.nav, holder.bitcoin_price) == (2 * price, price)
    (without,) = selectors.thinned_history(account)
    assert (without.nav, without.totals, without.prices) == (1000, {"USDT": 1000}, {"USDT": 1, "BTC": price})


def test_without_such_a_moment_they_are_always_read(account: ExchangeAccount) -> None:
    services.read_balances(account)
    paper.deposit(account.paper_key, "USDT", Decimal(500))
    assert services.take_snapshot(account, FILL).nav == 1500
