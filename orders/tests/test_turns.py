"""Two dispatchers and four workers at one database: every strategy is ticked once a period, and no more."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connections
from pytest_django.fixtures import Settings

from botbalance.lib.clock import now_ms
from orders import services
from orders.models import Run, Tick, Watch
from orders.services import watching
from orders.tests.scenes import CALM, CROSSING, trader

pytestmark = [pytest.mark.django_db(databases=["default", "paper"], transaction=True)]

USERS = 8
PERIODS = 3


def in_threads(count: int, work: Callable[[], None]) -> list[threading.Thread]:
    def whole() -> None:
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=whole) for _number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_two_dispatchers_and_four_workers_tick_each_strategy_once_a_period(settings: Settings) -> None:
    settings.AUTOPILOT_PERIOD_SECONDS = 1
    flying = [
        trader(f"user{number}@example.com", {"USDT": 1000}, {"BTC": 50}, **CROSSING, **CALM) for number in range(USERS)
    ]
    for one in flying:
        services.start_autopilot(one.user, one.strategy)
    # Balances that are always too old: every look becomes a tick.
    settings.IDLE_BALANCE_SECONDS = -1
    turns: list[tuple[int, int]] = []
    claimed: list[tuple[int, int]] = []
    messages: queue.Queue[tuple[int, int] | None] = queue.Queue()
    failures: list[Exception] = []
    ends = time.monotonic() + settings.AUTOPILOT_PERIOD_SECONDS * PERIODS

    def dispatch() -> None:
        while time.monotonic() < ends:
            for turn in services.dispatch().ticks:
                turns.append(turn)
                for _delivery in range(2):  # a broker may deliver a message twice
                    messages.put(turn)
            time.sleep(0.05)

    def work() -> None:
        while (turn := messages.get()) is not None:
            try:
                if services.tick(*turn) is not None:
                    claimed.append(turn)
            except Exception as error:  # noqa: BLE001  (the test sees it, in whatever thread it was)
                failures.append(error)

    workers = in_threads(4, work)
    for thread in in_threads(2, dispatch):
        thread.join()
    for _worker in workers:
        messages.put(None)
    for thread in workers:
        thread.join()

    assert failures == []
    assert len(turns) == len(set(turns)) > USERS
    assert [turn for turn, count in Counter(claimed).items() if count > 1] == []
    ticks = dict(Watch.objects.values_list("account_id", "ticks"))
    periods = Counter(account for account, _due in turns)
    assert all(ticks[account] <= periods[account] for account in periods)
    assert Run.objects.count() == USERS
    for one in flying:
        one.assert_books_agree()
    assert not Tick.objects.filter(status="failed").exists()


def test_a_lease_that_has_run_out_is_lost_to_whoever_takes_the_account_next(settings: Settings) -> None:
    settings.AUTOPILOT_PERIOD_SECONDS = 30
    one = trader("alice@example.com", {"USDT": 1000}, {"BTC": 50})
    services.start_autopilot(one.user, one.strategy)
    now = now_ms()
    first = watching.claim(one.account.pk, now)
    assert first is not None
    assert watching.claim(one.account.pk, now + 1) is None
    Watch.objects.update(lease_until_ms=now - 1)
    second = watching.claim(one.account.pk, now + 1)
    assert second is not None
    assert not first.renew()
    first.release()
    assert second.renew()


def test_turns_that_were_called_for_at_once_spread_over_the_period_again(settings: Settings) -> None:
    some = [trader(f"user{number}@example.com", {"USDT": 100}, {"BTC": 0}) for number in range(6)]
    for one in some:
        services.start_autopilot(one.user, one.strategy)
    usual = {pk: due % 30_000 for pk, due in Watch.objects.values_list("account_id", "due_ms")}
    services.let_all_look()
    services.dispatch()
    now = now_ms()
    after = dict(Watch.objects.values_list("account_id", "due_ms"))
    assert {pk: due % 30_000 for pk, due in after.items()} == usual
    assert all(now < due <= now + 31_000 for due in after.values())
