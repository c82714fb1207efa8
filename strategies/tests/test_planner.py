"""What the planner does, one rule at a time."""

from dataclasses import replace
from decimal import Decimal

import pytest

from exchanges.domain import Side
from strategies.domain import BandType, OpenOrder, Target, TradeTo, describe_legs, has_moved
from strategies.tests.planning import Scene, rules_of

D = Decimal


def skips(scene: Scene) -> dict[str, str]:
    return {skip.asset: skip.code for skip in scene.plan().skips}


def legs(scene: Scene) -> list[tuple[str, str, Decimal]]:
    return [(leg.side.value, leg.symbol, leg.quantity) for leg in scene.plan().legs]


def test_it_buys_what_is_missing_with_the_free_quote() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000}, held={"USDT": 10_000}, targets={"BTC": 50}, order_size_pct="100", fee_rate="0"
    )
    assert legs(scene) == [("BUY", "BTCUSDT", D("0.1"))]


def test_it_trades_differences_only_and_sells_first() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000, "ETH": 2_000, "SOL": 100},
        held={"USDT": 2_000, "BTC": "0.12", "ETH": 1},
        targets={"BTC": 40, "ETH": 40, "SOL": 20},
        order_size_pct="100",
        fee_rate="0",
    )
    assert legs(scene) == [("SELL", "BTCUSDT", D("0.04")), ("BUY", "ETHUSDT", D(1))]


def test_buys_wait_for_the_proceeds_of_sells() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000, "ETH": 2_000}, held={"BTC": "0.2"}, targets={"ETH": 100, "BTC": 0}, order_size_pct="100"
    )
    plan = scene.plan()
    assert [leg.side for leg in plan.legs] == [Side.SELL]
    assert {skip.asset: skip.code for skip in plan.skips} == {"ETH": "no_quote"}
    second = scene.after(plan.legs).plan()
    assert [(leg.side, leg.asset) for leg in second.legs] == [(Side.BUY, "ETH")]


def test_nothing_inside_the_band_is_traded_and_the_reason_says_how_far_it_is() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000}, held={"USDT": 5_080, "BTC": "0.0984"}, targets={"BTC": 50}, min_delta_pct="1"
    )
    plan = scene.plan()
    assert plan.legs == ()
    assert plan.is_settled
    assert plan.skips[0].reason == "Within the band: 0.8 points from the target 50%, the band is 1 points."


def test_a_relative_band_is_a_share_of_the_target() -> None:
    held = {"USDT": 9_100, "BTC": "0.018"}  # 9 % against a target of 10 %
    narrow = Scene.of(
        prices={"BTC": 50_000}, held=held, targets={"BTC": 10}, min_delta_pct="9", band_type=BandType.RELATIVE
    )
    wide = Scene.of(
        prices={"BTC": 50_000}, held=held, targets={"BTC": 10}, min_delta_pct="11", band_type=BandType.RELATIVE
    )
    assert len(narrow.plan().legs) == 1
    assert skips(wide) == {"BTC": "within_band"}


def test_trading_to_the_edge_stops_at_the_band() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000},
        held={"USDT": 10_000},
        targets={"BTC": 50},
        min_delta_pct="5",
        trade_to=TradeTo.EDGE,
        order_size_pct="100",
    )
    assert legs(scene) == [("BUY", "BTCUSDT", D("0.09"))]


def test_one_leg_is_no_larger_than_the_order_size() -> None:
    scene = Scene.of(prices={"BTC": 50_000}, held={"USDT": 10_000}, targets={"BTC": 50}, order_size_pct="10")
    assert legs(scene) == [("BUY", "BTCUSDT", D("0.02"))]


def test_an_order_size_below_the_exchanges_minimum_is_raised_to_it() -> None:
    scene = Scene.of(prices={"BTC": 50_000}, held={"USDT": 100}, targets={"BTC": 50}, order_size_pct="1")
    assert legs(scene) == [("BUY", "BTCUSDT", D("0.00011"))]


