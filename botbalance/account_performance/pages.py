"""The page "Performance" of an account, its tax lots as a file, and the chart that the dashboard shows as well."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.pages import signed_in
from botbalance import drawing
from botbalance.account_performance import figures
from botbalance.account_performance.api import TaxLotsQuery, csv_answer
from botbalance.account_performance.exporting import lots_body, years_of
from botbalance.account_performance.figures import PERIODS, Curves, Period, Periods, Points
from botbalance.account_performance.tax_lots import AccountLots, account_lots
from botbalance.account_performance.words import PERIOD_NAMES, reason
from botbalance.lib import moments
from botbalance.lib.errors import Invalid, NotFound
from botbalance.lib.money import HUNDRED, ZERO, exact
from botbalance.lib.numbers import money
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from portfolio.performance.figures import Compared, PeriodFigures
from portfolio.performance.lots import Method
from portfolio.performance.profit import AssetProfit
from portfolio.performance.returns import Unknown
from portfolio.performance.risk import Number

_PERIOD_SHOWN = "30d"


@require_GET
@login_required
@never_cache
def performance(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account: what it earned over several periods, beside holding and bitcoin, and what every asset earned."""
    account = exchanges.account_of(signed_in(request), account_id)
    shown = request.GET.get("period", _PERIOD_SHOWN)
    if shown not in PERIODS:
        raise NotFound(_("There is no such period."))
    now = timezone.now()
    start = figures.start_of(shown, now)
    found = figures.periods(account, now)
    lots = account_lots(account, Method.FIFO)
    return render(
        request,
        "portfolio/performance.html",
        {
            "account": account,
            "shown": shown,
            "names": PERIOD_NAMES,
            "columns": [(name, PERIOD_NAMES[name]) for name in PERIODS],
            "rows": figure_rows(found),
            "begins_at": found.begins_at,
            "is_broken": found.broken,
            "figures": found.row(shown).figures,
            **_assets_context(lots, start),
            "years": years_of(lots),
            "files": [(_("values of this period (CSV)"), _values_file(account, start))],
            **chart_context(account, figures.curves(account, start, now), None, now, height=200),
        },
    )


def _values_file(account: ExchangeAccount, start: datetime | None) -> str:
    wanted = (
        {"account": account.pk} if start is None else {"account": account.pk, "from": f"{start:%Y-%m-%dT%H:%M:%SZ}"}
    )
    return f"{reverse('history_csv')}?{urlencode(wanted)}"


@require_GET
@login_required
@never_cache
def tax_lots(request: HttpRequest, account_id: int) -> HttpResponse:
    """Tax lots as a file: CSV or JSON."""
    account = exchanges.account_ever_of(signed_in(request), account_id)
    query = TaxLotsQuery(data={name: value for name, value in request.GET.items() if value})
    if not query.is_valid():
        raise Invalid(_("There are no tax lots of that kind."))
    method, year = Method(query.validated_data["method"]), query.validated_data.get("year")
    if query.validated_data["output"] == "csv":
        return csv_answer(account, method, year)
    answer = JsonResponse(lots_body(account_lots(account, method), method, year, account.quote))
    answer["Content-Disposition"] = f'attachment; filename="tax-lots-{account.pk}-{year or "all"}-{method.value}.json"'
    return answer


# --- The chart -------------------------------------------------------------------------------------------


def chart_context(
    account: ExchangeAccount, curves: Curves | None, nav: Decimal | None, now: datetime, *, height: int
) -> dict[str, Any]:
    """`history` (the line of the value), `beside` (the benchmarks' lines) and `earned_pct`, the time-weighted return in
    percent. `nav`: what the account is worth now, where that is known. Nothing is drawn where nothing is recorded.
    """
    if curves is None:
        return {"history": None, "beside": [], "earned_pct": None}
    values = list(curves.nav) if nav is None else [*curves.nav, (now, nav)]
    lines = [
        ("BTC", "bitcoin", _within(curves.bitcoin, values)),
        (_("Held"), "held", _within(curves.hold, values)),
        (_("This account"), "c0", values),
    ]
    drawn = drawing.value_lines(lines, height=height)
    return {
        "history": drawn,
        "history_text": _in_words(values, account.quote) if drawn else "",
        "missing": [] if drawn is None else _missing(curves),
        "earned_pct": None if curves.time_weighted is None else curves.time_weighted * HUNDRED,
        "had_flows": curves.had_flows,
    }


def _within(points: Points, values: Points) -> Points:
    """Of a benchmark what lies within the time of the account's own values, where there is a line to draw."""
    found = [(at, value) for at, value in points if values[0][0] <= at <= values[-1][0]]
    return found if len(found) > 1 else []


def _in_words(values: Points, quote: str) -> str:
    text = _("From %(start)s on %(first)s to %(end)s %(quote)s on %(last)s.")
    (first, start), (last, end) = values[0], values[-1]
    dates = {"first": moments.full_time(first), "last": moments.full_time(last)}
    return text % {"start": money(start), "end": money(end), "quote": quote, **dates}


