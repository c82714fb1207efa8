"""Which setting of a sweep to choose, and how much that choice is worth. Pure.

Settings are ranked by one objective on the days they were tried on. Three things tell luck from merit: the deflated
Sharpe ratio and the probability of overfitting, which look at all settings that were tried, and the walk forward, which
chooses again and again on what was known by then and is judged by the days that followed.

A day of a window is a step of the growth: its value before the window is the value the window begins with. Settings run
through the whole past on their own, so that a window's choice begins with the portfolio that this setting would have
had, and what changing over from the choice before would cost is not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from portfolio.performance import risk
from strategies.backtest.statistics import overfitting, walk_forward
from strategies.backtest.sweeping.trying import Outcome
from strategies.domain import DAYS_OF_A_YEAR

Floats = npt.NDArray[np.float64]

# Fewer days than this say nothing: a ratio of a week's returns is noise.
LEAST_DAYS = 30
BLOCKS = 16
# What a probability is called in words: the deflated Sharpe ratio above, overfitting below.
BELIEVABLE, LIKELY_LUCK = 0.95, 0.5


class Objective(StrEnum):
    """What settings are ranked by; more is better for all of them."""

    SHARPE = "sharpe"
    RETURN = "return"
    CALMAR = "calmar"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One window of the walk forward. Days are steps of the growth, from 0; `choice` is a place among the settings.

    `here` and `there` are the returns of the choice where it was chosen and where it was tried; `rank` is its place
    there among all settings by the objective, 1 the best.
    """

    in_sample: range
    out_of_sample: range
    choice: int
    here: float
    there: float
    rank: int


@dataclass(frozen=True, eq=False, slots=True)
class Forward:
    """The walk forward. `growth` is what 1 has become over all days choices were tried on, `days` these days.

    `efficiency`: how much of the growth that was found is left where it was tried; None where there was none.
    """

    stretches: tuple[Stretch, ...]
    days: range
    growth: Floats
    efficiency: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """`ranking` are places among the settings, the best first. None: it cannot be told from so few days or settings."""

    ranking: tuple[int, ...]
    deflated: overfitting.DeflatedSharpe | None
    overfitting: overfitting.Overfitting | None
    forward: Forward | None

    @property
    def best(self) -> int:
        return self.ranking[0]


def judge(outcomes: Sequence[Outcome], objective: Objective, *, windows: int) -> Verdict:
    """Rank the outcomes of settings that were tried on the same days, and say what the best is worth.

    Half of the days are for the first choice of the walk forward, the other half is cut into `windows` of them, and
    every choice knows all days before it; 0 for none. ValueError where there is no outcome.
    """
    if not outcomes:
        raise ValueError("there is nothing to judge")
    growth = np.array([outcome.growth for outcome in outcomes])
    days = growth.shape[1] - 1
    ranking = ranked(growth, range(days), objective)
    earned = _returns(growth)
    return Verdict(
        ranking=ranking,
        deflated=_deflated(earned, ranking[0]) if days >= LEAST_DAYS else None,
        overfitting=_overfitting(earned) if days >= LEAST_DAYS else None,
        forward=_forward(growth, objective, windows) if windows else None,
    )


def ranked(growth: Floats, days: range, objective: Objective) -> tuple[int, ...]:
    """Places of settings (rows of `growth`) by the objective on these days, the best first; of equals the first."""
    scores = np.array([score(line[days.start : days.stop + 1], objective) for line in growth])
    places: list[int] = np.argsort(-scores, kind="stable").tolist()
    return tuple(places)


def score(growth: Floats, objective: Objective) -> float:
    """How good a growth is; what cannot be told is the worst."""
    found: float | None
    if objective is Objective.RETURN:
        found = float(growth[-1] / growth[0]) if len(growth) > 1 and growth[0] > 0 else None
    elif objective is Objective.CALMAR:
        found = risk.calmar(growth, DAYS_OF_A_YEAR)
    else:
        earned = risk.returns(growth)
        found = None if earned is None else risk.sharpe(earned, DAYS_OF_A_YEAR)
    return -inf if found is None else found


def annual(ratio_a_day: float) -> float:
    """A Sharpe ratio per day as one per year."""
    return ratio_a_day * sqrt(DAYS_OF_A_YEAR)


def _returns(growth: Floats) -> Floats:
    """Days x settings; a setting that has lost everything earns nothing any more."""
    before, after = growth[:, :-1], growth[:, 1:]
    earned: Floats = np.divide(after, before, out=np.ones_like(after), where=before > 0) - 1
    return np.ascontiguousarray(earned.T)


def _deflated(earned: Floats, best: int) -> overfitting.DeflatedSharpe | None:
    try:
        return overfitting.deflated_sharpe_ratio(earned, best)
    except overfitting.TooLittle:
        return None


def _overfitting(earned: Floats) -> overfitting.Overfitting | None:
    try:
        return overfitting.backtest_overfitting(earned, BLOCKS)
    except overfitting.TooLittle:
        return None


def _forward(growth: Floats, objective: Objective, windows: int) -> Forward | None:
    days = growth.shape[1] - 1
    length = days // (2 * windows)
    if length < LEAST_DAYS // 2 or not (growth[:, -1] > 0).any():
        return None
    cut = walk_forward.split(days, in_sample=days - windows * length, out_of_sample=length, anchored=True)
    stretches, here, there = [], [], []
    for window in cut.windows:
        choice = ranked(growth, window.in_sample, objective)[0]
        afterwards = ranked(growth, window.out_of_sample, objective)
        here.append(_part(growth[choice], window.in_sample))
        there.append(_part(growth[choice], window.out_of_sample))
        if there[-1][0] <= 0:
            return None
        stretches.append(
            Stretch(
                window.in_sample,
                window.out_of_sample,
                choice,
                _return(here[-1]),
                _return(there[-1]),
                afterwards.index(choice) + 1,
            )
        )
    whole = walk_forward.stitch(there)
    return Forward(tuple(stretches), cut.tried, whole / whole[0], walk_forward.efficiency(here, there))


def _part(growth: Floats, days: range) -> Floats:
    return growth[days.start : days.stop + 1]


def _return(growth: Floats) -> float:
    return float(growth[-1] / growth[0] - 1)
