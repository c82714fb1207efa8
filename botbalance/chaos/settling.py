"""After the last fault: the autopilots are switched off, what is open is cancelled, and everything comes to its end by
itself, within bounds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from botbalance.chaos import reading
from botbalance.chaos.traffic import Api
from orders.models import Order, Run
from orders.selectors import DUE

MOST_SECONDS = 90
_PAUSE_SECONDS = 0.5
_REPEAT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Settled:
    """How long it took, and what was still under way when time was up."""

    seconds: float
    loose_ends: tuple[str, ...] = ()


def settle(people: Sequence[Api], supervise: Callable[[], None]) -> Settled:
    """Let the system come to rest, then have every balance read once more. `supervise` is called all the time."""
    begun = time.monotonic()

    def left() -> bool:
        return time.monotonic() - begun < MOST_SECONDS

    grounded: set[int] = set()
    cancelled_at: float = -_REPEAT_SECONDS
    while left():
        supervise()
        for person in people:
            if person.trader.strategy_id not in grounded and person.stop():
                grounded.add(person.trader.strategy_id)
        if len(grounded) == len(people):
            if not loose_ends():
                break
            if time.monotonic() - begun - cancelled_at >= _REPEAT_SECONDS:
                cancelled_at = time.monotonic() - begun
                for person in people:
                    person.cancel_all()
        time.sleep(_PAUSE_SECONDS)
    seconds = round(time.monotonic() - begun, 1)
    moment = timezone.now()
    while left() and not reading.fresh_balances_since(moment):
        supervise()
        for person in people:
            person.read_balances()
        time.sleep(_PAUSE_SECONDS)
    problems = loose_ends()
    if len(grounded) < len(people):
        problems.append(f"{len(people) - len(grounded)} autopilots could not be switched off")
    if not reading.fresh_balances_since(moment):
        problems.append("not every balance could be read afterwards")
    return Settled(seconds, tuple(problems))


def loose_ends() -> list[str]:
    """What is still under way, as sentences."""
    found = []
    due = Order.objects.filter(DUE).count()
    if due:
        found.append(f"{due} orders have not come to their end, or their trades are not read")
    runs = Run.objects.filter(state=Run.State.ACTIVE).count()
    if runs:
        found.append(f"{runs} rebalances have not come to their end")
    return found
