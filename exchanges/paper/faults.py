"""What can go wrong between a client and an exchange, made to happen on purpose: in tests and in drills.

A fault is a mapping: `kind`, and optionally `match` ("POST /api/v3/order", a prefix; "" is every request), `nth` (begin
with the n-th such request, from 1), `times` (how many in a row), `seconds`, `status`, `code`. In tests:

    with plan([{"match": "POST /api/v3/order", "kind": "lost_after"}]) as given: ...

and for a whole process the variable PAPER_FAULTS holds a JSON list of them, obeyed only where EXCHANGE_ENV is mock.
"""

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError

from exchanges.paper.wire import Answer, ApiRefusal, RawRequest, refusal

logger = logging.getLogger(__name__)

VARIABLE = "PAPER_FAULTS"

UNKNOWN = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
}
KINDS = frozenset(
    {
        "refuse", "lost_before", "lost_after", "reset_before", "reset_after", "error_before", "error_after",
        "throttled", "banned", "clock_skew", "not_found", "truncated", "cut_short", "html",
        "slow", "kill_before", "kill_after",
    }
)  # fmt: skip


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
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of fault; there are {', '.join(sorted(KINDS))}")
        if self.nth < 1 or self.times < 1:
            raise ValueError("nth and times of a fault begin at 1")


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
_process_plan: list[Plan] | None = None


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


def next_fault(method: str, path: str) -> Fault | None:
    """The fault this request meets, if any: of the innermost plan that has one, then of the process's."""
    request = f"{method} {path}"
    with _lock:
        for made in (*reversed(_plans), *_from_environment()):
            fault = made.next(request)
            if fault is not None:
                return fault
    return None


def _from_environment() -> list[Plan]:
    """The plan of PAPER_FAULTS, read once."""
    global _process_plan
    if _process_plan is None:
        text = os.environ.get(VARIABLE, "")
        if text and settings.EXCHANGE_ENV != "mock":
            logger.warning("%s is ignored: EXCHANGE_ENV is %s, not mock", VARIABLE, settings.EXCHANGE_ENV)
            text = ""
        try:
            _process_plan = [Plan([Fault(**fault) for fault in json.loads(text)])] if text else []
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"{VARIABLE} must be a JSON list of faults: {error}") from None
    return _process_plan


def perform(
    fault: Fault,
    raw: RawRequest,
    process: Callable[[], Answer],
    request: requests.PreparedRequest,
    read_timeout: float | None,
) -> Answer:
    """Let `fault` happen to this request: an answer, an exception of the network, or the end of the process."""
    kind = fault.kind
    if kind == "refuse":
        refused = NewConnectionError(HTTPConnection("paper.botbalance.invalid"), "Connection refused")
        failed = MaxRetryError(HTTPConnectionPool("paper.botbalance.invalid"), request.url or "", refused)
        raise requests.exceptions.ConnectionError(failed, request=request)
    if kind == "kill_before":
        os.kill(os.getpid(), signal.SIGKILL)
    before = _instead(fault)
    if before is not None:
        return before
    if kind in ("lost_after", "reset_after", "error_after", "truncated", "cut_short", "slow", "kill_after"):
        given = process()
    if kind == "kill_after":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind in ("lost_before", "lost_after"):
        # Nobody waits longer than the client does; a test need not wait at all.
        time.sleep(fault.seconds if read_timeout is None else min(fault.seconds, read_timeout))
        raise requests.exceptions.ReadTimeout(f"Read timed out. (read timeout={read_timeout})", request=request)
    if kind in ("reset_before", "reset_after"):
        raise requests.exceptions.ConnectionError(
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            request=request,
        )
    if kind == "error_after":
        return _unknown(fault)
    if kind in ("truncated", "cut_short"):
        # Half a body: as if that were all, or with a connection that breaks before the announced length is reached.
        half = given.body[: len(given.body) // 2]
        length = half if kind == "truncated" else given.body
        return Answer(given.status, {**given.headers, "Content-Length": str(len(length))}, half)
    if read_timeout is not None and fault.seconds > read_timeout:
        time.sleep(read_timeout)
        raise requests.exceptions.ReadTimeout(f"Read timed out. (read timeout={read_timeout})", request=request)
    time.sleep(fault.seconds)
    return given


def _instead(fault: Fault) -> Answer | None:
    """What is answered instead of processing the request; None for the other kinds."""
    wait = {"Retry-After": str(int(fault.seconds) or 1)}
    if fault.kind == "error_before":
        return _unknown(fault)
    if fault.kind == "throttled":
        return refusal(ApiRefusal(-1003, "Too many requests queued.", 429, wait))
    if fault.kind == "banned":
        until = int((time.time() + (fault.seconds or 120)) * 1000)
        text = f"Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live "
        return refusal(
            ApiRefusal(-1003, text + "updates to avoid bans.", 418, {"Retry-After": str(int(fault.seconds) or 120)})
        )
    if fault.kind == "clock_skew":
        return refusal(ApiRefusal(-1021, "Timestamp for this request is outside of the recvWindow."))
    if fault.kind == "not_found":
        return refusal(ApiRefusal(-2013, "Order does not exist."))
    if fault.kind == "html":
        body = b"<html><head><title>Error</title></head><body><center><h1>Error</h1></center></body></html>"
        headers = {"Content-Type": "text/html", "Content-Length": str(len(body))}
        return Answer(fault.status or 502, headers, body)
    return None


def _unknown(fault: Fault) -> Answer:
    """A 5xx: the outcome is unknown to the client, whatever really happened."""
    code = fault.code or -1007
    if code not in UNKNOWN:
        raise ValueError(f"{code} is no error of the server's side")
    return refusal(ApiRefusal(code, UNKNOWN[code], fault.status or 504))
