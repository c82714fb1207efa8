"""The form of a back-test. It only parses what was typed: services.reading judges it."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from botbalance.lib.money import plain
from exchanges.candles.intervals import LENGTHS_MS, MINUTE_MS
from exchanges.models import ExchangeAccount
from strategies.backtest.domain import every_of
from strategies.backtest.services.reading import LIMIT_FIELDS
from strategies.forms import (
    GROUPS,
    INTERVALS,
    WHEN,
    FieldGroup,
    FigureField,
    IntervalInput,
    PercentField,
    PercentInput,
    TargetModelForm,
)
from strategies.models import Strategy
from strategies.presentation import interval_in_words

STRATEGY_FIELDS = tuple(dict.fromkeys([*LIMIT_FIELDS, "calendar", "whole_portfolio"]))
"""Fields of a Strategy that can be tried."""
# What a Strategy does not have.
BASICS = ("name", "interval", "from", "to")
START = ("start_cash", "start_holdings", "account", "with_holdings", "begins_by_hand")
FILLS = (
    "fill_mode",
    "fill_reach",
    "participation_pct",
    "spread_pct",
    "maker_fee_pct",
    "taker_fee_pct",
    "fees_in_bnb",
    "max_order_nav_pct",
)
FLOW_ROWS = 3
MOST_COMPARED = 5
TURNS = (
    ("day", _("every day")),
    ("week", _("every Monday")),
    ("month", _("on the first of a month")),
    ("quarter", _("on the first of a quarter")),
)
_HOLDING = re.compile(r"([\d.]+)\s+([A-Za-z0-9]+)")


def _text(placeholder: str = "", **attributes: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": placeholder, **attributes}
    )


def interval_choices() -> list[tuple[str, str]]:
    """Intervals of candles in words, from a minute on."""
    return [
        (name, interval_in_words(length // MINUTE_MS)) for name, length in LENGTHS_MS.items() if length >= MINUTE_MS
    ]


def limit_groups() -> list[tuple[str, tuple[str, ...]]]:
    """Titles and names of the settings of a strategy, as its own form groups them; any it does not group come last."""
    groups = [(str(title), tuple(name for name in names if name in STRATEGY_FIELDS)) for title, names in GROUPS]
    grouped = {name for _title, names in groups for name in names}
    rest = tuple(name for name in STRATEGY_FIELDS if name not in grouped)
    return [*groups, (str(_("More limits")), rest)] if rest else groups


class HoldingsField(forms.CharField):
    """Amounts of several assets in one line, "0.5 BTC, 2 ETH": a dict by asset."""

    def clean(self, value: Any) -> Any:
        found: dict[str, Decimal] = {}
        for part in re.split(r"[,;\n]", super().clean(value)):
            if not part.strip():
                continue
            match = _HOLDING.fullmatch(part.strip())
            if match is None:
                raise forms.ValidationError(_("Write amounts like 0.5 BTC, 2 ETH; decimals with a point."))
            asset = match[2].upper()
            try:
                amount = Decimal(match[1])
            except ArithmeticError:
                raise forms.ValidationError(_("Write amounts like 0.5 BTC, 2 ETH; decimals with a point.")) from None
            if asset in found:
                raise forms.ValidationError(_("%(asset)s is there twice."), params={"asset": asset})
            found[asset] = amount
        return found


class RunForm(forms.ModelForm):
    """Everything but the rows of targets and payments. It never saves: `values` goes to the service.

    The limits are the fields of a Strategy itself: what it gains appears here as well.
    """

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        required=False,
        help_text=_("To tell it from others in the list. Empty: the name of the strategy."),
    )
    quote = forms.CharField(label=_("Quote stablecoin"), max_length=10)
    interval = forms.ChoiceField(
        label=_("Candles of"),
        help_text=_(
            "How often the autopilot looks. Shorter shows more of what happens within a day, and takes longer."
        ),
    )
    start_cash = FigureField(
        label=_("Cash to begin with"),
        min_value=0,
        max_digits=24,
        decimal_places=8,
        help_text=_("In the quote stablecoin."),
    )
    start_holdings = HoldingsField(
        label=_("Coins to begin with"),
        required=False,
        widget=_text("0.5 BTC, 2 ETH"),
        help_text=_("Empty: only cash. What has no candles counts nothing."),
    )
    account = forms.ModelChoiceField(
        label=_("Exchange account"),
        queryset=ExchangeAccount.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("Orders keep the rules of the exchange it is at: smallest orders, steps of prices and quantities."),
    )
    with_holdings = forms.BooleanField(
        label=_("Begin with what that account holds now"),
        required=False,
        help_text=_("In place of the cash and coins above."),
    )
    begins_by_hand = forms.BooleanField(
        label=_("Rebalance at the first candle"),
        required=False,
        help_text=_("As you would after setting targets. Off: the autopilot waits for its band or its schedule."),
    )
    fill_mode = forms.ChoiceField(
        label=_("Orders fill"),
        choices=[
            ("range", _("when a later candle reaches their price")),
            ("close", _("at once, at the close of the candle")),
        ],
        help_text=_("The first is how limit orders behave. The second is what most other programs assume."),
    )
    fill_reach = forms.ChoiceField(
        label=_("Their price is reached"),
        choices=[
            ("touch", _("when a candle touches it")),
            ("through", _("when a candle goes through it by a tick")),
        ],
        help_text=_("The second is the more cautious: others may stand before you in the queue."),
    )
    participation_pct = PercentField(
        label=_("Most of a candle's volume, %"),
        required=False,
        max_digits=12,
        decimal_places=8,
        help_text=_("The rest of an order waits for the next candle. Empty: any amount fills."),
    )
    spread_pct = PercentField(
        label=_("Spread, %"),
        max_digits=12,
        decimal_places=8,
        help_text=_("Between the best bid and ask. 0.01 or so for large coins, 0.2 and more for small ones."),
    )
    maker_fee_pct = PercentField(
        label=_("Fee of orders that wait, %"), max_digits=12, decimal_places=8, help_text=_("Maker. 0.1 at Binance.")
    )
    taker_fee_pct = PercentField(
        label=_("Fee of orders that fill at once, %"),
        max_digits=12,
        decimal_places=8,
        help_text=_("Taker. 0.1 at Binance."),
    )
    fees_in_bnb = forms.BooleanField(
        label=_("Pay fees in BNB"),
        required=False,
        help_text=_("A quarter cheaper, as long as the portfolio holds enough BNB."),
    )

    max_order_nav_pct = PercentField(
        label=_("Largest order of the server, %"),
        required=False,
        max_digits=12,
        decimal_places=8,
        help_text=_("In percent of the account: the server allows none beyond it. Empty: no such limit."),
    )

    class Meta:
        model = Strategy
        fields = list(STRATEGY_FIELDS)
        field_classes = {name: PercentField for name in STRATEGY_FIELDS if name.endswith("_pct")}
        widgets: ClassVar[dict[str, Any]] = {
            **{name: PercentInput for name in STRATEGY_FIELDS if name.endswith("_pct")},
            "interval_minutes": IntervalInput,
        }

    def __init__(self, accounts: QuerySet[ExchangeAccount], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, text in (
            ("from", _("From"), _("A date, or a date and time in UTC. Empty: from the first candle all assets have.")),
            ("to", _("To"), _("Empty: to the last candle all assets have.")),
        ):
            self.fields[name] = forms.CharField(
                label=label, required=False, max_length=30, widget=_text("2021-01-01"), help_text=text
            )
        self.fields["interval"].choices = interval_choices()  # type: ignore[attr-defined]
        field = self.fields["account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = accounts
        for name in STRATEGY_FIELDS:
            if name in WHEN:
                self.fields[name].help_text = f"{self.fields[name].help_text} {WHEN[name]}".strip()
        every = self["interval_minutes"]
        if words := interval_in_words(every.value()):
            every.help_text = f"= {words}. {every.help_text}"

    @property
    def values(self) -> dict[str, Any]:
        """What was typed, by the names services.reading knows. Of a valid form only."""
        left_out = {"name", "account", "with_holdings"}
        return {name: value for name, value in self.cleaned_data.items() if name not in left_out}

    def _group(self, title: Any, names: Iterable[str]) -> FieldGroup:
        return FieldGroup(str(title), [self[name] for name in names if name in self.fields])

    @property
    def basics(self) -> FieldGroup:
        return self._group(_("What is tried"), BASICS)

    @property
    def start(self) -> FieldGroup:
        return self._group(_("What it begins with"), START)

    @property
    def fills(self) -> FieldGroup:
        return self._group(_("How orders fill, and what they cost"), FILLS)

    @property
    def limit_groups(self) -> list[FieldGroup]:
        return [self._group(title, names) for title, names in limit_groups()]

    @property
    def usual_intervals(self) -> list[tuple[int, str]]:
        return [(minutes, interval_in_words(minutes)) for minutes in INTERVALS]


class ModelForm(TargetModelForm):
    """Where the weights come from. Nobody is asked in a back-test: new weights are applied."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("model_auto_apply", None)
        self.fields["target_model"].help_text = _(
            "Fixed: the weights below hold throughout. Otherwise they hold until the model first has an answer, and "
            "what it says holds at once, from closing prices that were known by then."
        )


