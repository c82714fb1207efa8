"""What the form of a back-test is made of and shown with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.pages import signed_in
from botbalance.lib.errors import AppError, Invalid
from botbalance.lib.web import add_errors
from exchanges import selectors as exchanges
from exchanges.candles import moments, store
from exchanges.candles.intervals import LENGTHS_MS
from exchanges.candles.store import Stored
from strategies import forms as strategy_forms
from strategies import selectors as strategies
from strategies.backtest import forms
from strategies.backtest.domain import moment_of
from strategies.backtest.services import coverage
from strategies.backtest.services.reading import MODEL_FIELDS
from strategies.models import Strategy
from strategies.target_models import ModelKind

# Candles that a strategy is first offered to be tried on, of those that are there.
USUAL = ("1h", "4h", "1d")


@dataclass(frozen=True, slots=True)
class CandleRow:
    """What there is of one symbol for the chosen interval."""

    symbol: str
    stored: Stored | None

    @property
    def from_at(self) -> datetime | None:
        return moment_of(self.stored.from_ms) if self.stored else None

    @property
    def to_at(self) -> datetime | None:
        return moment_of(self.stored.to_ms) if self.stored else None

    @property
    def is_foreign(self) -> bool:
        """Whether its prices are not the market's own."""
        return self.stored is not None and self.stored.source != store.MARKET


def prefilled(
    request: HttpRequest, values: Mapping[str, Any], strategy: Strategy | None, *, is_earlier: bool = False, **more: Any
) -> HttpResponse:
    """The form filled in with values of services.reading: those of an earlier back-test, of a strategy, or defaults."""
    initial = {**forms.initial_of(values), **more}
    hint = _("sensible as they are") if strategy is None else _("as in the strategy")
    targets = forms.initial_targets(values)
    if strategy is not None and not is_earlier:
        initial["interval"] = _usual_interval([row["asset"] for row in targets], str(values["quote"]))
    form = forms.RunForm(exchanges.accounts_of(signed_in(request)), initial=initial)
    kind, flows = ModelKind(values["target_model"]), forms.initial_flows(values)
    return page(
        request,
        form,
        forms.ModelForm(initial=initial, kind=kind),
        strategy_forms.unbound_rows(targets, kind),
        forms.flow_rows(flows),
        strategy=strategy,
        has_flows=bool(flows),
        limits_hint=_("as in the earlier back-test") if is_earlier else hint,
    )


def as_typed(request: HttpRequest, strategy: Strategy | None) -> HttpResponse:
    """The form with what stands in it, judged by nobody: a row more or less, another model, candles looked at."""
    kind = strategy_forms.chosen_model(request.POST, ModelKind.FIXED)
    rows = strategy_forms.rows_as_typed(request.POST)
    if "add" in request.POST:
        rows.append({})
    elif "remove" in request.POST:
        rows = [row for index, row in enumerate(rows) if str(index) != request.POST["remove"]]
    accounts = exchanges.accounts_of(signed_in(request))
    initial = {name: request.POST.get(name, "") for name in forms.RunForm(accounts).fields}
    # Settings that come into sight begin with those of the strategy, or with their defaults.
    stored = forms.initial_of({name: getattr(strategy or Strategy(), name) for name in MODEL_FIELDS})
    seen = {name: request.POST.get(name, "") for name in MODEL_FIELDS if not is_unseen(request.POST)}
    flows = [
        {name: request.POST.get(f"{row.prefix}-{name}", "") for name in forms.FlowForm.base_fields}
        for row in forms.bound_flows(request.POST).forms
    ]
    return page(
        request,
        forms.RunForm(accounts, initial=initial),
        forms.ModelForm(initial={**stored, **seen, "target_model": kind.value}, kind=kind),
        strategy_forms.unbound_rows(rows, kind),
        forms.flow_rows(flows, spare=0),
        strategy=strategy,
        has_flows=any(flow["amount"] for flow in flows),
    )


def is_unseen(data: Mapping[str, Any]) -> bool:
    """Whether another model was chosen than the one whose settings are on the page."""
    kind = strategy_forms.chosen_model(data, ModelKind.FIXED)
    return bool(data.get("shown_model", kind.value) != kind.value)


