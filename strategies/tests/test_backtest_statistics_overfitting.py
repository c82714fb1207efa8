"""What a Sharpe ratio is worth that was looked for: by the papers' own examples, by simulation and by brute force."""

from itertools import combinations
from math import comb, inf, isclose, sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.backtest.statistics.overfitting import (
    Moments,
    TooLittle,
    backtest_overfitting,
    deflated_sharpe_ratio,
    effective_trials,
    expected_best_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe_ratio,
)

Floats = npt.NDArray[np.float64]

# Bailey and Lopez de Prado (2014): 5 years of 250 days, an annual Sharpe ratio of 2.5, trials that vary by 1/2.
DAILY_SHARPE, DAYS, DAILY_VARIANCE = 2.5 / sqrt(250), 1250, 0.5 / 250


def noise(seed: int, rows: int, trials: int) -> Floats:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal((rows, trials)) * 0.02


# --- One series ------------------------------------------------------------------------------------------


def test_moments_are_those_of_the_textbook() -> None:
    found = moments(np.array([0.01, -0.02, 0.03, 0.0, -0.04, 0.05]))
    assert found.periods == 6
    assert found.sharpe == pytest.approx(0.005 / 0.03271085446759, rel=1e-9)
    # By hand: m2 = 0.0053.5/6, m3 and m4 of the same six distances from 0.005.
    away = [0.005, -0.025, 0.025, -0.005, -0.045, 0.045]
    second, third, fourth = (sum(x**power for x in away) / 6 for power in (2, 3, 4))
    assert found.skewness == pytest.approx(third / second**1.5, abs=1e-12)
    assert found.kurtosis == pytest.approx(fourth / second**2, rel=1e-12)


def test_two_years_of_a_skewed_fund_as_in_the_paper_of_2012() -> None:
    """24 monthly returns, Sharpe ratio 0.458: 0.982 if they were normal, 0.913 with their skew and kurtosis."""
    assert probabilistic_sharpe_ratio(Moments(24, 0.458, 0, 3)) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe_ratio(Moments(24, 0.458, -2.448, 10.164)) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_how_long_a_track_record_has_to_be_as_in_the_paper_of_2012(periods: int, years: float) -> None:
    """An annual Sharpe ratio of 2 against one of 1, normal returns, 95 %."""
    found = Moments(99, 2 / sqrt(periods), 0, 3)
    assert minimum_track_record(found, 1 / sqrt(periods)) / periods == pytest.approx(years, abs=5e-3)


def test_a_hedge_fund_index_needs_five_years_as_in_the_paper_of_2012() -> None:
    found = Moments(99, 2 / sqrt(12), -0.72, 5.78)
    assert minimum_track_record(found, 1 / sqrt(12)) / 12 == pytest.approx(4.99, abs=5e-3)


@given(
    sharpe=st.floats(0.01, 0.5), benchmark=st.floats(-0.5, 0.0), skewness=st.floats(-1.5, 1.5), more=st.floats(0, 10),
    confidence=st.floats(0.55, 0.99),
)  # fmt: skip
def test_a_record_just_long_enough_is_as_believable_as_was_asked(
    sharpe: float, benchmark: float, skewness: float, more: float, confidence: float
) -> None:
    found = Moments(100, sharpe, skewness, 1 + skewness**2 + more)
    needed = minimum_track_record(found, benchmark, confidence)
    # periods - 1 is what counts, and periods are whole: so the question is asked in both directions.
    enough, short = (
        probabilistic_sharpe_ratio(found._replace(periods=max(periods, 2)), benchmark)
        for periods in (int(needed) + 1, int(needed) - 1)
    )
    assert enough >= confidence or isclose(enough, confidence)
    assert short <= confidence or needed < 3


def test_no_record_is_long_enough_for_what_is_not_better_than_the_benchmark() -> None:
    assert minimum_track_record(Moments(100, 0.1, 0, 3), 0.1) == inf


def test_a_true_sharpe_ratio_is_believed_in_as_often_as_it_should_be() -> None:
    """Of many series without any skill, five in a hundred look as if they had it, at 95 %."""
    series = noise(1, 250, 2000)
    believed = np.mean([probabilistic_sharpe_ratio(moments(column)) > 0.95 for column in series.T])
    assert believed == pytest.approx(0.05, abs=0.012)


# --- The best of many ------------------------------------------------------------------------------------


def test_a_strategy_found_among_a_hundred_as_in_the_paper_of_2014() -> None:
    threshold = expected_best_sharpe(100, DAILY_VARIANCE)
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    found = Moments(DAYS, DAILY_SHARPE, -3, 10)
    assert probabilistic_sharpe_ratio(found, threshold) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize(("trials", "skewness", "kurtosis"), [(46, -3, 10), (88, 0, 3)])
def test_what_would_have_been_believed_as_in_the_paper_of_2014(trials: int, skewness: int, kurtosis: int) -> None:
    """With 46 trials, or with normal returns 88, the same ratio passes at 95 %."""
    found = Moments(DAYS, DAILY_SHARPE, skewness, kurtosis)
    threshold = expected_best_sharpe(trials, DAILY_VARIANCE)
    assert probabilistic_sharpe_ratio(found, threshold) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize("trials", [5, 20, 100, 1000])
