"""Several back-tests side by side: figures, lines in one chart, and in which settings they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.pages import signed_in
from botbalance.lib.errors import NotFound
from strategies.backtest import charts
from strategies.backtest.forms import MOST_COMPARED
from strategies.backtest.models import BacktestRun
from strategies.backtest.pages import figuring, wording
from strategies.backtest.pages.figuring import Better, Figure
from strategies.backtest.selectors import runs as selectors


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of one of the back-tests; `is_best` where it is better than some other's and none is better."""

    figure: Figure
    is_best: bool


@require_GET
@login_required
@never_cache
def compare(request: HttpRequest) -> HttpResponse:
    """Two to MOST_COMPARED back-tests that are done, by their numbers."""
    user = signed_in(request)
    numbers = list(dict.fromkeys(request.GET.getlist("run")))
    if any(not (text.isascii() and text.isdigit() and len(text) < 19) for text in numbers):
        raise NotFound(_("There is no such back-test."))
    if not 2 <= len(numbers) <= MOST_COMPARED:
        messages.info(request, _("Mark two to %(most)s back-tests to compare them.") % {"most": MOST_COMPARED})
        return redirect("backtests:list")
    runs = [selectors.done_run_of(user, int(text)) for text in numbers]
    return render(
        request,
        "backtest/compare.html",
        {
            "runs": [{"run": run, "colour": f"c{place}"} for place, run in enumerate(runs)],
            "groups": _groups(runs),
            "settings": _settings(runs),
            "growth": charts.line_plot([_growth(run, place) for place, run in enumerate(runs)]),
            "has_flows": any(selectors.settings_of(run).flows for run in runs),
            "has_other_time": len({(run.from_at, run.to_at) for run in runs}) > 1,
        },
    )


def _growth(run: BacktestRun, place: int) -> charts.Curve:
    """What became of 100."""
    series = selectors.series_of(run)
    first = next((value for value in series["equity"] if value > 0), 1)
    values = [value / first * 100 for value in series["equity"]]
    return charts.Curve(run.name, f"c{place}", series["at_ms"], values)


def _groups(runs: Sequence[BacktestRun]) -> list[dict[str, Any]]:
    """Figures by group, one row a figure and one cell a back-test."""
    every = [figuring.figure_groups(run.summary or {}) for run in runs]
    return [
        {
            "title": groups[0].title,
            "rows": [
                {"name": figures[0].name, "cells": _cells(figures)}
                for figures in zip(*(group.figures for group in groups), strict=True)
            ],
        }
        for groups in zip(*every, strict=True)
    ]


def _cells(figures: Sequence[Figure]) -> list[Cell]:
    known = [figure.number for figure in figures if figure.number is not None]
    better = figures[0].better
    if better is Better.NEITHER or len(set(known)) < 2:
        return [Cell(figure, is_best=False) for figure in figures]
    best = max(known) if better is Better.HIGHER else min(known)
    return [Cell(figure, is_best=figure.number == best) for figure in figures]


def _settings(runs: Sequence[BacktestRun]) -> list[dict[str, Any]]:
    """Settings, those that differ first."""
    every = [wording.settings_rows(selectors.settings_of(run)) for run in runs]
    rows = [
        {
            "label": settings[0].label,
            "texts": [setting.text for setting in settings],
            "differs": len({setting.text for setting in settings}) > 1,
        }
        for settings in zip(*every, strict=True)
    ]
    return sorted(rows, key=lambda row: not row["differs"])
