"""The door of the ledger: every request of every process asks here before it leaves, and says here what came of it.

A read that does not fit waits here, never inside a transaction, and at most `patience_seconds` (a worker's, for which
nobody waits, `background_seconds`). An order or a cancel never waits: its guards have been asked just before, and what
they said must still hold when it leaves.
"""

import logging
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import connections

from botbalance.lib.clock import now_ms
from exchanges.errors import ExchangeError, Throttled
from exchanges.ledger import domain
from exchanges.ledger.domain import Answer, Ask, Host, Reason, Settlement, Verdict
from exchanges.ledger.limits import MINUTE_MS, WEIGHT, interval_ms, usable_limits
from exchanges.ledger.memory import PauseMemory
from exchanges.ledger.patience import is_in_background
from exchanges.ledger.pause import BANNED, SLOWED, Pause
from exchanges.ledger.pause_rows import Keeper, PauseRows
from exchanges.ledger.refusals import refusal, store_down
from exchanges.ledger.store import Store, StoreDown

logger = logging.getLogger(__name__)

TOO_MANY_ORDERS = -1015
"""An account's own limit, which holds up nobody else."""
LONGEST_NAP_SECONDS = 1
TRIAL_NAP_SECONDS = 0.2
MOST_JITTER_SECONDS = 0.2
RETELL_SECONDS = 1
LOOK_AGAIN_MS = 50
TOLD_AGAIN_MS = 5000
"""So often what the headers say is kept though it changes nothing, for those who look."""

_PER_INTERVAL = re.compile(r"\bper (\d{1,4}) (SECOND|MINUTE|HOUR|DAY)\b")


@dataclass(frozen=True, slots=True)
class Pass:
    """A request that may go now, and is counted."""

    host: str
    owner: int
    account: int
    weight: int
    orders: int
    sent_ms: int
    offset_ms: int
    is_trial: bool