def _missing(curves: Curves) -> list[str]:
    """Which benchmarks are not drawn, and why. On a first day there are none yet: that is said once, not of each."""
    found = ((_("Held"), curves.hold, curves.hold_unknown), ("BTC", curves.bitcoin, curves.bitcoin_unknown))
    reasons = [(name, _why_not(unknown, points)) for name, points, unknown in found]
    told = [f"{name} – {reason(why)}" for name, why in reasons if why not in (None, Unknown.TOO_SHORT)]
    if Unknown.TOO_SHORT in [why for _name, why in reasons]:
        told.append(_("What holding and bitcoin would have made is drawn beside it from the next hourly valuation on."))
    return told


def _why_not(unknown: Unknown | None, points: Points) -> Unknown | None:
    return unknown or (None if len(points) > 1 else Unknown.TOO_SHORT)


# --- The table of figures --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in percent (of a change, or a share), an amount of money or a ratio, or why it is not known."""

    percent: Decimal | None = None
    share: Decimal | None = None
    money: Decimal | None = None
    ratio: Decimal | None = None
    reason: str = ""
    period: str | Promise = ""


@dataclass(frozen=True, slots=True)
class FigureRow:
    name: str
    title: str
    cells: tuple[Cell, ...]


def figure_rows(found: Periods) -> list[FigureRow]:
    """The figures of every period, one row a figure."""
    missing = _("What is recorded does not reach back that far.") if found.begins_at else _("Nothing is recorded yet.")

    def row(name: str, title: str, make: Callable[[PeriodFigures], Cell]) -> FigureRow:
        return FigureRow(name, title, tuple(_cell(period, make, missing) for period in found.rows))

    return [
        row(_("Return"), _("Time-weighted: whatever was paid in or out."), _time_weighted),
        row(_("Only held"), _("What was held at the beginning, never traded."), lambda row: _benchmark(row.hold)),
        row(_("All in BTC"), _("The same money in bitcoin."), lambda row: _benchmark(row.bitcoin)),
        row(_("Return of the money"), _("Money-weighted, over the period: what came late counts less."), _money),
        row(_("Earned"), _("By how much the value grew beyond what was paid in."), lambda row: Cell(money=row.earned)),
        row(_("Paid in"), _("Deposits less withdrawals."), lambda row: Cell(money=row.put_in)),
        row(_("Deepest fall"), _("From a high, from day to day."), lambda row: _statistic(row.risk.max_drawdown)),
        row(_("Volatility"), _("Deviation of daily returns, by the year."), lambda row: _share(row.risk.volatility)),
        row(_("Sharpe ratio"), _("Return over volatility, by the year."), lambda row: _ratio(row.risk.sharpe)),
    ]


def _cell(period: Period, make: Callable[[PeriodFigures], Cell], missing: str) -> Cell:
    cell = Cell(reason=missing) if period.figures is None else make(period.figures)
    return replace(cell, period=PERIOD_NAMES[period.name])


def _time_weighted(found: PeriodFigures) -> Cell:
    return _fraction(found.time_weighted, found.growth.unknown)


def _benchmark(compared: Compared) -> Cell:
    return _fraction(compared.time_weighted, compared.unknown)


def _money(found: PeriodFigures) -> Cell:
    return _fraction(found.money_weighted.period, found.money_weighted.unknown)


def _fraction(value: Number | None, unknown: Unknown | None) -> Cell:
    if value is None:
        return Cell(reason=reason(unknown))
    return Cell(percent=Decimal(value) * HUNDRED)


def _share(value: Number | None) -> Cell:
    return Cell(reason=_("That takes more days.")) if value is None else Cell(share=Decimal(value) * HUNDRED)


def _statistic(value: Number | None) -> Cell:
    return Cell(reason=_("That takes more days.")) if value is None else Cell(percent=Decimal(value) * HUNDRED)


def _ratio(value: Number | None) -> Cell:
    return Cell(reason=_("That takes more days.")) if value is None else Cell(ratio=Decimal(value))


# --- The assets ------------------------------------------------------------------------------------------


def _assets_context(lots: AccountLots, start: datetime | None) -> dict[str, Any]:
    rows = figures.profits(lots, start)
    with exact():
        unrealised = [row.unrealised for row in rows]
        return {
            "assets": rows,
            "lots_at": lots.as_of,
            "total_realised": sum((row.realised for row in rows), ZERO),
            "total_unrealised": sum((value for value in unrealised if value is not None), ZERO),
            "total_fees": sum((row.fees for row in rows), ZERO),
            "unvalued_fees": lots.unvalued_fees,
            "any_estimated": any(row.is_estimated for row in rows),
            "any_unknown": any(_is_unknown(row) for row in rows),
        }


def _is_unknown(row: AssetProfit) -> bool:
    return bool(row.unknown_quantity or row.unknown_gone or row.unrealised is None)
