"""Other pasts: whole candles of all assets together, drawn from the real ones, for the engine to walk through."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounts.models import User
from strategies.backtest.engine.history import History
from strategies.backtest.sweeping.paths import LEAST_ROWS, Pool
from strategies.backtest.sweeping.trying import Grid, try_setting
from strategies.tests import sweep_scenes as scenes
from strategies.tests.backtest_scenes import priced, wavy
from strategies.tests.test_sweep_figures import scene


def factors(history: History) -> np.ndarray:
    return history.closes[:, 1:] / history.closes[:, :-1]


def test_a_path_is_made_of_the_real_rows_moves_of_all_assets_together() -> None:
    history, _scenario = scene()
    path = Pool(history).path(seed=3, number=1)
    real = {tuple(np.round(row, 5)) for row in factors(history).T}
    drawn = [tuple(np.round(row, 5)) for row in factors(path).T]
    # Prices are whole units, so the last digit may be off: nearly all are found as they are.
    assert sum(row in real for row in drawn) > 0.95 * len(drawn)
    assert len(path) == len(history)
    assert np.array_equal(path.close_ms, history.close_ms)


def test_candles_of_a_path_are_candles() -> None:
    history, _scenario = scene()
    path = Pool(history).path(seed=1, number=0)
    for series in path.series:
        columns = series.columns
        assert (columns.low <= np.minimum(columns.open, columns.close)).all()
        assert (columns.high >= np.maximum(columns.open, columns.close)).all()
        assert (columns.low > 0).all()
        assert set(columns.volume.tolist()) <= set(history.series[0].columns.volume.tolist())


def test_a_path_is_the_same_whatever_others_are_made_and_another_seed_makes_others() -> None:
    history, _scenario = scene()
    pool = Pool(history)
    pool.path(seed=5, number=0)
    assert np.array_equal(pool.path(5, 2).closes, Pool(history).path(5, 2).closes)
    assert not np.array_equal(pool.path(5, 2).closes, pool.path(6, 2).closes)
    assert not np.array_equal(pool.path(5, 2).closes, pool.path(5, 3).closes)


def test_the_engine_trades_on_a_path_as_on_the_real_past() -> None:
    history, scenario = scene()
    found = try_setting(Grid.of(Pool(history).path(1, 1)), scenario)
    assert found.trades > 5
    assert found.growth[0] == 1
    still = replace(scenario, targets=())
    assert try_setting(Grid.of(Pool(history).path(1, 1)), still).end_value == 10_000


def test_rows_in_which_an_asset_is_missing_are_not_drawn() -> None:
    hours = 24 * 20
    closes = [100 + (hour % 7) if hour % 50 else None for hour in range(hours)]
    history = History.of("USDT", {"BTC": priced("BTC", closes), "ETH": wavy("ETH", hours, price="1500")})
    pool = Pool(history)
    assert pool.rows < hours - 9
    assert (pool.path(1, 0).closes > 0).all()


def test_too_little_to_draw_from_is_said() -> None:
    history, _scenario = scene(rows=LEAST_ROWS)
    with pytest.raises(ValueError, match="at least 200 are needed"):
        Pool(history)


@pytest.mark.django_db(databases=["default", "paper"])
def test_a_sweeps_fan_is_of_its_best_setting_and_seeded(alice: User, settings: Any, tmp_path: Path) -> None:
    scenes.stocked(settings, tmp_path)
    few = scenes.search(min_delta_pct="3,6")
    fan = scenes.summary(scenes.done(alice, search=few, paths=12))["monte_carlo"]
    assert fan["paths"] == 12
    assert len(fan["growth"]) == len(fan["percentiles"]) == 5
    assert len(fan["growth"][0]) == len(fan["at_ms"])
    ends = fan["end_value"]
    assert ends == sorted(ends)
    assert scenes.summary(scenes.done(alice, search=few, paths=12))["monte_carlo"] == fan
    assert scenes.summary(scenes.done(alice, search=few, paths=12, seed=2))["monte_carlo"] != fan