def test_the_smallest_purchase_of_a_new_coin_can_be_sold_again_after_its_fee() -> None:
    """5 USDT of a coin, less the fee out of it and rounded to a lot, would be less than can be sold: stuck for good."""
    new = Scene.of(prices={"BTC": 50_000}, held={"USDT": 100}, targets={"BTC": 5}, min_delta_pct="1")
    assert legs(new) == [("BUY", "BTCUSDT", D("0.00011"))]
    unwanted = replace(new.after(new.plan().legs), targets=(Target("BTC", D(0)),))
    assert legs(unwanted) == [("SELL", "BTCUSDT", D("0.0001"))]
    known = replace(new, held={"USDT": D(95), "BTC": D("0.0001")}, targets=(Target("BTC", D(10)),))
    assert legs(known) == [("BUY", "BTCUSDT", D("0.0001"))]  # what is there already can be sold with it


def test_bnb_is_sold_before_other_sales_take_their_fees_out_of_it() -> None:
    """They leave less of it free than was planned, and the exchange would refuse to sell what is not there any more."""
    scene = Scene.of(
        prices={"BTC": 50_000, "BNB": 500, "ETH": 2_500},
        held={"BTC": "0.1", "BNB": 4, "ETH": 1},
        targets={"BTC": 5, "BNB": 0, "ETH": 10},
        order_size_pct="100",
    )
    assert [leg.asset for leg in scene.plan().legs] == ["BNB", "BTC", "ETH"]


def test_a_difference_below_the_smallest_order_is_left_with_a_reason() -> None:
    scene = Scene.of(prices={"BTC": 50_000}, held={"USDT": 100}, targets={"BTC": 2}, min_delta_pct="1")
    assert skips(scene) == {"BTC": "below_min_notional"}
    assert scene.plan().skips[0].reason == ("The difference of 2 USDT is under the smallest BTCUSDT order, 5.5 USDT.")


def test_the_smallest_order_goes_past_the_target_where_that_comes_nearer_to_it() -> None:
    scene = Scene.of(prices={"BTC": 50_000}, held={"USDT": 100}, targets={"BTC": 4}, min_delta_pct="1")
    assert legs(scene) == [("BUY", "BTCUSDT", D("0.00011"))]  # 5.5 for 4: 1.5 too much is less than 4 too little
    held = {"USDT": "94.5", "BTC": "0.00011"}
    bought = Scene.of(prices={"BTC": 50_000}, held=held, targets={"BTC": 4}, min_delta_pct="1")
    assert legs(bought) == []  # and nothing of it is sold again


def test_small_orders_that_cannot_all_be_paid_are_chosen_together() -> None:
    """Five coins want 6 each, there are 30, and the least order is 10: three orders leave less than two and a rest."""
    coins = {f"C{number}": 10 for number in range(5)}
    rules = {coin: rules_of(coin, step="1", minimum="10") for coin in coins}
    held = {"USDT": "30.03", "BTC": "0.001"}
    targets = {**dict.fromkeys(coins, 6), "BTC": 70}
    scene = Scene.of(
        prices={**coins, "BTC": 70_000},
        held=held,
        targets=targets,
        rules=rules,
        min_delta_pct="1",
        quote_reserve_pct="0",
        fee_rate="0",  # with one, a lot that is bought alone could not be sold again
    )
    assert len(legs(scene)) == 3
    assert set(skips(scene)) & set(coins) == set(coins) - {leg.asset for leg in scene.plan().legs}


def test_what_little_money_there_is_goes_where_it_makes_an_order() -> None:
    """One by one the larger difference would take it all and leave the other dropped; together both are served."""
    rules = {"AAA": rules_of("AAA", step="1", minimum="10"), "BBB": rules_of("BBB", step="6", minimum="10")}
    scene = Scene.of(
        prices={"AAA": 1, "BBB": 1},
        held={"USDT": 28},
        targets={"AAA": 60, "BBB": 40},
        rules=rules,
        min_delta_pct="1",
        order_size_pct="100",
        fee_rate="0",
    )
    assert {(leg.asset, leg.quantity) for leg in scene.plan().legs} == {("AAA", D(16)), ("BBB", D(12))}


