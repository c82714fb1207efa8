"""Unfilled orders: counted when accepted, given back by fills, in windows aligned to the clock."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from exchanges.paper import services
from exchanges.paper.models import PaperAccount
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal
START = "2026-03-02T12:00:01Z"


def counts(client: Client) -> list[int]:
    return [row["count"] for row in client.send("GET", "/api/v3/rateLimit/order").json()]


def rest(client: Client, number: int = 1) -> None:
    price = f"{client.book()['bidPrice'] / 2:.2f}"
    for _ in range(number):
        assert client.order("BUY", "0.001", price).status_code == 200


def test_an_order_that_waits_counts_and_cancelling_it_gives_nothing_back() -> None:
    with time_machine.travel(START, tick=False):
        client = client_with(USDT="10000")
        rest(client, 3)
        client.send("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
        assert counts(client) == [3, 3]


def test_ten_seconds_and_days_begin_anew_by_the_clock() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="10000")
        rest(client, 2)
        clock.move_to("2026-03-02T12:00:10Z")
        assert counts(client) == [0, 2]
        clock.move_to("2026-03-03T00:00:00Z")
        assert counts(client) == [0, 0]


def test_a_taker_gives_back_its_own_count() -> None:
    with time_machine.travel(START, tick=False):
        client = client_with(USDT="10000")
        rest(client)
        price = f"{client.book()['askPrice'] * D('1.01'):.2f}"
        filled = client.order("BUY", "0.001", price)
        assert filled.json()["status"] == "FILLED"
        assert (filled.headers["X-MBX-ORDER-COUNT-10S"], filled.headers["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
        assert counts(client) == [1, 1]


def test_a_makers_first_fill_gives_back_five_and_never_goes_below_zero() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="10000")
        rest(client, 7)
        services.symbol_control("BTCUSDT", price=client.book()["bidPrice"] * D("0.49"))
        clock.shift(timedelta(seconds=5))
        filled = [row["status"] for row in client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()]
        assert filled == ["FILLED"] * 7
        assert counts(client) == [0, 0]


def test_only_the_first_fill_of_an_order_gives_back() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = client_with(USDT="90000000")
        rest(client, 60)
        best = client.book("WBETHUSDT")["bidPrice"]
        price = f"{best * D('0.5'):.2f}"
        assert client.order("BUY", "2000", price, "WBETHUSDT").status_code == 200
        # So much rests that one step of the market fills a part of it, and the next another.
        services.symbol_control("WBETHUSDT", price=best * D("0.49"))
        seen = []
        for _ in range(3):
            clock.shift(timedelta(seconds=1))
            row = client.send("GET", "/api/v3/openOrders", symbol="WBETHUSDT").json()
            seen.append((D(row[0]["executedQty"]) if row else D(2000), counts(client)[1]))
        executed = [quantity for quantity, _ in seen]
        assert 0 < executed[0] < executed[1] < executed[2]
        assert [count for _, count in seen] == [56, 56, 56]


def test_a_refused_order_counts_nothing() -> None:
    with time_machine.travel(START, tick=False):
        client = client_with(USDT="10")
        assert refused(client.order("BUY", "1", "60000"))[1] == -2010
        assert counts(client) == [0, 0]


def test_with_the_day_full_no_order_is_taken_or_counted() -> None:
    with time_machine.travel(START, tick=False):
        client = client_with(USDT="10000")
        rest(client)
        rows = PaperAccount.objects.using("paper").filter(api_key=client.keys.api_key)
        rows.update(orders_1d=200_000)
        status, code, text = refused(client.order("BUY", "0.001", "40000"))
        assert (status, code, text) == (429, -1015, "Too many new orders; current limit is 200000 orders per 1 DAY.")
        assert counts(client) == [1, 200_000]
