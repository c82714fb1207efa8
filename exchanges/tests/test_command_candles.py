"""`manage.py candles`: what it says to people and to programs, and the code it ends with."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from botbalance.lib.clock import now_ms
from exchanges.candles import keeping, store, venues, wording
from exchanges.candles.fetching import Progress
from exchanges.candles.moments import written
from exchanges.tests.candle_scenes import HOUR, candles, lines, row
from exchanges.tests.support import DATABASES


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CANDLES_DIR = tmp_path / "candles"
    files = tmp_path / "files"
    files.mkdir()
    return files


def run(*arguments: str | Path) -> tuple[int, str]:
    """The exit code, and all that was said."""
    out = io.StringIO()
    try:
        call_command("candles", *map(str, arguments), stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def json_of(*arguments: str | Path) -> tuple[int, Any]:
    """The exit code, and the JSON on the last line of standard output."""
    out = io.StringIO()
    code = 0
    try:
        call_command("candles", *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        code = error.returncode
    return code, json.loads(out.getvalue().splitlines()[-1])


# --- import --------------------------------------------------------------------------------------------------


def test_import_says_what_it_has_read_and_what_is_stored(folder: Path) -> None:
    (folder / "BTCUSDT.csv").write_text(lines(row(number) for number in [0, 1, 2, 5]))
    (folder / "readme.txt").write_text("")
    code, said = run("import", folder)
    assert code == 0
    for sentence in (
        "Read 1 file.",
        "1 other file left alone: neither .csv, .csv.gz nor .zip.",
        "BTCUSDT 1h: 4 rows, 4 new, 0 known.",
        "Stored: 4 candles, 2024-01-01T00:00Z .. 2024-01-01T06:00Z, 1 gap of 2 candles together.",
        "gap 2024-01-01T03:00Z .. 2024-01-01T05:00Z: 2",
    ):
        assert sentence in said


def test_import_for_programs(folder: Path) -> None:
    path = folder / "BTCUSDT.csv"
    path.write_text(lines(row(number) for number in [0, 1, 2, 5]) + "nonsense\n")
    code, body = json_of("import", path)
    assert code == 1
    assert body == {
        "files": 1,
        "bad_rows": 1,
        "bad_rows_shown": [{"file": str(path), "line": 6, "reason": "1 columns instead of 6"}],
        "refused": [],
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "interval": "1h",
                "rows": 4,
                "added": 4,
                "unchanged": 0,
                "changed": 0,
                "changed_at": [],
                "repeated": 0,
                "bad_rows": 1,
                "stored": 4,
                "from": "2024-01-01T00:00Z",
                "to": "2024-01-01T06:00Z",
                "gaps": [{"from": "2024-01-01T03:00Z", "to": "2024-01-01T05:00Z", "candles": 2}],
            }
        ],
    }


def test_import_ends_with_1_when_something_was_left_out(folder: Path) -> None:
    (folder / "BTCUSDT.csv").write_text(lines(row(number) for number in range(4)) + "a\nb\nc\n")
    (folder / "broken-1h.csv").write_text("nothing of the kind")
    code, said = run("import", folder, "--show", "2")
    assert code == 1
    assert f"{folder}/BTCUSDT.csv:6: 1 columns instead of 6" in said
    assert "… and 1 more bad rows; --show N names more." in said
    assert f"{folder}/broken-1h.csv: nothing was taken: its first line names no column for time" in said
    assert len(store.load(["BTCUSDT"], "1h")["BTCUSDT"]) == 4


def test_import_ends_with_2_when_nothing_was_brought_in(folder: Path) -> None:
    assert run("import", folder / "absent.csv") == (
        2,
        f"{folder}/absent.csv: there is no such file or folder, and nothing matches it as a pattern.",
    )
    (folder / "BTCUSDT.csv").write_text(lines(row(number) for number in range(4)) + "a\n")
    assert run("import", folder, "--strict")[0] == 2
    assert run("import", folder, "--interval", "1w")[0] == 2
    assert run("import", folder, "--symbol", "../x")[0] == 2
    assert store.available() == []
    keeping.add(candles(range(4)), "paper walk seed 1 x1")
    assert run("import", folder)[0] == 2  # the paper exchange's and the market's do not mix


def test_changed_candles_are_named(folder: Path) -> None:
    keeping.add(candles(range(4)), store.MARKET)
    (folder / "BTCUSDT.csv").write_text(lines(row(number, "105") for number in range(2, 4)))
    _code, said = run("import", folder, "--interval", "1h")
    assert "2 differ from what was known, and replace it; first: 2024-01-01T02:00Z, 2024-01-01T03:00Z." in said


# --- list, check, remove -------------------------------------------------------------------------------------


def test_list_names_everything_and_what_cannot_be_read() -> None:
    assert run("list") == (0, "No candles are stored yet: manage.py candles import PATH, or candles fetch SYMBOL.\n")
    keeping.add(candles([0, 1, 5]), store.MARKET)
    code, said = run("list")
    assert code == 0
    assert " ".join(said.split()) == ("BTCUSDT 1h 3 2024-01-01T00:00Z .. 2024-01-01T06:00Z 1 gap (3 candles) market")
    store.path_of("ETHUSDT", "1h").write_text("nonsense")
    code, body = json_of("list")
    assert code == 1
    assert body["candles"] == [
        {
            "symbol": "BTCUSDT",
            "interval": "1h",
            "source": "market",
            "rows": 3,
            "from": "2024-01-01T00:00Z",
            "to": "2024-01-01T06:00Z",
            "gaps": 1,
            "missing": 3,
        }
    ]
    assert "ETHUSDT.candles is not a candle file" in body["unreadable"][0]


def test_check_reads_every_candle() -> None:
    keeping.add(candles([0, 1, 5]), store.MARKET)
    code, said = run("check")
    assert code == 0
    assert "BTCUSDT 1h: all candles can be." in said
    path = store.path_of("BTCUSDT", "1h")
    path.write_bytes(path.read_bytes()[:-1] + b"\x77")
    code, body = json_of("check", "BTCUSDT")
    assert code == 1
    assert "is damaged" in body["unreadable"][0]
    assert run("check", "ETHUSDT")[0] == 2


def test_remove_asks_first_and_does_nothing_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    keeping.add(candles(range(3)), store.MARKET)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run("remove", "BTCUSDT", "--interval", "1h") == (2, "There is no terminal to ask at: say --yes.")
    assert len(store.available()) == 1
    assert run("remove", "BTCUSDT", "ETHUSDT", "--interval", "1h", "--yes")[0] == 2
    assert len(store.available()) == 1
    assert json_of("remove", "btcusdt", "--interval", "1h", "--yes") == (0, {"removed": ["BTCUSDT"], "interval": "1h"})
    assert store.available() == []


def test_an_action_that_is_none_is_a_wrong_use() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("candles", "steal")


# --- fetch ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(databases=DATABASES)
def test_fetch_brings_candles_of_the_paper_exchange_and_goes_on_later() -> None:
    until = now_ms() // HOUR * HOUR
    since = until - 1010 * HOUR
    code, body = json_of(
        "fetch", "btcusdt", "--interval", "1h", "--from", written(since).rstrip("Z"), "--to", written(until)
    )
    assert code == 0
    (btc,) = body["symbols"]
    assert (btc["symbol"], btc["source"], btc["pages"], btc["added"]) == ("BTCUSDT", "paper walk seed 1 x1", 2, 1010)
    assert (btc["stored"], btc["gaps"], btc["absent"], btc["problem"]) == (1010, [], 0, "")
    kept = store.load(["BTCUSDT"], "1h")["BTCUSDT"]
    assert kept.problems() == []
    assert int(kept.open_time_ms[0]) == since
    code, said = run("fetch", "BTCUSDT", "--interval", "1h", "--from", written(since - HOUR), "--to", written(until))
    assert code == 0
    assert "BTCUSDT 1h from paper walk seed 1 x1: 1 new in 1 page." in said


@pytest.mark.django_db(databases=DATABASES)
def test_fetch_goes_on_with_the_others_when_one_symbol_fails() -> None:
    since = written(now_ms() - 5 * HOUR)
    code, said = run("fetch", "NOSUCH", "BTCUSDT", "--interval", "1h", "--from", since)
    assert code == 1
    assert "NOSUCH 1h from paper walk seed 1 x1: 0 new in 0 pages.\n  The exchange refused: Invalid symbol." in said
    assert len(store.available()) == 1
    assert run("fetch", "NOSUCH", "--interval", "1h", "--from", since)[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--interval", "1h", "--from", "yesterday"),
        ("--interval", "1h", "--from", "2024-02-01", "--to", "2024-01-01"),
        ("--interval", "1w", "--from", "2024-01-01"),
    ],
)
def test_fetch_refuses_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    assert run("fetch", "BTCUSDT", *arguments)[0] == 2


@pytest.mark.parametrize(("environment", "venue"), [("mock", "paper"), ("testnet", "testnet"), ("mainnet", "binance")])
def test_the_venue_is_the_one_that_this_server_trades_at(settings: Any, environment: str, venue: str) -> None:
    settings.EXCHANGE_ENV = environment
    assert venues.default_venue() == venue


@pytest.mark.parametrize(
    ("environment", "venue", "address", "source"),
    [
        ("mock", "binance", "https://data-api.binance.vision", "market"),
        ("testnet", "binance", "https://data-api.binance.vision", "market"),
        ("mainnet", "binance", "https://api.binance.com", "market"),
        ("mainnet", "testnet", "https://testnet.binance.vision", "testnet"),
        ("mainnet", "paper", "https://paper.botbalance.invalid", "paper walk seed 1 x1"),
    ],
)
def test_only_what_binance_itself_tells_is_the_market(
    settings: Any, environment: str, venue: str, address: str, source: str
) -> None:
    settings.EXCHANGE_ENV = environment
    found = venues.source_of(venue)
    assert (getattr(found.adapter, "base_url"), found.name) == (address, source)  # noqa: B009  (the protocol has none)


def test_progress_fits_on_a_line() -> None:
    assert wording.progress_line(Progress("BTCUSDT", "1m", 131_400, 525_600), 30) == (
        "BTCUSDT 1m [######..................]  25 % of 525,600, 1:30 left"
    )
    assert len(wording.progress_line(Progress("X" * 40, "15m", 1, 10**9), 10**6)) <= 79


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.django_db(databases=DATABASES)
def test_a_bar_is_drawn_on_a_terminal_only() -> None:
    since = written(now_ms() - 5 * HOUR)
    screen = Terminal()
    call_command("candles", "fetch", "BTCUSDT", "--interval", "1h", "--from", since, stdout=screen, no_color=True)
    assert "100 %" in screen.getvalue()
    assert "[####" not in run("fetch", "ETHUSDT", "--interval", "1h", "--from", since)[1]
