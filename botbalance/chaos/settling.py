"""After the last fault: what was not known is found out while the autopilots fly on and nobody helps; then they are
switched off, what is open is cancelled, everything comes to its end, and every balance is known again. Each of these
has a time of its own, and what is left of one is told by name.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from botbalance.chaos.conduct import UNRESOLVED
from botbalance.chaos.reading import balances_read_at
from botbalance.chaos.traffic import Api
from orders.models import Order, Run
from orders.selectors import DUE

# An order that never arrived is known not to have after recvWindow and a margin (1 s and 5 s in a drill), a turn that
# died with its process ends with its lease (3 s), a ban that was announced last lasts 3 s; then a few turns of 1 s.
UNASSISTED_SECONDS = 15
GROUNDING_SECONDS = 40
ENDING_SECONDS = 50
READING_SECONDS = 30
MOST_SECONDS = UNASSISTED_SECONDS + GROUNDING_SECONDS + ENDING_SECONDS + READING_SECONDS
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
    problems = _wait_unassisted(_Patience(UNASSISTED_SECONDS, supervise))
    problems += _ground(people, _Patience(GROUNDING_SECONDS, supervise))
    problems += _end(people, _Patience(ENDING_SECONDS, supervise))
    seconds = round(time.monotonic() - begun, 1)
    problems += _read(people, calm, _Patience(READING_SECONDS, supervise))
    return Settled(seconds, tuple(problems))


def _wait_unassisted(patience: _Patience) -> list[str]:
    """Nobody asks for anything: orders whose outcome is not known now, and fills that are not read, must be found out
    about by the system's own turns. A cancel would ask about them, and hide that nothing else does.
    """
    rows = Order.objects.filter(DUE).values_list("pk", "status", "executed_quantity", "recorded_quantity")
    executed_of = {
        pk: executed for pk, status, executed, recorded in rows if status in UNRESOLVED or executed != recorded
    }
    left: list[Order] = []
    while patience.allows_another_round():
        left = [
            order
            for order in Order.objects.filter(pk__in=executed_of).order_by("pk")
            # Of an order that trades on there may be newer fills: those of before are what was waited for.
            if order.status in UNRESOLVED or (order.recorded_quantity < executed_of[order.pk] and not order.trades_lost)
        ]
        if not left:
            return []
        executed_of = {order.pk: executed_of[order.pk] for order in left}
    return _told(f"{_state_of(order)}: nobody has found that out by itself" for order in left)


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
    return [_state_of(order) for order in orders.order_by("pk")] + [
        f"account {run.account_id}: rebalance {run.pk} has not come to its end: {run.problem or 'no trouble is known'}"
        for run in runs.order_by("pk")
    ]


def _state_of(order: Order) -> str:
    return (
        f"account {order.account_id}: {order.symbol} {order.client_order_id} has not come to its end: {order.status}, "
        f"{order.recorded_quantity} of {order.executed_quantity} executed is in its trades"
    )


def _whose(person: Api) -> str:
    return f"account {person.trader.account_id}: its"


def _told(sentences: Iterable[str]) -> list[str]:
    found = list(sentences)
    more = len(found) - _MOST_TOLD
    return [*found[:_MOST_TOLD], f"… and {more} more of these"] if more > 0 else found
