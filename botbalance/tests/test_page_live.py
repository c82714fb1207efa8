"""Open pages stay fresh: they ask whether anything has changed, and are told of what is theirs and nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.test.signals import template_rendered
from django.utils import timezone

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.status import remembering
from exchanges.models import ExchangeAccount
from orders import services as orders
from orders.models import Autopilot, Order, Run, Watch
from orders.tests.scenes import CALM, RESTING, START
from portfolio import services as portfolio
from strategies.backtest.models import BacktestRun
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

ClientFor = Callable[[User], Client]


class Page:
    """An open page: it knows what it has seen, and asks."""

    def __init__(self, browser: Client, path: str = "/") -> None:
        self.browser = browser
        found = re.search(r'data-marks="([^"]+)"', browser.get(path).content.decode())
        assert found, path
        self.marks: dict[str, str] = json.loads(found[1].replace("&quot;", '"'))

    def ask(self) -> tuple[HttpResponse, list[str]]:
        answer = self.browser.get("/live/", self.marks, headers={"HX-Request": "true"})
        told = json.loads(answer.headers.get("HX-Trigger", "{}")).get("live", {"marks": {}, "changed": []})
        self.marks |= told["marks"]
        return answer, told["changed"]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Prices are shown anew every few seconds, of everybody at another: here they stand still."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    account = paper_account(alice, {"USDT": 10_000})
    portfolio.read_balances(account)
    return account


@pytest.fixture
def targets(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(account, {"BTC": 40}, **CALM, **RESTING)


@pytest.fixture
def page(alice: User, targets: Strategy, client_for: ClientFor) -> Page:
    page = Page(client_for(alice))
    page.ask()  # the dashboard has asked for prices since
    return page


def test_nothing_new_is_an_answer_without_a_body(page: Page) -> None:
    answer, changed = page.ask()
    assert (answer.status_code, answer.content, changed) == (204, b"", [])


def test_it_is_told_of_a_rebalance_and_of_each_change_of_an_order(page: Page, alice: User, targets: Strategy) -> None:
    run = orders.execute(alice, targets, trigger=Run.Trigger.PAGE).run
    answer, changed = page.ask()
    assert "orders" in changed
    assert b'id="status"' in answer.content
    page.ask()
    order = Order.objects.filter(round__run=run).latest("pk")
    orders.cancel_order(order)
    assert "orders" in page.ask()[1]
    assert page.ask()[1] == []


def test_it_is_told_of_looks_and_switches(page: Page, alice: User, targets: Strategy) -> None:
    orders.start_autopilot(alice, targets)
    answer, changed = page.ask()
    assert changed == ["looks"]
    assert "Autopilot on" in answer.content.decode()
    Watch.objects.update(looked_at_ms=int(timezone.now().timestamp() * 1000))
    assert page.ask()[1] == ["looks"]
    Autopilot.objects.update(paused_at=timezone.now(), pause_code="stopped_by_hand")
    assert page.ask()[1] == ["looks"]
    assert page.ask()[1] == []


def test_it_is_told_of_balances_without_the_bar(
    page: Page, account: ExchangeAccount, clock: time_machine.Traveller
) -> None:
    clock.shift(1)
    portfolio.read_balances(account)
    answer, changed = page.ask()
    assert (answer.status_code, answer.content) == (204, b"")
    assert changed == ["money", "worth"]
    assert json.loads(answer.headers["HX-Trigger"])["live"]["worth"] is None, "of no account that it shows"


def test_it_is_told_of_the_kill_switch(page: Page) -> None:
    system_settings.change(trading_enabled=False)
    remembering.forget()  # within a second by itself
    answer, changed = page.ask()
    assert changed == ["looks"]
    assert "Trading is switched off on this server" in answer.content.decode()


def test_it_is_told_of_its_back_tests_where_it_shows_them(page: Page, alice: User) -> None:
    now = timezone.now()
    run = BacktestRun.objects.create(
        user=alice, name="A year", settings={}, interval="1h", from_at=now, to_at=now, rows_total=10, state="running"
    )
    assert page.ask()[1] == []
    page.marks["jobs"] = ""
    assert page.ask()[1] == ["jobs"]
    assert page.ask()[1] == []
    BacktestRun.objects.filter(pk=run.pk).update(rows_done=5)
    assert page.ask()[1] == ["jobs"]


def test_what_others_do_is_not_told(
    page: Page, bob: User, paper_account: Callable[..., Any], strategy: Callable[..., Strategy]
) -> None:
    theirs = strategy(paper_account(bob, {"USDT": 10_000}), {"BTC": 40}, **CALM, **RESTING)
    orders.execute(bob, theirs, trigger=Run.Trigger.PAGE)
    assert set(page.ask()[1]) <= {"money", "worth"}, "prices are everybody's"


def test_what_changes_while_a_page_is_made_is_not_missed(alice: User, targets: Strategy, client_for: ClientFor) -> None:
    """The marks of a page are older than all that it shows."""
    orders.start_autopilot(alice, targets)

    def look(**_of_signal: Any) -> None:
        Watch.objects.update(looked_at_ms=1)

    template_rendered.connect(look)  # its view has read what it shows
    try:
        page = Page(client_for(alice), "/orders/")
    finally:
        template_rendered.disconnect(look)
    assert page.ask()[1] == ["looks"]


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/", "orders looks money"),
        ("/", "orders past"),
        ("/orders/", "orders"),
        ("/orders/autopilot/{strategy}/", "orders looks"),
    ],
)
def test_moving_parts_say_what_they_wait_for(
    path: str, kinds: str, alice: User, targets: Strategy, client_for: ClientFor
) -> None:
    page = client_for(alice).get(path.format(strategy=targets.pk)).content.decode()
    assert f'hx-trigger="live:changed" hx-swap="morph" hx-ext="morph" data-live="{kinds}"' in page
    assert 'hx-trigger="every' not in page


def test_who_is_signed_out_is_sent_to_sign_in(client: Client, db: None) -> None:
    answer = client.get("/live/", {"orders": "x"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/auth/sign-in/")
