"""Every target is a share of NAV: while one coin's price is in doubt, nothing is traded on the others' weights."""

import pytest
import time_machine

from exchanges import services as exchanges
from exchanges.paper import services as paper
from orders import services
from orders.models import Order, Run, Tick
from orders.tests.scenes import D, Trader, beat, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def settled(clock: time_machine.Traveller, *coins: str) -> Trader:
    """Somebody whose autopilot has brought two coins to their targets of 40 % each; the band is 1 point."""
    limits = {"order_size_pct": D(100), "order_step_pct": D("-0.3"), "min_delta_pct": D(1)}
    alice = trader("alice@example.com", {"USDT": 10_000}, dict.fromkeys(coins, 40), **limits)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=240)
    assert not Run.objects.filter(state="active").exists()
    assert Tick.objects.order_by("-id")[0].code in ("within_band", "run_ended")
    return alice


def price_of(alice: Trader, symbol: str) -> D:
    price = exchanges.market_for(alice.account, trading=True).prices.price(symbol)
    assert price is not None
    return price.value


def test_a_jump_of_one_coin_makes_nothing_of_another(clock: time_machine.Traveller) -> None:
    alice = settled(clock, "BTC", "ETH")
    before = Order.objects.count()
    paper.symbol_control("BTCUSDT", price=(price_of(alice, "BTCUSDT") * D("1.2")).quantize(D(1)))
    beat(clock, seconds=120)
    assert Order.objects.count() == before
    last = Tick.objects.order_by("-id")[0]
    assert (last.status, last.code, last.values["symbol"]) == ("held", "price_jump", "BTCUSDT")
    shown = services.preview(alice.strategy).plan
    assert {skip.asset: skip.code for skip in shown.skips} == {"BTC": "price_jump", "ETH": "doubtful_value"}
    assert shown.legs == ()
    paper.symbol_control("BTCUSDT")
    paper.deposit(alice.account.paper_key, "USDT", D(3_000))
    beat(clock, seconds=700)  # a balance is read again every ten minutes
    assert Order.objects.count() > before


def test_without_the_price_of_a_target_that_is_held_nothing_is_sold(clock: time_machine.Traveller) -> None:
    settled(clock, "BTC", "AAVE")  # which trades against the quote only: its price cannot be derived
    before = Order.objects.count()
    paper.symbol_control("AAVEUSDT", price=D(0))
    beat(clock, seconds=120)
    assert Order.objects.count() == before
    last = Tick.objects.order_by("-id")[0]
    assert (last.status, last.code) == ("held", "nothing_possible")
    assert "AAVEUSDT has no usable price at the moment." in last.values["details"]
    paper.symbol_control("AAVEUSDT")
    beat(clock, seconds=700)
    assert Tick.objects.order_by("-id")[0].code in ("within_band", "outside_band", "run_ended")


def test_a_target_that_has_left_the_exchange_has_nothing_else_sold(clock: time_machine.Traveller) -> None:
    alice = settled(clock, "BTC", "AAVE")
    before = Order.objects.count()
    paper.symbol_control("AAVEUSDT", status="DELISTED")
    exchanges.refresh_rules_for(alice.account)
    beat(clock, seconds=700, step=10)
    assert Order.objects.count() == before
    shown = services.preview(alice.strategy).plan
    assert shown.legs == ()
    assert "doubtful_value" in {skip.code for skip in shown.skips}


def test_a_price_that_is_gone_for_a_moment_is_no_failure(clock: time_machine.Traveller) -> None:
    """Bitcoin can still be valued through other pairs; what its jump would be cannot be said."""
    limits = {"order_size_pct": D(100), "order_step_pct": D(2), "order_lifetime_seconds": 30, "worst_price_pct": D(10)}
    alice = trader("alice@example.com", {"USDT": 10_000, "BTC": "0.02"}, {"BTC": 50, "ETH": 25}, **limits)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    higher = (price_of(alice, "ETHUSDT") * D("1.01")).quantize(D("0.01"))
    paper.symbol_control("BTCUSDT", price=D(0))
    paper.symbol_control("ETHUSDT", price=higher)
    beat(clock, seconds=120)
    assert not Tick.objects.filter(status__in=["failed", "paused"]).exists()
    assert Run.objects.get().state == "active"


def test_no_order_is_cancelled_on_a_price_that_has_jumped(clock: time_machine.Traveller) -> None:
    limits = {"order_size_pct": D(100), "order_step_pct": D("0.2"), "order_lifetime_seconds": 30}
    alice = trader("alice@example.com", {"USDT": 6_000, "BTC": "0.05"}, {"BTC": 60}, **limits, worst_price_pct=D("0.2"))
    price = price_of(alice, "BTCUSDT")
    paper.symbol_control("BTCUSDT", price=price.quantize(D(1)))
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    paper.symbol_control("BTCUSDT", price=(price * D("1.02")).quantize(D(1)))
    beat(clock, seconds=90)
    resting = Order.objects.order_by("-id")[0]
    assert resting.status == "NEW"
    paper.symbol_control("BTCUSDT", price=(price * D("2.5")).quantize(D(1)))
    beat(clock, seconds=90)
    resting.refresh_from_db()
    assert resting.status == "NEW"


def test_while_one_price_is_in_doubt_no_order_of_another_is_taken_away(clock: time_machine.Traveller) -> None:
    limits = {"order_size_pct": D(100), "order_step_pct": D(2), "order_lifetime_seconds": 30}
    held = {"USDT": 6_000, "BTC": D("0.1")}
    alice = trader("alice@example.com", held, {"BTC": 50, "ETH": 25}, min_delta_pct=D(20), **limits)
    run = alice.execute()
    (order,) = alice.orders()
    assert (order.symbol, order.status) == ("ETHUSDT", "NEW")
    paper.symbol_control("BTCUSDT", price=(price_of(alice, "BTCUSDT") * D("1.8")).quantize(D(1)))
    paper.symbol_control("ETHUSDT", price=(price_of(alice, "ETHUSDT") * D("1.01")).quantize(D(1)))
    beat(clock, seconds=90)
    run.refresh_from_db()
    assert run.state == "active"
    assert [row.status for row in alice.orders()] == ["NEW"]
