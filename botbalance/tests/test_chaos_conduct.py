"""One rebalance after the other, and no plan before every earlier order's outcome is known: what would trade a drift
twice under two ids is found in the rows.
"""

from datetime import UTC, datetime, timedelta

import pytest

from botbalance.chaos.conduct import (
    Meant,
    Planned,
    RunTime,
    keys_with_several_runs,
    overlapping_runs,
    planned_too_early,
)

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def test_rebalances_one_after_the_other_are_as_they_should_be() -> None:
    assert overlapping_runs([RunTime(2, at(5), at(9)), RunTime(1, at(0), at(5)), RunTime(3, at(9), None)]) == []


@pytest.mark.parametrize("ended", [at(6), None])
def test_a_rebalance_that_began_before_another_had_ended_is_found(ended: datetime | None) -> None:
    (told,) = overlapping_runs([RunTime(1, at(0), ended), RunTime(2, at(5), at(9))])
    assert told.startswith("rebalance 2 began at ")
    assert told.endswith("before rebalance 1 ended")


def test_a_round_that_was_planned_when_everything_was_known_is_as_it_should_be() -> None:
    rounds = [Planned(1, 1, tick_ts=10, at=at(0)), Planned(1, 2, tick_ts=20, at=at(5))]
    assert planned_too_early(rounds, [Meant("first", 10, at(5)), Meant("second", 20, None)]) == []


@pytest.mark.parametrize("known", [at(6), None])
def test_a_round_that_was_planned_before_an_earlier_order_was_known_is_found(known: datetime | None) -> None:
    (told,) = planned_too_early([Planned(7, 2, tick_ts=20, at=at(5))], [Meant("first", 10, known)])
    assert told.startswith("round 2 of rebalance 7 was planned at ")
    assert told.endswith("it was not known what had become of first")


def test_a_key_gives_one_rebalance_and_another_one_is_found() -> None:
    assert keys_with_several_runs({"once": [4, 4], "never": []}, {"once": 4, "other": 5}) == []
    assert keys_with_several_runs({"twice": [4, 5]}, {}) == ["the key twice gave rebalances 4, 5"]
    assert keys_with_several_runs({"twice": [4]}, {"twice": 5}) == ["the key twice gave rebalances 4, 5"]
