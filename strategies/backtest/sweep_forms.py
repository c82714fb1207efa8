"""The form of a sweep: what is varied, and how the best is chosen. It only parses; services.sweeps judges."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from strategies.backtest.forms import interval_choices
from strategies.backtest.services import sweeps
from strategies.backtest.sweeping.judging import Objective
from strategies.backtest.sweeping.parameters import Space, SpaceError, read_parameter
from strategies.backtest.sweeping.spaces import Search
from strategies.forms import FieldGroup, FigureField

# What can be varied, with an example of what to type.
VARIED = (
    ("min_delta_pct", _("Band, %"), "2:20:0.5"),
    ("interval_minutes", _("Interval, minutes"), "1440:40320:1440"),
    ("order_size_pct", _("Order size, % of portfolio"), "10,25,50,100"),
    ("order_step_pct", _("Price step, %"), "-0.1,0,0.1,0.3"),
    ("trigger_mode", _("When the autopilot acts"), "threshold,periodic,both"),
    ("band_type", _("Band measured in"), "absolute,relative"),
    ("trade_to", _("Trade"), "target,edge"),
    ("quote_reserve_pct", _("Quote reserve, %"), "0:20:5"),
    ("max_turnover_pct", _("Most turnover a day, %"), "20,50,100"),
    ("order_lifetime_seconds", _("Order lifetime, seconds"), "3600,14400"),
    ("reprice_distance_pct", _("Reprice beyond, %"), "0.5,1,2"),
    ("max_orders", _("Most orders a round"), "5,10,20"),
)
NAMES = tuple(name for name, _label, _example in VARIED)
PREFIX = "vary-"


class SweepForm(forms.Form):
    """Ranges like 2:20:0.5 or values like 1,2,5; a parameter that is left empty is not varied."""

    name = forms.CharField(label=_("Name"), max_length=80, required=False)
    objective = forms.ChoiceField(
        label=_("The best has the highest"),
        choices=[
            (Objective.SHARPE.value, _("Sharpe ratio: return for its ups and downs")),
            (Objective.RETURN.value, _("return")),
            (Objective.CALMAR.value, _("Calmar ratio: return for its deepest fall")),
        ],
    )
    count = forms.IntegerField(
        label=_("Only so many, at random"),
        required=False,
        min_value=1,
        help_text=_("Empty: all combinations."),
    )
    held_out_pct = forms.IntegerField(
        label=_("Held out, % of the time"),
        min_value=0,
        max_value=sweeps.MOST_HELD_OUT_PCT,
        initial=20,
        help_text=_("The end of the time. No choice looks at it; the best is tried on it once, at the very end."),
    )
    windows = forms.IntegerField(
        label=_("Windows of the walk forward"),
        min_value=0,
        max_value=sweeps.MOST_WINDOWS,
        initial=5,
        help_text=_("How often a choice is made anew on what was known by then, and tried on what followed. 0: never."),
    )
    paths = forms.IntegerField(
        label=_("Other pasts"),
        min_value=0,
        initial=200,
        help_text=_("Made of blocks of this one, in another order; the best setting is tried on each. 0: none."),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=sweeps.MOST_SEED,
        initial=1,
        help_text=_("The same number draws the same."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, example in VARIED:
            attributes = {"autocomplete": "off", "spellcheck": "false", "placeholder": example}
            field = forms.CharField(
                label=label, required=False, max_length=2000, widget=forms.TextInput(attrs=attributes)
            )
            self.fields[PREFIX + name] = field

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        parameters = []
        for name in NAMES:
            text = data.get(PREFIX + name, "")
            if not text:
                continue
            try:
                parameters.append(read_parameter(name, text))
            except SpaceError as error:
                self.add_error(PREFIX + name, sweeps.space_problem(error).fields[error.field])
        if not self.errors and not parameters:
            self.add_error(None, _("There is nothing to try: fill in the values of at least one setting."))
        if not self.errors:
            self.search = Search(Space(tuple(parameters)), data.get("count"), data["seed"])
        return data

    @property
    def plan(self) -> sweeps.Plan:
        """Of a valid form only."""
        data = self.cleaned_data
        return sweeps.Plan(
            search=self.search,
            objective=Objective(data["objective"]),
            held_out_pct=data["held_out_pct"],
            windows=data["windows"],
            paths=data["paths"],
            seed=data["seed"],
        )

    def refuse(self, fields: dict[str, list[str]]) -> list[str]:
        """Put a service's refusals where they belong; those about what the sweep begins from are returned."""
        others = []
        for name, texts in fields.items():
            if PREFIX + name in self.fields:
                self.add_error(PREFIX + name, texts)
            elif name in self.fields:
                self.add_error(name, texts)
            else:
                others += texts
        return others

    @property
    def varied(self) -> FieldGroup:
        return FieldGroup(str(_("What is varied")), [self[PREFIX + name] for name in NAMES])

    @property
    def judged(self) -> FieldGroup:
        names = ("name", "objective", "held_out_pct", "windows", "paths", "count", "seed")
        return FieldGroup(str(_("How the best is chosen and judged")), [self[name] for name in names])


class BaseForm(forms.Form):
    """On what a strategy is tried: candles, time and money. A sweep of a back-test has them from there."""

    interval = forms.ChoiceField(label=_("Candles of"))
    start = forms.CharField(
        label=_("From"), required=False, max_length=30, help_text=_("Empty: from the first candle all assets have.")
    )
    end = forms.CharField(
        label=_("To"), required=False, max_length=30, help_text=_("Empty: to the last candle all assets have.")
    )
    start_cash = FigureField(
        label=_("Cash to begin with"), min_value=0, max_digits=24, decimal_places=8, help_text=_("In the quote.")
    )
    NAMES: ClassVar[dict[str, str]] = {"interval": "interval", "from": "start", "to": "end", "start_cash": "start_cash"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["interval"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = interval_choices()

    @staticmethod
    def usual() -> dict[str, Any]:
        return {"interval": "1h", "start_cash": "10000"}

    @property
    def values(self) -> dict[str, Any]:
        """By the names services.reading knows. Of a valid form only."""
        return {name: self.cleaned_data[field] for name, field in self.NAMES.items()}

    def refuse(self, fields: dict[str, list[str]]) -> dict[str, list[str]]:
        """Put a service's refusals on the fields they are about; the others are returned."""
        others = {}
        for name, texts in fields.items():
            if self.is_bound and name in self.NAMES and hasattr(self, "cleaned_data"):
                self.add_error(self.NAMES[name], texts)
            else:
                others[name] = texts
        return others
