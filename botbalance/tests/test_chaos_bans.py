"""Requests in a ban are a mismatch where the ban was heard of, and only then."""

import pytest

from botbalance.chaos.bans import ignored, last_heard_ms, summary
from exchanges.ledger.pause import BANNED, SLOWED
from exchanges.models import TrafficPause
from exchanges.paper.drawn_faults import Ban

START = 1_772_445_600_000


def ban(requests: int, seconds: int = 3, since_ms: int = START) -> Ban:
    return Ban(since_ms, since_ms + seconds * 1000, requests)


def test_a_ban_in_which_nobody_asked_is_as_it_should_be() -> None:
    assert ignored([ban(0)], [START + 20]) == []


def test_requests_in_a_ban_that_was_heard_of_are_found() -> None:
    (told,) = ignored([ban(2), ban(0, since_ms=START + 60_000)], [START + 20, START + 60_020])
    assert told == "2 requests came more than 1500 ms after a ban was announced, before its 3000 ms were over"


def test_a_ban_whose_announcement_was_lost_is_nobodys_fault() -> None:
    assert ignored([ban(30)], []) == []
    assert ignored([ban(30)], [START - 5_000, START + 2_000]) == []


def test_no_ban_of_many_written_down_is_no_accident() -> None:
    several = [ban(30, since_ms=START + 60_000 * number) for number in range(4)]
    assert ignored(several, []) == ["none of 4 bans was written down"]
    assert ignored([ban(0, seconds=1, since_ms=each.since_ms) for each in several], []) == []


def test_it_is_said_how_many_bans_could_be_looked_at() -> None:
    told = summary([ban(0), ban(0, seconds=1), ban(0, since_ms=START + 60_000)], [START + 20])
    assert told == "Of 3 bans 2 were long enough to watch, and 1 of these were heard of."


@pytest.mark.django_db
def test_the_last_ban_that_was_heard_of_is_the_one_in_our_row() -> None:
    assert last_heard_ms() is None
    TrafficPause.objects.create(host="http://one", since_ms=START, until_ms=START + 3000, status=BANNED)
    TrafficPause.objects.create(host="http://two", since_ms=START + 1, until_ms=START + 99_000, status=SLOWED)
    assert last_heard_ms() == START
