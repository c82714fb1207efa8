"""A ban is not forgotten: not by a store that loses its data, nor by one that was away when the ban began."""

import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from exchanges.errors import Throttled, Unavailable
from exchanges.ledger.domain import Ask, Settlement, Verdict
from exchanges.ledger.memory import LOOK_MS
from exchanges.ledger.pause import BANNED, CLOCKS_APART_MS, SLOWED, Pause
from exchanges.ledger.pause_rows import Keeper, PauseRows
from exchanges.ledger.services import Ledger, Pass
from exchanges.ledger.store import StoreDown
from exchanges.models import TrafficState
from exchanges.tests.ledgers import MemoryStore, shared_store

HOST = "https://exchange.test"
NOW = 1_700_000_000_000
BAN_SECONDS = 300


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


class Fragile(MemoryStore):
    """A store that cannot be reached while it is down, and loses all it knows when it is told to."""

    down = False

    def reserve(self, host: str, ask: Ask) -> Verdict:
        self._check()
        return super().reserve(host, ask)

    def settle(self, host: str, found: Settlement) -> None:
        self._check()
        super().settle(host, found)

    def lose_everything(self) -> None:
        self.hosts.clear()

    def _check(self) -> None:
        if self.down:
            raise StoreDown("cut")


class Shelf:
    """A keeper in memory, which may be away."""

    def __init__(self) -> None:
        self.kept: dict[str, Pause] = {}
        self.down = False

    def keep(self, host: str, pause: Pause) -> None:
        self._check()
        self.kept[host] = pause

    def find(self, host: str) -> Pause | None:
        self._check()
        return self.kept.get(host)

    def _check(self) -> None:
        if self.down:
            raise StoreDown("away")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def process(store: Any, clock: Clock, keeper: Keeper | None = None, *, tells_later: bool = False) -> Ledger:
    return Ledger(
        store, patience_seconds=0, headroom_pct=10, clock=clock, sleep=clock.sleep, keeper=keeper,
        tells_later=tells_later,
    )  # fmt: skip


def admit(door: Ledger) -> Any:
    return door.admit(HOST, owner=1, account=1, weight=20, orders=0, is_read=True, offset_ms=0)


def throttled(status: int, seconds: int) -> Throttled:
    error = Throttled("slow down", http_status=status)
    error.banned, error.retry_after = status == BANNED, seconds
    return error


def meet(door: Ledger, status: int = BANNED, seconds: int = BAN_SECONDS) -> None:
    """One request of this process is answered with a ban, or a 429."""
    door.settle(admit(door), throttled(status, seconds), status, {}, is_free=False)


def assert_banned(answer: Any) -> None:
    assert isinstance(answer, Throttled)
    assert answer.banned
    assert answer.not_sent


def test_a_process_tells_a_store_that_lost_its_data_of_the_ban_it_knows(clock: Clock) -> None:
    store = Fragile()
    first, second = process(store, clock), process(store, clock)
    meet(first)
    store.lose_everything()
    clock.now += 60_000
    refused = admit(first)
    assert_banned(refused)
    assert refused.retry_after == BAN_SECONDS - 60
    assert (store.hosts[HOST].used, store.hosts[HOST].paused_status) == (0, BANNED)
    assert_banned(admit(second))
    clock.now = NOW + 1000 * BAN_SECONDS
    passed = admit(second)
    assert isinstance(passed, Pass)
    assert passed.is_trial


def test_a_process_that_begins_after_the_loss_finds_the_ban_in_its_row(clock: Clock) -> None:
    store, shelf = Fragile(), Shelf()
    meet(process(store, clock, shelf))
    store.lose_everything()
    assert_banned(admit(process(store, clock, shelf)))


def test_a_ban_that_could_not_be_told_is_known_to_the_others_at_once(clock: Clock) -> None:
    store, shelf = Fragile(), Shelf()
    first, second = process(store, clock, shelf), process(store, clock, shelf)
    passed = admit(first)
    assert isinstance(admit(second), Pass)
    store.down = True
    first.settle(passed, throttled(BANNED, BAN_SECONDS), BANNED, {}, is_free=False)
    assert isinstance(admit(second), Unavailable)
    store.down = False
    assert_banned(admit(second))


def test_every_process_looks_at_the_rows_once_a_second(clock: Clock) -> None:
    store, shelf = Fragile(), Shelf()
    door = process(store, clock, shelf)
    admit(door)
    shelf.kept[HOST] = Pause(NOW, NOW + 300_000, BANNED)
    clock.now += LOOK_MS
    assert_banned(admit(door))


