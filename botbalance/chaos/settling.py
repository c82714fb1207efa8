"""After the last fault: the autopilots are switched off, what is open is cancelled, everything comes to its end by
itself, and every balance is known again. Each of these has a time of its own, and what is left of one is told by name.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from botbalance.chaos.reading import balances_read_at
from botbalance.chaos.traffic import Api
from orders.models import Order, Run
from orders.selectors import DUE

GROUNDING_SECONDS = 40
ENDING_SECONDS = 50
READING_SECONDS = 30
MOST_SECONDS = GROUNDING_SECONDS + ENDING_SECONDS + READING_SECONDS
_PAUSE_SECONDS = 0.25
_REPEAT_SECONDS = 3
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Settled:
    """How long it took until nothing was under way, and what had not settled when time was up, as sentences."""

    seconds: float
    loose_ends: tuple[str, ...] = ()


class _Patience:
    """Runs out after some seconds. `supervise` is called whenever there is a pause."""

    def __init__(self, seconds: int, supervise: Callable[[], None]) -> None:
        self._until = time.monotonic_ns() + seconds * 1_000_000_000
        self._supervise = supervise
        self._has_paused = False

    @property
    def is_over(self) -> bool:
        return time.monotonic_ns() >= self._until

    def allows_another_round(self) -> bool:
        """Pause between rounds; False when there is no time for one more. The first needs neither."""
        if self._has_paused:
            time.sleep(_PAUSE_SECONDS)
        self._has_paused = True
        self._supervise()
        return not self.is_over


def settle(people: Sequence[Api], supervise: Callable[[], None]) -> Settled:
    """Let the system come to rest; then every account's balances are known as the system itself knows them, by an
    answer of the exchange from after the faults. `supervise` is called all the time.
    """
    calm, begun = timezone.now(), time.monotonic()
    problems = _ground(people, _Patience(GROUNDING_SECONDS, supervise))
    problems += _end(people, _Patience(ENDING_SECONDS, supervise))
    seconds = round(time.monotonic() - begun, 1)
    problems += _read(people, calm, _Patience(READING_SECONDS, supervise))
    return Settled(seconds, tuple(problems))


def _ground(people: Sequence[Api], patience: _Patience) -> list[str]:
    """Switch every autopilot off."""
    flying = list(people)
    while flying and patience.allows_another_round():
        flying = [person for person in flying if patience.is_over or not person.stop()]
    return _told(f"{_whose(person)} autopilot could not be switched off: {person.trouble}" for person in flying)


def _end(people: Sequence[Api], patience: _Patience) -> list[str]:
    """Cancel what is open, again and again, until nothing is under way."""
    cancelled_at: float = time.monotonic() - _REPEAT_SECONDS
    while patience.allows_another_round() and loose_ends():
        if time.monotonic() - cancelled_at < _REPEAT_SECONDS:
            continue
        cancelled_at = time.monotonic()
        for person in people:
            if not patience.is_over and loose_ends(person.trader.account_id):
                person.cancel_all()
    left = loose_ends()
    if not left:
        return []
    return _told(left) + _told(
        f"{_whose(person)} orders could not be cancelled: {person.trouble}"
        for person in people
        if person.trouble and loose_ends(person.trader.account_id)
    )


def _read(people: Sequence[Api], calm: datetime, patience: _Patience) -> list[str]:
    """Have every account's balances told. What the system holds for current is believed, so that the comparison finds
    it when it is not; only what it read before the faults had ended it is told to read again.
    """
    waiting = list(people)
    while waiting and patience.allows_another_round():
        waiting = [person for person in waiting if patience.is_over or not _knows_balances(person, calm)]
    return _told(
        f"{_whose(person)} balances could not be read: "
        + (person.trouble or f"they are still those of {balances_read_at(person.trader.account_id)}")
        for person in waiting
    )


def _knows_balances(person: Api, calm: datetime) -> bool:
    def is_known() -> bool:
        read_at = balances_read_at(person.trader.account_id)
        return read_at is not None and read_at > calm

    return person.read_balances() and (is_known() or (person.read_balances(refresh=True) and is_known()))


def loose_ends(account_id: int | None = None) -> list[str]:
    """What is still under way, of all accounts or of one, as sentences."""
    orders, runs = Order.objects.filter(DUE), Run.objects.filter(state=Run.State.ACTIVE)
    if account_id is not None:
        orders, runs = orders.filter(account_id=account_id), runs.filter(account_id=account_id)
    return [
        f"account {order.account_id}: {order.symbol} {order.client_order_id} has not come to its end: {order.status}, "
        f"{order.recorded_quantity} of {order.executed_quantity} executed is in its trades"
        for order in orders.order_by("pk")
    ] + [
        f"account {run.account_id}: rebalance {run.pk} has not come to its end: {run.problem or 'no trouble is known'}"
        for run in runs.order_by("pk")
    ]


def _whose(person: Api) -> str:
    return f"account {person.trader.account_id}: its"


def _told(sentences: Iterable[str]) -> list[str]:
    found = list(sentences)
    more = len(found) - _MOST_TOLD
    return [*found[:_MOST_TOLD], f"… and {more} more of these"] if more > 0 else found
