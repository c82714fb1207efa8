"""Every store of the ledger decides alike: in memory, in the database, and in Redis, where a script says it again."""

import itertools
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchanges.ledger import domain, limits
from exchanges.ledger.domain import Answer, Ask, Host, Orders, Reason, Settlement
from exchanges.ledger.limits import WEIGHT
from exchanges.ledger.store import Store
from exchanges.tests.ledgers import STORES, MemoryStore
from tests.support import examples

NOW = 1_700_000_000_000  # 20 seconds into a minute
MINUTE = limits.MINUTE_MS
Make = Callable[[], Store]
HOST = "https://exchange.test"

pytestmark = pytest.mark.parametrize("make", STORES)


def fill(store: Store, weight: int, host: str = HOST, now: int = NOW) -> None:
    """Use up so much of the minute by one order of somebody."""
    assert store.reserve(host, Ask(now, weight, is_read=False, owner=99)).answer == Answer.GO


def test_what_goes_is_counted_for_the_host_and_for_its_user(make: Make) -> None:
    store = make()
    assert store.reserve(HOST, Ask(NOW, 20, owner=7)).used == 20
    verdict = store.reserve(HOST, Ask(NOW + 1, 4, owner=8))
    assert (verdict.answer, verdict.used, verdict.limit) == (Answer.GO, 24, 6000)
    store.reserve(HOST, Ask(NOW + 2, 6, owner=7))
    known, _accounts = store.look(HOST)
    assert (known.used, known.users) == (30, {"7": 26, "8": 4})
    assert store.reserve("https://other.test", Ask(NOW, 1)).used == 1


def test_reads_leave_a_headroom_to_orders(make: Make) -> None:
    store = make()
    fill(store, 5399)
    assert store.reserve(HOST, Ask(NOW, 2)).reason == Reason.WEIGHT
    assert store.reserve(HOST, Ask(NOW, 1)).answer == Answer.GO
    refused = store.reserve(HOST, Ask(NOW, 1))
    assert (refused.answer, refused.until_ms % MINUTE, refused.until_ms - NOW) == (Answer.NO, 0, 40_000)
    fill(store, 600)
    assert store.reserve(HOST, Ask(NOW, 1, is_read=False)).reason == Reason.WEIGHT


def test_a_new_minute_of_the_exchange_begins_at_nothing(make: Make) -> None:
    store = make()
    fill(store, 6000)
    ahead = Ask(NOW, 1, offset_ms=39_999)
    assert store.reserve(HOST, ahead).answer == Answer.NO
    assert store.reserve(HOST, replace(ahead, offset_ms=40_000)).used == 1
    # A process whose clock is behind counts in the minute that has begun, and does not bring the old one back.
    assert store.reserve(HOST, replace(ahead, offset_ms=39_999)).used == 2
    # A clock that was set back by more begins a minute of its own.
    assert store.reserve(HOST, Ask(NOW - 10 * MINUTE, 1)).used == 1


