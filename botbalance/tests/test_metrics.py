"""/metrics: for superadmins and for the program that has the token; the numbers are those of all processes."""

from typing import Any, NoReturn

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from botbalance.lib.clock import now_ms
from exchanges import services as exchanges
from exchanges.domain import Venue
from exchanges.ledger import services as ledger
from exchanges.ledger.domain import Settlement
from exchanges.paper import services as paper
from exchanges.tests.ledgers import shared_store

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
TOKEN = "a-token-of-more-than-twenty-characters"
HOST = f'host="{paper.BASE_URL}"'


@pytest.fixture
def scraper(settings: Settings) -> Client:
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


def numbers(client: Client) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    lines = [line for line in answer.content.decode().splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_nobody_else_may_read_them(alice: User, settings: Settings) -> None:
    for token in ("", TOKEN):
        settings.METRICS_TOKEN = token
        for given in ("Bearer", "Bearer ", "Bearer wrong", f"Token {TOKEN}", "Bearer тест"):
            assert Client(headers={"Authorization": given}).get("/metrics").status_code == 403
        unknown = Client().get("/metrics")
        assert (unknown.status_code, unknown["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
        signed_in = Client()
        signed_in.force_login(alice)
        assert signed_in.get("/metrics").status_code == 403


def test_a_superadmin_may(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(role=Role.SUPERADMIN, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=bob.pk))
    assert numbers(client)["botbalance_ledger_up"] == 1


def test_they_tell_what_was_sent_whoever_sent_it(alice: User, scraper: Client) -> None:
    account = exchanges.connect_account(alice, label="Paper", venue="paper")
    adapter = exchanges.adapter_for(account)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        adapter.account_info()
        adapter.account_info()
        found = numbers(scraper)
        assert found[f"botbalance_exchange_weight_used{{{HOST}}}"] == 40
        assert found[f"botbalance_exchange_weight_limit{{{HOST}}}"] == 6000
        assert found[f'botbalance_exchange_requests_total{{{HOST},outcome="ok"}}'] == 1  # the last goes with the next
        assert found[f"botbalance_exchange_waiting_reads{{{HOST}}}"] == 0
        assert found[f"botbalance_exchange_banned{{{HOST}}}"] == 0
        assert found["botbalance_watches_due"] >= 0
        assert found['botbalance_autopilots{state="flying"}'] == 0


def test_they_tell_of_a_ban(scraper: Client) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        shared_store().settle(
            exchanges.base_url_of(Venue.PAPER), Settlement(now_ms(), now_ms(), pause_ms=120_000, status=418)
        )
        found = numbers(scraper)
        assert found[f"botbalance_exchange_banned{{{HOST}}}"] == 1
        assert found[f"botbalance_exchange_paused_until_seconds{{{HOST}}}"] == now_ms() // 1000 + 120


def test_a_ledger_that_cannot_be_read_is_told_and_hides_nothing_else(scraper: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # nobody is there
    ledger.forget()
    found = numbers(scraper)
    assert found["botbalance_ledger_up"] == 0
    assert "botbalance_watches_due" in found


def test_a_database_that_is_away_is_told_and_hides_no_answer(scraper: Client) -> None:
    def gone(*_request: Any) -> NoReturn:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(gone):
        found = numbers(scraper)
    assert found["botbalance_database_up"] == 0
    assert "botbalance_watches_due" not in found
    assert found["botbalance_ledger_up"] == (1 if django_settings.REDIS_URL else 0)
    assert numbers(scraper)["botbalance_database_up"] == 1
