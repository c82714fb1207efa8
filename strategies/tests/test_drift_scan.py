"""The batch scan of drift: it finds everybody the planner would trade for, and says who is furthest from what."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Balance, ExchangeInfo, Price, PriceSnapshot
from portfolio.domain import value_portfolio
from strategies.domain import BandType, Limits, Target
from strategies.drift import Drift, DriftBook
from strategies.planner import plan_rebalance
from strategies.tests.planning import QUOTE, D, Scene, rules_of
from strategies.tests.random_scenes import scene_of
from strategies.ticks import largest_drift
from tests.support import examples

# Prices, quantities and points of an exchange have so many digits; a difference below is none.
CLOSE = pytest.approx


def held_by(scene: Scene) -> dict[str, Decimal]:
    return {holding.asset: holding.total for holding in scene.valuation().holdings}


def put(book: DriftBook, key: int, scene: Scene, **changes: Any) -> None:
    limits = replace(scene.limits, **changes)
    book.put(
        key,
        version=1,
        targets=scene.targets,
        quote=QUOTE,
        band_pct=limits.min_delta_pct,
        band_type=limits.band_type.value,
        sell_unlisted=limits.sell_unlisted,
        reserve_pct=limits.quote_reserve_pct,
        holdings=held_by(scene),
    )


def scan(scene: Scene, **changes: Any) -> Drift:
    book = DriftBook()
    put(book, 7, scene, **changes)
    (found,) = book.scan([7], scene.prices, scene.info)
    return found


def scene(held: Mapping[str, Any], targets: Mapping[str, Any], **limits: Any) -> Scene:
    prices = {"BTC": 50_000, "ETH": 2_000, "SOL": 100}
    return Scene.of(prices=prices, held=held, targets=targets, **limits)


seeds = st.lists(st.integers(0, 2**32), min_size=1, max_size=12)


@settings(max_examples=examples(400))
@given(seeds=seeds, assets=st.integers(1, 20), nav=st.floats(1, 7))
def test_whoever_the_planner_trades_for_is_found_in_one_batch(
    source: Path | None, seeds: list[int], assets: int, nav: float
) -> None:
    scenes = [scene_of(seed, assets, nav, source, tame=seed % 3 == 0) for seed in seeds]
    prices = {symbol: price for made in scenes for symbol, price in made.prices.prices.items()}
    market = PriceSnapshot("paper", "mid", 0, prices)
    # One market for all, and no open orders: an account that has any is looked at without a scan.
    scenes = [replace(made, prices=market, open_orders=()) for made in scenes]
    book = DriftBook()
    for key, made in enumerate(scenes):
        put(book, key, made)
    found = book.scan(range(len(scenes)), market, scenes[0].info)
    assert [drift.key for drift in found] == list(range(len(scenes)))
    for made, drift in zip(scenes, found, strict=True):
        plan = made.plan()
        if plan.legs or any(skip.code == "quote_off" for skip in plan.skips):
            assert drift.is_outside
        unusable = {"no_pair", "no_price", "crossed_price", "not_trading"}
        targets = {target.asset for target in made.targets}
        assert drift.is_unpriced == any(skip.code in unusable and skip.asset in targets for skip in plan.skips)
        exact = largest_drift(made.valuation(), made.targets, made.limits)
        if drift.is_outside == exact.is_outside and not drift.is_unpriced:
            assert drift.points == CLOSE(float(exact.points), rel=1e-9, abs=1e-7)


@settings(max_examples=examples(400))
@given(
    seed=st.integers(0, 2**32),
    assets=st.integers(1, 20),
    nav=st.floats(1, 7),
    nudge=st.sampled_from(["0", "1E-12", "-1E-12", "0.0001", "-0.0001"]),
    relative=st.booleans(),
)
def test_at_the_edge_of_the_band_it_errs_towards_a_look(
    source: Path | None, seed: int, assets: int, nav: float, nudge: str, relative: bool
) -> None:
    made = replace(scene_of(seed, assets, nav, source, tame=True), open_orders=())
    band_type = BandType.RELATIVE if relative else BandType.ABSOLUTE
    limits = replace(made.limits, band_type=band_type)
    exact = largest_drift(made.valuation(), made.targets, limits)
    weight = next((target.weight_pct for target in made.targets if target.asset == exact.asset), D(0))
    edge = exact.points / weight * 100 if relative and weight else exact.points
    limits = replace(limits, min_delta_pct=max(edge + D(nudge), D("0.05")))
    exact = largest_drift(made.valuation(), made.targets, limits)
    found = scan(replace(made, limits=limits))
    assert found.is_outside or not exact.is_outside
    assert found.is_outside or not replace(made, limits=limits).plan().legs


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32), assets=st.integers(1, 20), nav=st.floats(1, 7), data=st.data())
def test_with_what_is_never_sold_it_finds_what_the_planner_acts_on(
    source: Path | None, seed: int, assets: int, nav: float, data: st.DataObject
) -> None:
    made = replace(scene_of(seed, assets, nav, source, tame=False), open_orders=())
    held, shares = held_by(made), st.sampled_from([D(0), D("0.6"), D(1), D(2)])
    targets = tuple(replace(target, keep=data.draw(shares) * held.get(target.asset, D(0))) for target in made.targets)
    made = replace(made, targets=targets)
    exact = largest_drift(made.valuation(), made.targets, made.limits)
    found = scan(made)
    if not found.is_unpriced:
        assert (found.is_outside, found.points) == (exact.is_outside, CLOSE(float(exact.points), rel=1e-9, abs=1e-7))
    assert found.is_outside or not made.plan().legs


def test_it_names_the_asset_that_is_furthest_from_its_target() -> None:
    made = scene({"USDT": 2_000, "BTC": "0.09", "ETH": 1, "SOL": 15}, {"BTC": 40, "ETH": 20, "SOL": 20})
    assert scan(made, min_delta_pct=D(6)) == Drift(7, "BTC", CLOSE(5.0), False, False)
    assert scan(made, min_delta_pct=D(4)).is_outside


def test_a_relative_band_names_the_one_outside_it_even_if_another_has_moved_further() -> None:
    held = {"USDT": 3_700, "BTC": "0.126"}  # BTC 63 % of 60 %, SOL nothing of 2 %
    made = scene(held, {"BTC": 60, "SOL": 2}, band_type=BandType.RELATIVE, min_delta_pct="10")
    assert scan(made) == Drift(7, "SOL", CLOSE(2.0), True, False)


def test_coins_without_a_target_do_not_count_unless_they_are_to_be_sold() -> None:
    made = scene({"USDT": 5_000, "BTC": "0.1", "SOL": 50}, {"BTC": 50}, min_delta_pct="1")
    assert not scan(made).is_outside
    assert scan(made, sell_unlisted=True) == Drift(7, "SOL", CLOSE(33.333, abs=0.001), True, False)


def test_many_small_drifts_of_one_sign_are_a_large_one_of_the_quote() -> None:
    held = {"USDT": 3_300, "BTC": "0.042", "ETH": "1.05", "SOL": 25}  # 21, 21 and 25 of 22, 22 and 26 %
    made = scene(held, {"BTC": 22, "ETH": 22, "SOL": 26}, min_delta_pct="2")
    assert made.plan().legs
    assert scan(made) == Drift(7, "USDT", CLOSE(3.0), True, False)
    assert not scan(made, band_type=BandType.RELATIVE, min_delta_pct=D(20)).is_outside


def test_the_reserve_is_what_the_quote_is_measured_by_where_the_targets_leave_less() -> None:
    made = scene({"USDT": 0, "BTC": "0.2"}, {"BTC": 100}, min_delta_pct="5", quote_reserve_pct="10")
    assert scan(made) == Drift(7, "USDT", CLOSE(10.0), True, False)


@pytest.mark.parametrize("problem", ["crossed", "empty"])
def test_a_target_whose_price_is_unusable_is_told_apart(problem: str) -> None:
    made = Scene.of(
        prices={"BTC": 50_000, "ETH": 2_000},
        held={"USDT": 5_000, "BTC": "0.1"},
        targets={"BTC": 50, "ETH": 0},
        problems={"ETH": problem},
    )
    found = scan(made)
    assert found.is_unpriced
    assert not found.is_outside


def test_a_target_that_is_not_quoted_at_all_is_told_apart_and_a_coin_left_alone_is_not() -> None:
    made = scene({"USDT": 5_000, "BTC": "0.1", "DUST": 9}, {"BTC": 50})
    for found in (scan(made), scan(made, sell_unlisted=True)):
        assert (found.is_outside, found.is_unpriced) == (False, False)
    assert scan(scene({"USDT": 5_000}, {"DUST": 50})).is_unpriced


def test_nothing_drifts_where_nothing_is_held() -> None:
    assert scan(scene({}, {"BTC": 50})) == Drift(7, "", 0.0, False, False)


def test_portfolios_kept_in_different_quotes_share_a_batch() -> None:
    rules = [rules_of("BTC"), replace(rules_of("BTC"), symbol="BTCUSDC", quote="USDC")]
    info = ExchangeInfo.of({rule.symbol: rule for rule in rules})
    rows = {"BTCUSDT": D(50_000), "BTCUSDC": D(25_000)}
    prices = PriceSnapshot("paper", "mid", 0, {name: Price(name, value, value, value) for name, value in rows.items()})
    book = DriftBook()
    for key, quote in enumerate(["USDT", "USDC"]):
        book.put(
            key,
            version="a",
            targets=[Target("BTC", D(50))],
            quote=quote,
            band_pct=D(1),
            band_type="absolute",
            sell_unlisted=False,
            reserve_pct=D(0),
            holdings={quote: D(5_000), "BTC": D("0.1")},
        )
        balances = [Balance(quote, D(5_000), D(0)), Balance("BTC", D("0.1"), D(0))]
        valuation = value_portfolio(balances, quote, prices, info)
        plan = plan_rebalance(valuation, [Target("BTC", D(50))], Limits(), info, prices)
        assert bool(plan.legs) == (quote == "USDC")
    assert [drift.is_outside for drift in book.scan([0, 1], prices, info)] == [False, True]
    assert [drift.is_outside for drift in book.scan([1], prices, info)] == [True]


def test_new_prices_and_new_portfolios_are_seen_at_once() -> None:
    made = scene({"USDT": 5_000, "BTC": "0.1"}, {"BTC": 50})
    book = DriftBook()
    put(book, 1, made)
    assert not book.scan([1], made.prices, made.info)[0].is_outside
    put(book, 2, scene({"USDT": 5_000, "ETH": 1}, {"ETH": 50}))
    assert [drift.is_outside for drift in book.scan([1, 2], made.prices, made.info)] == [False, True]
    price = D(40_000)
    rows = {**made.prices.prices, "BTCUSDT": Price("BTCUSDT", price, price, price)}
    later = replace(made.prices, at_ms=1, prices=rows)
    assert book.scan([1], later, made.info)[0].is_outside


def test_a_symbol_that_stops_trading_is_seen_with_the_new_rules() -> None:
    made = scene({"USDT": 5_000, "BTC": "0.1"}, {"BTC": 50})
    book = DriftBook()
    put(book, 1, made)
    assert not book.scan([1], made.prices, made.info)[0].is_unpriced
    halted = ExchangeInfo.of({**made.info.rules, "BTCUSDT": replace(made.info.rules["BTCUSDT"], status="BREAK")})
    assert book.scan([1], made.prices, halted)[0].is_unpriced


def test_it_knows_the_version_of_what_it_keeps() -> None:
    made = scene({"USDT": 5_000}, {"BTC": 50})
    book = DriftBook()
    assert book.version(1) is None
    put(book, 1, made)
    assert book.version(1) == 1
    assert len(book) == 1
    assert book.scan([], made.prices, made.info) == []
    with pytest.raises(KeyError):
        book.scan([2], made.prices, made.info)
