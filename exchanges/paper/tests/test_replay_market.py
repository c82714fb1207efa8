"""Candle files played again: every open, high, low and close is met, gaps are closed markets."""

import gzip
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from exchanges.paper.market import Control, ControlledMarket, ReplayMarket, Tape
from exchanges.paper.tests.support import MARKET_DATA, needs_shared

D = Decimal
HOUR = 3_600_000
FIRST = 1_600_000_000_000 // HOUR * HOUR
EPOCH = 1_767_225_600_000

ROWS = [
    (0, "100", "104", "99", "101", "6"),  # the low is nearer to the open
    (1, "101", "101.5", "90.123", "95", "0.7"),
    (4, "96", "98", "95.5", "97", "3"),  # two hours are missing before it
]


def write(directory: Path, name: str, rows: list[tuple]) -> None:
    with gzip.open(directory / name, "wt") as out:
        out.write("open_time,open,high,low,close,volume\n")
        for hour, *rest in rows:
            out.write(",".join([str(FIRST + hour * HOUR), *rest]) + "\n")


@pytest.fixture
def market(tmp_path: Path) -> ReplayMarket:
    write(tmp_path, "SOLUSDT.csv.gz", ROWS)
    write(tmp_path, "ETHUSDT_2020.csv.gz", [(hour, "50", "51", "49", "50", "10") for hour in range(5)])
    return ReplayMarket(tmp_path, epoch_ms=EPOCH)


def test_the_path_meets_open_extremes_and_close_exactly(market: ReplayMarket) -> None:
    path = market.path("SOLUSDT", EPOCH - 1, EPOCH + HOUR - 1)
    prices = [path.at(index).price for index in range(len(path))]
    assert len(prices) == 60
    assert (prices[0], prices[20], prices[40], prices[-1]) == (100, 99, 104, 101)
    assert (min(prices), max(prices)) == (99, 104)
    second = market.path("SOLUSDT", EPOCH + HOUR - 1, EPOCH + 2 * HOUR - 1)
    assert int(second.ticks.min()) * second.unit == D("90.123")
    assert second.at(20).price == D("101.5")


def test_the_volume_of_a_candle_is_spread_to_the_last_lot(market: ReplayMarket) -> None:
    path = market.path("SOLUSDT", EPOCH - 1, EPOCH + HOUR - 1)
    assert int(path.lots.sum()) * market.symbols["SOLUSDT"].step == 6
    assert int(path.lots.max() - path.lots.min()) <= 1


def test_a_gap_has_no_price_and_no_book(market: ReplayMarket) -> None:
    inside = EPOCH + 2 * HOUR + 5
    assert market.status("SOLUSDT", inside) == "BREAK"
    assert market.status("ETHUSDT", inside) == "TRADING"
    quote = market.quote("SOLUSDT", inside)
    assert (quote.bid, quote.ask, quote.last) == (0, 0, 95)
    assert market.depth("SOLUSDT", inside).asks == ()
    path = market.path("SOLUSDT", EPOCH + 2 * HOUR - 1, EPOCH + 4 * HOUR - 1)
    assert not path.ticks.any()
    assert path.next_touch(0, D(1000), D(1), 0) is None
    assert market.status("SOLUSDT", EPOCH + 4 * HOUR) == "TRADING"


def test_the_data_begins_again_after_its_end(market: ReplayMarket) -> None:
    assert market.quote("SOLUSDT", EPOCH + 5 * HOUR).last == 100
    assert market.quote("SOLUSDT", EPOCH - HOUR).last == 96
    path = market.path("ETHUSDT", EPOCH, EPOCH + 12 * HOUR)
    assert len(path) == 12 * 60


def test_it_starts_where_it_is_told_at_the_speed_it_is_told(tmp_path: Path) -> None:
    write(tmp_path, "SOLUSDT.csv.gz", ROWS)
    market = ReplayMarket(tmp_path, epoch_ms=EPOCH, start_ms=FIRST + HOUR, speed=60)
    assert market.quote("SOLUSDT", EPOCH).last == 101
    assert market.quote("SOLUSDT", EPOCH + 3 * 60_000).last == 96
    assert market.market_ms(EPOCH + 3 * 60_000) == FIRST + 4 * HOUR
    assert market.description == f"replay {tmp_path.name} x60"


