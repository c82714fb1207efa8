"""Reads of sweeps. `sweep_of` is the only door to a row on behalf of a user."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import Conflict, NotFound
from strategies.backtest.domain import RunSettings
from strategies.backtest.models.sweeps import Sweep, SweepChunk
from strategies.backtest.sweeping.packing import unpack_json
from strategies.backtest.sweeping.parameters import Setting
from strategies.backtest.sweeping.spaces import Search

LEAST_TOLD = 20  # settings that must be done before a remaining time is told

Stage = SweepChunk.Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is: settings and other pasts that are done, of how many, and what it does at the moment.

    `percent` is whole, 100 only when it is done; `left` how long it will take yet at the pace so far, None unknown.
    """

    settings_done: int
    settings_total: int
    paths_done: int
    paths_total: int
    stage: str
    percent: int
    left: timedelta | None


class Pieces(NamedTuple):
    """The pieces of one stage of a sweep: how many there are, are done, and are in a worker's hands; and how often the
    one that was begun most often was begun.
    """

    stage: str
    all: int
    done: int
    taken: int
    begun: int


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting of a sweep with its figures (see `packing.figures_of`); `rank` is 1 for the best, None unknown."""

    number: int
    setting: Setting
    figures: dict[str, Any]
    rank: int | None


def sweeps_of(user: User) -> QuerySet[Sweep]:
    """The user's sweeps, the newest first, without their summaries."""
    return Sweep.objects.filter(user=user).select_related("strategy").defer("summary", "rules").order_by("-id")


def sweep_of(user: User, sweep_id: int) -> Sweep:
    """The user's sweep, or NotFound: another's looks like none."""
    sweep = Sweep.objects.filter(user=user, pk=sweep_id).select_related("strategy").first()
    if sweep is None:
        raise NotFound(_("There is no such sweep."))
    return sweep


def sweep_on_this_server(sweep_id: int) -> Sweep:
    """Whoever's sweep, for the command line; NotFound where there is none."""
    sweep = Sweep.objects.filter(pk=sweep_id).select_related("strategy").first()
    if sweep is None:
        raise NotFound(_("There is no such sweep."))
    return sweep


def known_sweep(user: User, idempotency_key: str) -> Sweep | None:
    """The sweep that was created with this key."""
    return Sweep.objects.filter(user=user, idempotency_key=idempotency_key).first() if idempotency_key else None


def next_sweep(after: int = 0) -> int | None:
    """The number of the users' sweep whose turn it is after another's, in the order they were made; None for none."""
    rows = Sweep.objects.filter(state__in=Sweep.ACTIVE, user__isnull=False).order_by("pk").values_list("pk", flat=True)
    following: int | None = rows.filter(pk__gt=after).first()
    return following or rows.first()


def settings_of(sweep: Sweep) -> RunSettings:
    """What the sweep began from, typed."""
    return RunSettings.from_json(sweep.settings)


def search_of(sweep: Sweep) -> Search:
    """What is varied."""
    return Search.from_json(sweep.space)


def progress_of(sweep: Sweep, now: datetime) -> Progress:
    """How far a sweep is."""
    return progress_of_all([sweep], now)[sweep.pk]


def progress_of_all(sweeps: Sequence[Sweep], now: datetime) -> dict[int, Progress]:
    """How far each of these sweeps is, by its number, with one query."""
    rows = SweepChunk.objects.filter(sweep__in=[sweep.pk for sweep in sweeps]).values("sweep_id", "stage").order_by()
    rows = rows.annotate(all=Sum("count"), done=Sum("count", filter=Q(is_done=True)))
    counts: dict[int, dict[int, tuple[int, int]]] = {}
    for row in rows:
        counts.setdefault(row["sweep_id"], {})[row["stage"]] = row["done"] or 0, row["all"]
    return {sweep.pk: _progress(sweep, counts.get(sweep.pk, {}), now) for sweep in sweeps}


def _progress(sweep: Sweep, counts: dict[int, tuple[int, int]], now: datetime) -> Progress:
    """`counts`: of each stage how much is done, and how much there is."""
    settings, settings_total = counts.get(Stage.SETTINGS, (0, sweep.settings_total))
    paths, paths_total = counts.get(Stage.PATHS, (0, sweep.paths))
    done, total = settings + paths, max(settings_total + paths_total, 1)
    open_stages = [stage for stage, (some, all_) in counts.items() if some < all_]
    is_over = sweep.state == Sweep.State.DONE
    left = None
    if sweep.state == Sweep.State.RUNNING and sweep.started_at is not None and done >= min(LEAST_TOLD, total):
        left = (now - sweep.started_at) * (total - done) / done
    return Progress(
        settings_done=settings,
        settings_total=settings_total,
        paths_done=paths,
        paths_total=paths_total,
        stage="" if is_over or not open_stages else str(Stage(min(open_stages)).label),
        percent=100 if is_over else min(99, done * 100 // total),
        left=left,
    )


def pieces_of(sweep: Sweep) -> list[Pieces]:
    """The pieces of each stage that has any, in the order of the stages."""
    rows = SweepChunk.objects.filter(sweep=sweep).values("stage").order_by("stage")
    rows = rows.annotate(
        all=Count("pk"),
        done=Count("pk", filter=Q(is_done=True)),
        taken=Count("pk", filter=Q(is_done=False) & ~Q(claim="")),
        begun=Max("attempts"),
    )
    return [Pieces(str(Stage(row["stage"]).label), row["all"], row["done"], row["taken"], row["begun"]) for row in rows]


def tried_of(sweep: Sweep) -> Sequence[Tried]:
    """Every setting of a done sweep with its figures, the best first. Conflict(sweep_not_done) where it is not done."""
    if sweep.state != Sweep.State.DONE or sweep.summary is None:
        raise Conflict(
            _("This sweep has no result: it is %(state)s.") % {"state": sweep.get_state_display()},
            code="sweep_not_done",
        )
    figures: list[dict[str, Any]] = []
    for chunk in SweepChunk.objects.filter(sweep=sweep, stage=Stage.SETTINGS).order_by("first"):
        figures += unpack_json(chunk.result)
    settings = search_of(sweep).settings()
    return [
        Tried(number, settings[number], figures[number], rank)
        for rank, number in enumerate(sweep.summary["ranking"], start=1)
    ]


def tried_setting(sweep: Sweep, number: int) -> Setting:
    """The setting of that number; NotFound where there is none."""
    settings = search_of(sweep).settings()
    if not 0 <= number < len(settings):
        raise NotFound(_("There is no such setting in this sweep."))
    return settings[number]


def count_active(user: User) -> int:
    return Sweep.objects.filter(user=user, state__in=Sweep.ACTIVE).count()


def workers_on(sweep: Sweep, now: datetime) -> int:
    """How many workers have a piece of it in hand."""
    rows = SweepChunk.objects.filter(sweep=sweep, is_done=False, lease_until__gte=now).exclude(claim="")
    return rows.aggregate(workers=Count("claim", distinct=True))["workers"]


def pieces_left(sweep_id: int) -> int:
    """How many pieces of it are not done."""
    return SweepChunk.objects.filter(sweep_id=sweep_id, is_done=False).count()
