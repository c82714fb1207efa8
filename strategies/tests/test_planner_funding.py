"""What is below its band is bought though nothing is above its own: the largest surpluses within their bands pay for
it, and none goes past its target.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.domain import Side
from strategies.domain import BandType, Goal, Plan, TradeTo
from strategies.tests.planning import QUOTE, D, Scene

COINS = [f"C{number}" for number in range(10)]


def halved(quote: int = 0, **limits: Any) -> Scene:
    """Ten coins of a tenth each, 10,000 in all: the first has half of its share, the others a bit more."""
    return Scene.of(
        prices=dict.fromkeys(COINS, 100),
        held={**dict.fromkeys(COINS, (9500 - quote) / D(900)), "C0": 5, QUOTE: quote},
        targets=dict.fromkeys(COINS, 10),
        **{"min_delta_pct": D(2), "order_size_pct": D(100), **limits},
    )


def sold(plan: Plan) -> Decimal:
    return sum((leg.notional for leg in plan.legs if leg.side is Side.SELL), D(0))


def weight(scene: Scene, asset: str) -> Decimal:
    valuation = scene.valuation()
    holding = valuation.holding(asset)
    return D(0) if holding is None or holding.value is None else holding.value / valuation.nav * 100


def test_the_others_are_sold_for_it_and_it_waits_for_the_money() -> None:
    plan = halved().plan()
    assert {leg.side for leg in plan.legs} == {Side.SELL}
    assert sold(plan) == pytest.approx(D(500), abs=D(10))
    assert [skip.code for skip in plan.noted if skip.asset == "C0"] == ["no_quote"]


def test_nothing_goes_past_its_target_and_soon_all_is_settled() -> None:
    scene = halved()
    for _round in range(4):
        plan = scene.plan()
        scene = scene.after(plan.legs)
        if not plan.legs:
            break
        assert min(weight(scene, coin) for coin in COINS[1:]) > D("9.98")
    assert scene.plan().is_settled
    assert weight(scene, "C0") > D("9.5")


def test_relative_bands_alike() -> None:
    assert sold(halved(min_delta_pct=D(20), band_type=BandType.RELATIVE).plan()) > D(450)


@pytest.mark.parametrize("quote", [320, 600])
def test_where_the_free_quote_brings_it_back_into_its_band_nothing_is_sold(quote: int) -> None:
    assert {leg.side for leg in halved(quote).plan().legs} == {Side.BUY}


def test_for_an_edge_only_so_much_is_sold_as_leads_to_the_edge() -> None:
    assert sold(halved(trade_to=TradeTo.EDGE).plan()) == pytest.approx(D(300), abs=D(10))


def test_who_only_buys_sells_nothing() -> None:
    assert not halved(goal=Goal.BUY).plan().legs


def test_what_is_never_sold_pays_for_nothing() -> None:
    scene = halved()
    kept = tuple(replace(target, keep=D(1000)) for target in scene.targets)
    assert not Scene(scene.info, scene.prices, scene.held, kept, scene.limits, scene.locked).plan().legs
