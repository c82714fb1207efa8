"""The pages of orders."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError, NotFound
from botbalance.lib.money import HUNDRED, ZERO
from botbalance.lib.numbers import count
from botbalance.lib.web import back, say, template_for
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from orders import listing, presentation, selectors, services
from orders.domain import Status
from orders.forms import AccountForm, FilterForm
from orders.models import Order
from orders.pages.pausing import telling_of_pauses

PAGE = 25


@require_GET
@login_required
@never_cache
def order_list(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    accounts = list(exchanges.accounts_of(user).defer(*exchanges.SECRETS))
    form = FilterForm(accounts, request.GET)
    if not form.is_valid():
        return render(request, "orders/list.html", {"form": form, "accounts": accounts, "rows": []}, status=400)
    wanted = form.cleaned_data
    if wanted["account"]:
        exchanges.account_of(user, wanted["account"])
    if wanted["run"]:
        selectors.run_of(user, wanted["run"])
    rows = listing.listed_orders(user, wanted)
    if wanted["before"]:
        rows = rows.filter(pk__lt=wanted["before"])
    page = list(rows[: PAGE + 1])
    filters = {name: value for name, value in wanted.items() if value and name != "before"}
    # Strangers' orders have no run, no state of ours and no page: they stand above the newest of ours, unfiltered.
    is_plain = not filters.keys() - {"account"} and not wanted["before"]
    context = {
        "form": form,
        "accounts": accounts,
        "account": wanted["account"],
        "several_accounts": len(accounts) > 1,
        "strangers": list(selectors.strangers_at(accounts, wanted["account"])[:PAGE]) if is_plain else [],
        "rows": [presentation.order_row(order) for order in page[:PAGE]],
        # Of all orders of the account, not of those that are shown: it is all of them that a click cancels.
        "any_open": listing.orders_of(user, {"account": wanted["account"], "status": listing.OPEN})
        .filter(account__in=accounts)
        .exists(),
        "is_filtered": bool(filters),
        "files": _files(filters),
        "here": request.get_full_path(),
        "first": "?" + urlencode(filters) if wanted["before"] else "",
        "older": "?" + urlencode({**filters, "before": page[PAGE - 1].pk}) if len(page) > PAGE else "",
    }
    return render(request, template_for(request, "orders/list.html", "orders/_list.html"), context)


def _files(filters: dict[str, Any]) -> list[tuple[str, str]]:
    """What is listed as files to keep, whole and not page by page. Fills have no status of an order."""
    query = "?" + urlencode(filters) if filters else ""
    files = [(_("orders (CSV)"), reverse("orders_csv") + query)]
    if "status" not in filters:
        files.append((_("fills (CSV)"), reverse("fills_csv") + query))
    return files


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
        "filled_share": order.executed_quantity / order.quantity * HUNDRED if order.quantity else ZERO,
    }
    return render(request, "orders/detail.html", context)


@require_POST
@login_required
def cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    order = selectors.order_of(signed_in(request), order_id)
    with telling_of_pauses(request, [order.account]):
        _cancel(request, order)
    return back(request, reverse("orders:detail", args=[order.pk]))


def _cancel(request: HttpRequest, order: Order) -> None:
    stops_run = order.round.run.is_active
    try:
        order = services.cancel_order(order)
    except AppError as error:
        say(request, error)
        return
    if order.status == Status.FILLED:
        messages.info(request, _("It filled before it could be cancelled."))
    elif order.is_final:
        messages.success(request, _("The order is cancelled."))
    else:
        messages.warning(request, _("The exchange has not confirmed it yet; it is being asked."))
    if stops_run:
        messages.info(request, _("Its rebalance is stopped, or it would have placed the order again."))


@require_POST
@login_required
def cancel_all(request: HttpRequest) -> HttpResponse:
    """Stop what is under way and cancel every open order of ours: at one account, or at all."""
    accounts = [account for account in _accounts(request) if selectors.has_work(account.pk)]
    with telling_of_pauses(request, accounts):
        _cancel_all(request, accounts)
    return back(request, reverse("orders:list"))


def _cancel_all(request: HttpRequest, accounts: list[ExchangeAccount]) -> None:
    ended, problems = 0, []
    for account in accounts:
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
        text = ngettext("%(count)s order has ended.", "%(count)s orders have ended.", ended) % {"count": count(ended)}
        messages.success(request, text if ended else _("No order was open."))


@require_POST
@login_required
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask the exchange now, instead of waiting for the next look: about one account, or about all. Also where nothing
    of ours is open: there may be what was placed elsewhere, or what is missing here. Those with work come first.
    """
    accounts = sorted(_accounts(request), key=lambda account: not selectors.has_work(account.pk))
    problems = [f"{account.label}: {problem}" for account in accounts for problem in services.refresh_account(account)]
    if problems:
        messages.warning(request, " ".join(problems))
    elif not accounts:
        messages.info(request, _("There is no exchange account to ask about."))
    else:
        messages.success(request, _("The exchange was asked: this is how things stand there now."))
    return back(request, reverse("orders:list"))


def _accounts(request: HttpRequest) -> list[ExchangeAccount]:
    """The account that was named, or all of the user's."""
    user = signed_in(request)
    form = AccountForm(request.POST)
    if not form.is_valid():
        raise NotFound(_("There is no such exchange account."))
    wanted = form.cleaned_data["account"]
    return [exchanges.account_of(user, wanted)] if wanted else list(exchanges.accounts_of(user))
