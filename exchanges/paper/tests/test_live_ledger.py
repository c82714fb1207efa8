"""Live prices are asked for from the same address as everything else, and are in the same ledger."""

import pytest

from exchanges.errors import ExchangeError
from exchanges.ledger.domain import SERVER, Settlement
from exchanges.ledger.services import Ledger
from exchanges.paper.market.live_host import HostFailure, LiveHost
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.live_host import Clock, Host, hosting
from exchanges.tests.ledgers import MemoryStore, never


class Process:
    """One process with live prices; `store` is what all share."""

    def __init__(self, host: Host, store: MemoryStore, clock: Clock) -> None:
        self.ledger = Ledger(store, patience_seconds=20, headroom_pct=10, clock=clock, sleep=never)
        self.live = LiveHost(host.url, clock, lambda problem: None, lambda: self.ledger)


def test_what_live_prices_cost_is_counted_for_the_server() -> None:
    clock, store = Clock(), MemoryStore()
    with hosting(Host(clock)) as host:
        live = Process(host, store, clock).live
        live.rules(SYMBOLS)
        live.best()
        live.days()
        live.book("BTCUSDT")
    assert (store.hosts[host.url].used, store.hosts[host.url].users) == (20 + 4 + 4 + 80 + 5, {str(SERVER): 113})


@pytest.mark.parametrize("status", [418, 429, 403])
def test_a_ban_of_live_prices_stops_every_process_and_every_adapter(status: int) -> None:
    clock, store = Clock(), MemoryStore()
    with hosting(Host(clock)) as host:
        first, second = Process(host, store, clock), Process(host, store, clock)
        host.trouble = status
        with pytest.raises(HostFailure, match=str(status)):
            first.live.best()
        host.trouble = ""
        with pytest.raises(HostFailure) as caught:
            second.live.best()
        assert not caught.value.asked
        refused = second.ledger.admit(host.url, owner=1, account=1, weight=1, orders=1, is_read=False, offset_ms=0)
        assert isinstance(refused, ExchangeError)
        assert len(host.asked) == 1
        clock.now += 120_000
        assert second.live.best()


@pytest.mark.parametrize(
    ("wait", "named_seconds", "seconds"),
    [({}, 600, 600), ({"Retry-After": "0"}, 0, 120), ({}, 0, 120), ({"Retry-After": "300"}, 600, 600)],
    ids=["in words", "no time", "nothing", "header and words"],
)
def test_a_ban_is_obeyed_as_long_as_its_words_say_and_never_for_a_moment(
    wait: dict[str, str], named_seconds: int, seconds: int
) -> None:
    clock, store = Clock(), MemoryStore()
    with hosting(Host(clock)) as host:
        process = Process(host, store, clock)
        host.trouble, host.wait = 418, wait
        host.words = f"IP banned until {clock.now + named_seconds * 1000}." if named_seconds else "IP banned."
        with pytest.raises(HostFailure):
            process.live.best()
        assert store.hosts[host.url].paused_until == clock.now + seconds * 1000
        host.trouble = ""
        clock.now += seconds * 1000 - 1
        with pytest.raises(HostFailure) as caught:
            process.live.best()
        assert not caught.value.asked
        clock.now += 1
        assert process.live.best()


def test_while_the_host_is_banned_live_prices_are_not_asked_for() -> None:
    clock, store = Clock(), MemoryStore()
    with hosting(Host(clock)) as host:
        store.settle(host.url, Settlement(clock.now, clock.now, pause_ms=60_000, status=418))
        with pytest.raises(HostFailure):
            Process(host, store, clock).live.best()
        assert host.asked == []


def test_a_host_that_drops_the_connection_leaves_the_ledger_usable() -> None:
    clock, store = Clock(), MemoryStore()
    with hosting(Host(clock)) as host:
        live = Process(host, store, clock).live
        host.trouble = "drop"
        with pytest.raises(HostFailure):
            live.best()
        host.trouble = ""
        clock.now += 2000
        assert live.best()
