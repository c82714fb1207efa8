"""The figures of a sweep's settings: worked out at the ends of days, and the same as those of a whole back-test."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from portfolio.performance import risk
from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import FillMode, Fills, Flow, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.sweeping.packing import pack, unpack, without_growth
from strategies.backtest.sweeping.trying import DAY_MS, Grid, daily_growth, outcome_of, try_setting
from strategies.domain import BandType, Limits, Target, Trigger
from strategies.tests.backtest_scenes import BEGIN_MS, HOUR_MS, priced, wavy
from strategies.tests.backtesting import rules_for

D = Decimal


def scene(rows: int = 24 * 20) -> tuple[History, Scenario]:
    history = History.of("USDT", {"BTC": wavy("BTC", rows, price="20000"), "ETH": wavy("ETH", rows, price="1500")})
    scenario = Scenario(
        "USDT",
        (Target("BTC", D(50)), Target("ETH", D(30))),
        Limits(min_delta_pct=D(3), order_size_pct=D(100)),
        rules_for("BTC", "ETH"),
        {"USDT": D(10_000)},
        trigger=Trigger.BOTH,
    )
    return history, scenario


@pytest.mark.parametrize("mode", list(FillMode))
def test_the_growth_is_the_value_at_the_end_of_each_day_over_the_value_at_the_beginning(mode: FillMode) -> None:
    history, scenario = scene()
    result = run_backtest(history, replace(scenario, fills=Fills(mode=mode)))
    grid = Grid.of(history)
    growth = daily_growth(grid, result)
    assert len(growth) == len(grid) == len(grid.at_ms) == 21
    np.testing.assert_allclose(growth[1:] * 10_000, result.equity[23::24], rtol=1e-12)
    assert growth[0] == 1
    assert grid.at_ms[0] == BEGIN_MS + HOUR_MS
    assert list(grid.at_ms[1:]) == [BEGIN_MS + day * DAY_MS for day in range(1, 21)]


def test_figures_are_those_of_the_performance_code_and_amounts_are_exact() -> None:
    history, scenario = scene()
    grid, result = Grid.of(history), run_backtest(history, scenario)
    found = outcome_of(grid, result)
    earned = risk.returns(found.growth)
    assert earned is not None
    assert found.sharpe == risk.sharpe(earned, 365)
    assert found.max_drawdown is not None
    assert found.max_drawdown < 0
    assert (found.end_value, found.fees, found.turnover) == (result.final_nav, result.fees_in_quote, result.turnover)
    assert found.trades == len(result.trades) > 10


def test_deposits_and_withdrawals_are_not_earned() -> None:
    """Prices stand still and nothing costs anything: whatever comes and goes, 1 stays 1."""
    history = History.of("USDT", {"BTC": priced("BTC", [100] * 24 * 5), "ETH": priced("ETH", [10] * 24 * 5)})
    _history, scenario = scene()
    flows = (
        Flow(BEGIN_MS + 30 * HOUR_MS, "USDT", D(5000)),
        Flow(BEGIN_MS + 48 * HOUR_MS, "BTC", D(7)),
        Flow(BEGIN_MS + 70 * HOUR_MS, "USDT", D(-900)),
    )
    free = replace(scenario.fees, maker=D(0), taker=D(0))
    found = try_setting(Grid.of(history), replace(scenario, flows=flows, fees=free))
    np.testing.assert_allclose(found.growth, 1, rtol=1e-12)
    assert found.end_value == 10_000 + 5000 + 700 - 900


def test_growth_with_a_flow_of_next_to_nothing_is_that_without_one() -> None:
    history, scenario = scene()
    grid = Grid.of(history)
    without = try_setting(grid, scenario)
    tiny = (Flow(BEGIN_MS + 100 * HOUR_MS, "USDT", D("0.00000001")),)
    np.testing.assert_allclose(try_setting(grid, replace(scenario, flows=tiny)).growth, without.growth, rtol=1e-6)


def test_a_day_on_which_the_exchange_stood_still_repeats_the_one_before() -> None:
    closes = [100 + hour % 5 if hour < 24 or hour >= 72 else None for hour in range(96)]
    _history, scenario = scene()
    history = History.of("USDT", {"BTC": priced("BTC", closes)})
    grid = Grid.of(history)
    found = try_setting(grid, replace(scenario, targets=(Target("BTC", D(50)),), info=rules_for("BTC")))
    assert len(found.growth) == 5
    assert found.growth[1] == found.growth[2] == found.growth[3]


@pytest.mark.parametrize("band_type", list(BandType))
def test_a_coin_that_is_listed_only_in_what_is_held_out_changes_nothing_before(band_type: BandType) -> None:
    hours, cut_day = 24 * 40, 30
    late = priced("ADA", [10 + (hour % 9) / 10 for hour in range(120)], first=hours - 120)
    columns = {"BTC": wavy("BTC", hours, price="20000"), "ETH": wavy("ETH", hours, price="1500"), "ADA": late}
    history, (_history, scenario) = History.of("USDT", columns), scene()
    scenario = replace(
        scenario,
        targets=(Target("BTC", D(40)), Target("ETH", D(30)), Target("ADA", D(20))),
        info=rules_for("BTC", "ETH", "ADA"),
        limits=replace(scenario.limits, band_type=band_type),
    )
    tried = history.until(BEGIN_MS + cut_day * DAY_MS)
    assert len(tried.series) == 2
    found = try_setting(Grid.of(tried), scenario).growth
    assert np.array_equal(try_setting(Grid.of(history), scenario).growth[: cut_day + 1], found)


def test_what_is_packed_is_unpacked_as_it_was() -> None:
    history, scenario = scene()
    grid = Grid.of(history)
    before = [try_setting(grid, replace(scenario, limits=Limits(min_delta_pct=D(band)))) for band in (2, 5)]
    after = unpack(pack(before))
    for one, other in zip(before, after, strict=True):
        assert (one.end_value, one.sharpe, one.trades, one.owed) == (
            other.end_value,
            other.sharpe,
            other.trades,
            other.owed,
        )
        assert np.array_equal(one.growth, other.growth)
    assert len(without_growth(pack(before))) < len(pack(before)) / 2
