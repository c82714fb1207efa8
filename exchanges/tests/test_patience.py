"""People wait for a read's turn; a worker, behind which other accounts' turns and cancels wait, hardly does."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from botbalance.celery import app
from exchanges.errors import Throttled
from exchanges.ledger.domain import Ask
from exchanges.ledger.limits import WEIGHT
from exchanges.ledger.patience import enter_background, leave_background
from exchanges.ledger.services import Ledger, Pass
from exchanges.tests.ledgers import MemoryStore, Naps

HOST = "https://exchange.test"
NOW = 1_700_000_035_000  # 5 seconds before a minute ends


@contextmanager
def in_background() -> Iterator[None]:
    """Nobody waits for what is done in the block."""
    enter_background()
    try:
        yield
    finally:
        leave_background()


class Door:
    """A ledger in a minute in which nothing is left; `naps` are the seconds that were waited."""

    def __init__(self, seconds_left: int = 5) -> None:
        now = NOW + (5 - seconds_left) * 1000
        self.naps = Naps(lambda: now)
        store = MemoryStore()
        store.learn(HOST, {WEIGHT: 100})
        store.reserve(HOST, Ask(now, 100, is_read=False))
        self.ledger = Ledger(
            store, patience_seconds=20, background_seconds=2, headroom_pct=10, clock=self.naps.now_ms,
            sleep=self.naps.sleep,
        )  # fmt: skip

    def read(self) -> object:
        return self.ledger.admit(HOST, owner=1, account=1, weight=4, orders=0, is_read=True, offset_ms=0)


def refused(answer: object, door: Door) -> bool:
    return isinstance(answer, Throttled) and answer.not_sent and not door.naps.seconds


def test_somebody_who_looks_waits() -> None:
    assert isinstance(Door().read(), Pass)


def test_background_work_is_told_at_once_that_it_must_wait_too_long() -> None:
    door = Door()
    with in_background():
        assert refused(door.read(), door)
    assert isinstance(door.read(), Pass)


def test_background_work_waits_a_moment() -> None:
    with in_background():
        assert isinstance(Door(seconds_left=1).read(), Pass)


@pytest.mark.parametrize("fails", [False, True], ids=["done", "failed"])
def test_what_a_worker_does_is_background_work_and_what_comes_after_it_is_not(fails: bool) -> None:
    door, found = Door(), list[object]()

    @app.task(name="exchanges.tests.read_something")
    def read_something() -> None:
        found.append(door.read())
        assert not fails

    try:
        read_something.apply()
    finally:
        app.tasks.pop("exchanges.tests.read_something")
    assert refused(found[0], door)
    assert isinstance(door.read(), Pass)
