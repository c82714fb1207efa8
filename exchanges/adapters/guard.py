"""What this process knows of a host it talks to: a circuit that opens when the host is down, and the
pauses it asks for.

One guard per base URL, shared by every adapter and thread of the process. The circuit's states and counts are
pybreaker's. The request itself runs outside the breaker, for two reasons: pybreaker holds its lock while the guarded
function runs, which would let one request at a time through; and its own error must never take the place of the one
that says whether an order may exist.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pybreaker
from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib.clock import now_ms
from exchanges.errors import ExchangeError, OutcomeUnknown, Throttled, Unavailable

LONGEST_RETRY_WAIT_SECONDS = 5
"""So long a read waits by itself before its next try."""
TOO_MANY_ORDERS = -1015
"""An account's own limit, which holds up nobody else."""


class _Broken(Exception):
    """Tells the breaker of a failure."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """From 429 or 418 until its Retry-After: going on regardless is what makes a ban, and a ban longer."""

    since_ms: int
    until_ms: int
    cause: Throttled

    def error(self, now: int) -> Throttled | None:
        """Why nothing may be sent at this moment; None when the pause is over, or the clock was set back before it."""
        if not self.since_ms <= now < self.until_ms:
            return None
        until = {"time": _clock_time(datetime.fromtimestamp(self.until_ms / 1000, UTC))}
        said = (
            _("The exchange has banned this server's address; nothing is sent to it until %(time)s.")
            if self.cause.banned
            else _("The exchange asked this server to slow down; nothing is sent to it until %(time)s.")
        )
        error = Throttled(said % until, http_status=self.cause.http_status)
        error.retry_after = (self.until_ms - now) / 1000
        error.banned = self.cause.banned
        return error


class HostGuard:
    """Ask `refusal` before a request, and `report` after it; `let_go` where there is nothing to report."""

    def __init__(self, failures: int, seconds: int) -> None:
        self._lock = threading.Lock()
        self._memory = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._seconds = seconds
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures, reset_timeout=seconds, state_storage=self._memory, throw_new_error_on_trip=False
        )
        self._trial_under_way = False
        self._pause: _Pause | None = None

    def refusal(self) -> ExchangeError | None:
        """Why nothing may be sent now. None: go ahead; after a pause the first to ask goes alone, as a trial."""
        with self._lock:
            if self._pause is not None:
                held = self._pause.error(now_ms())
                if held is not None:
                    return held
                self._pause = None
            state = self._memory.state
            if state == pybreaker.STATE_CLOSED:
                return None
            if state == pybreaker.STATE_OPEN:
                opened, now = self._memory.opened_at or datetime.now(UTC), datetime.now(UTC)
                opens = opened + timedelta(seconds=self._seconds)
                if opened <= now < opens:  # a clock that was set back ends the pause
                    return _open_until(opens)
                self._breaker.half_open()
                self._trial_under_way = False
            if self._trial_under_way:
                return _open_until(datetime.now(UTC) + timedelta(seconds=1))
            self._trial_under_way = True
            return None

    def report(self, error: ExchangeError | None) -> None:
        """How a request went. Answers, whatever they say, are a sign of life; broken connections and 5xx are not."""
        with self._lock:
            self._trial_under_way = False
            if isinstance(error, Throttled) and _concerns_all(error):
                now = now_ms()
                self._pause = _Pause(now, now + int(error.retry_after * 1000), error)
            # The caller raises its own error; a request from before the circuit opened changes nothing now.
            with suppress(_Broken, pybreaker.CircuitBreakerError):
                self._breaker.call(_fail if _is_breakage(error) else _succeed)

    def let_go(self) -> None:
        """The request ended without an outcome (the process was told to stop): the next may be the trial."""
        with self._lock:
            self._trial_under_way = False


def _fail() -> None:
    raise _Broken


def _succeed() -> None:
    """Nothing: the breaker hears of a success."""


def _is_breakage(error: ExchangeError | None) -> bool:
    return isinstance(error, Unavailable | OutcomeUnknown) and not 400 <= error.http_status < 500


def _concerns_all(error: Throttled) -> bool:
    """A ban, or a pause longer than the reads that met it wait by themselves; not an account's own limit."""
    return error.banned or (error.exchange_code != TOO_MANY_ORDERS and error.retry_after > LONGEST_RETRY_WAIT_SECONDS)


def _clock_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _open_until(moment: datetime) -> Unavailable:
    error = Unavailable(
        _("The exchange has not been answering; nothing is sent to it until %(time)s.") % {"time": _clock_time(moment)}
    )
    error.not_before_ms = int(moment.timestamp() * 1000)
    return error


_guards: dict[str, HostGuard] = {}
_guards_lock = threading.Lock()


def guard_of(base_url: str) -> HostGuard:
    """This process's guard of a host."""
    with _guards_lock:
        if base_url not in _guards:
            _guards[base_url] = HostGuard(settings.EXCHANGE_BREAKER_FAILURES, settings.EXCHANGE_BREAKER_SECONDS)
        return _guards[base_url]


def forget_guards() -> None:
    """Close every circuit and forget every ban: for tests, and after the network has been put right."""
    with _guards_lock:
        _guards.clear()
