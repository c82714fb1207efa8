"""Long pauses, kept in a row of the main database: a store that loses its data must not forget a ban."""

from typing import Protocol

from django.db import DatabaseError, InterfaceError
from django.db.models import Case, F, Q, Value, When

from exchanges.ledger.pause import BANNED, CLOCKS_APART_MS, Pause
from exchanges.ledger.store import StoreDown
from exchanges.models import TrafficPause


class Keeper(Protocol):
    """Both raise StoreDown and nothing else. `host` is a base URL."""

    def keep(self, host: str, pause: Pause) -> None:
        """Keep it, unless a longer one is kept; a ban that lasts stays a ban."""

    def find(self, host: str) -> Pause | None:
        """The pause that was kept last, also when it is over."""


class PauseRows:
    """See Keeper. An ordinary table, which outlives a crash of the database too."""

    def keep(self, host: str, pause: Pause) -> None:
        known = TrafficPause.objects.filter(pk=host)
        from_a_wrong_clock = Q(since_ms__gt=pause.since_ms + CLOCKS_APART_MS)
        lasting_ban = Q(status=BANNED, until_ms__gt=pause.since_ms)
        row = TrafficPause(host=host, since_ms=pause.since_ms, until_ms=pause.until_ms, status=pause.status)
        try:
            TrafficPause.objects.bulk_create([row], ignore_conflicts=True)
            known.filter(from_a_wrong_clock | Q(until_ms__lt=pause.until_ms)).update(
                since_ms=pause.since_ms,
                until_ms=pause.until_ms,
                status=Case(When(lasting_ban & ~from_a_wrong_clock, then=F("status")), default=Value(pause.status)),
            )
        except (DatabaseError, InterfaceError) as error:
            raise StoreDown(str(error).strip().partition("\n")[0]) from error

    def find(self, host: str) -> Pause | None:
        try:
            row = TrafficPause.objects.filter(pk=host).first()
        except (DatabaseError, InterfaceError) as error:
            raise StoreDown(str(error).strip().partition("\n")[0]) from error
        return Pause(row.since_ms, row.until_ms, row.status) if row else None
