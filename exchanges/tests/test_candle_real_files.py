"""Real candles of Binance: their known gaps are found, and every digit is the same as in the files."""

import csv
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.candles import importing, store
from exchanges.candles.columns import CandleRow
from exchanges.candles.moments import written
from exchanges.tests.candle_scenes import DAY, NOW, shared_market

pytestmark = pytest.mark.needs_shared


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.CANDLES_DIR = tmp_path


def rows_of(path: Path) -> list[CandleRow]:
    with gzip.open(path, "rt") as file:
        return [CandleRow(int(one[0]), *map(Decimal, one[1:6])) for one in list(csv.reader(file))[1:]]


def test_hours_of_bitcoin_with_their_27_gaps() -> None:
    path = shared_market() / "1h" / "BTCUSDT.csv.gz"
    report = importing.bring_in([str(path)], now_ms=NOW)
    found = report.symbols["BTCUSDT", "1h"]
    assert (report.bad, report.refused, found.rows, len(found.gaps)) == (0, [], 47_214, 27)
    assert (written(found.from_ms), written(found.to_ms)) == ("2017-08-17T04:00Z", "2023-01-10T17:00Z")
    longest = max(found.gaps, key=lambda gap: gap.candles)
    assert (written(longest.from_ms), longest.candles) == ("2018-02-08T01:00Z", 33)
    kept = store.load(["BTCUSDT"], "1h")["BTCUSDT"]
    assert all(one == other for one, other in zip(kept.rows(), rows_of(path), strict=True))


def test_the_halt_of_march_2023_in_candles_of_five_minutes() -> None:
    report = importing.bring_in([str(shared_market() / "5m" / "[SL]*.csv.gz")], now_ms=NOW)
    assert list(report.symbols) == [("LINKUSDT", "5m"), ("SOLUSDT", "5m")]
    for found in report.symbols.values():
        assert [(written(gap.from_ms), gap.candles) for gap in found.gaps] == [("2023-03-24T12:40Z", 16)]


def test_fifty_symbols_in_one_file() -> None:
    report = importing.bring_in([str(shared_market() / "daily_50_usdt.csv.gz")], now_ms=NOW)
    assert (report.bad, report.refused, len(report.symbols)) == (0, [], 50)
    assert sum(one.rows for one in report.symbols.values()) == 75_084
    assert all(one.interval == "1d" for one in report.symbols.values())


def test_days_made_of_hours_are_the_exchanges_own_days() -> None:
    market = shared_market()
    importing.bring_in([str(market / "1h" / "BTCUSDT.csv.gz")], now_ms=NOW)
    made = store.load(["BTCUSDT"], "1d")["BTCUSDT"]
    store.path_of("BTCUSDT", "1h").unlink()
    importing.bring_in([str(market / "daily_50_usdt.csv.gz")], now_ms=NOW)
    own = store.load(["BTCUSDT"], "1d")["BTCUSDT"].slice(to_ms=made.end_ms)
    begins = int(own.open_time_ms[0])
    assert written(begins) == "2018-01-01T00:00Z"
    assert len(own) == 1835
    assert made.slice(begins) == own


def test_minutes_make_the_hours_of_the_crash_of_august_2024() -> None:
    path = shared_market() / "1m" / "BTCUSDT_2024-08_crash.csv.gz"
    importing.bring_in([str(path)], now_ms=NOW)
    begins = 1_722_816_000_000  # 2024-08-05
    hours = store.load(["BTCUSDT"], "1h", begins, begins + DAY)["BTCUSDT"]
    assert len(hours) == 24
    minutes = [one for one in rows_of(path) if begins <= one.open_time_ms < begins + DAY]
    assert min(one.low for one in hours.rows()) == min(one.low for one in minutes)
    assert sum(one.volume for one in hours.rows()) == sum(one.volume for one in minutes)
