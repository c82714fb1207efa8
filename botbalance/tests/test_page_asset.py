"""The page of one asset: its price with our fills, what is held and wanted of it, what it had cost, its orders."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from botbalance.tests.recorded_scene import filled
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders.models import Fill
from orders.tests.scenes import START
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

LATER = "2026-03-02T10:10:00+00:00"

ClientFor = Callable[[User], Client]


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000, "DOGE": 5})


@pytest.fixture
def bought(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Fill:
    return filled(strategy(account, {"BTC": 40}), datetime.fromisoformat(START), "BUY", "BTC/USDT", "0.01", 90_000)


def visit(browser: Client, account: ExchangeAccount, asset: str, query: str = "") -> Any:
    with time_machine.travel(LATER, tick=False):
        return browser.get(f"/assets/{account.pk}/{asset}/{query}")


def test_it_shows_candles_with_our_fills_and_what_is_held(
    alice: User, account: ExchangeAccount, bought: Fill, client_for: ClientFor
) -> None:
    answer = visit(client_for(alice), account, "BTC")
    page = answer.content.decode()
    assert '<path class="deal buy"' in page
    titles = [mark.title for mark in answer.context["drawn"].plot.marks]
    assert [": bought 0." in title for title in titles] == [True], titles
    assert "Average cost" in page
    assert "target 40.00%" in page
    assert "BTCUSDT" in page
    assert " style=" not in page
    cursor = json.loads(answer.context["drawn"].cursor)
    assert [line["name"] for line in cursor["lines"]] == ["Open", "High", "Low", "Close"]
    assert len(cursor["at"]) == len(cursor["x"]) == 120


def test_what_was_never_traded_has_a_page_as_well(alice: User, account: ExchangeAccount, client_for: ClientFor) -> None:
    page = visit(client_for(alice), account, "DOGE", "?interval=1d").content.decode()
    assert "No order of it yet." in page
    assert '<a href="?interval=1d" aria-current="page">' in page


def test_money_itself_has_no_price(alice: User, account: ExchangeAccount, client_for: ClientFor) -> None:
    assert "Price and fills" not in visit(client_for(alice), account, "USDT").content.decode()


def test_without_prices_the_rest_is_shown(alice: User, account: ExchangeAccount, client_for: ClientFor) -> None:
    browser = client_for(alice)
    visit(browser, account, "USDT")
    with faults.plan([{"match": "GET /api/v3/klines", "kind": "refuse", "times": 1000}]):
        for _again in range(2):
            page = visit(browser, account, "DOGE").content.decode()
            assert "There are no prices to draw at the moment." in page
            assert "Orders" in page


@pytest.mark.parametrize("asset", ["NOSUCHCOIN", "btc", "B%C3%84R"])
def test_an_unknown_asset_is_not_found(
    asset: str, alice: User, account: ExchangeAccount, client_for: ClientFor
) -> None:
    assert visit(client_for(alice), account, asset).status_code == 404


def test_another_users_account_is_not_found(bob: User, account: ExchangeAccount, client_for: ClientFor) -> None:
    assert visit(client_for(bob), account, "BTC").status_code == 404
