"""Figures of a sweep as text: numbers of statistics as people and programs read them."""

from typing import Any

from strategies.backtest.domain import moment_of
from strategies.backtest.models.sweeps import Sweep
from strategies.backtest.selectors.sweeps import Progress, Tried
from strategies.backtest.sweeping.packing import STATISTICS
from strategies.backtest.sweeping.parameters import Setting
from strategies.backtest.sweeping.spaces import Search, written

DECIMALS = 8


def statistic(value: float | None) -> str | None:
    """A ratio or a fraction as a string, as all decimals leave this server; None where it is not known."""
    return None if value is None else f"{value:.{DECIMALS}f}"


def statistics(figures: dict[str, Any]) -> dict[str, str | None]:
    return {name: statistic(figures[name]) for name in STATISTICS}


def setting_body(setting: Setting) -> dict[str, Any]:
    """A setting by the names a strategy has, decimals as strings."""
    return {name: written(value) for name, value in setting.values.items()}


def tried_body(tried: Tried) -> dict[str, Any]:
    figures = tried.figures
    return {
        "number": tried.number,
        "key": tried.setting.key,
        "rank": tried.rank,
        "setting": setting_body(tried.setting),
        "end_value": figures["end_value"],
        "fees": figures["fees"],
        "turnover": figures["turnover"],
        "trades": figures["trades"],
        "withdrawals_not_paid": figures["owed"],
        **statistics(figures),
    }


def progress_body(progress: Progress) -> dict[str, Any]:
    return {
        "percent": progress.percent,
        "settings_done": progress.settings_done,
        "settings_total": progress.settings_total,
        "paths_done": progress.paths_done,
        "paths_total": progress.paths_total,
        "seconds_left": None if progress.left is None else round(progress.left.total_seconds()),
    }


def search_body(search: Search) -> dict[str, Any]:
    """What is varied, and of a random search how many settings and with which seed."""
    body = search.to_json()
    return {"vary": {row["name"]: row["values"] for row in body["parameters"]}, "count": body["count"]}


def sweep_body(sweep: Sweep, progress: Progress) -> dict[str, Any]:
    """A sweep without its results."""
    return {
        "id": sweep.pk,
        "name": sweep.name,
        "strategy": sweep.strategy_id,
        "state": sweep.state,
        "problem": sweep.problem,
        **search_body(Search.from_json(sweep.space)),
        "objective": sweep.objective,
        "held_out_from": moment_of(sweep.held_out_ms),
        "windows": sweep.windows,
        "paths": sweep.paths,
        "seed": sweep.seed,
        "progress": progress_body(progress),
        "created_at": sweep.created_at,
        "started_at": sweep.started_at,
        "finished_at": sweep.finished_at,
    }


def result_body(sweep: Sweep, best: Tried) -> dict[str, Any]:
    """What a done sweep has found, without its curves and without the table of all settings."""
    summary = sweep.summary or {}
    forward, held_out, fan = summary["forward"], summary["held_out"], summary["monte_carlo"]
    worth = summary["worth"]
    return {
        "best": tried_body(best),
        "as_it_is": {"end_value": summary["base_figures"]["end_value"], **statistics(summary["base_figures"])},
        "deflated_sharpe": _texts(worth["deflated"]),
        "overfitting": _texts(worth["overfitting"]),
        "walk_forward": None
        if forward is None
        else {
            "efficiency": statistic(forward["efficiency"]),
            **statistics(forward["figures"]),
            "windows": [
                {
                    "chosen": one["choice"],
                    "return_where_chosen": statistic(one["here"]),
                    "return_afterwards": statistic(one["there"]),
                    "rank_afterwards": one["rank"],
                    "chosen_on_days": one["in_sample"],
                    "tried_on_days": one["out_of_sample"],
                }
                for one in forward["stretches"]
            ],
        },
        "held_out": None
        if held_out is None
        else {name: statistics(held_out[name]["figures"]) for name in ("best", "base")},
        "monte_carlo": None
        if fan is None
        else {"problem": fan["problem"]}
        if fan["problem"]
        else {
            "problem": "",
            "paths": fan["paths"],
            "percentiles": fan["percentiles"],
            "end_value": [statistic(value) for value in fan["end_value"]],
            "max_drawdown": [statistic(value) for value in fan["max_drawdown"]],
            "losing": statistic(fan["losing"]),
        },
    }


def _texts(values: dict[str, float | None] | None) -> dict[str, str | None] | None:
    return None if values is None else {name: statistic(value) for name, value in values.items()}
