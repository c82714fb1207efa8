"""Reads wait their turn, fairly between users and for a bounded time; orders and cancels never wait."""

import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.errors import ExchangeError, Throttled, Unavailable
from exchanges.ledger import domain, limits
from exchanges.ledger.domain import Answer, Ask, Host, Orders
from exchanges.ledger.limits import WEIGHT
from exchanges.ledger.services import Ledger, Pass
from exchanges.ledger.store import StoreDown
from exchanges.tests.ledgers import MemoryStore, Naps, never

HOST = "https://exchange.test"
NOW = 1_700_000_035_000  # 5 seconds before a minute ends
MINUTE = limits.MINUTE_MS


def ledger(store: MemoryStore, naps: Naps, *, patience: int = 20) -> Ledger:
    return Ledger(store, patience_seconds=patience, headroom_pct=10, clock=naps.now_ms, sleep=naps.sleep)


def naps_from(now: int = NOW) -> Naps:
    return Naps(lambda: now)


def admit(door: Ledger, weight: int = 4, *, owner: int = 1, is_read: bool = True, orders: int = 0) -> Any:
    return door.admit(HOST, owner=owner, account=owner, weight=weight, orders=orders, is_read=is_read, offset_ms=0)


def full(limit: int = 100) -> MemoryStore:
    """A minute in which nothing is left, not even for an order."""
    store = MemoryStore()
    store.learn(HOST, {WEIGHT: limit})
    store.reserve(HOST, Ask(NOW, limit, is_read=False))
    return store


# --- how long ----------------------------------------------------------------------------------------------


def test_a_read_waits_for_the_next_minute_and_then_goes() -> None:
    naps = naps_from()
    assert isinstance(admit(ledger(full(), naps)), Pass)
    assert 5 <= sum(naps.seconds) < 6.5
    assert max(naps.seconds) <= 1


def test_a_read_that_would_wait_too_long_is_told_at_once_and_leaves_no_trace() -> None:
    naps, store = naps_from(NOW - 20_000), full()
    store.reserve(HOST, Ask(NOW - 20_000, 0, is_read=False))
    refused = admit(ledger(store, naps))
    assert isinstance(refused, Throttled)
    assert (refused.not_sent, refused.retry_after, naps.seconds) == (True, 25, [])
    assert "2023-11-14 22:14:00 UTC" in refused.message
    assert store.hosts[HOST].queue == {}


def test_no_read_waits_longer_than_its_patience_even_when_the_clock_stands_still() -> None:
    store, slept = full(), []
    door = Ledger(store, patience_seconds=20, headroom_pct=10, clock=lambda: NOW, sleep=slept.append)
    refused = admit(door)
    assert isinstance(refused, Throttled)
    assert 15 <= sum(slept) <= 21
    assert store.hosts[HOST].queue == {}


@pytest.mark.parametrize("orders", [0, 1], ids=["a cancel", "an order"])
def test_what_writes_is_refused_at_once_where_nothing_is_left(orders: int) -> None:
    door = Ledger(full(), patience_seconds=20, headroom_pct=10, clock=lambda: NOW, sleep=never)
    refused = admit(door, 1, is_read=False, orders=orders)
    assert isinstance(refused, Throttled)
    assert (refused.not_sent, refused.retry_after) == (True, 5)


def test_orders_and_cancels_go_before_reads_that_wait() -> None:
    store = MemoryStore()
    store.learn(HOST, {WEIGHT: 100})
    store.reserve(HOST, Ask(NOW, 90, is_read=False))
    assert store.reserve(HOST, Ask(NOW, 4, ticket="read", may_wait=True)).answer == Answer.WAIT
    door = Ledger(store, patience_seconds=20, headroom_pct=10, clock=lambda: NOW, sleep=never)
    for _number in range(10):
        assert isinstance(admit(door, 1, is_read=False, orders=1), Pass)
    assert list(store.hosts[HOST].queue) == ["read"]


