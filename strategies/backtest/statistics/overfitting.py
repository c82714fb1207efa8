"""How much of a sweep's best result is luck: Sharpe ratios that know how often they were tried. Statistics, in floats.

All ratios here are per period, as the returns are, and nothing is annualised: divide an annual Sharpe ratio by the root
of the periods a year. Returns are simple returns of one period; a matrix of them is rows x trials.

Sources:
 [PSR] Bailey, Lopez de Prado: The Sharpe Ratio Efficient Frontier. Journal of Risk 15 (2012), no. 2.
 [DSR] Bailey, Lopez de Prado: The Deflated Sharpe Ratio. Journal of Portfolio Management 40 (2014), no. 5.
 [PBO] Bailey, Borwein, Lopez de Prado, Zhu: The Probability of Backtest Overfitting. Journal of Computational Finance
       20 (2017), no. 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb, e, inf, isfinite, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329
# A deviation below this share of the returns' own size is rounding.
ROUNDING = 1e-12
MOST_BLOCKS = 20
SMALLEST = 1e-300
# Trials, and cells of combinations x trials, that are worked on at once: what bounds the memory.
TRIALS_AT_ONCE = 64
CELLS_AT_ONCE = 1_000_000
# Sharpe ratios closer than this are the same: sums in another order differ in their last digits.
TIE = 1e-9


class TooLittle(ValueError):
    """There is too little to tell anything from: too few rows or trials, or returns that never differ."""


class Moments(NamedTuple):
    """Of a series of returns. `sharpe` is mean / deviation (of the sample, n - 1); `kurtosis` of a normal one is 3."""

    periods: int
    sharpe: float
    skewness: float
    kurtosis: float


def moments(returns: Floats) -> Moments:
    """TooLittle for fewer than 2 returns, or where they do not differ."""
    series = _finite(returns)
    if series.ndim != 1 or len(series) < 2:
        raise TooLittle("at least 2 returns are needed")
    mean = series.mean()
    away = series - mean
    square = float(np.mean(away**2))
    if sqrt(square) <= ROUNDING * max(float(np.abs(series).max()), SMALLEST):
        raise TooLittle("the returns do not differ, so there is no Sharpe ratio")
    sharpe = float(mean) / sqrt(square * len(series) / (len(series) - 1))
    skewness, kurtosis = float(np.mean(away**3)) / square**1.5, float(np.mean(away**4)) / square**2
    return Moments(len(series), sharpe, skewness, kurtosis)


def probabilistic_sharpe_ratio(found: Moments, benchmark: float = 0.0) -> float:
    """How likely the true Sharpe ratio is above `benchmark` (per period), by [PSR]: 0 to 1.

    A short series, fat tails and a negative skew make it smaller.
    """
    return NORMAL.cdf((found.sharpe - benchmark) * sqrt(found.periods - 1) / sqrt(_spread(found)))


def minimum_track_record(found: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """So many periods of such returns would make a Sharpe ratio above `benchmark` believable, by [PSR]; infinite where
    the one that was found is not above it. `confidence` is a fraction between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError("the confidence is a fraction between 0 and 1")
    if found.sharpe <= benchmark:
        return inf
    return 1 + _spread(found) * (NORMAL.inv_cdf(confidence) / (found.sharpe - benchmark)) ** 2


def expected_best_sharpe(trials: float, variance: float) -> float:
    """The best Sharpe ratio to be expected of so many independent trials without any skill, whose ratios differ by
    `variance`: the false strategy theorem of [DSR]. At most one trial promises nothing, 0.
    """
    if not (isfinite(trials) and variance >= 0):
        raise ValueError("the number of trials must be finite, and a variance cannot be negative")
    if trials <= 1:
        return 0.0
    highest = (1 - EULER_MASCHERONI) * NORMAL.inv_cdf(1 - 1 / trials)
    highest += EULER_MASCHERONI * NORMAL.inv_cdf(1 - 1 / (trials * e))
    # The approximation is one of large numbers; it falls below 0 between one trial and two.
    return sqrt(variance) * max(highest, 0.0)


