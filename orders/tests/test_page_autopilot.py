"""The autopilot's page: the switch, what it will do, what holds it back, and what it decided."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services
from orders.models import Autopilot, Run, StrangerOrder, Tick, Watch
from portfolio import services as portfolio
from portfolio.models import CashFlow
from strategies import services as strategies
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
HTMX: dict[str, Any] = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    for symbol, price in (("BTCUSDT", "50000"), ("ETHUSDT", "2000")):
        paper.symbol_control(symbol, price=D(price))
    account = paper_account(alice, {"USDT": 5000, "BTC": "0.1"})
    portfolio.read_balances(account)
    return account


@pytest.fixture
def targets(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(account, {"BTC": 40, "ETH": 30})


def tidy(answer: Any) -> str:
    """The page without the line breaks of its templates."""
    return re.sub(r"[ \n]+", " ", answer.content.decode())


def page_of(browser: Client, strategy: Strategy, query: str = "") -> str:
    answer = browser.get(f"/orders/autopilot/{strategy.pk}/{query}")
    assert answer.status_code == 200
    return tidy(answer)


def press(browser: Client, page: str, label: str) -> str:
    """Post the form of a button as a browser without JavaScript does, and follow it."""
    form = re.search(rf'<form method="post" action="([^"]+)">((?:(?!</form>).)*)<button[^>]*>{label}<', page)
    assert form is not None, f"there is no button {label}"
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[2]))
    answer = browser.post(form[1], fields, follow=True)
    assert answer.status_code == 200
    return tidy(answer)


def allow_jumps() -> None:
    """The prices of these tests are not the market's: the guard would hold them for jumps."""
    SystemSettings.objects.create(price_jump_pct=100)
    system_settings.forget()


def tell_tick(strategy: Strategy, **values: Any) -> Tick:
    now = timezone.now()
    defaults = {"status": "idle", "code": "trading_off", "started_at": now, "ended_at": now}
    return Tick.objects.create(user=strategy.user, strategy=strategy, **{**defaults, **values})


# --- the switch ------------------------------------------------------------------------------------------


def test_before_it_is_switched_on_it_says_what_it_would_do(browser: Client, targets: Strategy) -> None:
    page = page_of(browser, targets)
    assert "Every 30 s it looks whether a weight is off its target by more than 1% of the portfolio." in page
    assert "Now: ETH is 30 points from its target, outside its band." in page
    assert "It is off. Switched on, it looks within 30 s and would trade" in page
    assert "Nothing yet." in page


