"""Request weight and order counts: clock-aligned windows, on every answer, enforced."""

from decimal import Decimal
from typing import Any

import pytest
import requests
import time_machine

from exchanges.paper.models import PaperAccount, RequestWeight
from exchanges.paper.rest import handle
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused
from exchanges.paper.wire import Answer, RawRequest

pytestmark = pytest.mark.django_db(databases=DATABASES)
START = 1_790_000_000 // 60 * 60


def test_every_answer_says_how_much_weight_is_used_and_the_minute_begins_again() -> None:
    with time_machine.travel(START + 5, tick=False) as traveller:
        client = client_with(USDT="10000")

        def used(path: str, **parameters: str) -> int:
            response = client.public(path, **parameters)
            assert response.headers["x-mbx-used-weight"] == response.headers["X-MBX-USED-WEIGHT-1M"]
            return int(response.headers["X-MBX-USED-WEIGHT-1M"])

        assert used("/api/v3/ping") == 1
        assert used("/api/v3/ticker/bookTicker") == 5
        assert used("/api/v3/ticker/price", symbol="BTCUSDT") == 7
        assert used("/api/v3/exchangeInfo") == 27
        assert used("/api/v3/depth", symbol="BTCUSDT", limit="500") == 52
        assert used("/api/v3/avgPrice", symbol="NOPE") == 54
        for path, weight in (("account", 20), ("openOrders", 80)):
            before = used("/api/v3/ping")
            after = client.send("GET", f"/api/v3/{path}").headers["X-MBX-USED-WEIGHT-1M"]
            assert int(after) == before + weight
        traveller.move_to(START + 60)
        assert used("/api/v3/ping") == 1


