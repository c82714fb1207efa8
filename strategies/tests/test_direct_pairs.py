"""What one coin has too much of and another lacks is traded on the symbol of the two, where that is cheaper."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botbalance.lib.money import ZERO, wide
from exchanges.domain import ExchangeInfo, Price, Side, SymbolRules
from strategies.domain import Direct, Goal, OpenOrder, Plan, TradeTo
from strategies.planner.bands import Managed, Width
from strategies.tests.planning import QUOTE, D, Scene, rules_of

ETHBTC = SymbolRules(
    "ETHBTC", "ETH", "BTC",
    tick_size=D("0.00001"), min_price=D("0.00001"), step_size=D("0.0001"), min_quantity=D("0.0001"),
    min_notional=D("0.0001"),
)  # fmt: skip
PRICES = {"BTC": "50000", "ETH": "2500"}
HELD = {"ETH": "2", "BTC": "0.1"}  # 5000 and 5000


def crossing(
    targets: dict[str, Any],
    *,
    held: dict[str, Any] = HELD,
    rules: SymbolRules = ETHBTC,
    price: Any = "0.05",
    spread: str = "0",
    rules_of_coins: dict[str, SymbolRules] | None = None,
    **more: Any,
) -> Scene:
    """A scene in which ETH and BTC trade for each other as well. `spread` is that of the symbol, whole, as a share."""
    limits: dict[str, Any] = {"direct_pairs": True, "order_size_pct": "100", **more}
    scene = Scene.of(prices=PRICES, held=held, targets=targets, rules=rules_of_coins, **limits)
    known = {**scene.info.rules, rules.symbol: rules}
    mid, half = D(price), D(price) * D(spread) / 2
    quoted = Price(rules.symbol, mid, mid - half, mid + half, "" if mid else "empty")
    return replace(
        scene,
        info=ExchangeInfo.of(known),
        prices=replace(scene.prices, prices={**scene.prices.prices, rules.symbol: quoted}),
    )


def rows(plan: Plan) -> list[tuple[str, str, Decimal]]:
    return [(leg.symbol, leg.side.value, leg.quantity) for leg in plan.legs]


def untaken(plan: Plan) -> list[str]:
    return [skip.reason for skip in plan.untaken]


def test_one_order_does_what_took_two() -> None:
    plan = crossing({"ETH": 40, "BTC": 60}).plan()
    assert rows(plan) == [("ETHBTC", "SELL", D("0.4"))]
    (leg,) = plan.legs
    assert (leg.notional, leg.fee, leg.price) == (D(1000), D(1), D("0.05"))
    assert leg.told is not None
    assert leg.told.reason == "ETH for BTC directly: 0.10% instead of 0.20%."
    assert plan.skips == ()
    after = {row.asset: row.after_pct for row in plan.allocations}
    assert after["ETH"] == pytest.approx(D(40), abs=D("0.01"))
    assert after["BTC"] == pytest.approx(D(60), abs=D("0.01"))
    assert after[QUOTE] == ZERO


def test_the_symbol_may_stand_the_other_way_round() -> None:
    assert rows(crossing({"ETH": 60, "BTC": 40}).plan()) == [("ETHBTC", "BUY", D("0.4"))]


def test_it_is_off_unless_its_owner_wants_it() -> None:
    scene = crossing({"ETH": 40, "BTC": 60}, direct_pairs=False)
    assert rows(scene.plan()) == [("ETHUSDT", "SELL", D("0.4"))]
    assert scene.plan().untaken == ()


def test_what_is_left_goes_through_the_quote_as_before() -> None:
    plan = crossing({"ETH": 30, "BTC": 55}).plan()
    assert rows(plan) == [("ETHBTC", "SELL", D("0.2")), ("ETHUSDT", "SELL", D("0.6"))]


def test_a_large_order_is_made_of_several_direct_ones() -> None:
    scene = crossing({"ETH": 20, "BTC": 80}, order_size_pct="10")
    assert rows(scene.plan()) == [("ETHBTC", "SELL", D("0.4"))]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spread": "0.004"}, "ETH for BTC directly would not be cheaper: 0.30% instead of 0.20%."),
        ({"price": "0.0499"}, "ETH for BTC directly would not be cheaper: 0.30% instead of 0.20%."),
        ({"price": "0"}, "ETHBTC has no usable price at the moment."),
        ({"jumps": {"ETHBTC": D(7)}, "jump_minutes": 5}, "ETHBTC is 7% from its median of the last 5 minutes; it is"),
        ({"rules": replace(ETHBTC, status="BREAK")}, "ETHBTC is not trading at the moment (status BREAK)."),
        (
            {"rules": replace(ETHBTC, min_notional=D("0.03"))},
            "ETH for BTC directly: 1000 USDT is under the smallest ETHBTC order, 1500 USDT.",
        ),
        (
            {"first_prices": {"ETHBTC": D("0.06")}, "worst_price_pct": "5"},
            "ETHBTC has moved further than the worst price allowed, 0.057 BTC.",
        ),
    ],
)
def test_where_it_is_not_cheaper_or_not_possible_that_is_said(changes: dict[str, Any], reason: str) -> None:
    plan = crossing({"ETH": 40, "BTC": 60}, **changes).plan()
    assert rows(plan) == [("ETHUSDT", "SELL", D("0.4"))]
    (said,) = untaken(plan)
    assert said.startswith(reason)


def test_a_better_price_is_no_gain_that_is_counted_on() -> None:
    (leg,) = crossing({"ETH": 40, "BTC": 60}, price="0.0501").plan().legs
    assert leg.direct is not None
    assert leg.direct.cost == D("0.001")


@pytest.mark.parametrize(("targets", "price"), [({"ETH": 40, "BTC": 60}, "0.0525"), ({"ETH": 60, "BTC": 40}, "0.0475")])
def test_a_price_too_good_to_be_true_is_not_believed(targets: dict[str, Any], price: str) -> None:
    plan = crossing(targets, price=price).plan()
    assert all(leg.direct is None for leg in plan.legs)
    assert [skip.code for skip in plan.untaken] == ["direct_too_good"]
    assert " 5% better than through USDT" in untaken(plan)[0]


@pytest.mark.parametrize(("step", "cost"), [("0.1", "0.0006"), ("-0.1", "0.0011")])
def test_the_fee_is_that_of_the_way_the_order_fills(step: str, cost: str) -> None:
    """What waits pays the maker's fee, what takes the taker's; half the spread is on top of either."""
    scene = crossing({"ETH": 40, "BTC": 60}, spread="0.0002", order_step_pct=step, maker_rate=D("0.0005"))
    (leg,) = scene.plan().legs
    assert leg.direct is not None
    assert leg.direct.cost == D(cost)


def test_a_rest_that_is_too_small_is_said() -> None:
    plan = crossing({"ETH": 40, "BTC": 60}, held={"ETH": "2.001", "BTC": "0.1"}, min_delta_pct="5").plan()
    assert rows(plan) == [("ETHBTC", "SELL", D("0.4006"))]
    plan = crossing({"ETH": "39.98", "BTC": 60}, min_delta_pct="5").plan()
    assert rows(plan) == [("ETHBTC", "SELL", D("0.4"))]
    assert [skip.reason for skip in plan.skips] == [
        "Traded directly for another coin, but for 2 USDT: too little for an order on ETHUSDT."
    ]
    assert plan.unsettled == ()


def test_no_rest_outside_its_band_is_left_that_cannot_be_traded() -> None:
    """1020 are to be sold and 1000 to be bought, by orders of 50 at least: directly go so many that both rests can."""
    least = {coin: rules_of(coin, minimum="50") for coin in PRICES}
    plan = crossing({"ETH": "39.8", "BTC": 60}, rules=ETHBTC, min_delta_pct="0.05", rules_of_coins=least).plan()
    assert rows(plan) == [("ETHBTC", "SELL", D("0.38")), ("ETHUSDT", "SELL", D("0.028"))]
    assert [(skip.asset, skip.code) for skip in plan.skips] == [("BTC", "no_quote")]


@pytest.mark.parametrize(
    ("side", "quantity", "codes"),
    [
        (Side.SELL, "0.4", ["covered", "covered"]),  # it brings all there is to do
        (Side.BUY, "0.4", ["opposite_order", "opposite_order"]),  # it stands against it
        (Side.SELL, "0.1", ["order_waits", "order_waits"]),  # nothing is added to it
    ],
)
def test_an_order_between_two_coins_that_rests_counts_for_both(side: Side, quantity: str, codes: list[str]) -> None:
    resting = OpenOrder("ETHBTC", side, D("0.05"), D(quantity))
    for is_on in (True, False):
        scene = crossing(
            {"ETH": 40, "BTC": 60}, direct_pairs=is_on, open_orders=(resting,), occupied=frozenset({"ETHBTC"})
        )
        plan = scene.plan()
        assert [skip.code for skip in plan.skips] == codes
        assert {skip.values["symbol"] for skip in plan.skips} == {"ETHBTC"}
        assert {skip.values.get("side", side.value) for skip in plan.skips} == {side.value}


# --- at random -----------------------------------------------------------------------------------------------

COINS = ("ADA", "BTC", "ETH", "SOL")
CROSSES = (("ETH", "BTC"), ("SOL", "ETH"), ("SOL", "BTC"), ("ADA", "BTC"))


@st.composite
def random_scenes(draw: st.DrawFn) -> Scene:
    prices = {coin: draw(st.decimals("0.5", "50000", places=2)) for coin in COINS}
    held = {coin: draw(st.decimals("0", "20000", places=2)) / prices[coin] for coin in COINS}
    weights = [draw(st.integers(0, 25)) for _coin in COINS]
    scene = Scene.of(
        prices=prices,
        held={**held, QUOTE: draw(st.sampled_from([D(0), D(3000)]))},
        targets=dict(zip(COINS, weights, strict=True)),
        rules={coin: rules_of(coin, minimum=draw(st.sampled_from(["5", "50"]))) for coin in COINS},
        direct_pairs=True,
        order_size_pct=draw(st.sampled_from(["5", "25", "100"])),
        order_step_pct=draw(st.sampled_from(["0", "0.3", "-0.2"])),
        min_delta_pct=draw(st.sampled_from(["0.5", "5"])),
        trade_to=draw(st.sampled_from(list(TradeTo))),
        goal=draw(st.sampled_from([Goal.BAND, Goal.TARGET])),
        turnover_left=draw(st.sampled_from([None, D(2000)])),
        max_order_nav_pct=draw(st.sampled_from([None, D(10)])),
        max_orders=draw(st.sampled_from([1, 3, 20])),
    )
    known, quoted = dict(scene.info.rules), dict(scene.prices.prices)
    for base, counter in CROSSES:
        mid = (prices[base] / prices[counter] * (1 + draw(st.decimals("-0.003", "0.003", places=4)))).quantize(
            D("1e-8")
        )
        half = mid * draw(st.sampled_from([D(0), D("0.0002"), D("0.002")]))
        symbol = base + counter
        known[symbol] = SymbolRules(
            symbol, base, counter,
            tick_size=D("1e-8"), min_price=D("1e-8"), step_size=D("0.001"), min_quantity=D("0.001"),
            min_notional=D(draw(st.sampled_from(["0.0001", "0.01"]))),
        )  # fmt: skip
        if mid > half:
            quoted[symbol] = Price(symbol, mid, mid - half, mid + half)
    return replace(scene, info=ExchangeInfo.of(known), prices=replace(scene.prices, prices=quoted))


@settings(max_examples=150, deadline=None)
@given(random_scenes())
def test_it_is_never_dearer_moves_no_more_and_passes_every_filter(scene: Scene) -> None:
    plan = scene.plan()
    valuation = scene.valuation()
    mids = {coin: scene.prices.prices[f"{coin}{QUOTE}"].value for coin in COINS}
    with wide():
        managed = Managed.of(valuation, scene.targets, scene.limits)
        width = Width.of_goal(scene.limits)
        moved = dict.fromkeys((*COINS, QUOTE), ZERO)
        spent = dict.fromkeys((*COINS, QUOTE), ZERO)
        for leg in plan.legs:
            rules = scene.info.rules[leg.symbol]
            assert rules.failure(leg.side, leg.price, leg.quantity, scene.prices.prices[leg.symbol].value) == ""
            sign = 1 if leg.side == Side.BUY else -1
            paid_with = leg.direct.counter if leg.direct else QUOTE
            moved[leg.asset] += sign * leg.quantity
            moved[paid_with] -= sign * leg.quantity * leg.price
            given, gave = (paid_with, leg.quantity * leg.price) if sign > 0 else (leg.asset, leg.quantity)
            spent[given] += gave
            if leg.direct is not None:
                assert leg.direct.cost < leg.direct.instead
                assert leg.direct == Direct(
                    rules.quote, mids[rules.quote], mids[rules.base], leg.direct.cost, leg.direct.instead
                )
                assert leg.fee == leg.notional * scene.limits.fee_rate
        held = {row.asset: row for row in valuation.holdings}
        for asset, amount in spent.items():
            assert amount <= (held[asset].free if asset in held else ZERO)
        assert sum((leg.notional for leg in plan.legs), ZERO) <= (scene.limits.turnover_left or D("Infinity"))
        assert len(plan.legs) <= scene.limits.max_orders
        # No coin is moved past its target, but by the smallest order of a small difference; none the wrong way.
        for coin in COINS:
            held_now = held[coin].total if coin in held else ZERO
            target = managed.target_value(coin)
            before, after = target - held_now * mids[coin], target - (held_now + moved[coin]) * mids[coin]
            assert abs(after) <= abs(before)
            if abs(before) <= width.value(target, managed.value) and plan.legs:
                assert all(leg.direct is None or coin not in (leg.asset, leg.direct.counter) for leg in plan.legs)
