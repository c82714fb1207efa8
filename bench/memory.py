"""How much a dispatcher's process grows by the portfolios it keeps in mind."""

import gc
import os
from pathlib import Path
from typing import Any

from django.db.models import F, QuerySet

from orders import services as orders
from orders.models import Watch
from orders.services import watching

_STATM = Path("/proc/self/statm")


def measure() -> dict[str, Any]:
    """Resident memory before and after everybody has been looked at once, in a process that has made nothing else.

    The crowd is there already: another process has written it (`bench.crowd.fill`).
    """
    if not _STATM.exists():
        return {"skipped": "resident memory is read from /proc, which this system has not"}
    users = Watch.objects.count()
    first = Watch.objects.order_by("pk").values_list("pk", flat=True)[0]
    # One of them alone first: what a dispatch needs whoever is looked at is there already.
    _look_at(Watch.objects.filter(pk=first))
    before = _resident_mb()
    _look_at(Watch.objects.all())
    after = _resident_mb()
    return {
        "users": users,
        "mb_before": round(before, 1),
        "mb_after": round(after, 1),
        "mb_per_1000_users": round((after - before) / users * 1000, 2),
    }


def _look_at(watches: QuerySet[Watch]) -> None:
    due = watches.update(due_ms=F("due_ms") - watching.period_ms())
    looked = 0
    while looked < due:
        looked += orders.dispatch().looked


def _resident_mb() -> float:
    gc.collect()
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