class FlowForm(forms.Form):
    """One payment in or out, once or regularly. A row without an amount is dropped."""

    way = forms.ChoiceField(label=_("Payment"), choices=[("in", _("pay in")), ("out", _("pay out"))], required=False)
    amount = FigureField(label=_("Amount"), required=False, min_value=0, max_digits=24, decimal_places=8)
    asset = forms.CharField(label=_("Asset"), max_length=20, required=False, widget=_text())
    every = forms.ChoiceField(label=_("When"), choices=[*TURNS, ("once", _("once, on"))], required=False)
    at = forms.CharField(label=_("Date"), max_length=30, required=False, widget=_text("2021-01-01"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer(str(self["every"].value() or ""))

    def _offer(self, every: str) -> None:
        """Let a row keep a distance that the list has not, like 14d."""
        field = self.fields["every"]
        assert isinstance(field, forms.ChoiceField)
        if not every or every in dict(field.choices):  # type: ignore[arg-type]
            return
        try:
            turn = every_of(every)
        except ValueError:
            return
        if isinstance(turn, timedelta):
            words = _("every %(interval)s") % {"interval": interval_in_words(turn // timedelta(minutes=1))}
            field.choices = [*field.choices, (every, words)]  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("amount") and data.get("every") == "once" and not data.get("at"):
            self.add_error("at", _("On which day?"))
        return data

    @property
    def flow(self) -> dict[str, Any] | None:
        """The payment as services.reading takes it; None for an empty row. Of a valid form only."""
        data = self.cleaned_data
        if not data.get("amount"):
            return None
        amount = data["amount"] if data["way"] != "out" else -data["amount"]
        is_once = data["every"] == "once"
        return {
            "asset": data["asset"].strip().upper(),
            "amount": amount,
            "every": "" if is_once else data["every"] or "month",
            "at": data["at"] if is_once else None,
        }


class _FlowFormSet(forms.BaseFormSet):
    """Rows are never "initial" to Django: an emptied row is a dropped one."""

    def initial_form_count(self) -> int:
        return 0

    @property
    def flows(self) -> list[dict[str, Any]]:
        return [flow for flow in (form.flow for form in self.forms) if flow is not None]


def _flow_formset(rows: int) -> type[_FlowFormSet]:
    return forms.formset_factory(FlowForm, formset=_FlowFormSet, extra=rows, max_num=20, absolute_max=20)  # type: ignore[return-value]


def flow_rows(initial: list[dict[str, Any]], spare: int = 1) -> _FlowFormSet:
    """Rows showing these payments, and empty ones up to FLOW_ROWS, at least `spare` of them."""
    rows = initial + [{"every": "month"}] * max(spare, FLOW_ROWS - len(initial))
    return _flow_formset(len(rows))(initial=rows, prefix="flows")


def bound_flows(data: Mapping[str, Any]) -> _FlowFormSet:
    return _flow_formset(0)(data, prefix="flows")


def initial_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of services.reading as they are typed: 25, not 25.0000."""
    return {name: _typed(name, value) for name, value in values.items() if name not in ("targets", "flows")}


def _typed(name: str, value: Any) -> Any:
    if name == "start_holdings":
        return ", ".join(f"{plain(amount)} {asset}" for asset, amount in value.items())
    if isinstance(value, Decimal):
        return plain(value)
    return moment_text(value) if isinstance(value, datetime) else value


def moment_text(moment: datetime) -> str:
    """2021-01-01, with the time only where it is not midnight."""
    return moment.strftime("%Y-%m-%d" if (moment.hour, moment.minute) == (0, 0) else "%Y-%m-%dT%H:%M")


def initial_targets(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "asset": row.asset,
            "weight_pct": plain(row.weight_pct),
            "keep": plain(row.keep) if row.keep else "",
            "market_cap": "" if row.market_cap is None else plain(row.market_cap),
        }
        for row in values["targets"]
    ]


def initial_flows(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Payments as the rows show them."""
    return [
        {
            "way": "out" if flow["amount"] < 0 else "in",
            "amount": plain(abs(flow["amount"])),
            "asset": flow["asset"],
            "every": flow["every"] if flow["at"] is None else "once",
            "at": "" if flow["at"] is None else moment_text(flow["at"]),
        }
        for flow in values["flows"]
    ]
