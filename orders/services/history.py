"""The history of ticks: what was decided and why. The same decision again and again is one row that counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from orders import selectors
from orders.flights import Flight
from orders.models import Autopilot, Run, Tick

REPEATING = frozenset({Tick.Status.IDLE, Tick.Status.WAITING, Tick.Status.HELD})
MOST_LETTERS = 600


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


def record_held(flying: Sequence[Flight], code: str, values: Mapping[str, str]) -> None:
    """Write down for many strategies at once that nothing can be decided. The caller does so once for each of them."""
    now = timezone.now()
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
    )
