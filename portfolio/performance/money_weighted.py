"""Money-weighted return: the constant rate at which the flows of an account grow into what it is worth at the end.

The internal rate of return of dated flows, by the convention of spreadsheets' XIRR: annual, actual days over 365. It is
a statistic found by search, so it is computed in floats; no amount of money is made of it.

Flows in both directions may allow of several rates, and a search would return whichever it met. Here a rate is given
only where it is proven to be the only one; see `_only_root`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from portfolio.performance.returns import Unknown, Valued

Floats = npt.NDArray[np.float64]

_YEAR_SECONDS = 365.0 * 86_400
# Growth over the whole period that is looked for, as natural logarithms: from exp(-300) to exp(300) times the money.
_FURTHEST = 300.0
# Narrower than this two rates cannot be told apart: parts of a logarithm.
_NARROWEST = 1e-9
_MOST_PARTS = 20_000
# What sums of floats are off by at most, as a share of the sizes that were added.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class MoneyWeighted:
    """`annual`: the rate per year. `period`: what it comes to over the whole period, to stand beside a time-weighted
    return. Fractions: 0.25 is 25 %. Both None with the reason where no single rate is known; `annual` alone is None
    where the period is so short that a year of it cannot be expressed.
    """

    annual: float | None
    period: float | None
    unknown: Unknown | None = None


def money_weighted_return(moments: Sequence[Valued]) -> MoneyWeighted:
    """The money-weighted return of an account over `moments`, oldest first.

    What it was worth at the first moment, and what came in then, count as put in; what it is worth at the last one,
    before the flow of that moment, as what has become of it. Values at the moments between are not used, flows are.
    Raises ValueError where the moments run backwards.
    """
    if len(moments) < 2:
        return MoneyWeighted(None, None, Unknown.TOO_SHORT)
    first, last = moments[0], moments[-1]
    if first.nav < 0 or last.nav < 0:
        return MoneyWeighted(None, None, Unknown.NEGATIVE)
    flows = [(first.at, first.after), *((moment.at, moment.flow) for moment in moments[1:-1] if moment.flow)]
    return internal_rate([(at, float(amount)) for at, amount in flows], (last.at, float(last.nav)))


def internal_rate(put_in: Sequence[tuple[datetime, float]], end: tuple[datetime, float]) -> MoneyWeighted:
    """The rate at which `put_in` (time, amount; negative for what was taken out) grows to `end` (time, value).

    Times in UTC, oldest first, none after the end; ValueError otherwise.
    """
    ended, worth = end
    times = [at for at, _amount in put_in] + [ended]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise ValueError("the flows run backwards, or some are after the end")
    amounts: Floats = np.array([amount for _at, amount in put_in], dtype=np.float64)
    if not amounts.any() and not worth:
        return MoneyWeighted(None, None, Unknown.NOTHING_INVESTED)
    length = ended - times[0]
    if length <= timedelta(0):
        return MoneyWeighted(None, None, Unknown.TOO_SHORT)
    # The part of the whole period for which each flow was there: 1 for the first, 0 for what came at the end.
    parts: Floats = np.array([(ended - at) / length for at, _amount in put_in], dtype=np.float64)
    scale = float(np.abs(amounts).sum() + abs(worth))
    root = _only_root(amounts / scale, parts, worth / scale)
    if isinstance(root, Unknown):
        return MoneyWeighted(None, None, root)
    per_year = root * _YEAR_SECONDS / length.total_seconds()
    annual = float(np.expm1(per_year)) if per_year < 700 else None
    return MoneyWeighted(annual, float(np.expm1(root)))


def _only_root(amounts: Floats, parts: Floats, worth: float) -> float | Unknown:
    """The x at which sum(amounts * exp(x * parts)) = worth, where there is exactly one.

    Both sums, of what came in and of what went out, grow with x. So on an interval [a, b] the whole lies between
    in(a) - out(b) and in(b) - out(a): where that leaves out 0 there is no root. The derivative is bounded alike: where
    it leaves out 0 the function runs one way, and its ends tell whether there is one root. Any other interval is
    halved. What is left undecided when it is as narrow as can be is where two roots meet, or the values are all noise.
    """
    came, went = np.maximum(amounts, 0.0), np.maximum(-amounts, 0.0)

    def bounds(low: float, high: float, weights: Floats, constant: float) -> tuple[float, float]:
        at_low, at_high = np.exp(low * parts) * weights, np.exp(high * parts) * weights
        least = float(came @ at_low - went @ at_high) - constant
        most = float(came @ at_high - went @ at_low) - constant
        slack = _ROUNDING * (float((came + went) @ at_high) + abs(constant))
        return least - slack, most + slack

    ones = np.ones_like(parts)
    brackets: list[tuple[float, float]] = []
    waiting = [(-_FURTHEST, _FURTHEST)]
    for _part in range(_MOST_PARTS):
        if not waiting:
            break
        low, high = waiting.pop()
        least, most = bounds(low, high, ones, worth)
        if least > 0 or most < 0:
            continue
        least, most = bounds(low, high, parts, 0.0)
        if least > 0 or most < 0:
            if _value(amounts, parts, worth, low) * _value(amounts, parts, worth, high) <= 0:
                brackets.append((low, high))
            continue
        if high - low < _NARROWEST:
            return Unknown.AMBIGUOUS
        middle = (low + high) / 2
        waiting += [(low, middle), (middle, high)]
    if waiting:
        return Unknown.AMBIGUOUS
    roots = sorted({round(_refined(amounts, parts, worth, low, high), 12) for low, high in brackets})
    if not roots:
        return Unknown.NO_RATE
    return roots[0] if roots[-1] - roots[0] < _NARROWEST else Unknown.AMBIGUOUS


def _value(amounts: Floats, parts: Floats, worth: float, x: float) -> float:
    return float(amounts @ np.exp(x * parts)) - worth


def _refined(amounts: Floats, parts: Floats, worth: float, low: float, high: float) -> float:
    """The root between `low` and `high`, where the function runs one way: Newton's step, halving where it leaves."""
    rises = _value(amounts, parts, worth, high) >= _value(amounts, parts, worth, low)
    x = (low + high) / 2
    for _step in range(200):
        value = _value(amounts, parts, worth, x)
        if value == 0:
            return x
        if (value > 0) == rises:
            high = x
        else:
            low = x
        slope = float((amounts * parts) @ np.exp(x * parts))
        following = x - value / slope if slope else low - 1
        if not low < following < high:
            following = (low + high) / 2
        if following == x or high - low < 1e-15:
            return following
        x = following
    return x
