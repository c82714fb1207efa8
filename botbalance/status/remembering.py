"""The server's facts for those who ask every second: read once a second by each process, whoever asks."""

import time
from threading import Lock

from botbalance.status import selectors
from botbalance.status.domain import ServerFacts

SECONDS = 1

_lock = Lock()
_known: tuple[int, ServerFacts] | None = None


def server_facts() -> ServerFacts:
    """At most a second old. Nothing is traded by them."""
    global _known
    moment = time.monotonic_ns()
    with _lock:
        if _known is None or moment - _known[0] > SECONDS * 10**9:
            _known = (moment, selectors.server_facts())
        return _known[1]


def forget() -> None:
    """Read again at the next call: for tests."""
    global _known
    _known = None
