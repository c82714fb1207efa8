"""What one process remembers of pauses by itself, so that a store which loses them does not lose them for us.

Short ones die with the process; bans and long ones are kept in a row that every process looks at once a second.
"""

import logging
import threading
from collections.abc import Callable

from exchanges.ledger.pause import BANNED, Pause
from exchanges.ledger.pause_rows import Keeper
from exchanges.ledger.store import StoreDown

logger = logging.getLogger(__name__)

LONG_MS = 60_000
LOOK_MS = 1000


class PauseMemory:
    """Without a keeper it is this process's alone."""

    def __init__(self, keeper: Keeper | None, clock: Callable[[], int]) -> None:
        self._keeper = keeper
        self._clock = clock
        self._lock = threading.Lock()
        self._pauses: dict[str, Pause] = {}
        self._looked_ms: dict[str, int] = {}
        self._unkept: set[str] = set()

    def remember(self, host: str, pause: Pause, *, was_told: bool) -> None:
        """`was_told`: the store has it. What it does not have is kept for the others, however short. Never raises."""
        with self._lock:
            self._lengthen(host, pause)
            if self._keeper is None or not (pause.status == BANNED or _length(pause) >= LONG_MS or not was_told):
                return
            self._unkept.add(host)
        try:
            self._keep(host)
        except StoreDown as error:  # it is kept before this process asks again
            logger.error("a pause of %s is not kept: %s", host, error)

    def lasting(self, host: str) -> Pause | None:
        """The longest pause that is known and lasts. StoreDown where it cannot be known."""
        now = self._clock()
        if self._keeper is not None:
            self._keep(host)
            if not 0 <= now - self._looked_ms.get(host, -LOOK_MS) < LOOK_MS:
                found = self._keeper.find(host)
                with self._lock:
                    self._looked_ms[host] = now
                    if found is not None:
                        self._lengthen(host, found)
        pause = self._pauses.get(host)
        return pause if pause is not None and pause.lasts(now) else None

    def look_again(self, host: str) -> None:
        """The store was away: others may have kept what they could not tell it."""
        with self._lock:
            self._looked_ms.pop(host, None)

    def _keep(self, host: str) -> None:
        with self._lock:
            pause = self._pauses.get(host)
            if self._keeper is None or host not in self._unkept or pause is None:
                return
        self._keeper.keep(host, pause)
        with self._lock:
            if self._pauses.get(host) == pause:
                self._unkept.discard(host)

    def _lengthen(self, host: str, pause: Pause) -> None:
        now, known = self._clock(), self._pauses.get(host)
        if known is None or not known.lasts(now):
            self._pauses[host] = pause
        elif pause.lasts(now) and (pause.until_ms > known.until_ms or pause.status == BANNED):
            status = BANNED if BANNED in (known.status, pause.status) else pause.status
            self._pauses[host] = Pause(pause.since_ms, max(known.until_ms, pause.until_ms), status)


def _length(pause: Pause) -> int:
    return pause.until_ms - pause.since_ms