def test_a_difference_below_the_lot_is_left_with_a_reason() -> None:
    coarse = {"BTC": rules_of("BTC", step="1", minimum="1")}
    scene = Scene.of(prices={"BTC": 60}, held={"USDT": 100}, targets={"BTC": 29}, rules=coarse)
    assert skips(scene) == {"BTC": "below_lot"}


@pytest.mark.parametrize(
    ("step_pct", "buy", "sell"),
    [("0", "100.55", "100.56"), ("1", "99.54", "101.57"), ("-1", "101.56", "99.55")],
)
def test_prices_are_mid_moved_by_the_step_and_rounded_away_from_the_market(step_pct: str, buy: str, sell: str) -> None:
    buying = Scene.of(prices={"BTC": "100.555"}, held={"USDT": 1_000}, targets={"BTC": 50}, order_step_pct=step_pct)
    selling = Scene.of(prices={"BTC": "100.555"}, held={"BTC": 10}, targets={"BTC": 50}, order_step_pct=step_pct)
    assert buying.plan().legs[0].price == D(buy)
    assert selling.plan().legs[0].price == D(sell)


def test_the_reserve_is_not_spent() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000},
        held={"USDT": 10_000},
        targets={"BTC": 100},
        quote_reserve_pct="20",
        order_size_pct="100",
        fee_rate="0",
    )
    assert sum(leg.notional for leg in scene.plan().legs) == 8_000


def test_what_an_open_order_covers_is_not_ordered_again() -> None:
    resting = OpenOrder("BTCUSDT", Side.BUY, D(50_000), D("0.1"))
    scene = Scene.of(
        prices={"BTC": 50_000},
        held={"USDT": 5_000},
        locked={"USDT": 5_000},
        targets={"BTC": 50},
        open_orders=(resting,),
    )
    assert skips(scene) == {"BTC": "covered"}
    assert not scene.plan().is_settled


def test_nothing_is_sold_while_a_buy_of_it_is_open() -> None:
    resting = OpenOrder("BTCUSDT", Side.BUY, D(49_000), D("0.001"))
    scene = Scene.of(prices={"BTC": 50_000}, held={"BTC": 1}, targets={"BTC": 10}, open_orders=(resting,))
    assert skips(scene) == {"BTC": "opposite_order"}


def test_coins_without_a_target_are_left_alone_and_do_not_count() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000, "BNB": 500},
        held={"USDT": 5_000, "BTC": "0.1", "BNB": 10},
        targets={"BTC": 50},
    )
    plan = scene.plan()
    assert plan.nav == 15_000
    assert plan.managed == 10_000
    assert skips(scene) == {"BNB": "held", "BTC": "within_band"}
    assert plan.is_settled


def test_coins_without_a_target_are_sold_on_request() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000, "BNB": 500},
        held={"USDT": 5_000, "BTC": "0.1", "BNB": 10},
        targets={"BTC": 50},
        sell_unlisted=True,
        order_size_pct="100",
    )
    assert ("SELL", "BNBUSDT", D(10)) in legs(scene)


def test_a_target_of_zero_sells_all_of_it() -> None:
    scene = Scene.of(prices={"BTC": 50_000}, held={"BTC": "0.5"}, targets={"BTC": 0}, order_size_pct="100")
    assert legs(scene) == [("SELL", "BTCUSDT", D("0.5"))]


def test_only_what_is_free_is_sold() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000}, held={"BTC": "0.00001"}, locked={"BTC": 1}, targets={"BTC": 0}, order_size_pct="100"
    )
    assert skips(scene) == {"BTC": "locked"}


