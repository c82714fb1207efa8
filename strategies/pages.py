"""The pages of strategies: the list, the form, the model and what it proposes, activating, deleting. The preview of the
stored targets' plan is a page of orders.
"""

from typing import Any

from django.conf import settings
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
from strategies import forms, market_caps, preset_forms, presets, selectors, services
from strategies.market_caps import Coin
from strategies.models import Strategy, TargetProposal
from strategies.presentation import leg_reason, model_reason, model_summary, skip_reason, when_it_acts
from strategies.presets import Preset, Row, Unit
from strategies.target_models import ModelKind

PROPOSALS_SHOWN = 20


@require_GET
@login_required
@never_cache
def strategy_list(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    rows = []
    waiting = selectors.strategies_with_open_proposals(user)
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
                "has_proposal": strategy.pk in waiting,
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
        model_form = forms.TargetModelForm(kind=ModelKind.FIXED)
        return _form_page(request, form, model_form, forms.unbound_rows([]), account=chosen, account_form=account_form)
    account_form = forms.AccountForm(accounts, request.POST)
    account = account_form.cleaned_data["account"] if account_form.is_valid() else None
    return _submitted(request, account=account, account_form=account_form)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def edit(request: HttpRequest, strategy_id: int) -> HttpResponse:
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    if request.method == "GET":
        kind = ModelKind(strategy.target_model)
        initial = forms.initial_of(strategy)
        form, model_form = forms.StrategyForm(initial=initial), forms.TargetModelForm(initial=initial, kind=kind)
        rows = forms.unbound_rows(forms.initial_rows_of(strategy), kind)
        return _form_page(request, form, model_form, rows, strategy=strategy, account=strategy.account)
    return _submitted(request, strategy=strategy, account=strategy.account)


def _submitted(
    request: HttpRequest,
    *,
    strategy: Strategy | None = None,
    account: ExchangeAccount | None,
    account_form: forms.AccountForm | None = None,
) -> HttpResponse:
    """A row added or removed, another model, or coins looked up show the form again as it was typed; anything else is
    meant to be saved.
    """
    around: dict[str, Any] = {"strategy": strategy, "account": account, "account_form": account_form}
    before = ModelKind.FIXED if strategy is None else ModelKind(strategy.target_model)
    kind = forms.chosen_model(request.POST, before)
    # A model whose settings were not on the page yet is not saved with settings that nobody has seen.
    is_unseen = request.POST.get("shown_model", kind.value) != kind.value
    if is_unseen or not {"add", "remove", "choose", "lookup", "preset"}.isdisjoint(request.POST):
        return _as_typed(request, kind, around, is_unseen=is_unseen)
    form, model_form = forms.StrategyForm(request.POST), forms.TargetModelForm(request.POST, kind=kind)
    rows_typed = forms.bound_rows(request.POST, kind)
    target_errors: list[str] = []
    # All are asked, so that everything that is wrong is shown at once.
    if all([form.is_valid(), model_form.is_valid(), rows_typed.is_valid(), account is not None]):
        assert account is not None
        values = {**form.cleaned_data, **model_form.cleaned_data}
        try:
            if strategy is None:
                saved = services.create_strategy(signed_in(request), account, values, rows_typed.entries)
            else:
                saved = services.update_strategy(strategy, values, rows_typed.entries)
        except AppError as error:
            target_errors = forms.add_service_errors(form, model_form, error)
            return _form_page(
                request, form, model_form, rows_typed, target_errors=target_errors, status=error.status, **around
            )
        messages.success(request, _("%(name)s is saved.") % {"name": saved.name})
        if kind != ModelKind.FIXED and saved.model_refreshed_at is None:
            return redirect("strategies:model", saved.pk)  # the weights are still those before the model
        return redirect("orders:preview", saved.pk)
    return _form_page(request, form, model_form, rows_typed, status=400, **around)


def _as_typed(request: HttpRequest, kind: ModelKind, around: dict[str, Any], *, is_unseen: bool) -> HttpResponse:
    """The form with what stands in it, judged by nobody."""
    rows = forms.rows_as_typed(request.POST)
    coins: dict[str, list[Coin]] = {}
    if "add" in request.POST:
        rows.append({})
    elif "remove" in request.POST:
        rows = [row for index, row in enumerate(rows) if str(index) != request.POST["remove"]]
    elif "lookup" in request.POST:
        coins = _look_up(request, rows)
    elif "preset" in request.POST:
        rows = _begun_anew(request, kind, around) or rows
    strategy: Strategy | None = around["strategy"]
    initial = request.POST.dict()
    if is_unseen:
        # The settings that come into sight begin with what is stored, or with their defaults.
        stored = forms.initial_of(strategy or Strategy())
        initial = {**{name: stored[name] for name in stored if name.startswith("model_")}, **initial}
        messages.info(request, _("Here are the settings of the model. Nothing was saved yet."))
    form, model_form = forms.StrategyForm(initial=initial), forms.TargetModelForm(initial=initial, kind=kind)
    preset_form = around.get("preset_form")
    status = 400 if preset_form is not None and preset_form.errors else 200
    return _form_page(request, form, model_form, forms.unbound_rows(rows, kind, coins), status=status, **around)


def _begun_anew(request: HttpRequest, kind: ModelKind, around: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the chosen preset or the pasted list; none where there are none, which is said."""
    account: ExchangeAccount | None = around["account"]
    chosen = request.POST["preset"]
    form = preset_forms.PresetForm(request.POST)
    around["preset_form"] = form
    found: list[Row] = []
    if chosen == "pasted":
        if form.is_valid():
            text, unit = form.cleaned_data["pasted"], Unit(form.cleaned_data["unit"])
            read = presets.pasted(text, unit, account.quote if account else "USDT")
            for problem in read.problems:
                form.add_error("pasted", problem)
            for remark in read.remarks:
                messages.info(request, remark)
            found = read.rows
    elif chosen in Preset.values and account is not None:
        try:
            found = presets.rows_of(Preset(chosen), account)
        except AppError as error:
            say(request, error)
    if found:
        around["preset_form"] = preset_forms.PresetForm()
        messages.info(request, _("These targets take the place of those before. Nothing was saved yet."))
    return preset_forms.rows_to_type(found, kind)


def _look_up(request: HttpRequest, rows: list[dict[str, Any]]) -> dict[str, list[Coin]]:
    """Coins at the source that go by the tickers of the rows that have neither a figure nor a coin yet."""
    found: dict[str, list[Coin]] = {}
    for row in rows:
        asset = str(row.get("asset", "")).strip().upper()
        if not asset or asset in found or row.get("market_cap") or row.get("coin_id"):
            continue
        try:
            found[asset] = market_caps.candidates(asset)
        except AppError as error:
            say(request, error)
            break
        if not found[asset]:
            messages.warning(request, _("The source knows no coin with the ticker %(asset)s.") % {"asset": asset})
    return found


def _form_page(
    request: HttpRequest,
    form: forms.StrategyForm,
    model_form: forms.TargetModelForm,
    rows: Any,
    *,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    account: ExchangeAccount | None = context.get("account")
    account_form: forms.AccountForm | None = context.get("account_form")
    context |= {
        "form": form,
        "model_form": model_form,
        "rows": rows,
        "preset_form": context.get("preset_form") or preset_forms.PresetForm(),
        "quote": account.quote if account else "USDT",
        "known_assets": _known_assets(account) if account else [],
        "has_model": model_form.kind != ModelKind.FIXED,
        "may_look_up": model_form.kind == ModelKind.MARKET_CAP and settings.FETCH_MARKET_CAPS,
        "has_errors": any(
            [
                form.errors,
                model_form.errors,
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


# --- the model --------------------------------------------------------------------------------------------


@require_GET
@login_required
@never_cache
def model(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """How the strategy's model stands, and what it proposes: weights before and after, and the exact orders."""
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    proposals = list(selectors.proposals_of(strategy)[:PROPOSALS_SHOWN])
    proposal = next((row for row in proposals if row.state == TargetProposal.State.OPEN), None)
    context: dict[str, Any] = {
        "strategy": strategy,
        "summary": model_summary(strategy),
        "proposal": proposal,
        "rows": _proposal_rows(strategy, proposal) if proposal else [],
        "earlier": [
            {"proposal": row, "rows": _proposal_rows(strategy, row)} for row in proposals if row is not proposal
        ],
    }
    if proposal is not None:
        context |= _plan_of(strategy, proposal)
    return render(request, "strategies/model.html", context)


def _proposal_rows(strategy: Strategy, proposal: TargetProposal) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "asset": row.asset,
            "before": row.before_pct,
            "after": row.after_pct,
            "change": row.after_pct - row.before_pct,
            "reason": model_reason(row.code, row.values),
        }
        for row in proposal.rows.all()
    ]
    before, after = (HUNDRED - sum((row[name] for row in rows), ZERO) for name in ("before", "after"))
    rest = {"asset": strategy.quote, "before": before, "after": after, "change": after - before, "reason": ""}
    return [*rows, rest]


