"""Open pages ask every second or two, all of them: a session that was looked up seconds ago is not looked up again, and
only for what tells nothing but whether something has changed, and what one's own account is worth.
"""

import json
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from botbalance.status import remembering
from botbalance.tests.test_page_live import Page
from exchanges.models import ExchangeAccount
from orders.tests.scenes import START
from portfolio import services as portfolio

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

ClientFor = Callable[[User], Client]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    account = paper_account(alice, {"USDT": 10_000})
    portfolio.read_balances(account)
    return account


@pytest.fixture
def page(alice: User, account: ExchangeAccount, client_for: ClientFor) -> Page:
    page = Page(client_for(alice))
    page.marks["account"] = str(account.pk)
    page.ask()  # the dashboard has asked for prices since
    return page


def asked(page: Page) -> tuple[HttpResponse, list[str], list[str]]:
    """The answer, what has changed, and the tables that were read."""
    with CaptureQueriesContext(connection) as captured:
        answer, changed = page.ask()
    tables = [query["sql"].split(" FROM ")[1].split()[0].strip('"') for query in captured]
    return answer, changed, [table for table in tables if table != "cache_entries"]


def test_an_unchanged_answer_reads_the_marks_alone(page: Page) -> None:
    answer, changed, tables = asked(page)
    assert (answer.status_code, changed) == (204, [])
    assert len(tables) == 2
    assert {"django_session", "accounts_user"}.isdisjoint(tables)


def test_what_the_account_is_worth_takes_one_query_more(page: Page, account: ExchangeAccount) -> None:
    page.marks["worth"] = "an older one"
    answer, changed, tables = asked(page)
    assert (answer.status_code, changed, len(tables)) == (204, ["worth"], 3)
    assert json.loads(answer.headers["HX-Trigger"])["live"]["worth"] == "10,000.00"


def test_an_answer_is_kept_by_nobody_and_has_the_headers_of_every_page(page: Page) -> None:
    headers = asked(page)[0].headers
    assert "no-store" in headers["Cache-Control"]
    assert "Cookie" in headers["Vary"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_bar_is_for_who_is_looked_up(page: Page) -> None:
    page.marks["looks"] = "an older one"
    answer, changed, tables = asked(page)
    assert (answer.status_code, changed) == (200, ["looks"])
    assert {"django_session", "accounts_user"} <= set(tables)


def test_who_signs_out_is_unknown_at_once(page: Page) -> None:
    page.browser.post("/auth/sign-out/")
    assert page.ask()[0].status_code == 302


def test_a_session_that_ended_elsewhere_is_looked_up_within_seconds(page: Page, clock: time_machine.Traveller) -> None:
    Session.objects.all().delete()
    assert page.ask()[0].status_code == 204
    clock.shift(remembering.READER_SECONDS + 0.1)
    assert page.ask()[0].status_code == 302


def test_another_session_is_not_taken_for_it(page: Page, bob: User, charlie: User, client_for: ClientFor) -> None:
    for stranger in (client_for(bob), client_for(charlie)):
        for _time in range(2):
            answer = stranger.get("/live/", {**page.marks, "worth": "x"})
            assert json.loads(answer.headers["HX-Trigger"])["live"]["worth"] is None
            assert answer.status_code == 200, "its marks are others"
    assert Client().get("/live/", page.marks).status_code == 302
    for made_up in ("", "x", "'", "é" * 40):
        assert Client(headers={"Cookie": f"sessionid={made_up}"}).get("/live/", page.marks).status_code == 302


def test_a_user_who_is_suspended_is_told(page: Page, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(suspended_at=timezone.now())
    answer, changed = page.ask()
    assert changed == ["looks"]
    assert "suspended" in answer.content.decode()


def test_it_forgets_rather_than_grows() -> None:
    most = remembering.MOST_READERS
    for number in range(most + 1):
        remembering.remember_reader(f"session {number}", number)
    assert remembering.reader(f"session {most}") == most
    assert remembering.reader("session 0") is None


def test_nobody_is_taken_for_somebody_without_a_session() -> None:
    remembering.remember_reader("", 7)
    assert remembering.reader("") is None
