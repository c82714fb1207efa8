"""What this process knows of a host it talks to: a circuit that opens when the host is down. The pauses a host asks
for concern every process and are in the ledger.

One guard per base URL, shared by every adapter and thread of the process. The circuit's states and counts are
pybreaker's. The request itself runs outside the breaker, for two reasons: pybreaker holds its lock while the guarded
function runs, which would let one request at a time through; and its own error must never take the place of the one
that says whether an order may exist.
"""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pybreaker
from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib.moments import full_time
from exchanges.errors import ExchangeError, OutcomeUnknown, Unavailable

LONGEST_RETRY_WAIT_SECONDS = 5
"""So long a read waits by itself before its next try."""


class _Broken(Exception):
    """Tells the breaker of a failure."""


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

    def refusal(self) -> ExchangeError | None:
        """Why nothing may be sent now. None: go ahead; after a break the first to ask goes alone, as a trial."""
        with self._lock:
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


def _open_until(moment: datetime) -> Unavailable:
    error = Unavailable(
        _("The exchange has not been answering; nothing is sent to it until %(time)s.") % {"time": full_time(moment)}
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
    """Close every circuit: for tests, and after the network has been put right."""
    with _guards_lock:
        _guards.clear()
