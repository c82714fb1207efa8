"""The exchange's clock is measured by the one answer that tells it, and not by what was waited for before."""

from collections.abc import Callable
from itertools import chain, repeat

import requests

from exchanges.adapters import clocks
from exchanges.tests.support import ACCOUNT, BASE_URL, NOW, Client, refusal, reply

Answer = Callable[[requests.PreparedRequest], requests.Response]
AHEAD = 10_000
BUSY = refusal(503, -1008)


class World:
    """Time that passes only while an answer is on its way, in ms."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now

    def answers(self, way_ms: int, given: requests.Response | None = None, *, ahead_ms: int = AHEAD) -> Answer:
        """An answer after twice `way_ms`: of a server that looks at its clock in the middle, or `given`."""

        def answer(_request: requests.PreparedRequest) -> requests.Response:
            self.now += way_ms
            told = reply({"serverTime": self.now + ahead_ms})
            self.now += way_ms
            return told if given is None else given

        return answer


def test_tries_that_failed_before_do_not_count() -> None:
    world = World()
    client = Client(world.answers(4000, BUSY), world.answers(4000, BUSY), world.answers(20), clock=world)
    assert client.adapter.sync_clock() == AHEAD
    assert len(client.sent) == 3


def test_what_a_long_round_trip_says_does_not_replace_what_is_known() -> None:
    world = World()
    Client(world.answers(20), clock=world).adapter.sync_clock()
    slow = Client(world.answers(900, ahead_ms=AHEAD + 700), clock=world)
    assert slow.adapter.sync_clock() == AHEAD


def test_after_a_long_round_trip_the_clock_is_soon_measured_again() -> None:
    world = World()
    Client(world.answers(900), clock=world).adapter.sync_clock()
    client = Client(reply(ACCOUNT), world.answers(20), reply(ACCOUNT), clock=world)
    client.adapter.account_info()
    world.now += clocks.SOON_MS
    client.adapter.account_info()
    assert client.sent == ["GET /api/v3/account", "GET /api/v3/time", "GET /api/v3/account"]


def test_what_no_moment_of_a_long_round_trip_agrees_with_is_known_to_be_wrong() -> None:
    world = World()
    Client(world.answers(20), clock=world).adapter.sync_clock()
    far = 600_000
    assert Client(world.answers(900, ahead_ms=far), clock=world).adapter.sync_clock() == far
    assert clocks.offset_ms(BASE_URL) == far


def test_a_clock_that_jumps_while_it_is_measured_is_soon_measured_again() -> None:
    times = chain([NOW, NOW - 5000], repeat(NOW))
    assert abs(Client(reply({"serverTime": NOW}), clock=lambda: next(times)).adapter.sync_clock()) <= 5000
    assert clocks.is_stale(BASE_URL, NOW - 5000 + clocks.SOON_MS)
