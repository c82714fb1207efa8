"""Candles from files: every format, exact to the last digit, and every row that is not taken is named."""

import gzip
import hashlib
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from botbalance.lib.errors import Invalid
from exchanges.candles import importing, keeping, parsing, store
from exchanges.candles.columns import CandleRow
from exchanges.candles.importing import Report
from exchanges.candles.numbers import CandleError
from exchanges.tests.candle_scenes import DAY, HOUR, NOW, START, candles, drawn_rows, lines, row
from tests.support import examples


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CANDLES_DIR = tmp_path / "candles"
    files = tmp_path / "files"
    files.mkdir()
    return files


def bring_in(*paths: Path | str, **options: Any) -> Report:
    return importing.bring_in([str(path) for path in paths], now_ms=NOW, **options)


def loaded(symbol: str = "BTCUSDT", interval: str = "1h") -> list[CandleRow]:
    return list(store.load([symbol], interval)[symbol].rows())


def as_binance(rows: list[CandleRow], *, unit: int = 1) -> str:
    """Rows as Binance's public files have them: twelve columns, eight decimals; `unit` 1000 for microseconds."""
    text = ""
    for one in rows:
        closes = (one.open_time_ms + HOUR) * unit - 1
        numbers = ",".join(f"{value:.8f}" for value in one[1:])
        text += f"{one.open_time_ms * unit},{numbers},{closes},123.45678901,17,0.50000000,60.00000000,0\n"
    return text


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", ".").replace("_", "-"), text)
    return path


# --- formats -------------------------------------------------------------------------------------------------

ROWS = [row(number, f"{100 + number}.25", "0.00012345") for number in range(12)]


def test_our_own_csv(folder: Path) -> None:
    (folder / "BTCUSDT.csv").write_text(lines(ROWS))
    report = bring_in(folder)
    assert loaded() == ROWS
    assert (report.bad, report.refused) == (0, [])


def test_gzip(folder: Path) -> None:
    (folder / "BTCUSDT_2024-01_crash.csv.gz").write_bytes(gzip.compress(lines(ROWS).encode()))
    bring_in(folder)
    assert loaded() == ROWS


@pytest.mark.parametrize("unit", [1, 1000])
def test_the_zip_files_of_binance_in_milliseconds_and_in_microseconds(folder: Path, unit: int) -> None:
    zipped(folder / "BTCUSDT-1h-2024-01.zip", BTCUSDT_1h_2024_01__csv=as_binance(ROWS, unit=unit))
    bring_in(folder)
    assert loaded() == ROWS


def test_a_file_that_changes_from_milliseconds_to_microseconds(folder: Path) -> None:
    text = as_binance(ROWS[:5]) + as_binance(ROWS[5:], unit=1000)
    zipped(folder / "BTCUSDT-1h-2024-01.zip", BTCUSDT_1h_2024_01__csv=text)
    bring_in(folder)
    assert loaded() == ROWS


def test_a_zip_with_a_header(folder: Path) -> None:
    names = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote,ignore\n"
    )
    zipped(folder / "BTCUSDT-1h-2024-01.zip", BTCUSDT_1h_2024_01__csv=names + as_binance(ROWS))
    bring_in(folder)
    assert loaded() == ROWS


def test_a_checksum_beside_a_zip_is_asked(folder: Path) -> None:
    path = zipped(folder / "BTCUSDT-1h-2024-01.zip", BTCUSDT_1h_2024_01__csv=as_binance(ROWS))
    beside = folder / "BTCUSDT-1h-2024-01.zip.CHECKSUM"
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    assert "does not match the checksum" in bring_in(folder).refused[0][1]
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert bring_in(folder).refused == []
    assert loaded() == ROWS


