"""How the settings of a strategy are put into words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from strategies.domain import REASONS, Skip
from strategies.models import Strategy

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
        parts.append(ngettext("%(count)s day", "%(count)s days", days) % {"count": days})
    if hours:
        parts.append(ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours})
    if left:
        parts.append(ngettext("%(count)s minute", "%(count)s minutes", left) % {"count": left})
    return " ".join(parts)


def skip_reason(skip: Skip) -> str:
    """Why an asset is left alone, in the language that is spoken."""
    return _(REASONS[skip.code]).format(**skip.values)


def when_it_acts(strategy: Strategy) -> str:
    """When the strategy's autopilot trades, once it is on, as a sentence."""
    every = {"interval": interval_in_words(strategy.interval_minutes)}
    if strategy.trigger_mode == Strategy.Trigger.PERIODIC:
        return _("Every %(interval)s, everything to its target.") % every
    if strategy.trigger_mode == Strategy.Trigger.BOTH:
        return _("Every %(interval)s, if a weight is outside its band.") % every
    return _("Whenever a weight leaves its band.")