def test_an_order_counts_for_its_account_in_every_window(make: Make) -> None:
    store = make()
    order = Ask(NOW, 1, is_read=False, owner=7, account=5, orders=1)
    for _number in range(100):
        assert store.reserve(HOST, order).answer == Answer.GO
    refused = store.reserve(HOST, order)
    assert (refused.answer, refused.reason, refused.until_ms) == (Answer.NO, Reason.ORDERS, NOW + 10_000)
    assert store.reserve(HOST, replace(order, account=6)).answer == Answer.GO
    assert store.reserve(HOST, replace(order, orders=0)).answer == Answer.GO  # a cancel
    assert store.reserve(HOST, replace(order, now_ms=NOW + 10_000)).answer == Answer.GO
    _known, accounts = store.look(HOST)
    assert accounts[5].used("1D", NOW // 86_400_000) == 101
    assert accounts[5].used("10S", NOW // 10_000 + 1) == 1
    assert accounts[6].used("10S", NOW // 10_000) == 1


def test_the_limits_the_exchange_tells_replace_those_we_began_with(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 100, "ORDERS 10S": 1, "ORDERS 1D": 2})
    order = Ask(NOW, 1, is_read=False, account=5, orders=1)
    assert store.reserve(HOST, order).limit == 100
    assert store.reserve(HOST, order).reason == Reason.ORDERS
    assert store.reserve(HOST, replace(order, now_ms=NOW + 10_000)).answer == Answer.GO
    in_a_while = store.reserve(HOST, replace(order, now_ms=NOW + 20_000))
    assert (in_a_while.reason, in_a_while.until_ms % 86_400_000) == (Reason.ORDERS, 0)


def test_headers_set_the_truth_upwards(make: Make) -> None:
    store = make()
    store.reserve(HOST, Ask(NOW, 20))
    told = Settlement(NOW + 50, NOW, told={WEIGHT: 500, "ORDERS 10S": 3, "ORDERS 1D": 40}, account=5)
    store.settle(HOST, told)
    store.settle(HOST, replace(told, told={WEIGHT: 100, "ORDERS 10S": 1}))
    assert store.reserve(HOST, Ask(NOW + 60, 4)).used == 504
    known, accounts = store.look(HOST)
    assert (known.told, known.told_ms) == ({WEIGHT: 100, "ORDERS 10S": 1, "ORDERS 1D": 40}, NOW + 50)
    day = NOW // 86_400_000
    assert (accounts[5].used("10S", NOW // 10_000), accounts[5].used("1D", day)) == (3, 40)


def test_a_header_on_the_border_of_two_minutes_says_nothing(make: Make) -> None:
    store = make()
    store.reserve(HOST, Ask(NOW + 39_999, 20))
    store.settle(HOST, Settlement(NOW + 40_001, NOW + 39_999, told={WEIGHT: 5000}))
    assert store.reserve(HOST, Ask(NOW + 40_002, 4)).used == 4


def test_after_the_store_lost_everything_the_next_header_restores_the_truth(make: Make) -> None:
    store = make()
    store.settle(HOST, Settlement(NOW + 50, NOW, told={WEIGHT: 5390}))
    assert store.reserve(HOST, Ask(NOW + 60, 11)).answer == Answer.NO
    assert store.reserve(HOST, Ask(NOW + 60, 10)).used == 5400


def test_what_was_not_charged_is_given_back_while_its_minute_lasts(make: Make) -> None:
    store = make()
    order = Ask(NOW, 1, is_read=False, owner=7, account=5, orders=1)
    store.reserve(HOST, order)
    store.reserve(HOST, replace(order, orders=0))
    back = Settlement(NOW + 30, NOW, owner=7, account=5, weight_back=1)
    store.settle(HOST, back)
    known, accounts = store.look(HOST)
    assert (known.used, known.users) == (1, {"7": 1})
    assert accounts[5].used("10S", NOW // 10_000) == 1
    store.settle(HOST, replace(back, orders_back=1))
    known, accounts = store.look(HOST)
    assert (known.used, known.users) == (0, {"7": 0})
    assert accounts[5].used("10S", NOW // 10_000) == 0
    store.reserve(HOST, Ask(NOW + MINUTE, 8))
    store.settle(HOST, replace(back, now_ms=NOW + MINUTE))
    assert store.look(HOST)[0].used == 8


# --- pauses and bans ------------------------------------------------------------------------------------------


def slowed(ms: int) -> Settlement:
    return Settlement(NOW, NOW, pause_ms=ms, status=429)


def banned(ms: int) -> Settlement:
    return Settlement(NOW, NOW, pause_ms=ms, status=418)


@pytest.mark.parametrize("is_read", [True, False])
def test_a_429_pauses_everything_until_it_is_over(make: Make, is_read: bool) -> None:
    store = make()
    store.settle(HOST, slowed(5000))
    ask = Ask(NOW + 4999, 1, is_read=is_read)
    refused = store.reserve(HOST, ask)
    assert (refused.answer, refused.reason, refused.until_ms) == (Answer.NO, Reason.SLOWED, NOW + 5000)
    for _number in range(2):
        assert store.reserve(HOST, replace(ask, now_ms=NOW + 5000)).answer == Answer.GO
    assert store.reserve("https://other.test", ask).answer == Answer.GO


def test_after_a_ban_one_request_tries_and_then_all_go(make: Make) -> None:
    store = make()
    store.settle(HOST, banned(120_000))
    refused = store.reserve(HOST, Ask(NOW + 119_999, 1))
    assert (refused.answer, refused.reason, refused.until_ms) == (Answer.NO, Reason.BANNED, NOW + 120_000)
    first, second = (store.reserve(HOST, Ask(NOW + 120_000, 1)) for _number in range(2))
    assert (first.answer, first.is_trial) == (Answer.GO, True)
    assert (second.answer, second.reason) == (Answer.NO, Reason.TRIAL)
    store.settle(HOST, Settlement(NOW + 120_100, NOW + 120_000, was_trial=True, status=200))
    third = store.reserve(HOST, Ask(NOW + 120_200, 1))
    assert (third.answer, third.is_trial) == (Answer.GO, False)


def test_a_trial_that_is_banned_again_bans_all_again(make: Make) -> None:
    store = make()
    store.settle(HOST, banned(1000))
    assert store.reserve(HOST, Ask(NOW + 1000, 1)).is_trial
    store.settle(HOST, Settlement(NOW + 1100, NOW + 1000, was_trial=True, status=418, pause_ms=240_000))
    assert store.reserve(HOST, Ask(NOW + 241_099, 1)).reason == Reason.BANNED
    assert store.reserve(HOST, Ask(NOW + 241_100, 1)).is_trial


def test_a_trial_without_an_answer_leaves_the_trial_to_the_next(make: Make) -> None:
    store = make()
    store.settle(HOST, banned(1000))
    assert store.reserve(HOST, Ask(NOW + 1000, 1)).is_trial
    store.settle(HOST, Settlement(NOW + 1100, NOW + 1000, was_trial=True))
    assert store.reserve(HOST, Ask(NOW + 1200, 1)).is_trial
    # And one whose process has died does so in a while.
    assert store.reserve(HOST, Ask(NOW + 1200 + domain.TRIAL_MS - 1, 1)).reason == Reason.TRIAL
    assert store.reserve(HOST, Ask(NOW + 1200 + domain.TRIAL_MS, 1)).is_trial


def test_an_answer_that_was_under_way_does_not_end_or_shorten_a_ban(make: Make) -> None:
    store = make()
    store.settle(HOST, banned(120_000))
    store.settle(HOST, Settlement(NOW + 10, NOW - 50, told={WEIGHT: 6}, status=200))
    store.settle(HOST, replace(slowed(5000), now_ms=NOW + 20))
    refused = store.reserve(HOST, Ask(NOW + 100, 1))
    assert (refused.reason, refused.until_ms) == (Reason.BANNED, NOW + 120_000)
    assert store.pauses([HOST, "https://other.test"])[HOST].paused_until == NOW + 120_000


def test_an_accounts_own_pause_holds_up_its_orders_only(make: Make) -> None:
    store = make()
    store.settle(HOST, Settlement(NOW, NOW, account=5, orders_pause_ms=7000))
    order = Ask(NOW + 6999, 1, is_read=False, account=5, orders=1)
    refused = store.reserve(HOST, order)
    assert (refused.reason, refused.until_ms) == (Reason.ORDERS_PAUSED, NOW + 7000)
    assert store.reserve(HOST, replace(order, account=6)).answer == Answer.GO
    assert store.reserve(HOST, replace(order, orders=0)).answer == Answer.GO
    assert store.reserve(HOST, replace(order, now_ms=NOW + 7000)).answer == Answer.GO


def test_outcomes_are_added_up_for_all_processes(make: Make) -> None:
    store = make()
    for _process in range(2):
        store.reserve(HOST, Ask(NOW, 1, outcomes={"ok": 3, "not_sent:exchange_throttled": 1}))
    assert store.look(HOST)[0].outcomes == {"ok": 6, "not_sent:exchange_throttled": 2}


# --- the queue -------------------------------------------------------------------------------------------------


def waiting(ticket: str, owner: int, weight: int = 4, now: int = NOW) -> Ask:
    return Ask(now, weight, owner=owner, ticket=ticket, may_wait=True)


def test_the_lowest_tag_goes_first_and_not_who_came_or_asks_first(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 100})
    eve, morning = NOW + 38_000, NOW + 40_000  # of a new minute
    fill(store, 100, now=eve)
    queue = [*((f"greedy-{number}", 1) for number in range(5)), ("modest", 2), ("server", domain.SERVER)]
    for ticket, owner in queue:
        assert store.reserve(HOST, waiting(ticket, owner, now=eve)).answer == Answer.WAIT
    fill(store, 73, now=morning)  # leaves room for three reads of users, and a little more for the server
    answers = {ticket: store.reserve(HOST, waiting(ticket, owner, now=morning)).answer for ticket, owner in queue}
    assert [ticket for ticket, answer in answers.items() if answer == Answer.GO] == ["greedy-0", "modest", "server"]
    known, _accounts = store.look(HOST)
    assert sorted(known.queue) == ["greedy-1", "greedy-2", "greedy-3", "greedy-4"]


def test_who_stops_asking_is_forgotten_and_keeps_nobody_back(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 100})
    fill(store, 90)
    assert store.reserve(HOST, waiting("dead", owner=1, weight=80)).answer == Answer.WAIT
    begun = NOW + 40_000  # a new minute
    store.reserve(HOST, waiting("dead", owner=1, weight=80, now=begun - 1))
    assert store.reserve(HOST, waiting("alive", owner=2, weight=60, now=begun)).answer == Answer.GO
    fill(store, 40, now=begun)
    store.reserve(HOST, waiting("gone", owner=1, weight=80, now=begun))
    behind = waiting("behind", owner=1, weight=10, now=begun + MINUTE)
    assert store.reserve(HOST, behind).answer == Answer.GO
    assert store.look(HOST)[0].queue == {}


def test_who_leaves_the_queue_keeps_nobody_back(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 100})
    fill(store, 20)
    assert store.reserve(HOST, waiting("large", owner=1, weight=80)).answer == Answer.WAIT
    assert store.reserve(HOST, waiting("behind", owner=1, weight=10)).answer == Answer.WAIT
    store.leave(HOST, "large")
    assert store.reserve(HOST, waiting("behind", owner=1, weight=10)).answer == Answer.GO
    assert (store.look(HOST)[0].queue, store.look(HOST)[0].tags) == ({}, {})


# --- all alike -------------------------------------------------------------------------------------------------

OWNERS = st.integers(0, 3)
ASKS = st.fixed_dictionaries(
    {
        "weight": st.sampled_from([1, 4, 6, 20, 40]),
        "is_read": st.booleans(),
        "owner": OWNERS,
        "account": st.integers(1, 2),
        "orders": st.integers(0, 1),
        "ticket": st.sampled_from("abcdefgh"),
        "may_wait": st.booleans(),
        "offset_ms": st.sampled_from([0, 0, 250, -1500]),
    }
)
FOUND = st.fixed_dictionaries(
    {
        "owner": OWNERS,
        "account": st.integers(1, 2),
        "weight_back": st.sampled_from([0, 1, 20]),
        "orders_back": st.integers(0, 1),
        "told": st.dictionaries(st.sampled_from([WEIGHT, "ORDERS 10S", "ORDERS 1D"]), st.integers(0, 60)),
        "pause_ms": st.sampled_from([0, 0, 0, 0, 3000, 70_000]),
        "status": st.sampled_from([0, 200, 429, 418]),
        "orders_pause_ms": st.sampled_from([0, 0, 8000]),
        "was_trial": st.booleans(),
    }
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 400, 2999, 3000, 11_000, 59_000, 61_000, -500, -200_000]),
        st.one_of(
            st.tuples(st.just("reserve"), ASKS),
            st.tuples(st.just("reserve"), ASKS),
            st.tuples(st.just("settle"), FOUND),
            st.tuples(st.just("leave"), st.sampled_from("abcdefgh")),
            st.tuples(st.just("learn"), st.sampled_from([{WEIGHT: 60, "ORDERS 10S": 2, "ORDERS 1D": 4}, {WEIGHT: 30}])),
        ),
    ),
    max_size=40,
)


