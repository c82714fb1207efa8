"""The intervals candles are kept in: of a fixed length, and opening at whole multiples of it from the epoch.

Weeks begin on Mondays and the epoch did not; months have no fixed length. Neither is kept.
"""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

LENGTHS_MS = {
    "1s": 1000,
    **{f"{count}m": count * MINUTE_MS for count in (1, 3, 5, 15, 30)},
    **{f"{count}h": count * HOUR_MS for count in (1, 2, 4, 6, 8, 12)},
    **{f"{count}d": count * DAY_MS for count in (1, 3)},
}
"""The length of each interval in ms, by the name the exchange gives it."""

NAMES = {length: name for name, length in LENGTHS_MS.items()}
"""The name of each length in ms."""


def finer_than(interval_ms: int) -> list[int]:
    """The shorter intervals that its candles can be made of exactly, the longest first."""
    return sorted((length for length in NAMES if length < interval_ms and interval_ms % length == 0), reverse=True)
