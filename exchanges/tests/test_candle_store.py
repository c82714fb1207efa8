"""Stored candles: they come back as they went in or not at all, and two writers lose nothing of each other's."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges.candles import examining, files, keeping, locks, store
from exchanges.candles.columns import CandleColumns, CandleRow
from exchanges.candles.files import BLOCK
from exchanges.tests.candle_scenes import DAY, HOUR, START, candles, drawn_rows, row


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CANDLES_DIR = tmp_path / "candles"
    folder: Path = settings.CANDLES_DIR
    return folder


def stored(numbers: range | list[int], symbol: str = "BTCUSDT", source: str = store.MARKET) -> CandleColumns:
    return keeping.add(candles(numbers, symbol=symbol), source).columns


# --- reading -------------------------------------------------------------------------------------------------


@given(rows=drawn_rows())
@hypothesis_settings(max_examples=30)
def test_what_is_loaded_is_what_was_stored(rows: list[CandleRow], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("candles") / "BTCUSDT.candles"
    files.write(path, CandleColumns.from_rows("BTCUSDT", HOUR, rows), store.MARKET)
    assert list(files.read(path)[0].rows()) == rows


def test_a_stretch_is_read_from_the_middle_of_a_long_file() -> None:
    count = 2 * BLOCK + 10
    times, price = START + HOUR * np.arange(count, dtype=np.int64), 100 + np.arange(count, dtype=np.int64) % 7
    whole = CandleColumns("BTCUSDT", HOUR, 2, 0, times, price, price, price, price, price)
    keeping.add(whole, store.MARKET)
    begins, ends = START + (BLOCK - 3) * HOUR, START + (BLOCK + 3) * HOUR
    found = store.load(["BTCUSDT"], "1h", begins, ends)["BTCUSDT"]
    assert found == whole.slice(begins, ends)
    assert len(found) == 6


def test_available_tells_what_there_is_without_its_candles() -> None:
    stored([0, 1, 5])
    stored(range(2), "ETHUSDT")
    btc, eth = store.available()
    assert (btc.symbol, btc.interval, btc.rows, btc.gaps, btc.missing) == ("BTCUSDT", "1h", 3, 1, 3)
    assert (btc.from_ms, btc.to_ms, btc.source) == (START, START + 6 * HOUR, "market")
    assert eth.symbol == "ETHUSDT"


def test_nothing_is_available_where_there_is_no_folder() -> None:
    assert store.available() == []


def test_what_is_missing_is_named_with_the_command_that_brings_it() -> None:
    stored(range(3))
    with pytest.raises(NotFound) as caught:
        store.load(["BTCUSDT", "ETHUSDT", "SOLUSDT"], "1h", START)
    assert caught.value.code == "candles_missing"
    assert "no 1h candles of ETHUSDT" in caught.value.message
    assert "`manage.py candles fetch ETHUSDT SOLUSDT --interval 1h --from 2024-01-01`" in caught.value.message


def test_a_time_without_candles_is_named_with_the_times_that_have_some() -> None:
    stored(range(3))
    with pytest.raises(NotFound, match=r"in that time; stored: 1h 2024-01-01T00:00Z \.\. 2024-01-01T03:00Z"):
        store.load(["BTCUSDT"], "1h", START + DAY)


# --- resampling where an interval is not stored --------------------------------------------------------------


def test_a_coarser_interval_is_made_of_a_finer_one() -> None:
    kept = stored(range(5, 60))
    found = store.load(["BTCUSDT"], "4h")["BTCUSDT"]
    assert found == kept.resampled(4 * HOUR)
    assert found.open_time_ms[0] == START + 8 * HOUR


def test_a_gap_at_the_edge_of_the_time_asked_for_does_not_cost_a_candle() -> None:
    stored([*range(8), *range(10, 24)])
    found = store.load(["BTCUSDT"], "4h", START + 8 * HOUR, START + 16 * HOUR)["BTCUSDT"]
    assert found.open_time_ms.tolist() == [START + 8 * HOUR, START + 12 * HOUR]


def test_only_candles_that_open_in_the_time_asked_for_are_made() -> None:
    stored(range(48))
    found = store.load(["BTCUSDT"], "4h", START + HOUR, START + 9 * HOUR)["BTCUSDT"]
    assert found.open_time_ms.tolist() == [START + 4 * HOUR, START + 8 * HOUR]


def test_the_interval_itself_is_preferred_and_of_finer_ones_the_one_that_covers_most() -> None:
    minutes = CandleColumns.from_rows("BTCUSDT", 60_000, [row(at, "50", interval_ms=60_000) for at in range(240)])
    keeping.add(minutes, store.MARKET)
    kept = stored(range(24))
    assert store.load(["BTCUSDT"], "2h")["BTCUSDT"] == kept.resampled(2 * HOUR)
    assert store.load(["BTCUSDT"], "1h")["BTCUSDT"] == kept


# --- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["../BTCUSDT", "BTC/USDT", "", ".", "BTC USDT", "BTCUSDT\0", "X" * 41, "BTC.USDT"])
def test_a_symbol_cannot_lead_to_another_file(symbol: str) -> None:
    with pytest.raises(Invalid):
        store.load([symbol], "1h")


@pytest.mark.parametrize("interval", ["1w", "1M", "..", "", "1H", "7m", "1h/../1m"])
def test_an_interval_that_is_not_kept_is_refused(interval: str) -> None:
    with pytest.raises(Invalid, match="choose one of"):
        store.load(["BTCUSDT"], interval)


def test_a_symbol_may_be_typed_in_small_letters() -> None:
    stored(range(2))
    assert list(store.load(["btcusdt"], "1h")) == ["BTCUSDT"]


# --- files that are not what they should be ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a candle file"),
        (b"open_time,open,high\n1,2,3\n", "is not a candle file"),
        (b"BBCANDLE" + b"\x63\0\0\0" * 4, "is of format 99"),
    ],
)
def test_a_foreign_file_is_named_with_what_to_do(content: bytes, said: str) -> None:
    stored(range(3))
    path = store.path_of("BTCUSDT", "1h")
    path.write_bytes(content)
    with pytest.raises(Conflict, match=said) as caught:
        store.load(["BTCUSDT"], "1h")
    assert caught.value.message.startswith("1h/BTCUSDT.candles ")
    assert store.available() == []
    assert said in store.listing().unreadable[0]
    with pytest.raises(Conflict, match=said):
        stored(range(3, 6))
    assert path.read_bytes() == content


def test_one_wrong_byte_anywhere_is_noticed() -> None:
    stored(range(200))
    path = store.path_of("BTCUSDT", "1h")
    good = path.read_bytes()
    head_end = 24 + int.from_bytes(good[12:16], "little")
    data_start = -(-head_end // 64) * 64
    for at in [0, 9, 13, 17, 30, head_end - 2, *range(data_start, len(good), 997), len(good) - 1]:
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :])
        with pytest.raises(Conflict):
            store.load(["BTCUSDT"], "1h")
    path.write_bytes(good)
    assert len(store.load(["BTCUSDT"], "1h")["BTCUSDT"]) == 200


@pytest.mark.parametrize("keep", [10, 30, 400, -8])
def test_a_file_that_was_cut_short_is_noticed(keep: int) -> None:
    stored(range(200))
    path = store.path_of("BTCUSDT", "1h")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Conflict, match=r"damaged|not a candle file"):
        store.load(["BTCUSDT"], "1h")


def test_a_file_that_was_renamed_is_not_taken_for_another_symbol() -> None:
    stored(range(3))
    path = store.path_of("BTCUSDT", "1h")
    path.rename(path.with_name("ETHUSDT.candles"))
    with pytest.raises(Conflict, match="holds BTCUSDT 1h: it was renamed"):
        store.load(["ETHUSDT"], "1h")


def test_examining_reads_everything_and_names_what_is_wrong() -> None:
    stored([0, 1, 3])
    keeping.add(CandleColumns.from_rows("ETHUSDT", HOUR, [row(0)._replace(high=row(0).low)]), store.MARKET)
    stored(range(3), "SOLUSDT")
    path = store.path_of("SOLUSDT", "1h")
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    found, unreadable = examining.examine()
    assert [(one.symbol, one.wrong, len(one.gaps)) for one in found] == [("BTCUSDT", 0, 1), ("ETHUSDT", 1, 0)]
    assert found[1].problems == ("2024-01-01T00:00Z: the high is below another price",)
    assert unreadable[0].startswith("1h/SOLUSDT.candles is damaged")  # users read it too: no path of this machine
    with pytest.raises(NotFound, match="no candles of DOGEUSDT"):
        examining.examine(["DOGEUSDT"])


# --- writing -------------------------------------------------------------------------------------------------


def test_adding_twice_changes_nothing() -> None:
    stored(range(5))
    before = store.path_of("BTCUSDT", "1h").stat()
    again = keeping.add(candles(range(5)), store.MARKET)
    assert (again.added, again.unchanged, again.changed_ms) == (0, 5, ())
    assert store.path_of("BTCUSDT", "1h").stat() == before


def test_a_later_candle_stands_and_the_difference_is_told() -> None:
    stored(range(5))
    again = keeping.add(candles([3, 4, 5], price="200"), store.MARKET)
    assert (again.added, again.changed_ms) == (1, (START + 3 * HOUR, START + 4 * HOUR))
    assert store.load(["BTCUSDT"], "1h")["BTCUSDT"].row(3).open == 200


def test_prices_of_a_simulation_never_mix_with_the_market() -> None:
    stored(range(5))
    with pytest.raises(Conflict, match="are from the market, these from paper walk") as caught:
        keeping.add(candles(range(5, 9)), "paper walk")
    assert caught.value.code == "candles_of_another_source"
    assert len(store.load(["BTCUSDT"], "1h")["BTCUSDT"]) == 5


def test_a_writer_that_dies_leaves_what_was_there() -> None:
    kept = stored(range(5))
    path = store.path_of("BTCUSDT", "1h")
    path.with_name(f".{path.name}.new").write_bytes(b"half of a fi")
    assert store.load(["BTCUSDT"], "1h")["BTCUSDT"] == kept
    assert [one.rows for one in store.available()] == [5]
    assert len(stored(range(5, 8))) == 8


def test_a_disk_that_refuses_is_told_and_harms_nothing(folder: Path) -> None:
    kept = stored(range(5))
    (folder / "1h" / ".BTCUSDT.candles.new").mkdir()
    with pytest.raises(Conflict, match="What was stored before is unharmed"):
        stored(range(5, 8))
    assert store.load(["BTCUSDT"], "1h")["BTCUSDT"] == kept


def test_a_place_that_is_no_folder_is_told(folder: Path) -> None:
    folder.write_text("a file where a folder should be")
    with pytest.raises(Conflict, match="could not be written"):
        stored(range(5))


def test_two_threads_that_write_at_once_lose_nothing() -> None:
    numbers = [list(range(start, 60, 6)) for start in range(6)]
    threads = [threading.Thread(target=stored, args=(some,)) for some in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.load(["BTCUSDT"], "1h")["BTCUSDT"] == candles(range(60))


WRITER = """
import os, sys, django
django.setup()
from exchanges.candles import keeping, store
from exchanges.tests.candle_scenes import candles
sys.stdin.readline()
for number in range(int(sys.argv[1]), 40, 2):
    keeping.add(candles([number]), store.MARKET)
