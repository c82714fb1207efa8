"""The preview of a plan, and "Rebalance now"."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import services as accounts
from accounts.models import User
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders.models import Order, Run
from strategies import services as strategies
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

ClientFor = Callable[[User], Client]
PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: PaperAccount) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


@pytest.fixture
def targets(account: ExchangeAccount, strategy: MakeStrategy) -> Strategy:
    """Its orders rest: they are far from the market."""
    return strategy(account, {"BTC": 50, "ETH": 20}, order_step_pct="2", order_size_pct="30")


def form_of(browser: Client, strategy: Strategy) -> dict[str, Any]:
    """The hidden fields of "Rebalance now"."""
    context = browser.get(f"/orders/preview/{strategy.pk}/").context
    return {"plan_digest": context["digest"], "idempotency_key": str(context["idempotency_key"])}


# --- what it shows ---------------------------------------------------------------------------------------


def test_it_shows_the_exact_orders_and_the_weights_after_them(browser: Client, targets: Strategy) -> None:
    answer = browser.get(f"/orders/preview/{targets.pk}/")
    page, plan = answer.content.decode(), answer.context["plan"]
    assert [(leg.symbol, leg.side.value) for leg in plan.legs] == [("BTCUSDT", "BUY"), ("ETHUSDT", "BUY")]
    assert answer.context["bought"] == sum(leg.notional for leg in plan.legs)
    assert "BTCUSDT" in page
    assert "Rebalance now" in page
    after = {row.asset: row.after for row in answer.context["weights"]}
    assert after["BTC"] == pytest.approx(Decimal(30), abs=Decimal(1))
    assert not Order.objects.exists()


def test_it_sends_nothing_and_answers_get_alone(browser: Client, targets: Strategy) -> None:
    assert browser.post(f"/orders/preview/{targets.pk}/").status_code == 405
    assert browser.get(f"/orders/execute/{targets.pk}/").status_code == 405
    assert not Run.objects.exists()


def test_nothing_to_do_is_explained(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    row = strategy(paper_account(alice, {"USDT": 1000}), {"BTC": 0})
    page = browser.get(f"/orders/preview/{row.pk}/").content.decode()
    assert "Nothing to do." in page
    assert "Within the band" in page
    assert "Rebalance now" not in page


def test_what_cannot_be_traded_is_explained(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    row = strategy(paper_account(alice, {"USDT": 8, "DOGE": 1}), {"BTC": 20})  # less than half of the smallest order
    answer = browser.get(f"/orders/preview/{row.pk}/")
    page = answer.content.decode()
    assert "Nothing can be traded now." in page
    assert "smallest BTCUSDT order" in page
    assert "Not among the targets" in page
    assert [skip.settled for skip in answer.context["skips"]] == [False, True]
    assert "Rebalance now" not in page


def test_an_empty_account_is_explained(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    account = paper_account(alice, {"USDT": 1})
    paper.withdraw(account.paper_key, "USDT", Decimal(1))
    row = strategy(account, {"BTC": 50})
    answer = browser.get(f"/orders/preview/{row.pk}/")
    assert answer.status_code == 200
    assert "There is nothing to divide" in answer.content.decode()


def test_a_strategy_that_is_not_active_has_to_be_activated(
    browser: Client, account: ExchangeAccount, targets: Strategy, strategy: MakeStrategy
) -> None:
    other = strategy(account, {"SOL": 10}, name="Other")
    page = browser.get(f"/orders/preview/{other.pk}/").content.decode()
    assert "Activate it to rebalance." in page
    assert "Rebalance now" not in page


def test_fifty_targets_are_shown(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    account = paper_account(alice, {"USDT": "123456789012.12345678"}, label="W" * 40)
    bases = sorted(base for base, quote in exchanges.exchange_info_for(account).pairs if quote == "USDT")
    row = strategy(account, dict.fromkeys(bases[:50], "1.9"), max_orders=50)
    answer = browser.get(f"/orders/preview/{row.pk}/")
    assert len(answer.context["weights"]) == 51
    assert {weight.colour for weight in answer.context["weights"]} == {f"c{number}" for number in range(12)}


@pytest.mark.parametrize("kind", ["refuse", "html", "banned"])
def test_an_exchange_in_trouble_is_named_and_can_be_tried_again(kind: str, browser: Client, targets: Strategy) -> None:
    with faults.plan([{"kind": kind, "times": 1000}]):
        answer = browser.get(f"/orders/preview/{targets.pk}/")
    page = answer.content.decode()
    assert 500 < answer.status_code < 504
    assert "There is no plan at the moment" in page
    assert "Try again" in page
    assert "Rebalance now" not in page


def test_while_trading_is_off_there_is_nothing_to_press(
    browser: Client, alice: User, targets: Strategy, settings: Any
) -> None:
    accounts.suspend(alice)
    assert "disabled>Rebalance now" in browser.get(f"/orders/preview/{targets.pk}/").content.decode()
    accounts.resume(alice)
    settings.TRADING_ENABLED = False
    assert "disabled>Rebalance now" in browser.get(f"/orders/preview/{targets.pk}/").content.decode()
    answer = browser.post(f"/orders/execute/{targets.pk}/", form_of(browser, targets), follow=True)
    assert "Trading is switched off on this server." in answer.content.decode()
    assert not Run.objects.exists()


# --- Rebalance now ---------------------------------------------------------------------------------------


def test_it_starts_the_run_that_was_shown(browser: Client, targets: Strategy) -> None:
    form = form_of(browser, targets)
    answer = browser.post(f"/orders/execute/{targets.pk}/", form)
    run = Run.objects.get()
    assert answer.url == f"/orders/runs/{run.pk}/"
    assert run.trigger == Run.Trigger.PAGE
    assert [order.symbol for order in Order.objects.order_by("index")] == ["BTCUSDT", "ETHUSDT"]


def test_a_double_click_makes_one_run(browser: Client, targets: Strategy) -> None:
    form = form_of(browser, targets)
    first, second = (browser.post(f"/orders/execute/{targets.pk}/", form) for _click in range(2))
    assert first.url == second.url
    assert Run.objects.count() == 1
    assert Order.objects.count() == 2


def test_while_a_run_is_under_way_it_is_shown_instead_of_the_button(browser: Client, targets: Strategy) -> None:
    browser.post(f"/orders/execute/{targets.pk}/", form_of(browser, targets))
    run = Run.objects.get()
    page = browser.get(f"/orders/preview/{targets.pk}/").content.decode()
    assert f'href="/orders/runs/{run.pk}/"' in page
    assert "Rebalance now" not in page


def test_a_plan_that_has_changed_is_shown_anew(browser: Client, targets: Strategy) -> None:
    form = form_of(browser, targets)
    strategies.update_strategy(targets, {"order_size_pct": Decimal(10)}, None)
    answer = browser.post(f"/orders/execute/{targets.pk}/", form, follow=True)
    assert answer.redirect_chain == [(f"/orders/preview/{targets.pk}/", 302)]
    assert "The plan has changed since you saw it." in answer.content.decode()
    assert not Run.objects.exists()


def test_prices_that_ran_away_are_a_changed_plan(browser: Client, targets: Strategy) -> None:
    form = form_of(browser, targets)
    with time_machine.travel("2031-01-01T00:00:00+00:00"):
        browser.force_login(targets.user)
        answer = browser.post(f"/orders/execute/{targets.pk}/", form, follow=True)
    assert "The plan has changed since you saw it." in answer.content.decode()
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"plan_digest": ""},
        {"plan_digest": "forged"},
        {"plan_digest": "x" * 20_001},
        {"plan_digest": "nul\x00"},
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 101},
    ],
)
def test_what_was_not_previewed_is_not_started(change: dict[str, str], browser: Client, targets: Strategy) -> None:
    answer = browser.post(f"/orders/execute/{targets.pk}/", {**form_of(browser, targets), **change}, follow=True)
    assert answer.redirect_chain == [(f"/orders/preview/{targets.pk}/", 302)]
    assert 'class="notice error"' in answer.content.decode()
    assert not Run.objects.exists()


def test_another_users_strategy_cannot_be_seen_or_started(
    browser: Client, charlie: User, client_for: ClientFor, targets: Strategy
) -> None:
    form, stranger = form_of(browser, targets), client_for(charlie)
    assert stranger.get(f"/orders/preview/{targets.pk}/").status_code == 404
    assert stranger.post(f"/orders/execute/{targets.pk}/", form).status_code == 404
    assert not Run.objects.exists()
