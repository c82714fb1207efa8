"""Names and reasons of performance in the reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portfolio.performance.returns import Unknown

PERIOD_NAMES: Mapping[str, str | Promise] = {
    "7d": _("7 days"),
    "30d": _("30 days"),
    "90d": _("90 days"),
    "1y": _("1 year"),
    "all": _("All"),
}
REASONS: Mapping[Unknown, str | Promise] = {
    Unknown.TOO_SHORT: _("There is only one valuation in this time."),
    Unknown.NOTHING_INVESTED: _("Nothing was invested in this time."),
    Unknown.NEGATIVE: _("More was taken out than there was to take."),
    Unknown.UNEXPLAINED: _("The account came to hold something, and nothing says where from."),
    Unknown.NO_RATE: _("No rate explains what was paid in and what became of it."),
    Unknown.AMBIGUOUS: _("Several rates explain what was paid in and what became of it, so none is shown."),
    Unknown.PRICE_MISSING: _(
        "A price it takes was not recorded: prices are recorded of what the account holds, and of bitcoin."
    ),
}


def reason(unknown: Unknown | None) -> str:
    """Why a figure is not known, "" where it is."""
    return "" if unknown is None else str(REASONS[unknown])
