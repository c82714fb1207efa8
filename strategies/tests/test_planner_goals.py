"""Plans that leave the band aside, orders that are not priced past the worst price, and the server's own limits."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botbalance.lib.money import HUNDRED, ONE, ZERO
from exchanges.domain import ExchangeInfo, Price, Side
from strategies.domain import Goal, OpenOrder, Plan, TradeTo
from strategies.planner import limit_price
from strategies.tests.planning import QUOTE, D, Scene, raw_filter_failures, rules_of
from strategies.tests.random_scenes import most_rounds, scene_of, symbols
from strategies.ticks import TICK_REASONS, largest_drift
from tests.support import examples

seeds = st.integers(0, 2**32)
counts = st.one_of(st.integers(1, 8), st.integers(1, 50))
navs = st.floats(1, 7)


def with_limits(scene: Scene, **limits: Any) -> Scene:
    return replace(scene, limits=replace(scene.limits, **limits))


def scene(held: dict[str, Any], targets: dict[str, Any], **limits: Any) -> Scene:
    prices = {"BTC": 50_000, "ETH": 2_000, "SOL": 100}
    return Scene.of(prices=prices, held=held, targets=targets, **{"order_size_pct": "100", "fee_rate": "0", **limits})


def assert_it_ends(made: Scene) -> None:
    """A few rounds more than with a band: each pays for the fees of the one before."""
    plan = made.plan()
    for _round in range(most_rounds(made, plan) + 5):
        if not plan.legs:
            banded = with_limits(made, goal=Goal.BAND).plan()
            # Never less content than the band is, but for what the exchange would not take.
            refused = {skip.code for skip in plan.unsettled} <= {"filter", "max_position"}
            assert plan.is_settled or refused or not banded.is_settled
            return
        made = made.after(plan.legs)
        assert all(amount >= 0 for amount in made.held.values())
        plan = made.plan()
    raise AssertionError("there was always something more to trade")


def legs(plan: Plan) -> list[tuple[str, str, Decimal]]:
    return [(leg.side.value, leg.asset, leg.quantity) for leg in plan.legs]


def skips(plan: Plan) -> dict[str, str]:
    return {skip.asset: skip.code for skip in plan.skips}


# --- to the targets --------------------------------------------------------------------------------------


def test_to_the_targets_trades_what_is_inside_its_band_all_the_way() -> None:
    made = scene({"USDT": 4_800, "BTC": "0.104"}, {"BTC": 50}, min_delta_pct="5", trade_to=TradeTo.EDGE)
    assert made.plan().legs == ()
    assert legs(with_limits(made, goal=Goal.TARGET).plan()) == [("SELL", "BTC", D("0.004"))]


def test_to_the_targets_is_over_where_the_rest_cannot_be_traded() -> None:
    made = scene({"USDT": "52", "BTC": "0.00096"}, {"BTC": 50}, goal=Goal.TARGET)  # 48 of 50, under the smallest order
    plan = made.plan()
    assert skips(plan) == {"BTC": "below_min_notional"}
    assert plan.is_settled
    assert not replace(plan, goal=Goal.BAND).is_settled


def test_to_the_targets_does_not_follow_every_move_of_a_price() -> None:
    made = scene({"USDT": 499_800, "BTC": "10.004"}, {"BTC": 50}, goal=Goal.TARGET)  # 0.02 points, worth 200
    plan = made.plan()
    assert plan.is_settled
    assert plan.skips[0].reason == "At its target of 50%, but for a rest of 0.02 points."


def test_a_small_target_is_met_as_well_as_a_large_one() -> None:
    made = scene({"USDT": 100_000}, {"SOL": "0.04"}, goal=Goal.TARGET)
    assert legs(made.plan()) == [("BUY", "SOL", D("0.4"))]


def test_what_an_open_order_covers_is_not_a_rest() -> None:
    order = OpenOrder("BTCUSDT", Side.BUY, D(50_000), D("0.02"))
    made = Scene.of(
        prices={"BTC": 50_000}, held={"USDT": 10_000}, targets={"BTC": "10.03"}, open_orders=(order,), goal=Goal.TARGET
    )
    plan = with_limits(made, min_delta_pct=D("0.01")).plan()
    assert skips(plan) == {"BTC": "covered"}
    assert not plan.is_settled


def test_the_last_rest_for_which_no_quote_is_left_is_over_within_the_band() -> None:
    held = {"USDT": 3, "BTC": "0.1", "ETH": "2.496"}  # ETH is 5.5 from its target, nothing can be sold, and 3 are left
    made = scene(held, {"BTC": 50, "ETH": 50}, goal=Goal.TARGET, min_delta_pct="1")
    plan = made.plan()
    assert plan.legs == ()
    assert skips(plan) == {"BTC": "at_target", "ETH": "spent"}
    assert plan.is_settled
    narrow = with_limits(made, min_delta_pct=D("0.05")).plan()
    assert skips(narrow)["ETH"] == "no_quote"
    assert not narrow.is_settled


def test_what_waits_for_the_proceeds_of_a_sale_is_no_last_rest() -> None:
    held = {"USDT": 3, "BTC": "0.1001", "ETH": "2.44"}
    plan = scene(held, {"BTC": 50, "ETH": 50}, goal=Goal.TARGET, min_delta_pct="1").plan()
    assert [leg.asset for leg in plan.legs] == ["BTC"]
    assert skips(plan) == {"ETH": "no_quote"}


# --- buying only -----------------------------------------------------------------------------------------


def test_a_deposit_is_invested_in_what_is_below_its_target_and_nothing_is_sold() -> None:
    made = scene({"USDT": 1_000, "BTC": "0.12", "ETH": "1.5"}, {"BTC": 50, "ETH": 50}, goal=Goal.BUY)
    plan = made.plan()
    assert legs(plan) == [("BUY", "ETH", D("0.5"))]
    assert skips(plan) == {"BTC": "buy_only"}
    after = made.after(plan.legs).plan()
    assert after.is_settled
    assert not replace(after, goal=Goal.BAND).is_settled


def test_buying_only_leaves_the_quote_what_the_targets_leave_it() -> None:
    made = scene({"USDT": 3_000, "BTC": "0.14"}, {"BTC": 40, "ETH": 40}, goal=Goal.BUY)  # the quote's share is 2,000
    plan = made.plan()
    assert legs(plan) == [("BUY", "ETH", D("0.5"))]
    assert made.after(plan.legs).held[QUOTE] == D(2_000)
    assert made.after(plan.legs).plan().is_settled


@settings(max_examples=examples(400))
@given(seed=seeds, assets=counts, nav=navs)
def test_buying_only_never_sells_and_ends(source: Path | None, seed: int, assets: int, nav: float) -> None:
    made = with_limits(scene_of(seed, assets, nav, source, tame=False), goal=Goal.BUY)
    plan = made.plan()
    assert plan == made.plan()
    assert all(leg.side == Side.BUY for leg in plan.legs)
    keep = plan.managed * max(plan.allocations[-1].target_pct or ZERO, made.limits.quote_reserve_pct) / HUNDRED
    assert sum((leg.notional for leg in plan.legs), ZERO) <= max(ZERO, made.held.get(QUOTE, ZERO) - keep)
    assert_it_ends(with_limits(scene_of(seed, assets, nav, source, tame=True), goal=Goal.BUY))


@settings(max_examples=examples(400))
@given(seed=seeds, assets=counts, nav=navs)
@example(seed=4802, assets=1, nav=2.5)  # a price so low that the limit price would be 0
def test_to_the_targets_keeps_every_promise_of_a_plan_and_ends(
    source: Path | None, seed: int, assets: int, nav: float
) -> None:
    made = with_limits(scene_of(seed, assets, nav, source, tame=False), goal=Goal.TARGET)
    plan = made.plan()
    assert plan == made.plan()
    for leg in plan.legs:
        mid = made.prices.prices[leg.symbol].value
        assert raw_filter_failures(symbols(source)[leg.asset], leg.price, leg.quantity, mid, leg.side) == []
    # Whatever the band alone would trade, the goal trades too, at least as far; a limit may cut either list short, a
    # doubt that a wide band bears may be too much for a goal without one, and which of the smallest orders are worth it
    # depends on all the others.
    free = {"max_orders": 1000, "turnover_left": None, "order_size_pct": HUNDRED}
    banded = {leg.asset: leg for leg in with_limits(made, goal=Goal.BAND, **free).plan().legs if leg.side == Side.SELL}
    unlimited = with_limits(made, **free).plan()
    aimed = {leg.asset: leg for leg in unlimited.legs}
    assert "doubtful_value" in skips(unlimited).values() or all(
        leg.notional
        < 2 * max(made.info.rules[leg.symbol].min_notional, made.info.rules[leg.symbol].min_quantity * leg.price)
        or aimed[asset].quantity >= leg.quantity
        for asset, leg in banded.items()
    )
    assert_it_ends(with_limits(scene_of(seed, assets, nav, source, tame=True), goal=Goal.TARGET))


# --- the worst price -------------------------------------------------------------------------------------


def test_an_order_rests_at_the_worst_price_once_the_market_has_left_it() -> None:
    held, first = {"USDT": 10_000}, {"BTCUSDT": D(49_000)}
    made = scene(held, {"BTC": 50}, first_prices=first, worst_price_pct="1")
    (leg,) = made.plan().legs
    assert leg.price == D(49_490)
    assert leg.quantity == D("0.1")  # as much as half of the portfolio is at the market's price
    (near,) = with_limits(made, worst_price_pct=D(3)).plan().legs
    assert near.price == D(50_000)
    sale = scene({"BTC": "0.2"}, {"BTC": 50}, first_prices={"BTCUSDT": D(51_000)}, worst_price_pct="1")
    assert sale.plan().legs[0].price == D(50_490)


def test_a_worst_price_is_rounded_to_the_tick_away_from_the_market() -> None:
    rules = rules_of("BTC", tick="10")
    assert limit_price(rules, Side.BUY, D(50_000), ZERO, D(49_499)) == D(49_490)
    assert limit_price(rules, Side.SELL, D(50_000), ZERO, D(50_501)) == D(50_510)
    assert limit_price(rules, Side.BUY, D(50_000), ZERO, D(51_000)) == D(50_000)
    assert limit_price(rules, Side.SELL, D(50_000), D("-2"), D(49_500)) == D(49_500)


def test_a_worst_price_the_exchange_would_refuse_is_a_reason_to_wait() -> None:
    rules = {"BTC": rules_of("BTC", bid_multiplier_up=D("1.2"), bid_multiplier_down=D("0.8"))}
    made = Scene.of(
        prices={"BTC": 50_000},
        held={"USDT": 10_000},
        targets={"BTC": 50},
        rules=rules,
        first_prices={"BTCUSDT": D(38_000)},
        worst_price_pct="1",
    )
    plan = made.plan()
    assert plan.legs == ()
    assert plan.skips[0].reason == "BTCUSDT has moved further than the worst price allowed, 38380 USDT."
    assert not plan.is_settled


@settings(max_examples=examples(400))
@given(seed=seeds, assets=counts, nav=navs, worst=st.sampled_from(["0.05", "1", "7.5", "50"]), off=st.integers(-30, 30))
def test_no_order_is_ever_priced_past_the_worst_price(
    source: Path | None, seed: int, assets: int, nav: float, worst: str, off: int
) -> None:
    made = scene_of(seed, assets, nav, source, tame=False)
    first = {symbol: price.value * (100 + off) / 100 for symbol, price in made.prices.prices.items()}
    plan = with_limits(made, first_prices=first, worst_price_pct=D(worst)).plan()
    share = D(worst) / HUNDRED
    for leg in plan.legs:
        mid = made.prices.prices[leg.symbol].value
        assert raw_filter_failures(symbols(source)[leg.asset], leg.price, leg.quantity, mid, leg.side) == []
        if leg.side == Side.BUY:
            assert leg.price <= first[leg.symbol] * (ONE + share)
        else:
            assert leg.price >= first[leg.symbol] * (ONE - share)


# --- the server's limits ---------------------------------------------------------------------------------


def test_the_server_caps_every_order_as_a_share_of_the_whole_account() -> None:
    made = scene({"USDT": 10_000}, {"BTC": 50}, max_order_nav_pct="10")
    assert legs(made.plan()) == [("BUY", "BTC", D("0.02"))]


def test_a_cap_below_the_smallest_order_says_so() -> None:
    made = scene({"USDT": 40}, {"BTC": 50}, max_order_nav_pct="10")
    plan = made.plan()
    assert plan.skips[0].reason == (
        "This server allows no order above 10% of the portfolio; the smallest BTCUSDT order is larger."
    )
    assert not plan.is_settled


def test_no_more_orders_are_planned_than_may_be_open() -> None:
    made = scene({"USDT": 10_000}, {"BTC": 40, "ETH": 30, "SOL": 20}, open_slots=2)
    plan = made.plan()
    assert [leg.asset for leg in plan.legs] == ["BTC", "ETH"]
    assert skips(plan) == {"SOL": "max_open_orders"}
    none = with_limits(made, open_slots=0).plan()
    assert none.legs == ()
    assert not none.is_settled


def test_a_coin_whose_price_has_jumped_is_left_alone() -> None:
    made = scene({"USDT": 10_000}, {"BTC": 40, "ETH": 30}, jumps={"BTCUSDT": D("-4.25678")}, jump_minutes=10)
    plan = made.plan()
    assert [leg.asset for leg in plan.legs] == ["ETH"]
    (skip,) = plan.skips
    sentence = "BTCUSDT is -4.26% from its median of the last 10 minutes; it is not traded until it settles."
    assert skip.reason == sentence
    assert TICK_REASONS[skip.code].format(**skip.values) == skip.reason  # a tick held by it says the same


HELD = {"USDT": 2_000, "BTC": "0.1", "ETH": "1.2"}


@pytest.mark.parametrize(
    ("jump", "others"),
    [
        ("-12", "doubtful_value"),  # half of NAV was worth 14 % more a moment ago
        ("1.5", None),  # 0.8 % of NAV: less than the band
    ],
)
def test_a_jump_that_moves_nav_by_more_than_the_band_stops_the_others(jump: str, others: str | None) -> None:
    made = scene(HELD, {"BTC": 50, "ETH": 40}, jumps={"BTCUSDT": D(jump)}, jump_minutes=10)
    plan = made.plan()
    assert skips(plan)["BTC"] == "price_jump"
    assert skips(plan).get("ETH") == others
    assert [leg.asset for leg in plan.legs] == ([] if others else ["ETH"])
    assert not plan.is_settled


@pytest.mark.parametrize("problem", ["empty", "crossed"])
def test_a_target_that_is_held_without_a_price_to_trade_on_stops_the_others(problem: str) -> None:
    made = scene(HELD, {"BTC": 50, "ETH": 40}, problems={"BTC": problem})
    plan = made.plan()
    assert plan.legs == ()
    assert skips(plan)["ETH"] == "doubtful_value"
    sentence = "As long as the price of BTCUSDT is in doubt, so is every weight; nothing is traded on it."
    assert sentence in [skip.reason for skip in plan.skips]


def priceless(made: Scene, asset: str, *, listed: bool = True) -> Scene:
    """The scene with an empty book of a coin, or without its pair."""
    symbol = f"{asset}{QUOTE}"
    prices = {**made.prices.prices, symbol: Price(symbol, ZERO, ZERO, ZERO, "empty")}
    known = {name: rules for name, rules in made.info.rules.items() if listed or name != symbol}
    return replace(made, prices=replace(made.prices, prices=prices), info=ExchangeInfo.of(known))


@pytest.mark.parametrize("listed", [True, False], ids=["an empty book", "delisted"])
def test_a_target_that_cannot_be_valued_stops_the_others(listed: bool) -> None:
    made = priceless(scene(HELD, {"BTC": 50, "ETH": 40}), "BTC", listed=listed)
    assert made.plan().legs == ()


def test_a_coin_that_is_being_sold_stops_the_others_only_while_it_has_a_market_without_a_price() -> None:
    held = {"USDT": 2_000, "BTC": "0.08", "ETH": "2", "SOL": 60}
    made = scene(held, {"BTC": 25, "ETH": 25}, sell_unlisted=True)
    assert [leg.asset for leg in made.plan().legs] == ["SOL"]
    assert priceless(made, "SOL").plan().legs == ()
    assert {leg.asset for leg in priceless(made, "SOL", listed=False).plan().legs} == {"BTC", "ETH"}


@pytest.mark.parametrize("goal", [Goal.TARGET, Goal.BUY])
def test_without_a_band_a_jump_stops_the_others_however_wide_the_band_is(goal: Goal) -> None:
    held = {"USDT": 3_000, "BTC": "0.092", "ETH": "2"}
    made = scene(held, {"BTC": 40, "ETH": 40}, jumps={"BTCUSDT": D(15)}, jump_minutes=10, min_delta_pct="10", goal=goal)
    assert made.plan().legs == ()


def test_dust_of_a_coin_whose_prices_have_crossed_stops_nobody() -> None:
    made = scene({"USDT": 5_000, "BTC": "0.0000002", "ETH": "1"}, {"BTC": 1, "ETH": 60}, problems={"BTC": "crossed"})
    assert [leg.asset for leg in made.plan().legs] == ["ETH"]


def test_an_order_that_brings_too_much_by_now_covers_and_does_not_oppose() -> None:
    resting = OpenOrder("BTCUSDT", Side.BUY, D(40_000), D("0.12"))
    made = scene({"USDT": 5_200}, {"BTC": 50}, open_orders=(resting,), locked={"USDT": 4_800})
    assert skips(made.plan()) == {"BTC": "covered"}
    sold = scene({"USDT": 4_000, "BTC": "0.2"}, {"BTC": 50}, open_orders=(resting,), locked={"USDT": 4_800})
    assert skips(sold.plan())["BTC"] == "opposite_order"


def test_a_target_without_a_price_that_is_not_held_stops_nobody() -> None:
    made = scene({"USDT": 10_000}, {"BTC": 50, "ETH": 40}, problems={"BTC": "empty"})
    assert [leg.asset for leg in made.plan().legs] == ["ETH"]


def test_no_order_is_added_to_one_that_waits() -> None:
    made = scene({"USDT": 10_000}, {"BTC": 50, "ETH": 40}, occupied=frozenset({"BTCUSDT"}))
    plan = made.plan()
    assert [leg.asset for leg in plan.legs] == ["ETH"]
    assert plan.skips[0].reason == "An open order on BTCUSDT waits for its price; no other is added to it."
    assert not plan.is_settled


@settings(max_examples=examples(400))
@given(seed=seeds, assets=counts, nav=navs, share=st.sampled_from(["0.1", "5", "100"]), slots=st.integers(0, 5))
def test_no_plan_is_beyond_what_the_server_allows(
    source: Path | None, seed: int, assets: int, nav: float, share: str, slots: int
) -> None:
    made = with_limits(scene_of(seed, assets, nav, source, tame=False), max_order_nav_pct=D(share), open_slots=slots)
    plan = made.plan()
    assert len(plan.legs) <= slots
    assert all(leg.notional <= plan.nav * D(share) / HUNDRED for leg in plan.legs)
    assert all(skip.reason for skip in plan.skips)


# --- the exact drift -------------------------------------------------------------------------------------


@settings(max_examples=examples(400))
@given(seed=seeds, assets=counts, nav=navs)
def test_a_plan_with_orders_has_something_outside_its_band(
    source: Path | None, seed: int, assets: int, nav: float
) -> None:
    made = replace(scene_of(seed, assets, nav, source, tame=False), open_orders=())
    plan = made.plan()
    drift = largest_drift(made.valuation(), made.targets, made.limits)
    if plan.legs:
        assert drift.is_outside
    if not drift.is_outside:
        assert not plan.legs
