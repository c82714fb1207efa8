"""What each process remembers for those who ask every second: the server's facts, and whose session it is."""

import time
from threading import Lock

from botbalance.lib.clock import now_ms
from botbalance.status import selectors
from botbalance.status.domain import ServerFacts

SECONDS = 1
READER_SECONDS = 10
"""So long a session is taken to be its user's without being looked up; all that is told by it is marks, and what their
own account is worth.
"""
MOST_READERS = 10_000

_lock = Lock()
_known: tuple[int, ServerFacts] | None = None
_readers: dict[str, tuple[int, int]] = {}
"""The user of a session, and when it was looked up."""


def server_facts() -> ServerFacts:
    """At most a second old. Nothing is traded by them."""
    global _known
    moment = time.monotonic_ns()
    with _lock:
        if _known is None or moment - _known[0] > SECONDS * 10**9:
            _known = (moment, selectors.server_facts())
        return _known[1]


def reader(session_key: str) -> int | None:
    """Whose session it is, None where it has to be looked up."""
    user_id, since = _readers.get(session_key, (0, 0))
    return user_id if 0 <= now_ms() - since < READER_SECONDS * 1000 else None


def remember_reader(session_key: str, user_id: int) -> None:
    """A session that has just been looked up is this user's. Without a key it would be everybody's who has none."""
    if not session_key:
        return
    with _lock:
        if len(_readers) >= MOST_READERS:
            _readers.clear()
        _readers[session_key] = (user_id, now_ms())


def forget_reader(session_key: str) -> None:
    """Look the session up again at its next question."""
    _readers.pop(session_key, None)


def forget() -> None:
    """Read again at the next call: for tests."""
    global _known
    _known = None
    _readers.clear()
