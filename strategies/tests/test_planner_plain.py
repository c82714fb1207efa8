"""Plain rounds are planned the quick way, and what comes out is what the careful way finds; where it is not sure, it
finds nothing.
"""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botbalance.lib.money import exact
from exchanges.domain import ExchangeInfo
from strategies.domain import BandType, Goal, Limits, Target, TradeTo
from strategies.planner import Planner
from strategies.planner.plain import PlainRounds, Standing
from strategies.tests.planning import D, rules_of

ASSETS = ("ADA", "BTC", "ETH", "SOL", "XRP")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_the_quick_way_is_the_careful_way(seed: int) -> None:
    planner, standing = random_round(random.Random(seed))
    rounds = PlainRounds.of(planner)
    assert rounds is not None
    with exact():
        quick, careful = rounds.plan(standing), rounds.careful(standing)
    if quick is not None:
        assert (tuple(quick.legs), quick.is_cut_short) == (careful.legs, careful.is_cut_short)
        assert (quick.noted, quick.skips, quick.is_settled) == (careful.noted, careful.skips, careful.is_settled)


def test_the_quick_way_finds_most_rounds_that_trade() -> None:
    found = 0
    for seed in range(100):
        planner, standing = random_round(random.Random(seed))
        rounds = PlainRounds.of(planner)
        assert rounds is not None
        with exact():
            found += (rounds.plan(standing) is not None) == bool(rounds.careful(standing).legs)
    assert found > 60


@pytest.mark.parametrize(
    "changes",
    [
        {"order_step_pct": D("0.1")},
        {"goal": Goal.BUY},
        {"turnover_left": D(1_000)},
        {"max_order_nav_pct": D(10)},
        {"open_slots": 3},
        {"jumps": {"BTCUSDT": D(4)}},
        {"occupied": frozenset({"BTCUSDT"})},
        {"cost_horizon_days": D(30)},
        {"first_prices": {"BTCUSDT": D(100)}, "worst_price_pct": D(1)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_else_limits_a_round_is_left_to_the_careful_way(changes: dict[str, object]) -> None:
    planner, _standing = random_round(random.Random(1))
    limits = replace(planner.limits, **changes)  # type: ignore[arg-type]
    assert PlainRounds.of(Planner(targets_of(planner), limits, planner.info, "USDT")) is None


def test_a_figure_of_too_many_digits_is_left_to_the_careful_way() -> None:
    rounds = PlainRounds.of(Planner([Target("BTC", D(50))], Limits(), info_of(["BTC"]), "USDT"))
    assert rounds is not None
    long = Decimal("1." + "3" * 79)
    with exact():
        assert rounds.plan(Standing(long, long, [D(3)], [D(0)], [D(0)])) is None


def random_round(draw: random.Random) -> tuple[Planner, Standing]:
    assets = sorted(draw.sample(ASSETS, draw.randint(1, 5)))
    weights = [draw.choice([0, 1, 7, 20]) for _asset in assets]
    limits = Limits(
        min_delta_pct=D(draw.choice(["0.2", "5", "20"])),
        order_size_pct=D(draw.choice([5, 100])),
        band_type=draw.choice(list(BandType)),
        trade_to=draw.choice(list(TradeTo)),
        hysteresis_pct=D(draw.choice([0, 50])),
        quote_reserve_pct=D(draw.choice([0, 3])),
        max_orders=draw.choice([2, 20]),
        goal=draw.choice([Goal.BAND, Goal.TARGET]),
    )
    targets = [Target(asset, D(weight)) for asset, weight in zip(assets, weights, strict=True)]
    mids = [D(draw.choice(["0.0713", "94.2", "2711.5"])) for _asset in assets]
    held = [D(draw.randint(0, 40_000)) / (mid * 100 // 1 + 1) // D("0.0001") * D("0.0001") for mid in mids]
    values = [quantity * mid for quantity, mid in zip(held, mids, strict=True)]
    cash = D(draw.choice(["0", "3.2", "150", "90000.12"]))
    return Planner(targets, limits, info_of(assets), "USDT"), Standing(sum(values, cash), cash, mids, held, values)


def targets_of(planner: Planner) -> list[Target]:
    return [Target(asset, weight) for asset, weight in planner.weights.items()]


def info_of(assets: list[str]) -> ExchangeInfo:
    rules = [rules_of(asset, tick="0.0001", step="0.0001", minimum="5") for asset in assets]
    return ExchangeInfo.of({rule.symbol: rule for rule in rules})
