"""What goes wrong in a drill and when, drawn from its seed. Pure: moments are counted in ticks, not in time."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

SABOTAGES = ("resend-post", "skip-intent", "ignore-unknown")
MOST_USERS = 200
MOST_TICKS = 1_000_000
# Of a thousand requests so many fail: those that place or cancel orders, those that ask about one, all others. A short
# drill has few orders, and is to find in them what a long one finds.
WRITES_PER_MILLE, ASKS_PER_MILLE, READS_PER_MILLE = 300, 120, 40
WRITES_PER_MILLE_OF_LONG_ONES = 150
LONG_TICKS = 1_000
# In a thousand ticks; and never fewer than the second number in a whole drill.
_KILLS = (6, 3)
_CUTS = (1, 1)
_REFUSALS = (5, 1)
_STEP_CHANGES = (3, 1)
_CUT_MS = (200, 1500)
# What every drill of so many ticks meets, unless something has gone wrong with the drill itself.
ALL_KINDS_TICKS = 5_000
_EVERY_KIND = (
    "refused", "reset_before", "reset_after", "lost_before", "lost_after", "slow", "late_answer", "error_before",
    "error_after", "throttled", "banned", "clock_skew", "not_found", "not_found_yet", "truncated", "cut_short", "html",
    "duplicate_answer", "out_of_order", "step_size",
)  # fmt: skip
_DEADLINE_SECONDS = 240
_MS_A_TICK = 150


@dataclass(frozen=True, slots=True)
class Options:
    """One drill."""

    seed: int
    ticks: int
    users: int
    sabotage: str = ""

    @property
    def writes_per_mille(self) -> int:
        """Of a thousand requests that place or cancel orders so many fail."""
        return WRITES_PER_MILLE if self.ticks < LONG_TICKS else WRITES_PER_MILLE_OF_LONG_ONES

    @property
    def deadline_seconds(self) -> int:
        """So long the ticks may take; a drill that is slower has failed."""
        return _DEADLINE_SECONDS + self.ticks * _MS_A_TICK // 1000


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """At the `tick`-th tick: `kind` (kill, cut, step) of `target`; a cut lasts `milliseconds`."""

    tick: int
    kind: str
    target: str
    milliseconds: int = 0


def strikes(options: Options, victims: Sequence[str], servers: Sequence[str], symbols: Sequence[str]) -> list[Strike]:
    """Everything but what single requests meet, in order: kills of `victims`, cuts of `servers`, changes of a step.

    The exchange itself is among the servers: while it is cut off, connections to it are refused.
    """
    chance = random.Random(f"chaos:{options.seed}")  # noqa: S311  (a drill that repeats, no secret)
    found = []

    def moments(rate: tuple[int, int]) -> list[int]:
        return [chance.randint(1, max(1, options.ticks * 95 // 100)) for _ in range(_count(options.ticks, rate))]

    for tick in moments(_KILLS):
        found.append(Strike(tick, "kill", chance.choice(victims)))
    for server in servers:
        for tick in moments(_REFUSALS if server == "exchange" else _CUTS):
            found.append(Strike(tick, "cut", server, chance.randint(*_CUT_MS)))
    for tick in moments(_STEP_CHANGES):
        found.append(Strike(tick, "step", chance.choice(symbols)))
    return sorted(found)


def missing_kinds(options: Options, met: Collection[str], victims: Sequence[str], servers: Sequence[str]) -> list[str]:
    """Kinds of faults that a drill long enough for all of them has not met, in order; of a shorter drill none."""
    if options.ticks < ALL_KINDS_TICKS:
        return []
    expected = {
        *_EVERY_KIND,
        *(f"kill_{victim.split('-')[0]}" for victim in victims),
        *(f"{server}_cut" for server in servers if server != "exchange"),
    }
    return sorted(expected - set(met))


def _count(ticks: int, rate: tuple[int, int]) -> int:
    per_mille, least = rate
    return max(least, ticks * per_mille // 1000)
