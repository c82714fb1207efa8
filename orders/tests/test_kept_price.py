"""An order that keeps its place in the market holds up nobody else: the others are planned around it."""

import pytest
import time_machine
from pytest_django.fixtures import Settings

from botbalance.lib import system_settings
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services
from orders.models import Order, Run, Tick
from orders.tests.scenes import D, Trader, beat, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture(autouse=True)
def _held_by_hand(settings: Settings) -> None:
    settings.PRICE_JUMP_PCT = D(100)  # prices are an operator's here, far from the market's
    system_settings.forget()


def at(**prices: int | str) -> None:
    for asset, price in prices.items():
        paper.symbol_control(f"{asset}USDT", price=D(price))


def two_coins(**limits: object) -> Trader:
    """Half in bitcoin and a quarter in ether are to be bought; orders rest a little under the market for 30 s."""
    at(BTC=60_000, ETH=2_000)
    wanted = {"order_size_pct": D(100), "order_step_pct": D("0.2"), "order_lifetime_seconds": 30, **limits}
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50, "ETH": 25}, **wanted)
    services.start_autopilot(alice.user, alice.strategy)
    return alice


def of(alice: Trader, symbol: str) -> list[Order]:
    return [order for order in alice.orders() if order.symbol == symbol]


def test_the_others_follow_the_market_while_one_waits_at_its_worst_price(clock: time_machine.Traveller) -> None:
    alice = two_coins(worst_price_pct=D(1))
    beat(clock, seconds=40)
    at(BTC=63_000, ETH=2_010)  # bitcoin is out of reach
    beat(clock, seconds=60)
    at(ETH=2_015)
    beat(clock, seconds=60)
    waiting, follower = of(alice, "BTCUSDT")[-1], of(alice, "ETHUSDT")[-1]
    assert (waiting.price, waiting.status) == (D(60_600), "NEW")
    assert follower.price == D("2010.97")
    assert Tick.objects.order_by("-id")[0].code == "worst_price"
    at(ETH=2_000)  # ether comes down to its order
    beat(clock, seconds=90)
    assert of(alice, "ETHUSDT")[-1].status == "FILLED"
    assert Run.objects.get().state == "active"
    at(BTC=60_000)
    beat(clock, seconds=60)
    waiting.refresh_from_db()
    assert waiting.status == "FILLED"
    at(BTC=59_800)  # at 63,000 it was worth a little more: the rest of the difference is bought as well
    beat(clock, seconds=60)
    assert Run.objects.get().state == "complete"
    assert {order.status for order in alice.orders()} == {"FILLED", "CANCELED"}
    alice.assert_books_agree()


def test_a_symbol_that_stands_still_keeps_its_order_and_no_other(clock: time_machine.Traveller) -> None:
    alice = two_coins()
    beat(clock, seconds=40)
    paper.symbol_control("BTCUSDT", status="HALT")
    at(ETH=2_020)
    beat(clock, seconds=120)
    assert [order.status for order in of(alice, "BTCUSDT")] == ["NEW"]
    assert of(alice, "ETHUSDT")[-1].price == D("2015.96")
    paper.symbol_control("BTCUSDT", status="TRADING")
    at(BTC=59_000, ETH=2_000)
    beat(clock, seconds=120)
    assert Run.objects.get().state == "complete"
    alice.assert_books_agree()


def test_a_leg_that_left_the_market_too_far_is_back_at_once_while_others_rest(clock: time_machine.Traveller) -> None:
    alice = two_coins(order_lifetime_seconds=86_400, reprice_distance_pct=D(1))
    beat(clock, seconds=40)
    at(ETH=2_050)
    beat(clock, seconds=40)
    assert [order.status for order in of(alice, "BTCUSDT")] == ["NEW"]
    assert [order.status for order in of(alice, "ETHUSDT")] == ["CANCELED", "NEW"]
    assert of(alice, "ETHUSDT")[-1].price == D("2045.90")


def test_a_leg_is_back_as_soon_as_it_can_be_planned(clock: time_machine.Traveller) -> None:
    """The plan after it was cut short finds no balances: it is not put off for the others' lifetime, a day."""
    alice = two_coins(order_lifetime_seconds=86_400, reprice_distance_pct=D(1))
    beat(clock, seconds=40)
    with faults.plan([{"match": "GET /api/v3/account", "kind": "error_before", "status": 503, "times": 6}]):
        at(ETH=2_050)
        beat(clock, seconds=40)
    beat(clock, seconds=120)
    assert [order.status for order in of(alice, "ETHUSDT")] == ["CANCELED", "NEW"]


def test_a_leg_that_never_arrived_is_placed_while_others_rest(clock: time_machine.Traveller) -> None:
    alice = two_coins(order_lifetime_seconds=86_400)
    with faults.plan([{"match": "POST /api/v3/order", "kind": "throttled", "seconds": 5, "nth": 2, "times": 1}]):
        beat(clock, seconds=60)
    beat(clock, seconds=120)
    assert [order.status for order in of(alice, "BTCUSDT")] == ["NEW"]
    assert [order.status for order in of(alice, "ETHUSDT")] == ["NOT_PLACED", "NEW"]


