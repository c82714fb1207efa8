"""The pages of sweeps: the list, the form with what it would take, one of them under way or with its result."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.web import say, template_for
from strategies import selectors as strategies
from strategies.backtest import services, sweep_tasks, tasks
from strategies.backtest.domain import RunSettings
from strategies.backtest.models import BacktestRun, Sweep
from strategies.backtest.pages import sweep_results
from strategies.backtest.pages.wording import RUN_WORDS, settings_rows
from strategies.backtest.selectors import runs
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweeps
from strategies.backtest.sweep_forms import BaseForm, SweepForm
from strategies.models import Strategy

PAGE = 30
OFFERED = 20


@require_GET
@login_required
@never_cache
def sweep_list(request: HttpRequest) -> HttpResponse:
    """The user's sweeps, the newest first."""
    rows = selectors.sweeps_of(signed_in(request))
    before = _number(request.GET.get("before", ""))
    page = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    shown = page[:PAGE]
    progress = selectors.progress_of_all(shown, timezone.now())
    context = {
        "rows": [{"sweep": sweep, "words": RUN_WORDS[sweep.state], "progress": progress[sweep.pk]} for sweep in shown],
        "any_active": any(sweep.is_active for sweep in shown),
        "here": request.get_full_path(),
        "is_first": not before,
        "older": f"?before={shown[-1].pk}" if len(page) > PAGE else "",
    }
    return render(request, template_for(request, "backtest/sweep_list.html", "backtest/sweep_rows.html"), context)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """The form of a new sweep of a strategy's settings, or of those of a back-test; first one of them is chosen."""
    user = signed_in(request)
    strategy_id, run_id = (_number(request.GET.get(name, "")) for name in ("strategy", "run"))
    strategy = strategies.strategy_of(user, strategy_id) if strategy_id else None
    run = runs.run_of(user, run_id) if run_id else None
    if strategy is None and run is None:
        return _choose(request, user)
    if request.method == "POST":
        return _submitted(request, user, strategy, run)
    name = run.name if run is not None else strategy.name if strategy is not None else ""
    form = SweepForm(initial={"name": name})
    return _form_page(request, form, BaseForm(initial=BaseForm.usual()), strategy, run)


@require_GET
@login_required
@never_cache
def sweep(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """One sweep: how far it is, or what came out."""
    row = selectors.sweep_of(signed_in(request), sweep_id)
    context: dict[str, Any] = {
        "sweep": row,
        "words": RUN_WORDS[row.state],
        "progress": selectors.progress_of(row, timezone.now()),
        "may_go_on": row.state == Sweep.State.FAILED,
        "varied": sweep_results.varied_rows(row),
        "settings": settings_rows(selectors.settings_of(row)),
    }
    if getattr(request, "htmx", False):
        answer = render(request, "backtest/sweep_progress.html", context)
        if not row.is_active:
            answer["HX-Refresh"] = "true"  # there is a page's worth to show, or none any more
        return answer
    if row.state == Sweep.State.DONE:
        context |= sweep_results.context(row, request.GET)
    return render(request, "backtest/sweep_page.html", context)


@require_POST
@login_required
def cancel(request: HttpRequest, sweep_id: int) -> HttpResponse:
    row = selectors.sweep_of(signed_in(request), sweep_id)
    try:
        sweeps.cancel_sweep(row)
    except AppError as error:
        say(request, error)
    return redirect("backtests:sweep", row.pk)


@require_POST
@login_required
def take_up(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """Go on with a sweep that has failed."""
    row = selectors.sweep_of(signed_in(request), sweep_id)
    try:
        sweeps.take_up(row)
    except AppError as error:
        say(request, error)
    else:
        sweep_tasks.begin_soon()
    return redirect("backtests:sweep", row.pk)


@require_POST
@login_required
def delete(request: HttpRequest, sweep_id: int) -> HttpResponse:
    row = selectors.sweep_of(signed_in(request), sweep_id)
    sweeps.delete_sweep(row)
    messages.success(request, _("%(name)s is deleted.") % {"name": row.name})
    return redirect("backtests:sweeps")


@require_POST
@login_required
def try_setting(request: HttpRequest, sweep_id: int, number: int) -> HttpResponse:
    """One setting of a sweep as a back-test of its own, with everything a back-test shows."""
    user = signed_in(request)
    row = selectors.sweep_of(user, sweep_id)
    setting = selectors.tried_setting(row, number)
    settings = selectors.settings_of(row).with_limits(setting.values)
    name = f"{row.name} · {sweep_results.short_text(setting)}"[: services.runs.LONGEST_NAME]
    try:
        made = services.create_run(user, services.values_of(settings), strategy=row.strategy, name=name)
    except AppError as error:
        say(request, error)
        return redirect("backtests:sweep", row.pk)
    tasks.begin_soon(made.run.pk)
    return redirect("backtests:run", made.run.pk)


# --- the form ------------------------------------------------------------------------------------------------


def _choose(request: HttpRequest, user: User) -> HttpResponse:
    context = {"strategies": strategies.strategies_of(user), "runs": runs.runs_of(user)[:OFFERED]}
    return render(request, "backtest/sweep_choose.html", context)


def _submitted(request: HttpRequest, user: User, strategy: Strategy | None, run: BacktestRun | None) -> HttpResponse:
    """What it would take is shown first; it begins with a second button."""
    form, base = SweepForm(request.POST), BaseForm(request.POST)
    is_based = run is not None or base.is_valid()
    if not form.is_valid() or not is_based:
        return _form_page(request, form, base, strategy, run, status=400)
    try:
        settings = _settings(base, strategy, run)
        if "begin" in request.POST:
            made = sweeps.create_sweep(
                user,
                settings,
                form.plan,
                strategy=strategy or (run.strategy if run is not None else None),
                account=run.account if run is not None else None,
                name=form.cleaned_data["name"],
                idempotency_key=request.POST.get("key", ""),
            )
            sweep_tasks.begin_soon()
            return redirect("backtests:sweep", made.sweep.pk)
        estimate = sweeps.estimate(settings, form.plan)
    except AppError as error:
        others = form.refuse(base.refuse(error.fields)) if error.fields else [error.message]
        return _form_page(request, form, base, strategy, run, status=error.status, problems=others)
    return _form_page(request, form, base, strategy, run, estimate=estimate, estimated=sweep_results.lasting(estimate))


def _settings(base: BaseForm, strategy: Strategy | None, run: BacktestRun | None) -> RunSettings:
    if run is not None:
        return services.read(services.values_of(runs.settings_of(run)))
    return services.read(base.values, strategy)


def _form_page(
    request: HttpRequest,
    form: SweepForm,
    base: BaseForm,
    strategy: Strategy | None,
    run: BacktestRun | None,
    *,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    context = {
        "form": form,
        "base": base,
        "strategy": strategy,
        "run": run,
        "key": request.POST.get("key") or uuid4().hex,
        "settings": settings_rows(runs.settings_of(run)) if run is not None else [],
        "query": request.GET.urlencode(),
        "has_errors": bool(form.errors or context.get("problems") or (run is None and base.errors)),
        **context,
    }
    return render(request, "backtest/sweep_form.html", context, status=status)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