def test_a_successful_order_weighs_nothing_and_a_refused_one_weighs_one() -> None:
    with time_machine.travel(START, tick=False):
        client = client_with(USDT="10000")
        assert client.order("BUY", "0.001", "50000").headers["X-MBX-USED-WEIGHT-1M"] == "0"
        assert client.order("BUY", "9", "50000").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_too_much_weight_is_refused_until_the_minute_ends() -> None:
    with time_machine.travel(START + 47, tick=False) as traveller:
        client = client_with(USDT="10000")
        RequestWeight.objects.create(pk=1, minute=START // 60, used=5_999)
        assert client.public("/api/v3/ping").status_code == 200
        response = client.public("/api/v3/ping")
        assert refused(response)[:2] == (429, -1003)
        assert response.headers["Retry-After"] == "13"
        assert refused(client.order("BUY", "0.001", "50000"))[:2] == (429, -1003)
        traveller.shift(13)
        assert client.public("/api/v3/ping").status_code == 200


def test_raw_requests_are_counted_by_five_minutes() -> None:
    with time_machine.travel(START // 300 * 300 + 290, tick=False) as traveller:
        client = client_with(USDT="10000")
        client.public("/api/v3/ping")
        RequestWeight.objects.update(raw_requests=300_000)
        response = client.public("/api/v3/ping")
        text = "Too many requests; current limit is 300000 requests per 5 MINUTE. "
        assert refused(response) == (
            429,
            -1003,
            text + "Please use WebSocket Streams for live updates to avoid polling the API.",
        )
        assert response.headers["Retry-After"] == "10"
        traveller.shift(10)
        assert client.public("/api/v3/ping").status_code == 200


def go_on(client: Client, used: int = 7_200) -> requests.Response:
    """One more request after so much weight."""
    client.public("/api/v3/time")
    RequestWeight.objects.update(used=used)
    return client.public("/api/v3/ping")


def test_who_goes_on_after_being_refused_is_banned_and_may_not_even_order() -> None:
    with time_machine.travel(START, tick=False) as traveller:
        client = client_with(USDT="10000")
        assert go_on(client, used=7_199).status_code == 429
        response = go_on(client)
        until = (START + 120) * 1000
        text = f"Way too much request weight used; IP banned until {until}. "
        assert refused(response) == (418, -1003, text + "Please use WebSocket Streams for live updates to avoid bans.")
        assert response.headers["Retry-After"] == "120"
        traveller.shift(90)
        response = client.order("BUY", "0.001", "50000")
        assert (refused(response)[2], response.headers["Retry-After"]) == (refused(go_on(client))[2], "30")
        traveller.shift(29.5)
        assert client.public("/api/v3/ping").status_code == 418
        traveller.shift(0.5)
        # What was asked during the ban does not count after it.
        assert client.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"
        assert client.send("GET", "/api/v3/openOrders", symbol="BTCUSDT").json() == []


def test_bans_double_up_to_three_days_and_are_forgotten_after_a_quiet_week() -> None:
    with time_machine.travel(START, tick=False) as traveller:
        client = client_with(USDT="10000")

        def ban_seconds() -> int:
            wait = int(go_on(client).headers["Retry-After"])
            traveller.shift(wait)
            return wait

        three_days = 3 * 86_400
        assert [ban_seconds() for _ in range(14)] == [
            *(120 << doubling for doubling in range(12)),
            three_days,
            three_days,
        ]
        traveller.shift(7 * 86_400)
        assert ban_seconds() == three_days
        traveller.shift(7 * 86_400 + 1)
        assert ban_seconds() == 120


def test_raw_requests_ban_as_well_and_its_end_is_not_the_next_ban() -> None:
    with time_machine.travel(START // 300 * 300, tick=False) as traveller:
        client = client_with(USDT="10000")
        client.public("/api/v3/ping")
        RequestWeight.objects.update(raw_requests=360_000)
        assert client.public("/api/v3/ping").status_code == 418
        traveller.shift(120)
        assert client.public("/api/v3/ping").status_code == 429
        traveller.shift(180)
        assert client.public("/api/v3/ping").status_code == 200


def test_each_address_has_its_own_weight_and_its_own_ban() -> None:
    def ping(address: str) -> Answer:
        return handle(RawRequest("GET", "/api/v3/ping", address=address))

    with time_machine.travel(START, tick=False):
        assert [ping("192.0.2.1").headers["X-MBX-USED-WEIGHT-1M"] for _ in range(2)] == ["1", "2"]
        RequestWeight.objects.filter(address="192.0.2.1").update(used=8_000)
        assert ping("192.0.2.1").status == 418
        assert (ping("2001:db8::1").status, ping("").status) == (200, 200)


def test_a_malformed_request_weighs_one_and_during_a_ban_it_is_told_of_the_ban() -> None:
    with time_machine.travel(START, tick=False):
        client = client_with(USDT="10000")
        twice = client.raw("POST", "/api/v3/order", query="symbol=A&symbol=B")
        assert (twice.status_code, twice.headers["X-MBX-USED-WEIGHT-1M"]) == (400, "1")
        go_on(client)
        assert client.raw("POST", "/api/v3/order", query="symbol=A&symbol=B").status_code == 418


def test_orders_are_counted_by_ten_seconds_and_by_day() -> None:
    with time_machine.travel(START + 9, tick=False) as traveller:
        client = client_with(USDT="10000")

        def counts() -> tuple[str, str]:
            headers = client.order("BUY", "0.001", "50000").headers
            return headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1D"]

        assert [counts(), counts()] == [("1", "1"), ("2", "2")]
        assert "X-MBX-ORDER-COUNT-10S" not in client.order("BUY", "9", "50000").headers
        traveller.shift(1)
        assert counts() == ("1", "3")
        traveller.shift(86_400)
        assert counts() == ("1", "1")


@pytest.mark.parametrize(
    ("column", "used", "text", "wait"),
    [
        ("orders_10s", 100, "Too many new orders; current limit is 100 orders per 10 SECOND.", "7"),
        ("orders_1d", 200_000, "Too many new orders; current limit is 200000 orders per 1 DAY.", None),
    ],
)
def test_too_many_orders_are_refused_until_the_window_ends(column: str, used: int, text: str, wait: str | None) -> None:
    with time_machine.travel(START + 3, tick=False):
        client = client_with(USDT="10000")
        client.order("BUY", "0.001", "50000")
        PaperAccount.objects.update(**{column: used})
        response = client.order("BUY", "0.001", "50000")
        assert refused(response) == (429, -1015, text)
        assert wait is None or response.headers["Retry-After"] == wait
        assert len(client.send("GET", "/api/v3/openOrders").json()) == 1


def test_the_limits_are_announced() -> None:
    limits = client_with(USDT=str(Decimal(1))).public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["rateLimits"]
    assert [(row["rateLimitType"], row["intervalNum"], row["interval"], row["limit"]) for row in limits] == [
        ("REQUEST_WEIGHT", 1, "MINUTE", 6000),
        ("ORDERS", 10, "SECOND", 100),
        ("ORDERS", 1, "DAY", 200000),
        ("RAW_REQUESTS", 5, "MINUTE", 300000),
    ]


def test_an_operator_may_allow_another_weight_and_exchange_info_says_so(settings: Any) -> None:
    with time_machine.travel(START + 5, tick=False):
        client = client_with(USDT="10000")
        settings.PAPER_WEIGHT_PER_MINUTE = 100
        limit = client.public("/api/v3/exchangeInfo").json()["rateLimits"][0]
        assert (limit["rateLimitType"], limit["limit"]) == ("REQUEST_WEIGHT", 100)
        assert client.send("GET", "/api/v3/openOrders").status_code == 200
        assert refused(client.public("/api/v3/ping"))[:2] == (429, -1003)
