"""The pages of strategies: the list, the form, activating, deleting. The preview of a plan is a page of orders."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.money import HUNDRED, ZERO
from botbalance.lib.web import back, say
from exchanges import selectors as exchanges
from exchanges import services as venues
from exchanges.models import ExchangeAccount
from strategies import forms, selectors, services
from strategies.models import Strategy
from strategies.presentation import when_it_acts


@require_GET
@login_required
@never_cache
def strategy_list(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    rows = []
    for strategy in selectors.strategies_of(user):
        targets = selectors.targets(strategy)
        left = HUNDRED - sum((target.weight_pct for target in targets), ZERO)
        rows.append(
            {
                "strategy": strategy,
                "targets": targets[:8],
                "more": len(targets[8:]),
                "left": left,
                "when_it_acts": when_it_acts(strategy),
            }
        )
    return render(request, "strategies/list.html", {"rows": rows, "has_accounts": exchanges.accounts_of(user).exists()})


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    accounts = exchanges.accounts_of(signed_in(request))
    if not accounts.exists():
        messages.info(request, _("Connect an exchange account first."))
        return redirect("exchanges:list")
    if request.method == "GET":
        wanted = forms.AccountForm(accounts, {"account": request.GET.get("account")})
        chosen = wanted.cleaned_data["account"] if wanted.is_valid() else accounts[0]
        account_form = forms.AccountForm(accounts, initial={"account": chosen.pk})
        form = forms.StrategyForm(initial={"name": _("My targets")})
        return _form_page(request, form, forms.unbound_rows([]), account=chosen, account_form=account_form)
    account_form = forms.AccountForm(accounts, request.POST)
    account = account_form.cleaned_data["account"] if account_form.is_valid() else None
    return _submitted(request, account=account, account_form=account_form)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def edit(request: HttpRequest, strategy_id: int) -> HttpResponse:
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    if request.method == "GET":
        form = forms.StrategyForm(initial=forms.initial_of(strategy))
        rows = forms.unbound_rows(forms.initial_rows_of(strategy))
        return _form_page(request, form, rows, strategy=strategy, account=strategy.account)
    return _submitted(request, strategy=strategy, account=strategy.account)


def _submitted(
    request: HttpRequest,
    *,
    strategy: Strategy | None = None,
    account: ExchangeAccount | None,
    account_form: forms.AccountForm | None = None,
) -> HttpResponse:
    """A row added or removed shows the form again as it was typed; anything else is meant to be saved."""
    around: dict[str, Any] = {"strategy": strategy, "account": account, "account_form": account_form}
    if "add" in request.POST or "remove" in request.POST:
        rows = forms.rows_as_typed(request.POST)
        if "add" in request.POST:
            rows.append({})
        else:
            rows = [row for index, row in enumerate(rows) if str(index) != request.POST["remove"]]
        return _form_page(request, forms.StrategyForm(initial=request.POST.dict()), forms.unbound_rows(rows), **around)
    form, rows_typed = forms.StrategyForm(request.POST), forms.bound_rows(request.POST)
    target_errors: list[str] = []
    # Both are asked, so that everything that is wrong is shown at once.
    if all([form.is_valid(), rows_typed.is_valid(), account is not None]):
        assert account is not None
        try:
            if strategy is None:
                saved = services.create_strategy(signed_in(request), account, form.cleaned_data, rows_typed.targets)
            else:
                saved = services.update_strategy(strategy, form.cleaned_data, rows_typed.targets)
        except AppError as error:
            target_errors = forms.add_service_errors(form, error)
            return _form_page(request, form, rows_typed, target_errors=target_errors, status=error.status, **around)
        messages.success(request, _("%(name)s is saved.") % {"name": saved.name})
        return redirect("orders:preview", saved.pk)
    return _form_page(request, form, rows_typed, status=400, **around)


def _form_page(
    request: HttpRequest, form: forms.StrategyForm, rows: Any, *, status: int = 200, **context: Any
) -> HttpResponse:
    account: ExchangeAccount | None = context.get("account")
    account_form: forms.AccountForm | None = context.get("account_form")
    context |= {
        "form": form,
        "rows": rows,
        "quote": account.quote if account else "USDT",
        "known_assets": _known_assets(account) if account else [],
        "has_errors": any(
            [
                form.errors,
                rows.is_bound and not rows.is_valid(),
                context.get("target_errors"),
                account_form is not None and account_form.errors,
            ]
        ),
    }
    return render(request, "strategies/form.html", context, status=status)


def _known_assets(account: ExchangeAccount) -> list[str]:
    """What can be bought with the account's quote, to choose from. Without the exchange the names are typed."""
    try:
        pairs = venues.exchange_info_for(account).pairs
    except AppError:
        return []
    return sorted(base for base, quote in pairs if quote == account.quote)


@require_POST
@login_required
def activate(request: HttpRequest, strategy_id: int) -> HttpResponse:
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    try:
        services.activate(strategy)
    except AppError as error:
        say(request, error)
    else:
        messages.success(
            request, _("%(account)s follows %(name)s now.") % {"account": strategy.account, "name": strategy.name}
        )
    return back(request, reverse("strategies:list"))


@require_POST
@login_required
def deactivate(request: HttpRequest, strategy_id: int) -> HttpResponse:
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    services.deactivate(strategy)
    messages.success(request, _("%(account)s follows no targets now.") % {"account": strategy.account})
    return redirect("strategies:list")


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def delete(request: HttpRequest, strategy_id: int) -> HttpResponse:
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    if request.method == "GET":
        return render(request, "strategies/delete.html", {"strategy": strategy})
    services.delete_strategy(strategy)
    messages.success(request, _("%(name)s is deleted.") % {"name": strategy.name})
    return redirect("strategies:list")
