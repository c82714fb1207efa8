"""Request weight and order counts: clock-aligned windows, on every answer, enforced."""

from decimal import Decimal

import pytest
import time_machine

from exchanges.paper.models import PaperAccount, RequestWeight
from exchanges.paper.tests.support import DATABASES, client_with, refused

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
