"""The dashboard, and what needs several floors."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from accounts.pages import signed_in
from botbalance import charts, selectors
from botbalance.account_performance import figures
from botbalance.account_performance import pages as performance
from botbalance.lib import system_settings
from botbalance.lib.errors import AppError, NotFound
from botbalance.lib.money import ZERO
from botbalance.lib.numbers import amount, count
from botbalance.lib.web import say
from botbalance.selectors import Summary, SummaryRow
from botbalance.status.middleware import Known, known_for
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from orders import presentation, telling
from orders import selectors as orders
from orders import services as trading
from orders.models import Run
from portfolio import selectors as portfolio
from strategies import selectors as strategies
from strategies.models import Strategy

HISTORY = timedelta(days=30)
RUNS_SHOWN = 5
FLOWS_SHOWN = 5
STRANGERS_SHOWN = 20
# From this age on balances or prices are called old rather than dated.
OLD_SECONDS = 60


# --- The dashboard ---------------------------------------------------------------------------------------


@require_GET
@login_required
@never_cache
def dashboard(request: HttpRequest) -> HttpResponse:
    """One account: what it is worth, how far from its targets, and what is under way."""
    user, known = signed_in(request), known_for(request)
    assert known is not None  # signed in
    accounts = list(exchanges.accounts_of(user))
    if not accounts:
        return render(request, "dashboard.html", {"accounts": []})
    account = _chosen(user, accounts, request.GET.get("account", ""))
    if request.htmx and request.GET.get("part") == "past":  # type: ignore[attr-defined]
        return render(request, "dashboard/_past.html", {"account": account, **_past(known, account)})
    context = {"accounts": accounts, "account": account, **_now(known, account, fresh="refresh" in request.GET)}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "dashboard/_account.html", context)
    nav = context["valuation"].nav if "valuation" in context else None
    return render(request, "dashboard.html", {**context, **_past(known, account, nav)})


def _chosen(user: User, accounts: list[ExchangeAccount], wanted: str) -> ExchangeAccount:
    if not wanted:
        return accounts[0]
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise NotFound(_("There is no such exchange account."))
    return exchanges.account_of(user, int(wanted))


def _now(known: Known, account: ExchangeAccount, *, fresh: bool) -> dict[str, Any]:
    """What an account is worth, how far from its targets, and what is under way."""
    context: dict[str, Any] = {
        "strangers": list(orders.strangers_of(account)[:STRANGERS_SHOWN]),
        "here": f"{reverse('dashboard')}?account={account.pk}",
        "active_run": orders.last_runs(account).filter(state=Run.State.ACTIVE).first(),
        "is_paper": account.venue == ExchangeAccount.Venue.PAPER,
    }
    try:
        summary = selectors.summarise(account, fresh=fresh)
    except AppError as error:
        return {**context, **_autopilot(known, strategies.active_strategy(account)), "error": error}
    return {**context, **_autopilot(known, summary.strategy), **_summary_context(summary)}


def _past(known: Known, account: ExchangeAccount, nav: Decimal | None = None) -> dict[str, Any]:
    """NAV of the last days beside the benchmarks, up to now where it is known; rebalances; what came and went."""
    now = timezone.now()
    curves = figures.remembered_curves(account, now - HISTORY, now, known.marks["past"])
    runs = orders.last_runs(account)[:RUNS_SHOWN]
    return {
        "flows": list(portfolio.cash_flows(account)[:FLOWS_SHOWN]),
        "runs": [{"run": row, "words": presentation.RUN_WORDS[row.state]} for row in runs],
        **performance.chart_context(account, curves, nav, now, height=180),
    }


def _autopilot(known: Known, strategy: Strategy | None) -> dict[str, Any]:
    standing = {row.pk: found for row, found in known.standings}.get(strategy.pk) if strategy else None
    badge = telling.badge(strategy, standing) if strategy else None
    return {"strategy": strategy, "badge": badge}


@dataclass(frozen=True, slots=True)
class HoldingRow:
    """A line of the holdings table. `weight` is a share of what the strategy manages, as its targets are."""

    row: SummaryRow
    colour: str
    weight: Decimal | None
    is_outside: bool
    is_apart: bool
    bar: charts.DriftBar | None = None


def _summary_context(summary: Summary) -> dict[str, Any]:
    valuation, strategy = summary.valuation, summary.strategy
    wanted = sorted(summary.rows, key=lambda row: (-(row.target_pct if row.target_pct is not None else -1), row.asset))
    palette = presentation.colours((row.asset for row in wanted), valuation.quote)
    rows = [_holding_row(row, strategy, palette[row.asset]) for row in summary.rows if row.value is not None]
    rows = _with_bars(rows)
    counted = [row for row in rows if not row.is_apart]
    prices_at = datetime.fromtimestamp(valuation.at_ms / 1000, tz=UTC)
    now = timezone.now()
    return {
        "summary": summary,
        "valuation": valuation,
        "rows": rows,
        "apart": [row for row in rows if row.is_apart],
        "unpriced": [row for row in summary.rows if row.value is None],
        "is_empty": not any(row.free + row.locked for row in summary.rows),
        "now_ring": charts.ring((row.row.asset, row.colour, row.weight or ZERO) for row in _by_target(counted)),
        "target_ring": charts.ring(
            (row.row.asset, row.colour, row.row.target_pct or ZERO) for row in _by_target(counted)
        ),
        "verdict": _verdict(rows, strategy, summary.managed) if strategy else "",
        "is_within": not any(row.is_outside for row in rows),
        "balances_at": summary.balances.as_of,
        "balances_ago": telling.relative(summary.balances.as_of),
        "prices_at": prices_at,
        "prices_old": (now - prices_at).total_seconds() > OLD_SECONDS,
        "problem": summary.balances.problem,
    }


def _holding_row(row: SummaryRow, strategy: Strategy | None, colour: str) -> HoldingRow:
    if strategy is None:
        return HoldingRow(row, colour, row.weight_pct, is_outside=False, is_apart=False)
    if row.target_pct is None:
        return HoldingRow(row, colour, row.weight_pct, row.is_outside, is_apart=not strategy.sell_unlisted)
    return HoldingRow(row, colour, row.share_pct, row.is_outside, is_apart=False)


def _with_bars(rows: list[HoldingRow]) -> list[HoldingRow]:
    """All drifts on one scale, each beside its band."""
    drifts = {row.row.asset: (row.row.drift_pct, row.row.band_pct) for row in rows if row.row.drift_pct is not None}
    bars = charts.drift_bars(drifts)
    return [replace(row, bar=bars.get(row.row.asset)) for row in rows]


def _by_target(rows: list[HoldingRow]) -> list[HoldingRow]:
    """Both rings in one order, so that a glance compares them."""
    return sorted(rows, key=lambda row: (-(row.row.target_pct or ZERO), row.row.asset))


def _verdict(rows: list[HoldingRow], strategy: Strategy, managed: Decimal) -> str:
    """Whether the account is where its owner wants it, in a sentence."""
    if managed <= 0:
        return _("Now there is nothing to divide: the account holds nothing that the targets are about.")
    outside = [row for row in rows if row.is_outside]
    if not outside:
        band = amount(strategy.min_delta_pct)
        if strategy.band_type == Strategy.Band.RELATIVE:
            return _("Everything is within %(band)s%% of its target.") % {"band": band}
        return _("Everything is within the %(band)s%% band.") % {"band": band}
    worst = min(outside, key=lambda row: (-abs(_drift(row)), row.row.asset))
    values = {"asset": worst.row.asset, "points": presentation.short(abs(_drift(worst)))}
    if worst.row.target_pct is None:
        text = _("%(asset)s is %(points)s%% of the portfolio, is not among the targets, and is to be sold.") % values
    elif _drift(worst) > 0:
        text = _("%(asset)s is %(points)s points above its target.") % values
    else:
        text = _("%(asset)s is %(points)s points below its target.") % values
    more = len(outside) - 1
    if more:
        others = ngettext("%(count)s more is outside its band.", "%(count)s more are outside their bands.", more)
        text = f"{text} {others % {'count': count(more)}}"
    return text


def _drift(row: HoldingRow) -> Decimal:
    return row.row.drift_pct if row.row.drift_pct is not None else row.weight or ZERO


# --- Accounts: what reaches up to their orders -----------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def disconnect_account(request: HttpRequest, account_id: int) -> HttpResponse:
    account = exchanges.account_of(signed_in(request), account_id)
    if request.method == "GET":
        return render(request, "exchanges/disconnect.html", _at_stake(account))
    try:
        trading.disconnect_account(account)
    except AppError as error:
        say(request, error)
        return redirect("disconnect_account", account.pk)
    messages.success(request, _("%(label)s is disconnected.") % {"label": account.label})
    return redirect("exchanges:list")


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def reset_paper_account(request: HttpRequest, account_id: int) -> HttpResponse:
    account = exchanges.account_of(signed_in(request), account_id)
    if request.method == "GET":
        balance = system_settings.current().paper_start_balance
        return render(request, "exchanges/reset.html", {**_at_stake(account), "start_balance": balance})
    try:
        trading.reset_paper_account(account)
    except AppError as error:
        say(request, error)
        return redirect("exchanges:list")
    messages.success(request, _("%(label)s starts afresh.") % {"label": account.label})
    return redirect("exchanges:list")


def _at_stake(account: ExchangeAccount) -> dict[str, Any]:
    """What an account's end would end with it."""
    return {
        "account": account,
        "run": orders.active_run(account),
        "open_orders": orders.unfinished_orders(account).count(),
        "is_paper": account.venue == ExchangeAccount.Venue.PAPER,
    }


# --- Errors ----------------------------------------------------------------------------------------------
