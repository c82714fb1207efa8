"""What can go wrong between a client and an exchange, made to happen on purpose: in tests and in drills.

A fault is a mapping: `kind`, and optionally `match` ("POST /api/v3/order", a prefix; "" is every request), `nth` (begin
with the n-th such request, from 1), `times` (how many in a row), `seconds`, `status`, `code`. There are three ways in:

    with plan([{"match": "POST /api/v3/order", "kind": "lost_after"}]) as given: ...      a test, in its own process
    PAPER_FAULTS='[{"kind": "throttled", "seconds": 5}]'                                  a whole process
    X-Paper-Fault: {"kind": "reset_after"}                                                one request, over HTTP

The last two are obeyed only where EXCHANGE_ENV is mock. What a fault means on each road is in docs/paper-exchange.md.
"""

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from exchanges.paper.wire import Answer, ApiRefusal, refusal

logger = logging.getLogger(__name__)

VARIABLE = "PAPER_FAULTS"
HEADER = "X-Paper-Fault"
MOST_SECONDS = 600

UNKNOWN = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
}
GEO_BLOCK = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms. "
    "Please contact customer service if you believe you received this message in error."
)
KILLS = frozenset({"kill_before", "kill_after"})
KINDS = KILLS | {
    "refuse", "lost_before", "lost_after", "reset_before", "reset_after", "error_before", "error_after",
    "throttled", "banned", "clock_skew", "not_found", "truncated", "cut_short", "html", "firewall", "geo_block",
    "redirect", "slow", "duplicate", "duplicate_answer",
}  # fmt: skip
# The exchange acts on the request, and the client learns of it late, wrongly or not at all.
_ACTS = frozenset(
    {
        "lost_after", "reset_after", "error_after", "kill_after", "truncated", "cut_short", "slow", "duplicate",
        "duplicate_answer",
    }
)  # fmt: skip
_OF_ONE_REQUEST = ("kind", "seconds", "status", "code")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of failure and when it happens. `seconds` is a delay, or what Retry-After says."""

    kind: str
    match: str = ""
    nth: int = 1
    times: int = 1
    seconds: float = 0
    status: int = 0
    code: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError, with a sentence, for what makes no sense."""
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of fault; there are {', '.join(sorted(KINDS))}")
        if not isinstance(self.match, str):
            raise ValueError("match of a fault is text, such as POST /api/v3/order")
        if not all(_is_whole(value) for value in (self.nth, self.times, self.status, self.code)):
            raise ValueError("nth, times, status and code of a fault are whole numbers")
        if self.nth < 1 or self.times < 1:
            raise ValueError("nth and times of a fault begin at 1")
        if (
            not isinstance(self.seconds, Real)
            or isinstance(self.seconds, bool)
            or not 0 <= self.seconds <= MOST_SECONDS
        ):
            raise ValueError(f"seconds of a fault are from 0 to {MOST_SECONDS}")
        if self.status and not 300 <= self.status <= 599:
            raise ValueError("status of a fault is an HTTP status from 300 to 599")
        if self.kind in ("error_before", "error_after") and self.code and self.code not in UNKNOWN:
            known = ", ".join(map(str, sorted(UNKNOWN)))
            raise ValueError(f"code of an error is one of the server's side: {known}; not {self.code}")

    @classmethod
    def of(cls, given: object) -> "Fault":
        """The fault of a JSON object; ValueError, with a sentence, for anything else."""
        if not isinstance(given, dict) or "kind" not in given:
            raise ValueError('a fault is an object such as {"kind": "reset_after"}')
        strange = sorted(given.keys() - {each.name for each in fields(cls)})
        if strange:
            raise ValueError(f"a fault has no {', '.join(strange)}")
        if not isinstance(given["kind"], str):
            raise ValueError("kind of a fault is text")
        return cls(**given)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(slots=True)
class Plan:
    """Faults waiting to happen, and those that have happened, as (kind, request)."""

    faults: Sequence[Fault]
    happened: list[tuple[str, str]] = field(default_factory=list)
    _seen: list[int] = field(default_factory=list)

    def next(self, request: str) -> Fault | None:
        """The fault that this request meets; every fault counts the requests that match it."""
        self._seen = self._seen or [0] * len(self.faults)
        found = None
        for position, fault in enumerate(self.faults):
            if request.startswith(fault.match):
                self._seen[position] += 1
                if found is None and fault.nth <= self._seen[position] < fault.nth + fault.times:
                    found = fault
        if found is not None:
            self.happened.append((found.kind, request))
        return found


_lock = threading.RLock()  # what a test does when a fault happens may meet the next one
_plans: list[Plan] = []
_process_plan: Plan | None = None


@contextmanager
def plan(faults: Sequence[Mapping[str, Any]]) -> Iterator[Plan]:
    """Let these faults happen inside the block, in every thread of the process."""
    made = Plan([Fault(**fault) for fault in faults])
    with _lock:
        _plans.append(made)
    try:
        yield made
    finally:
        with _lock:
            _plans.remove(made)


def parse_plan(text: str) -> list[Fault]:
    """The faults of a JSON list; ValueError, with a sentence, when it is none."""
    given = _json(text)
    if not isinstance(given, list):
        raise ValueError('a plan is a list of faults, such as [{"kind": "throttled", "times": 3}]')
    return [Fault.of(each) for each in given]