def test_one_that_keeps_its_price_is_not_placed_anew_because_another_finds_no_buyer(
    clock: time_machine.Traveller,
) -> None:
    alice = two_coins(worst_price_pct=D(1))
    beat(clock, seconds=40)
    at(BTC=63_000)
    for ether in range(2_002, 2_030, 4):
        at(ETH=ether)
        beat(clock, seconds=30)
    prices = [order.price for order in of(alice, "BTCUSDT")]
    assert len(set(prices)) == len(prices)
    assert Run.objects.get().state == "active"


def test_the_worst_price_is_that_of_the_attempt_however_long_it_takes(clock: time_machine.Traveller) -> None:
    alice = two_coins(worst_price_pct=D(1))
    beat(clock, seconds=40)
    at(BTC=63_000, ETH=2_010)
    beat(clock, seconds=60)
    at(ETH=2_000)
    beat(clock, seconds=60)
    for _look in range(5):
        clock.shift(6 * 3600)
        beat(clock, seconds=32)
    services.stop_run(Run.objects.get())
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=90)
    assert Run.objects.count() == 2
    assert max(order.price for order in of(alice, "BTCUSDT")) <= D(60_600)


def test_an_order_that_would_bring_too_much_at_todays_price_stays(clock: time_machine.Traveller) -> None:
    at(BTC=60_000)
    limits = {"order_size_pct": D(100), "order_step_pct": D("0.2"), "order_lifetime_seconds": 30}
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **limits, worst_price_pct=D(1))
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    for price in (62_000, 64_000, 66_000, 68_000, 70_000):
        at(BTC=price)
        beat(clock, seconds=60)
    assert [(order.price, order.status) for order in alice.orders()] == [(D(59_880), "CANCELED"), (D(60_600), "NEW")]


def test_while_nothing_else_can_be_traded_it_is_planned_once_in_a_lifetime(
    clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    at(BTC=60_000)
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, order_step_pct=D(1), order_lifetime_seconds=300)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=400, step=10)
    caplog.clear()
    beat(clock, seconds=1200, step=10)
    plans = [record for record in caplog.records if "route=/api/v3/account" in record.getMessage()]
    assert 3 <= len(plans) <= 5
    assert [order.status for order in alice.orders()] == ["NEW"]


def test_an_order_whose_side_is_not_wanted_any_more_makes_way(clock: time_machine.Traveller) -> None:
    """Bitcoin was to be bought; its price has risen so far that it is to be sold, past the worst price for buying."""
    at(BTC=60_000)
    alice = trader(
        "alice@example.com",
        {"USDT": 6_000, "BTC": "0.06"},
        {"BTC": 50},
        order_size_pct=D(100),
        order_step_pct=D("0.2"),
        order_lifetime_seconds=30,
        worst_price_pct=D(1),
    )
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    assert [(order.side, order.status) for order in alice.orders()] == [("BUY", "NEW")]
    at(BTC=120_000)
    beat(clock, seconds=120)
    assert [(order.side, order.status) for order in alice.orders()][:2] == [("BUY", "CANCELED"), ("SELL", "NEW")]
    alice.assert_books_agree()


def test_what_waits_counts_towards_the_turnover_of_a_day(clock: time_machine.Traveller) -> None:
    alice = two_coins(worst_price_pct=D(1), max_turnover_pct=D(49))
    beat(clock, seconds=40)
    at(BTC=63_000)  # bitcoin, nearly all of the turnover, waits at its worst price
    beat(clock, seconds=120)
    at(ETH=2_040)  # what is left of it is planned anew
    beat(clock, seconds=120)
    waiting = [order for order in alice.orders() if order.status == "NEW"]
    assert sum(order.price * order.quantity for order in waiting) <= D(4_900)
    at(BTC=60_000)
    beat(clock, seconds=120)
    assert of(alice, "BTCUSDT")[-1].status == "FILLED"
    assert sum(order.cumulative_quote for order in alice.orders()) <= D(4_900)


def test_a_coin_that_was_where_it_should_be_is_sought_from_the_market_of_the_day_it_leaves(
    clock: time_machine.Traveller,
) -> None:
    """An attempt at ether that came to nothing says nothing of what bitcoin may cost days later."""
    at(BTC=60_000, ETH=2_000)
    limits = {"order_size_pct": D(100), "order_step_pct": D(2), "worst_price_pct": D(1), "order_lifetime_seconds": 30}
    held = {"USDT": 5_000, "BTC": D("0.0833333")}
    alice = trader("alice@example.com", held, {"BTC": 50, "ETH": 25}, min_delta_pct=D(2), **limits)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    assert {order.symbol for order in alice.orders()} == {"ETHUSDT"}
    assert set(Run.objects.get().first_prices) == {"ETHUSDT"}
    services.stop_run(Run.objects.get())
    at(BTC=66_000)
    paper.deposit(alice.account.paper_key, "USDT", D(8_000))
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    (bid,) = of(alice, "BTCUSDT")
    assert bid.price > D(64_000)
