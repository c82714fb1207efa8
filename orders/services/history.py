"""The history of ticks: what was decided and why. The same decision again and again is one row that counts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from botbalance.lib.many import among
from orders import selectors
from orders.flights import Flight
from orders.models import Autopilot, Run, Tick

REPEATING = frozenset({Tick.Status.IDLE, Tick.Status.WAITING, Tick.Status.HELD})
MOST_LETTERS = 600

# Held back for want of a price, whether the dispatcher has said so or a tick.
WITHOUT_PRICES = Q(status=Tick.Status.HELD, code__in=("price_stale", "no_prices"))


def record(
    autopilot: Autopilot,
    *,
    status: Tick.Status,
    code: str,
    values: Mapping[str, str],
    run: Run | None,
    quiet_looks: int,
    started: datetime,
    milliseconds: int,
) -> Tick:
    """Write down what a tick came to. `quiet_looks` are the scans since the one before, which found nothing to do."""
    kept = {name: text[:MOST_LETTERS] for name, text in values.items()}
    actions = selectors.order_actions(autopilot.strategy.account_id, started)
    now = timezone.now()
    with transaction.atomic():
        last = Tick.objects.select_for_update(no_key=True).filter(strategy_id=autopilot.pk).order_by("-id").first()
        same = last is not None and (last.status, last.code, last.run_id) == (status, code, run and run.pk)
        if last is not None and quiet_looks and last.status == Tick.Status.IDLE and not same:
            Tick.objects.filter(pk=last.pk).update(looks=F("looks") + quiet_looks)
            quiet_looks = 0
        if last is not None and same and status in REPEATING and not actions:
            last.looks += 1 + quiet_looks
            last.values, last.ended_at, last.milliseconds = kept, now, milliseconds
            last.save(update_fields=["looks", "values", "ended_at", "milliseconds"])
            return last
        return Tick.objects.create(
            user_id=autopilot.user_id,
            strategy_id=autopilot.pk,
            run=run,
            status=status,
            code=code,
            values=kept,
            actions=actions,
            looks=1 + (quiet_looks if status == Tick.Status.IDLE else 0),
            milliseconds=milliseconds,
            started_at=started,
            ended_at=now,
        )


def record_pause(autopilot: Autopilot, code: str, values: Mapping[str, str], run: Run | None) -> None:
    """Write down that an autopilot has paused itself, whoever met the last reason for it."""
    now = timezone.now()
    Tick.objects.create(
        user_id=autopilot.user_id,
        strategy_id=autopilot.pk,
        run=run,
        status=Tick.Status.PAUSED,
        code=code,
        values={name: text[:MOST_LETTERS] for name, text in values.items()},
        started_at=now,
        ended_at=now,
    )


def record_held(flying: Sequence[Flight], code: str, values: Mapping[str, str], seen_since: Collection[int]) -> None:
    """Write down for many strategies at once that there is no price to decide by. The caller does so once for each of
    them, and again after each tick that met the same.

    One outage is one row: a last row that tells of it goes on, but for strategies in `seen_since`, where looks since
    that row have had prices. Its values stay those of its first moment; the looks themselves are counted as others are.
    """
    now = timezone.now()
    told = _tell_on([flight.strategy_id for flight in flying if flight.strategy_id not in seen_since], now)
    Tick.objects.bulk_create(
        Tick(
            user_id=flight.user_id,
            strategy_id=flight.strategy_id,
            status=Tick.Status.HELD,
            code=code,
            values=dict(values),
            started_at=now,
            ended_at=now,
        )
        for flight in flying
        if flight.strategy_id not in told
    )


def _tell_on(strategy_ids: Sequence[int], now: datetime) -> set[int]:
    """Let last rows that tell of a want of prices last until now; of which strategies they are."""
    if not strategy_ids:
        return set()
    newest = Tick.objects.filter(strategy=OuterRef("pk")).order_by("-id").values("pk")[:1]
    rows = Autopilot.objects.filter(pk__in=among(strategy_ids)).values_list(Subquery(newest), flat=True)
    lasting = Tick.objects.filter(WITHOUT_PRICES, pk__in=among(pk for pk in rows if pk is not None))
    told = dict(lasting.values_list("pk", "strategy_id"))
    Tick.objects.filter(pk__in=among(told)).update(ended_at=now)
    return set(told.values())
