"""When each account is looked at. The row that makes it happen survives every process; the claim makes it happen once.

Accounts are spread over the period by a phase of their own, so that users do not tick together. A look that a dying
process loses is made up for by the next period's. Times in UTC milliseconds.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Value

from botbalance.lib.clock import now_ms
from botbalance.lib.many import among
from orders import selectors
from orders.models import Watch

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 2_000
SHORTEST_LEASE_MS = 3_000  # with very short periods: one slow answer must not cost the lease
# 2**32 divided by the golden ratio: multiples of it fall evenly over the period, however many accounts there are.
_SPREAD = 2_654_435_769


def period_ms() -> int:
    """How often an account is looked at."""
    return settings.AUTOPILOT_PERIOD_SECONDS * 1000


def next_due(account_id: int, after_ms: int) -> int:
    """The account's next turn after a moment; turns of one account are whole periods apart."""
    period = period_ms()
    phase = (account_id * _SPREAD % 2**32) * period // 2**32
    return after_ms + period - (after_ms - phase) % period


def note_work(account_id: int) -> None:
    """See to it that the account is looked at until nothing is under way. Call it in the transaction that makes the
    work: the row's lock keeps a tick that ends meanwhile from overlooking it.
    """
    _set_due(account_id, has_work=True)


def keep_looking(account_id: int) -> None:
    """See to it that the account is looked at from its next turn on."""
    _set_due(account_id)


def _set_due(account_id: int, **values: bool) -> None:
    with transaction.atomic():
        watch, _created = Watch.objects.get_or_create(account_id=account_id)
        watch = Watch.objects.select_for_update(no_key=True).get(pk=watch.pk)
        if watch.due_ms is None:
            watch.due_ms = next_due(account_id, now_ms())
        for name, value in values.items():
            setattr(watch, name, value)
        watch.save(update_fields=["due_ms", *values])


def look_now() -> int:
    """Let every account with work be looked at by the next dispatch; how many."""
    return Watch.objects.filter(has_work=True).update(due_ms=now_ms())


def let_all_look() -> int:
    """Let every account that is looked at at all have its turn now; how many."""
    return Watch.objects.filter(due_ms__isnull=False).update(due_ms=now_ms())


def rest_if_done(account_id: int) -> None:
    """Stop looking at an account where nothing is under way and no autopilot is on."""
    with transaction.atomic():
        watch = Watch.objects.select_for_update(no_key=True).filter(account_id=account_id).first()
        if watch is None:
            return
        # Read after the lock was had: whoever makes work holds it until the work can be seen.
        watch.has_work = selectors.has_work(account_id)
        if not watch.has_work and not selectors.flies(account_id):
            watch.due_ms = None
        watch.save(update_fields=["has_work", "due_ms"])


