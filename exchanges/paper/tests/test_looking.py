"""When somebody looks changes nothing: delisting, a clock set back, a deadline, another market."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
import time_machine

from exchanges.paper import services
from exchanges.paper.market import Depth, WalkMarket
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused
from exchanges.paper.transport import PaperTransport

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal
START = "2026-03-02T12:00:01Z"


def order_of(client: Client, client_id: str) -> dict[str, Any]:
    return client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=client_id).json()


@pytest.mark.parametrize("looks_in_between", [False, True])
def test_a_delisting_ends_an_order_at_its_own_moment_whoever_looks(looks_in_between: bool) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="10000")
        assert client.order("BUY", "0.01", "20000", newClientOrderId="gone").status_code == 200
        clock.shift(timedelta(seconds=20))
        services.symbol_control("BTCUSDT", status="DELISTED")
        clock.shift(timedelta(seconds=5))
        if looks_in_between:
            client.balances()
        clock.shift(timedelta(seconds=5))
        services.symbol_control("BTCUSDT")
        assert client.order("BUY", "0.01", "20000", newClientOrderId="later").status_code == 200
        clock.shift(timedelta(hours=1))
        gone = order_of(client, "gone")
        assert (gone["status"], gone["updateTime"] - gone["time"]) == ("EXPIRED", 20_000)
        assert order_of(client, "later")["status"] == "NEW"
        assert client.audit() == []


def test_a_clock_that_is_set_back_never_takes_an_accounts_time_back() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="10000")
        first = client.order("BUY", "0.01", "20000").json()
        clock.shift(timedelta(minutes=5))
        second = client.order("BUY", "0.01", "20000").json()
        clock.shift(timedelta(minutes=-4))
        third = client.order("BUY", "0.01", "20000").json()
        assert first["transactTime"] < second["transactTime"] <= third["transactTime"]
        assert client.audit() == []


def test_a_partly_filled_order_is_never_archived() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="90000000")
        best = client.book("WBETHUSDT")["bidPrice"]
        placed = client.order("BUY", "2000", f"{best:.2f}", "WBETHUSDT", newClientOrderId="part").json()
        services.symbol_control("WBETHUSDT", price=best * D("0.99"))
        clock.shift(timedelta(seconds=1))
        cancelled = client.send("DELETE", "/api/v3/order", symbol="WBETHUSDT", orderId=placed["orderId"]).json()
        assert 0 < D(cancelled["executedQty"]) < 2000
        clock.shift(timedelta(days=91))
        asked = client.send("GET", "/api/v3/order", symbol="WBETHUSDT", orderId=placed["orderId"])
        assert asked.json()["status"] == "CANCELED"


class SlowMarket(WalkMarket):
    """A market whose book takes six seconds to be fetched: longer than a request stays valid."""

    is_remote = True
    clock_of_test: time_machine.Traveller | None = None

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        if self.clock_of_test is not None:
            self.clock_of_test.shift(timedelta(seconds=6))
            self.clock_of_test = None
        return super().depth(symbol, wall_ms)


@pytest.mark.parametrize("counted", [True, False])
def test_an_order_that_reaches_the_engine_too_late_is_refused_and_counts(counted: bool) -> None:
    market = SlowMarket(seed=1)
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="10000")
        client.session.mount(services.BASE_URL, PaperTransport(market))
        market.clock_of_test = clock
        answer = late(client, counted)
        text = "Timestamp for this request is outside of the recvWindow."
        assert refused(answer) == (400, -1021, text)
        assert client.send("GET", "/api/v3/openOrders").json() == []
        day = client.send("GET", "/api/v3/rateLimit/order").json()[1]
        assert day["count"] == int(counted)


def late(client: Client, counted: bool) -> requests.Response:
    if counted:
        return client.order("BUY", "0.01", "20000")
    return client.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")


def test_an_order_of_a_symbol_that_this_market_lacks_can_be_seen_and_cancelled() -> None:
    client = client_with(USDT="10000")
    best = client.book("WBETHUSDT")["bidPrice"]
    client.order("BUY", "1", f"{best / 2:.2f}", "WBETHUSDT", newClientOrderId="left")
    few = {symbol: SYMBOLS[symbol] for symbol in ("BTCUSDT", "BNBUSDT")}
    client.session.mount(services.BASE_URL, PaperTransport(WalkMarket(1, symbols=few)))
    assert refused(client.order("BUY", "1", f"{best / 2:.2f}", "WBETHUSDT"))[1] == -1121
    assert refused(client.public("/api/v3/depth", symbol="WBETHUSDT"))[1] == -1121
    (row,) = client.send("GET", "/api/v3/openOrders", symbol="WBETHUSDT").json()
    cancelled = client.send("DELETE", "/api/v3/order", symbol="WBETHUSDT", orderId=row["orderId"])
    assert cancelled.json()["status"] == "CANCELED"
    assert client.balances() == {"USDT": ("10000.00000000", "0.00000000")}