def test_a_finer_price_of_the_past_keeps_its_decimals_and_an_unknown_symbol_gets_a_grid(tmp_path: Path) -> None:
    write(tmp_path, "ADAUSDT.csv.gz", [(0, "0.02512", "0.02600", "0.02500", "0.02513", "1000")])
    write(tmp_path, "ABCUSDT.csv.gz", [(hour, "12.5", "13", "12", "12.75", "1000") for hour in range(3)])
    write(tmp_path, "INDEX.csv.gz", [(0, "1", "1", "1", "1", "1")])
    market = ReplayMarket(tmp_path, epoch_ms=EPOCH)
    assert market.symbols["ADAUSDT"].tick == D("0.00001")
    assert (market.symbols["ABCUSDT"].tick, market.symbols["ABCUSDT"].step) == (D("0.01"), D("0.001"))
    assert market.skipped == ["INDEX"]


def tape(market: ReplayMarket, now: int, *hand: Control) -> Tape:
    return Tape(ControlledMarket(market, hand), now)


def test_a_candle_that_is_played_is_met_again_as_a_candle(market: ReplayMarket) -> None:
    candles = tape(market, EPOCH + 5 * HOUR).candles("SOLUSDT", [EPOCH + hour * HOUR for hour in range(6)])
    spec = market.symbols["SOLUSDT"]
    bars = [candle.bar for candle in candles]
    shown = [tuple(price * spec.tick for price in (bar.open, bar.high, bar.low, bar.close)) for bar in bars]
    assert shown[0] == (100, 104, 99, 101)
    assert shown[1] == (D(101), D("101.5"), D("90.123"), D(95))
    assert shown[4] == (96, 98, D("95.5"), 97)
    assert [bar.lots * spec.step for bar in bars] == [6, D("0.7"), 0, 0, 3]


def test_in_a_gap_candles_are_flat_and_ids_are_missing(market: ReplayMarket) -> None:
    book = tape(market, EPOCH + 5 * HOUR - 1)
    gap = [candle.bar for candle in book.candles("SOLUSDT", [EPOCH + hour * HOUR for hour in (2, 3, 4)])]
    assert {(bar.open, bar.high, bar.low, bar.close, bar.trades, bar.first_id) for bar in gap} == {
        (95_000, 95_000, 95_000, 95_000, 0, -1)
    }
    before, after = book.latest("SOLUSDT", 61)[:2]
    assert after.id - before.id == 121
    assert book.window("SOLUSDT", EPOCH, EPOCH + 5 * HOUR).trades == 180


def test_the_last_price_is_that_of_the_last_trade_also_where_little_is_traded(tmp_path: Path) -> None:
    # Three lots in a candle: most of its steps are not traded, and the price of those is nobody's.
    write(tmp_path, "SOLUSDT.csv.gz", [(hour, "100", "110", "90", "105", "0.003") for hour in range(3)])
    market = ReplayMarket(tmp_path, epoch_ms=EPOCH)
    for minute in (61, 75, 100, 119, 130):
        now = EPOCH + minute * 60_000
        last = tape(market, now).latest("SOLUSDT", 1)[0]
        assert market.quote("SOLUSDT", now).last == last.ticks * market.symbols["SOLUSDT"].tick
    assert [trade.lots for trade in tape(market, EPOCH + 2 * HOUR).latest("SOLUSDT", 3)] == [1, 1, 1]


def test_the_average_is_of_five_minutes_of_the_wall_whatever_the_speed(tmp_path: Path) -> None:
    write(tmp_path, "SOLUSDT.csv.gz", [(hour, f"{hour + 1}", f"{hour + 1}", f"{hour + 1}", f"{hour + 1}", "6")
                                       for hour in range(48)])  # fmt: skip
    market = ReplayMarket(tmp_path, epoch_ms=EPOCH, speed=60)
    # Five minutes of the wall are five hours of the market, each at a price of its own.
    assert market.average("SOLUSDT", EPOCH + 10 * 60_000 - 1) == D(6 + 7 + 8 + 9 + 10) / 5


