"""Open pages cost the exchange next to nothing, and are right all the same once an order has changed."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from orders import services as trading
from orders.models import Run
from orders.tests.elsewhere import calls
from orders.tests.scenes import CALM, CROSSING, START
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
READ = "GET account 20"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def account(clock: time_machine.Traveller, alice: User, paper_account: Callable[..., Any]) -> ExchangeAccount:
    account: ExchangeAccount = paper_account(alice, {"USDT": 10_000})
    return account


def test_a_page_left_open_reads_balances_once(
    account: ExchangeAccount,
    alice: User,
    clock: time_machine.Traveller,
    client_for: Callable[[User], Client],
    caplog: pytest.LogCaptureFixture,
) -> None:
    browser = client_for(alice)
    calls(caplog)
    for _poll in range(12):
        page = browser.get(f"/?account={account.pk}", headers={"HX-Request": "true"}).content.decode()
        clock.shift(10)
    assert calls(caplog) == [READ]
    assert "Balances 10:00:00, 1 min 50 s ago" in page


def test_the_refresh_link_reads_them_now(
    account: ExchangeAccount,
    alice: User,
    clock: time_machine.Traveller,
    client_for: Callable[[User], Client],
    caplog: pytest.LogCaptureFixture,
) -> None:
    browser = client_for(alice)
    page = browser.get(f"/?account={account.pk}").content.decode()
    link = f"/?account={account.pk}&amp;refresh=1"
    assert f'href="{link}"' in page
    paper.deposit(account.paper_key, "USDT", Decimal(500))
    clock.shift(60)
    calls(caplog)
    page = browser.get(link.replace("&amp;", "&")).content.decode()
    assert calls(caplog) == [READ]
    assert "10,500.00" in page


def test_after_an_order_has_traded_every_reader_sees_what_is_held(
    account: ExchangeAccount,
    alice: User,
    strategy: Callable[..., Strategy],
    clock: time_machine.Traveller,
    client_for: Callable[[User], Client],
    api_for: Callable[[User], Any],
) -> None:
    browser, api = client_for(alice), api_for(alice)
    targets = strategy(account, {"BTC": 50}, **CALM, **CROSSING)
    address = f"/api/me/balances?account={account.pk}"
    assert [row["asset"] for row in api.get(address).json()["balances"]] == ["USDT"]
    clock.shift(1)
    trading.execute(alice, targets, trigger=Run.Trigger.API)
    clock.shift(5)
    trading.track_account(account)
    assert "BTC" in [row["asset"] for row in api.get(address).json()["balances"]]
    summary = browser.get(f"/?account={account.pk}").context["summary"]
    assert next(row.free for row in summary.rows if row.asset == "BTC") > 0