# --- taking turns ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """An account whose look is due.

    `quiet_looks`: how many there were since its last tick; `looked_at_ms`: when the last was, of either kind.
    """

    account_id: int
    due_ms: int
    has_work: bool
    hold_until_ms: int
    is_blind: bool
    quiet_looks: int
    looked_at_ms: int

    def is_held(self, now: int, changed_ms: int, longest_ms: int) -> bool:
        """Whether a drift alone is no reason for a tick: neither when its strategy was changed since, nor when a hold
        reaches further than `longest_ms`, which a clock that was set back has left behind.
        """
        return now < self.hold_until_ms <= now + longest_ms and changed_ms <= self.hold_until_ms - longest_ms


def take_turns(now: int) -> list[Turn]:
    """The accounts that are due, each moved on to its next turn: two dispatchers never take the same turn."""
    with transaction.atomic():
        rows = (
            Watch.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(Q(due_ms__lte=now) | Q(due_ms__gt=now + 2 * period_ms()))  # the latter by a clock set back since
            .order_by("due_ms")
            .values_list(
                "account_id", "due_ms", "has_work", "hold_until_ms", "is_blind", "quiet_looks", "looked_at_ms"
            )[:MOST_AT_ONCE]
        )
        turns = [
            Turn(pk, min(due_ms or now, now), work, hold_ms, blind, quiet, looked_ms)
            for pk, due_ms, work, hold_ms, blind, quiet, looked_ms in rows
        ]
        if turns:
            # To each account's own phase, however it came to be due; missed turns are not made up for. `next_due` says
            # the same: test_turns_that_were_called_for_at_once_spread_over_the_period_again holds the two equal.
            period, spread = Value(period_ms()), F("account_id") * Value(_SPREAD) % Value(2**32)
            after = Value(now) + period - (Value(now) - spread * period / Value(2**32)) % period
            Watch.objects.filter(pk__in=among(turn.account_id for turn in turns)).update(due_ms=after)
    return turns


def count_quiet(account_ids: Sequence[int], now: int) -> None:
    """Note that these accounts were looked at and nothing was to be done."""
    Watch.objects.filter(pk__in=among(account_ids)).update(quiet_looks=F("quiet_looks") + 1, looked_at_ms=now)


def mark_blind(account_ids: Sequence[int]) -> None:
    """Have these accounts ticked as soon as there are prices to decide by."""
    Watch.objects.filter(pk__in=among(account_ids)).update(is_blind=True)


# --- the claim -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Lease:
    """The right to tick an account, until it runs out. Its holder renews it between steps, and learns there whether it
    has lost it.
    """

    account_id: int
    token: str
    quiet_looks: int
    is_under_way: bool = False
    """Set by the holder who knows that a rebalance is: the account cannot be put to rest then."""

    def renew(self) -> bool:
        """Hold on to it for another lease; False when it ran out and somebody else has taken the account."""
        return bool(self._row().update(lease_until_ms=now_ms() + lease_ms()))

    def release(self) -> None:
        self._row().update(lease_until_ms=0, lease_token="")

    def hold(self, until_ms: int) -> None:
        """No further tick because of the drift alone before this time."""
        self._row().update(hold_until_ms=until_ms)

    def _row(self) -> QuerySet[Watch]:
        return Watch.objects.filter(pk=self.account_id, lease_token=self.token)


def lease_ms() -> int:
    """Shorter than a period: the turn after a holder's death finds the account free."""
    return max(period_ms() * 9 // 10, SHORTEST_LEASE_MS)


def claim(account_id: int, due_ms: int) -> Lease | None:
    """Claim an account for the turn that was due at `due_ms`; None when it has been had, or somebody is at it."""
    now, token = now_ms(), secrets.token_hex(16)
    # What lies further ahead than it can was written by a clock that has been set back since.
    is_free = Q(lease_until_ms__lt=now) | Q(lease_until_ms__gt=now + 2 * lease_ms()) | Q(lease_token="")
    is_not_had = Q(ticked_due_ms__lt=due_ms) | Q(ticked_due_ms__gt=now + 2 * period_ms())
    rows = Watch.objects.filter(is_free, is_not_had, pk=account_id)
    with transaction.atomic():
        claimed = rows.update(
            ticked_due_ms=due_ms,
            lease_until_ms=now + lease_ms(),
            lease_token=token,
            ticks=F("ticks") + 1,
            looked_at_ms=now,
            is_blind=False,
        )
        if not claimed:
            return None
        quiet_looks = Watch.objects.values_list("quiet_looks", flat=True).get(pk=account_id)
        if quiet_looks:
            Watch.objects.filter(pk=account_id).update(quiet_looks=F("quiet_looks") - quiet_looks)
    return Lease(account_id, token, quiet_looks)


def forget_hold(account_id: int) -> None:
    """Let a drift be reason enough for a tick again: something has changed."""
    Watch.objects.filter(pk=account_id).update(hold_until_ms=0)


def watch_unwatched() -> int:
    """See to it that every account with work, and every one that flies, has a turn: a safety net. How many had none."""
    found = selectors.unwatched_accounts()
    for account_id in found:
        logger.warning("account %s had no turn", account_id)
        note_work(account_id)
    return len(found)
