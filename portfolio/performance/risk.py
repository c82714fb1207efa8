"""Risk figures of a series of values: statistics, computed in floats. No amount of money is made of them.

A series is evenly spaced and has no flows in it: a back-test's equity, or the growth curve of an account at one point a
day (`series.daily`). `periods_per_year` says how it is spaced: 365 for daily, since crypto trades every day.

Conventions, those of empyrical and quantstats: returns are simple, deviations are of the sample (n - 1), Sharpe and
Sortino scale the arithmetic mean return, and the downside deviation counts every period and only what falls short.
Drawdowns are negative fractions. What cannot be told is None: never infinity, never a warning. That is
    every figure of a series with a value of 0 or less, or with one that is no number or beyond what any money could be
        (1e-60 to 1e60, so that nothing overflows), or with fewer than 2 values;
    what needs a deviation, of fewer than 2 returns;
    a ratio to a deviation or a drawdown of 0, where rounding errors of floats count as 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# A figure, whether it is an exact ratio or a statistic.
Number = Decimal | float

# Returns are ratios of floats near 1: deviations below this are rounding, and no ratio is made of them.
_ROUNDING = 1e-13
_SMALLEST, _LARGEST = 1e-60, 1e60


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of a series below its highest value before: a fraction, -0.25 is 25 % down; 0 without a fall.

    `peak`, `trough` and `recovery` are positions in the series; `recovery` is the first value not below the peak again,
    None where there is none yet. Without a fall all three are the first position.
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None


@dataclass(frozen=True, slots=True)
class RiskFigures:
    """Every figure of a series. Fractions; annual where a year is named; times are the moments of the series."""

    total_return: float | None
    cagr: float | None
    volatility: float | None
    downside_deviation: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float | None
    peak_at: datetime | None
    trough_at: datetime | None
    recovered_at: datetime | None
    best: float | None
    best_at: datetime | None
    worst: float | None
    worst_at: datetime | None
    tracking_error: float | None
    information_ratio: float | None


_NOTHING_KNOWN = RiskFigures(*[None] * 17)


def risk_figures(
    times: Sequence[datetime],
    values: Iterable[Number],
    *,
    benchmark: Iterable[Number] | None = None,
    periods_per_year: float = 365,
    risk_free: float = 0.0,
) -> RiskFigures:
    """All figures of `values` at `times`. `benchmark`: another series at the same times, for the tracking error.

    `risk_free` is the return per period that counts as no reward. Raises ValueError where lengths differ.
    """
    series = as_floats(values)
    if len(times) != len(series):
        raise ValueError(f"{len(times)} times for {len(series)} values")
    earned = returns(series)
    fall = worst_drawdown(series)
    if earned is None or fall is None:
        return _NOTHING_KNOWN
    compared = None if benchmark is None else as_floats(benchmark)
    if compared is not None and len(compared) != len(series):
        raise ValueError(f"a benchmark of {len(compared)} values for {len(series)}")
    theirs = None if compared is None else returns(compared)
    has_fallen = fall.depth < 0
    best, worst = int(earned.argmax()), int(earned.argmin())
    return RiskFigures(
        total_return=float(series[-1] / series[0] - 1),
        cagr=cagr(series, periods_per_year),
        volatility=volatility(earned, periods_per_year),
        downside_deviation=downside_deviation(earned, periods_per_year, risk_free),
        sharpe=sharpe(earned, periods_per_year, risk_free),
        sortino=sortino(earned, periods_per_year, risk_free),
        calmar=calmar(series, periods_per_year),
        max_drawdown=fall.depth,
        peak_at=times[fall.peak] if has_fallen else None,
        trough_at=times[fall.trough] if has_fallen else None,
        recovered_at=times[fall.recovery] if has_fallen and fall.recovery is not None else None,
        best=float(earned[best]),
        best_at=times[best + 1],
        worst=float(earned[worst]),
        worst_at=times[worst + 1],
        tracking_error=None if theirs is None else tracking_error(earned, theirs, periods_per_year),
        information_ratio=None if theirs is None else information_ratio(earned, theirs, periods_per_year),
    )


def as_floats(values: Iterable[Number]) -> Floats:
    """Decimals or floats as one array, rounded to the nearest float each."""
    return np.array([float(value) for value in values], dtype=np.float64)


def returns(values: Floats) -> Floats | None:
    """Simple returns from each value to the next, one fewer than `values`. None where they have none."""
    if len(values) < 2 or not ((values >= _SMALLEST) & (values <= _LARGEST)).all():
        return None
    return np.asarray(values[1:] / values[:-1] - 1, dtype=np.float64)


def volatility(earned: Floats, periods_per_year: float = 365) -> float | None:
    """Standard deviation of returns, per year."""
    if len(earned) < 2:
        return None
    return float(_deviation(earned) * np.sqrt(periods_per_year))


def downside_deviation(earned: Floats, periods_per_year: float = 365, least: float = 0.0) -> float | None:
    """Root of the mean square of what returns fall short of `least` per period (others count as 0), per year."""
    if len(earned) < 1:
        return None
    short = np.minimum(earned - least, 0.0)
    return float(np.sqrt(np.mean(np.square(short))) * np.sqrt(periods_per_year))


def sharpe(earned: Floats, periods_per_year: float = 365, risk_free: float = 0.0) -> float | None:
    """Mean return above `risk_free` (per period) over its deviation, per year (Sharpe 1994)."""
    if len(earned) < 2:
        return None
    above = earned - risk_free
    return _ratio(float(above.mean()), _deviation(above), periods_per_year)


def sortino(earned: Floats, periods_per_year: float = 365, least: float = 0.0) -> float | None:
    """Mean return above `least` (per period) over the downside deviation, per year (Sortino and Price 1994)."""
    short = downside_deviation(earned, 1, least)
    return None if short is None else _ratio(float((earned - least).mean()), short, periods_per_year)


def cagr(values: Floats, periods_per_year: float = 365) -> float | None:
    """The constant annual rate that leads from the first value to the last. None also where no float can hold it."""
    if returns(values) is None:
        return None
    per_year = np.log(values[-1] / values[0]) * periods_per_year / (len(values) - 1)
    return float(np.expm1(per_year)) if per_year < 700 else None


def calmar(values: Floats, periods_per_year: float = 365) -> float | None:
    """The compound annual rate over the deepest drawdown (Young 1991), here over the whole series."""
    rate, fall = cagr(values, periods_per_year), worst_drawdown(values)
    if rate is None or fall is None or -fall.depth < _ROUNDING:
        return None
    return rate / -fall.depth


def drawdowns(values: Floats) -> Floats | None:
    """How far each value is below the highest before it: fractions, 0 at a new high, else negative."""
    if returns(values) is None:
        return None
    below = values / np.maximum.accumulate(values) - 1
    return np.asarray(below, dtype=np.float64)


def worst_drawdown(values: Floats) -> Drawdown | None:
    """The deepest drawdown, the first of equals."""
    below = drawdowns(values)
    if below is None:
        return None
    trough = int(below.argmin())
    peak = int(values[: trough + 1].argmax())
    back = np.flatnonzero(values[trough:] >= values[peak])
    return Drawdown(float(below[trough]), peak, trough, trough + int(back[0]) if len(back) else None)


def tracking_error(earned: Floats, benchmark: Floats, periods_per_year: float = 365) -> float | None:
    """Standard deviation of the returns less those of the benchmark, per year."""
    if len(earned) != len(benchmark):
        raise ValueError(f"{len(benchmark)} returns of the benchmark for {len(earned)}")
    return volatility(earned - benchmark, periods_per_year)


def information_ratio(earned: Floats, benchmark: Floats, periods_per_year: float = 365) -> float | None:
    """Mean return above the benchmark over the tracking error, per year (Grinold and Kahn)."""
    if len(earned) != len(benchmark):
        raise ValueError(f"{len(benchmark)} returns of the benchmark for {len(earned)}")
    return sharpe(earned - benchmark, periods_per_year)


def _deviation(earned: Floats) -> float:
    return float(np.std(earned, ddof=1))


def _ratio(mean: float, deviation: float, periods_per_year: float) -> float | None:
    if deviation < _ROUNDING:
        return None
    return float(mean / deviation * np.sqrt(periods_per_year))