def test_the_best_of_many_without_skill_is_what_chance_makes_of_them(trials: int) -> None:
    draw = np.random.Generator(np.random.PCG64(trials))
    simulated = np.mean(draw.standard_normal((4000, trials)).max(axis=1)) * 0.3
    assert expected_best_sharpe(trials, 0.3**2) == pytest.approx(simulated, rel=0.04)


def test_one_trial_promises_nothing() -> None:
    assert expected_best_sharpe(1, 0.5) == 0
    assert expected_best_sharpe(1.05, 0.5) == 0
    assert expected_best_sharpe(50, 0) == 0
    with pytest.raises(ValueError, match="variance"):
        expected_best_sharpe(10, -1)


def test_the_deflated_ratio_is_rarely_fooled_where_the_plain_one_mostly_is() -> None:
    """200 sweeps of 40 settings, none of which has any skill."""
    plain, deflated = [], []
    for seed in range(200):
        returns = noise(seed, 250, 40)
        found = deflated_sharpe_ratio(returns)
        plain.append(probabilistic_sharpe_ratio(moments(returns[:, found.trial])) > 0.95)
        deflated.append(found.probability > 0.95)
    assert np.mean(plain) > 0.7
    assert np.mean(deflated) < 0.05


def test_real_skill_among_noise_is_still_seen() -> None:
    returns = noise(3, 1000, 40)
    returns[:, 17] += 0.02 * 0.25
    found = deflated_sharpe_ratio(returns)
    assert found.trial == 17
    assert found.probability > 0.95
    assert deflated_sharpe_ratio(returns, trial=4).probability < 0.5


def test_all_that_was_tried_counts_and_copies_of_it_hardly() -> None:
    returns = noise(5, 500, 30)
    best = deflated_sharpe_ratio(returns)
    alone = deflated_sharpe_ratio(returns[:, [best.trial]])
    assert (alone.threshold, alone.effective_trials) == (0, 1)
    assert alone.probability == probabilistic_sharpe_ratio(moments(returns[:, best.trial])) > best.probability
    twice = deflated_sharpe_ratio(np.hstack([returns, returns]))
    assert twice.threshold == pytest.approx(best.threshold, rel=0.12)


@given(seed=st.integers(0, 999), trials=st.integers(2, 90), common=st.floats(0, 1))
def test_the_number_of_independent_trials_is_that_of_the_average_correlation(
    seed: int, trials: int, common: float
) -> None:
    returns = noise(seed, 60, trials) + common * noise(seed + 1000, 60, 1)
    correlations = np.corrcoef(returns, rowvar=False)
    average = (correlations.sum() - trials) / (trials * (trials - 1))
    expected = min(max(average + (1 - average) * trials, 1), trials)
    assert effective_trials(returns) == pytest.approx(expected, rel=1e-9)


def test_trials_that_are_all_alike_are_one_and_unrelated_ones_are_all() -> None:
    one = noise(1, 100, 1)
    assert effective_trials(np.hstack([one, one * 2, one + 0.01])) == pytest.approx(1)
    assert effective_trials(one) == 1
    waves = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]]).T * 0.01
    assert effective_trials(waves[:, 1:]) == pytest.approx(2)
    # One that never moves is like no other.
    assert effective_trials(np.hstack([one, one, np.zeros((100, 1))])) == pytest.approx(1 / 3 + 2 / 3 * 3)


# --- Probability of overfitting --------------------------------------------------------------------------


