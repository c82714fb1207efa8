"""Small balances in words, and as the API shows them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from botbalance.lib.money import plain, quantize
from botbalance.lib.numbers import in_words
from orders.dust.domain import DUST_REASONS, DustRow
from orders.dust.models import DustSweep
from orders.dust.services import DustReport, Offer
from orders.presentation import Words

STATE_WORDS: Mapping[str, Words] = {
    DustSweep.State.PENDING: Words("", _("to be sent"), _("Meant, and not sent to the exchange yet.")),
    DustSweep.State.UNKNOWN: Words(
        "warn", _("being looked up"), _("Sent, and the answer is not known: the exchange's record is being read.")
    ),
    DustSweep.State.DONE: Words("ok", _("converted"), _("All that was free of these is BNB now.")),
    DustSweep.State.FAILED: Words("bad", _("not converted"), _("Nothing was converted.")),
}
LEFT_OUT: Mapping[str, str | Promise] = {
    "wanted": _("A target of the active strategy, which may buy more of it."),
    "bnb": _("What the others are converted to."),
    "not_taken": _("The exchange does not convert it."),
}


def dust_reason(row: DustRow) -> str:
    """Why a balance cannot be traded, in the language that is spoken."""
    return gettext(DUST_REASONS[row.code]).format(**in_words(row.values))


def report_body(report: DustReport) -> dict[str, Any]:
    """Small balances as the API shows them."""
    return {
        "account": report.account.pk,
        "quote": report.valuation.quote,
        "as_of": report.balances.as_of,
        "problem": report.balances.problem,
        "worth": plain(quantize(report.worth, 8)),
        "can_convert": not report.cannot_sweep,
        "cannot_convert_because": report.cannot_sweep,
        "assets": [
            {
                "asset": row.asset,
                "free": plain(row.free),
                "locked": plain(row.locked),
                "worth": _amount(row.worth),
                "code": row.code,
                "reason": dust_reason(row),
                "is_target": row.is_wanted,
            }
            for row in report.rows
        ],
    }


def offer_body(offer: Offer) -> dict[str, Any]:
    """What a conversion would give, as the API shows it."""
    return {
        "account": offer.report.account.pk,
        "assets": [
            {
                "asset": line.asset,
                "amount": plain(line.amount),
                "received": plain(line.received),
                "charge": plain(line.charge),
            }
            for line in offer.lines
        ],
        "received": plain(offer.received),
        "charge": plain(offer.charge),
        "bnb_price": _amount(offer.bnb_price),
        "left_out": [{"asset": asset, "code": code, "reason": str(LEFT_OUT[code])} for asset, code in offer.left_out],
    }


def sweep_body(sweep: DustSweep) -> dict[str, Any]:
    """A conversion as the API shows it."""
    return {
        "id": sweep.pk,
        "account": sweep.account_id,
        "state": sweep.state,
        "problem": sweep.problem,
        "assets": sweep.assets,
        "lines": sweep.lines,
        "received": plain(sweep.received),
        "charge": plain(sweep.charge),
        "created_at": sweep.created_at,
        "executed_at": sweep.executed_at,
    }


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain(quantize(value, 8))
