"""Fetching candles: only what is missing, only what is over, and nothing is lost when it is stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from botbalance.lib.errors import Conflict, Invalid
from exchanges.candles import fetching, journal, keeping, store
from exchanges.candles.columns import CandleColumns
from exchanges.candles.fetching import FetchReport, Progress
from exchanges.domain import Candle
from exchanges.errors import Rejected, Throttled, Unavailable
from exchanges.tests.candle_scenes import DAY, HOUR, NOW, START, ListedExchange, candles, row

LONG = [row(number) for number in range(3500)]
END = START + 3500 * HOUR


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CANDLES_DIR = tmp_path
    return tmp_path


def fetch(exchange: ListedExchange, from_ms: int = START, to_ms: int | None = END, **options: Any) -> FetchReport:
    return fetching.fetch(exchange.source, "BTCUSDT", "1h", from_ms, to_ms, sleep=lambda seconds: None, **options)


def stored() -> CandleColumns:
    return store.load(["BTCUSDT"], "1h")["BTCUSDT"]


def test_a_time_is_fetched_page_by_page() -> None:
    exchange = ListedExchange(LONG)
    report = fetch(exchange)
    assert (report.pages, report.added, report.absent, report.problem) == (4, 3500, 0, "")
    assert list(stored().rows()) == LONG
    assert [start for start, _end in exchange.asked] == [START + 1000 * page * HOUR for page in range(4)]


def test_what_is_stored_is_not_asked_for_again() -> None:
    fetch(ListedExchange(LONG), START + 1000 * HOUR, START + 1500 * HOUR)
    exchange = ListedExchange(LONG)
    fetch(exchange, START, START + 1600 * HOUR)
    assert exchange.asked == [
        (START, START + 1000 * HOUR - 1),
        (START + 1500 * HOUR, START + 1600 * HOUR - 1),
    ]
    assert len(stored()) == 1600
    again = ListedExchange(LONG)
    assert fetch(again, START, START + 1600 * HOUR).pages == 0
    assert again.asked == []


def test_a_gap_of_the_exchange_is_remembered() -> None:
    rows = [one for number, one in enumerate(LONG) if not 1200 <= number < 1300]
    report = fetch(ListedExchange(rows))
    assert (report.absent, [gap.candles for gap in report.gaps]) == (100, [100])
    again = ListedExchange(rows)
    assert fetch(again).pages == 0
    assert again.asked == []


def test_the_time_before_a_listing_is_remembered() -> None:
    fetch(ListedExchange(LONG[500:]), START - 365 * DAY)
    again = ListedExchange(LONG)
    assert fetch(again, START - 365 * DAY).pages == 0
    assert len(fetch_again(again)) == 3500


def fetch_again(exchange: ListedExchange) -> CandleColumns:
    fetch(exchange, START - 365 * DAY, asks_again=True)
    return stored()


def test_a_symbol_that_the_exchange_has_no_candles_of_is_remembered_and_takes_imports() -> None:
    report = fetch(ListedExchange([]))
    assert (report.absent, report.stored) == (3500, 0)
    assert store.available() == []
    keeping.add(candles(range(5)), store.MARKET)
    assert len(stored()) == 5


def test_what_was_absent_a_moment_ago_is_asked_for_again() -> None:
    """An exchange may be late: only after a day is a candle taken for gone."""
    now = START + 100 * HOUR
    fetch(ListedExchange(LONG[:90], now_ms=now), to_ms=None)
    late = ListedExchange(LONG[:100], now_ms=now)
    assert fetch(late, to_ms=None).added == 10
    assert len(late.asked) == 1


def test_a_candle_that_is_not_over_is_not_stored() -> None:
    exchange = ListedExchange(LONG, now_ms=START + 10 * HOUR + HOUR // 2)
    report = fetch(exchange, to_ms=None)
    assert report.added == 10
    assert stored().end_ms == START + 10 * HOUR
    exchange.now_ms = START + 11 * HOUR
    assert fetch(exchange, to_ms=None).added == 1


class OnePageOfTime(ListedExchange):
    """Answers, as the paper exchange does, what it has in the time of one page."""

    def klines(
        self, symbol: str, interval: str, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> list[Candle]:
        assert start_ms is not None
        assert end_ms is not None
        return super().klines(symbol, interval, start_ms, min(end_ms, start_ms + limit * HOUR - 1), limit)


def test_an_exchange_whose_empty_answer_speaks_of_one_page_only() -> None:
    exchange = OnePageOfTime([*LONG[:10], *LONG[2500:]])
    source = fetching.CandleSource(exchange, "paper walk", ends_at_empty=False)  # type: ignore[arg-type]
    report = fetching.fetch(source, "BTCUSDT", "1h", START, END)
    assert (report.added, report.absent) == (1010, 2490)


# --- stopped -------------------------------------------------------------------------------------------------

FETCHER = """
import os, signal, sys, django
django.setup()
from exchanges.candles import fetching
from exchanges.tests.candle_scenes import ListedExchange, START, HOUR, row

def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)

