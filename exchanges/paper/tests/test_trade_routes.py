"""GET trades, historicalTrades, aggTrades: the tape as the exchange prints it."""

from decimal import Decimal

import pytest
import requests
import time_machine

from exchanges.paper import services
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal
NOW_S = 1_790_000_000
NOW = NOW_S * 1000
COMBINATION = (400, -1128, "Combination of optional parameters invalid.")


@pytest.fixture
def client() -> Client:
    return client_with()


@pytest.fixture(autouse=True)
def moment() -> object:
    with time_machine.travel(NOW_S, tick=False) as traveller:
        yield traveller


def ids(response: requests.Response) -> list[int]:
    return [row["a"] if "a" in row else row["id"] for row in response.json()]


def test_a_trade_has_the_fields_of_a_real_one(client: Client) -> None:
    row = client.public("/api/v3/trades", symbol="BNBBTC", limit=1).json()[0]
    assert list(row) == ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"]
    assert D(row["quoteQty"]) == (D(row["price"]) * D(row["qty"])).quantize(D("1e-8"), rounding="ROUND_DOWN")
    assert (row["time"], row["isBestMatch"]) == (NOW, True)
    assert row["price"] == client.public("/api/v3/ticker/price", symbol="BNBBTC").json()["price"]


def test_an_aggregate_is_the_trade_of_one_taker(client: Client) -> None:
    row = client.public("/api/v3/trades", symbol="ETHUSDT", limit=1).json()[0]
    assert client.public("/api/v3/aggTrades", symbol="ETHUSDT", limit=1).json() == [
        {
            "a": row["id"],
            "p": row["price"],
            "q": row["qty"],
            "f": row["id"],
            "l": row["id"],
            "T": row["time"],
            "m": row["isBuyerMaker"],
            "M": True,
        }
    ]


@pytest.mark.parametrize("path", ["trades", "historicalTrades", "aggTrades"])
def test_by_default_the_newest_five_hundred_oldest_first_and_never_more_than_a_thousand(
    client: Client, path: str
) -> None:
    usual = ids(client.public(f"/api/v3/{path}", symbol="BTCUSDT"))
    most = ids(client.public(f"/api/v3/{path}", symbol="BTCUSDT", limit=5000))
    assert len(usual) == 500
    assert most == list(range(usual[-1] - 999, usual[-1] + 1))
    assert refused(client.public(f"/api/v3/{path}", symbol="BTCUSDT", limit=0))[1] == -1130


@pytest.mark.parametrize("path", ["historicalTrades", "aggTrades"])
def test_an_id_begins_the_list(client: Client, path: str) -> None:
    newest = ids(client.public(f"/api/v3/{path}", symbol="BTCUSDT", limit=1))[0]
    assert ids(client.public(f"/api/v3/{path}", symbol="BTCUSDT", fromId=newest - 5000, limit=3)) == [
        newest - 5000,
        newest - 4999,
        newest - 4998,
    ]
    assert ids(client.public(f"/api/v3/{path}", symbol="BTCUSDT", fromId=newest - 1)) == [newest - 1, newest]
    assert ids(client.public(f"/api/v3/{path}", symbol="BTCUSDT", fromId=newest + 1)) == []
    assert client.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=0, limit=1).json()[0]["time"] == (
        1_767_225_600_000
    )


def test_times_begin_and_end_the_list(client: Client) -> None:
    def times(**parameters: int) -> list[int]:
        rows = client.public("/api/v3/aggTrades", symbol="BTCUSDT", **parameters).json()
        return [row["T"] for row in rows]

    assert times(startTime=NOW - 5000) == [NOW - 5000 + number * 1000 for number in range(6)]
    assert times(startTime=NOW - 50_000, limit=2) == [NOW - 50_000, NOW - 49_000]
    assert times(endTime=NOW - 50_000, limit=2) == [NOW - 51_000, NOW - 50_000]
    assert times(startTime=NOW - 50_000, endTime=NOW - 48_001) == [NOW - 50_000, NOW - 49_000]
    assert times(startTime=NOW - 10_000_000, endTime=NOW, limit=3)[-1] == NOW - 9_998_000
    assert times(startTime=NOW - 1000, endTime=NOW - 5000) == []


def test_times_may_be_microseconds_and_may_lie_outside_history(client: Client) -> None:
    def times(**parameters: int) -> list[int]:
        rows = client.public("/api/v3/aggTrades", symbol="BTCUSDT", **parameters).json()
        return [row["T"] for row in rows]

    assert times(startTime=(NOW - 1000) * 1000) == [NOW - 1000, NOW]
    assert times(startTime=0, limit=1) == [1_767_225_600_000]
    assert times(startTime=NOW + 10**9) == []
    assert times(endTime=NOW + 10**9, limit=1) == [NOW]


def test_an_id_does_not_go_with_times(client: Client) -> None:
    for name in ("startTime", "endTime"):
        assert refused(client.public("/api/v3/aggTrades", symbol="BTCUSDT", fromId=1, **{name: NOW})) == COMBINATION


def test_what_cannot_be_read_is_refused(client: Client) -> None:
    for path in ("trades", "historicalTrades", "aggTrades"):
        assert refused(client.public(f"/api/v3/{path}"))[1] == -1102
        assert refused(client.public(f"/api/v3/{path}", symbol="NOPE")) == (400, -1121, "Invalid symbol.")
        assert refused(client.public(f"/api/v3/{path}", symbol="BTCUSDT", limit="x"))[1] == -1100
        assert refused(client.public(f"/api/v3/{path}", symbol="BTCUSDT", until=1))[1] == -1104
    assert refused(client.public("/api/v3/aggTrades", symbol="BTCUSDT", startTime="-1"))[1] == -1100
    assert refused(client.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId="1.5"))[1] == -1100


def test_a_halted_symbol_shows_what_was_traded_before(client: Client, moment: time_machine.Traveller) -> None:
    newest = ids(client.public("/api/v3/trades", symbol="BTCUSDT", limit=2))
    services.symbol_control("BTCUSDT", status="HALT")
    moment.shift(86_400)
    # The step that comes at the very moment of the halt is not traded any more.
    assert ids(client.public("/api/v3/trades", symbol="BTCUSDT", limit=1)) == newest[:1]


@pytest.mark.parametrize(("path", "weight"), [("trades", 25), ("historicalTrades", 25), ("aggTrades", 4)])
def test_they_weigh_what_real_ones_weigh(client: Client, path: str, weight: int) -> None:
    def used() -> int:
        return int(client.public(f"/api/v3/{path}", symbol="BTCUSDT", limit=1).headers["X-MBX-USED-WEIGHT-1M"])

    before = used()
    assert used() - before == weight
