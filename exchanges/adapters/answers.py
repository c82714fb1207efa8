"""What an HTTP answer, or the lack of one, means: the body, or one error of our tree."""

import json
import re
import ssl
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from django.utils.translation import gettext as _
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as TransportSSLError

from exchanges.errors import (
    ClockSkew,
    CredentialsRefused,
    ExchangeError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)

# The rules of all symbols are a few MB; beyond this an answer is not one of Binance's.
MOST_BYTES = 32 * 1024 * 1024
PIECE_BYTES = 64 * 1024
# An answer must be complete within this many read timeouts.
ANSWER_TIMEOUTS = 2
# The longest ban there is (REST documentation, "IP limits"): what says more is not believed.
LONGEST_BAN_SECONDS = 3 * 24 * 3600
# The shortest ban there is: where a 418 does not say how long it lasts. Asking during a ban makes the next one longer.
SHORTEST_BAN_SECONDS = 120
FIREWALL_SECONDS = 60

# Binance's error codes by what they mean for us (REST documentation, "Errors").
CREDENTIAL_CODES = {-1002, -1022, -2008, -2014, -2015}
UNKNOWN_OUTCOME_CODES = {-1000, -1001, -1006, -1007}
BUSY_CODES = {-1004, -1008}
THROTTLE_CODES = {-1003, -1015}

_NEVER_CONNECTED = (NewConnectionError, ConnectTimeoutError)
_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")


class AnswerTooLong(Exception):
    """More bytes, or more time, than any answer needs."""


def read_body(response: requests.Response, deadline: float) -> bytes:
    """The whole body, decoded; AnswerTooLong past MOST_BYTES, or past `deadline` on the monotonic clock.

    Piece by piece as they arrive: a timeout of the socket alone would wait for ever on a byte every few seconds.
    """
    pieces: list[bytes] = []
    size = 0
    while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES or time.monotonic() > deadline:
            raise AnswerTooLong
    return b"".join(pieces)


def parsed_json(body: bytes) -> Any:
    """The JSON of a body; None where it is none (no answer of Binance is a bare null)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def code_and_text(body: Any) -> tuple[int, str]:
    """Binance's code and words in a body; 0 and "" where there are none."""
    if not isinstance(body, Mapping):
        return 0, ""
    code = body.get("code")
    return (code if isinstance(code, int) and not isinstance(code, bool) else 0), str(body.get("msg", ""))


def not_understood(is_read: bool, status: int = 0, why: str = "") -> ExchangeError:
    """A success that is not the answer which was asked for."""
    failure = Unavailable if is_read else OutcomeUnknown
    if why:
        return failure(_("The exchange's answer could not be understood: %(error)s") % {"error": why[:200]})
    return failure(_("The exchange's answer was cut short or is not JSON."), http_status=status)


def outcome_unknown(code: int, text: str) -> OutcomeUnknown:
    """A write of which the exchange's own words leave open whether it was executed."""
    said = f"{text} ({code})"
    return OutcomeUnknown(
        _("The exchange had an internal problem: %(said)s") % {"said": said}, exchange_code=code, exchange_message=text
    )


def too_long(is_read: bool) -> ExchangeError:
    """An answer past the bounds of `read_body`."""
    failure = Unavailable if is_read else OutcomeUnknown
    return failure(_("The exchange's answer was larger or slower than any of its answers should be."))


def network_error(error: Exception, is_read: bool) -> ExchangeError:
    """Timeouts and broken connections. A write is known not to have been sent only when no connection was made."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, ProxyError):  # of a proxy, too, only a connection that was never made is certain
        reason = reason.original_error
    # TLS can also break after the request has gone out; only a refused certificate is certain to come before it.
    cause = reason.args[0] if isinstance(reason, TransportSSLError) and reason.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unavailable(_("The exchange's certificate was not accepted."))
    if is_read or isinstance(error, requests.ConnectTimeout) or isinstance(reason, _NEVER_CONNECTED):
        return Unavailable(_("The exchange cannot be reached. Nothing was sent; please try again."))
    return OutcomeUnknown(_("The connection broke before the exchange answered; the outcome is being looked up."))


def error_for(
    status: int, code: int, text: str, is_read: bool, retry_after: str = "", now_ms: int = 0
) -> ExchangeError:
    """Which error an HTTP status and Binance's code and text mean, for a read or for a write.

    `retry_after` is the header as it came; `now_ms` the exchange's time, for headers and texts that name a moment.
    """
    known: dict[str, Any] = {"exchange_code": code, "exchange_message": text, "http_status": status}
    said = f"{text} ({code})" if text else f"HTTP {status}"
    if status in (418, 429) or code in THROTTLE_CODES:
        error = Throttled(_("The exchange asks us to slow down: %(said)s") % {"said": said}, **known)
        error.banned = status == 418
        least = SHORTEST_BAN_SECONDS if error.banned else 1
        error.retry_after = pause_seconds(retry_after, text if error.banned else "", now_ms, least)
        return error
    if code == -1021:
        message = _("This server's clock and the exchange's differ too much: %(said)s") % {"said": said}
        return ClockSkew(message, **known)
    if code in CREDENTIAL_CODES or status == 401:
        return CredentialsRefused(_("The exchange refused the API key: %(said)s") % {"said": said}, **known)
    if code in BUSY_CODES:
        return Unavailable(_("The exchange is overloaded: %(said)s") % {"said": said}, **known)
    if status >= 500 or code in UNKNOWN_OUTCOME_CODES or 300 <= status < 400:
        failure: type[ExchangeError] = Unavailable if is_read else OutcomeUnknown
        return failure(_("The exchange had an internal problem: %(said)s") % {"said": said}, **known)
    if status == 451:
        return Rejected(_("The exchange does not serve this server's location: %(said)s") % {"said": said}, **known)
    if status == 403 and not code:
        # Sent again and again, it becomes a ban. The whole host is left alone, for nobody says what it was about.
        refused = Throttled(_("The exchange's firewall refused the request (HTTP 403)."), **known)
        refused.retry_after = max(FIREWALL_SECONDS, pause_seconds(retry_after, "", now_ms))
        return refused
    if not is_read and code >= 0:
        # Only the exchange's own code says that a write was refused. 409 means that half of it was done.
        return OutcomeUnknown(_("The exchange's answer does not say what it did: %(said)s") % {"said": said}, **known)
    return Rejected(_("The exchange refused: %(said)s") % {"said": said}, **known)


def pause_seconds(retry_after: str, text: str, now_ms: int, unsaid: int = 1) -> float:
    """How long to send nothing: Retry-After in seconds or as a date, and for a ban the time its text names.

    `unsaid` where no time to come is named; never more than the longest ban there is.
    """
    said = 0
    if retry_after.isascii() and retry_after.isdecimal():
        said = int(retry_after[:12])
    elif (moment := _date_ms(retry_after)) is not None:
        said = _seconds_until(moment, now_ms)
    named = _BANNED_UNTIL.search(text)
    if named is not None:
        said = max(said, _seconds_until(int(named[1]), now_ms))
    return min(said, LONGEST_BAN_SECONDS) if said > 0 else unsaid


def _seconds_until(moment_ms: int, now_ms: int) -> int:
    """Rounded up: a moment too early would be too early."""
    return -((now_ms - moment_ms) // 1000)


def _date_ms(header: str) -> int | None:
    """Milliseconds of an HTTP date; None where it is none."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