def _plan_of(strategy: Strategy, proposal: TargetProposal) -> dict[str, Any]:
    """The first round of orders with the proposed targets; why there is none where the exchange cannot be asked."""
    try:
        plan = services.plan_strategy(strategy, targets=selectors.proposed_targets(strategy, proposal)).plan
    except AppError as error:
        return {"plan_error": error}
    return {
        "plan": plan,
        "legs": [(leg, leg_reason(plan, leg)) for leg in plan.legs],
        "skips": [{"asset": skip.asset, "reason": skip_reason(skip)} for skip in plan.unsettled],
    }


@require_POST
@login_required
def refresh(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Ask the model now."""
    strategy = selectors.strategy_of(signed_in(request), strategy_id)
    try:
        proposal = services.refresh(strategy, by_hand=True)
    except AppError as error:
        say(request, error)
    else:
        if proposal is None:
            messages.success(request, _("The weights are what the model would give: nothing to change."))
        else:
            messages.success(request, _("Here are the new weights. Nothing changes until you apply them."))
    return redirect("strategies:model", strategy.pk)


@require_POST
@login_required
def apply_proposal(request: HttpRequest, strategy_id: int, proposal_id: int) -> HttpResponse:
    """Make the proposed weights the targets, then show the plan."""
    proposal = selectors.proposal_of(signed_in(request), strategy_id, proposal_id)
    try:
        services.apply_proposal(proposal)
    except AppError as error:
        say(request, error)
        return redirect("strategies:model", strategy_id)
    messages.success(request, _("The new weights are the targets now."))
    return redirect("orders:preview", strategy_id)


@require_POST
@login_required
def dismiss_proposal(request: HttpRequest, strategy_id: int, proposal_id: int) -> HttpResponse:
    """Keep the weights there are."""
    proposal = selectors.proposal_of(signed_in(request), strategy_id, proposal_id)
    try:
        services.dismiss_proposal(proposal)
    except AppError as error:
        say(request, error)
    else:
        messages.success(request, _("The weights stay as they are."))
    return redirect("strategies:model", strategy_id)


# --- following and deleting -----------------------------------------------------------------------------------


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