def parse_header(text: str) -> Fault:
    """The fault of one request; ValueError, with a sentence, when it is none."""
    given = _json(text)
    fault = Fault.of(given)
    if any(name not in _OF_ONE_REQUEST for name in given):
        raise ValueError(f"a fault of one request has only {', '.join(_OF_ONE_REQUEST)}")
    return fault


def malformed(error: ValueError) -> Answer:
    """What is answered to a request whose header asks for no fault that exists."""
    return refusal(ApiRefusal(0, f"{HEADER}: {error}."))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None


def are_allowed() -> bool:
    """Whether faults may be asked for from outside the process: only where nothing but paper is traded."""
    return bool(settings.EXCHANGE_ENV == "mock")


def set_process_plan(faults: Sequence[Fault]) -> None:
    """Let these faults happen to every request of this process, instead of those of PAPER_FAULTS."""
    global _process_plan
    with _lock:
        _process_plan = Plan(faults)


def next_fault(method: str, path: str) -> Fault | None:
    """The fault this request meets, if any: of the innermost plan that has one, then of the process's."""
    request = f"{method} {path}"
    with _lock:
        for made in (*reversed(_plans), _of_process()):
            fault = made.next(request)
            if fault is not None:
                return fault
    return None


def _of_process() -> Plan:
    """The plan of the process: at first that of PAPER_FAULTS, read once."""
    global _process_plan
    if _process_plan is None:
        text = os.environ.get(VARIABLE, "")
        if text and not are_allowed():
            logger.warning("%s is ignored: EXCHANGE_ENV is %s, not mock", VARIABLE, settings.EXCHANGE_ENV)
            text = ""
        try:
            _process_plan = Plan(parse_plan(text) if text else [])
        except ValueError as error:
            raise ImproperlyConfigured(f"{VARIABLE} must be a JSON list of faults: {error}.") from None
    return _process_plan


# --- What a fault does -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client meets: `answer` after `seconds`; or, with `is_repeated`, at once and on the same connection again
    after `seconds`; or no answer and a connection that is refused, reset, or silent (for `seconds`, where somebody
    waits so long). How that looks is the transport's matter.
    """

    answer: Answer | None = None
    failure: Literal["", "refused", "reset", "silent"] = ""
    seconds: float = 0
    is_repeated: bool = False


def happen(fault: Fault, process: Callable[[], Answer]) -> Outcome:
    """Let `fault` happen to a request that `process` answers: zero, one or two times. A kill ends this process."""
    kind = fault.kind
    if kind in _ACTS:
        given = process()
        if kind == "duplicate":
            # The network delivers the request a second time; the client sees the answer to the first.
            process()
    if kind in KILLS:
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "refuse":
        return Outcome(failure="refused")
    if kind in ("lost_before", "lost_after"):
        return Outcome(failure="silent", seconds=fault.seconds)
    if kind in ("reset_before", "reset_after"):
        return Outcome(failure="reset")
    if kind not in _ACTS:
        return Outcome(_instead(fault))
    if kind == "error_after":
        return Outcome(_unknown(fault))
    if kind in ("truncated", "cut_short"):
        # Half a body: as if that were all, or with a connection that breaks before the announced length is reached.
        half = given.body[: len(given.body) // 2]
        length = half if kind == "truncated" else given.body
        return Outcome(Answer(given.status, {**given.headers, "Content-Length": str(len(length))}, half))
    return Outcome(given, seconds=fault.seconds, is_repeated=kind == "duplicate_answer")


def _instead(fault: Fault) -> Answer:
    """What is answered instead of processing the request."""
    wait = int(fault.seconds)
    if fault.kind == "error_before":
        return _unknown(fault)
    if fault.kind == "throttled":
        return refusal(ApiRefusal(-1003, "Too many requests queued.", 429, {"Retry-After": str(wait or 1)}))
    if fault.kind == "banned":
        until = time.time_ns() // 1_000_000 + (wait or 120) * 1000
        text = f"Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live "
        return refusal(ApiRefusal(-1003, text + "updates to avoid bans.", 418, {"Retry-After": str(wait or 120)}))
    if fault.kind == "clock_skew":
        return refusal(ApiRefusal(-1021, "Timestamp for this request is outside of the recvWindow."))
    if fault.kind == "not_found":
        return refusal(ApiRefusal(-2013, "Order does not exist."))
    if fault.kind == "geo_block":
        return refusal(ApiRefusal(0, GEO_BLOCK, fault.status or 451))
    if fault.kind == "firewall":
        return _page(fault.status or 403, "403 Forbidden")
    if fault.kind == "redirect":
        return _page(fault.status or 302, "302 Found", Location="/elsewhere")
    return _page(fault.status or 502, "Error")


def _page(status: int, title: str, **headers: str) -> Answer:
    """A page for people, where a program expects JSON."""
    body = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>".encode()
    return Answer(status, {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}, body)


def _unknown(fault: Fault) -> Answer:
    """A 5xx: the outcome is unknown to the client, whatever really happened."""
    code = fault.code or -1007
    return refusal(ApiRefusal(code, UNKNOWN[code], fault.status or 504))