def refused(form: forms.RunForm, model_form: forms.ModelForm, error: AppError) -> dict[str, list[str]]:
    """Put a refusal on the forms; what is about rows is returned, to stand above them."""
    about = {"target_errors": error.fields.pop("targets", []), "flow_errors": error.fields.pop("flows", [])}
    in_model = {name: error.fields.pop(name) for name in [*error.fields] if name in model_form.fields}
    for name, texts in in_model.items():
        model_form.add_error(name, texts)
    if error.fields or not any([in_model, *about.values()]):
        add_errors(form, error)
    return about


def page(
    request: HttpRequest,
    form: forms.RunForm,
    model_form: forms.ModelForm,
    rows: Any,
    flows: Any,
    *,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    user = signed_in(request)
    context = {
        "form": form,
        "model_form": model_form,
        "has_model": model_form.kind != ModelKind.FIXED,
        "wants_figures": model_form.kind == ModelKind.MARKET_CAP,
        "rows": rows,
        "flows": flows,
        "key": request.POST.get("key") or uuid4().hex,
        "strategies": list(strategies.strategies_of(user)),
        **context,
        **_candles_context(form, rows),
    }
    context["has_errors"] = any(
        [
            form.errors,
            model_form.errors,
            rows.is_bound and not rows.is_valid(),
            flows.is_bound and not flows.is_valid(),
            context.get("target_errors"),
            context.get("flow_errors"),
        ]
    )
    return render(request, "backtest/form.html", context, status=status)


def strategy_named(user: User, text: str) -> Strategy | None:
    """The user's strategy with this number; None for no text. Raises NotFound."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    return strategies.strategy_of(user, number) if text else None


# --- candles -------------------------------------------------------------------------------------------------


def _candles_context(form: forms.RunForm, rows: Any) -> dict[str, Any]:
    """Which candles there are of the assets that stand in the form, and how to bring the others."""
    quote = str(form["quote"].value() or "").strip().upper()
    interval = str(form["interval"].value() or "")
    interval = interval if interval in LENGTHS_MS else USUAL[0]
    assets = [str(row["asset"].value() or "").strip().upper() for row in rows]
    symbols = _symbols(assets, quote)
    found = coverage.stored_for(symbols, interval)
    candles = [CandleRow(symbol, found.get(symbol)) for symbol in symbols]
    missing = [row.symbol for row in candles if row.stored is None]
    begins = max((one.from_ms for one in found.values()), default=0)
    ends = min((one.to_ms for one in found.values()), default=0)
    listing = store.listing()
    return {
        "candles": candles,
        "all_there": bool(candles) and not missing,
        "common": (moment_of(begins), moment_of(ends)) if candles and not missing and begins < ends else None,
        "command": _command(missing, interval, str(form["from"].value() or "")) if missing else "",
        "unreadable": listing.unreadable,
        "known_assets": sorted(
            {one.symbol.removesuffix(quote) for one in listing.stored if quote and one.symbol.endswith(quote)} - {""}
        ),
    }


def _symbols(assets: list[str], quote: str) -> list[str]:
    """Symbols of the assets against the quote, each once; nothing that could not be one."""
    found: dict[str, None] = {}
    for asset in assets:
        try:
            if asset and quote and asset != quote:
                found[store.checked_symbol(f"{asset}{quote}")] = None
        except Invalid:
            continue
    return list(found)


def _command(symbols: list[str], interval: str, begins: str) -> str:
    try:
        since = moments.written(moments.parsed(begins.strip())).removesuffix("T00:00Z")
    except (ValueError, OverflowError):
        since = "2020-01-01"
    return f"manage.py candles fetch {' '.join(symbols)} --interval {interval} --from {since}"


def _usual_interval(assets: list[str], quote: str) -> str:
    symbols = _symbols(assets, quote)
    for interval in USUAL:
        if symbols and len(coverage.stored_for(symbols, interval)) == len(symbols):
            return interval
    return USUAL[0]
