"""The choice among settings, and what it is worth: skill is told from noise, and no choice knows its future."""

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest

from strategies.backtest.sweeping.judging import Objective, Verdict, judge, ranked
from strategies.backtest.sweeping.trying import Outcome, figures_of_growth

Floats = npt.NDArray[np.float64]
DAYS = 720


def outcome(growth: Floats) -> Outcome:
    nothing = Decimal(0)
    return Outcome(nothing, nothing, nothing, nothing, 0, **figures_of_growth(growth), growth=growth)


def noise(settings: int, seed: int, days: int = DAYS) -> Floats:
    """Settings x days of returns that have nothing to them."""
    return np.random.default_rng(seed).normal(0, 0.02, (settings, days))


def judged(returns: Floats, objective: Objective = Objective.SHARPE, windows: int = 4) -> Verdict:
    growth = np.cumprod(np.hstack([np.ones((len(returns), 1)), 1 + returns]), axis=1)
    return judge([outcome(line) for line in growth], objective, windows=windows)


def test_the_best_has_the_highest_objective_and_of_equals_the_first_is_taken() -> None:
    growth = np.array([[1, 1.1, 1.05, 1.2], [1, 0.9, 1.3, 1.4], [1, 1.1, 1.05, 1.2]])
    assert ranked(growth, range(3), Objective.RETURN) == (1, 0, 2)
    assert ranked(growth, range(1), Objective.RETURN) == (0, 2, 1)


def test_noise_is_not_believed() -> None:
    verdict = judged(noise(60, 3))
    assert verdict.deflated is not None
    assert verdict.overfitting is not None
    assert verdict.deflated.probability < 0.95
    assert verdict.overfitting.probability > 0.2


def test_a_setting_with_an_edge_is_chosen_in_every_window_and_believed() -> None:
    returns = noise(30, 5)
    returns[17] += 0.006
    verdict = judged(returns)
    assert verdict.best == 17
    assert verdict.deflated is not None
    assert verdict.overfitting is not None
    assert verdict.forward is not None
    assert verdict.deflated.probability > 0.95
    assert verdict.overfitting.probability < 0.05
    assert {one.choice for one in verdict.forward.stretches} == {17}
    assert verdict.forward.efficiency is not None
    assert verdict.forward.growth[0] == 1
    assert len(verdict.forward.growth) == len(verdict.forward.days) + 1 == DAYS // 2 + 1


@pytest.mark.parametrize("seed", range(5))
def test_a_windows_choice_knows_nothing_of_what_follows(seed: int) -> None:
    returns = noise(20, seed)
    shuffled = returns.copy()
    half = DAYS // 2
    shuffled[:, half:] = np.random.default_rng(seed + 100).permuted(shuffled[:, half:], axis=1)
    one, other = judged(returns), judged(shuffled)
    assert one.forward is not None
    assert other.forward is not None
    first, changed = one.forward.stretches[0], other.forward.stretches[0]
    assert (first.choice, first.here, first.in_sample) == (changed.choice, changed.here, changed.in_sample)
    assert first.there != changed.there


def test_windows_follow_one_another_and_every_choice_knows_all_days_before_it() -> None:
    verdict = judged(noise(5, 1), Objective.CALMAR, windows=6)
    assert verdict.forward is not None
    ends = DAYS // 2
    for one in verdict.forward.stretches:
        assert one.in_sample == range(ends)
        assert one.out_of_sample == range(ends, ends + DAYS // 12)
        ends = one.out_of_sample.stop
    assert ends == DAYS


def test_what_cannot_be_told_is_not_told() -> None:
    short = judge([outcome(np.array([1, 1.01, 1.02]))] * 3, Objective.SHARPE, windows=4)
    assert (short.deflated, short.overfitting, short.forward) == (None, None, None)
    flat = judge([outcome(np.ones(200))] * 3, Objective.SHARPE, windows=0)
    assert flat.deflated is None
    assert flat.ranking == (0, 1, 2)
    with pytest.raises(ValueError, match="nothing to judge"):
        judge([], Objective.SHARPE, windows=0)


def test_a_setting_that_loses_everything_comes_last() -> None:
    lost = np.append(np.linspace(1, 2, 100), np.zeros(101))
    verdict = judge([outcome(lost), outcome(np.linspace(1, 0.9, 201))], Objective.SHARPE, windows=2)
    assert verdict.ranking == (1, 0)
