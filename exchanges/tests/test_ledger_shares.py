"""Early in a minute, too, no user takes what others need, and users leave the server's own reads a part."""

from dataclasses import replace

import pytest

from exchanges.ledger.domain import SERVER, Answer, Ask
from exchanges.ledger.limits import MINUTE_MS, WEIGHT
from exchanges.ledger.store import Store
from exchanges.tests.ledgers import STORES
from exchanges.tests.test_ledger_stores import HOST, Make

BEGIN = 1_699_999_980_000  # of a minute
HEAVY, LIGHT = 7, 3

pytestmark = pytest.mark.parametrize("make", STORES)


def served(store: Store, owner: int, at_ms: int, tries: int = 1, weight: int = 20) -> int:
    """How many of so many reads may go at once."""
    ask = Ask(at_ms, weight, owner=owner)
    return [store.reserve(HOST, ask).answer for _number in range(tries)].count(Answer.GO)


def test_a_light_user_is_served_beside_a_heavy_one_in_every_minute_but_the_first(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 400})
    found = []
    for minute in range(4):
        begin = BEGIN + minute * MINUTE_MS
        served(store, HEAVY, begin, 30)
        found.append([served(store, LIGHT, begin + second * 1000) for second in (5, 35)])
    assert found == [[0, 0], [1, 1], [1, 1], [1, 1]]


def test_who_is_alone_may_use_all_that_users_may(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 1000})
    assert served(store, HEAVY, BEGIN, 60) == 855 // 20
    # Whoever else asked is forgotten a minute later.
    served(store, LIGHT, BEGIN)
    assert served(store, HEAVY, BEGIN + 2 * MINUTE_MS, 60) == 855 // 20


def test_who_is_not_alone_uses_no_more_than_they_leave(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 1000})
    served(store, LIGHT, BEGIN)
    assert served(store, HEAVY, BEGIN, 60) == 20  # 20 of LIGHT's and 400 are used, of 855
    assert served(store, 8, BEGIN, 60) == 10
    assert served(store, LIGHT, BEGIN) == 1


def test_the_first_read_of_a_minute_needs_no_more_room_than_it_takes(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 100})  # 85 for users
    assert [served(store, owner, BEGIN) for owner in (1, 2, 3, 4, 5)] == [1, 1, 1, 1, 0]


def test_the_servers_own_reads_find_room_when_users_find_none(make: Make) -> None:
    store = make()
    assert served(store, HEAVY, BEGIN, 300) == 5130 // 20
    assert served(store, SERVER, BEGIN, 300) == (5400 - 5120) // 20
    order = Ask(BEGIN, 1, is_read=False, owner=HEAVY, account=1, orders=1)
    assert store.reserve(HOST, order).answer == Answer.GO
    assert store.reserve(HOST, replace(order, orders=0)).answer == Answer.GO
