"""What an owner does by hand pauses the autopilot, and the pages say so; so they do of orders that stay open then."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import services
from orders.models import Autopilot, Order, Run
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

HAS_PAUSED = "The autopilot of {label} has paused too, or it would have placed the orders again."


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


@pytest.fixture
def fly(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> Callable[..., Run]:
    """fly("Paper"): an account whose autopilot is on, with a rebalance of its own whose three orders rest."""

    def start(label: str = "Paper") -> Run:
        SystemSettings.objects.get_or_create(price_jump_pct=100)
        system_settings.forget()
        account = paper_account(alice, {"USDT": 10_000, "SOL": 50}, label=label)
        row = strategy(account, {"BTC": 30, "ETH": 20, "SOL": 0}, order_step_pct="2", order_size_pct="100")
        services.start_autopilot(alice, row)
        return services.execute(alice, row, trigger=Run.Trigger.AUTOPILOT).run

    return start


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def autopilot_page(browser: Client, run: Run, **headers: str) -> str:
    return text_of(browser.get(f"/orders/autopilot/{run.strategy_id}/", headers=headers))


def leave_open(run: Run) -> None:
    """The rebalance has ended, and its orders are as they were."""
    Run.objects.filter(pk=run.pk).update(state=Run.State.STOPPED, reason_code="no_fills", finished_at=timezone.now())


def test_stopping_a_rebalance_says_that_the_autopilot_has_paused(browser: Client, fly: Callable[..., Run]) -> None:
    page = text_of(browser.post(f"/orders/runs/{fly().pk}/stop/", follow=True))
    assert "It is stopped, and its open orders are cancelled." in page
    assert HAS_PAUSED.format(label="Paper") in page


def test_cancelling_one_order_says_that_the_autopilot_has_paused(browser: Client, fly: Callable[..., Run]) -> None:
    order = Order.objects.filter(round__run=fly()).latest("pk")
    page = text_of(browser.post(f"/orders/{order.pk}/cancel/", follow=True))
    assert "The order is cancelled." in page
    assert HAS_PAUSED.format(label="Paper") in page


def test_it_is_said_also_where_the_exchange_did_not_cancel(browser: Client, fly: Callable[..., Run]) -> None:
    order = Order.objects.filter(round__run=fly()).latest("pk")
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        page = text_of(browser.post(f"/orders/{order.pk}/cancel/", follow=True))
    assert HAS_PAUSED.format(label="Paper") in page


def test_cancelling_all_says_which_autopilots_have_paused(browser: Client, fly: Callable[..., Run]) -> None:
    fly("First")
    fly("Second")
    page = text_of(browser.post("/orders/cancel-all/", follow=True))
    for label in ("First", "Second"):
        assert HAS_PAUSED.format(label=label) in page


def test_without_an_autopilot_nothing_is_said_of_one(browser: Client, fly: Callable[..., Run]) -> None:
    run = fly()
    Autopilot.objects.update(is_on=False)
    assert "has paused too" not in text_of(browser.post(f"/orders/runs/{run.pk}/stop/", follow=True))


def test_one_that_was_stopped_by_hand_does_not_claim_to_have_paused_itself(
    browser: Client, fly: Callable[..., Run]
) -> None:
    run = fly()
    services.stop_run(run)
    page = autopilot_page(browser, run)
    assert "<strong>It is paused.</strong> You stopped it by hand." in page
    assert "itself" not in page.partition("What it decided")[2]
    assert "It has paused itself" not in page


def test_paused_it_says_what_is_still_open_and_how_to_end_it(browser: Client, fly: Callable[..., Run]) -> None:
    run = fly()
    leave_open(run)
    assert "still open at the exchange" not in autopilot_page(browser, run)  # it minds them itself
    Autopilot.objects.update(paused_at=timezone.now(), pause_code="repeated_failures", pause_values={})
    page = autopilot_page(browser, run)
    assert "It trades nothing until you let it go on. 3 orders of its rebalances are still open" in page
    assert "Switching it off cancels what is open." in page
    assert f'href="/orders/?account={run.account_id}&amp;status=open"' in page
    browser.post(f"/orders/autopilot/{run.strategy_id}/stop/")
    assert "still open at the exchange" not in autopilot_page(browser, run)


def test_switched_off_it_says_what_is_still_open(browser: Client, fly: Callable[..., Run]) -> None:
    run = fly()
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        browser.post(f"/orders/autopilot/{run.strategy_id}/stop/")
    page = autopilot_page(browser, run)
    assert "3 orders of its rebalances are still open at the exchange and may fill." in page
    assert "What is open can be cancelled among the orders." in page
