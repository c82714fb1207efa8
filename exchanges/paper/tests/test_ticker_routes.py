"""GET ticker/24hr, ticker, ticker/tradingDay and the small tickers: statistics that agree with the candles."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from exchanges.paper import services
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW_S = 1_790_000_123
NOW = NOW_S * 1000
FULL_24 = [
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty",
    "bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume",
    "openTime", "closeTime", "firstId", "lastId", "count",
]  # fmt: skip
FULL = [
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "openPrice", "highPrice", "lowPrice",
    "lastPrice", "volume", "quoteVolume", "openTime", "closeTime", "firstId", "lastId", "count",
]  # fmt: skip
MINI = [name for name in FULL if name not in ("priceChange", "priceChangePercent", "weightedAvgPrice")]
STATISTICS = ("ticker/24hr", "ticker", "ticker/tradingDay")
SOME = json.dumps(["BTCUSDT", "ETHBTC"], separators=(",", ":"))


@pytest.fixture
def client() -> Client:
    return client_with(USDT="10000")


@pytest.fixture(autouse=True)
def moment() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW_S, tick=False) as traveller:
        yield traveller


def ask(client: Client, path: str, symbol: str = "BTCUSDT", **more: Any) -> dict[str, Any]:
    return client.public(f"/api/v3/{path}", symbol=symbol, **more).json()


def candles(client: Client, symbol: str, begin: int, end: int, interval: str) -> list[list[Any]]:
    """All candles that open in this stretch, page by page."""
    found: list[list[Any]] = []
    while begin <= end:
        parameters = {"symbol": symbol, "interval": interval, "startTime": begin, "endTime": end, "limit": 1000}
        page = client.public("/api/v3/klines", **parameters).json()
        if not page:
            break
        found += page
        begin = page[-1][6] + 1
    return found


def test_the_fields_are_those_of_real_ones(client: Client) -> None:
    assert list(ask(client, "ticker/24hr")) == FULL_24
    assert sorted(ask(client, "ticker")) == sorted(ask(client, "ticker/tradingDay")) == sorted(FULL)
    for path in STATISTICS:
        assert sorted(ask(client, path, type="MINI")) == sorted(MINI)


@pytest.mark.parametrize(
    ("path", "more", "interval"),
    [
        ("ticker", {"windowSize": "2h"}, "1m"),
        ("ticker", {"windowSize": "59m"}, "1s"),
        ("ticker", {"windowSize": "7d"}, "1h"),
        ("ticker/tradingDay", {}, "1h"),
        ("ticker/tradingDay", {"timeZone": "05:45"}, "15m"),
    ],
)
@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPETH"])
def test_statistics_equal_the_candles_of_the_same_window(
    client: Client, symbol: str, path: str, more: dict[str, str], interval: str
) -> None:
    # At a full hour every window lies on the edges of some interval.
    with time_machine.travel(NOW_S // 3600 * 3600, tick=False):
        row = ask(client, path, symbol, **more)
        found = candles(client, symbol, row["openTime"], row["closeTime"], interval)
    assert (row["openPrice"], row["lastPrice"]) == (found[0][1], found[-1][4])
    assert D(row["highPrice"]) == max(D(candle[2]) for candle in found)
    assert D(row["lowPrice"]) == min(D(candle[3]) for candle in found)
    assert D(row["volume"]) == sum(D(candle[5]) for candle in found)
    assert abs(D(row["quoteVolume"]) - sum(D(candle[7]) for candle in found)) <= D("1e-8") * len(found)
    assert row["count"] == sum(candle[8] for candle in found) == row["lastId"] - row["firstId"] + 1
    assert D(row["priceChange"]) == D(row["lastPrice"]) - D(row["openPrice"])
    percent = 100 * D(row["priceChange"]) / D(row["openPrice"])
    assert abs(D(row["priceChangePercent"]) - percent) <= D("0.0005")
    assert abs(D(row["weightedAvgPrice"]) - D(row["quoteVolume"]) / D(row["volume"])) < D("1e-7")


def test_the_day_ticker_covers_24_hours_to_the_millisecond_and_agrees_with_every_other_view(client: Client) -> None:
    row = ask(client, "ticker/24hr")
    assert (row["openTime"], row["closeTime"]) == (NOW - DAY, NOW)
    minute = NOW // MINUTE * MINUTE
    inner = candles(client, "BTCUSDT", minute - DAY + MINUTE, minute - 1, "1m")
    head = candles(client, "BTCUSDT", NOW - DAY, minute - DAY + MINUTE - 1, "1s")
    tail = candles(client, "BTCUSDT", minute, NOW, "1s")
    found = [*head, *inner, *tail]
    assert D(row["volume"]) == sum(D(candle[5]) for candle in found)
    assert row["count"] == sum(candle[8] for candle in found) == 86_401
    assert D(row["highPrice"]) == max(D(candle[2]) for candle in found)
    assert row["openPrice"] == found[0][1]
    newest = client.public("/api/v3/trades", symbol="BTCUSDT", limit=1).json()[0]
    assert (row["lastPrice"], row["lastQty"], row["lastId"]) == (newest["price"], newest["qty"], newest["id"])
    before = client.public("/api/v3/aggTrades", symbol="BTCUSDT", endTime=NOW - DAY - 1, limit=1).json()[0]
    assert (row["prevClosePrice"], row["firstId"]) == (before["p"], before["a"] + 1)
    book = ask(client, "ticker/bookTicker")
    assert {name: row[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")} == {
        name: value for name, value in book.items() if name != "symbol"
    }
    assert row["lastPrice"] == ask(client, "ticker/price")["price"]


def test_a_rolling_window_begins_on_a_whole_minute(client: Client) -> None:
    row = ask(client, "ticker", windowSize="4h")
    assert row["closeTime"] == NOW
    assert row["openTime"] % MINUTE == 0
    assert 0 <= NOW - 4 * HOUR - row["openTime"] < MINUTE
    usual = ask(client, "ticker")
    assert usual["openTime"] == (NOW - DAY) // MINUTE * MINUTE


def test_a_trading_day_is_a_whole_day_of_its_time_zone(client: Client) -> None:
    midnight = round(datetime(2026, 9, 21, tzinfo=UTC).timestamp() * 1000)
    row = ask(client, "ticker/tradingDay")
    assert (row["openTime"], row["closeTime"]) == (midnight, midnight + DAY - 1)
    east = ask(client, "ticker/tradingDay", timeZone="+8:00")
    assert (east["openTime"] + 8 * HOUR) % DAY == 0
    assert east["closeTime"] - east["openTime"] == DAY - 1
    assert east["openTime"] <= NOW <= east["closeTime"]


def test_the_average_price_is_that_of_the_last_five_minutes(client: Client) -> None:
    row = ask(client, "avgPrice", "ETHUSDT")
    rows = client.public("/api/v3/aggTrades", symbol="ETHUSDT", startTime=NOW - 5 * MINUTE + 1).json()
    quote, base = sum(D(each["p"]) * D(each["q"]) for each in rows), sum(D(each["q"]) for each in rows)
    assert D(row["price"]) == (quote / base).quantize(D("1e-8"))
    assert (row["mins"], row["closeTime"], len(rows)) == (5, NOW, 300)


@pytest.mark.parametrize("path", ["ticker/24hr", "ticker/price", "ticker/bookTicker"])
def test_one_some_or_all_symbols(client: Client, path: str) -> None:
    one = ask(client, path, "ETHBTC")
    some = client.public(f"/api/v3/{path}", symbols=SOME).json()
    every = client.public(f"/api/v3/{path}").json()
    assert [row["symbol"] for row in some] == ["BTCUSDT", "ETHBTC"]
    assert some[1] == one
    assert [row["symbol"] for row in every] == list(SYMBOLS)
    assert one in every
    assert client.public(f"/api/v3/{path}", symbols="[]").json() == []


@pytest.mark.parametrize("path", ["ticker", "ticker/tradingDay"])
def test_rolling_statistics_need_their_symbols_named_and_not_too_many(client: Client, path: str) -> None:
    assert [row["symbol"] for row in client.public(f"/api/v3/{path}", symbols=SOME).json()] == ["BTCUSDT", "ETHBTC"]
    text = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
    assert refused(client.public(f"/api/v3/{path}")) == (400, -1102, text)
    many = json.dumps([f"A{number}" for number in range(101)], separators=(",", ":"))
    text = "Too many values sent for parameter 'symbols', maximum allowed up to 100."
    assert refused(client.public(f"/api/v3/{path}", symbols=many)) == (400, -1101, text)


@pytest.mark.parametrize("path", [*STATISTICS, "ticker/price", "ticker/bookTicker"])
def test_what_does_not_fit_is_refused(client: Client, path: str) -> None:
    def code(**parameters: Any) -> tuple[int, int, str]:
        return refused(client.public(f"/api/v3/{path}", **parameters))

    assert code(symbol="NOPE") == (400, -1121, "Invalid symbol.")
    assert code(symbols='["BTCUSDT","NOPE"]') == (400, -1121, "Invalid symbol.")
    text = "Combination of optional parameters invalid."
    assert code(symbol="BTCUSDT", symbols='["BTCUSDT"]') == (400, -1128, text)
    text = "Symbol is present multiple times in the list."
    assert code(symbols='["BTCUSDT","BTCUSDT"]') == (400, -1151, text)
    assert code(symbols="BTCUSDT")[1] == -1100
    assert code(symbol="BTCUSDT", symbolStatus="ASLEEP") == (400, -1122, "Invalid symbolStatus.")
    text = "The symbol's status does not match the requested symbolStatus."
    assert code(symbol="BTCUSDT", symbolStatus="HALT") == (400, -1220, text)
    assert client.public(f"/api/v3/{path}", symbols=SOME, symbolStatus="HALT").json() == []
    if path in STATISTICS:
        assert code(symbol="BTCUSDT", type="SMALL")[1] == -1130
    if path == "ticker":
        for wrong in ("60m", "24h", "8d", "1w", "x"):
            assert code(symbol="BTCUSDT", windowSize=wrong)[1] == -1130
    if path == "ticker/tradingDay":
        assert code(symbol="BTCUSDT", timeZone="15")[1] == -1130


def test_a_symbol_that_was_not_traded_for_a_day_has_zeros_and_its_last_close(
    client: Client, moment: time_machine.Traveller
) -> None:
    services.symbol_control("SOLUSDT", status="HALT")
    last = ask(client, "ticker/price", "SOLUSDT")["price"]
    moment.shift(2 * 86_400)
    row = ask(client, "ticker/24hr", "SOLUSDT")
    zero = "0.00000000"
    assert (row["prevClosePrice"], row["count"], row["firstId"], row["lastId"]) == (last, 0, -1, -1)
    for name in ("openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "bidPrice", "askQty", "lastQty"):
        assert row[name] == zero
    assert (row["priceChangePercent"], row["weightedAvgPrice"]) == ("0.000", zero)
    assert ask(client, "ticker/price", "SOLUSDT")["price"] == last
    assert ask(client, "avgPrice", "SOLUSDT")["price"] == last
    assert ask(client, "ticker", "SOLUSDT")["count"] == 0
    kept = client.public("/api/v3/ticker/24hr", symbolStatus="HALT").json()
    assert [each["symbol"] for each in kept] == ["SOLUSDT"]


def names(count: int) -> str:
    return json.dumps(list(SYMBOLS)[:count], separators=(",", ":"))


@pytest.mark.parametrize(
    ("path", "parameters", "weight"),
    [
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbols": names(20)}, 2),
        ("ticker/24hr", {"symbols": names(21)}, 40),
        ("ticker/24hr", {}, 80),
        ("ticker", {"symbol": "BTCUSDT"}, 4),
        ("ticker", {"symbols": names(7)}, 28),
        ("ticker", {"symbols": names(60)}, 200),
        ("ticker/tradingDay", {"symbols": names(2)}, 8),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {}, 4),
        ("ticker/bookTicker", {"symbols": names(2)}, 4),
        ("avgPrice", {"symbol": "BTCUSDT"}, 2),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1}, 2),
    ],
    ids=lambda value: str(value)[:40],
)
def test_they_weigh_what_real_ones_weigh(client: Client, path: str, parameters: dict[str, Any], weight: int) -> None:
    before = int(client.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"])
    after = int(client.public(f"/api/v3/{path}", **parameters).headers["X-MBX-USED-WEIGHT-1M"])
    assert after - before == weight


def test_the_book_is_finite_so_that_a_big_order_can_exhaust_it(client: Client) -> None:
    shallow = ask(client, "depth")
    deep = ask(client, "depth", limit=5000)
    assert deep == shallow == ask(client, "depth", limit=9999, symbolStatus="TRADING")
    assert len(deep["asks"]) == len(deep["bids"]) == 32
    assert 0 < sum(D(price) * D(quantity) for price, quantity in deep["asks"]) < 10**9
    text = "The symbol's status does not match the requested symbolStatus."
    assert refused(client.public("/api/v3/depth", symbol="BTCUSDT", symbolStatus="BREAK")) == (400, -1220, text)
