"""Ledgers for tests: one that needs no database, and one of every kind that processes share."""

import threading
from collections.abc import Callable, Mapping, Sequence

import pytest
from django.conf import settings

from botbalance.lib.clock import now_ms
from exchanges.ledger import domain
from exchanges.ledger.database import DatabaseStore
from exchanges.ledger.domain import Ask, Host, Orders, Settlement, Verdict
from exchanges.ledger.redis_store import RedisStore
from exchanges.ledger.services import Ledger, Meter
from exchanges.ledger.store import Store


class MemoryStore:
    """The decisions and nothing else: what the shared stores are compared with, and what pure tests are metered by."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hosts: dict[str, Host] = {}
        self.orders: dict[tuple[str, int], Orders] = {}

    def _host(self, host: str) -> Host:
        return self.hosts.setdefault(host, Host())

    def _orders(self, host: str, account: int) -> Orders:
        return self.orders.setdefault((host, account), Orders())

    def reserve(self, host: str, ask: Ask) -> Verdict:
        with self.lock:
            return domain.reserve(self._host(host), self._orders(host, ask.account), ask)

    def settle(self, host: str, found: Settlement) -> None:
        with self.lock:
            domain.settle(self._host(host), self._orders(host, found.account), found)

    def leave(self, host: str, ticket: str) -> None:
        with self.lock:
            domain.leave(self._host(host), ticket)

    def learn(self, host: str, limits: Mapping[str, int]) -> None:
        with self.lock:
            self._host(host).limits = dict(limits)

    def look(self, host: str) -> tuple[Host, dict[int, Orders]]:
        with self.lock:
            return self._host(host), {account: one for (at, account), one in self.orders.items() if at == host}

    def pauses(self, hosts: Sequence[str]) -> dict[str, Host]:
        with self.lock:
            return {host: known for host, known in self.hosts.items() if host in hosts}


class Naps:
    """Sleeps that take no time, and a clock on which they have taken it."""

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self.seconds: list[float] = []
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def now_ms(self) -> int:
        return self._clock() + int(sum(self.seconds) * 1000)


def never(seconds: float) -> None:
    raise AssertionError(f"slept {seconds} s")


def meter(
    clock: Callable[[], int] = now_ms, sleep: Callable[[float], None] = never, *, patience_seconds: int = 0
) -> Meter:
    """A meter of its own, in memory; without patience nothing waits."""
    ledger = Ledger(MemoryStore(), patience_seconds=patience_seconds, headroom_pct=10, clock=clock, sleep=sleep)
    return Meter(ledger, owner=1, account=1)


def shared_store() -> Store:
    """The store this run's processes share: Redis where there is one, else the database."""
    return RedisStore(settings.REDIS_URL) if settings.REDIS_URL else DatabaseStore()


def redis_store() -> RedisStore:
    """A store in Redis; the test is skipped where there is none."""
    if not settings.REDIS_URL:
        pytest.skip("REDIS_URL is not set")
    return RedisStore(settings.REDIS_URL)


STORES = [
    pytest.param(MemoryStore, id="memory"),
    pytest.param(DatabaseStore, id="database", marks=pytest.mark.django_db),
    pytest.param(redis_store, id="redis", marks=[pytest.mark.redis, pytest.mark.django_db]),
]
