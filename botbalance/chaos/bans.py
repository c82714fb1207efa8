"""Whether the exchange was left alone while it had banned this server's address.

The exchange tells of each ban how many requests came in it. That alone is no reproach: its answer may have been lost on
the way, or with the process that got it. So what counts are bans that were heard of: those that our own row names.
"""

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection

from exchanges.ledger.pause import BANNED
from exchanges.models import TrafficPause
from exchanges.paper.drawn_faults import BAN_GRACE_MS, Ban

# From the exchange's answer to our row.
_HEARD_WITHIN_MS = 1_000
_CLOCK_STEP_MS = 50
# Some may be lost; that all of so many were is no accident.
_MOST_UNHEARD = 4


def ignored(bans: Iterable[Ban], heard_ms: Iterable[int]) -> list[str]:
    """Bans that were heard of at one of these times, and in which requests came nevertheless, as sentences."""
    watched, heard = _watched(bans, heard_ms)
    found = [
        f"{ban.requests} requests came more than {BAN_GRACE_MS} ms after a ban was announced, before its "
        f"{ban.until_ms - ban.since_ms} ms were over"
        for ban in heard
        if ban.requests
    ]
    if len(watched) >= _MOST_UNHEARD and not heard:
        found.append(f"none of {len(watched)} bans was written down")
    return found


def summary(bans: Sequence[Ban], heard_ms: Iterable[int]) -> str:
    """How many bans there were to look at, as a sentence."""
    watched, heard = _watched(bans, heard_ms)
    return f"Of {len(bans)} bans {len(watched)} were long enough to watch, and {len(heard)} of these were heard of."


def _watched(bans: Iterable[Ban], heard_ms: Iterable[int]) -> tuple[list[Ban], list[Ban]]:
    """Bans long enough, and those of them that were heard of."""
    known = set(heard_ms)
    watched = [ban for ban in bans if ban.is_watched]
    return watched, [ban for ban in watched if _was_heard(ban, known)]


def _was_heard(ban: Ban, heard_ms: Iterable[int]) -> bool:
    return any(-_CLOCK_STEP_MS <= heard - ban.since_ms <= _HEARD_WITHIN_MS for heard in heard_ms)


def last_heard_ms() -> int | None:
    """When the last ban was heard of: the row of one takes the place of the one before. Without the ORM, since it is
    asked all the time.
    """
    with connection.cursor() as cursor:
        table = TrafficPause._meta.db_table
        cursor.execute(f"SELECT MAX(since_ms) FROM {table} WHERE status = %s", [BANNED])  # noqa: S608  (a table's name)
        (since_ms,) = cursor.fetchone()
    return None if since_ms is None else int(since_ms)


def read(told: Iterable[Mapping[str, int]]) -> list[Ban]:
    """What the exchange has told."""
    return [Ban(**each) for each in told]
