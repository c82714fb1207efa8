"""The page of a plan, and the deed that starts it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import services as accounts
from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.money import ZERO
from botbalance.lib.web import say
from exchanges.domain import Side
from orders import presentation, selectors, services
from orders.forms import ExecuteForm
from orders.models import Run
from orders.presentation import WeightInput
from orders.tasks import hurry_soon
from strategies import selectors as strategies
from strategies.presentation import leg_reason, skip_reason
from strategies.services import Preview


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
    accounts.note_preview(signed_in(request))
    return render(request, "orders/preview.html", {**context, **_plan_context(prepared)})


def _plan_context(prepared: Preview) -> dict[str, Any]:
    plan = prepared.plan
    weights = [WeightInput(row.asset, row.weight_pct, row.target_pct, row.after_pct) for row in plan.allocations]
    return {
        "plan": plan,
        "legs": [(leg, leg_reason(plan, leg)) for leg in plan.legs],
        "apart": plan.nav - plan.managed,
        "weights": presentation.weight_rows(weights, plan.quote),
        "skips": presentation.skip_rows(plan.skips),
        "untaken": [skip_reason(skip) for skip in plan.untaken],
        # What trades two coins for each other sells the one and buys the other.
        "bought": sum((leg.notional for leg in plan.legs if leg.side == Side.BUY or leg.direct), ZERO),
        "sold": sum((leg.notional for leg in plan.legs if leg.side == Side.SELL or leg.direct), ZERO),
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
