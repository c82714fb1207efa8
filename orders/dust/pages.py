"""The page of small balances: what there is and why, what converting would give, and the deed."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.money import wide
from botbalance.lib.web import say
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from orders.dust import selectors, services
from orders.dust.forms import LookForm, SweepForm
from orders.dust.models import DustSweep
from orders.dust.presentation import LEFT_OUT, STATE_WORDS, dust_reason
from orders.tasks import hurry_soon

SWEEPS_SHOWN = 20


@require_GET
@login_required
@never_cache
def dust(request: HttpRequest, account_id: int) -> HttpResponse:
    """What of an account is too small to be traded, and what was converted before."""
    user = signed_in(request)
    account = exchanges.account_of(user, account_id)
    context: dict[str, Any] = {"account": account, "sweeps": _sweeps(account)}
    try:
        report = services.report(account, fresh="refresh" in request.GET)
    except AppError as error:
        return render(request, "dust/report.html", {**context, "error": error}, status=error.status)
    rows = [(row, dust_reason(row)) for row in report.rows]
    return render(request, "dust/report.html", {**context, "report": report, "rows": rows})


@require_GET
@login_required
@never_cache
def offer(request: HttpRequest, account_id: int) -> HttpResponse:
    """What the exchange would give now; nothing is converted."""
    account = exchanges.account_of(signed_in(request), account_id)
    form = LookForm(request.GET)
    with_targets = form.is_valid() and form.cleaned_data["with_targets"]
    context: dict[str, Any] = {"account": account, "with_targets": with_targets}
    try:
        found = services.offer(account, with_targets=with_targets)
    except AppError as error:
        return render(request, "dust/offer.html", {**context, "error": error}, status=error.status)
    price = found.bnb_price
    return render(
        request,
        "dust/offer.html",
        {
            **context,
            "offer": found,
            "received_worth": _worth(found.received, price),
            "charge_worth": _worth(found.charge, price),
            "left_out": [(asset, LEFT_OUT[code]) for asset, code in found.left_out],
            "has_targets": any(code == "wanted" for _asset, code in found.left_out),
            "idempotency_key": uuid4(),
        },
    )


@require_POST
@login_required
def convert(request: HttpRequest, account_id: int) -> HttpResponse:
    """Convert what was looked at, then show what became of it."""
    user = signed_in(request)
    account = exchanges.account_of(user, account_id)
    form = SweepForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Look at what would be converted first, then do it from there."))
        return redirect("dust:report", account.pk)
    try:
        sweep = services.sweep(user, account, **form.cleaned_data)
    except AppError as error:
        say(request, error)
        return redirect("dust:offer", account.pk)
    if sweep.state == DustSweep.State.DONE:
        messages.success(request, _("Converted. What came of it is below."))
    elif sweep.state == DustSweep.State.FAILED:
        messages.error(request, _("Nothing was converted: %(problem)s") % {"problem": sweep.problem})
    else:
        messages.warning(
            request, _("The answer was lost. The exchange's record is being read; nothing is sent a second time.")
        )
        hurry_soon(account.pk)
    return redirect("dust:report", account.pk)


def _sweeps(account: ExchangeAccount) -> list[tuple[DustSweep, Any]]:
    rows = selectors.sweeps_of(account.user).filter(account=account)[:SWEEPS_SHOWN]
    return [(row, STATE_WORDS[row.state]) for row in rows]


def _worth(amount: Decimal, price: Decimal | None) -> Decimal | None:
    with wide():
        return None if price is None else amount * price