exchange = ListedExchange([row(number) for number in range(3500)], before_answer=die)
fetching.fetch(exchange.source, "BTCUSDT", "1h", START, START + 3500 * HOUR)
"""


@pytest.mark.processes
def test_a_killed_fetch_goes_on_where_it_was(folder: Path) -> None:
    environment = {**os.environ, "CANDLES_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "botbalance.settings_test"}
    killed = subprocess.run(
        [sys.executable, "-c", FETCHER], env=environment, cwd=django_settings.BASE_DIR, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    exchange = ListedExchange(LONG)
    fetch(exchange)
    assert [start for start, _end in exchange.asked] == [START + 2000 * HOUR, START + 3000 * HOUR]
    assert list(stored().rows()) == LONG
    assert not keeping.journal_of("BTCUSDT", "1h").exists()


def raising(at: int, error: BaseException) -> Callable[[int], None]:
    def before(number: int) -> None:
        if number == at:
            raise error

    return before


@pytest.mark.parametrize("error", [Unavailable("gone"), Rejected("no"), KeyboardInterrupt()])
def test_what_arrived_before_it_ended_is_stored(error: BaseException) -> None:
    exchange = ListedExchange(LONG, before_answer=lambda number: raising(max(number, 3), error)(number))
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            fetch(exchange)
    else:
        report = fetch(exchange)
        assert (report.problem, report.added) == (str(error), 2000)
    assert list(stored().rows()) == LONG[:2000]


def test_a_disk_that_refuses_ends_the_fetch_with_a_sentence() -> None:
    keeping.journal_of("BTCUSDT", "1h").mkdir(parents=True)
    keeping.journal_of("BTCUSDT", "1h").rmdir()
    exchange = ListedExchange(LONG, before_answer=lambda number: keeping.journal_of("BTCUSDT", "1h").mkdir())
    report = fetch(exchange)
    assert report.problem == "What was received could not be written down: Is a directory."


def test_half_a_line_of_a_journal_is_no_candle(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with journal.Journal(path, store.MARKET) as pages:
        pages.add(candles(range(3)), [(START - HOUR, START)])
    whole = path.read_text()
    found = journal.read(path, "BTCUSDT", HOUR)
    assert found == (store.MARKET, candles(range(3)), [(START - HOUR, START)])
    for length in range(len(whole)):
        path.write_text(whole[:length])
        part = journal.read(path, "BTCUSDT", HOUR)
        assert part is None or part.columns == candles(range(len(part.columns)))
    path.write_text(whole.replace(str(START + HOUR), "nonsense"))
    part = journal.read(path, "BTCUSDT", HOUR)
    assert part is not None
    assert part.columns == candles([0])


def test_a_long_fetch_stores_now_and_then() -> None:
    seen: list[list[int]] = []
    exchange = ListedExchange(LONG, before_answer=lambda number: seen.append([one.rows for one in store.available()]))
    fetch(exchange, stored_every_rows=2000)
    assert seen == [[], [], [2000], [2000]]
    assert len(stored()) == 3500


# --- what an exchange may do ---------------------------------------------------------------------------------


def throttled(seconds: int, *, banned: bool = False) -> Throttled:
    error = Throttled("Slow down.")
    error.retry_after, error.banned = seconds, banned
    return error


def test_a_pause_that_is_asked_for_is_kept_and_said() -> None:
    naps: list[int] = []
    said: list[Progress] = []
    exchange = ListedExchange(LONG, before_answer=raising(2, throttled(7)))
    report = fetching.fetch(exchange.source, "BTCUSDT", "1h", START, END, tell=said.append, sleep=naps.append)
    assert (report.added, naps) == (3500, [7])
    assert [one.said for one in said if one.said] == ["Slow down. Going on in 7 seconds."]
    assert (said[-1].done, said[-1].total) == (3500, 3500)


def test_a_long_ban_is_not_waited_for() -> None:
    exchange = ListedExchange(LONG, before_answer=raising(2, throttled(7200, banned=True)))
    report = fetch(exchange)
    assert (report.problem, report.added) == ("Slow down.", 1000)


def test_an_exchange_that_is_away_for_a_moment_is_asked_again() -> None:
    naps: list[int] = []
    exchange = ListedExchange(LONG, before_answer=raising(2, Unavailable("gone")))
    fetching.fetch(exchange.source, "BTCUSDT", "1h", START, END, sleep=naps.append)
    assert naps == [2]
    assert len(stored()) == 3500


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(0), row(1)._replace(low=Decimal(0))], "The exchange's candle of 2024-01-01T01:00Z cannot be"),
        ([row(1), row(0)], "not ascending"),
        ([row(0)._replace(open_time_ms=START + 1)], "not whole multiples"),
    ],
)
def test_an_answer_that_cannot_be_is_not_stored(rows: list[Any], said: str) -> None:
    report = fetch(ListedExchange(rows))
    assert said in report.problem
    assert store.available() == []


def test_candles_of_another_time_are_not_stored() -> None:
    class Confused(ListedExchange):
        def klines(self, *args: Any, **options: Any) -> Any:
            return super().klines("BTCUSDT", "1h", START, START + HOUR, 10)

    report = fetch(Confused(LONG), START + 100 * HOUR)
    assert "candles of another time" in report.problem
    assert store.available() == []


# --- what it refuses -----------------------------------------------------------------------------------------


def test_two_fetches_of_one_symbol_do_not_run_at_once() -> None:
    with keeping.writing("BTCUSDT", "1h", what=keeping.FETCH), pytest.raises(Conflict, match="Another process"):
        fetch(ListedExchange(LONG))


def test_candles_of_a_simulation_are_not_continued_with_the_markets() -> None:
    keeping.add(candles(range(5)), "paper walk")
    exchange = ListedExchange(LONG)
    with pytest.raises(Conflict, match="they do not mix"):
        fetch(exchange)
    assert exchange.asked == []


@pytest.mark.parametrize(("symbol", "interval"), [("../x", "1h"), ("BTCUSDT", "1w")])
def test_names_that_cannot_be_are_refused(symbol: str, interval: str) -> None:
    with pytest.raises(Invalid):
        fetching.fetch(ListedExchange(LONG).source, symbol, interval, START, END)


def test_a_time_that_has_not_come_has_no_candles() -> None:
    exchange = ListedExchange(LONG)
    assert fetch(exchange, NOW + DAY, NOW + 2 * DAY).pages == 0
    assert exchange.asked == []
