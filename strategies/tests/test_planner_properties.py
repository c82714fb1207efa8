"""What holds for every portfolio, every market and every limit: shown on thousands of random ones.

The rules are those of real symbols, see strategies.tests.random_scenes. `make soak` tries more of them.
"""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botbalance.lib.money import HUNDRED, ZERO
from exchanges.domain import Side
from strategies.domain import Plan
from strategies.tests.planning import QUOTE, Scene, raw_filter_failures
from strategies.tests.random_scenes import FEE, most_rounds, scene_of, symbols

FEW, MANY = 100, 2000  # for every change, and for `make soak`

seeds = st.integers(0, 2**32)
counts = st.one_of(st.integers(1, 6), st.integers(1, 50))
navs = st.floats(1, 7)


def assert_affordable(scene: Scene, plan: Plan) -> None:
    reserve = plan.managed * scene.limits.quote_reserve_pct / HUNDRED
    spent = sum((leg.notional for leg in plan.legs if leg.side == Side.BUY), ZERO)
    assert spent <= max(ZERO, scene.held.get(QUOTE, ZERO) - reserve)
    for leg in plan.legs:
        if leg.side == Side.SELL:
            assert leg.quantity <= scene.held.get(leg.asset, ZERO)
    if scene.limits.turnover_left is not None:
        assert sum((leg.notional for leg in plan.legs), ZERO) <= scene.limits.turnover_left
    assert len(plan.legs) <= scene.limits.max_orders


def assert_legal(scene: Scene, plan: Plan, source: Path | None) -> None:
    for leg in plan.legs:
        mid = scene.prices.prices[leg.symbol].value
        row = symbols(source)[leg.asset]
        assert raw_filter_failures(row, leg.price, leg.quantity, mid, leg.side) == []


def assert_sensible(scene: Scene, plan: Plan) -> None:
    """One leg a symbol, sells first, past no target but to come nearer to it, and a reason for everything else."""
    assert len({leg.symbol for leg in plan.legs}) == len(plan.legs)
    sides = [leg.side for leg in plan.legs]
    assert sides == sorted(sides, reverse=True)
    targets = {target.asset: target.weight_pct for target in scene.targets}
    size = plan.managed * scene.limits.order_size_pct / HUNDRED
    for leg in plan.legs:
        price = scene.prices.prices[leg.symbol].value
        total = scene.held.get(leg.asset, ZERO) + scene.locked.get(leg.asset, ZERO)
        resting = sum(
            (
                order.remaining if order.side == Side.BUY else -order.remaining
                for order in scene.open_orders
                if order.symbol == leg.symbol
            ),
            ZERO,
        )
        delta = plan.managed * targets.get(leg.asset, ZERO) / HUNDRED - (total + resting) * price
        assert (delta > 0) == (leg.side == Side.BUY)
        minimum = scene.info.rules[leg.symbol].ceil_quantity(scene.info.rules[leg.symbol].min_notional / leg.price)
        if leg.side == Side.BUY:  # of which as much can be sold again after the fee
            missing = (minimum - max(total + resting, ZERO)) / (1 - FEE)
            minimum = max(minimum, scene.info.rules[leg.symbol].ceil_quantity(missing))
        passed = leg.quantity * price - abs(delta)
        # Only the smallest order goes past the target, and leaves less than there was.
        assert passed <= 0 or (leg.quantity == minimum and passed < abs(delta))
        assert leg.quantity * price <= size or leg.quantity == minimum
    explained = {leg.asset for leg in plan.legs} | {skip.asset for skip in plan.skips}
    unlisted = {asset for asset in scene.held if asset != QUOTE and scene.held[asset] + scene.locked.get(asset, ZERO)}
    assert set(targets) | unlisted <= explained
    assert all(skip.reason for skip in plan.skips)


def assert_one_plan_holds(source: Path | None, seed: int, assets: int, nav: float) -> None:
    scene = scene_of(seed, assets, nav, source, tame=False)
    plan = scene.plan()
    assert plan == scene.plan()
    assert_affordable(scene, plan)
    assert_legal(scene, plan, source)
    assert_sensible(scene, plan)


@settings(max_examples=FEW)
@given(seed=seeds, assets=counts, nav=navs)
def test_a_plan_is_affordable_legal_sensible_and_the_same_for_the_same_input(
    source: Path | None, seed: int, assets: int, nav: float
) -> None:
    assert_one_plan_holds(source, seed, assets, nav)


@pytest.mark.soak
@settings(max_examples=MANY)
@given(seed=seeds, assets=counts, nav=navs)
def test_so_is_each_of_thousands(source: Path | None, seed: int, assets: int, nav: float) -> None:
    assert_one_plan_holds(source, seed, assets, nav)


def assert_rounds_end(source: Path | None, seed: int, assets: int, nav: float) -> None:
    """No asset is both bought and sold on the way, but for what the costs of the trades have taken from its target: the
    quote, brought back into its band by the coins within theirs, may ask for that much.
    """
    scene = scene_of(seed, assets, nav, source, tame=True)
    plan = scene.plan()
    bound = most_rounds(scene, plan)
    targets = {target.asset: target.weight_pct for target in scene.targets}
    sides: dict[str, set[Side]] = {}
    rounds = 0
    while plan.legs:
        rounds += 1
        assert rounds <= bound
        assert_affordable(scene, plan)
        for leg in plan.legs:
            sides.setdefault(leg.asset, set()).add(leg.side)
            costs = (scene.limits.fee_rate + abs(scene.limits.order_step_pct) / HUNDRED) * 2
            assert len(sides[leg.asset]) == 1 or leg.notional <= costs * plan.managed * targets[leg.asset] / HUNDRED
        scene = scene.after(plan.legs)
        assert all(amount >= 0 for amount in scene.held.values())
        plan = scene.plan()


@settings(max_examples=FEW)
@given(seed=seeds, assets=counts, nav=navs)
@example(seed=23988, assets=49, nav=4.0)
def test_rounds_of_ideal_fills_end_within_the_bound_and_never_turn_round(
    source: Path | None, seed: int, assets: int, nav: float
) -> None:
    assert_rounds_end(source, seed, assets, nav)


@pytest.mark.soak
@settings(max_examples=MANY)
@given(seed=seeds, assets=counts, nav=navs)
def test_so_do_those_of_thousands(source: Path | None, seed: int, assets: int, nav: float) -> None:
    assert_rounds_end(source, seed, assets, nav)
