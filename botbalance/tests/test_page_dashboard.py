"""The dashboard: is my money OK, is it where I want it, what is under way."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services as trading
from orders.models import Run
from orders.outlook import outlook
from portfolio import services as portfolio
from portfolio.models import PortfolioSnapshot
from strategies import services
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

HELD = {"USDT": 3000, "BTC": "0.05", "DOGE": 2000}

ClientFor = Callable[[User], Client]
PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: PaperAccount) -> ExchangeAccount:
    return paper_account(alice, HELD)


def weights(context: Any) -> dict[str, Decimal]:
    return {row.row.asset: row.weight for row in context["rows"] if not row.is_apart}


# --- first steps -----------------------------------------------------------------------------------------


def test_without_an_account_paper_is_one_click_away(browser: Client) -> None:
    page = browser.get("/").content.decode()
    assert "Start with a paper account" in page
    fields = dict(re.findall(r'type="hidden" name="(venue|label|quote)" value="(\w+)"', page))
    answer = browser.post("/exchange-accounts/connect/", fields, follow=True)
    page = answer.content.decode()
    assert "Set your targets" in page
    assert "10,000.00" in page


def test_an_empty_account_says_how_to_fill_it(browser: Client, alice: User, paper_account: PaperAccount) -> None:
    account = paper_account(alice, {"USDT": 1})
    paper.withdraw(account.paper_key, "USDT", Decimal(1))
    page = browser.get("/").content.decode()
    assert "This account is empty" in page
    assert f'href="/exchange-accounts/{account.pk}/reset/"' in page


# --- holdings and weights --------------------------------------------------------------------------------


def test_it_shows_what_is_held_and_how_far_from_the_targets_it_is(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    strategy(account, {"BTC": 30, "ETH": 20})
    answer = browser.get("/")
    page, context = answer.content.decode(), answer.context
    assert sum(weights(context).values()) == pytest.approx(Decimal(100))
    assert re.search(r"BTC is [\d.]+ points above its target\. 2 more are outside their bands\.", page)
    assert [row.row.asset for row in context["apart"]] == ["DOGE"]
    assert "left alone" in page
    assert len(context["now_ring"]) == 2
    assert {arc.name for arc in context["target_ring"]} == {"BTC", "ETH", "USDT"}
    assert page.count("<circle") == 5
    assert " style=" not in page


def test_within_the_band_is_said_in_a_sentence(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 0}, min_delta_pct="50")
    Strategy.objects.filter(pk=row.pk).update(min_delta_pct=99)
    assert "Everything is within the 99% band." in browser.get("/").content.decode()


def test_a_relative_band_is_measured_in_parts_of_the_target(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    strategy(paper_account(alice, {"USDT": 1000}), {"BTC": "0.5"}, band_type="relative", min_delta_pct="20")
    assert "BTC is 0.5 points below its target." in browser.get("/").content.decode()


def verdict_and_autopilot(account: ExchangeAccount, row: Strategy, browser: Client) -> tuple[str, Any]:
    """What the dashboard says, and the largest drift as the autopilot sees it: both of the same moment."""
    with time_machine.travel(timezone.now(), tick=False):
        answer = browser.get("/", {"account": account.pk})
        view = outlook(row).view
    assert view is not None
    assert answer.context["is_within"] is not view.drift.is_outside
    return answer.context["verdict"], view.drift


def test_the_quote_is_judged_as_the_autopilot_judges_it(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    """Every coin is within its band, and together they are not."""
    names = ["BTC", "ETH", "SOL", "BNB"]
    row = strategy(account, dict.fromkeys(names, "0.6"), min_delta_pct="1")
    Strategy.objects.filter(pk=row.pk).update(sell_unlisted=False)
    paper.withdraw(account.paper_key, "BTC", Decimal("0.05"))
    portfolio.read_balances(account)
    verdict, drift = verdict_and_autopilot(account, row, browser)
    assert verdict == "USDT is 2.4 points above its target."
    assert (drift.asset, drift.is_outside) == ("USDT", True)


def test_the_reserve_is_what_the_quote_is_to_be(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    """A quarter is in the quote: as the reserve asks, and five points more than the targets leave."""
    for asset, price in (("BTC", 50_000), ("ETH", 2_000), ("SOL", 100), ("BNB", 500)):
        paper.symbol_control(f"{asset}USDT", price=Decimal(price))
    account = paper_account(alice, {"USDT": 2000, "BTC": "0.03", "ETH": "0.75", "SOL": 15, "BNB": 3})
    names = ["BTC", "ETH", "SOL", "BNB"]
    row = strategy(account, dict.fromkeys(names, "20"), quote_reserve_pct="25", min_delta_pct="2.75")
    verdict, _drift = verdict_and_autopilot(account, row, browser)
    assert verdict == "Everything is within the 2.75% band."
    row = services.update_strategy(row, {"quote_reserve_pct": Decimal(0)}, None)
    verdict, drift = verdict_and_autopilot(account, row, browser)
    assert (drift.asset, drift.is_outside) == ("USDT", True)
    assert verdict == "USDT is 5 points above its target."


def test_with_relative_bands_the_quote_has_none(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 40}, band_type="relative", min_delta_pct="50")
    _verdict, drift = verdict_and_autopilot(account, row, browser)
    assert drift.asset != "USDT"


def test_where_nothing_is_managed_it_says_so(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    account = paper_account(alice, {"DOGE": 2000})
    strategy(account, {"BTC": 40})
    page = browser.get("/").content.decode()
    assert "the account holds nothing that the targets are about." in page
    assert "on target" not in page


def test_coins_that_are_to_be_sold_count(browser: Client, account: ExchangeAccount, strategy: MakeStrategy) -> None:
    strategy(account, {"BTC": 55}, sell_unlisted=True, min_delta_pct="0.5")
    context = browser.get("/").context
    assert not context["apart"]
    assert {row.row.asset for row in context["rows"] if row.is_outside} >= {"DOGE"}
    assert weights(context)["DOGE"] > 0


def test_a_coin_without_a_price_is_listed_apart_and_not_counted(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    account = paper_account(alice, {"USDT": 1000, "PEPE": 5_000_000})
    strategy(account, {"BTC": 50})
    paper.symbol_control("PEPEUSDT", price=Decimal(0))
    answer = browser.get("/")
    page = answer.content.decode()
    assert "Without a price" in page
    assert [row.asset for row in answer.context["unpriced"]] == ["PEPE"]
    assert "1 coin without a price is not counted" in page
    assert answer.context["valuation"].nav == 1000


def test_long_labels_and_long_numbers_are_shown_whole(
    browser: Client, alice: User, paper_account: PaperAccount
) -> None:
    paper_account(alice, {"USDT": "123456789012.12345678"}, label="W" * 40)
    page = browser.get("/").content.decode()
    assert "W" * 40 in page
    assert "123,456,789,012.12345678" in page


# --- trouble ---------------------------------------------------------------------------------------------


def test_when_the_exchange_is_down_the_last_known_values_are_shown_with_their_age(
    browser: Client, account: ExchangeAccount
) -> None:
    browser.get("/")
    with (
        time_machine.travel(timezone.now() + timedelta(minutes=10)),
        faults.plan([{"kind": "refuse", "times": 1000}]),
    ):
        answer = browser.get("/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "These are the last known balances" in page
    assert "BTC" in page


def test_an_account_that_was_never_read_says_what_is_wrong(browser: Client, account: ExchangeAccount) -> None:
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        answer = browser.get("/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "The account cannot be read at the moment" in page
    assert "Try again" in page


def test_stored_keys_that_are_never_used_are_explained(browser: Client, alice: User) -> None:
    exchanges.connect_account(alice, label="Main", venue="binance", api_key="k" * 64, api_secret="s" * 64)
    assert "Binance is never contacted" in browser.get("/").content.decode()


# --- what is under way -----------------------------------------------------------------------------------


def test_a_rebalance_under_way_is_linked_and_ended_ones_are_listed(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"ETH": 30}, order_step_pct="2")
    run = trading.execute(account.user, row, trigger=Run.Trigger.PAGE).run
    page = browser.get("/").content.decode()
    assert "A rebalance is under way." in page
    assert f'href="/orders/runs/{run.pk}/"' in page
    trading.stop_run(run)
    page = browser.get("/").content.decode()
    assert "A rebalance is under way." not in page
    assert "You stopped it." in page


def test_the_value_over_time_is_drawn_from_snapshots(browser: Client, account: ExchangeAccount) -> None:
    assert "Value over time" not in browser.get("/").content.decode()
    portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
    answer = browser.get("/")
    assert '<path class="line c0" d="M' in answer.content.decode()
    cursor = json.loads(answer.context["history"].cursor)
    assert [line["name"] for line in cursor["lines"]] == ["This account"]
    assert len(cursor["at"]) == len(cursor["x"]) == len(cursor["lines"][0]["text"])


def test_it_updates_itself(browser: Client, account: ExchangeAccount) -> None:
    assert f'hx-get="/?account={account.pk}"' in browser.get("/").content.decode()
    fragment = browser.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "Worth now" in fragment


@pytest.mark.parametrize("language", ["en", "ru"])
def test_numbers_of_drawings_are_read_alike_in_every_language(
    language: str, browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    strategy(account, {"BTC": 30, "ETH": 20})
    page = browser.get("/", headers={"Accept-Language": language}).content.decode()
    dashes = re.findall(r'stroke-dasharray="([^"]*)"', page)
    assert len(dashes) == 5
    assert all(re.fullmatch(r"\d+\.\d\d \d+\.\d\d", text) for text in dashes)


# --- who may ---------------------------------------------------------------------------------------------


def test_of_several_accounts_one_is_chosen(browser: Client, alice: User, paper_account: PaperAccount) -> None:
    paper_account(alice, {"USDT": 1}, label="First")
    second = paper_account(alice, {"USDT": 2}, label="Second")
    assert browser.get("/").context["account"].label == "First"
    assert browser.get(f"/?account={second.pk}").context["account"].label == "Second"


@pytest.mark.parametrize("wanted", ["abc", "-1", "9" * 30, "1e400", "٣", "\x00"])
def test_an_account_that_makes_no_sense_is_not_found(wanted: str, browser: Client, account: ExchangeAccount) -> None:
    assert browser.get("/", {"account": wanted}).status_code == 404


def test_another_users_account_does_not_exist(
    bob: User, charlie: User, account: ExchangeAccount, client_for: ClientFor, paper_account: PaperAccount
) -> None:
    paper_account(bob, {"USDT": 1})
    assert client_for(bob).get(f"/?account={account.pk}").status_code == 404
    assert "Start with a paper account" in client_for(charlie).get("/").content.decode()


def test_it_asks_who_is_there_and_takes_no_post(browser: Client, client: Client) -> None:
    assert client.get("/").url.startswith("/auth/sign-in/")
    assert browser.post("/").status_code == 405
