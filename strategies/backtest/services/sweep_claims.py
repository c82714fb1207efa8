"""Who works on which piece of a sweep: claims by conditional update, with a lease that the living renew.

A worker that is killed leaves its piece claimed; once the lease is over, or whoever started it says that it is gone,
the piece is anybody's again. Whatever a worker says of a piece it has no claim on any more is not taken.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from strategies.backtest.models.sweeps import Sweep, SweepChunk

LEASE = timedelta(seconds=30)
# A piece that has ended so many workers would end the next one as well.
MOST_ATTEMPTS = 3


def claim(sweep_id: int, worker: str) -> SweepChunk | None:
    """A piece of the earliest stage that is not done, for this worker alone; None where others have all of them, or
    nothing is left. A piece that has ended too many workers ends the sweep.
    """
    Sweep.objects.filter(pk=sweep_id, state=Sweep.State.QUEUED).update(
        state=Sweep.State.RUNNING, started_at=timezone.now()
    )
    while True:
        now = timezone.now()
        left = SweepChunk.objects.filter(sweep_id=sweep_id, sweep__state=Sweep.State.RUNNING, is_done=False)
        stage = left.order_by("stage").values_list("stage", flat=True).first()
        if stage is None:
            return None
        chunk = left.filter(_is_free(now), stage=stage).order_by("first").first()
        if chunk is None:
            return None
        if chunk.attempts >= MOST_ATTEMPTS:
            fail(sweep_id, _died_too_often(chunk))
            return None
        claimed = SweepChunk.objects.filter(_is_free(now), pk=chunk.pk, is_done=False).update(
            claim=worker, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        if claimed:  # and unless the sweep was deleted or cancelled at this very moment
            return SweepChunk.objects.filter(pk=chunk.pk).first()


def renew(chunk: SweepChunk, worker: str) -> bool:
    """Keep a claim; False where it is not this worker's any more, or nobody wants the sweep."""
    mine = SweepChunk.objects.filter(pk=chunk.pk, claim=worker, is_done=False, sweep__state=Sweep.State.RUNNING)
    return bool(mine.update(lease_until=timezone.now() + LEASE))


def complete(chunk: SweepChunk, worker: str, result: bytes) -> bool:
    """Keep what came out of a piece; False, and nothing is kept, where the claim is lost."""
    mine = SweepChunk.objects.filter(pk=chunk.pk, claim=worker, is_done=False, sweep__state=Sweep.State.RUNNING)
    return bool(mine.update(is_done=True, result=result, claim="", lease_until=None))


def release(sweep_id: int, worker: str, *, has_died: bool) -> None:
    """Give back what a worker has claimed. One that was told to stop has not failed at its piece."""
    mine = SweepChunk.objects.filter(sweep_id=sweep_id, claim=worker, is_done=False)
    if has_died:
        mine.update(claim="", lease_until=None)
    else:
        mine.update(claim="", lease_until=None, attempts=F("attempts") - 1)


def fail(sweep_id: int, problem: str) -> None:
    """End a sweep that cannot go on; what it has found so far stays."""
    rows = Sweep.objects.filter(pk=sweep_id, state__in=Sweep.ACTIVE)
    rows.update(state=Sweep.State.FAILED, problem=problem, finished_at=timezone.now())


def _is_free(now: datetime) -> Q:
    return Q(claim="") | Q(lease_until__lt=now)


def _died_too_often(chunk: SweepChunk) -> str:
    if chunk.stage == SweepChunk.Stage.SETTINGS:
        what = _("settings %(first)s to %(last)s") % {"first": chunk.first + 1, "last": chunk.first + chunk.count}
    else:
        what = str(SweepChunk.Stage(chunk.stage).label)
    return _(
        "The process that works on it has ended %(times)s times at the same place (%(what)s), perhaps for want of "
        "memory. Try a shorter time or longer candles."
    ) % {"times": MOST_ATTEMPTS, "what": what}
