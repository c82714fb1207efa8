"""The pages of plans, rebalances and orders."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import signed_in
from botbalance.lib.errors import AppError, NotFound
from botbalance.lib.money import HUNDRED, ZERO
from botbalance.lib.web import HTMX_STOP_POLLING, back, say, template_for
from exchanges import selectors as exchanges
from exchanges.domain import Side
from exchanges.models import ExchangeAccount
from orders import presentation, selectors, services
from orders.domain import Status
from orders.forms import AccountForm, ExecuteForm, FilterForm
from orders.models import Order, Run
from orders.presentation import WeightInput
from orders.tasks import hurry_soon
from portfolio import services as portfolio
from strategies import selectors as strategies
from strategies.domain import target_weights
from strategies.services import Preview

PAGE = 50
ROUNDS_SHOWN = 10


# --- The plan --------------------------------------------------------------------------------------------


@require_GET
@login_required
@never_cache
def preview(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """The exact orders the next round would place; nothing is sent."""
    strategy = strategies.strategy_of(signed_in(request), strategy_id)
    context: dict[str, Any] = {"strategy": strategy, "active_run": selectors.active_run(strategy.account)}
    try:
        prepared = services.preview(strategy)
    except AppError as error:
        return render(request, "orders/preview.html", {**context, "error": error}, status=error.status)
    return render(request, "orders/preview.html", {**context, **_plan_context(prepared)})


def _plan_context(prepared: Preview) -> dict[str, Any]:
    plan = prepared.plan
    weights = [WeightInput(row.asset, row.weight_pct, row.target_pct, row.after_pct) for row in plan.allocations]
    return {
        "plan": plan,
        "apart": plan.nav - plan.managed,
        "weights": presentation.weight_rows(weights, plan.quote),
        "skips": presentation.skip_rows(plan.skips),
        "bought": sum((leg.notional for leg in plan.legs if leg.side == Side.BUY), ZERO),
        "sold": sum((leg.notional for leg in plan.legs if leg.side == Side.SELL), ZERO),
        "fees": sum((leg.fee for leg in plan.legs), ZERO),
        "price_source": prepared.valuation.price_source,
        "prices_at": datetime.fromtimestamp(prepared.valuation.at_ms / 1000, tz=UTC),
        "digest": prepared.digest,
        "idempotency_key": uuid4(),
    }


@require_POST
@login_required
def execute(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Start the rebalance that was previewed, then show it."""
    user = signed_in(request)
    strategy = strategies.strategy_of(user, strategy_id)
    form = ExecuteForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Look at the plan first, then start it from there."))
        return redirect("orders:preview", strategy.pk)
    try:
        execution = services.execute(user, strategy, trigger=Run.Trigger.PAGE, **form.cleaned_data)
    except AppError as error:
        say(request, error)
        return redirect("orders:preview", strategy.pk)
    if execution.run.is_active:
        hurry_soon(execution.run.account_id)
    return redirect("orders:run", execution.run.pk)


# --- A rebalance -----------------------------------------------------------------------------------------


@require_GET
@login_required
@never_cache
def run_list(request: HttpRequest) -> HttpResponse:
    form = FilterForm([], {"before": request.GET.get("before")})
    rows = selectors.runs_of(signed_in(request))
    if form.is_valid() and form.cleaned_data["before"]:
        rows = rows.filter(pk__lt=form.cleaned_data["before"])
    page = list(rows[: PAGE + 1])
    shown = [{"run": run, "words": presentation.RUN_WORDS[run.state]} for run in page[:PAGE]]
    older = f"?before={page[PAGE - 1].pk}" if len(page) > PAGE else ""
    return render(request, "orders/runs.html", {"rows": shown, "older": older, "is_first": "before" not in request.GET})


@require_GET
@login_required
@never_cache
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """A rebalance as it goes on; htmx asks for the moving part until it has ended."""
    row = selectors.run_of(signed_in(request), run_id)
    template = template_for(request, "orders/run.html", "orders/_run.html")
    status = HTMX_STOP_POLLING if request.htmx and not row.is_active else 200  # type: ignore[attr-defined]
    return render(request, template, _run_context(row), status=status)