def brute_force(returns: Floats, blocks: int) -> tuple[float, float, list[float]]:
    """As it is described: every choice of blocks put together row by row. The share below the middle (the middle half),
    the share of losses, and the ratios out of sample of what was best in sample.
    """
    length = len(returns) // blocks
    used = returns[len(returns) - length * blocks :]
    below, losses, ratios = 0.0, 0, []
    choices = list(combinations(range(blocks), blocks // 2))
    for choice in choices:
        is_inside = np.repeat([block in choice for block in range(blocks)], length)
        first, second = (part.mean(axis=0) / part.std(axis=0, ddof=1) for part in (used[is_inside], used[~is_inside]))
        best = int(np.argmax(first))
        place = (np.sum(second < second[best]) + 1) / (len(second) + 1)
        below += 1 if place < 0.5 else 0.5 if place == 0.5 else 0
        losses += second[best] <= 0
        ratios.append(float(second[best]))
    return below / len(choices), losses / len(choices), ratios


@given(seed=st.integers(0, 10_000), trials=st.integers(2, 7), rows=st.integers(12, 60), drift=st.floats(-0.02, 0.02))
def test_it_is_what_brute_force_finds(seed: int, trials: int, rows: int, drift: float) -> None:
    returns = noise(seed, rows, trials) + drift
    found = backtest_overfitting(returns, blocks=6)
    probability, losses, ratios = brute_force(returns, 6)
    assert found.probability == pytest.approx(probability)
    assert found.loss_probability == pytest.approx(losses)
    assert found.out_of_sample == pytest.approx(np.array(ratios), rel=1e-7, abs=1e-9)
    assert found.rows == rows // 6 * 6
    assert len(found.logits) == len(found.in_sample) == comb(6, 3)
    assert found.slope == pytest.approx(np.polyfit(found.in_sample, found.out_of_sample, 1)[0], rel=1e-6, abs=1e-9)


def test_what_is_best_of_noise_is_as_often_good_as_bad_afterwards() -> None:
    found = [backtest_overfitting(noise(seed, 160, 9), blocks=8).probability for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_a_better_strategy_is_not_overfitted() -> None:
    returns = noise(7, 800, 12)
    returns[:, 3] += 0.006
    found = backtest_overfitting(returns)
    assert found.probability == 0
    assert found.loss_probability == 0
    assert (found.logits > 2).all()


def test_what_is_good_at_one_time_only_is_overfitted() -> None:
    """Every setting has one good stretch of its own and loses at all other times."""
    returns = noise(2, 640, 16) - 0.002
    for trial in range(16):
        returns[trial * 40 : trial * 40 + 40, trial] += 0.03
    found = backtest_overfitting(returns, blocks=16)
    assert found.probability > 0.9
    assert found.loss_probability > 0.9
    assert len(found.logits) == comb(16, 8)


def test_settings_that_do_the_same_are_neither_better_nor_worse() -> None:
    """Also where they differ in the last digits only, as one strategy does at other sizes."""
    one = noise(1, 96, 1)
    assert backtest_overfitting(np.repeat(one, 5, axis=1), blocks=8).probability == 0.5
    assert backtest_overfitting(one * np.array([1, 0.7, 3, 1.1, 1.9]), blocks=8).probability == 0.5


@given(seed=st.integers(0, 999), scale=st.floats(0.01, 100), order=st.permutations(range(5)))
def test_neither_the_order_of_the_settings_nor_their_leverage_changes_anything(
    seed: int, scale: float, order: list[int]
) -> None:
    returns = noise(seed, 48, 5)
    found, other = (backtest_overfitting(matrix, blocks=4) for matrix in (returns, returns[:, order] * scale))
    assert found.probability == other.probability
    assert found.logits == pytest.approx(other.logits)
    assert found.slope == pytest.approx(other.slope, rel=1e-6, abs=1e-9)


def test_a_long_level_costs_no_digits() -> None:
    """Returns that hardly vary around a large mean."""
    returns = noise(4, 60, 4) * 1e-4 + 0.5
    assert backtest_overfitting(returns, blocks=6).probability == pytest.approx(brute_force(returns, 6)[0])


def test_a_setting_that_never_trades_neither_wins_nor_breaks_anything() -> None:
    returns = noise(9, 64, 4) + 0.02
    returns[:, 2] = 0
    found = backtest_overfitting(returns, blocks=4)
    assert np.isfinite(found.in_sample).all()
    assert (found.in_sample > 0).all()
    assert found.loss_probability == 0


def test_the_memory_it_takes_does_not_change_what_it_finds() -> None:
    """100 trials and 12,870 combinations are worked on in parts; copies of the trials change no choice."""
    returns = noise(6, 64, 40)
    returns[:, 11] += 0.01
    few, many = (backtest_overfitting(matrix) for matrix in (returns, np.tile(returns, 4)))
    assert len(few.logits) == len(many.logits) == comb(16, 8)
    assert few.out_of_sample == pytest.approx(many.out_of_sample, rel=1e-6, abs=1e-8)


# --- Too little ------------------------------------------------------------------------------------------


def test_it_says_when_there_is_too_little_to_tell_anything_from() -> None:
    with pytest.raises(TooLittle, match="at least 2 returns"):
        moments(np.array([0.1]))
    with pytest.raises(TooLittle, match="do not differ"):
        moments(np.full(100, 0.1))
    with pytest.raises(TooLittle, match="at least 2 trials"):
        backtest_overfitting(noise(1, 100, 1))
    with pytest.raises(TooLittle, match="32 rows"):
        backtest_overfitting(noise(1, 31, 3))
    with pytest.raises(TooLittle, match="2 rows"):
        deflated_sharpe_ratio(noise(1, 1, 3))
    with pytest.raises(TooLittle, match="moments"):
        probabilistic_sharpe_ratio(Moments(100, 1.0, 3, 3))


@pytest.mark.parametrize("blocks", [0, 3, 22])
def test_blocks_are_even_and_not_too_many(blocks: int) -> None:
    with pytest.raises(ValueError, match="even"):
        backtest_overfitting(noise(1, 100, 3), blocks=blocks)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_return_that_is_no_number_is_refused(wrong: float) -> None:
    returns = noise(1, 100, 3)
    returns[50, 1] = wrong
    for judge in (deflated_sharpe_ratio, effective_trials, backtest_overfitting):
        with pytest.raises(ValueError, match="finite"):
            judge(returns)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_fraction(confidence: float) -> None:
    with pytest.raises(ValueError, match="fraction"):
        minimum_track_record(Moments(100, 0.1, 0, 3), 0, confidence)
