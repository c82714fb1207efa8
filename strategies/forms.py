"""The form of a strategy and the rows of its targets. The service validates; forms only parse what was typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from botbalance.lib import numbers
from botbalance.lib.errors import AppError
from botbalance.lib.money import HUNDRED, ZERO, plain
from botbalance.lib.web import add_errors
from exchanges.models import ExchangeAccount
from strategies import concerns
from strategies.domain import MAX_TARGETS
from strategies.market_caps import Coin
from strategies.models import Strategy
from strategies.presentation import interval_in_words
from strategies.services import Entry
from strategies.target_models import ModelKind

# The settings as the form groups them.
GROUPS = (
    (
        _("What is traded"),
        (
            "min_delta_pct",
            "band_type",
            "whole_portfolio",
            "trade_to",
            "hysteresis_pct",
            "cost_horizon_days",
            "quote_reserve_pct",
            "bnb_for_fees",
            "sell_unlisted",
        ),
    ),
    (
        _("How orders are placed"),
        (
            "order_size_pct",
            "direct_pairs",
            "order_step_pct",
            "order_lifetime_seconds",
            "reprice_distance_pct",
            "worst_price_pct",
            "max_orders",
            "max_turnover_pct",
        ),
    ),
    (
        _("When the autopilot acts"),
        ("trigger_mode", "interval_minutes", "calendar", "deploy_deposits"),
    ),
)
LIMITS = tuple(name for _title, names in GROUPS for name in names)
DECIMALS = tuple(name for name in LIMITS if name.endswith("_pct") or name == "bnb_for_fees")
# When to change a limit, beside what it does (the model's help text).
WHEN = {
    "order_size_pct": _("Smaller for coins with a thin order book; larger to be done sooner."),
    "min_delta_pct": _("Wider trades less often and pays fewer fees; narrower follows the targets more closely."),
    "band_type": _("Relative suits small weights: 20% of a 2% target is 0.4 points."),
    "order_step_pct": _("0.1 or so when there is no hurry; −0.1 when it has to fill now."),
    "trade_to": _("The edge trades half as much and comes back sooner."),
    "quote_reserve_pct": _("When you want cash at hand whatever the targets say."),
    "max_orders": _("Fewer to watch a first rebalance step by step; what is left follows in the next round."),
    "max_turnover_pct": _("A brake for days on which prices jump back and forth."),
    "order_lifetime_seconds": _("Longer with a larger price step, so that orders have time to be reached."),
    "sell_unlisted": _("On only when every coin of the account is meant to be in the list."),
    "reprice_distance_pct": _(
        "Set it with a long lifetime, so that an order the market has left does not wait for its end."
    ),
    "worst_price_pct": _("1 or so for coins that can run away while a rebalance is under way."),
    "trigger_mode": _(
        "The band alone looks all the time and trades least in calm markets. The schedule alone brings everything to "
        "its target at fixed times. Both trade at fixed times, and only what is outside its band."
    ),
    "interval_minutes": _("A day suits most; shorter only with a band as well, or fees add up."),
    "calendar": _("The first of a month for few trades and tidy records."),
    "whole_portfolio": _("On to come back to your weights at once and then trade seldom; off trades less each time."),
    "hysteresis_pct": _("50 or so when prices keep crossing the edge and the same coin is traded again and again."),
    "cost_horizon_days": _("30 or so when fees are high for the size of the portfolio, or the band is narrow."),
    "direct_pairs": _("On where coins you hold trade for each other (ETHBTC, say), to pay one fee instead of two."),
    "bnb_for_fees": _("10 or so, which pays the fees of about 13,000 traded at the usual rate."),
    "deploy_deposits": _("When you pay in regularly and want it invested without waiting for the band."),
}
# Usual intervals in minutes, offered with their names.
INTERVALS = (60, 240, 720, 1440, 10_080, 20_160, 40_320)


class PercentInput(forms.TextInput):
    """Not a number input: a browser empties that when it cannot read it, and what was typed would be gone."""

    def __init__(self) -> None:
        super().__init__(attrs={"inputmode": "decimal", "autocomplete": "off"})


class PercentField(forms.DecimalField):
    """A percentage, also with the decimal comma that the keyboards of many phones offer."""

    widget = PercentInput

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = numbers.typed(value)
        return super().to_python(value)


class FigureField(forms.DecimalField):
    """An amount or a large figure, as people write them: 1 234,56 or 1,234.56. What could be two numbers is none."""

    widget = PercentInput

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and not numbers.could_be_two(value):
            value = numbers.typed(value)
        return super().to_python(value)


class IntervalInput(forms.NumberInput):
    """Minutes, with a list of usual intervals in words to choose from (the list is in the form's template)."""

    def __init__(self) -> None:
        super().__init__(attrs={"list": "intervals", "inputmode": "numeric"})


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that belong together. One that needs attention is shown open."""

    title: str
    fields: list[forms.BoundField]

    @property
    def needs_attention(self) -> bool:
        return any(field.errors for field in self.fields)


class StrategyForm(forms.ModelForm):
    """Name and limits. It never saves: `cleaned_data` goes to the service."""

    class Meta:
        model = Strategy
        fields = ["name", *LIMITS]
        field_classes = {**dict.fromkeys(DECIMALS, PercentField), "bnb_for_fees": FigureField}
        widgets: ClassVar[dict[str, Any]] = {
            **dict.fromkeys(DECIMALS, PercentInput),
            "interval_minutes": IntervalInput,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name in WHEN:
                field.help_text = f"{field.help_text} {WHEN[name]}".strip()
        self.fields["hysteresis_pct"].required = self.fields["bnb_for_fees"].required = False
        interval = self["interval_minutes"]
        words = interval_in_words(interval.value())
        if words:
            interval.help_text = f"= {words}. {interval.help_text}"

    def clean_hysteresis_pct(self) -> Decimal:
        """Empty is the edge itself."""
        return self.cleaned_data["hysteresis_pct"] or ZERO

    def clean_bnb_for_fees(self) -> Decimal:
        """Empty is none."""
        return self.cleaned_data["bnb_for_fees"] or ZERO

    @property
    def groups(self) -> list[FieldGroup]:
        return [FieldGroup(str(title), [self[name] for name in names]) for title, names in GROUPS]

    @property
    def usual_intervals(self) -> list[tuple[int, str]]:
        return [(minutes, interval_in_words(minutes)) for minutes in INTERVALS]


class TargetModelForm(forms.ModelForm):
    """Which model the weights come from, and the settings of the model `kind`, which was chosen before. What is not
    shown is not changed. It never saves either.
    """

    class Meta:
        model = Strategy
        fields = ["target_model", *concerns.ALL]
        field_classes = {name: PercentField for name in concerns.ALL if name.endswith("_pct")}
        widgets: ClassVar[dict[str, Any]] = {name: PercentInput for name in concerns.ALL if name.endswith("_pct")}

    def __init__(self, *args: Any, kind: ModelKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        shown = concerns.fields_of(kind)
        for name in concerns.ALL:
            if name not in shown:
                del self.fields[name]
        if self.is_bound and "target_model" not in self.data:
            self.fields["target_model"].required = False  # it means the one the form was made for

    def clean_target_model(self) -> str:
        return self.cleaned_data["target_model"] or self.kind.value

    @property
    def settings(self) -> list[forms.BoundField]:
        """The settings of the model."""
        return [self[name] for name in concerns.fields_of(self.kind) if name in self.fields]


class AccountForm(forms.Form):
    """Which of the user's accounts a new strategy is for."""

    account = forms.ModelChoiceField(label=_("Account"), queryset=ExchangeAccount.objects.none(), empty_label=None)

    def __init__(self, accounts: QuerySet[ExchangeAccount], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = accounts


class TargetForm(forms.Form):
    """One asset, its weight, and the figures that the model `kind` needs of it. A row left empty is dropped.

    `coins` are the coins at the source of market capitalisations that an asset may be, where they were looked up.
    """

    asset = forms.CharField(
        label=_("Asset"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"list": "assets", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    weight_pct = PercentField(
        label=_("Weight, %"),
        max_digits=8,
        decimal_places=4,
        min_value=0,
        max_value=100,
    )
    market_cap = FigureField(
        label=_("Market capitalisation"), max_digits=30, decimal_places=2, min_value=Decimal("0.01"), required=False
    )
    keep = FigureField(
        label=_("Never sell below"), max_digits=40, decimal_places=18, min_value=Decimal(0), required=False
    )
    coin_id = forms.CharField(
        label=_("Coin at CoinGecko"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(
        self, *args: Any, kind: ModelKind, coins: Mapping[str, Sequence[Coin]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["weight_pct"].required = kind == ModelKind.FIXED
        if kind != ModelKind.MARKET_CAP:
            del self.fields["market_cap"]
        if kind != ModelKind.MARKET_CAP or not settings.FETCH_MARKET_CAPS:
            del self.fields["coin_id"]
        else:
            self._offer(coins or {})

    def _offer(self, coins: Mapping[str, Sequence[Coin]]) -> None:
        """Let a row without a coin choose from those that go by its ticker; none is chosen beforehand."""
        found = coins.get(str(self["asset"].value() or "").strip().upper())
        if found and not self["coin_id"].value():
            choices = [
                ("", _("choose…")),
                *((coin.id, f"{coin.name} ({coin.id}, #{coin.rank or '–'})") for coin in found),
            ]
            self.fields["coin_id"].widget = forms.Select(choices=choices)

    def clean_asset(self) -> str:
        asset: str = self.cleaned_data["asset"]
        return asset.strip().upper()


class _TargetFormSet(forms.BaseFormSet):
    """Rows are never "initial" to Django: an emptied row is a dropped one, also of a strategy that is being edited."""

    def initial_form_count(self) -> int:
        return 0

    @property
    def entries(self) -> list[Entry]:
        """The rows that say something, in their order. Of a valid formset only."""
        rows = (form.cleaned_data for form in self.forms)
        return [
            Entry(
                row["asset"],
                row["weight_pct"],
                row.get("market_cap"),
                row.get("coin_id", "").strip(),
                keeps_figures="market_cap" not in row,
                keep=row["keep"] or ZERO,
            )
            for row in rows
            if row
        ]

    @property
    def total(self) -> Decimal:
        """Sum of the weights that can be read, as typed."""
        total = ZERO
        for form in self.forms:
            try:
                weight = form.fields["weight_pct"].clean(form["weight_pct"].value())
            except forms.ValidationError:
                continue
            total += weight or ZERO
        return total

    @property
    def rest(self) -> Decimal:
        """What the weights leave for the quote."""
        return HUNDRED - self.total


def _formset_class(rows: int) -> type[_TargetFormSet]:
    return forms.formset_factory(  # type: ignore[return-value]
        TargetForm, formset=_TargetFormSet, extra=rows, max_num=4 * MAX_TARGETS, absolute_max=4 * MAX_TARGETS
    )


def unbound_rows(
    initial: list[dict[str, Any]],
    kind: ModelKind = ModelKind.FIXED,
    coins: Mapping[str, Sequence[Coin]] | None = None,
) -> _TargetFormSet:
    """Rows showing `initial`, or one empty row."""
    rows = initial or [{}]
    return _formset_class(len(rows))(initial=rows, prefix="targets", form_kwargs={"kind": kind, "coins": coins})


def bound_rows(data: Mapping[str, Any], kind: ModelKind = ModelKind.FIXED) -> _TargetFormSet:
    return _formset_class(0)(data, prefix="targets", form_kwargs={"kind": kind})


def rows_as_typed(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What stands in the rows, readable or not: for adding and removing a row without judging the others."""
    prefixes = [form.prefix for form in bound_rows(data).forms]
    return [{name: data.get(f"{prefix}-{name}", "") for name in TargetForm.base_fields} for prefix in prefixes]


def chosen_model(data: Mapping[str, Any], otherwise: ModelKind) -> ModelKind:
    """The target model that was chosen in a form; `otherwise` where there is none, or nonsense."""
    try:
        return ModelKind(data.get("target_model", otherwise.value))
    except ValueError:
        return otherwise


def initial_of(strategy: Strategy) -> dict[str, Any]:
    """A strategy's fields as they are typed: 25, not 25.0000."""
    values = forms.model_to_dict(strategy, fields=["name", "target_model", *concerns.ALL, *LIMITS])
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def initial_rows_of(strategy: Strategy) -> list[dict[str, Any]]:
    return [
        {
            "asset": row.asset,
            "weight_pct": plain(row.weight_pct),
            "market_cap": "" if row.market_cap is None else plain(row.market_cap),
            "coin_id": row.coin_id,
            "keep": plain(row.keep) if row.keep else "",
        }
        for row in strategy.allocations.all()
    ]


def add_service_errors(form: StrategyForm, model_form: TargetModelForm, error: AppError) -> list[str]:
    """Put a refusal on the fields of the forms; what is about the targets is returned, to stand above their rows."""
    about_targets = error.fields.pop("allocations", [])
    is_known = bool(about_targets or error.fields)
    for name in [name for name in error.fields if name in model_form.fields]:
        for text in error.fields.pop(name):
            model_form.add_error(name, text)
    if error.fields or not is_known:
        add_errors(form, error)
    return about_targets