def test_a_read_waits_for_the_end_of_a_short_pause_and_for_the_trial_after_a_ban_but_never_for_a_ban() -> None:
    store = MemoryStore()
    store.settle(HOST, domain.Settlement(NOW, NOW, pause_ms=3000, status=429))
    naps = naps_from()
    assert isinstance(admit(ledger(store, naps)), Pass)
    assert 3 <= sum(naps.seconds) < 4.5
    store.settle(HOST, domain.Settlement(NOW + 4500, NOW, pause_ms=2000, status=418))
    refused = admit(ledger(store, naps_from(NOW + 4500)))
    assert isinstance(refused, Throttled)
    assert refused.banned
    assert store.reserve(HOST, Ask(NOW + 6500, 1)).is_trial
    naps = Naps(lambda: NOW + 6500)

    def answered_meanwhile(seconds: float) -> None:
        naps.sleep(seconds)
        store.settle(HOST, domain.Settlement(naps.now_ms(), NOW + 6500, was_trial=True, status=200))

    door = Ledger(store, patience_seconds=20, headroom_pct=10, clock=naps.now_ms, sleep=answered_meanwhile)
    assert isinstance(admit(door), Pass)
    assert len(naps.seconds) == 1


# --- how fairly --------------------------------------------------------------------------------------------


def minutes_until(reads: dict[str, tuple[int, int]], limit: int, seed: int) -> dict[str, int]:
    """In which minute each read (ticket -> owner, weight) goes, when they come in this order and ask in any order."""
    host, found, chance = Host(limits={WEIGHT: limit}), {}, random.Random(seed)
    host.window, host.used = NOW // MINUTE, limit
    for ticket, (owner, weight) in reads.items():
        ask = Ask(NOW + 4000, weight, owner=owner, ticket=ticket, may_wait=True)
        assert domain.reserve(host, Orders(), ask).answer == Answer.WAIT
    for minute in range(1, 1000):
        now = NOW + 5000 + (minute - 1) * MINUTE
        for waiter in host.queue.values():
            waiter.expires_ms = now + domain.TICKET_MS  # they have kept asking all along
        waiting = [ticket for ticket in reads if ticket not in found]
        chance.shuffle(waiting)
        for ticket in waiting:
            owner, weight = reads[ticket]
            ask = Ask(now, weight, owner=owner, ticket=ticket, may_wait=True)
            if domain.reserve(host, Orders(), ask).answer == Answer.GO:
                found[ticket] = minute
        if len(found) == len(reads):
            return found
    raise AssertionError("some read never went")


def test_a_user_with_200_reads_does_not_starve_one_with_a_single_read() -> None:
    reads = {f"a{number:03}": (1, 20) for number in range(200)} | {"modest": (2, 20), "server": (domain.SERVER, 20)}
    went = minutes_until(reads, limit=100, seed=1)  # four reads a minute
    assert went["server"] == 1
    assert went["modest"] == 1
    assert max(went.values()) <= 53  # two minutes of half as much, in which they are not alone


READS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([1, 4, 6, 20])), min_size=1, max_size=40)


@given(READS, st.integers(0, 5))
def test_every_read_goes_and_no_user_waits_for_more_of_another_than_they_ask_for(reads, seed: int) -> None:
    named = {f"{number:03}": read for number, read in enumerate(reads)}
    went = minutes_until(named, limit=60, seed=seed)
    for owner in {owner for owner, _weight in reads}:
        mine = [(minute, named[ticket][1]) for ticket, minute in went.items() if named[ticket][0] == owner]
        # Shared fairly, all of mine is done when as much of each other user's is, and one largest read more.
        weight, users = sum(weight for _minute, weight in mine), len({owner for owner, _weight in reads})
        assert max(minute for minute, _weight in mine) <= 1 + (weight + 20) * users // (54 - 20)


@given(READS, st.integers(0, 100))
def test_reads_never_use_more_than_their_share_of_a_minute(reads, headroom: int) -> None:
    host = Host(limits={WEIGHT: 60})
    gone = 0
    for number, (owner, weight) in enumerate(reads):
        ask = Ask(NOW, weight, owner=owner, ticket=str(number), may_wait=number % 2 == 0, headroom_pct=headroom)
        if domain.reserve(host, Orders(), ask).answer == Answer.GO:
            gone += weight
    assert gone == host.used <= 60 * (100 - headroom) // 100


def test_threads_that_wait_for_real_all_go_when_there_is_room_again() -> None:
    store = full()
    doors = [
        Ledger(store, patience_seconds=20, headroom_pct=10, clock=clock, sleep=pause.wait)
        for clock, pause in [(lambda: moment[0], threading.Event())] * 8
    ]
    moment = [NOW + 4900]
    gone: list[Any] = []
    threads = [threading.Thread(target=lambda door=door: gone.append(admit(door))) for door in doors]
    for thread in threads:
        thread.start()
    while len(store.hosts[HOST].queue) < len(doors):
        threading.Event().wait(0.01)
    moment[0] = NOW + 5000
    for thread in threads:
        thread.join(20)
    assert [type(each) for each in gone] == [Pass] * 8
    assert store.hosts[HOST].used == 32


