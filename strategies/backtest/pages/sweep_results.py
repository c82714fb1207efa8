"""What a sweep's page shows: what was varied, the best settings, a heat map, the walk forward, the charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from botbalance.lib.money import HUNDRED, quantize
from botbalance.lib.numbers import count, percent
from botbalance.lib.numbers import number as written
from strategies.backtest.charts import Curve, HeatCell, HeatMap, fan_plot, heat_map, line_plot
from strategies.backtest.domain import moment_of
from strategies.backtest.models import Sweep
from strategies.backtest.pages.figuring import number, share
from strategies.backtest.pages.wording import label_of, value_text
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.selectors.sweeps import Tried
from strategies.backtest.services.model_words import model_notes
from strategies.backtest.services.sweeps import Estimate
from strategies.backtest.sweep_meaning import (
    deflated_meaning,
    fan_meaning,
    forward_meaning,
    held_out_meaning,
    overfitting_meaning,
)
from strategies.backtest.sweep_text import statistic
from strategies.backtest.sweeping.judging import Objective
from strategies.backtest.sweeping.parameters import Setting, Value

SHOWN = 20
# A map larger than this is not looked at as a table.
MOST_CELLS_A_SIDE = 60
FIGURE = {Objective.SHARPE: "sharpe", Objective.RETURN: "total_return", Objective.CALMAR: "calmar"}


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A row of the heat map; of each cell what it says and what it is named."""

    label: str
    cells: list[tuple[HeatCell, str, str]]


def varied_rows(sweep: Sweep) -> list[tuple[str, str]]:
    """What was varied: names, and the values in their order."""
    return [
        (label_of(one.name), ", ".join(value_text(one.name, value) for value in _few(one.values)))
        for one in selectors.search_of(sweep).space.parameters
    ]


def short_text(setting: Setting) -> str:
    """A setting in one line: 5 %, 7 days."""
    return ", ".join(value_text(name, value) for name, value in setting.values.items())