def _run_context(row: Run) -> dict[str, Any]:
    rounds = list(row.rounds.order_by("-number"))
    shown = rounds[:ROUNDS_SHOWN]
    by_round: dict[int, list[Order]] = {round_.pk: [] for round_ in shown}
    for order in selectors.orders_of_run(row).filter(round__in=shown):
        by_round[order.round_id].append(order)
    newest = by_round[shown[0].pk] if shown else []
    return {
        "run": row,
        "words": presentation.RUN_WORDS[row.state],
        "lasted": presentation.duration(row.started_at, row.finished_at or timezone.now()),
        "round_count": len(rounds),
        "rounds": [
            {"number": round_.number, "rows": [presentation.order_row(order) for order in by_round[round_.pk]]}
            for round_ in shown
        ],
        "earlier": len(rounds) - len(shown),
        "waiting": sum(not order.is_final for order in newest),
        "newest": len(newest),
        "skips": presentation.skip_rows(presentation.stored_skips(rounds[0].skips)) if rounds else [],
        **_run_weights(row, rounds[0].allocations if rounds else []),
    }


def _run_weights(row: Run, allocations: list[dict[str, str | None]]) -> dict[str, Any]:
    """Under way: weights as the newest round was planned. Ended: as they are now, where the exchange answers."""
    quote = row.strategy.quote
    if row.is_active or row.account.archived_at is not None:
        planned = [
            WeightInput(
                str(entry["asset"]),
                _decimal(entry["weight_pct"]),
                _decimal(entry["target_pct"]),
                _decimal(entry["after_pct"]),
            )
            for entry in allocations
        ]
        return {"weights": presentation.weight_rows(planned, quote), "weights_are": "planned"}
    try:
        valuation, known = portfolio.value_account(row.account)
    except AppError as error:
        return {"weights": [], "weights_problem": error.message}
    targets = strategies.targets(row.strategy)
    weights = presentation.weights_now(valuation, targets, sell_unlisted=row.strategy.sell_unlisted)
    now = [
        WeightInput(asset, weights.by_asset.get(asset, ZERO if valuation.holding(asset) is None else None), target)
        for asset, target in target_weights(targets, quote).items()
    ]
    return {
        "weights": presentation.weight_rows(now, quote),
        "weights_are": "now",
        "weights_at": known.as_of,
        "weights_problem": known.problem,
    }


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@require_POST
@login_required
def stop(request: HttpRequest, run_id: int) -> HttpResponse:
    """End a rebalance and cancel its open orders."""
    row = selectors.run_of(signed_in(request), run_id)
    if not row.is_active:
        messages.info(request, _("It had ended already."))
        return redirect("orders:run", row.pk)
    try:
        problems = services.stop_run(row)
    except AppError as error:
        say(request, error)
        return redirect("orders:run", row.pk)
    if problems:
        messages.warning(
            request,
            _("It is stopped. These orders could not be cancelled yet, and are followed up: %(problems)s")
            % {"problems": " ".join(problems)},
        )
    else:
        messages.success(request, _("It is stopped, and its open orders are cancelled."))
    return redirect("orders:run", row.pk)


# --- Orders ----------------------------------------------------------------------------------------------


