"""A time in which a host wants nothing sent. Pure."""

from dataclasses import dataclass

BANNED, SLOWED = 418, 429
CLOCKS_APART_MS = 60_000
"""By so much the clocks of machines may differ. What begins later than that is from before a clock was set back."""


@dataclass(frozen=True, slots=True)
class Pause:
    """In ms on our clock; `status` is 429 or 418."""

    since_ms: int
    until_ms: int
    status: int

    def lasts(self, now_ms: int) -> bool:
        return began(self.since_ms, now_ms) and now_ms < self.until_ms


def began(since_ms: int, now_ms: int) -> bool:
    """Whether something began that ought to have begun by now; what begins far in the future is of a wrong clock."""
    return since_ms <= now_ms + CLOCKS_APART_MS
