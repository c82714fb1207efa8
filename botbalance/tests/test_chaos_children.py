"""A drill's processes: one that ended although nobody had killed it is told by its name, unless it could not begin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from botbalance.chaos.children import Child, deaths_of

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 100 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def child(tmp_path: Path, clock: Clock) -> Iterator[Child]:
    """It ends by itself as soon as it can."""
    made = Child("beat", ["nothing"], {}, tmp_path / "beat.log", clock)
    made.start()
    made.await_end()
    yield made
    made.kill()


def test_a_process_that_ended_by_itself_is_told(child: Child, clock: Clock) -> None:
    assert deaths_of([child]) == []
    clock.now += 2 * SECOND
    child.revive()
    assert deaths_of([child]) == ["beat ended by itself 1 times, and was started again"]


def test_one_that_was_killed_on_purpose_and_started_again_has_not_ended_by_itself(child: Child, clock: Clock) -> None:
    child.kill()
    child.start()
    child.revive()
    assert deaths_of([child]) == []


@pytest.mark.parametrize(("lived", "outage", "is_told"), [(2, 1, False), (2, -1, True), (30, 25, True)])
def test_one_that_found_no_database_when_it_began_is_not_told(
    child: Child, clock: Clock, lived: int, outage: int, is_told: bool
) -> None:
    began = clock.now
    clock.now += lived * SECOND
    child.revive(began + outage * SECOND)
    assert bool(deaths_of([child])) is is_told
    assert child.failed_starts == (not is_told)