"""


@pytest.mark.processes
def test_two_processes_that_write_at_once_lose_nothing(folder: Path) -> None:
    environment = {**os.environ, "CANDLES_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "botbalance.settings_test"}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(first)],
            env=environment,
            cwd=django_settings.BASE_DIR,
            stdin=subprocess.PIPE,
            text=True,
        )
        for first in range(2)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert store.load(["BTCUSDT"], "1h")["BTCUSDT"] == candles(range(40))


def test_who_waits_in_vain_is_told_so() -> None:
    with (
        keeping.writing("BTCUSDT", "1h"),
        pytest.raises(Conflict, match="Another process is writing"),
        keeping.writing("BTCUSDT", "1h", wait_seconds=0),
    ):
        pass


def test_a_lock_is_free_when_its_holder_has_gone(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locks.hold(tmp_path / "lock", 0):
        _ = 1 / 0
    with locks.hold(tmp_path / "lock", 0):
        assert (tmp_path / "lock").exists()


def test_removing_leaves_nothing_and_says_when_there_is_nothing() -> None:
    stored(range(5))
    keeping.remove("BTCUSDT", "1h")
    assert store.available() == []
    with pytest.raises(NotFound, match="no stored 1h candles of BTCUSDT"):
        keeping.remove("BTCUSDT", "1h")


def test_a_damaged_file_can_be_removed() -> None:
    stored(range(5))
    store.path_of("BTCUSDT", "1h").write_bytes(b"nothing")
    keeping.remove("BTCUSDT", "1h")
    assert store.listing().unreadable == ()


@pytest.mark.parametrize(
    ("one", "away", "left"),
    [
        ([(0, 10)], [(2, 4), (6, 8)], [(0, 2), (4, 6), (8, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10), (5, 20)], [(15, 30), (-5, 1)], [(1, 15)]),
        ([(0, 3), (5, 8), (9, 12)], [(2, 10)], [(0, 2), (10, 12)]),
        ([(3, 3)], [], []),
    ],
)
def test_stretches_are_cut_out_of_stretches(
    one: list[tuple[int, int]], away: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    assert keeping.cut(one, away) == left
