"""How autopilots stand, for their owners: the switch, when they look, and what they decided last."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import User
from botbalance.lib.prepared import NOBODY, Prepared, row_of
from orders.models import Autopilot, Tick, Watch
from strategies.models import Strategy

_STRATEGY = ("id", "name", "is_active", "account_id")
_AUTOPILOT = (
    "strategy_id", "is_on", "started_at", "paused_at", "pause_code", "pause_values", "failures_in_a_row",
)  # fmt: skip
_WATCH = ("account_id", "due_ms", "looked_at_ms", "quiet_looks", "is_blind", "hold_until_ms")


@dataclass(frozen=True, slots=True)
class Standing:
    """A strategy's autopilot as its owner sees it: the switch, when it looks, and what it decided last.

    Each of the three is None as long as there is none: a strategy that was never switched on has no autopilot.
    """

    autopilot: Autopilot | None
    watch: Watch | None
    last: Tick | None


def autopilot_of(strategy: Strategy) -> Autopilot | None:
    """The strategy's autopilot, None when it was never switched on."""
    return Autopilot.objects.filter(strategy=strategy).first()


def ticks_of(strategy: Strategy) -> QuerySet[Tick]:
    """What the strategy's autopilot decided, newest first. The strategy comes through the door `strategy_of`."""
    return Tick.objects.filter(strategy=strategy).select_related("run").order_by("-id")


def standing_of(strategy: Strategy) -> Standing:
    """How the strategy's autopilot stands."""
    watch = Watch.objects.filter(account_id=strategy.account_id).first()
    return Standing(autopilot_of(strategy), watch, ticks_of(strategy).first())


def standings_of(user: User) -> list[tuple[Strategy, Standing]]:
    """How every autopilot of the user stands, those of active strategies first, in two queries however many there are;
    those never switched on are left out.

    Every page asks for it: of a strategy it has the name, the account's id, and whether it is active.
    """
    rows = _NEWEST.rows(user.pk)
    ticks = Tick.objects.select_related("run").in_bulk([row[-1] for row in rows if row[-1]])
    found = []
    ends = len(_STRATEGY), len(_STRATEGY) + len(_AUTOPILOT)
    for row in rows:
        watch = row[ends[1] : -1]
        standing = Standing(
            row_of(Autopilot, _AUTOPILOT, row[ends[0] : ends[1]]),
            row_of(Watch, _WATCH, watch) if watch[0] is not None else None,
            ticks.get(row[-1]),
        )
        found.append((row_of(Strategy, _STRATEGY, row[: ends[0]]), standing))
    return found


def _newest() -> QuerySet[Any, Any]:
    ticks = Tick.objects.filter(strategy=OuterRef("pk")).order_by("-id").values("pk")
    rows = Strategy.objects.filter(user=NOBODY, archived_at=None, autopilot__isnull=False)
    rows = rows.annotate(last_tick=Subquery(ticks[:1])).order_by("-is_active", "id")
    names = (*_STRATEGY, *_of("autopilot", _AUTOPILOT), *_of("account__watch", _WATCH))
    return rows.values_list(*names, "last_tick")


_NEWEST = Prepared(_newest)


def _of(relation: str, names: Iterable[str]) -> list[str]:
    return [f"{relation}__{name}" for name in names]