@pytest.mark.parametrize(("seconds", "kept"), [(59, False), (60, True)])
def test_a_429_is_kept_in_a_row_when_it_is_long(clock: Clock, seconds: int, kept: bool) -> None:
    shelf = Shelf()
    meet(process(Fragile(), clock, shelf), SLOWED, seconds)
    assert (HOST in shelf.kept) is kept


def test_a_short_429_that_could_not_be_told_is_kept_as_well(clock: Clock) -> None:
    store, shelf = Fragile(), Shelf()
    door = process(store, clock, shelf)
    passed = admit(door)
    store.down = True
    door.settle(passed, throttled(SLOWED, 5), SLOWED, {}, is_free=False)
    assert shelf.kept[HOST] == Pause(NOW, NOW + 5000, SLOWED)


def test_where_the_rows_cannot_be_read_nothing_is_sent_and_a_ban_is_kept_later(clock: Clock) -> None:
    store, shelf = Fragile(), Shelf()
    door = process(store, clock, shelf)
    passed = admit(door)
    shelf.down = True
    door.settle(passed, throttled(BANNED, BAN_SECONDS), BANNED, {}, is_free=False)
    assert isinstance(admit(door), Unavailable)
    shelf.down = False
    assert_banned(admit(door))
    assert shelf.kept[HOST].status == BANNED


def test_two_threads_that_share_two_pauses_lose_neither(clock: Clock) -> None:
    class Slow(Fragile):
        """Both threads are in it before either is out of it, when they can be."""

        meeting = threading.Barrier(2)

        def settle(self, host: str, found: Settlement) -> None:
            super()._check()
            with suppress(threading.BrokenBarrierError):  # the other had nothing left to tell
                self.meeting.wait(0.5)
            super().settle(host, found)

    store = Slow()
    door = process(store, clock)
    passes = [admit(door), admit(door)]
    store.down = True
    for passed, error in zip(passes, (throttled(SLOWED, 1), throttled(BANNED, BAN_SECONDS)), strict=True):
        door.settle(passed, error, error.http_status, {}, is_free=False)
    store.down = False
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(admit(door))) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(answers) == 2
    for answer in answers:
        assert_banned(answer)
    assert store.hosts[HOST].paused_status == BANNED


def test_what_could_not_be_told_is_told_without_another_request(clock: Clock) -> None:
    store = Fragile()
    door = process(store, clock, tells_later=True)
    passed = admit(door)
    store.down = True
    door.settle(passed, throttled(BANNED, BAN_SECONDS), BANNED, {}, is_free=False)
    store.down = False
    ends = time.monotonic() + 5
    while not store.hosts[HOST].paused_status and time.monotonic() < ends:
        time.sleep(0.02)
    assert store.hosts[HOST].paused_status == BANNED


@pytest.mark.django_db
def test_a_row_keeps_the_longest_and_a_ban_stays_a_ban() -> None:
    rows = PauseRows()
    rows.keep(HOST, Pause(NOW, NOW + 100_000, BANNED))
    rows.keep(HOST, Pause(NOW + 1, NOW + 70_000, SLOWED))
    assert rows.find(HOST) == Pause(NOW, NOW + 100_000, BANNED)
    rows.keep(HOST, Pause(NOW + 2, NOW + 170_000, SLOWED))
    assert rows.find(HOST) == Pause(NOW + 2, NOW + 170_000, BANNED)
    rows.keep(HOST, Pause(NOW + 200_000, NOW + 270_000, SLOWED))
    assert rows.find(HOST) == Pause(NOW + 200_000, NOW + 270_000, SLOWED)
    assert rows.find("https://other.test") is None


@pytest.mark.django_db
def test_a_row_from_before_a_clock_was_set_back_holds_up_nothing(clock: Clock) -> None:
    rows = PauseRows()
    ahead = NOW + CLOCKS_APART_MS + 1
    rows.keep(HOST, Pause(ahead, ahead + 9_000_000, BANNED))
    door = process(MemoryStore(), clock, rows)
    assert isinstance(admit(door), Pass)
    meet(door, SLOWED, 60)
    assert rows.find(HOST) == Pause(NOW, NOW + 60_000, SLOWED)


@pytest.mark.django_db
def test_a_ban_outlives_the_loss_of_the_shared_store(clock: Clock) -> None:
    meet(process(shared_store(), clock, PauseRows()))
    _lose_the_shared_store()
    assert_banned(admit(process(shared_store(), clock, PauseRows())))


def _lose_the_shared_store() -> None:
    """As after a crash: unlogged tables are empty then, and so is a Redis without a file."""
    TrafficState.objects.all().delete()
    flush = getattr(getattr(shared_store(), "_redis", None), "flushdb", None)
    if flush is not None:
        flush()