@require_GET
@login_required
@never_cache
def order_list(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    accounts = list(exchanges.accounts_of(user))
    form = FilterForm(accounts, request.GET)
    if not form.is_valid():
        return render(request, "orders/list.html", {"form": form, "accounts": accounts, "rows": []}, status=400)
    wanted = form.cleaned_data
    if wanted["account"]:
        exchanges.account_of(user, wanted["account"])
    if wanted["run"]:
        selectors.run_of(user, wanted["run"])
    rows = selectors.filter_orders(selectors.orders_of(user), wanted)
    if wanted["before"]:
        rows = rows.filter(pk__lt=wanted["before"])
    page = list(rows[: PAGE + 1])
    filters = {name: value for name, value in wanted.items() if value and name != "before"}
    context = {
        "form": form,
        "accounts": accounts,
        "account": wanted["account"],
        "several_accounts": len(accounts) > 1,
        "rows": [presentation.order_row(order) for order in page[:PAGE]],
        "any_open": any(not order.is_final for order in page[:PAGE]),
        "is_filtered": bool(filters),
        "here": request.get_full_path(),
        "first": "?" + urlencode(filters) if wanted["before"] else "",
        "older": "?" + urlencode({**filters, "before": page[PAGE - 1].pk}) if len(page) > PAGE else "",
    }
    return render(request, template_for(request, "orders/list.html", "orders/_list.html"), context)


@require_GET
@login_required
@never_cache
def order_detail(request: HttpRequest, order_id: int) -> HttpResponse:
    order = selectors.order_of(signed_in(request), order_id)
    context = {
        "order": order,
        "row": presentation.order_row(order),
        "fills": order.fills.all(),
        "timeline": presentation.timeline(order.events.all()),
        "remaining": order.quantity - order.executed_quantity,
        "filled_share": order.executed_quantity / order.quantity * HUNDRED if order.quantity else ZERO,
    }
    return render(request, "orders/detail.html", context)


@require_POST
@login_required
def cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    order = selectors.order_of(signed_in(request), order_id)
    here = reverse("orders:detail", args=[order.pk])
    stops_run = order.round.run.is_active
    try:
        order = services.cancel_order(order)
    except AppError as error:
        say(request, error)
        return back(request, here)
    if order.status == Status.FILLED:
        messages.info(request, _("It filled before it could be cancelled."))
    elif order.is_final:
        messages.success(request, _("The order is cancelled."))
    else:
        messages.warning(request, _("The exchange has not confirmed it yet; it is being asked."))
    if stops_run:
        messages.info(request, _("Its rebalance is stopped, or it would have placed the order again."))
    return back(request, here)


@require_POST
@login_required
def cancel_all(request: HttpRequest) -> HttpResponse:
    """Stop what is under way and cancel every open order of ours: at one account, or at all."""
    ended, problems = 0, []
    for account in _accounts_with_work(signed_in(request), request):
        try:
            ended_here, problems_here = services.cancel_all(account)
        except AppError as error:
            problems.append(f"{account.label}: {error.message}")
        else:
            ended += ended_here
            problems += [f"{account.label}: {problem}" for problem in problems_here]
    if problems:
        messages.error(request, _("Not everything could be cancelled: %(problems)s") % {"problems": " ".join(problems)})
    if ended or not problems:
        text = ngettext("%(count)s order has ended.", "%(count)s orders have ended.", ended) % {"count": ended}
        messages.success(request, text if ended else _("No order was open."))
    return back(request, reverse("orders:list"))


@require_POST
@login_required
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask the exchange now, instead of waiting for the next look: about one account, or about all."""
    accounts = _accounts_with_work(signed_in(request), request)
    problems = [f"{account.label}: {problem}" for account in accounts for problem in services.track_account(account)]
    if problems:
        messages.warning(request, " ".join(problems))
    elif not accounts:
        messages.info(request, _("Nothing is open: there is nothing to ask the exchange about."))
    return back(request, reverse("orders:list"))


def _accounts_with_work(user: User, request: HttpRequest) -> list[ExchangeAccount]:
    """The account that was named, or all of the user's; of these, those with something under way."""
    form = AccountForm(request.POST)
    if not form.is_valid():
        raise NotFound(_("There is no such exchange account."))
    wanted = form.cleaned_data["account"]
    accounts = [exchanges.account_of(user, wanted)] if wanted else list(exchanges.accounts_of(user))
    return [
        account
        for account in accounts
        if selectors.due_orders(account).exists() or selectors.active_run(account) is not None
    ]
