"""Risk figures, against an independent library and at the edges of what can be known."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.performance import risk
from portfolio.performance.risk import Drawdown, Floats, RiskFigures, as_floats, risk_figures

START = datetime(2026, 1, 1, tzinfo=UTC)


def days(count: int) -> list[datetime]:
    return [START + timedelta(days=number) for number in range(count)]


def walk(seed: int, count: int = 730, drift: float = 0.0005) -> Floats:
    steps = np.random.default_rng(seed).normal(drift, 0.03, count)
    return np.asarray(10_000 * np.exp(np.cumsum(steps)), dtype=np.float64)


def of(*values: float) -> RiskFigures:
    return risk_figures(days(len(values)), values)


# --- Against empyrical, at 365 periods a year ------------------------------------------------------------

OURS: dict[str, Callable[[Floats], float | None]] = {
    "volatility": lambda values: risk.volatility(returned(values)),
    "downside": lambda values: risk.downside_deviation(returned(values)),
    "sharpe": lambda values: risk.sharpe(returned(values)),
    "sharpe above a rate": lambda values: risk.sharpe(returned(values), risk_free=0.0001),
    "sortino": lambda values: risk.sortino(returned(values)),
    "sortino above a rate": lambda values: risk.sortino(returned(values), least=0.0002),
    "cagr": risk.cagr,
    "calmar": risk.calmar,
    "drawdown": lambda values: (risk.worst_drawdown(values) or pytest.fail("no drawdown")).depth,
}
THEIRS: dict[str, Callable[[Floats], float]] = {
    "volatility": lambda earned: empyrical.annual_volatility(earned, annualization=365),
    "downside": lambda earned: empyrical.downside_risk(earned, annualization=365),
    "sharpe": lambda earned: empyrical.sharpe_ratio(earned, annualization=365),
    "sharpe above a rate": lambda earned: empyrical.sharpe_ratio(earned, risk_free=0.0001, annualization=365),
    "sortino": lambda earned: empyrical.sortino_ratio(earned, annualization=365),
    "sortino above a rate": lambda earned: empyrical.sortino_ratio(earned, required_return=0.0002, annualization=365),
    "cagr": lambda earned: empyrical.annual_return(earned, annualization=365),
    "calmar": lambda earned: empyrical.calmar_ratio(with_dates(earned), annualization=365),
    "drawdown": lambda earned: empyrical.max_drawdown(earned),
}


def returned(values: Floats) -> Floats:
    earned = risk.returns(values)
    assert earned is not None
    return earned


def with_dates(earned: Floats) -> object:
    import pandas

    return pandas.Series(earned, index=pandas.date_range("2026-01-02", periods=len(earned), tz="UTC"))


def test_returns_are_those_of_an_independent_library() -> None:
    import pandas

    values = walk(1)
    theirs = empyrical.simple_returns(pandas.Series(values))
    assert returned(values) == pytest.approx(np.asarray(theirs), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", list(OURS))
@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_an_independent_library(name: str, seed: int) -> None:
    values = walk(seed, drift=(-0.003, -0.0005, 0.0, 0.0005, 0.003)[seed])
    assert OURS[name](values) == pytest.approx(THEIRS[name](returned(values)), rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(0.5, 2), min_size=3, max_size=60))
def test_ratios_are_those_of_an_independent_library_for_any_series(factors: list[float]) -> None:
    values = np.asarray(1000 * np.cumprod([1.0, *factors]), dtype=np.float64)
    earned = returned(values)
    if np.std(earned, ddof=1) > 1e-6:
        assert risk.sharpe(earned) == pytest.approx(
            empyrical.sharpe_ratio(earned, annualization=365), rel=1e-9, abs=1e-9
        )
    if earned.min() < -1e-6:
        assert risk.sortino(earned) == pytest.approx(
            empyrical.sortino_ratio(earned, annualization=365), rel=1e-9, abs=1e-9
        )
    fall = risk.worst_drawdown(values)
    assert fall is not None
    assert fall.depth == pytest.approx(empyrical.max_drawdown(earned), rel=1e-9, abs=1e-12)


def test_the_ratio_to_a_benchmark_is_theirs_by_the_year() -> None:
    ours, benchmark = returned(walk(3)), returned(walk(4))
    by_the_day = empyrical.excess_sharpe(ours, benchmark)
    assert risk.information_ratio(ours, benchmark) == pytest.approx(by_the_day * np.sqrt(365), rel=1e-9)
    by_hand = np.sqrt(np.sum((ours - benchmark - (ours - benchmark).mean()) ** 2) / (len(ours) - 1) * 365)
    assert risk.tracking_error(ours, benchmark) == pytest.approx(by_hand, rel=1e-9)


# --- Drawdown and its dates ------------------------------------------------------------------------------


def test_a_drawdown_has_a_peak_a_trough_and_a_recovery() -> None:
    figures = of(100, 120, 90, 60, 119, 120, 130)
    assert figures.max_drawdown == pytest.approx(-0.5)
    at = days(7)
    assert (figures.peak_at, figures.trough_at, figures.recovered_at) == (at[1], at[3], at[5])


def test_a_drawdown_that_lasts_has_no_recovery() -> None:
    figures = of(100, 120, 90, 119)
    assert (figures.trough_at, figures.recovered_at) == (days(4)[2], None)


def test_of_equal_drawdowns_the_first_counts() -> None:
    assert risk.worst_drawdown(as_floats([100, 50, 100, 50, 100])) == Drawdown(-0.5, 0, 1, 2)


def test_the_series_of_drawdowns_is_zero_at_every_high() -> None:
    below = risk.drawdowns(as_floats([100, 50, 100, 110, 99]))
    assert below is not None
    assert below.tolist() == pytest.approx([0, -0.5, 0, 0, -0.1])


def test_what_never_fell_has_no_drawdown_and_no_dates() -> None:
    figures = of(100, 100, 101, 105)
    assert (figures.max_drawdown, figures.peak_at, figures.trough_at, figures.recovered_at) == (0, None, None, None)
    assert figures.calmar is None


def test_the_best_and_the_worst_day_are_dated_by_their_end() -> None:
    figures = of(100, 110, 88, 89)
    at = days(4)
    assert (figures.best, figures.best_at) == (pytest.approx(0.1), at[1])
    assert (figures.worst, figures.worst_at) == (pytest.approx(-0.2), at[2])


def test_decimals_are_taken_as_they_are() -> None:
    assert risk_figures(days(2), [Decimal("100"), Decimal("125")]).total_return == 0.25


# --- What cannot be known --------------------------------------------------------------------------------

NOTHING = dict.fromkeys(field.name for field in dataclasses.fields(RiskFigures))


@pytest.mark.parametrize(
    "values",
    [
        (),
        (100.0,),
        (100.0, 0.0),
        (0.0, 100.0),
        (100.0, -5.0, 100.0),
        (100.0, float("nan"), 100.0),
        (100.0, float("inf")),
        (1e-300, 1e300, 1.0),
    ],
)
def test_what_is_no_series_of_values_has_no_figures(values: tuple[float, ...]) -> None:
    assert dataclasses.asdict(of(*values)) == NOTHING


def test_two_values_have_a_return_and_no_deviation() -> None:
    figures = of(100, 110)
    assert figures.total_return == pytest.approx(0.1)
    assert (figures.volatility, figures.sharpe, figures.sortino) == (None, None, None)


@pytest.mark.parametrize("growth", [1.0, 1.01, 0.97])
def test_what_moves_evenly_has_no_sharpe(growth: float) -> None:
    figures = of(*(100 * growth**number for number in range(50)))
    assert figures.volatility == pytest.approx(0, abs=1e-12)
    assert figures.sharpe is None


def test_what_only_rose_has_no_sortino() -> None:
    figures = of(100, 101, 103, 104)
    assert (figures.downside_deviation, figures.sortino) == (0, None)


def test_a_rate_that_no_float_can_hold_is_not_known() -> None:
    assert risk.cagr(as_floats([1, 1000]), periods_per_year=525_600) is None


def test_a_benchmark_equal_to_the_series_has_no_ratio() -> None:
    values = walk(2, 50)
    figures = risk_figures(days(50), values, benchmark=values)
    assert (figures.tracking_error, figures.information_ratio) == (0, None)


def test_a_benchmark_that_is_no_series_has_no_figures() -> None:
    figures = risk_figures(days(3), [100, 110, 120], benchmark=[100, 0, 120])
    assert figures.tracking_error is None
    assert figures.total_return == pytest.approx(0.2)


def test_series_of_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 times for 3 values"):
        risk_figures(days(2), [1, 2, 3])
    with pytest.raises(ValueError, match="benchmark of 2"):
        risk_figures(days(3), [1, 2, 3], benchmark=[1, 2])
    with pytest.raises(ValueError, match="1 returns of the benchmark"):
        risk.tracking_error(as_floats([0.1, 0.2]), as_floats([0.1]))


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_whatever_the_series_no_figure_is_infinite_or_no_number(values: list[float]) -> None:
    for value in dataclasses.asdict(of(*values)).values():
        assert not isinstance(value, float) or np.isfinite(value)
