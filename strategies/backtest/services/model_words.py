"""What a target model did in a back-test, as sentences and rows: for its page, its report and the command."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from botbalance.lib.money import HUNDRED, ZERO, plain
from botbalance.lib.numbers import amount, count
from strategies import concerns
from strategies.backtest.domain import Limit, RunSettings, moment_of
from strategies.models import Strategy
from strategies.presentation import model_reason, model_refusal
from strategies.target_models import REFUSALS, ModelKind, NoWeights


class ChangeRow(NamedTuple):
    """From when on which weights held, in percent by asset; the last one is the rest, of the quote."""

    at: datetime
    weights: Sequence[tuple[str, str]]


def model_text(model: Mapping[str, Limit]) -> str:
    """The settings of a back-test's target model in a line."""
    kind = ModelKind(str(model.get("target_model", ModelKind.FIXED.value)))
    names = {one.name: str(one.verbose_name) for one in Strategy._meta.fields}
    parts = [str(Strategy.Model(kind.value).label)]
    for name in concerns.fields_of(kind):
        value = model.get(name)
        if isinstance(value, bool):
            parts += [names[name]] if value else []
        elif value is not None:
            parts.append(f"{names[name]}: {value if isinstance(value, str) else amount(value)}")
    return "; ".join(parts)


def figures_text(settings: RunSettings) -> str:
    """The typed market capitalisations, "" without any."""
    return ", ".join(f"{asset} {amount(figure)}" for asset, figure in sorted(settings.market_caps.items()))


def model_notes(summary: Mapping[str, Any]) -> list[str]:
    """What is to be known of the weights: which figures they rest on, and when the model had no answer."""
    notes, model, found = summary["notes"], summary.get("model"), list[str]()
    if notes.get("without_figures"):
        text = _(
            "Market capitalisations of %(assets)s are not typed, and those of the past are not known: the model was "
            "not asked, and the weights were held as given."
        )
        found.append(text % {"assets": ", ".join(notes["without_figures"])})
    if notes.get("figures_of_today"):
        found.append(
            _(
                "The market capitalisations typed today were used for all of the past. What is large now has grown: "
                "the result knows that, and looks better for it."
            )
        )
    if model is None:
        return found
    begins = summary["start_at"]
    for silence in model["first_silences"]:
        facts = {"from": _day(silence["from"]), "until": _day(silence["until"] or ""), "why": _why(silence["problems"])}
        if silence["from"] == begins:
            text = (
                _("Until %(until)s the model had no answer, and the given weights held. At last: %(why)s")
                if silence["until"]
                else _("The model never had an answer: the given weights held throughout. At last: %(why)s")
            )
        else:
            text = (
                _("From %(from)s until %(until)s the model had no answer, and the weights stayed. At last: %(why)s")
                if silence["until"]
                else _("From %(from)s on the model had no answer, and the weights stayed. At last: %(why)s")
            )
        found.append(text % facts)
    more = model["silences"] - len(model["first_silences"])
    if more:
        found.append(_("%(count)s times more it had no answer for a while.") % {"count": count(more)})
    return found


def change_rows(series: Mapping[str, Any], quote: str) -> list[ChangeRow]:
    """The weights that held, the oldest first; none where no model was asked."""
    return [
        ChangeRow(moment_of(row["at_ms"]), [*row["weights"].items(), (quote, _rest(row["weights"].values()))])
        for row in series.get("target_changes", ())
    ]


def _rest(weights: Any) -> str:
    return plain(HUNDRED - sum(map(Decimal, weights), ZERO))


def _day(at: str) -> str:
    return at[:10]


def _why(problems: Sequence[Mapping[str, Any]]) -> str:
    """The reasons as live trading says them; one of another version is left out."""
    sentences = []
    for one in problems:
        if one["asset"]:
            sentences.append(f"{one['asset']}: {model_reason(one['code'], one['values'])}")
        elif one["code"] in REFUSALS:
            sentences.append(model_refusal(NoWeights(one["code"], **one["values"])))
    return " ".join(sentences)
