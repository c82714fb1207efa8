"""Two coins are traded for each other on paper: sent, tracked, priced anew, counted in the quote, and booked."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.account_performance.tax_lots import account_lots
from botbalance.lib import system_settings
from exchanges.paper import services as paper
from orders import selectors, services
from orders.domain import Status
from orders.models import Order
from orders.services.tracking import reconcile_account
from orders.tests.scenes import CALM, CROSSING, D, Trader, beat, trader
from portfolio import services as portfolio
from portfolio.models import CashFlow
from portfolio.performance.lots import Method

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
HELD = {"ETH": 2, "BTC": "0.1"}


@pytest.fixture(autouse=True)
def _held_by_hand(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.PRICE_JUMP_PCT = D(1000)  # prices are an operator's here
    system_settings.forget()
    at()


def at(BTC: int = 50_000, ETH: int = 2_500, ETHBTC: str = "0.05") -> None:
    paper.symbol_control("BTCUSDT", price=D(BTC))
    paper.symbol_control("ETHUSDT", price=D(ETH))
    paper.symbol_control("ETHBTC", price=D(ETHBTC))


def crossing(**limits: object) -> Trader:
    wanted = {**CALM, "direct_pairs": True, "min_delta_pct": D(2), **limits}
    return trader("alice@example.org", HELD, {"ETH": 40, "BTC": 60}, **wanted)


def test_one_order_rebalances_two_coins(clock: time_machine.Traveller) -> None:
    alice = crossing(**CROSSING)
    alice.execute()
    run = alice.follow(clock)
    assert (run.state, run.reason_code) == ("complete", "within_band")
    (order,) = alice.orders()
    assert (order.symbol, order.side, order.status) == ("ETHBTC", "SELL", "FILLED")
    assert (order.base_asset, order.quote_asset, order.quantity) == ("ETH", "BTC", D("0.4"))
    assert order.quote_price == pytest.approx(D(50_000), rel=D("0.001"))
    assert set(order.fees) == {"BTC"}
    alice.assert_books_agree()
    # What it traded counts in the quote, as everything does.
    assert selectors.turnover_since(alice.account) == pytest.approx(D(1_000), rel=D("0.005"))


def test_what_rests_is_counted_and_nothing_is_ordered_twice(clock: time_machine.Traveller) -> None:
    alice = crossing(order_step_pct=D(2))
    alice.execute()
    (order,) = alice.orders()
    assert (order.symbol, order.status) == ("ETHBTC", Status.NEW)
    assert selectors.turnover_resting(alice.account) == pytest.approx(D(1_000), rel=D("0.005"))
    made = services.preview(alice.strategy)
    assert made.plan.legs == ()
    assert {(skip.asset, skip.code) for skip in made.plan.skips} == {("ETH", "covered"), ("BTC", "covered")}


@pytest.mark.parametrize("later", ["0.05", "0"], ids=["quoted", "not quoted any more"])
def test_what_nobody_takes_during_its_lifetime_goes_through_the_quote(
    later: str, clock: time_machine.Traveller
) -> None:
    """A market of two coins may be quoted well and traded seldom."""
    alice = crossing(order_step_pct=D(2), order_lifetime_seconds=60)
    alice.execute()
    at(ETHBTC=later)
    clock.shift(70)
    services.track_account(alice.account)
    assert [(order.symbol, order.status) for order in alice.orders()] == [
        ("ETHBTC", Status.CANCELED),
        ("ETHUSDT", Status.NEW),
    ]
    alice.assert_books_agree()


def test_when_its_price_is_worse_than_the_way_through_the_quote_that_is_taken(clock: time_machine.Traveller) -> None:
    alice = crossing(order_step_pct=D("0.2"), order_lifetime_seconds=60)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    assert [(order.symbol, order.status) for order in alice.orders()] == [("ETHBTC", Status.NEW)]
    at(ETHBTC="0.048")
    beat(clock, seconds=90)
    assert [(order.symbol, order.status) for order in alice.orders()][:2] == [
        ("ETHBTC", Status.CANCELED),
        ("ETHUSDT", Status.NEW),
    ]
    alice.assert_books_agree()


def test_an_order_that_was_found_knows_what_its_coin_is_worth(clock: time_machine.Traveller) -> None:
    alice = crossing(order_step_pct=D(2))
    alice.execute()
    worth = alice.orders()[0].quote_price
    Order.objects.all().delete()
    reconcile_account(alice.account)
    (found,) = alice.orders()
    assert (found.symbol, found.base_asset, found.quote_asset) == ("ETHBTC", "ETH", "BTC")
    assert found.quote_price == pytest.approx(worth, rel=D("0.001"))


def test_it_is_a_disposal_of_the_one_and_an_acquisition_of_the_other(clock: time_machine.Traveller) -> None:
    alice = crossing(**CROSSING)
    portfolio.take_snapshot(alice.account, "hourly")
    clock.shift(1)
    alice.execute()
    clock.shift(5)
    services.track_account(alice.account)
    services.tick(alice.account.pk, 0)
    portfolio.take_snapshot(alice.account, "fill")
    lots = account_lots(alice.account, Method.FIFO)
    (sale,) = [lot for lot in lots.closed if lot.asset == "ETH"]
    assert (sale.quantity, sale.estimated) == (D("0.4"), True)
    assert sale.proceeds == pytest.approx(D(1_000), rel=D("0.005"))
    bought = [lot for lot in lots.open if lot.asset == "BTC"][-1]
    assert bought.cost == pytest.approx(D(1_000), rel=D("0.005"))
    assert not CashFlow.objects.filter(account=alice.account, at__gt=timezone.now() - timedelta(minutes=1)).exists()


def test_the_preview_and_the_api_say_what_it_saves(
    clock: time_machine.Traveller, api_for: Callable[[User], APIClient], client_for: Callable[[User], Client]
) -> None:
    paper.symbol_control("SOLUSDT", price=D(150))
    paper.symbol_control("SOLBTC", price=D("0.0025"))  # a sixth less than what both prices make it
    alice = trader(
        "alice@example.org", {**HELD, "SOL": 20}, {"ETH": 30, "BTC": 60, "SOL": 10}, **CALM, direct_pairs=True
    )
    body = api_for(alice.user).get(f"/api/me/strategies/{alice.strategy.pk}/plan").json()
    assert [(row["symbol"], row["price_in"]) for row in body["orders"]] == [("ETHBTC", "BTC"), ("SOLUSDT", "USDT")]
    assert body["orders"][0]["reason"].startswith("ETH for BTC directly: 0.1")
    assert body["orders"][1]["reason"] == ""
    assert [(row["symbol"], row["code"]) for row in body["untaken"]] == [("SOLBTC", "direct_dearer")]
    page = client_for(alice.user).get(reverse("orders:preview", args=[alice.strategy.pk])).content.decode()
    assert body["orders"][0]["reason"] in page
    assert body["untaken"][0]["reason"] in page


def test_what_is_traded_in_place_of_a_symbol_that_has_jumped_is_looked_at_as_well(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.PRICE_JUMP_PCT = D(3)
    system_settings.forget()
    for symbol, price in (("SOLUSDT", "150"), ("SOLBTC", "0.003"), ("SOLETH", "0.06")):
        paper.symbol_control(symbol, price=D(price))
    held, wanted = {**HELD, "SOL": 40, "USDT": 2000}, {"ETH": 37, "BTC": 42, "SOL": 21}
    alice = trader("alice@example.org", held, wanted, **CALM, direct_pairs=True)
    clock.shift(timedelta(minutes=20))
    assert [leg.symbol for leg in services.preview(alice.strategy).plan.legs] == ["SOLBTC", "BTCUSDT", "ETHUSDT"]
    paper.symbol_control("SOLBTC", price=D("0.0033"))
    paper.symbol_control("SOLETH", price=D("0.066"))
    clock.shift(timedelta(seconds=20))
    plan = services.preview(alice.strategy).plan
    assert plan.legs[0].symbol == "SOLUSDT"
    assert [(skip.asset, skip.code) for skip in plan.untaken] == [("SOLBTC", "price_jump"), ("SOLETH", "price_jump")]


def test_symbols_of_two_coins_that_the_exchange_refuses_do_not_end_the_rebalance(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    """Not every account may trade every symbol: what is refused directly goes through the quote."""
    settings.PRICING_TTL_SECONDS = 60  # a symbol that one may not trade has prices still
    system_settings.forget()
    for symbol, price in (("SOLUSDT", "150"), ("SOLBTC", "0.003"), ("SOLETH", "0.06")):
        paper.symbol_control(symbol, price=D(price))
    held, wanted = {**HELD, "SOL": 40}, {"ETH": 36, "BTC": 44, "SOL": 20}
    alice = trader("alice@example.org", held, wanted, **{**CALM, **CROSSING}, direct_pairs=True, max_orders=1)
    services.preview(alice.strategy)
    for symbol in ("SOLBTC", "SOLETH"):
        paper.symbol_control(symbol, status="HALT")  # our copy of the rules still says TRADING
    alice.execute()
    run = alice.follow(clock)
    assert (run.state, run.reason_code) == ("complete", "within_band")
    rejected = {order.symbol for order in alice.orders() if order.status == Status.REJECTED}
    assert rejected == {"SOLBTC", "SOLETH"}