def test_it_is_switched_on_and_off_without_javascript(
    clock: time_machine.Traveller, alice: User, targets: Strategy
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    page = press(browser, page_of(browser, targets), "Switch on")
    assert "The autopilot of Targets is on." in page
    assert Autopilot.objects.get().is_flying
    due = datetime.fromtimestamp(Watch.objects.get().due_ms // 1000, tz=UTC)
    amount = "2,500.00 USDT"
    assert (
        f"It would trade at its next look, at {due:%H:%M:%S} UTC, with orders of at most 25% of the portfolio" in page
    )
    assert f"(about {amount}), on PAPER, without real money." in page
    page = press(browser, page, "Switch off")
    assert "The autopilot of Targets is off." in page
    assert not Autopilot.objects.get().is_on


def test_switching_off_says_what_could_not_be_cancelled(browser: Client, alice: User, targets: Strategy) -> None:
    allow_jumps()
    strategies.update_strategy(targets, {"order_step_pct": D(2)}, None)
    run = services.execute(alice, targets, trigger=Run.Trigger.AUTOPILOT).run
    page = press(browser, page_of(browser, targets), "Switch on")
    assert f"Watch rebalance {run.pk}" in page
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        page = press(browser, page, "Switch off")
    assert "is off. These orders could not be cancelled yet, and are followed up:" in page


def test_a_refusal_is_said_on_the_page(browser: Client, alice: User, targets: Strategy) -> None:
    accounts.suspend(alice)
    answer = browser.post(f"/orders/autopilot/{targets.pk}/start/", follow=True)
    assert "Your account is suspended: it can look, but not trade." in answer.content.decode()
    assert not Autopilot.objects.exists()


def test_the_switch_takes_posts_only(browser: Client, targets: Strategy) -> None:
    for what in ("start", "stop"):
        assert browser.get(f"/orders/autopilot/{targets.pk}/{what}/").status_code == 405
    assert browser.post(f"/orders/autopilot/{targets.pk}/").status_code == 405


def test_a_strategy_that_is_not_followed_has_no_switch_to_press(
    browser: Client, account: ExchangeAccount, targets: Strategy, strategy: Callable[..., Strategy]
) -> None:
    page = page_of(browser, strategy(account, {"ETH": 10}, name="Other"))
    assert "does not follow this strategy" in page
    assert re.search(r'<button id="autopilot-start"[^>]* disabled>', page)


# --- how it stands ---------------------------------------------------------------------------------------


def test_within_the_band_it_says_that_it_would_trade_nothing(
    browser: Client, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    row = strategy(account, {"BTC": 50}, band_type="relative", min_delta_pct="20")
    page = press(browser, page_of(browser, row), "Switch on")
    assert "off its target by more than 20% of the target" in page
    assert "everything is within its band" in page
    assert "as things stand it would trade nothing then." in page


def test_paused_it_says_why_and_can_be_let_go_on(browser: Client, targets: Strategy) -> None:
    press(browser, page_of(browser, targets), "Switch on")
    Autopilot.objects.update(
        paused_at=timezone.now(), pause_code="repeated_failures", pause_values={"count": "5", "details": "<b>No</b>"}
    )
    page = page_of(browser, targets)
    assert "It has paused itself.</strong> Paused after 5 failures in a row. The last one: &lt;b&gt;No" in page
    assert "Next look" not in page
    page = press(browser, page, "Let it go on")
    assert Autopilot.objects.get().is_flying
    assert "It has paused itself." not in page


def test_what_holds_it_back_is_said(browser: Client, targets: Strategy) -> None:
    press(browser, page_of(browser, targets), "Switch on")
    SystemSettings.objects.create(trading_enabled=False)
    page = page_of(browser, targets)
    assert "Held back.</strong> Trading is switched off on this server." in page
    assert "It trades nothing while this holds it back" in page


def test_limits_in_force_say_whose_they_are(browser: Client, targets: Strategy) -> None:
    strategies.update_strategy(targets, {"max_turnover_pct": D(50), "worst_price_pct": D("1.5")}, None)
    page = page_of(browser, targets)
    assert "<dt>Largest order</dt><dd>25% of the portfolio</dd>" in page
    assert "<dt>Most traded in 24 hours</dt><dd>50% of the portfolio</dd>" in page
    assert "<dt>Worst price</dt><dd>1.5% from the price at the start of a rebalance</dd>" in page
    assert "<dt>Price jump</dt><dd>10% from the median of the last 10 min <span" in page
    assert "5 in a row; now 0" in page


def test_it_asks_for_itself_again_and_keeps_the_filter(browser: Client, targets: Strategy) -> None:
    address = f"/orders/autopilot/{targets.pk}/"
    page = page_of(browser, targets)
    assert f'hx-get="{address}" hx-trigger="live:changed"' in page
    fragment = browser.get(address, **HTMX).content.decode()
    assert "<html" not in fragment
    assert 'id="autopilot"' in fragment
    assert f'hx-get="{address}?status=held"' in page_of(browser, targets, "?status=held")


# --- the history -----------------------------------------------------------------------------------------


def test_decisions_are_shown_with_reasons_and_their_run(browser: Client, alice: User, targets: Strategy) -> None:
    allow_jumps()
    run = services.execute(alice, targets, trigger=Run.Trigger.AUTOPILOT).run
    with time_machine.travel(timezone.now(), tick=False):
        ago = timezone.now() - timedelta(minutes=3, seconds=5)
        values = {"asset": "ETH", "drift": "30"}
        tell_tick(targets, status="idle", code="within_band", values={"asset": "SOL", "drift": "0.4"}, looks=12)
        tell_tick(
            targets, status="acted", code="outside_band", values=values, run=run, ended_at=ago, actions={"placed": 2}
        )
        page = page_of(browser, targets)
    assert "Outside the band: ETH is 30 points from its target." in page
    assert f'href="/orders/runs/{run.pk}/"' in page
    assert "2 placed" in page
    assert "3 min 5 s ago" in page
    assert "Within the band; the largest drift is SOL, 0.4 points." in page
    assert ">12</span>" in page
    assert "by the autopilot" in browser.get("/orders/runs/").content.decode()


def test_the_history_is_filtered_and_goes_back(browser: Client, targets: Strategy) -> None:
    for _number in range(51):
        tell_tick(targets)
    tell_tick(targets, status="held", code="no_prices")
    page = page_of(browser, targets, "?status=held")
    assert page.count("<tr") == 2
    assert "There are no prices at the moment; nothing is traded without them." in page
    older = re.search(r'href="(\?before=\d+)"', page_of(browser, targets))
    assert older is not None
    page = page_of(browser, targets, older[1])
    assert page.count("<tr") == 3
    assert "data-live" not in page
    assert "No decision of this kind." in page_of(browser, targets, "?status=failed")
    assert page_of(browser, targets, "?status=flying&before=x").count("<tr") == 51


def test_another_users_page_does_not_exist(targets: Strategy, bob: User, client_for: Callable[[User], Client]) -> None:
    browser = client_for(bob)
    assert browser.get(f"/orders/autopilot/{targets.pk}/").status_code == 404
    for what in ("start", "stop"):
        assert browser.post(f"/orders/autopilot/{targets.pk}/{what}/").status_code == 404
    assert not Autopilot.objects.exists()


# --- on other pages --------------------------------------------------------------------------------------


def test_the_dashboard_has_the_switch_and_the_last_decision(browser: Client, targets: Strategy) -> None:
    page = tidy(browser.get("/"))
    assert "Nothing is traded by itself." in page
    page = press(browser, page, "Switch on")
    assert "It has not looked yet." in page
    assert "next look" in page
    tell_tick(targets, code="within_band", values={"asset": "SOL", "drift": "0.4"})
    page = browser.get("/").content.decode()
    assert "Within the band; the largest drift is SOL, 0.4 points." in page


def test_the_list_of_strategies_shows_how_each_autopilot_stands(
    browser: Client, account: ExchangeAccount, targets: Strategy, strategy: Callable[..., Strategy]
) -> None:
    other = strategy(account, {"ETH": 10}, name="Other")
    press(browser, page_of(browser, targets), "Switch on")
    tell_tick(targets, status="held", code="no_prices")
    page = tidy(browser.get("/strategies/"))
    assert re.search(
        rf'href="/orders/autopilot/{targets.pk}/">Autopilot</a> <span class="badge warn"[^>]*>on, held', page
    )
    assert "There are no prices at the moment; nothing is traded without them." in page
    assert re.search(rf'href="/orders/autopilot/{other.pk}/">Autopilot</a> <span class="badge "[^>]*>off<', page)


def test_orders_placed_elsewhere_are_shown_beside_ours(browser: Client, account: ExchangeAccount) -> None:
    StrangerOrder.objects.create(
        account=account, exchange_order_id=7, symbol="BTCUSDT", side="SELL", type="STOP_LOSS_LIMIT",
        price=D("40000.50"), quantity=D("0.1"), seen_at=timezone.now(),
    )  # fmt: skip
    for address in ("/", "/orders/", f"/orders/?account={account.pk}"):
        page = browser.get(address).content.decode()
        assert "Orders placed elsewhere" in page
        assert "They are left alone, and what they lock is not spent." in page
        assert "STOP_LOSS_LIMIT" in page
    assert "Orders placed elsewhere" not in browser.get("/orders/?symbol=ETHUSDT").content.decode()


def test_deposits_and_withdrawals_are_shown(browser: Client, account: ExchangeAccount) -> None:
    now = timezone.now()
    CashFlow.objects.create(account=account, at=now, kind="deposit", asset="BTC", amount=D("0.5"), value=D(25_000))
    CashFlow.objects.create(account=account, at=now, kind="withdrawal", asset="USDT", amount=D("-50.5"), value=None)
    page = browser.get("/").content.decode()
    assert "Deposits and withdrawals" in page
    assert "+0.5 BTC" in page
    assert "25,000.00 USDT" in page
    assert "−50.5 USDT" in page
