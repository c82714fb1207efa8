"""Disconnecting an account and starting a paper account afresh: asked first, and with what hangs on it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.selectors import accounts_of
from orders import services as trading
from orders.domain import Status
from orders.models import Order, Run
from portfolio import services as portfolio
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


@pytest.fixture
def account(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> ExchangeAccount:
    """An account with one resting order of a rebalance under way."""
    account = paper_account(alice, {"USDT": 500})
    targets = strategy(account, {"BTC": 50}, order_step_pct="2", order_size_pct="100")
    trading.execute(alice, targets, trigger=Run.Trigger.PAGE)
    assert Order.objects.get().status == Status.NEW
    return account


def test_disconnecting_says_what_ends_and_then_ends_it(browser: Client, account: ExchangeAccount) -> None:
    path = f"/exchange-accounts/{account.pk}/disconnect/"
    page = browser.get(path).content.decode()
    assert "1 open order is cancelled." in page
    assert "The rebalance under way is stopped." in page
    assert accounts_of(account.user).exists()
    assert browser.post(path).url == "/exchange-accounts/"
    assert not accounts_of(account.user).exists()
    assert Order.objects.get().status == Status.CANCELED
    run = Run.objects.get()
    page = browser.get(f"/orders/runs/{run.pk}/").content.decode()
    assert "The account was disconnected." in page
    assert browser.get(f"/orders/{Order.objects.get().pk}/").status_code == 200


def test_an_account_whose_orders_cannot_be_cancelled_stays(browser: Client, account: ExchangeAccount) -> None:
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        answer = browser.post(f"/exchange-accounts/{account.pk}/disconnect/", follow=True)
    assert answer.status_code == 200
    assert "Some orders of this account are still open" in answer.content.decode()
    assert accounts_of(account.user).exists()


def test_starting_afresh_sets_the_start_balance(browser: Client, account: ExchangeAccount) -> None:
    path = f"/exchange-accounts/{account.pk}/reset/"
    assert "10,000 USDT" in browser.get(path).content.decode()
    assert browser.post(path).url == "/exchange-accounts/"
    balances = {row.asset: row.total for row in portfolio.read_balances(account).balances}
    assert balances["USDT"] == Decimal(10_000)
    assert Run.objects.get().reason_code == "account_reset"


def test_a_real_account_is_not_reset(browser: Client, alice: User) -> None:
    account = exchanges.connect_account(alice, label="Main", venue="binance", api_key="k" * 64, api_secret="s" * 64)
    answer = browser.post(f"/exchange-accounts/{account.pk}/reset/", follow=True)
    assert answer.status_code == 200
    assert 'class="notice error"' in answer.content.decode()


@pytest.mark.parametrize("action", ["disconnect", "reset"])
def test_another_users_account_is_not_touched(
    action: str, charlie: User, account: ExchangeAccount, client_for: Callable[[User], Client]
) -> None:
    stranger = client_for(charlie)
    for send in (stranger.get, stranger.post):
        assert send(f"/exchange-accounts/{account.pk}/{action}/").status_code == 404
    assert Order.objects.get().status == Status.NEW
    assert stranger.delete(f"/exchange-accounts/{account.pk}/{action}/").status_code == 405
