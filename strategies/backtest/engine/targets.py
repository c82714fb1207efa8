"""Which targets hold at which row: those that were given, or what a target model made of the past by then. Pure.

A model looks at prices alone, and never at what was traded. So its answers are worked out before the walk begins, each
from closes of UTC days that were over at its row, and are the same for all scenarios with one model on one history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from strategies.backtest.engine.history import DAY_MS, Floats, History, moment_of, ms_of
from strategies.backtest.engine.scenario import Scenario, TargetModel
from strategies.domain import Target
from strategies.schedules import Calendar, next_time
from strategies.target_models import ModelWeights, NoWeights, weights_of

Targets = tuple[Target, ...]


class TargetStep(NamedTuple):
    """Targets that hold from the end of a row on."""

    row: int
    targets: Targets


class Problem(NamedTuple):
    """Why a model had no answer: a code of REFUSALS (`asset` is "" then) or of MODEL_REASONS, with its values."""

    asset: str
    code: str
    values: Mapping[str, str]


class Silence(NamedTuple):
    """A model that was asked at `row` had no answer until row `until` (None: to the end), at last for `problems`."""

    row: int
    until: int | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The targets over time: the first of `steps` is of row 0, each has other weights than the one before. `asked` is
    how often a model was.
    """

    steps: tuple[TargetStep, ...]
    silences: tuple[Silence, ...] = ()
    asked: int = 0


# Sweeps try one model on one history with many limits.
_known: WeakKeyDictionary[History, dict[tuple[TargetModel, Targets], Course]] = WeakKeyDictionary()


def course_of(history: History, scenario: Scenario, tell: Callable[[int, int], None] | None = None) -> Course:
    """The targets of every row. `tell` is told now and then, so that whoever computes can be stopped."""
    if scenario.model is None:
        return Course((TargetStep(0, scenario.targets),))
    known, key = _known.setdefault(history, {}), (scenario.model, scenario.targets)
    if key not in known:
        known[key] = _walked(history, scenario.targets, scenario.model, tell)
    return known[key]


def _walked(history: History, targets: Targets, model: TargetModel, tell: Callable[[int, int], None] | None) -> Course:
    past = _Past(history, [target.asset for target in targets], model.weighs.closes_needed)
    steps, silences = [TargetStep(0, targets)], list[Silence]()
    row = asked = 0
    while row < len(history):
        if tell is not None:
            tell(0, len(history))
        asked += 1
        now, answer = moment_of(history.close_ms.item(row)), _asked(model, past, history.close_ms.item(row))
        is_silent = bool(silences) and silences[-1].until is None
        if isinstance(answer, ModelWeights):
            if is_silent:
                silences[-1] = silences[-1]._replace(until=row)
            weighed = tuple(replace(one, weight_pct=answer.weights[one.asset]) for one in targets)
            if row == 0:
                steps = [TargetStep(0, weighed)]
            elif weighed != steps[-1].targets:
                steps.append(TargetStep(row, weighed))
            due = next_time(now, model.every)
        else:
            begun = silences.pop().row if is_silent else row
            silences.append(Silence(begun, None, answer))
            due = next_time(now, Calendar.DAY)  # before another day is over the answer would be the same
        row = history.first_row_at(ms_of(due))
    return Course(tuple(steps), tuple(silences), asked)


def _asked(model: TargetModel, past: "_Past", now_ms: int) -> ModelWeights | tuple[Problem, ...]:
    """The weights, or why there are none: what rests on too little is no answer, as in live trading."""
    try:
        given = weights_of(model.weighs, past.assets, past.until(now_ms), dict(model.figures))
    except NoWeights as refused:
        return (Problem("", refused.code, refused.values),)
    if given.unmeasured:
        return tuple(Problem(row.asset, row.code, row.values) for row in given.unmeasured)
    return given


class _Past:
    """Closes of UTC days as a model is shown them, `needed` days at a time."""

    def __init__(self, history: History, assets: list[str], needed: int) -> None:
        self.assets = assets
        self.needed = needed
        self.first_day = int(history.close_ms[0] - 1) // DAY_MS
        days = np.arange(self.first_day, int(history.close_ms[-1]) // DAY_MS) if needed else np.empty(0, np.int64)
        # Before the history no close is known.
        self.closes: Floats = np.full((needed + len(days), len(assets)), np.nan)
        for place, asset in enumerate(assets):
            line = history.places.get(asset)
            if line is not None and len(days):
                self.closes[needed:, place] = history.series[line].day_closes((days + 1) * DAY_MS)

    def until(self, now_ms: int) -> Floats:
        """Days x assets, the last of them the last day that is over; not a number where an asset has no candle."""
        end = self.needed + now_ms // DAY_MS - self.first_day if self.needed else 0
        return self.closes[end - self.needed : end]
