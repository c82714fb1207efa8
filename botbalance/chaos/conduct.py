"""How an account was traded, from its rows and from what people were answered: whatever could trade the same drift
twice under two ids. Pure: rows in, sentences out.

Every time here is taken inside the transaction that writes it, and after the looks that allow it: what these rows must
not show, correct code cannot write.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from orders.domain import RESTING, UNFINISHED

# Nobody knows yet whether such an order trades.
UNRESOLVED = UNFINISHED - RESTING


@dataclass(frozen=True, slots=True)
class RunTime:
    """When a rebalance was under way; `finished` is None while it is."""

    number: int
    started: datetime
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A round, and when it was written down."""

    run: int
    number: int
    tick_ts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Meant:
    """An order by the round it is of, and when it was first known what had become of it; None: never."""

    client_order_id: str
    tick_ts: int
    known: datetime | None


def overlapping_runs(runs: Iterable[RunTime]) -> list[str]:
    """Rebalances of one account of which one began before another had ended."""
    ordered = sorted(runs, key=lambda run: (run.started, run.number))
    return [
        f"rebalance {later.number} began at {later.started}, before rebalance {earlier.number} ended"
        for earlier, later in pairwise(ordered)
        if earlier.finished is None or later.started < earlier.finished
    ]


def planned_too_early(rounds: Iterable[Planned], orders: Sequence[Meant]) -> list[str]:
    """Rounds of one account that were planned while nobody knew what had become of an order of an earlier one."""
    return [
        f"round {round_.number} of rebalance {round_.run} was planned at {round_.at}, when it was not known what had "
        f"become of {order.client_order_id}"
        for round_ in rounds
        for order in orders
        if order.tick_ts < round_.tick_ts and (order.known is None or order.known > round_.at)
    ]


def keys_with_several_runs(told: Mapping[str, Iterable[int]], rows: Mapping[str, int]) -> list[str]:
    """Idempotency keys of one user that gave more than one rebalance: `told` is what was answered to each from the
    first time that one was made for it, `rows` what was written down.
    """
    found = []
    for key, runs in told.items():
        known = {*runs, *({rows[key]} if key in rows else ())}
        if len(known) > 1:
            found.append(f"the key {key} gave rebalances {', '.join(map(str, sorted(known)))}")
    return found
