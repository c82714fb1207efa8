"""Risk parity and minimum variance are what they say: checked by what defines them, and by searching everywhere."""

import subprocess
import sys
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.target_models import (
    ModelKind,
    ModelSettings,
    minimum_variance,
    risk_parity,
    risk_shares,
    weights_of,
)
from tests.support import ROOT, examples

D = Decimal
RIDGE = 1e-8
Floats = npt.NDArray[np.float64]


def covariance_of(count: int, seed: int, days: int = 90) -> Floats:
    """Of correlated returns whose volatilities lie up to a factor of a thousand apart."""
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(days, count)) @ draw.normal(size=(count, count))
    scaled = mixed / mixed.std(axis=0) * 10.0 ** draw.uniform(-4.0, -1.0, count)
    return np.atleast_2d(np.cov(scaled, rowvar=False))


def simplex(steps: int) -> Floats:
    """Every way to divide 1 among three in multiples of 1/steps."""
    rows = [(a, b, steps - a - b) for a in range(steps + 1) for b in range(steps + 1 - a)]
    return np.array(rows) / steps


@settings(max_examples=examples(60), deadline=None)
@given(count=st.integers(1, 20), seed=st.integers(0, 100_000))
def test_every_asset_brings_the_same_share_of_the_risk(count: int, seed: int) -> None:
    covariance = covariance_of(count, seed)
    shares = risk_parity(covariance)
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert (shares > 0).all()
    assert risk_shares(covariance, shares) == pytest.approx(np.full(count, 1.0 / count), abs=1e-6)


def test_risk_parity_of_two_assets_is_by_the_inverse_of_their_volatilities_whatever_binds_them() -> None:
    for correlation in (-0.9, 0.0, 0.9):
        covariance = np.array([[0.04, correlation * 0.02], [correlation * 0.02, 0.01]])
        assert risk_parity(covariance) == pytest.approx([1 / 3, 2 / 3], abs=1e-7)


def test_risk_parity_is_unique_also_where_one_asset_undoes_another() -> None:
    hedged = np.array([[1.0, -1.0], [-1.0, 1.0]]) * 1e-4
    assert risk_parity(hedged) == pytest.approx([0.5, 0.5], abs=1e-7)
    assert risk_shares(hedged, np.array([0.5, 0.5])).tolist() == [0.5, 0.5], "of no risk at all"
    copies = np.full((5, 5), 1e-4)
    assert risk_parity(copies) == pytest.approx(np.full(5, 0.2), abs=1e-7)


@settings(max_examples=examples(100), deadline=None)
@given(count=st.integers(1, 20), seed=st.integers(0, 100_000), slack=st.floats(1.0, 20.0))
def test_minimum_variance_meets_the_first_order_conditions(count: int, seed: int, slack: float) -> None:
    """Karush-Kuhn-Tucker: all assets between their bounds have the same marginal variance, one that is left out has no
    less, one at its cap no more. For a convex function these are enough as well as needed.
    """
    covariance = covariance_of(count, seed)
    cap = min(1.0, slack / count)
    shares = minimum_variance(covariance, cap)
    assert shares.sum() == pytest.approx(1.0, abs=1e-9)
    assert ((shares >= 0) & (shares <= cap)).all()
    marginal = covariance @ shares / np.diag(covariance).mean()
    out, capped = shares < 1e-9, shares > cap - 1e-9
    free = ~out & ~capped
    if free.any():
        level = marginal[free].mean()
        assert marginal[free] == pytest.approx(np.full(free.sum(), level), abs=1e-7)
        assert (marginal[out] >= level - 1e-7).all()
        assert (marginal[capped] <= level + 1e-7).all()
    elif out.any():
        assert marginal[out].min() >= marginal[capped].max() - 1e-7


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), cap=st.sampled_from([0.4, 0.5, 0.7, 1.0]))
def test_no_way_to_divide_among_three_has_less_variance(seed: int, cap: float) -> None:
    covariance = covariance_of(3, seed)
    shares = minimum_variance(covariance, cap)
    others = simplex(100)
    others = others[(others <= cap + 1e-12).all(axis=1)]
    variances = np.einsum("ij,jk,ik->i", others, covariance, others)
    least = float(shares @ covariance @ shares)
    # The search is for the least variance plus a ridge, so it may miss by what the ridge amounts to, and no more.
    assert least <= variances.min() + RIDGE * np.diag(covariance).max()
    assert variances.min() - least <= 0.1 * np.diag(covariance).max()  # and the grid is fine enough to say so


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_no_way_to_divide_among_three_spreads_the_risk_more_evenly(seed: int) -> None:
    covariance = covariance_of(3, seed)
    others = simplex(60)
    others = others[(others > 0).all(axis=1)]
    parts = others * (others @ covariance)
    unevenness = np.ptp(parts / parts.sum(axis=1, keepdims=True), axis=1)
    assert np.ptp(risk_shares(covariance, risk_parity(covariance))) < 1e-6 < unevenness.min() + 2e-6