def lasting(estimate: Estimate) -> str:
    """How long it would take, in words."""
    if estimate.seconds < 90:
        return ngettext("%(count)s second", "%(count)s seconds", estimate.seconds) % {"count": count(estimate.seconds)}
    minutes = round(estimate.seconds / 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": count(minutes)}


def context(sweep: Sweep, query: Mapping[str, str]) -> dict[str, Any]:
    """Everything of a done sweep's page; `query` may name the two parameters of the heat map."""
    summary: dict[str, Any] = sweep.summary or {}
    table = selectors.tried_of(sweep)
    worth = summary["worth"]
    said = [deflated_meaning(worth["deflated"]), overfitting_meaning(worth["overfitting"])]
    said += model_notes({"notes": sweep.notes})
    return {
        "best": _row(table[0]),
        "best_settings": [(label_of(name), value_text(name, value)) for name, value in table[0].setting.values.items()],
        "rows": [_row(row) for row in table[:SHOWN]],
        "names": [label_of(one.name) for one in selectors.search_of(sweep).space.parameters],
        "more": max(0, len(table) - SHOWN),
        "base": _figures(summary["base_figures"]),
        "quote": selectors.settings_of(sweep).quote,
        "worth": [text for text in said if text],
        "growth": _growth_plot(summary),
        "held_out": _held_out(summary["held_out"]),
        "held_out_meaning": held_out_meaning(summary["held_out"]),
        "forward": _forward(summary, table),
        "forward_meaning": forward_meaning(summary["forward"], sweep.windows),
        "fan": _fan_plot(summary["monte_carlo"]),
        "fan_meaning": fan_meaning(summary["monte_carlo"]),
        **_heat(sweep, table, query),
    }


def _row(tried: Tried) -> dict[str, Any]:
    return {
        "number": tried.number,
        "rank": tried.rank,
        "values": [value_text(name, value) for name, value in tried.setting.values.items()],
        **_figures(tried.figures),
    }


def _figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts as decimals, fractions in percent, ratios as they are; None unknown."""
    return {
        **{name: number(figures[name]) for name in ("end_value", "fees", "turnover") if name in figures},
        **{name: share(statistic(figures[name])) for name in ("total_return", "volatility", "max_drawdown")},
        **{name: number(statistic(figures[name])) for name in ("sharpe", "calmar")},
        "trades": figures.get("trades"),
    }


def _held_out(held_out: dict[str, Any] | None) -> dict[str, Any] | None:
    if held_out is None:
        return None
    return {name: _figures(held_out[name]["figures"]) for name in ("best", "base")}


def _growth_plot(summary: dict[str, Any]) -> Any:
    """The best setting and what the sweep began from, where the choice was made and on what was held out."""
    curves = [
        Curve(_("best setting"), "c1", summary["at_ms"], summary["best_growth"]),
        Curve(_("as it is"), "c2", summary["at_ms"], summary["base_growth"]),
    ]
    held_out = summary["held_out"]
    if held_out is not None:
        for name, css, ends, title in (
            ("best", "c3", summary["best_growth"][-1], _("best setting, held out")),
            ("base", "c4", summary["base_growth"][-1], _("as it is, held out")),
        ):
            curves.append(Curve(title, css, held_out["at_ms"], [ends * value for value in held_out[name]["growth"]]))
    return line_plot(curves)


def _forward(summary: dict[str, Any], table: Any) -> dict[str, Any] | None:
    forward = summary["forward"]
    if forward is None:
        return None
    by_number = {row.number: row for row in table}
    days = forward["days"]
    at_ms = summary["at_ms"][days[0] : days[1] + 1]
    return {
        "rows": [
            {
                "from_at": moment_of(summary["at_ms"][one["out_of_sample"][0]]),
                "to_at": moment_of(summary["at_ms"][one["out_of_sample"][1]]),
                "setting": short_text(by_number[one["choice"]].setting),
                "here": share(statistic(one["here"])),
                "there": share(statistic(one["there"])),
                "rank": one["rank"],
                "of": len(table),
            }
            for one in forward["stretches"]
        ],
        "plot": line_plot([Curve(_("walk forward"), "c1", at_ms, forward["growth"])]),
    }


def _fan_plot(fan: dict[str, Any] | None) -> Any:
    if fan is None or fan["problem"]:
        return None
    names = {5: _("nine of ten"), 25: _("half of them"), 50: _("the middle")}
    bands = dict(zip(fan["percentiles"], fan["growth"], strict=True))
    return fan_plot(fan["at_ms"], bands, names=names)


def _heat(sweep: Sweep, table: Any, query: Mapping[str, str]) -> dict[str, Any]:
    """The best figure of every pair of values of two parameters, whatever the others are."""
    varied = [one for one in selectors.search_of(sweep).space.parameters if 1 < len(one.values) <= MOST_CELLS_A_SIDE]
    if len(varied) < 2:
        return {"heat": None}
    by_name = {one.name: one for one in varied}
    across = by_name.get(query.get("across", ""), varied[0])
    down = by_name.get(query.get("down", ""), varied[1])
    if across is down:
        down = next(one for one in varied if one is not across)
    figure = FIGURE[Objective(sweep.objective)]
    best: dict[tuple[Value, Value], float] = {}
    for row in table:
        value = row.figures[figure]
        place = row.setting.values[across.name], row.setting.values[down.name]
        if value is not None and value > best.get(place, float("-inf")):
            best[place] = value
    found = heat_map([[best.get((column, row)) for column in across.values] for row in down.values])
    return {
        "heat": {
            "across": across.name,
            "across_label": label_of(across.name),
            "down": down.name,
            "down_label": label_of(down.name),
            "columns": [value_text(across.name, value) for value in across.values],
            "rows": _heat_rows(found, down.name, down.values, is_ratio=figure != "total_return"),
            "choices": [(one.name, label_of(one.name)) for one in varied],
            "figure": {"sharpe": _("Sharpe ratio"), "total_return": _("Return"), "calmar": _("Calmar ratio")}[figure],
        }
    }


def _heat_rows(found: HeatMap, name: str, values: tuple[Value, ...], *, is_ratio: bool) -> list[HeatRow]:
    def said(cell: HeatCell) -> str:
        if cell.value is None:
            return ""
        value = Decimal(cell.value)
        return written(quantize(value, 2)) if is_ratio else percent(value * HUNDRED, 0)

    return [
        HeatRow(value_text(name, value), [(cell, said(cell), "best" if cell == found.best else "") for cell in row])
        for value, row in zip(values, found.rows, strict=True)
    ]


def _few(values: tuple[Value, ...], most: int = 12) -> list[Value]:
    """All of a few values; of many only some, evenly chosen, and the last."""
    if len(values) <= most:
        return list(values)
    step = -(-len(values) // most)
    return [*values[:-1:step], values[-1]]