def take(store: Store, host: str, now: int, kind: str, what: Any) -> Any:
    if kind == "reserve":
        return store.reserve(
            host, Ask(now, headroom_pct=10, **{**what, "orders": 0 if what["is_read"] else what["orders"]})
        )
    if kind == "settle":
        return store.settle(host, Settlement(now, now - 300, **what))
    return store.leave(host, what) if kind == "leave" else store.learn(host, what)


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_stores_decide_alike_whatever_happens(make: Make, steps: list[Any]) -> None:
    store, model, host = make(), MemoryStore(), f"https://{uuid.uuid4().hex}.test"
    for each in (store, model):
        each.learn(host, {WEIGHT: 60, "ORDERS 10S": 2, "ORDERS 1D": 4})
    now = NOW
    for forward, (kind, what) in steps:
        now += forward
        assert take(store, host, now, kind, what) == take(model, host, now, kind, what)
    known, accounts = store.look(host)
    expected, expected_accounts = model.look(host)
    assert _comparable(known) == _comparable(expected)
    assert _used(accounts) == _used(expected_accounts)


def _comparable(host: Host) -> Host:
    tags = host.tags if host.queue else {}
    return replace(host, tags=tags, users={owner: used for owner, used in host.users.items() if used})


def _used(accounts: Mapping[int, Orders]) -> dict[int, Orders]:
    return {
        account: orders
        for account, orders in accounts.items()
        if orders.paused_until or any(used for _window, used in orders.counts.values())
    }


# --- at once ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_use_more_than_there_is(make: Make) -> None:
    store = make()
    store.learn(HOST, {WEIGHT: 100})
    gone = itertools.count()
    went: list[int] = []

    def ask() -> None:
        for _number in range(30):
            if store.reserve(HOST, Ask(NOW, 3, owner=next(gone) % 3)).answer == Answer.GO:
                went.append(3)

    threads = [threading.Thread(target=closing(ask)) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(went) == 90
    assert store.look(HOST)[0].used == 90


def closing(work: Callable[[], None]) -> Callable[[], None]:
    """`work` for a thread, whose connections of the database end with it."""
    from django.db import connections

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    return run