def effective_trials(returns: Floats) -> float:
    """How many independent trials these are worth: c + (1 - c) M, by [DSR] (appendix 3), where c is the average
    correlation of two of the M trials. Between 1 (all alike) and M.

    Trials whose returns never differ correlate with nothing and count as they are. TooLittle for fewer than 2 rows.
    """
    matrix = _matrix(returns)
    rows, trials = matrix.shape
    if trials == 1:
        return 1.0
    # The sum over all pairs is the square of the sum: no matrix of trials x trials is needed, and no copy of this one.
    total, differing = np.zeros(rows), 0
    for begin in range(0, trials, TRIALS_AT_ONCE):
        part = matrix[:, begin : begin + TRIALS_AT_ONCE]
        away = part - part.mean(axis=0)
        sizes = np.sqrt(_squares(away))
        differ = sizes > ROUNDING * sqrt(rows) * np.maximum(np.abs(part).max(axis=0), SMALLEST)
        total += away[:, differ] @ (1 / sizes[differ])
        differing += int(differ.sum())
    pairs = float(total @ total) - differing
    average = pairs / (trials * (trials - 1))
    return min(max(average + (1 - average) * trials, 1.0), float(trials))


@dataclass(frozen=True, slots=True)
class DeflatedSharpe:
    """The best of a sweep, and what it is worth. `probability`: that its true Sharpe ratio is above `threshold`, which
    is what the best of `effective_trials` trials without any skill would show. Ratios are per period.
    """

    trial: int
    sharpe: float
    threshold: float
    probability: float
    effective_trials: float


def deflated_sharpe_ratio(returns: Floats, trial: int | None = None) -> DeflatedSharpe:
    """Of one trial of a sweep, the one with the best Sharpe ratio unless another is named, by [DSR].

    `returns` are those of every setting that was tried, rows x trials, also of those that were thrown away: leaving
    them out is what this figure protects from. TooLittle where the trial's returns do not differ.
    """
    matrix = _matrix(returns)
    ratios = _sharpe_ratios(*_sums(matrix))
    chosen = int(np.argmax(ratios)) if trial is None else trial
    found = moments(matrix[:, chosen])
    count = effective_trials(matrix)
    variance = float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    threshold = expected_best_sharpe(count, variance)
    return DeflatedSharpe(chosen, found.sharpe, threshold, probabilistic_sharpe_ratio(found, threshold), count)


@dataclass(frozen=True, eq=False, slots=True)
class Overfitting:
    """What cross-validation found. Arrays have one entry for each of the combinations.

    probability: that the setting which is best in one half of the time is below the median in the other; 0.5 is what
    noise gives, and a choice worth its name is far below it. loss_probability: that it earns nothing there.
    slope: how much of a better Sharpe ratio in the one half is found in the other; below 0, more of it is worse.
    logits: of its relative rank there. in_sample and out_of_sample: its Sharpe ratios per period.
    rows: how many rows were used; the oldest that fill no block are left out.
    """

    probability: float
    loss_probability: float
    slope: float
    logits: Floats
    in_sample: Floats
    out_of_sample: Floats
    rows: int


