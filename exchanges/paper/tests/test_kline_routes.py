"""GET klines and uiKlines: candles of every interval and time zone, as the exchange prints them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from exchanges.paper import services
from exchanges.paper.intervals import INTERVALS, Grid, window_ms, zone_ms
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

D = Decimal
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW_S = 1_790_000_123
NOW = NOW_S * 1000
BEGAN = 1_767_225_600_000
LENGTHS = {
    "1s": 1000, "1m": MINUTE, "3m": 3 * MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE,
    "1h": HOUR, "2h": 2 * HOUR, "4h": 4 * HOUR, "6h": 6 * HOUR, "8h": 8 * HOUR, "12h": 12 * HOUR,
    "1d": DAY, "3d": 3 * DAY, "1w": 7 * DAY,
}  # fmt: skip


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


class TestTheRoute:
    pytestmark = pytest.mark.django_db(databases=DATABASES)

    @pytest.fixture
    def client(self) -> Client:
        return client_with()

    @pytest.fixture(autouse=True)
    def moment(self) -> Iterator[time_machine.Traveller]:
        with time_machine.travel(NOW_S, tick=False) as traveller:
            yield traveller

    @staticmethod
    def ask(client: Client, interval: str = "1m", symbol: str = "BTCUSDT", **more: Any) -> list[list[Any]]:
        return client.public("/api/v3/klines", symbol=symbol, interval=interval, **more).json()

    def opens(self, client: Client, interval: str = "1m", **more: Any) -> list[int]:
        return [row[0] for row in self.ask(client, interval, **more)]

    def test_a_candle_has_twelve_fields_and_is_the_sum_of_its_trades(self, client: Client) -> None:
        row = self.ask(client, startTime=NOW // MINUTE * MINUTE - MINUTE, limit=1)[0]
        rows = client.public("/api/v3/aggTrades", symbol="BTCUSDT", startTime=row[0], endTime=row[6]).json()
        prices = [D(trade["p"]) for trade in rows]
        taken = [trade for trade in rows if not trade["m"]]
        assert [type(field) for field in row] == [int, str, str, str, str, str, int, str, int, str, str, str]
        assert row[0] + MINUTE - 1 == row[6]
        assert [D(field) for field in row[1:5]] == [prices[0], max(prices), min(prices), prices[-1]]
        assert D(row[5]) == sum(D(trade["q"]) for trade in rows)
        assert D(row[7]) == sum(D(trade["q"]) * D(trade["p"]) for trade in rows)
        assert row[8] == len(rows) == 60
        assert D(row[9]) == sum(D(trade["q"]) for trade in taken)
        assert D(row[10]) == sum(D(trade["q"]) * D(trade["p"]) for trade in taken)
        assert row[11] == "0"

    @pytest.mark.parametrize("interval", INTERVALS)
    def test_every_interval_ends_with_the_running_candle_and_has_no_holes(self, client: Client, interval: str) -> None:
        rows = self.ask(client, interval, limit=5)
        assert rows[-1][0] <= NOW <= rows[-1][6]
        assert [row[6] + 1 for row in rows[:-1]] == [row[0] for row in rows[1:]]
        if interval in LENGTHS:
            assert {row[6] + 1 - row[0] for row in rows} == {LENGTHS[interval]}
        assert self.ask(client, interval, limit=5) == rows
        assert client.public("/api/v3/uiKlines", symbol="BTCUSDT", interval=interval, limit=5).json() == rows

    def test_days_begin_at_midnight_weeks_on_monday_months_on_the_first(self, client: Client) -> None:
        assert self.opens(client, "1d", limit=1) == [utc("2026-09-21")]
        assert self.opens(client, "1w", limit=1) == [utc("2026-09-21")]
        assert self.opens(client, "1M", limit=2) == [utc("2026-08-01"), utc("2026-09-01")]
        assert self.opens(client, "3d", limit=1)[0] // DAY % 3 == 0

    def test_a_time_zone_moves_the_edges_but_not_the_meaning_of_times(self, client: Client) -> None:
        assert self.opens(client, "1d", timeZone="8", limit=1) == [utc("2026-09-21T16:00") - DAY]
        assert self.opens(client, "1d", timeZone="-1:00", limit=1) == [utc("2026-09-21T01:00")]
        assert self.opens(client, "1M", timeZone="05:45", limit=1) == [utc("2026-08-31T18:15")]
        assert self.opens(client, "1h", timeZone="05:45", limit=1)[0] % HOUR == 15 * MINUTE
        start = utc("2026-09-10")
        assert self.opens(client, "1d", timeZone="8", startTime=start, limit=1) == [utc("2026-09-10T16:00")]

    def test_the_order_and_the_ends_follow_the_times_given(self, client: Client) -> None:
        minute = NOW // MINUTE * MINUTE
        assert self.opens(client, limit=2) == [minute - MINUTE, minute]
        assert len(self.opens(client)) == 500
        assert len(self.opens(client, limit=1500)) == 1000
        assert self.opens(client, startTime=minute - 9 * MINUTE, limit=2) == [minute - 9 * MINUTE, minute - 8 * MINUTE]
        assert self.opens(client, startTime=minute - MINUTE - 1) == [minute - MINUTE, minute]
        assert self.opens(client, endTime=minute - 5 * MINUTE, limit=1) == [minute - 5 * MINUTE]
        assert self.opens(client, endTime=minute - 5 * MINUTE - 1, limit=1) == [minute - 6 * MINUTE]
        both = {"startTime": minute - 5 * MINUTE, "endTime": minute - 3 * MINUTE}
        assert self.opens(client, **both) == [minute - number * MINUTE for number in (5, 4, 3)]
        assert self.opens(client, startTime=minute, endTime=minute - MINUTE) == []
        assert self.opens(client, startTime=minute * 1000) == [minute]
        assert self.opens(client, endTime=NOW + 10**10, limit=1) == [minute]
        assert self.opens(client, startTime=NOW + 10**10) == []

    def test_history_begins_with_the_market(self, client: Client) -> None:
        assert self.opens(client, "1d", startTime=0, limit=1) == [BEGAN]
        assert self.opens(client, "1w", startTime=0, limit=1) == [utc("2025-12-29")]
        first = self.ask(client, "1w", startTime=0, limit=1)[0]
        days = self.ask(client, "1d", startTime=0, limit=4)
        assert D(first[5]) == sum(D(day[5]) for day in days)
        assert self.opens(client, "1d", endTime=5) == []

    def test_a_halt_leaves_flat_candles(self, client: Client, moment: time_machine.Traveller) -> None:
        services.symbol_control("BTCUSDT", status="BREAK")
        last = client.public("/api/v3/trades", symbol="BTCUSDT", limit=1).json()[0]["price"]
        moment.shift(3600)
        zero = "0.00000000"
        minute = (NOW + HOUR) // MINUTE * MINUTE
        assert self.ask(client, limit=1) == [
            [minute, last, last, last, last, zero, minute + MINUTE - 1, zero, 0, zero, zero, "0"]
        ]
        assert self.ask(client, "1s", limit=1)[0][1:6] == [last, last, last, last, zero]

    @pytest.mark.parametrize("path", ["klines", "uiKlines"])
    def test_what_cannot_be_read_is_refused(self, client: Client, path: str) -> None:
        def code(**parameters: Any) -> tuple[int, int, str]:
            given = {"symbol": "BTCUSDT", "interval": "1m", **parameters}
            return refused(client.public(f"/api/v3/{path}", **given))

        for wrong in ("1M ", "2m", "60", "1mo", "1D"):
            assert code(interval=wrong) == (400, -1120, "Invalid interval.")
        assert code(interval="")[1] == -1102
        assert code(symbol="NOPE") == (400, -1121, "Invalid symbol.")
        assert code(symbol="btc usdt")[1] == -1100
        for wrong in ("15", "-12:01", "14:01", "utc", "8:75", "08:5"):
            assert code(timeZone=wrong) == (400, -1130, "Data sent for parameter 'timeZone' is not valid.")
        assert code(startTime="yesterday")[1] == -1100
        assert code(limit=0)[1] == -1130
        assert code(windowSize="1d")[1] == -1104


@given(st.sampled_from(INTERVALS), st.integers(BEGAN, BEGAN + 400 * DAY), st.integers(-48, 56))
def test_a_moment_lies_inside_its_candle(interval: str, moment: int, quarters: int) -> None:
    grid = Grid(interval, quarters * 15 * MINUTE)
    number = grid.number(moment)
    assert grid.opens(number) <= moment < grid.opens(number + 1)
    first = grid.first_from(moment)
    assert grid.opens(first - 1) < moment <= grid.opens(first)


def test_a_month_is_as_long_as_it_is() -> None:
    grid = Grid("1M")
    days = [(grid.opens(number + 1) - grid.opens(number)) // DAY for number in range(2028 * 12, 2029 * 12)]
    assert days == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


@pytest.mark.parametrize(
    ("text", "hours"), [("0", 0), ("8", 8), ("-12", -12), ("14:00", 14), ("+5:30", 5.5), ("-01:15", -1.25)]
)
def test_a_time_zone_is_hours_and_perhaps_minutes(text: str, hours: float) -> None:
    assert zone_ms(text) == hours * HOUR


def test_a_window_is_minutes_hours_or_days() -> None:
    assert [window_ms(text) for text in ("1m", "59m", "1h", "23h", "1d", "7d")] == [
        MINUTE,
        59 * MINUTE,
        HOUR,
        23 * HOUR,
        DAY,
        7 * DAY,
    ]
    assert [window_ms(text) for text in ("0m", "60m", "24h", "8d", "1w", "d", "", "01h", "1H")] == [None] * 9
