"""How one request goes out and comes back: signed, bounded, logged in one line without secrets, and answered by a
value or by one error of our tree. Reads are tried again; what writes is sent once.

Secrets stay inside `_exchange` and what it calls, which never raise: an error is made there and raised by a caller, so
that no key, signature or signed address is in any frame of its traceback.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
from django.db import connections
from django.utils.translation import gettext as _
from urllib3.exceptions import HTTPError

from exchanges import schemas, signing
from exchanges.adapters import answers, clocks
from exchanges.adapters.guard import LONGEST_RETRY_WAIT_SECONDS, HostGuard, guard_of
from exchanges.adapters.session import HeldBack, asked_before_sending
from exchanges.adapters.weights import PLACES_AN_ORDER, SERVES_EVERYBODY, charged_weight
from exchanges.domain import RateLimit
from exchanges.errors import ClockSkew, CredentialsRefused, ExchangeError, Throttled, Unavailable
from exchanges.ledger.domain import SERVER
from exchanges.ledger.services import Meter, Pass

logger = logging.getLogger(__name__)
T = TypeVar("T")
Parameters = Sequence[tuple[str, str]]

READ_TRIES = 3
LONGEST_HOLD_SECONDS = 1
"""So long an order may take from its call to its first byte, and a cancel to be let go and again to connect."""


class InsideTransaction(RuntimeError):
    """The exchange was called inside a transaction: a rollback could forget an order that exists."""


def _refuse_inside_transaction() -> None:
    for alias in connections:
        connection = connections[alias]
        # A test case's own outer transaction is not the program's (the same test Django's `durable` makes).
        blocks: list[Any] = connection.atomic_blocks
        if alias == "default" and any(not block._from_testcase for block in blocks):
            raise InsideTransaction("The exchange must not be called inside atomic().")


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it is meant.

    `also_answers` are error codes whose bodies the caller reads itself: they say under `data` what became of it.
    With `is_timed` the moments between which it was sent and answered are kept.
    """

    method: str
    path: str
    parameters: Parameters = ()
    is_signed: bool = False
    is_read: bool = True
    also_answers: frozenset[int] = frozenset()
    is_timed: bool = False

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def places_an_order(self) -> bool:
        return self.route in PLACES_AN_ORDER

    def weight(self, *, succeeded: bool) -> int:
        return charged_weight(self.method, self.path, dict(self.parameters), succeeded=succeeded)


@dataclass(slots=True)
class _Outcome:
    """What came of one request: a body, or an error."""

    body: Any = field(default=None, repr=False)
    error: ExchangeError | None = None
    status: int = 0
    code: int = 0
    is_sent: bool = True
    told: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        return self.error is None and self.code == 0


