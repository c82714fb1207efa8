"""Why the ledger lets a request not go, in words."""

from datetime import UTC, datetime

from django.utils.translation import gettext as _

from botbalance.lib.moments import full_time
from exchanges.errors import Throttled, Unavailable
from exchanges.ledger.domain import Reason, Verdict
from exchanges.ledger.pause import BANNED, SLOWED


def refusal(verdict: Verdict, now: int) -> Throttled:
    """Why nothing was sent, and until when."""
    sentences = {
        Reason.SLOWED: held_sentence(SLOWED),
        Reason.BANNED: held_sentence(BANNED),
        Reason.TRIAL: _("A ban of this server's address has just ended; one request tries first. Nothing was sent."),
        Reason.WEIGHT: _(
            "This server has asked the exchange all it may this minute. Nothing more is sent until %(time)s."
        ),
        Reason.ORDERS: _("This account has placed all the orders it may for now. Nothing more is sent until %(time)s."),
        Reason.ORDERS_PAUSED: _("The exchange takes no more orders of this account until %(time)s. Nothing was sent."),
    }
    message = sentences[verdict.reason] % {"time": clock_time(verdict.until_ms)}
    status = {Reason.SLOWED: SLOWED, Reason.BANNED: BANNED}.get(verdict.reason, 0)
    error = Throttled(message, http_status=status)
    error.retry_after = max(0, verdict.until_ms - now) / 1000
    error.banned = verdict.reason == Reason.BANNED
    error.not_sent = True
    return error


def held_sentence(status: int) -> str:
    """Why nothing is sent after a 429 or a 418, with a place for the time it ends."""
    if status == BANNED:
        return _("The exchange has banned this server's address; nothing is sent to it until %(time)s.")
    return _("The exchange asked this server to slow down; nothing is sent to it until %(time)s.")


def clock_time(moment_ms: int) -> str:
    """A moment in the zone of whoever reads it."""
    return full_time(datetime.fromtimestamp(moment_ms / 1000, UTC))


def store_down() -> Unavailable:
    return Unavailable(
        _("This server's ledger of exchange traffic cannot be reached. Nothing was sent; try again later.")
    )
