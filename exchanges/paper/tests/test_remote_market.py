"""A market that is fetched over a network is asked before an account is locked, never while others wait for it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections

from exchanges.paper.market import Depth, Path, WalkMarket
from exchanges.paper.market.base import Quote
from exchanges.paper.tests.support import DATABASES, Client, client_with
from exchanges.paper.transport import PaperTransport

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)


class RemoteMarket(WalkMarket):
    """The walk, as if far away: it keeps what it was asked, and what of it would have been fetched under a lock."""

    is_remote = True

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.kept: set[tuple[Any, ...]] = set()
        self.fetched = 0
        self.fetched_under_a_lock: list[tuple[Any, ...]] = []

    def _ask(self, *question: Any) -> None:
        if question not in self.kept:
            self.kept.add(question)
            self.fetched += 1
            if connections["paper"].in_atomic_block:
                self.fetched_under_a_lock.append(question)

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        self._ask("path", symbol, after_ms, until_ms)
        return super().path(symbol, after_ms, until_ms)

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        self._ask("depth", symbol, wall_ms)
        return super().depth(symbol, wall_ms)

    def quote(self, symbol: str, wall_ms: int) -> Quote:
        return super().quote(symbol, wall_ms)


def test_nothing_is_fetched_while_an_account_is_locked() -> None:
    market = RemoteMarket()
    with time_machine.travel("2026-03-02T12:00:00Z") as clock:
        client = client_with(USDT="10000")
        far_away(client, market)
        price = f"{client.book()['bidPrice'] / 2:.2f}"
        assert client.order("BUY", "0.01", price).status_code == 200
        clock.shift(timedelta(hours=13))
        assert client.order("BUY", "0.01", price).status_code == 200
        client.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert market.fetched > 4
    assert market.fetched_under_a_lock == []
    assert client.audit() == []


def far_away(client: Client, market: RemoteMarket) -> None:
    client.session.mount("https://paper.botbalance.invalid", PaperTransport(market))