class Ledger:
    """One process's door to the shared store. What it remembers by itself only saves ways to the store."""

    def __init__(
        self,
        store: Store,
        *,
        patience_seconds: int,
        headroom_pct: int,
        background_seconds: int | None = None,
        clock: Callable[[], int] = now_ms,
        sleep: Callable[[float], None] = time.sleep,
        keeper: Keeper | None = None,
        tells_later: bool = False,
    ) -> None:
        """`background_seconds` is the patience of background work, None: that of everybody. `keeper` keeps long pauses;
        with `tells_later` a thread tells the store what it could not be told.
        """
        self.store = store
        self.headroom_pct = headroom_pct
        self._patience_seconds = patience_seconds
        self._background_seconds = patience_seconds if background_seconds is None else background_seconds
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._outcomes: dict[str, Counter[str]] = {}
        self._used: dict[str, tuple[int, int]] = {}  # by host: minute, and the most that was used in it
        self._told_ms: dict[str, int] = {}
        self._unshared: dict[str, list[Settlement]] = {}
        self._pauses = PauseMemory(keeper, clock)
        self._tells_later = tells_later
        self._telling: set[str] = set()

    # --- before a request ---------------------------------------------------------------------------------

    def admit(
        self,
        host: str,
        *,
        owner: int,
        account: int,
        weight: int,
        orders: int,
        is_read: bool,
        offset_ms: int,
        may_wait: bool = True,
    ) -> Pass | ExchangeError:
        """The pass of a request, or why it must not be sent: Throttled, or Unavailable where the store is down."""
        ticket = uuid.uuid4().hex if is_read else ""
        most_seconds = self._background_seconds if is_in_background() else self._patience_seconds
        waited: float = 0
        while True:
            now = self._clock()
            patience = most_seconds - waited if may_wait else 0
            ask = Ask(
                now, weight, is_read=is_read, owner=owner, account=account, orders=orders, ticket=ticket,
                may_wait=is_read and _minute_ends(now, offset_ms) - now <= patience * 1000,
                offset_ms=offset_ms, headroom_pct=self.headroom_pct, outcomes=self._take_outcomes(host),
            )  # fmt: skip
            try:
                held = self._pauses.lasting(host)
                self._share_pauses(host)
                verdict = self.store.reserve(host, ask)
                if held is not None and verdict.answer == Answer.GO:
                    verdict = self._tell_again(host, ask, verdict, held)
            except StoreDown as error:
                self._put_back(host, ask.outcomes)
                self._pauses.look_again(host)
                logger.error("the ledger of exchange traffic cannot be reached: %s", error)
                return store_down()
            self._remember_used(host, ask.window, verdict.used)
            if verdict.answer == Answer.GO:
                return Pass(host, owner, account, weight, orders, now, offset_ms, verdict.is_trial)
            nap = _nap_seconds(verdict, now, patience) if is_read else None
            if nap is None:
                if verdict.answer == Answer.WAIT:
                    self._leave(host, ticket)
                return refusal(verdict, now)
            self._sleep(nap)
            waited += nap

    def held_since(self, passed: Pass) -> ExchangeError | None:
        """Why a request that may go, and has not gone yet, must not go after all: a pause that has begun since.

        The store is asked only where LOOK_AGAIN_MS have passed, as while a connection was being made.
        """
        now, host = self._clock(), passed.host
        try:
            pause = self._pauses.lasting(host)
            if pause is None and not 0 <= now - passed.sent_ms < LOOK_AGAIN_MS:
                known = self.store.pauses([host]).get(host, Host())
                if domain.held(known, now):
                    pause = Pause(known.paused_since, known.paused_until, known.paused_status)
        except StoreDown as error:
            logger.error("the ledger of exchange traffic cannot be reached: %s", error)
            return store_down()
        return refusal(_held_by(pause), now) if pause is not None else None

    def _leave(self, host: str, ticket: str) -> None:
        try:
            self.store.leave(host, ticket)
        except StoreDown as error:  # it leaves by itself, TICKET_MS later
            logger.warning("the ledger of exchange traffic cannot be reached: %s", error)

    def _share_pauses(self, host: str) -> None:
        """Tell the others first of pauses that could not be told when they began."""
        while True:
            with self._lock:
                waiting = self._unshared.get(host)
                if not waiting:
                    return
                found = waiting.pop(0)
            try:
                self.store.settle(host, found)
            except StoreDown:
                with self._lock:
                    waiting.insert(0, found)
                raise

    def _tell_again(self, host: str, ask: Ask, verdict: Verdict, held: Pause) -> Verdict:
        """The store has forgotten a pause that lasts: tell it, and take back what it has counted."""
        logger.error("the ledger of exchange traffic has forgotten that nothing may be sent to %s", host)
        found = Settlement(
            ask.now_ms, ask.now_ms, owner=ask.owner, account=ask.account, weight_back=ask.weight,
            orders_back=ask.orders, offset_ms=ask.offset_ms, pause_ms=max(1, held.until_ms - ask.now_ms),
            status=held.status, was_trial=verdict.is_trial,
        )  # fmt: skip
        self.store.settle(host, found)
        return _held_by(held, verdict.used - ask.weight, verdict.limit)

    # --- after it -----------------------------------------------------------------------------------------

    def settle(
        self, passed: Pass, error: ExchangeError | None, status: int, told: Mapping[str, int], *, is_free: bool
    ) -> None:
        """What came of a request that went: its error, HTTP status (0: no answer), and what its headers say is used.

        Never raises: the request has been answered, whatever becomes of the books.
        """
        now = self._clock()
        pause_ms, orders_pause_ms = _pauses(error, now + passed.offset_ms)
        found = Settlement(
            now, passed.sent_ms, owner=passed.owner, account=passed.account,
            weight_back=passed.weight if is_free else 0, told=told, offset_ms=passed.offset_ms, pause_ms=pause_ms,
            status=BANNED if isinstance(error, Throttled) and error.banned else status,
            orders_pause_ms=orders_pause_ms, was_trial=passed.is_trial,
        )  # fmt: skip
        if self._changes_something(passed.host, found):
            self._settle(passed.host, found)

    def give_back(self, passed: Pass) -> None:
        """The request was not sent after all."""
        now = self._clock()
        found = Settlement(
            now, passed.sent_ms, owner=passed.owner, account=passed.account, weight_back=passed.weight,
            orders_back=passed.orders, offset_ms=passed.offset_ms, was_trial=passed.is_trial,
        )  # fmt: skip
        self._settle(passed.host, found)

    def _settle(self, host: str, found: Settlement) -> None:
        was_told = True
        try:
            self.store.settle(host, found)
        except StoreDown as error:
            was_told = False
            logger.error("the ledger of exchange traffic cannot be reached: %s", error)
            self._pauses.look_again(host)
            if found.pause_ms or found.orders_pause_ms:
                with self._lock:
                    self._unshared.setdefault(host, []).append(found)
        if found.pause_ms:
            status = BANNED if found.status == BANNED else SLOWED
            pause = Pause(found.now_ms, found.now_ms + found.pause_ms, status)
            self._pauses.remember(host, pause, was_told=was_told)
        if self._unshared.get(host) and self._tells_later:
            self._tell_later(host)

    def _tell_later(self, host: str) -> None:
        """This process may not ask again for a while, and the others must not wait for that."""

        def tell() -> None:
            try:
                while self._unshared.get(host):
                    time.sleep(RETELL_SECONDS)
                    try:
                        self._share_pauses(host)
                    except StoreDown as error:
                        logger.warning("the ledger of exchange traffic cannot be reached: %s", error)
            finally:
                with self._lock:
                    self._telling.discard(host)
                connections.close_all()

        with self._lock:
            if host in self._telling:
                return
            self._telling.add(host)
        threading.Thread(target=tell, daemon=True).start()

    def _changes_something(self, host: str, found: Settlement) -> bool:
        if found.weight_back or found.pause_ms or found.orders_pause_ms or found.was_trial:
            return True
        used = found.told.get(WEIGHT, 0)
        if not used:
            return False
        more_than_known = found.is_of_one_window(MINUTE_MS) and self._remember_used(host, found.window(), used)
        with self._lock:
            if more_than_known or not 0 <= found.now_ms - self._told_ms.get(host, 0) < TOLD_AGAIN_MS:
                self._told_ms[host] = found.now_ms
                return True
        return False

    def _remember_used(self, host: str, window: int, used: int) -> bool:
        """Whether that is more than was known of this minute."""
        with self._lock:
            known_window, known = self._used.get(host, (window, 0))
            if window == known_window and used <= known:
                return False
            self._used[host] = (window, used)
            return True

    def learn(self, host: str, limits: Mapping[str, int]) -> None:
        """Keep the limits that exchangeInfo has told, by RateLimit.name, for all processes."""
        usable = usable_limits(limits)
        if not usable:
            return
        try:
            self.store.learn(host, usable)
        except StoreDown as error:  # the next exchangeInfo tells them again
            logger.warning("the limits of %s are not kept: %s", host, error)

    # --- counters -----------------------------------------------------------------------------------------

    def count(self, host: str, outcome: str) -> None:
        """Count how one request ended; the next one that asks takes it to the store."""
        with self._lock:
            self._outcomes.setdefault(host, Counter())[outcome] += 1

    def _take_outcomes(self, host: str) -> Mapping[str, int]:
        with self._lock:
            return self._outcomes.pop(host, {})

    def _put_back(self, host: str, outcomes: Mapping[str, int]) -> None:
        with self._lock:
            self._outcomes.setdefault(host, Counter()).update(outcomes)