class Wire:
    """The connection of one account to one host. `api_key` and `api_secret` may be empty for public data."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        api_secret: str,
        session: requests.Session,
        meter: Meter,
        timeout: tuple[float, float],
        recv_window_ms: int,
        read_seconds: int,
        backoff_seconds: float,
        clock: Callable[[], int],
        sleep: Callable[[float], None],
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.host = urlsplit(base_url).netloc.rpartition("@")[2]
        self.recv_window_ms = recv_window_ms
        self.key_tail = api_key[-4:]
        self.used_limits: dict[str, int] = {}
        self._api_key = api_key
        self._api_secret = api_secret
        self._key: signing.Key | None = None
        self._session = session
        self._meter = meter
        self._timeout = timeout
        self._read_seconds = read_seconds
        self._backoff_seconds = backoff_seconds
        self._clock = clock
        self._sleep = sleep
        self._moments = (0, 0)

    def __repr__(self) -> str:
        return f"Wire({self.host}, key …{self.key_tail})"

    # --- the exchange's clock -----------------------------------------------------------------------------

    def sync_clock(self) -> int:
        """Measure and remember by how many ms the exchange's clock is ahead of ours."""
        server = self.read("/api/v3/time", schemas.server_time, is_timed=True)
        return clocks.keep(self.base_url, server, *self._moments)

    def hang_up(self) -> None:
        """Close this thread's connections: what may still arrive on them is nobody's answer."""
        self._session.close()

    # --- reads and writes ---------------------------------------------------------------------------------

    def read(
        self,
        path: str,
        parse: Callable[[Any], T],
        parameters: Parameters = (),
        *,
        signed: bool = False,
        method: str = "GET",
        is_timed: bool = False,
    ) -> T:
        """What changes nothing, with up to READ_TRIES tries; a skewed clock is measured again before the next one."""
        call = Call(method, path, parameters, is_signed=signed, is_timed=is_timed)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_worth_another_try),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(READ_TRIES), tenacity.stop_before_delay(self._read_seconds)
            ),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                return self._try_read(call, parse, attempt.retry_state.attempt_number)
        raise AssertionError("a retry loop ends with an answer or an error")

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Exponential backoff with full jitter, but never less than the Retry-After we were given."""
        most = min(LONGEST_RETRY_WAIT_SECONDS, self._backoff_seconds * 2 ** (state.attempt_number - 1))
        backoff = random.uniform(0, most)  # noqa: S311  (spreads load, protects nothing)
        error = state.outcome.exception() if state.outcome else None
        return max(backoff, error.retry_after) if isinstance(error, Throttled) else backoff

    def _try_read(self, call: Call, parse: Callable[[Any], T], attempt: int) -> T:
        now = self._clock() if call.is_signed else None
        if now is not None and clocks.is_stale(self.base_url, now):
            self.sync_clock()
            now = self._clock()
        try:
            return self.send(call, parse, now, attempt)
        except ClockSkew:
            if call.is_signed and attempt < READ_TRIES:  # the clock itself is asked for without a timestamp
                self.sync_clock()
            raise

    def write(self, call: Call, parse: Callable[[Any], T], timestamp_ms: int, attempt: int = 1) -> T:
        """Send once, whatever happens."""
        return self.send(call, parse, timestamp_ms, attempt)

    def cancel(self, path: str, parameters: Parameters, parse: Callable[[Any], T]) -> T:
        """DELETE; after -1021, which was refused before execution, once more with the right clock."""
        call = Call("DELETE", path, parameters, is_signed=True, is_read=False)
        try:
            return self.write(call, parse, self._clock())
        except ClockSkew:
            self.sync_clock()
        return self.write(call, parse, self._clock(), attempt=2)

    # --- one request --------------------------------------------------------------------------------------

    def send(self, call: Call, parse: Callable[[Any], T], timestamp_ms: int | None, attempt: int = 1) -> T:
        """One request and one line in the log. What `parse` makes of the answer, or one error of our tree."""
        _refuse_inside_transaction()
        guard = guard_of(self.base_url)
        started, called_ms = time.monotonic(), self._clock() if call.places_an_order else None
        passed = self._missing_key(call) or guard.refusal() or self._admit(call, guard, started)
        found: list[T] = []
        if isinstance(passed, ExchangeError):
            outcome = _Outcome(error=passed, is_sent=False)
        else:
            finished = False
            try:
                outcome = self._exchange(call, timestamp_ms, partial(self._held_back, passed, called_ms))
                if outcome.is_sent:
                    is_free = outcome.is_success and call.weight(succeeded=True) == 0
                    self._meter.ledger.settle(passed, outcome.error, outcome.status, outcome.told, is_free=is_free)
                    if outcome.error is None:
                        found, outcome.error = _parsed(parse, outcome.body, is_read=call.is_read)
                    finished = True
                else:
                    self._meter.ledger.give_back(passed)
            finally:
                if not finished:
                    guard.let_go()
            if finished:
                guard.report(outcome.error)
        self._log(call, outcome, int((time.monotonic() - started) * 1000), attempt)
        if outcome.error is not None:
            raise outcome.error
        return found[0]

    def _admit(self, call: Call, guard: HostGuard, started: float) -> Pass | ExchangeError:
        """The ledger's pass; until then nothing has been sent. What writes goes at once or not at all."""
        ledger, owner = self._meter.ledger, self._meter.owner
        admitted = False
        try:
            passed = ledger.admit(
                self.base_url,
                owner=SERVER if call.route in SERVES_EVERYBODY else owner,
                account=self._meter.account,
                weight=call.weight(succeeded=False),
                orders=int(call.places_an_order),
                is_read=call.is_read,
                offset_ms=clocks.offset_ms(self.base_url),
            )
            if isinstance(passed, ExchangeError):
                return passed
            if not call.is_read and time.monotonic() - started > LONGEST_HOLD_SECONDS:
                ledger.give_back(passed)
                return _held_too_long()
            admitted = True
            return passed
        finally:
            if not admitted:
                guard.let_go()

    def _held_back(self, passed: Pass, called_ms: int | None) -> ExchangeError | None:
        """The last look before the first byte: connecting takes time, in which a ban may have begun, and in which an
        order that was asked for at `called_ms` may have become too old. A clock that was set meanwhile counts as late.
        """
        if called_ms is not None and not 0 <= self._clock() - called_ms <= LONGEST_HOLD_SECONDS * 1000:
            return _held_too_long()
        return self._meter.ledger.held_since(passed)

    def learn_limits(self, limits: Sequence[RateLimit]) -> None:
        """Tell the ledger what the exchange allows."""
        self._meter.ledger.learn(self.base_url, {limit.name: limit.limit for limit in limits})

    def _missing_key(self, call: Call) -> CredentialsRefused | None:
        if not call.is_signed:
            return None
        if not (self._api_key and self._api_secret):
            return CredentialsRefused(_("This account has no API key for the exchange."))
        if self._key is None:
            key = signing.read_key(self._api_secret, is_checked=True)
            if isinstance(key, signing.KeyProblem):
                return CredentialsRefused(_("The private key of this account cannot be read. Connect it again."))
            self._key = key
        return None

    def _exchange(
        self, call: Call, timestamp_ms: int | None, held_back: Callable[[], ExchangeError | None]
    ) -> _Outcome:
        """Sign, send, read. Never raises what a network or an exchange can cause."""
        deadline = time.monotonic() + answers.ANSWER_TIMEOUTS * self._timeout[1]
        connect_seconds, read_seconds = self._timeout
        if not call.is_read:
            connect_seconds = min(connect_seconds, LONGEST_HOLD_SECONDS)
        try:
            url, data, headers = self._request(call, timestamp_ms)
            sent_ms = self._clock() if call.is_timed else 0
            with (
                asked_before_sending(held_back),
                self._session.request(
                    call.method,
                    url,
                    data=data,
                    headers=headers,
                    timeout=(connect_seconds, read_seconds),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = answers.parsed_json(answers.read_body(response, deadline))
            if call.is_timed:
                self._moments = (sent_ms, self._clock())
        except HeldBack as held:
            return _Outcome(error=held.error, is_sent=False)
        except answers.AnswerTooLong:
            return _Outcome(error=answers.too_long(call.is_read))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return _Outcome(error=answers.network_error(error, call.is_read))
        outcome = self._judged(call, response.status_code, response.headers.get("Retry-After", ""), body)
        outcome.told = schemas.used_limits(response.headers)
        self.used_limits |= outcome.told
        return outcome

    def _request(self, call: Call, timestamp_ms: int | None) -> tuple[str, str | None, dict[str, str]]:
        """Address, body and headers; signed when there is a timestamp."""
        headers = {"Accept": "application/json"}
        payload = signing.encode(call.parameters)
        if timestamp_ms is not None and self._key is not None:
            headers["X-MBX-APIKEY"] = self._api_key
            stamp = timestamp_ms + clocks.offset_ms(self.base_url)
            timing = [("recvWindow", str(self.recv_window_ms)), ("timestamp", str(stamp))]
            payload = signing.signed([*call.parameters, *timing], self._key)
        url = f"{self.base_url}{call.path}"
        if call.method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return url, payload, headers
        return (f"{url}?{payload}" if payload else url), None, headers

    def _judged(self, call: Call, status: int, retry_after: str, body: Any) -> _Outcome:
        """An answer as the body it holds or the error it means."""
        if 200 <= status < 300:
            error = answers.not_understood(call.is_read, status) if body is None else None
            return _Outcome(body, error, status)
        code, text = answers.code_and_text(body)
        if code in call.also_answers or (call.also_answers and code and isinstance(body.get("data"), Mapping)):
            return _Outcome(body, None, status, code)
        if call.also_answers and status == 429 and not code:
            # Half of it may have been done (-2021 comes with 429 too), and the words that would say so are lost.
            return _Outcome(None, answers.outcome_unknown(code, f"HTTP {status}"), status, code)
        now = self._clock() + clocks.offset_ms(self.base_url) if status in (403, 418, 429) else 0
        error = answers.error_for(status, code, text, call.is_read, retry_after, now)
        return _Outcome(None, error, status, code)

    def _log(self, call: Call, outcome: _Outcome, milliseconds: int, attempt: int) -> None:
        said = ("" if outcome.is_sent else "not_sent:") + (outcome.error.code if outcome.error else "ok")
        self._meter.ledger.count(self.base_url, said)
        logger.info(
            "exchange_call host=%s method=%s route=%s weight=%s status=%s code=%s ms=%s attempt=%s outcome=%s",
            self.host,
            call.method,
            call.path,
            call.weight(succeeded=outcome.is_success) if outcome.is_sent else 0,
            outcome.status,
            outcome.code,
            milliseconds,
            attempt,
            said,
        )


def _parsed(parse: Callable[[Any], T], body: Any, *, is_read: bool) -> tuple[list[T], ExchangeError | None]:
    """What the answer holds, or why it was not understood. The first without the traceback of the second's cause."""
    try:
        return [parse(body)], None
    except (ValueError, TypeError, ArithmeticError) as error:
        why = str(error)
    return [], answers.not_understood(is_read, why=why)


def _held_too_long() -> Unavailable:
    return Unavailable(_("This server took too long to let the request go. Nothing was sent."))


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, Throttled):
        # What the ledger held back has waited already.
        return error.retry_after <= LONGEST_RETRY_WAIT_SECONDS and not error.banned and not error.not_sent
    if isinstance(error, Unavailable):
        return not error.not_before_ms
    return isinstance(error, ClockSkew)
