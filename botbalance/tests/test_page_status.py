"""The status bar of every signed-in page, and the same by API."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.notifications.models import Channel, Kind
from botbalance.lib import system_settings
from botbalance.status import selectors
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import services as orders
from orders.models import Autopilot
from orders.standings import standings_of
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
PAGES = ["/", "/strategies/", "/orders/", "/orders/runs/", "/backtests/", "/exchange-accounts/", "/auth/account/"]

ClientFor = Callable[[User], Client]


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000}, label="Main")


@pytest.fixture
def flying(account: ExchangeAccount, alice: User, strategy: Callable[..., Strategy]) -> Strategy:
    row = strategy(account, {"BTC": 40}, name="Sixty forty")
    orders.start_autopilot(alice, row)
    return row


def bar(browser: Client, path: str = "/orders/") -> str:
    """The status bar as text."""
    page = browser.get(path).content.decode()
    found = re.search(r'<section class="status (\w+)" id="status".*?</details>', page, re.DOTALL)
    assert found, path
    return found[1] + " " + " ".join(re.sub(r"<[^>]+>", " ", found[0].replace(">", "> ")).split())


@pytest.mark.parametrize("path", PAGES)
def test_every_signed_in_page_has_it(path: str, alice: User, flying: Strategy, client_for: ClientFor) -> None:
    said = bar(client_for(alice), path)
    assert said.startswith("ok ")
    assert "Everything is all right. PAPER Autopilot on" in said


def test_strangers_have_none(client: Client) -> None:
    assert 'id="status"' not in client.get("/auth/sign-in/").content.decode()


def test_who_has_nothing_yet_is_told_so(charlie: User, client_for: ClientFor) -> None:
    assert "No account is connected yet. PAPER Autopilot off" in bar(client_for(charlie))


def test_the_kill_switch_is_red_and_says_what_it_means(alice: User, flying: Strategy, client_for: ClientFor) -> None:
    system_settings.change(trading_enabled=False)
    said = bar(client_for(alice))
    assert said.startswith("bad ")
    assert "Trading is switched off on this server: nothing is sent to the exchange." in said


def test_where_nobody_would_be_told_it_says_so_and_leads_to_a_remedy(
    alice: User, flying: Strategy, client_for: ClientFor, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    said = bar(client_for(alice))
    assert said.startswith("warn ")
    assert "Nothing reaches you while no page is open" in said
    assert "/auth/account/notifications/" in client_for(alice).get("/orders/").content.decode()
    Channel.objects.create(user=alice, type="webhook", name="Hook", address="x", hint="x", kinds=Kind.values)
    assert bar(client_for(alice)).startswith("ok ")


def test_suspended_is_red(alice: User, account: ExchangeAccount, client_for: ClientFor) -> None:
    User.objects.filter(pk=alice.pk).update(suspended_at=timezone.now())
    assert bar(client_for(alice)).startswith("bad ")


def test_a_refused_key_is_named_and_leads_to_where_it_is_mended(
    alice: User, account: ExchangeAccount, client_for: ClientFor
) -> None:
    exchanges.mark_refused(account, "Wrong key.")
    said = bar(client_for(alice))
    assert said.startswith("bad ")
    assert "Main: the exchange refuses the API key. Wrong key." in said
    assert (
        '<a class="do" href="/exchange-accounts/">Mend the key</a>'
        in client_for(alice).get("/orders/").content.decode()
    )


def test_closed_on_a_narrow_screen_it_leaves_out_what_others_said_at_length(
    alice: User, account: ExchangeAccount, client_for: ClientFor
) -> None:
    exchanges_reason = "Nobody knows this key. " * 5
    ExchangeAccount.objects.filter(pk=account.pk).update(status="refused", status_reason=exchanges_reason)
    page = client_for(alice).get("/orders/").content.decode()
    assert '<span class="brief">Main: the exchange refuses the API key.</span>' in page
    assert f'<span class="full">Main: the exchange refuses the API key. {exchanges_reason.strip()}</span>' in page


def test_a_paused_autopilot_says_why_and_where_it_goes_on(alice: User, flying: Strategy, client_for: ClientFor) -> None:
    Autopilot.objects.filter(pk=flying.pk).update(
        paused_at=timezone.now(), pause_code="repeated_failures", pause_values={"count": "5", "details": "No."}
    )
    said = bar(client_for(alice))
    assert said.startswith("bad ")
    assert "Sixty forty: its autopilot is paused. Paused after 5 failures in a row. The last one: No." in said
    assert (
        f'href="/orders/autopilot/{flying.pk}/">Let it go on</a>' in client_for(alice).get("/orders/").content.decode()
    )


def test_an_autopilot_that_does_not_look_is_red(alice: User, flying: Strategy, client_for: ClientFor) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        said = bar(client_for(alice))
    assert said.startswith("bad ")
    assert "its autopilot should have looked by now" in said


def test_several_autopilots_are_summed_up(
    alice: User, flying: Strategy, client_for: ClientFor, paper_account: Any, strategy: Any
) -> None:
    second = strategy(paper_account(alice, {"USDT": 100}, label="Second"), {"ETH": 40}, name="Other")
    orders.start_autopilot(alice, second)
    Autopilot.objects.filter(pk=second.pk).update(paused_at=timezone.now(), pause_code="stopped_by_hand")
    assert "2 autopilots: 1 on, 1 paused" in bar(client_for(alice))


def test_an_exchange_without_new_prices_is_amber(alice: User, account: ExchangeAccount, client_for: ClientFor) -> None:
    browser = client_for(alice)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        browser.get("/")
        clock.shift(100)
        with faults.plan([{"kind": "refuse", "times": 1000}]):
            browser.get("/")
        said = bar(browser)
        assert said.startswith("warn ")
        assert "PAPER: the exchange gives no new prices; the last are 100 s old." in said
        browser.get("/")
        assert bar(browser).startswith("ok ")


def test_another_users_trouble_is_not_shown(
    alice: User, bob: User, flying: Strategy, client_for: ClientFor, paper_account: Any
) -> None:
    exchanges.mark_refused(flying.account, "Wrong key.")
    paper_account(bob, {"USDT": 100})
    assert "Everything is all right." in bar(client_for(bob))


def test_the_api_says_the_same(alice: User, flying: Strategy, api_for: Callable[[User], APIClient]) -> None:
    api = api_for(alice)
    body = api.get("/api/me/status").json()
    assert (body["level"], body["sentence"], body["findings"]) == ("ok", "Everything is all right.", [])
    assert (body["venue"], body["trading_enabled"], body["standstill"]) == ("PAPER", True, None)
    assert [(one["label"], one["venue"], one["run"]) for one in body["accounts"]] == [("Main", "PAPER", None)]
    assert [(one["name"], one["state"]) for one in body["autopilots"]] == [("Sixty forty", "on")]
    assert body["next_look_at"] == body["autopilots"][0]["next_look_at"] is not None
    system_settings.change(trading_enabled=False)
    body = api.get("/api/me/status").json()
    assert body["level"] == "bad"
    assert body["findings"][0]["code"] == "trading_off"
    assert body["findings"][0]["message"] == body["sentence"]


def test_it_takes_two_queries_of_its_own(alice: User, flying: Strategy) -> None:
    server, standings = selectors.server_facts(), standings_of(alice)
    with CaptureQueriesContext(connection) as asked:
        selectors.facts_of(alice, server, standings)
    assert len(asked) == 2