@dataclass(frozen=True, slots=True)
class Meter:
    """The ledger as one adapter uses it: on behalf of a user (0: the server itself), for one of their accounts."""

    ledger: Ledger
    owner: int = domain.SERVER
    account: int = 0


def _held_by(pause: Pause, used: int = 0, limit: int = 0) -> Verdict:
    reason = Reason.BANNED if pause.status == BANNED else Reason.SLOWED
    return Verdict(Answer.NO, reason, pause.until_ms, used, limit)


def _minute_ends(now: int, offset_ms: int) -> int:
    return ((now + offset_ms) // MINUTE_MS + 1) * MINUTE_MS - offset_ms


def _nap_seconds(verdict: Verdict, now: int, patience: float) -> float | None:
    """How long a read sleeps before it asks again; None: it has no patience for what it would have to wait for."""
    if patience <= 0 or verdict.reason == Reason.BANNED:
        return None
    if verdict.reason == Reason.TRIAL:
        return TRIAL_NAP_SECONDS
    left = max(0, verdict.until_ms - now) / 1000
    if left > patience or (verdict.reason == Reason.WEIGHT and verdict.answer == Answer.NO):
        return None
    # All who wait wake up a little apart.
    return min(LONGEST_NAP_SECONDS, left + random.uniform(0, MOST_JITTER_SECONDS))  # noqa: S311


def _pauses(error: ExchangeError | None, theirs_ms: int) -> tuple[int, int]:
    """For how many ms everybody is asked to pause, and the account's orders. `theirs_ms` is the exchange's time."""
    if not isinstance(error, Throttled):
        return 0, 0
    asked = max(1, int(error.retry_after * 1000))
    if error.exchange_code != TOO_MANY_ORDERS:
        return asked, 0
    named = _PER_INTERVAL.search(error.exchange_message)
    length = interval_ms(f"{int(named[1])}{named[2][0]}") if named and int(named[1]) else 0
    return 0, max(asked, length - theirs_ms % length if length else 0)


_lock = threading.Lock()
_current: Ledger | None = None


def current() -> Ledger:
    """This process's door: to Redis where there is one, else to the database."""
    global _current
    with _lock:
        if _current is None:
            _current = Ledger(
                _store(),
                patience_seconds=settings.EXCHANGE_QUEUE_SECONDS,
                background_seconds=min(settings.EXCHANGE_QUEUE_SECONDS, settings.EXCHANGE_BACKGROUND_QUEUE_SECONDS),
                headroom_pct=settings.EXCHANGE_READ_HEADROOM_PCT,
                keeper=PauseRows(),
                tells_later=True,
            )
        return _current


def _store() -> Store:
    if settings.REDIS_URL:
        from exchanges.ledger.redis_store import RedisStore

        return RedisStore(settings.REDIS_URL)
    from exchanges.ledger.database import DatabaseStore

    return DatabaseStore()


def forget() -> None:
    """Open the door anew at the next request: for tests, and after settings have changed."""
    global _current
    with _lock:
        _current = None
