"""The form of presets and pasted lists, beside the form of a strategy."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from botbalance.lib.money import plain
from strategies.presets import MOST_CHARACTERS, TEN_LARGE, Preset, Row, Unit
from strategies.target_models import ModelKind

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as StrOrPromise


class PresetForm(forms.Form):
    """A list of targets that is pasted, and what its numbers are."""

    pasted = forms.CharField(
        label=_("A list"),
        required=False,
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(
            attrs={"rows": 5, "class": "mono", "spellcheck": "false", "autocomplete": "off", "autocapitalize": "none"}
        ),
        help_text=_(
            "One asset a line, like BTC,60 or BTC;33,5%; or what is copied from a spreadsheet. A first line with "
            "titles does no harm."
        ),
    )
    unit = forms.ChoiceField(
        label=_("Its numbers are"), choices=Unit.choices, initial=Unit.PERCENT.value, widget=forms.RadioSelect
    )

    @property
    def presets(self) -> list[tuple[str, "StrOrPromise"]]:
        return list(Preset.choices)

    @property
    def ten_large(self) -> str:
        return ", ".join(TEN_LARGE)


def rows_to_type(rows: Iterable[Row], kind: ModelKind) -> list[dict[str, Any]]:
    """Rows of a preset as they would be typed; market capitalisations are for the model that weighs by them."""
    return [
        {
            "asset": row.asset,
            "weight_pct": plain(row.weight_pct),
            "market_cap": plain(row.market_cap) if row.market_cap and kind == ModelKind.MARKET_CAP else "",
        }
        for row in rows
    ]