# --- a store that is gone ----------------------------------------------------------------------------------


class Fragile(MemoryStore):
    """A store that cannot be reached while it is down."""

    down = False

    def reserve(self, host: str, ask: Ask) -> domain.Verdict:
        self._check()
        return super().reserve(host, ask)

    def settle(self, host: str, found: domain.Settlement) -> None:
        self._check()
        super().settle(host, found)

    def _check(self) -> None:
        if self.down:
            raise StoreDown("gone")


@pytest.mark.parametrize("is_read", [True, False])
def test_without_its_store_nothing_is_sent(is_read: bool) -> None:
    store = Fragile()
    store.down = True
    refused = admit(ledger(store, naps_from()), is_read=is_read)
    assert isinstance(refused, Unavailable)
    assert "Nothing was sent" in refused.message


def test_a_ban_that_could_not_be_told_is_told_before_anything_else_goes() -> None:
    store, naps = Fragile(), naps_from()
    door = ledger(store, naps)
    passed = admit(door)
    store.down = True
    error = Throttled("banned", http_status=418)
    error.banned, error.retry_after = True, 120
    door.settle(passed, error, 418, {}, is_free=False)
    assert isinstance(admit(door), Unavailable)
    store.down = False
    refused = admit(door)
    assert isinstance(refused, Throttled)
    assert refused.banned
    # And it is in the store, where every other process finds it.
    assert isinstance(admit(ledger(store, naps)), ExchangeError)


def test_outcomes_that_could_not_be_told_are_told_later() -> None:
    store = Fragile()
    door = ledger(store, naps_from())
    door.count(HOST, "ok")
    store.down = True
    admit(door)
    store.down = False
    admit(door)
    assert store.hosts[HOST].outcomes == {"ok": 1}


# --- how often it is asked ---------------------------------------------------------------------------------


class Counting(MemoryStore):
    calls = 0

    def reserve(self, host: str, ask: Ask) -> domain.Verdict:
        self.calls += 1
        return super().reserve(host, ask)

    def settle(self, host: str, found: domain.Settlement) -> None:
        self.calls += 1
        super().settle(host, found)


def test_a_read_whose_headers_teach_nothing_new_costs_one_way_to_the_store() -> None:
    store = Counting()
    door = ledger(store, naps_from())
    for number in range(1, 11):
        door.settle(admit(door), None, 200, {WEIGHT: 4 * number}, is_free=False)
    assert store.calls == 11  # the first headers are kept for those who look
    door.settle(admit(door), None, 200, {WEIGHT: 500}, is_free=False)
    assert store.calls == 13
    assert store.hosts[HOST].used == 500


def test_an_order_that_was_free_gives_its_weight_back() -> None:
    store = Counting()
    door = ledger(store, naps_from())
    door.settle(admit(door, 1, is_read=False, orders=1), None, 200, {"ORDERS 10S": 1}, is_free=True)
    assert store.hosts[HOST].used == 0
    assert store.orders[HOST, 1].used("10S", NOW // 10_000) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Too many new orders; current limit is 50 orders per 10 SECOND.", 5),
        ("current limit is 9 orders per 1 DAY", 6365),
        ("", 2),
    ],
)
def test_too_many_orders_pause_that_account_until_the_window_ends(text: str, seconds: int) -> None:
    store, naps = MemoryStore(), naps_from()
    door = ledger(store, naps)
    error = Throttled("too many", exchange_code=-1015, exchange_message=text, http_status=429)
    error.retry_after = 2
    door.settle(admit(door, 1, is_read=False, orders=1), error, 429, {}, is_free=False)
    refused = admit(door, 1, is_read=False, orders=1)
    assert isinstance(refused, Throttled)
    assert refused.retry_after == seconds
    assert isinstance(admit(door, 1, owner=2, is_read=False, orders=1), Pass)
    assert isinstance(admit(door), Pass)


def test_what_was_not_sent_after_all_is_given_back() -> None:
    store = MemoryStore()
    door = ledger(store, naps_from())
    passed = admit(door, 1, is_read=False, orders=1)
    door.give_back(passed)
    assert store.hosts[HOST].used == 0
    assert store.orders[HOST, 1].used("10S", NOW // 10_000) == 0
