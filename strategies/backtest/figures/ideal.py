"""The same money with the targets restored at every row, for nothing: no fee, no spread, no smallest order. Pure.

It is what a portfolio of exactly these targets would have been, and what costs are measured from. A statistic: it is
found in floats, and no amount of money is made of it.

    M[r] = M[r-1] * (1 + sum of w_i[r-1] * (c_i[r] / c_i[r-1] - 1)) + flow[r]

for the managed part, with the weights that held from row r-1 on; the share of a coin that has no price yet is in the
quote, and coins that are no targets and are not to be sold are only held, as the planner leaves them alone.
"""

from dataclasses import dataclass

import numpy as np

from strategies.backtest.engine.history import Floats
from strategies.backtest.engine.result import Result
from strategies.backtest.figures.study import start_totals
from strategies.domain import held_apart


@dataclass(frozen=True, eq=False)
class Ideal:
    """Value after each row, flows included, and what 1 at the start had become, flows taken out."""

    values: Floats
    growth: Floats


def ideal_of(result: Result) -> Ideal | None:
    """The frictionless portfolio; None where it is worth nothing at some time, as after too large a withdrawal."""
    history, scenario = result.history, result.scenario
    rows = len(history)
    start = start_totals(result)
    named = {*start, *(flow.asset for flow in result.flows)}
    apart = set(held_apart(named, scenario.targets, scenario.quote, scenario.limits.sell_unlisted))
    weights = _weights(result)
    earned: Floats = np.zeros(rows)
    beside: Floats = np.zeros(rows)
    for series, closes in zip(history.series, history.closes, strict=True):
        weight = weights.get(series.asset)
        if weight is not None:
            was_listed = closes[:-1] > 0
            steps = np.divide(closes[1:], closes[:-1], out=np.ones(rows - 1), where=was_listed) - 1
            earned[1:] += weight * steps
        if series.asset in apart:
            beside += closes * _quantities(result, series.asset, float(start.get(series.asset, 0)))
    flows = flow_values(result)
    into_managed = flow_values(result, but=apart)
    growth = np.asarray(np.cumprod(1.0 + earned), np.float64)
    if not (growth > 0).all():
        return None
    first = sum(float(amount) * _first_close(result, asset) for asset, amount in start.items() if asset not in apart)
    values = growth * (first + np.cumsum(into_managed / growth)) + beside
    return None if not (values > 0).all() else Ideal(values, growth_of(values, flows, float(values[0])))


def _weights(result: Result) -> dict[str, Floats]:
    """By asset, the weight that held from each row but the last on, as a fraction."""
    steps = result.course.steps
    rows = np.append([step.row for step in steps], len(result.history))
    lengths = np.diff(np.minimum(rows, len(result.history) - 1))
    return {
        target.asset: np.repeat([float(step.targets[place].weight_pct) / 100 for step in steps], lengths)
        for place, target in enumerate(steps[0].targets)
    }


def growth_of(values: Floats, flows: Floats, start: float) -> Floats:
    """What 1 at the start had become after each row, with flows taken out; `start` is the value before the first row's
    trades. Where nothing was there, nothing is earned.
    """
    before = np.empty_like(values)
    before[0], before[1:] = start, values[:-1]
    steps: Floats = np.ones(len(values))
    np.divide(values - flows, before, out=steps, where=before > 0)
    return np.asarray(np.cumprod(steps), np.float64)


def flow_values(result: Result, but: frozenset[str] | set[str] = frozenset()) -> Floats:
    """What came in (above 0) or went at the end of each row but the first, in the quote at its closes."""
    values = np.zeros(len(result.history))
    for flow in result.flows:
        if flow.row and flow.asset not in but:
            values[flow.row] += float(flow.amount) * _close(result, flow.asset, flow.row)
    return values


def _quantities(result: Result, asset: str, start: float) -> Floats:
    steps = np.zeros(len(result.history))
    steps[0] = start
    for flow in result.flows:
        if flow.row and flow.asset == asset:
            steps[flow.row] += float(flow.amount)
    held: Floats = np.cumsum(steps)
    return held


def _first_close(result: Result, asset: str) -> float:
    return _close(result, asset, 0)


def _close(result: Result, asset: str, row: int) -> float:
    if asset == result.scenario.quote:
        return 1.0
    place = result.history.places.get(asset)
    return 0.0 if place is None else float(result.history.closes[place, row])