def backtest_overfitting(returns: Floats, blocks: int = 16) -> Overfitting:
    """Combinatorially symmetric cross-validation, by [PBO]: the rows are cut into blocks, and for every choice of half
    of them the setting that is best there is ranked by how it does in the other half.

    `returns` are rows x trials, of all settings tried. `blocks` is even, 2 to 20; 16 make 12,870 combinations. Two
    deviations from the paper: settings that do equally well share their rank, and a rank in the very middle counts half
    (the paper counts it whole, which would call noise overfitted more often than not). A half without any movement has
    a Sharpe ratio of 0. TooLittle for fewer than 2 trials or less than 2 rows a block.
    """
    if blocks % 2 or not 2 <= blocks <= MOST_BLOCKS:
        raise ValueError(f"the number of blocks is even, from 2 to {MOST_BLOCKS}")
    matrix = _matrix(returns)
    length = len(matrix) // blocks
    trials = matrix.shape[1]
    if trials < 2 or length < 2:
        raise TooLittle(f"at least 2 trials of at least {2 * blocks} rows are needed")
    used = matrix[len(matrix) - length * blocks :]
    # Sums of squares lose no digits around a mean of about 0.
    level = used.mean(axis=0)
    by_block = [_sums(block - level) for block in np.split(used, blocks)]
    sums, squares = (np.array([part[place] for part in by_block]) for place in (1, 2))
    half = length * blocks // 2
    there, back = [], []
    for inside in _halves(blocks, max(CELLS_AT_ONCE // trials, 1)):
        first = _sharpe_ratios(half, inside @ sums, inside @ squares, level)
        second = _sharpe_ratios(half, (1 - inside) @ sums, (1 - inside) @ squares, level)
        there.append(_judged(first, second))
        back.append(_judged(second, first)[:, ::-1])
    found_in, found_out, rank = np.concatenate([*there, *back[::-1]], axis=1)
    return Overfitting(
        probability=float(np.mean(rank < 0.5) + np.mean(rank == 0.5) / 2),
        loss_probability=float(np.mean(found_out <= 0)),
        slope=_slope(found_in, found_out),
        logits=np.log(rank / (1 - rank)),
        in_sample=found_in,
        out_of_sample=found_out,
        rows=length * blocks,
    )


def _judged(chosen_by: Floats, judged_by: Floats) -> Floats:
    """For every combination, by Sharpe ratios of combinations x trials: that of the best trial where it is chosen, its
    ratio where it is judged, and its rank there, between 0 and 1.
    """
    best = np.argmax(chosen_by, axis=1)[:, np.newaxis]
    theirs = np.take_along_axis(judged_by, best, axis=1)
    below, upto = np.sum(judged_by < theirs - TIE, axis=1), np.sum(judged_by <= theirs + TIE, axis=1)
    rank = (below + upto + 1) / 2 / (judged_by.shape[1] + 1)
    return np.array([np.take_along_axis(chosen_by, best, axis=1)[:, 0], theirs[:, 0], rank])


def _halves(blocks: int, at_once: int) -> Iterator[Floats]:
    """The first half of all choices of half of the blocks, as rows of ones and zeros, so many choices at a time: those
    with the first block in them. The others are what these leave out, in the opposite order.
    """
    choices = combinations(range(blocks), blocks // 2)
    left = comb(blocks, blocks // 2) // 2
    while left:
        part = np.array(list(islice(choices, min(at_once, left))))
        inside = np.zeros((len(part), blocks))
        np.put_along_axis(inside, part, 1.0, axis=1)
        left -= len(part)
        yield inside


def _sums(matrix: Floats) -> tuple[int, Floats, Floats]:
    """How many rows, and each trial's sum and sum of squares."""
    return len(matrix), matrix.sum(axis=0), _squares(matrix)


def _squares(matrix: Floats) -> Floats:
    """The sum of squares of each column, without a matrix of squares."""
    found: Floats = np.einsum("ij,ij->j", matrix, matrix)
    return found


def _sharpe_ratios(count: int, sums: Floats, squares: Floats, level: Floats | float = 0.0) -> Floats:
    """Mean over deviation of each trial from the sums around its `level`; 0 where there is no movement."""
    mean = sums / count
    variance = (squares - sums * mean) / (count - 1)
    noise = ROUNDING * (squares / count + np.square(level))
    moves = variance > noise
    result: Floats = np.where(moves, mean + level, 0.0) / np.sqrt(np.where(moves, variance, 1.0))
    return result


def _slope(first: Floats, second: Floats) -> float:
    """Of the least-squares line; 0 where the first never differs."""
    away = first - first.mean()
    spread = float(away @ away)
    return float(away @ (second - second.mean())) / spread if spread > 0 else 0.0


def _spread(found: Moments) -> float:
    """The variance of a Sharpe ratio's estimate times the number of returns, for returns that need not be normal."""
    spread = 1 - found.skewness * found.sharpe + (found.kurtosis - 1) / 4 * found.sharpe**2
    if found.periods < 2 or spread <= 0:
        raise TooLittle("no returns have such moments: at least 2 are needed, and kurtosis >= 1 + skewness^2")
    return spread


def _finite(returns: Floats) -> Floats:
    series = np.asarray(returns, np.float64)
    if not np.isfinite(series).all():
        raise ValueError("every return must be a finite number")
    return series


def _matrix(returns: Floats) -> Floats:
    matrix = _finite(returns)
    if matrix.ndim != 2 or matrix.shape[1] < 1 or len(matrix) < 2:
        raise TooLittle("at least 2 rows of at least one trial are needed")
    return matrix
