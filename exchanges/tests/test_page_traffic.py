"""The page "Exchange traffic" of the admin, and the line on every page while nothing may be sent."""

from collections.abc import Callable

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from botbalance.lib.clock import now_ms
from exchanges import services
from exchanges.domain import Venue
from exchanges.ledger import services as ledger
from exchanges.ledger.domain import Ask, Settlement
from exchanges.models import ExchangeAccount
from exchanges.tests.ledgers import shared_store
from exchanges.tests.support import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
ADDRESS = "/admin/exchanges/trafficstate/"


@pytest.fixture
def admin(bob: User) -> Client:
    User.objects.filter(pk=bob.pk).update(role=Role.SUPERADMIN, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=bob.pk))
    return client


def text(client: Client, address: str = ADDRESS) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_who_uses_what(admin: Client, alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    account = paper_account(alice, label="Savings")
    host = services.base_url_of(Venue.PAPER)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        services.adapter_for(account).account_info()
        shared_store().reserve(host, Ask(now_ms(), 1, is_read=False, owner=alice.pk, account=account.pk, orders=1))
        shared_store().reserve(host, Ask(now_ms(), 5390, owner=0, ticket="large", may_wait=True))
        page = text(admin)
    for words in (
        host,
        "21 of 6,000",
        "reads: up to 5,400",
        alice.email,
        "this server",
        f"{alice.email}: Savings",
        "10S",
    ):
        assert words in page
    assert "REQUEST_WEIGHT 1M: 20" in page
    assert "banned" not in page


def test_it_is_for_superadmins_only(alice: User, client_for: Callable[[User], Client]) -> None:
    assert client_for(alice).get(ADDRESS).status_code in (302, 403)
    assert Client().get(ADDRESS).status_code == 302


def test_every_page_says_that_the_exchange_has_banned_us_and_until_when(admin: Client) -> None:
    host = services.base_url_of(Venue.PAPER)
    said = "banned this server&#x27;s address; nothing is sent to it until 2026-03-02 10:02:00 UTC"
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        assert "banned" not in text(admin, "/")
        shared_store().settle(host, Settlement(now_ms(), now_ms(), pause_ms=120_000, status=418))
        assert "banned this server&#x27;s address; nothing is sent to it until 10:02:00 UTC" in text(admin, "/")
        assert said in text(Client(), "/auth/sign-in/")
        assert said in text(admin)
        clock.shift(120)
        assert "banned" not in text(admin, "/")


def test_every_page_says_that_the_exchange_asked_for_a_pause(admin: Client) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        found = Settlement(now_ms(), now_ms(), pause_ms=30_000, status=429)
        shared_store().settle(services.base_url_of(Venue.PAPER), found)
        assert "asked this server to slow down; nothing is sent to it until 10:00:30 UTC" in text(admin, "/")


def test_a_ledger_that_cannot_be_read_is_said_so(admin: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # nobody is there
    ledger.forget()
    assert "The ledger of exchange traffic cannot be read" in text(admin)
    assert "The ledger of exchange traffic cannot be read; nothing is sent" in text(Client(), "/auth/sign-in/")


@pytest.mark.parametrize("address", ["/admin/", "/admin/exchanges/exchangeaccount/", ADDRESS])
def test_every_page_of_the_admin_says_that_nothing_is_sent(admin: Client, address: str) -> None:
    host = services.base_url_of(Venue.PAPER)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        assert "banned this server" not in text(admin, address)
        shared_store().settle(host, Settlement(now_ms(), now_ms(), pause_ms=120_000, status=418))
        assert "nothing is sent to it until 2026-03-02 10:02:00 UTC" in text(admin, address)