def test_no_candle_is_older_than_the_replay_or_than_the_symbol(tmp_path: Path) -> None:
    write(tmp_path, "ETHUSDT.csv.gz", [(hour, "50", "51", "49", "50", "10") for hour in range(6)])
    write(tmp_path, "SOLUSDT.csv.gz", [(hour, "100", "110", "90", "105", "5") for hour in range(3, 6)])
    book = tape(ReplayMarket(tmp_path, epoch_ms=EPOCH), EPOCH + 5 * HOUR)
    edges = [EPOCH + hour * HOUR for hour in range(-3, 6)]
    assert [candle.open_ms for candle in book.candles("ETHUSDT", edges)] == edges[3:-1]
    assert [candle.open_ms for candle in book.candles("SOLUSDT", edges)] == edges[6:-1]


def test_after_the_data_begins_again_a_gap_at_its_start_keeps_the_last_close(tmp_path: Path) -> None:
    write(tmp_path, "ETHUSDT.csv.gz", [(hour, "50", "51", "49", "50", "10") for hour in range(6)])
    write(tmp_path, "SOLUSDT.csv.gz", [(hour, "100", "110", "90", "105", "5") for hour in range(3, 6)])
    market = ReplayMarket(tmp_path, epoch_ms=EPOCH)
    assert market.quote("SOLUSDT", EPOCH + HOUR).last == 0
    assert market.quote("SOLUSDT", EPOCH + 7 * HOUR).last == 105
    assert tape(market, EPOCH + 8 * HOUR).last_before("SOLUSDT", EPOCH + 7 * HOUR) == 10_500


@pytest.mark.parametrize(
    ("names", "start", "message"),
    [
        ([], None, "no candle file"),
        (["SOLUSDT.csv.gz"], FIRST - 1, "outside the data"),
        (["SOLUSDT.csv.gz", "SOLUSDT_2.csv.gz"], None, "two candle files for SOLUSDT"),
    ],
)
def test_a_directory_that_cannot_be_played_is_refused(
    tmp_path: Path, names: list[str], start: int | None, message: str
) -> None:
    for name in names:
        write(tmp_path, name, ROWS)
    with pytest.raises(ValueError, match=message):
        ReplayMarket(tmp_path, epoch_ms=EPOCH, start_ms=start)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        ReplayMarket(tmp_path / "nothing", epoch_ms=EPOCH)


class TestRealCandles:
    pytestmark = needs_shared

    @staticmethod
    def rows() -> np.ndarray:
        with gzip.open(MARKET_DATA / "1h" / "BTCUSDT.csv.gz", "rt") as lines:
            return np.loadtxt(lines, delimiter=",", skiprows=1)

    def test_the_hourly_files_are_met_exactly(self) -> None:
        market = ReplayMarket(MARKET_DATA / "1h", epoch_ms=EPOCH, start_ms=1_667_260_800_000)
        assert len(market.symbols) == 10
        rows = self.rows()
        for row in rows[rows[:, 0] >= 1_667_260_800_000][:200:7]:
            begin = EPOCH + int(row[0]) - 1_667_260_800_000
            path = market.path("BTCUSDT", begin - 1, begin + HOUR - 1)
            prices = path.ticks * float(path.unit)
            assert np.allclose([prices[0], prices.max(), prices.min(), prices[-1]], row[1:5], rtol=0, atol=1e-9)
            assert abs(float(path.lots.sum()) * 1e-5 - row[5]) < 2e-5

    def test_a_real_halt_is_a_closed_market(self) -> None:
        rows = self.rows()
        hole = int(rows[np.flatnonzero(np.diff(rows[:, 0]) > HOUR)[-1], 0]) + HOUR
        market = ReplayMarket(MARKET_DATA / "1h", epoch_ms=EPOCH, start_ms=hole)
        assert market.status("BTCUSDT", EPOCH) == "BREAK"
        assert market.quote("BTCUSDT", EPOCH).last > 0

    def test_the_minutes_of_the_crash_are_played_in_seconds(self) -> None:
        market = ReplayMarket(MARKET_DATA / "1m", epoch_ms=EPOCH, start_ms=1_722_816_000_000)
        assert sorted(market.symbols) == ["BTCUSDT", "ETHUSDT"]
        path = market.path("BTCUSDT", EPOCH - 1, EPOCH + 24 * HOUR - 1)
        assert len(path) == 86_400
        prices = path.ticks * float(path.unit)
        assert prices.min() < 50_000 < prices[0]
