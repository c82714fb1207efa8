"""The wall clock, read at the edge and handed down: pure code takes time as an argument."""

import time


def now_ms() -> int:
    """UTC milliseconds since 1970."""
    return time.time_ns() // 1_000_000
