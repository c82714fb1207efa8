"""X-MBX-TIME-UNIT: every time of an answer in microseconds, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
MOMENT = 1_790_000_000
MILLI = MOMENT * 1000
MICRO = MILLI * 1000


@pytest.fixture
def client() -> Iterator[Client]:
    with time_machine.travel(MOMENT, tick=False):
        yield client_with(USDT="10000", BTC="1")


def both(client: Client, path: str, **parameters: Any) -> tuple[Any, Any]:
    """A public answer in milliseconds and in microseconds."""
    milli = client.public(path, **parameters).json()
    client.session.headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
    return milli, client.public(path, **parameters).json()


@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
def test_the_server_tells_its_time_in_microseconds(client: Client, unit: str) -> None:
    client.session.headers["X-MBX-TIME-UNIT"] = unit
    assert client.public("/api/v3/time").json() == {"serverTime": MICRO}


@pytest.mark.parametrize("unit", ["Microsecond", "second", "0"])
def test_a_unit_that_is_none_is_refused(client: Client, unit: str) -> None:
    client.session.headers["X-MBX-TIME-UNIT"] = unit
    text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    assert refused(client.public("/api/v3/time")) == (400, -1194, text)


@pytest.mark.parametrize("unit", ["", "MILLISECOND", "millisecond"])
def test_milliseconds_are_what_is_told_otherwise(client: Client, unit: str) -> None:
    client.session.headers["X-MBX-TIME-UNIT"] = unit
    assert client.public("/api/v3/time").json() == {"serverTime": MILLI}


def test_klines_have_two_times_among_their_numbers(client: Client) -> None:
    milli, micro = both(client, "/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=3)
    assert len(milli) == 3
    assert micro == [[row[0] * 1000, *row[1:6], row[6] * 1000, *row[7:]] for row in milli]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/v3/trades", {"time"}),
        ("/api/v3/aggTrades", {"T"}),
        ("/api/v3/ticker/24hr", {"openTime", "closeTime"}),
        ("/api/v3/avgPrice", {"closeTime"}),
    ],
)
def test_public_rows_change_in_their_times_only(client: Client, path: str, names: set[str]) -> None:
    milli, micro = both(client, path, symbol="BTCUSDT")
    rows, converted = (milli, micro) if isinstance(milli, list) else ([milli], [micro])
    assert rows
    assert converted == [
        {name: value * 1000 if name in names else value for name, value in row.items()} for row in rows
    ]


def test_an_order_is_dated_in_microseconds_on_every_answer(client: Client) -> None:
    client.session.headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
    placed = client.order("BUY", "0.001", "50000", newClientOrderId="one").json()
    assert (placed["transactTime"], placed["workingTime"]) == (MICRO, MICRO)
    row = client.send("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"]).json()
    assert [row[name] for name in ("time", "updateTime", "workingTime")] == [MICRO] * 3
    assert client.send("GET", "/api/v3/account").json()["updateTime"] == MICRO
    taken = client.order("BUY", "0.001", "200000")
    assert taken.json()["status"] == "FILLED"
    (trade,) = client.send("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert trade["time"] == MICRO


@pytest.mark.parametrize(("mode", "status"), [("STOP_ON_FAILURE", 200), ("ALLOW_FAILURE", 409)])
def test_the_parts_of_a_replacement_are_dated_alike(client: Client, mode: str, status: int) -> None:
    client.session.headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
    placed = client.order("BUY", "0.001", "50000").json()
    answer = client.send(
        "POST",
        "/api/v3/order/cancelReplace",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.001",
        price="50001",
        cancelReplaceMode=mode,
        cancelOrderId=placed["orderId"] + (status != 200),
    )
    assert answer.status_code == status
    body = answer.json()
    assert body.get("data", body)["newOrderResponse"]["transactTime"] == MICRO
