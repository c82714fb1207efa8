"""Connecting takes time: what was let go is asked for once more when the connection stands and nothing is sent yet."""

import socket
from collections.abc import Callable
from itertools import chain, count, repeat

import pytest

from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.domain import Venue
from exchanges.errors import Throttled, Unavailable
from exchanges.ledger import domain
from exchanges.ledger.domain import Answer, Ask, Settlement, Verdict
from exchanges.ledger.services import Ledger, Meter
from exchanges.tests.ledgers import MemoryStore, meter, never
from exchanges.tests.methods import CANCELLED
from exchanges.tests.support import API_KEY, API_SECRET, NOW, SocketServer, new_order, read_request, server


class BannedMeanwhile(MemoryStore):
    """Another process is banned as soon as this one has been let go."""

    def reserve(self, host: str, ask: Ask) -> Verdict:
        verdict = super().reserve(host, ask)
        if verdict.answer == Answer.GO:
            self.settle(host, Settlement(ask.now_ms, ask.now_ms, pause_ms=120_000, status=418))
        return verdict


def adapter(host: SocketServer, meter: Meter, clock: Callable[[], int] = lambda: NOW) -> BinanceAdapter:
    session = new_session()
    session.trust_env = False
    return BinanceAdapter(
        host.url, api_key=API_KEY, api_secret=API_SECRET, session=session, meter=meter, venue=Venue.TESTNET,
        timeout=(2, 2), clock=clock, sleep=never,
    )  # fmt: skip


def slow() -> Callable[[], int]:
    """A clock on which two seconds pass between the call and the last look."""
    times = chain([NOW], repeat(NOW + 2000))
    return lambda: next(times)


@pytest.fixture
def seen() -> list[bytes]:
    return []


def listening(seen: list[bytes], body: bytes = b"{}") -> Callable[[socket.socket], None]:
    def conversation(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    return conversation


CALLS = [
    lambda adapter: adapter.ticker_price(),
    lambda adapter: adapter.place_order(new_order(), NOW),
    lambda adapter: adapter.cancel_order("BTCUSDT", "abc"),
]


@pytest.mark.parametrize("call", CALLS, ids=["read", "order", "cancel"])
def test_what_a_ban_has_overtaken_does_not_leave(call: Callable[[BinanceAdapter], object], seen: list[bytes]) -> None:
    ticks = count(NOW, 100)
    store = BannedMeanwhile()
    ledger = Ledger(store, patience_seconds=0, headroom_pct=10, clock=lambda: next(ticks), sleep=never)
    with server(listening(seen)) as host:
        with pytest.raises(Throttled) as caught:
            call(adapter(host, Meter(ledger, owner=1, account=1)))
        assert (caught.value.banned, caught.value.not_sent) == (True, True)
        assert store.hosts[host.url].used == 0
    assert b"".join(seen) == b""


def test_an_order_that_has_waited_too_long_for_its_connection_does_not_leave(seen: list[bytes]) -> None:
    with server(listening(seen)) as host, pytest.raises(Unavailable, match="Nothing was sent"):
        adapter(host, meter(), slow()).place_order(new_order(), NOW)
    assert b"".join(seen) == b""


def test_an_order_that_was_held_back_does_not_count(seen: list[bytes]) -> None:
    store = MemoryStore()
    ledger = Ledger(store, patience_seconds=0, headroom_pct=10, clock=lambda: NOW, sleep=never)
    with server(listening(seen)) as host:
        with pytest.raises(Unavailable):
            adapter(host, Meter(ledger, 1, 1), slow()).place_order(new_order(), NOW)
        known = store.hosts[host.url]
        orders = store.orders[host.url, 1]
    assert (known.used, {orders.used(each, NOW // domain.interval_ms(each)) for each in known.order_limits}) == (0, {0})


def test_a_cancel_leaves_however_long_its_connection_took(seen: list[bytes]) -> None:
    body = (
        b'{"symbol": "BTCUSDT", "orderId": 28, "origClientOrderId": "abc", "clientOrderId": "x", "price": "1", '
        b'"origQty": "1", "executedQty": "0", "cummulativeQuoteQty": "0", "status": "CANCELED", "side": "BUY", '
        b'"timeInForce": "GTC", "type": "LIMIT"}'
    )
    with server(listening(seen, body)) as host:
        cancelled = adapter(host, meter(), slow()).cancel_order("BTCUSDT", "abc")
    assert (cancelled.status, len(seen)) == (CANCELLED["status"], 1)
