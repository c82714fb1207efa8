"""The pages of rebalances."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.money import ZERO
from botbalance.lib.web import say, template_for
from orders import presentation, selectors, services
from orders.forms import FilterForm
from orders.models import Order, Run
from orders.pages.pausing import telling_of_pauses
from orders.presentation import WeightInput
from portfolio import services as portfolio
from strategies import selectors as strategies
from strategies.domain import target_weights

PAGE = 50
ROUNDS_SHOWN = 10


@require_GET
@login_required
@never_cache
def run_list(request: HttpRequest) -> HttpResponse:
    form = FilterForm([], {"before": request.GET.get("before")})
    rows = selectors.listed_runs(signed_in(request))
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
    return render(request, template, _run_context(row))


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
        "problem": presentation.translated(row.problem),
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
        valuation, known = portfolio.value_account(
            row.account, changed_ms=selectors.newest_order_change_ms(row.account)
        )
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
    with telling_of_pauses(request, [row.account]):
        _stop(request, row)
    return redirect("orders:run", row.pk)


def _stop(request: HttpRequest, row: Run) -> None:
    try:
        problems = services.stop_run(row)
    except AppError as error:
        say(request, error)
        return
    if problems:
        text = _("It is stopped. These orders could not be cancelled yet, and are followed up: %(problems)s")
        messages.warning(request, text % {"problems": " ".join(problems)})
    else:
        messages.success(request, _("It is stopped, and its open orders are cancelled."))
