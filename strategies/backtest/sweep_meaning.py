"""What a sweep's figures mean, in plain sentences."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from botbalance.lib.money import HUNDRED, quantize
from botbalance.lib.numbers import count, number, percent
from strategies.backtest.models.sweeps import Sweep
from strategies.backtest.services.model_words import model_notes
from strategies.backtest.sweeping.judging import BELIEVABLE, LIKELY_LUCK


def meanings(sweep: Sweep) -> list[str]:
    """Everything there is to say of a done sweep."""
    summary: dict[str, Any] = sweep.summary or {}
    found = [
        *model_notes({"notes": sweep.notes}),
        deflated_meaning(summary["worth"]["deflated"]),
        overfitting_meaning(summary["worth"]["overfitting"]),
        forward_meaning(summary["forward"], sweep.windows),
        held_out_meaning(summary["held_out"]),
        fan_meaning(summary["monte_carlo"]),
    ]
    return [sentence for sentence in found if sentence]


def deflated_meaning(deflated: dict[str, Any] | None) -> str:
    """How far the best Sharpe ratio is above what luck alone would give."""
    if deflated is None:
        return _("There are too few days or settings to tell luck from merit.")
    facts = {
        "sharpe": _ratio(deflated["sharpe"], 2),
        "luck": _ratio(deflated["threshold"], 2),
        "trials": _ratio(deflated["effective_trials"], 1),
        "probability": _percent(deflated["probability"]),
    }
    if deflated["probability"] >= BELIEVABLE:
        text = _(
            "The best Sharpe ratio, %(sharpe)s, is hardly luck: the best of as many tries without any merit, worth "
            "%(trials)s independent ones, would show about %(luck)s, and it is above that with a probability of "
            "%(probability)s."
        )
    else:
        text = _(
            "The best Sharpe ratio, %(sharpe)s, may well be luck: the best of as many tries without any merit, worth "
            "%(trials)s independent ones, would show about %(luck)s, and it is above that with a probability of only "
            "%(probability)s."
        )
    return text % facts


def overfitting_meaning(found: dict[str, Any] | None) -> str:
    """How often the best of one half of the time is worse than the middle in the other."""
    if found is None:
        return ""
    facts = {"probability": _percent(found["probability"])}
    if found["probability"] >= LIKELY_LUCK:
        text = _(
            "In %(probability)s of all ways to halve the time, the setting that is best in one half is below the "
            "middle in the other: choosing among these settings by the past is no better than drawing lots."
        )
    else:
        text = _(
            "In %(probability)s of all ways to halve the time, the setting that is best in one half is below the "
            "middle in the other; drawing lots would give 50%%."
        )
    return text % facts


def forward_meaning(forward: dict[str, Any] | None, windows: int) -> str:
    """What choosing again and again would have come to."""
    if forward is None:
        return _("The time is too short for that many windows: there is no walk forward.") if windows else ""
    gained = forward["figures"]["total_return"]
    facts = {"windows": count(len(forward["stretches"])), "gained": "?" if gained is None else _percent(gained)}
    if forward["efficiency"] is None:
        text = _(
            "Chosen anew %(windows)s times on what was known by then, the settings came to %(gained)s on the days that "
            "followed; where they were chosen they had earned nothing."
        )
        return text % facts
    text = _(
        "Chosen anew %(windows)s times on what was known by then, the settings came to %(gained)s on the days that "
        "followed: %(efficiency)s of the growth they were chosen for. Less than half is a bad sign."
    )
    return text % {**facts, "efficiency": _percent(forward["efficiency"])}


def held_out_meaning(held_out: dict[str, Any] | None) -> str:
    """The one look at what no choice has seen."""
    if held_out is None:
        return ""
    best, base = (held_out[name]["figures"]["total_return"] for name in ("best", "base"))
    if best is None or base is None:
        return _("On the time that was held out nothing can be told.")
    text = _(
        "On the time that was held out, which no choice has seen, the best setting came to %(best)s, the settings the "
        "sweep began from to %(base)s. Look at it once: choosing by it would use it up."
    )
    return text % {"best": _percent(best), "base": _percent(base)}


def fan_meaning(fan: dict[str, Any] | None) -> str:
    """How wide the ends of other pasts are spread."""
    if fan is None:
        return ""
    if fan["problem"]:
        return str(fan["problem"])
    ends = dict(zip(fan["percentiles"], fan["end_value"], strict=True))
    falls = dict(zip(fan["percentiles"], fan["max_drawdown"], strict=True))
    text = _(
        "On %(paths)s other pasts, made of blocks of this one, nine of ten end between %(low)s and %(high)s of what "
        "they began with; %(losing)s lose, and one of twenty falls by more than %(fall)s on its way."
    )
    return text % {
        "paths": count(fan["paths"]),
        "low": _percent(ends[5]),
        "high": _percent(ends[95]),
        "losing": _percent(fan["losing"]),
        "fall": _percent(-falls[5]),
    }


def _percent(fraction: float) -> str:
    return percent(Decimal(fraction) * HUNDRED, 1)


def _ratio(value: float, places: int) -> str:
    return number(quantize(Decimal(value), places))
