"""How the settings of a strategy are put into words."""

from collections.abc import Mapping

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from botbalance.lib.numbers import amount, count, in_words
from strategies import concerns
from strategies.domain import REASONS, Leg, Plan, Skip
from strategies.models import Strategy
from strategies.target_models import MODEL_REASONS, REFUSALS, ModelKind, NoWeights

MINUTES_OF_A_DAY = 1440


def interval_in_words(minutes: object) -> str:
    """1440 or "1440" -> "1 day", 2190 -> "1 day 12 hours 30 minutes"; "" for what is no number of minutes."""
    text = str(minutes).strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) == 0:
        return ""
    days, rest = divmod(int(text), MINUTES_OF_A_DAY)
    hours, left = divmod(rest, 60)
    parts = []
    if days:
        parts.append(ngettext("%(count)s day", "%(count)s days", days) % {"count": count(days)})
    if hours:
        parts.append(ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours})
    if left:
        parts.append(ngettext("%(count)s minute", "%(count)s minutes", left) % {"count": left})
    return " ".join(parts)


def skip_reason(skip: Skip) -> str:
    """Why an asset is left alone, in the language that is spoken."""
    return _(REASONS[skip.code]).format(**in_words(skip.values))


def leg_reason(plan: Plan, leg: Leg) -> str:
    """What an order is for that is none of a coin against the quote for its weight, in the language that is spoken; ""
    for one that is.
    """
    if leg is plan.leg_for_fees:
        return _("To pay fees with: less than half of the BNB that is kept for them is left.")
    return "" if leg.told is None else skip_reason(leg.told)


def model_reason(code: str, values: Mapping[str, str]) -> str:
    """Why a model gives an asset its weight, in the language that is spoken; "" for a code from another version."""
    return _(MODEL_REASONS[code]).format(**in_words(values)) if code in MODEL_REASONS else ""


def model_refusal(refused: NoWeights) -> str:
    """Why a model gives no weights, in the language that is spoken."""
    return _(REFUSALS[refused.code]).format(**in_words(refused.values))


def model_summary(strategy: Strategy) -> str:
    """How the strategy's model weighs, as sentences; "" where its weights are fixed."""
    model = Strategy.Model(strategy.target_model)
    if model == Strategy.Model.FIXED:
        return ""
    shown = concerns.fields_of(ModelKind(model.value))
    parts = [f"{capfirst(str(model.label))}."]
    if "model_lookback_days" in shown:
        days = strategy.model_lookback_days
        parts.append(
            ngettext("It looks back %(count)s day.", "It looks back %(count)s days.", days) % {"count": count(days)}
        )
    if "model_cap_pct" in shown and strategy.model_cap_pct is not None:
        parts.append(_("At most %(cap)s%% for one asset.") % {"cap": amount(strategy.model_cap_pct)})
    if "model_top_k" in shown:
        parts.append(_("The best %(count)s are held.") % {"count": strategy.model_top_k})
    parts.append(_("It divides %(total)s%% of the portfolio.") % {"total": amount(strategy.model_total_pct)})
    days = strategy.model_refresh_days
    parts.append(ngettext("New weights every day.", "New weights every %(count)s days.", days) % {"count": count(days)})
    if strategy.model_auto_apply:
        parts.append(_("They are applied without asking."))
    return " ".join(parts)


def rhythm_in_words(strategy: Strategy) -> str:
    """How often its schedule comes round: "once in 1 day", "every Monday"."""
    if strategy.calendar:
        return strategy.get_calendar_display()
    return _("once in %(interval)s") % {"interval": interval_in_words(strategy.interval_minutes)}


def first_time_in_words(strategy: Strategy) -> str:
    """When a schedule that begins has its first time: "1 day later", "at the next turn: every Monday"."""
    if strategy.calendar:
        return _("at the next turn (%(turn)s)") % {"turn": strategy.get_calendar_display()}
    return _("%(interval)s later") % {"interval": interval_in_words(strategy.interval_minutes)}


def when_it_acts(strategy: Strategy) -> str:
    """When the strategy's autopilot trades, once it is on, as a sentence."""
    if strategy.trigger_mode != Strategy.Trigger.THRESHOLD and strategy.calendar:
        rhythm = {"rhythm": rhythm_in_words(strategy)}
        if strategy.trigger_mode == Strategy.Trigger.PERIODIC:
            return _("By the calendar, %(rhythm)s: everything to its target.") % rhythm
        return _("By the calendar, %(rhythm)s: what is outside its band.") % rhythm
    every = {"interval": interval_in_words(strategy.interval_minutes)}
    if strategy.trigger_mode == Strategy.Trigger.PERIODIC:
        return _("Every %(interval)s, everything to its target.") % every
    if strategy.trigger_mode == Strategy.Trigger.BOTH:
        return _("Every %(interval)s, if a weight is outside its band.") % every
    if strategy.whole_portfolio:
        return _("Whenever a weight leaves its band, everything to its target.")
    return _("Whenever a weight leaves its band.")
