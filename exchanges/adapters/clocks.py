"""By how much the exchanges' clocks are ahead of ours: measured when it is needed, and shared by the process."""

import threading

LIFETIME_MS = 10 * 60 * 1000
LONGEST_ROUND_TRIP_MS = 1000
"""What took longer says too little: the exchange has looked at its clock at any moment of it."""
SOON_MS = 30_000
"""After a measurement that took too long the next one is made so soon."""

# By how many ms the exchange's clock is ahead of ours, and when that was measured on ours, per base URL.
_offsets: dict[str, tuple[int, int]] = {}
_lock = threading.Lock()


def offset_ms(base_url: str) -> int:
    """By how many ms an exchange's clock is ahead of ours, as last measured; 0 before that."""
    return _offsets.get(base_url.rstrip("/"), (0, 0))[0]


def keep(base_url: str, server_ms: int, sent_ms: int, answered_ms: int) -> int:
    """The offset by an exchange that said `server_ms` between two looks at our clock.

    After a long round trip what was known before stands, unless no moment of it agrees with that.
    """
    base_url = base_url.rstrip("/")
    is_quick = 0 <= answered_ms - sent_ms <= LONGEST_ROUND_TRIP_MS
    with _lock:
        known = _offsets.get(base_url, (0, 0))[0]
        agrees = server_ms - answered_ms <= known <= server_ms - sent_ms
        offset = known if agrees and not is_quick else server_ms - (sent_ms + answered_ms) // 2
        measured_ms = answered_ms if is_quick else answered_ms - LIFETIME_MS + SOON_MS
        _offsets[base_url] = (offset, measured_ms)
    return offset


def is_stale(base_url: str, now_ms: int) -> bool:
    """Whether an offset was measured so long ago, or by a clock set so differently, that it may be wrong now."""
    measured = _offsets.get(base_url.rstrip("/"))
    return measured is not None and not 0 <= now_ms - measured[1] < LIFETIME_MS


def forget_clocks() -> None:
    """Measure every exchange's clock again when it is needed."""
    with _lock:
        _offsets.clear()
