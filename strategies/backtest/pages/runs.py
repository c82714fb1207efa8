"""The pages of back-tests: the list, the form, one of them under way or with its result, and what is done with it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError, NotFound
from botbalance.lib.web import say, template_for
from exchanges import selectors as exchanges
from strategies import forms as strategy_forms
from strategies.backtest import forms, services, tasks
from strategies.backtest.models import BacktestRun
from strategies.backtest.pages import forming, results, wording
from strategies.backtest.selectors import runs as selectors
from strategies.models import Strategy
from strategies.target_models import ModelKind

PAGE = 30


@require_GET
@login_required
@never_cache
def run_list(request: HttpRequest) -> HttpResponse:
    """The user's back-tests, the newest first, with their key figures."""
    runs = selectors.runs_of(signed_in(request)).defer("settings")
    before = _number(request.GET.get("before", ""))
    page = list((runs.filter(pk__lt=before) if before else runs)[: PAGE + 1])
    shown = page[:PAGE]
    context = {
        "rows": [wording.run_row(run) for run in shown],
        "any_active": any(run.is_active for run in shown),
        "can_compare": sum(run.state == BacktestRun.State.DONE for run in shown) > 1,
        "most_compared": forms.MOST_COMPARED,
        "here": request.get_full_path(),
        "is_first": not before,
        "older": f"?before={shown[-1].pk}" if len(page) > PAGE else "",
    }
    return render(request, template_for(request, "backtest/list.html", "backtest/_list.html"), context)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """The form of a new back-test: empty, filled in from a strategy, or from an earlier back-test."""
    user = signed_in(request)
    strategy = forming.strategy_named(user, request.GET.get("strategy", ""))
    if request.method == "POST":
        return _submitted(request, strategy)
    earlier = _number(request.GET.get("run", ""))
    if earlier:
        return _like(request, selectors.run_of(user, earlier))
    account = strategy.account_id if strategy is not None else None
    return forming.prefilled(request, services.defaults(strategy), strategy, account=account)


def _like(request: HttpRequest, run: BacktestRun) -> HttpResponse:
    """The form filled in with what an earlier back-test has tried."""
    values = services.values_of(selectors.settings_of(run))
    has_strategy = run.strategy is not None and run.strategy.archived_at is None
    return forming.prefilled(
        request,
        values,
        run.strategy if has_strategy else None,
        name=run.name,
        account=run.account_id,
        is_earlier=True,
    )


def _submitted(request: HttpRequest, strategy: Strategy | None) -> HttpResponse:
    """A row added or removed, another model, or candles looked at, show the form again as it was typed; anything else
    starts it.
    """
    if forming.is_unseen(request.POST) or not {"add", "remove", "check", "choose"}.isdisjoint(request.POST):
        return forming.as_typed(request, strategy)
    user = signed_in(request)
    form = forms.RunForm(exchanges.accounts_of(user), request.POST)
    kind = strategy_forms.chosen_model(request.POST, ModelKind.FIXED)
    model_form = forms.ModelForm(request.POST, kind=kind)
    rows, flows = strategy_forms.bound_rows(request.POST, kind), forms.bound_flows(request.POST)
    # All are asked, so that everything that is wrong is shown at once.
    if not all([form.is_valid(), model_form.is_valid(), rows.is_valid(), flows.is_valid()]):
        return forming.page(request, form, model_form, rows, flows, status=400, strategy=strategy)
    values = {**form.values, **model_form.cleaned_data, "targets": rows.entries, "flows": flows.flows}
    try:
        made = services.create_run(
            user,
            values,
            strategy=strategy,
            account=form.cleaned_data["account"],
            with_holdings=form.cleaned_data["with_holdings"],
            name=form.cleaned_data["name"],
            idempotency_key=request.POST.get("key", ""),
        )
    except AppError as error:
        about = forming.refused(form, model_form, error)
        return forming.page(request, form, model_form, rows, flows, status=error.status, strategy=strategy, **about)
    tasks.begin_soon(made.run.pk)
    return redirect("backtests:run", made.run.pk)


@require_GET
@login_required
@never_cache
def run(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """One back-test: how far it is, or what came out."""
    row = selectors.run_of(signed_in(request), backtest_id)
    context: dict[str, Any] = {"run": row, "words": wording.RUN_WORDS[row.state], "strategy": _strategy_of(row)}
    if getattr(request, "htmx", False):
        answer = render(request, "backtest/_progress.html", {**context, **wording.progress(row, timezone.now())})
        if not row.is_active:
            answer["HX-Refresh"] = "true"  # there is a page's worth to show, or none any more
        return answer
    if row.state == BacktestRun.State.DONE:
        return render(request, "backtest/result.html", {**context, **results.context(row, request.GET)})
    context |= wording.progress(row, timezone.now())
    context["settings"] = wording.settings_rows(selectors.settings_of(row))
    return render(request, "backtest/run.html", context)


@require_POST
@login_required
def cancel(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """End a back-test before it is done."""
    row = selectors.run_of(signed_in(request), backtest_id)
    try:
        services.cancel_run(row)
    except AppError as error:
        say(request, error)
    return redirect("backtests:run", row.pk)


@require_POST
@login_required
def again(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """The same once more, on the candles there are now."""
    row = selectors.run_of(signed_in(request), backtest_id)
    try:
        made = services.run_again(row)
    except AppError as error:
        say(request, error)
        return redirect("backtests:run", row.pk)
    tasks.begin_soon(made.pk)
    return redirect("backtests:run", made.pk)


@require_POST
@login_required
def rename(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """Call it something else."""
    row = selectors.run_of(signed_in(request), backtest_id)
    try:
        services.rename_run(row, request.POST.get("name", ""))
    except AppError as error:
        say(request, error)
    return redirect("backtests:run", row.pk)


@require_POST
@login_required
def delete(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """Delete a back-test with its result."""
    row = selectors.run_of(signed_in(request), backtest_id)
    name = row.name
    services.delete_run(row)
    messages.success(request, _("%(name)s is deleted.") % {"name": name})
    return redirect("backtests:list")


def _strategy_of(row: BacktestRun) -> Strategy | None:
    """The strategy it was begun from, as long as that is not deleted."""
    return row.strategy if row.strategy is not None and row.strategy.archived_at is None else None


def _number(text: str) -> int:
    """The number of a row in an address; 0 for none. Raises NotFound for what is no number."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound(_("There is no such back-test."))
    return int(text)