@pytest.mark.parametrize(
    ("scene", "code"),
    [
        (Scene.of(prices={"BTC": 1}, held={"USDT": 100}, targets={"XYZ": 50}), "no_pair"),
        (Scene.of(prices={"BTC": 0}, held={"USDT": 100}, targets={"BTC": 50}), "no_price"),
        (
            Scene.of(prices={"BTC": 1}, held={"USDT": 100}, targets={"BTC": 50}, problems={"BTC": "crossed"}),
            "crossed_price",
        ),
        (
            Scene.of(
                prices={"BTC": 1},
                held={"USDT": 100},
                targets={"BTC": 50},
                rules={"BTC": rules_of("BTC", status="BREAK")},
            ),
            "not_trading",
        ),
        (Scene.of(prices={"BTC": 1}, held={}, targets={"BTC": 50}), "nothing_to_manage"),
        (
            Scene.of(prices={"BTC": 50_000}, held={"USDT": 100}, targets={"BTC": 50}, turnover_left=D(0)),
            "max_turnover",
        ),
        (
            Scene.of(
                prices={"BTC": 50_000},
                held={"USDT": 1000},
                targets={"BTC": 50},
                rules={"BTC": rules_of("BTC", bid_multiplier_up=D("0.9"), bid_multiplier_down=D("0.5"))},
            ),
            "filter",
        ),
        (
            Scene.of(  # a step below a market of one tick there is no price, and no money either
                prices={"PEPE": "0.00000001"},
                held={"USDT": 3},
                targets={"PEPE": 50},
                rules={"PEPE": rules_of("PEPE", tick="0.00000001", step="1")},
                order_step_pct="0.5",
            ),
            "filter",
        ),
    ],
)
def test_what_cannot_be_traded_is_skipped_with_a_reason(scene: Scene, code: str) -> None:
    plan = scene.plan()
    assert plan.legs == ()
    assert [skip.code for skip in plan.skips] == [code]
    assert plan.skips[0].reason
    assert not plan.is_settled


def test_the_number_of_orders_is_limited_to_the_largest_differences() -> None:
    scene = Scene.of(prices={"BTC": 100, "ETH": 10}, held={"USDT": 1_000}, targets={"BTC": 20, "ETH": 30}, max_orders=1)
    plan = scene.plan()
    assert [leg.asset for leg in plan.legs] == ["ETH"]
    assert [skip.code for skip in plan.skips] == ["max_orders"]


def test_turnover_is_capped() -> None:
    scene = Scene.of(
        prices={"BTC": 100}, held={"USDT": 1_000}, targets={"BTC": 50}, turnover_left=D(120), order_size_pct="100"
    )
    assert sum(leg.notional for leg in scene.plan().legs) == 120


def test_after_the_plan_the_weights_are_those_announced() -> None:
    scene = Scene.of(
        prices={"BTC": 50_000}, held={"USDT": 10_000}, targets={"BTC": 40}, order_size_pct="100", fee_rate="0"
    )
    shown = {row.asset: (row.weight_pct, row.target_pct, row.after_pct) for row in scene.plan().allocations}
    assert shown == {"BTC": (0, 40, 40), "USDT": (100, 60, 60)}


def test_a_plan_that_moved_by_more_than_one_percent_is_another_plan() -> None:
    plan = Scene.of(prices={"BTC": 50_000}, held={"USDT": 10_000}, targets={"BTC": 40}).plan()
    agreed = describe_legs(plan.legs)
    little = Scene.of(prices={"BTC": 50_400}, held={"USDT": 10_000}, targets={"BTC": 40}).plan()
    more = Scene.of(prices={"BTC": 51_000}, held={"USDT": 10_000}, targets={"BTC": 40}).plan()
    assert not has_moved(agreed, plan.legs)
    assert not has_moved(agreed, little.legs)
    assert has_moved(agreed, more.legs)
    assert has_moved(agreed, ())


def test_many_small_drifts_do_not_add_up_to_a_large_one_of_the_quote() -> None:
    coins = dict.fromkeys(("AA", "BB", "CC", "DD", "EE"), 100)
    scene = Scene.of(
        prices=coins,
        held={"USDT": 5_950, **dict.fromkeys(coins, "8.1")},
        targets=dict.fromkeys(coins, 9),
        order_size_pct="100",
        fee_rate="0",
    )
    rounds = 0
    while scene.plan().legs:
        assert {leg.side for leg in scene.plan().legs} == {Side.BUY}
        scene = scene.after(scene.plan().legs)
        rounds += 1
    assert rounds == 1
    quote = next(row for row in scene.plan().allocations if row.asset == "USDT")
    assert quote.weight_pct is not None
    assert quote.target_pct is not None
    assert abs(quote.weight_pct - quote.target_pct) <= 1
    assert scene.plan().is_settled