def test_one_file_with_many_symbols_and_dates(folder: Path) -> None:
    text = "symbol,date,open,high,low,close,volume,trades\n"
    for symbol in ("BTCUSDT", "PEPEUSDT"):
        volume = "0.00000001" if symbol == "BTCUSDT" else "25123456789012.0"
        text += "".join(f"{symbol},2024-01-0{day},1.0,7.26,1.0,4.839,{volume},5\n" for day in range(1, 9))
    text += "NEWUSDT,2024-01-01,1,1,1,1,1,1\n"
    (folder / "daily_50_usdt.csv").write_text(text)
    report = bring_in(folder)
    assert (report.bad, report.refused) == (0, [])
    assert loaded("PEPEUSDT", "1d")[1] == CandleRow(
        START + DAY, Decimal(1), Decimal("7.26"), Decimal(1), Decimal("4.839"), Decimal(25123456789012)
    )
    assert loaded("BTCUSDT", "1d")[0].volume == Decimal("0.00000001")
    assert len(loaded("NEWUSDT", "1d")) == 1


def test_other_names_orders_delimiters_and_quotes(folder: Path) -> None:
    text = '"Timestamp";"Pair";"Vol";"Close";"Low";"High";"Open"\r\n'
    for one in reversed(ROWS):
        cells = [one.open_time_ms // 1000, "BTC/USDT", one.volume, one.close, one.low, one.high, one.open]
        text += ";".join(f'"{cell}"' for cell in cells) + "\r\n"
    (folder / "export.csv").write_text("\ufeff" + text)
    bring_in(folder)
    assert loaded() == ROWS


@pytest.mark.parametrize(
    "moment", ["2024-01-01T00:00:00Z", "2024-01-01 00:00", "2024-01-01T03:00:00+03:00", "1704067200"]
)
def test_times_in_iso_and_in_seconds(folder: Path, moment: str) -> None:
    (folder / "BTCUSDT-1h.csv").write_text(f"time,open,high,low,close,volume\n{moment},1,2,1,2,3\n")
    assert bring_in(folder).bad == 0
    assert loaded()[0].open_time_ms == START


def test_a_pattern_a_file_and_a_folder_with_folders(folder: Path) -> None:
    deep = folder / "2024" / "1h"
    deep.mkdir(parents=True)
    (deep / "ETHUSDT.csv").write_text(lines(ROWS[:2]))
    (deep / "notes.md").write_text("read me")
    (folder / "BTCUSDT-1h.csv").write_text(lines(ROWS))
    report = bring_in(folder, folder / "*.csv", folder / "BTCUSDT-1h.csv")
    assert (report.files, report.others) == (2, 1)
    assert len(loaded("ETHUSDT")) == 2
    with pytest.raises(Invalid, match="nothing matches"):
        bring_in(folder / "*.parquet")


def test_months_of_files_become_one_series(folder: Path) -> None:
    rows = [row(number) for number in range(0, 72)]
    for day in range(3):
        name = f"BTCUSDT-1h-2024-01-0{day + 1}"
        zipped(folder / f"{name}.zip", **{f"{name}.csv": as_binance(rows[24 * day : 24 * day + 24])})
    report = bring_in(folder)
    assert report.symbols["BTCUSDT", "1h"].added == 72
    assert loaded() == rows


@pytest.mark.parametrize("block_bytes", [1, 7, 100, 1000])
def test_a_block_that_ends_in_the_middle_of_a_line(block_bytes: int) -> None:
    stream = io.BytesIO(lines(ROWS).rstrip("\n").encode())
    found = parsing.joined(list(parsing.pieces(stream, lambda line, reason: None, block_bytes)))
    assert found.times.tolist() == [one.open_time_ms for one in ROWS]
    assert found.lines.tolist() == list(range(2, 14))


# --- exactness -----------------------------------------------------------------------------------------------


@given(rows=drawn_rows(), data=st.data())
@hypothesis_settings(max_examples=examples(60))
def test_the_fast_way_and_the_slow_way_read_the_same_numbers(rows: list[CandleRow], data: st.DataObject) -> None:
    """Cells that Decimal understands and the fast way does not are mixed among plain ones."""
    written = st.sampled_from(["{:f}", "{:.12f}", "+{:f}", "{:E}", " {:f}", '"{:f}"', "{:f}0"])
    text = ""
    for one in rows:
        cells = [data.draw(written).format(value) for value in one[1:]]
        cells = [cell if "." in cell or "E" in cell else cell[:-1] if cell.endswith("00") else cell for cell in cells]
        text += ",".join(
            [str(one.open_time_ms), *[_same(cell, value) for cell, value in zip(cells, one[1:], strict=True)]]
        )
        text += "\n"
    bad: list[tuple[int, str]] = []
    stream = io.BytesIO(("time,open,high,low,close,volume\n" + text).encode())
    parts = list(parsing.pieces(stream, lambda line, reason: bad.append((line, reason))))
    found = parsing.joined(parts) if parts else None
    assert bad == []
    assert (found is None) == (not rows)
    if found is None:
        return
    order = found.lines.argsort()
    for number, column in enumerate(found.prices):
        read = [Decimal(value).scaleb(-found.price_places) for value in column[order].tolist()]
        assert read == [one[1 + number] for one in rows]
    assert [Decimal(value).scaleb(-found.volume_places) for value in found.volume[order].tolist()] == [
        one.volume for one in rows
    ]


def _same(cell: str, value: Decimal) -> str:
    """The cell, where it still means the value (a zero behind a whole number would change it)."""
    return cell if Decimal(cell.strip(' "')) == value else f"{value:f}"


@pytest.mark.parametrize("text", ["12.", ".5", "1e2", "+3", "0000000000000000000000012.50", "100000000000000.00000000"])
def test_numbers_written_in_other_ways(folder: Path, text: str) -> None:
    (folder / "BTCUSDT-1h.csv").write_text(
        f"time,open,high,low,close,volume\n{START},{text},{text},{text},{text},{text}\n{START + HOUR},1,1,1,1,1\n"
    )
    assert bring_in(folder).bad == 0
    assert loaded()[0].open == loaded()[0].volume == Decimal(text)


# --- bad rows ------------------------------------------------------------------------------------------------

GOOD = [f"{one.open_time_ms},100,101,99,100,1" for one in ROWS]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (f"{START + 20 * HOUR},100,101,99,dear,1", "'dear' is not a number"),
        (f"{START + 20 * HOUR},100,101,99,,1", "'' is not a number"),
        (f"{START + 20 * HOUR},100,101,99,nan,1", "'nan' is not a number"),
        (f"{START + 20 * HOUR},100,101,99,1.2.3,1", "'1.2.3' is not a number"),
        (f"{START + 20 * HOUR},100,101,99,0.{'1' * 30},1", "at most 18"),
        (f"{START + 20 * HOUR},100,101,99,100", "5 columns instead of 6"),
        (f"{START + 20 * HOUR},100,101,99,100,1,1", "7 columns instead of 6"),
        ("yesterday,100,101,99,100,1", "'yesterday' is not a time"),
        (f"{START + 20 * HOUR}001,100,101,99,100,1", "is not a time in whole milliseconds"),
        ("12,100,101,99,100,1", "'12' is not a time"),
        (f"{START + 20 * HOUR + 1},100,101,99,100,1", "does not open at a whole multiple of 1h"),
        (f"{START + 20 * HOUR},100,99.5,99,100,1", "the high is below another price"),
        (f"{START + 20 * HOUR},100,101,100.5,100,1", "the low is above another price"),
        (f"{START + 20 * HOUR},100,101,0,100,1", "a price is not above 0"),
        (f"{START + 20 * HOUR},100,101,-99,100,1", "a price is not above 0"),
        (f"{START + 20 * HOUR},100,101,99,100,-1", "the volume is negative"),
        (f"{START + 3 * HOUR},100,102,99,100,1", "it differs from line 5, which is of the same time"),
        (f"{NOW},100,101,99,100,1", "it is not over yet"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_taken(folder: Path, wrong: str, said: str) -> None:
    path = folder / "BTCUSDT-1h.csv"
    path.write_text("\n".join(["open_time,open,high,low,close,volume", *GOOD, wrong]) + "\n")
    report = bring_in(path)
    assert report.bad == 1
    assert said in report.bad_rows[0].reason
    assert (report.bad_rows[0].file, report.bad_rows[0].line) == (str(path), len(GOOD) + 2)
    assert report.symbols["BTCUSDT", "1h"].bad == 1
    assert len(loaded()) == len(GOOD)


def test_a_row_that_says_the_same_twice_is_counted_and_not_bad(folder: Path) -> None:
    (folder / "BTCUSDT-1h.csv").write_text("time,open,high,low,close,volume\n" + "\n".join([*GOOD, GOOD[3]]))
    report = bring_in(folder)
    assert (report.bad, report.symbols["BTCUSDT", "1h"].repeated) == (0, 1)


def test_only_the_first_bad_rows_are_named_and_all_are_counted(folder: Path) -> None:
    text = "time,open,high,low,close,volume\n" + "\n".join([*GOOD, *["nothing"] * 50])
    (folder / "BTCUSDT-1h.csv").write_text(text)
    report = bring_in(folder, most_shown=3)
    assert report.bad == 50
    assert [one.line for one in report.bad_rows] == [14, 15, 16]


def test_strict_takes_nothing_of_a_file_with_a_bad_row(folder: Path) -> None:
    (folder / "BTCUSDT-1h.csv").write_text("time,open,high,low,close,volume\n" + "\n".join([*GOOD, "nothing"]))
    (folder / "ETHUSDT-1h.csv").write_text("time,open,high,low,close,volume\n" + "\n".join(GOOD))
    report = bring_in(folder, is_strict=True)
    assert report.refused == [(str(folder / "BTCUSDT-1h.csv"), "it has bad rows: 1 (--strict)")]
    assert [one.symbol for one in store.available()] == ["ETHUSDT"]


# --- what cannot be told -------------------------------------------------------------------------------------


TWO_LENGTHS = lines([row(number) for number in range(12)]) + lines(
    [row(12 * 60 + number, interval_ms=HOUR // 60) for number in range(30)], header=False
)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("BTCUSDT-1h.csv", "", "it is empty"),
        ("BTCUSDT-1h.csv", "time,open,high,low,close,volume\n", "it has no rows"),
        ("BTCUSDT-1h.csv", "when,open,high,low,close,volume\n1,1,1,1,1,1\n", "names no column for time"),
        ("BTCUSDT-1h.csv", "time,open,high,low,close\n", "names no column for volume"),
        ("BTCUSDT-1h.csv", f"{START},1,2,1,2,3,4\n", "has no names of columns"),
        ("export.csv", "\n".join(GOOD), "which symbol it is of cannot be told"),
        ("BTCUSDT_ETHUSDT.csv", "\n".join(GOOD), "which symbol it is of cannot be told"),
        ("BTCUSDT.csv", "\n".join(GOOD[:2]), "its interval cannot be told"),
        ("BTCUSDT.csv", TWO_LENGTHS, "some of its rows are 1m apart and others 1h"),
        ("BTCUSDT-1d.csv", "\n".join(GOOD), "should hold candles of 1d, and most of its rows are 1h apart"),
        ("BTCUSDT-1m.csv", "\n".join(GOOD), "should hold candles of 1m, and most of its rows are 1h apart"),
        ("BTCUSDT-1w.csv", "\n".join(GOOD), "candles of weeks and months are not kept"),
        ("BTCUSDT-1M-2024.csv", "\n".join(GOOD), "candles of weeks and months are not kept"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_whole(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text)
    report = bring_in(folder)
    assert said in report.refused[0][1]
    assert report.refused[0][0] == str(folder / name)
    assert store.available() == []


def test_a_zip_of_more_lines_than_memory_holds_is_refused(folder: Path) -> None:
    with pytest.raises(CandleError, match="more than 10 lines"):
        list(parsing.pieces(io.BytesIO(lines(ROWS).encode()), lambda line, reason: None, most_lines=10))


def test_one_cell_as_wide_as_the_file_costs_its_own_line_only(folder: Path) -> None:
    (folder / "many.csv").write_text(
        "symbol,interval,time,open,high,low,close,volume\n"
        + "".join(f"{'A' * 100_000 if number == 5 else 'BTCUSDT'},1h,{one}\n" for number, one in enumerate(GOOD * 900))
    )
    report = bring_in(folder)
    assert (report.bad, len(loaded())) == (1, len(GOOD))
    assert "is not a symbol" in report.bad_rows[0].reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("BTCUSDT.csv.gz", gzip.compress(lines(ROWS).encode())[:-20]),
        ("BTCUSDT-1h.zip", b"PK\x03\x04 and then nothing"),
        ("BTCUSDT-1h.csv", bytes(range(256)) * 10),
    ],
)
def test_a_damaged_file_is_refused_and_the_others_are_read(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    (folder / "ETHUSDT-1h.csv").write_text(lines(ROWS))
    report = bring_in(folder)
    assert [what for what, _reason in report.refused] == [str(folder / name)]
    assert [one.symbol for one in store.available()] == ["ETHUSDT"]


def test_options_say_what_a_file_does_not(folder: Path) -> None:
    (folder / "export.csv").write_text("\n".join(GOOD[:2]))
    assert bring_in(folder, symbol="ethusdt", interval="1h").refused == []
    assert len(loaded("ETHUSDT")) == 2


def test_options_that_contradict_the_columns_are_refused(folder: Path) -> None:
    (folder / "many.csv").write_text(
        "symbol,time,open,high,low,close,volume\n" + "\n".join(f"BTCUSDT,{one}" for one in GOOD)
    )
    assert "--symbol says ETHUSDT" in bring_in(folder, symbol="ETHUSDT").refused[0][1]
    assert bring_in(folder, symbol="BTCUSDT").refused == []


# --- beside what is stored -----------------------------------------------------------------------------------


def test_importing_again_changes_nothing(folder: Path) -> None:
    (folder / "BTCUSDT.csv").write_text(lines(ROWS))
    bring_in(folder)
    again = bring_in(folder).symbols["BTCUSDT", "1h"]
    assert (again.added, again.unchanged, again.changed, again.stored) == (0, 12, 0, 12)


def test_another_candle_of_a_known_time_replaces_it_and_is_told(folder: Path) -> None:
    (folder / "BTCUSDT.csv").write_text(lines(ROWS))
    bring_in(folder)
    other = [ROWS[4]._replace(close=Decimal("104.5")), *ROWS[5:]]
    (folder / "BTCUSDT.csv").write_text(lines(other))
    report = bring_in(folder).symbols["BTCUSDT", "1h"]
    assert (report.changed, report.changed_ms, report.unchanged) == (1, (START + 4 * HOUR,), 7)
    assert loaded()[4].close == Decimal("104.5")


def test_gaps_of_what_is_stored_are_told(folder: Path) -> None:
    (folder / "BTCUSDT.csv").write_text(lines([*ROWS[:4], *ROWS[6:]]))
    report = bring_in(folder).symbols["BTCUSDT", "1h"]
    assert [(gap.from_ms, gap.candles) for gap in report.gaps] == [(START + 4 * HOUR, 2)]


def test_nothing_is_added_to_candles_of_a_simulation(folder: Path) -> None:
    keeping.add(candles(range(3)), "paper walk seed 1")
    (folder / "BTCUSDT.csv").write_text(lines(ROWS))
    assert "they do not mix" in bring_in(folder).refused[0][1]
    assert len(loaded()) == 3


def test_a_file_without_lines_is_no_text_file() -> None:
    with pytest.raises(CandleError, match="no lines"):
        list(parsing.pieces(io.BytesIO(b"x" * (parsing.BLOCK_BYTES + 1)), lambda line, reason: None))
