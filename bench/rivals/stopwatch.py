"""How a run is timed, alike for everybody."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

Found = TypeVar("Found")


class Spent(NamedTuple):
    """Milliseconds of a run: the median, and the best, which others' work on the machine disturbs least."""

    ms: float
    best_ms: float


def timed(run: Callable[[], Found], repeats: int) -> tuple[Spent, Found]:
    """What so many runs take, after one that warms up; and what that one has found."""
    found = run()
    spent = []
    for _repeat in range(repeats):
        begun = time.perf_counter_ns()
        run()
        spent.append(time.perf_counter_ns() - begun)
    return Spent(round(statistics.median(spent) / 1e6, 4), round(min(spent) / 1e6, 4)), found


def fastest(
    ways: Mapping[str, Callable[[], Found]],
    repeats: int,
    rebalanced_rows: Callable[[Found], list[int]],
    end_value: Callable[[Found], float],
) -> dict[str, Any]:
    """Every way timed; the figures of the quickest: ms, best_ms, its name, the rows that traded, end value in USDT."""
    found = {way: timed(run, repeats) for way, run in ways.items()}
    quickest = min(found, key=lambda way: found[way][0].ms)
    spent, outcome = found[quickest]
    rows = rebalanced_rows(outcome)
    return {
        **spent._asdict(),
        "way": quickest,
        "ways_ms": {way: each.ms for way, (each, _outcome) in found.items()},
        "rebalances": len(rows),
        "rows": rows,
        "end_value": end_value(outcome),
    }
