"""Paths made of blocks of the past: nothing but the past is in them, together and in order, and the same every time."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.backtest.statistics.bootstrap import (
    PERCENTILES,
    Blocks,
    bands,
    block_length,
    drawn_rows,
    politis_white,
    price_paths,
    returns_of,
)

Floats = npt.NDArray[np.float64]
KINDS = list(Blocks)


def market(seed: int, rows: int, assets: int, common: float = 0.0) -> Floats:
    draw = np.random.Generator(np.random.PCG64(seed))
    steps = draw.standard_normal((rows, assets)) * 0.03 + common * draw.standard_normal((rows, 1))
    return np.array([30_000.0, 2_000.0, 0.2, 7.0][:assets]) * np.exp(np.cumsum(steps, axis=0))


def remembering(rows: int, share: float) -> Floats:
    """A chaotic series of which each value keeps a share of the one before; the same on every machine."""
    x, kept, values = 0.3, 0.0, []
    for _row in range(rows):
        x = 3.9 * x * (1 - x)
        kept = share * kept + (x - 0.5)
        values.append(kept)
    return np.array(values)


# --- Which rows ------------------------------------------------------------------------------------------


@given(
    rows=st.integers(1, 50), length=st.integers(1, 200), share=st.floats(0, 1), seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
)  # fmt: skip
def test_a_path_is_made_of_the_rows_there_are_and_is_the_same_every_time(
    rows: int, length: int, share: float, seed: int, kind: Blocks
) -> None:
    block = 1 + share * (rows - 1)
    found = drawn_rows(rows, length, block=block, seed=seed, number=3, blocks=kind)
    assert found.shape == (length,)
    assert found.min() >= 0
    assert found.max() < rows
    again = drawn_rows(rows, length, block=block, seed=seed, number=3, blocks=kind)
    assert (found == again).all()
    shorter = drawn_rows(rows, max(length // 2, 1), block=block, seed=seed, number=3, blocks=kind)
    assert (found[: len(shorter)] == shorter).all()


def test_paths_of_other_numbers_and_seeds_are_others() -> None:
    made = {
        tuple(drawn_rows(1000, 20, block=5, seed=seed, number=number)) for seed in range(10) for number in range(10)
    }
    assert len(made) == 100


def test_circular_blocks_are_all_of_one_length() -> None:
    found = drawn_rows(100, 35, block=10, seed=1, number=0, blocks=Blocks.CIRCULAR)
    for begin in range(0, 35, 10):
        block = found[begin : begin + 10]
        assert (block == (block[0] + np.arange(len(block))) % 100).all()


def test_stationary_blocks_are_as_long_on_average_as_was_asked() -> None:
    found = drawn_rows(10_000, 200_000, block=8, seed=1, number=0)
    breaks = np.count_nonzero((np.diff(found) - 1) % 10_000)
    assert 200_000 / (breaks + 1) == pytest.approx(8, rel=0.03)


def test_a_block_of_one_row_is_no_block() -> None:
    for kind in KINDS:
        found = drawn_rows(10_000, 1000, block=1, seed=1, number=0, blocks=kind)
        assert np.mean(np.diff(found) == 1) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_as_likely_as_any_other(kind: Blocks) -> None:
    """Also the first and the last ones, which blocks that stop at the end would leave out."""
    counts = np.zeros(20)
    for number in range(400):
        counts += np.bincount(drawn_rows(20, 50, block=6, seed=5, number=number, blocks=kind), minlength=20)
    assert counts / counts.sum() == pytest.approx(np.full(20, 0.05), abs=0.006)


@pytest.mark.parametrize("block", [0, 0.5, 11, float("nan"), float("inf")])
def test_a_block_that_is_not_possible_is_refused(block: float) -> None:
    with pytest.raises(ValueError, match="from 1 to 10 rows"):
        drawn_rows(10, 10, block=block, seed=1, number=0)


# --- Prices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_begins_at_its_start_and_each_of_its_rows_is_one_real_row_of_all_assets(kind: Blocks) -> None:
    prices = market(1, 60, 3)
    start = np.array([100.0, 10.0, 1.0])
    factors = returns_of(prices)
    for number, path in enumerate(price_paths(prices, start, length=90, paths=4, block=7, seed=3, blocks=kind)):
        assert path.shape == (91, 3)
        assert (path[0] == start).all()
        rows = drawn_rows(len(factors), 90, block=7, seed=3, number=number, blocks=kind)
        assert path[1:] / path[:-1] == pytest.approx(factors[rows], rel=1e-12)


def test_what_moves_together_still_does() -> None:
    prices = market(2, 800, 3, common=0.05)
    real = np.corrcoef(np.log(returns_of(prices)), rowvar=False)
    for path in price_paths(prices, prices[-1], length=4000, paths=2, block=10, seed=1):
        assert np.corrcoef(np.log(returns_of(path)), rowvar=False) == pytest.approx(real, abs=0.05)


def test_calm_and_nervous_weeks_stay_where_blocks_are_long() -> None:
    quiet = np.repeat([0.005, 0.08] * 10, 50)
    draw = np.random.Generator(np.random.PCG64(4))
    prices = 100 * np.exp(np.cumsum(draw.standard_normal(1000) * quiet))[:, np.newaxis]

    def memory(block: float) -> float:
        (path,) = price_paths(prices, prices[0], length=4000, paths=1, block=block, seed=1)
        sizes = np.abs(np.log(returns_of(path)))[:, 0]
        return float(np.corrcoef(sizes[1:], sizes[:-1])[0, 1])

    assert memory(40) > 0.3
    assert abs(memory(1)) < 0.1


def test_paths_can_be_made_in_parts_by_several_workers() -> None:
    prices = market(1, 60, 2)
    whole = list(price_paths(prices, prices[-1], length=30, paths=6, block=4, seed=8))
    parts = [
        path for first in (0, 2, 4) for path in price_paths(
            prices, prices[-1], length=30, paths=2, block=4, seed=8, first=first
        )
    ]  # fmt: skip
    assert all((one == other).all() for one, other in zip(whole, parts, strict=True))


@pytest.mark.parametrize("wrong", [np.nan, 0.0, -1.0, np.inf])
def test_a_missing_price_is_named(wrong: float) -> None:
    prices = market(1, 60, 3)
    prices[41, 2] = wrong
    with pytest.raises(ValueError, match="row 41 has no usable price in column 2"):
        returns_of(prices)


def test_a_start_that_does_not_fit_is_refused_before_any_path_is_made() -> None:
    prices = market(1, 60, 3)
    for start in (prices[0][:2], prices[0] * 0, prices[0] * np.nan):
        with pytest.raises(ValueError, match="3 assets"):
            price_paths(prices, start, length=10, paths=1, block=2, seed=1)


# --- How long a block ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "share", "stationary", "circular"),
    [
        (500, 0.0, 35.368568, 40.486904),
        (500, 0.5, 12.518892, 14.330554),
        (1000, 0.9, 39.065772, 44.719145),
        (2000, 0.98, 81.091791, 92.826928),
        (300, -0.6, 52.0, 52.0),
        (24, -0.5, 8.0, 8.0),
    ],
)
def test_the_rule_of_politis_and_white_agrees_with_another_program(
    rows: int, share: float, stationary: float, circular: float
) -> None:
    """Figures of arch 8.0.0, `arch.bootstrap.optimal_block_length`."""
    series = remembering(rows, share)
    assert politis_white(series) == pytest.approx(stationary, abs=1e-6)
    assert politis_white(series, Blocks.CIRCULAR) == pytest.approx(circular, abs=1e-6)


def test_what_remembers_longer_needs_longer_blocks() -> None:
    draw = np.random.Generator(np.random.PCG64(1))
    lengths = []
    for share in (0.0, 0.5, 0.9):
        values = [0.0]
        for step in draw.standard_normal(2000):
            values.append(share * values[-1] + step)
        lengths.append(politis_white(np.array(values)))
    assert lengths[0] < 5 < lengths[1] < lengths[2]


def test_a_constant_remembers_nothing_and_too_short_a_series_is_refused() -> None:
    assert politis_white(np.full(100, 7.1)) == 1
    with pytest.raises(ValueError, match="at least 8 values"):
        politis_white(np.arange(7))


def test_prices_take_the_longest_block_that_any_asset_needs() -> None:
    """The returns of the second asset remember nothing, and its calm and nervous weeks do."""
    draw = np.random.Generator(np.random.PCG64(4))
    steps = draw.standard_normal((1000, 2)) * np.column_stack([np.full(1000, 0.02), np.repeat([0.005, 0.08] * 10, 50)])
    prices = 100 * np.exp(np.cumsum(steps, axis=0))
    logs = np.log(returns_of(prices))
    assert block_length(prices[:, :1]) < 10
    assert block_length(prices) == politis_white(np.abs(logs[:, 1])) > 20


# --- Bands -----------------------------------------------------------------------------------------------


def test_bands_are_the_percentiles_of_the_curves() -> None:
    curves = market(3, 50, 4).T / market(3, 50, 4)[0][:, np.newaxis] * 1000
    found = bands(curves)
    assert found.paths == 4
    assert (found.rows == np.arange(50)).all()
    assert found.equity == pytest.approx(np.percentile(curves, PERCENTILES, axis=0))
    falls = np.array([[value / max(curve[: row + 1]) - 1 for row, value in enumerate(curve)] for curve in curves])
    assert found.drawdown == pytest.approx(np.percentile(falls, PERCENTILES, axis=0))
    assert found.max_drawdown == pytest.approx(np.percentile(falls.min(axis=1), PERCENTILES))
    assert found.end_value == pytest.approx(np.percentile(curves[:, -1], PERCENTILES))
    assert found.losing == np.mean(curves[:, -1] < 1000)


def test_a_thinned_curve_keeps_its_ends_and_its_deepest_fall() -> None:
    curve = np.full(1001, 100.0)
    curve[333] = 40.0  # in none of the rows that are kept
    found = bands([curve], points=5)
    assert found.rows.tolist() == [0, 250, 500, 750, 1000]
    assert (found.equity == 100).all()
    assert (found.drawdown == 0).all()
    assert found.max_drawdown == pytest.approx([-0.6] * 5)
    assert found.losing == 0


def test_bands_are_in_order() -> None:
    found = bands(path[:, 0] for path in price_paths(market(1, 99, 1), [50.0], length=80, paths=50, block=5, seed=1))
    for rising in (found.equity, found.drawdown, found.end_value, found.max_drawdown):
        assert (np.diff(rising, axis=0) >= 0).all()
    assert (found.drawdown <= 0).all()


def test_memory_does_not_grow_with_the_length_of_the_paths() -> None:
    def curves() -> Iterator[Floats]:
        for number in range(100):
            yield np.linspace(1, 2 + number, 30_000)  # 24 MB together

    tracemalloc.start()
    found = bands(curves(), points=100)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.equity.shape == (5, 100)
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("curves", "why"),
    [
        ([], "no paths"),
        ([np.array([1.0, 2.0]), np.array([1.0, 2.0, 3.0])], "one length"),
        ([np.array([1.0, 0.0])], "above 0"),
        ([np.array([1.0, np.nan])], "above 0"),
        ([np.array([1.0])], "at least 2"),
    ],
)
def test_curves_of_which_no_band_can_be_made_are_refused(curves: list[Floats], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        bands(curves)