def test_a_cap_that_leaves_a_rest_has_everybody_at_the_cap() -> None:
    assert minimum_variance(covariance_of(3, 1), 0.2).tolist() == [0.2, 0.2, 0.2]


def test_what_only_adds_to_the_variance_is_left_out_altogether() -> None:
    loud = np.diag([1.0, 1.0, 100.0])
    loud[0, 2] = loud[2, 0] = loud[1, 2] = loud[2, 1] = 5.0
    assert minimum_variance(loud).tolist() == pytest.approx([0.5, 0.5, 0.0], abs=1e-12)


def test_equal_assets_share_evenly_though_any_division_were_as_good() -> None:
    assert minimum_variance(np.full((4, 4), 1e-4)) == pytest.approx(np.full(4, 0.25), abs=1e-6)


def test_the_figures_behind_the_weights_are_told() -> None:
    """Two assets whose returns alternate, one twice as far: everything can be worked out by hand."""
    days = 40
    swing = np.where(np.arange(days) % 2 == 0, 0.01, -0.01)
    quarter = np.where(np.arange(days) % 4 < 2, 0.02, -0.02)
    closes = np.vstack([np.ones(2), np.cumprod(1 + np.column_stack([swing, quarter]), axis=0)])
    sides = ["CALM", "LOUD"]
    yearly = 0.01 * (40 / 39) ** 0.5 * 365**0.5 * 100
    parity = weights_of(ModelSettings(ModelKind.RISK_PARITY, lookback_days=days), sides, closes)
    assert parity.weights == {"CALM": D("66.6667"), "LOUD": D("33.3333")}
    assert parity.explanations[0].values == {"volatility": f"{yearly:.1f}", "days": "40", "risk": "50.00"}
    least = weights_of(ModelSettings(ModelKind.MINIMUM_VARIANCE, lookback_days=days), sides, closes)
    assert least.weights == {"CALM": D("80.0000"), "LOUD": D("20.0000")}
    together = (0.8**2 + 0.2**2 * 4) ** 0.5 * yearly
    assert least.explanations[0].values["together"] == f"{together:.1f}"
    inverse = weights_of(ModelSettings(ModelKind.INVERSE_VOLATILITY, lookback_days=days), sides, closes)
    assert inverse.weights == parity.weights
    capped = weights_of(ModelSettings(ModelKind.INVERSE_VOLATILITY, lookback_days=days, cap_pct=D(60)), sides, closes)
    assert capped.weights == {"CALM": D(60), "LOUD": D(40)}
    assert [row.code for row in capped.explanations] == ["inverse_volatility_capped", "inverse_volatility"]


@pytest.mark.processes
def test_the_optimiser_is_loaded_by_whoever_needs_it_and_by_nobody_else() -> None:
    script = (
        "import sys, numpy as np\n"
        "from strategies.target_models import minimum_variance, risk_parity\n"
        "risk_parity(np.eye(2)); before = 'daqp' in sys.modules\n"
        "minimum_variance(np.eye(2)); print(before, 'daqp' in sys.modules)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout.split() == ["False", "True"]
