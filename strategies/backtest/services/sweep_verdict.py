"""What a sweep comes to: its best setting, how much that is worth, and how it did on what was held out."""

from typing import Any

from django.utils import timezone

from strategies.backtest.engine.simulation import Progress
from strategies.backtest.models.sweeps import Sweep, SweepChunk
from strategies.backtest.services.monte_carlo import fan_of
from strategies.backtest.services.sweep_ground import Ground
from strategies.backtest.sweeping import judging
from strategies.backtest.sweeping.judging import Forward, Objective, Verdict
from strategies.backtest.sweeping.packing import (
    figures_of,
    pack_json,
    unpack,
    unpack_json,
    without_growth,
)
from strategies.backtest.sweeping.parameters import Setting
from strategies.backtest.sweeping.trying import Floats, Grid, Outcome, figures_of_growth, try_setting

Stage = SweepChunk.Stage


def judged(sweep: Sweep, ground: Ground, grid: Grid, settings: list[Setting], beat: Progress) -> bytes:
    """The verdict on all settings, as packed JSON. The held-out past is looked at after the choice, and only then."""
    outcomes: list[Outcome] = []
    for chunk in _done(sweep, Stage.SETTINGS):
        outcomes += unpack(chunk.result)
    verdict = judging.judge(outcomes, Objective(sweep.objective), windows=sweep.windows)
    best, base = outcomes[verdict.best], try_setting(grid, ground.scenario(), beat)
    return pack_json(
        {
            "best": verdict.best,
            "ranking": list(verdict.ranking),
            "best_figures": figures_of(best),
            "base_figures": figures_of(base),
            "at_ms": grid.at_ms.tolist(),
            "best_growth": best.growth.tolist(),
            "base_growth": base.growth.tolist(),
            "worth": _worth(verdict),
            "forward": None if verdict.forward is None else _forward(verdict.forward),
            "held_out": _held_out(ground, grid, settings[verdict.best], beat),
        }
    )


def best_of(sweep: Sweep) -> int:
    """The number of the setting that was chosen."""
    (chunk,) = _done(sweep, Stage.JUDGE)
    return int(unpack_json(chunk.result)["best"])


def put_together(sweep: Sweep, grid: Grid) -> bytes:
    """The whole summary, as packed JSON."""
    (judge,) = _done(sweep, Stage.JUDGE)
    pieces = [(chunk.count, bytes(chunk.result)) for chunk in _done(sweep, Stage.PATHS)]
    fan = fan_of(pieces, grid.at_ms.tolist()) if pieces else None
    return pack_json({**unpack_json(judge.result), "monte_carlo": fan})


def close(sweep_id: int, summary: bytes) -> None:
    """End a sweep with its summary, and let go of what was only kept for it. Within the caller's transaction."""
    Sweep.objects.filter(pk=sweep_id, state=Sweep.State.RUNNING).update(
        state=Sweep.State.DONE, summary=unpack_json(summary), finished_at=timezone.now()
    )
    chunks = SweepChunk.objects.filter(sweep_id=sweep_id)
    for chunk in chunks.filter(stage=Stage.SETTINGS):
        chunks.filter(pk=chunk.pk).update(result=without_growth(chunk.result))
    chunks.exclude(stage=Stage.SETTINGS).update(result=b"")


def _done(sweep: Sweep, stage: int) -> list[SweepChunk]:
    return list(SweepChunk.objects.filter(sweep=sweep, stage=stage, is_done=True).order_by("first"))


def _worth(verdict: Verdict) -> dict[str, Any]:
    """Ratios per year."""
    deflated, found = verdict.deflated, verdict.overfitting
    return {
        "deflated": None
        if deflated is None
        else {
            "sharpe": judging.annual(deflated.sharpe),
            "threshold": judging.annual(deflated.threshold),
            "probability": deflated.probability,
            "effective_trials": deflated.effective_trials,
        },
        "overfitting": None
        if found is None
        else {
            "probability": found.probability,
            "loss_probability": found.loss_probability,
            "slope": found.slope,
        },
    }


def _forward(forward: Forward) -> dict[str, Any]:
    return {
        "stretches": [
            {
                "in_sample": [one.in_sample.start, one.in_sample.stop],
                "out_of_sample": [one.out_of_sample.start, one.out_of_sample.stop],
                "choice": one.choice,
                "here": one.here,
                "there": one.there,
                "rank": one.rank,
            }
            for one in forward.stretches
        ],
        "days": [forward.days.start, forward.days.stop],
        "growth": forward.growth.tolist(),
        "efficiency": forward.efficiency,
        "figures": figures_of_growth(forward.growth),
    }


def _held_out(ground: Ground, grid: Grid, chosen: Setting, beat: Progress) -> dict[str, Any] | None:
    """The chosen setting, and what the sweep began from, on the days after those the choice was made on."""
    whole = Grid.of(ground.whole)
    begins = len(grid) - 1
    if len(whole) - begins < 2:
        return None
    parts: dict[str, Any] = {"at_ms": whole.at_ms[begins:].tolist()}
    for name, setting in (("best", chosen), ("base", None)):
        growth = _from(try_setting(whole, ground.scenario(setting), beat).growth, begins)
        parts[name] = {"growth": growth.tolist(), "figures": figures_of_growth(growth)}
    return parts


def _from(growth: Floats, begins: int) -> Floats:
    rest = growth[begins:]
    return rest / rest[0] if rest[0] > 0 else rest
