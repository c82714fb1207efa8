"""Fetching candles from an exchange, page by page, only those that are missing, and only those that are over.

What arrives is written down at once (see exchanges.candles.journal) and added to the stored candles every now and then,
so that a fetch that is stopped or killed goes on where it was. Stretches in which the exchange has no candles are
remembered with the candles, and not asked for again.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from django.utils.translation import gettext as _

from exchanges.adapters.base import ExchangeAdapter
from exchanges.candles import journal, keeping, store
from exchanges.candles.columns import CandleColumns, Gap
from exchanges.candles.intervals import DAY_MS, LENGTHS_MS
from exchanges.candles.keeping import Stretch
from exchanges.candles.moments import written
from exchanges.candles.numbers import CandleError
from exchanges.domain import Candle
from exchanges.errors import ExchangeError, Throttled, Unavailable

T = TypeVar("T")

PAGE = 1000
STORED_EVERY_ROWS = 200_000
REMEMBERED_AFTER_MS = DAY_MS
"""An exchange may be late with its newest candles: only what has been absent for so long is taken for gone."""
LONGEST_PAUSE_SECONDS = 15 * 60
MOST_PAUSES_IN_A_ROW = 30
UNAVAILABLE_PAUSES_SECONDS = (2, 5, 15, 30)


@dataclass(frozen=True, slots=True)
class CandleSource:
    """Where candles come from. `name` is what they are stored as (see exchanges.candles.store.MARKET).

    `ends_at_empty`: an empty answer means that there is nothing more up to the end that was asked for; else it speaks
    of one page's time only.
    """

    adapter: ExchangeAdapter
    name: str
    ends_at_empty: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is, in candles of the time that was missing; `said` where it has something to say besides."""

    symbol: str
    interval: str
    done: int
    total: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a fetch has done. `problem` is empty, or says why it ended early; what it had received is stored."""

    symbol: str
    interval: str
    source: str
    pages: int = 0
    added: int = 0
    absent: int = 0  # candles that were asked for and that the exchange does not have
    stored: int = 0
    from_ms: int = 0
    to_ms: int = 0
    gaps: tuple[Gap, ...] = ()
    problem: str = ""


Tell = Callable[[Progress], None]


def fetch(
    source: CandleSource,
    symbol: str,
    interval: str,
    from_ms: int,
    to_ms: int | None = None,
    *,
    asks_again: bool = False,
    stored_every_rows: int = STORED_EVERY_ROWS,
    tell: Tell = lambda progress: None,
    sleep: Callable[[int], None] = time.sleep,
) -> FetchReport:
    """Store the candles that open in [from_ms, to_ms), UTC ms, and are over by the exchange's clock.

    Never raises what an exchange can cause: that is the report's problem. `asks_again` forgets which stretches the
    exchange had no candles in. Invalid for names that cannot be, Conflict for a fetch of the same that is running, for
    stored candles of another source, and for a disk that refuses.
    """
    symbol, length = store.checked_symbol(symbol), LENGTHS_MS[store.checked_interval(interval)]
    with keeping.writing(symbol, interval, what=keeping.FETCH, wait_seconds=0):
        _take_over(symbol, interval, length)
        keeping.check_source(symbol, interval, source.name)
        if asks_again:
            keeping.forget_absent(symbol, interval)
        work = _Fetch(source, symbol, interval, length, stored_every_rows, tell, sleep)
        problem = ""
        with journal.Journal(keeping.journal_of(symbol, interval), source.name) as pages:
            try:
                work.run(pages, from_ms, to_ms)
            except (ExchangeError, CandleError) as error:
                problem = str(error)
            except OSError as error:  # of the disk: what a network can cause is an ExchangeError
                problem = _("What was received could not be written down: %(reason)s.") % {"reason": error.strerror}
            finally:
                work.add(pages)
        return work.report(problem)


def _take_over(symbol: str, interval: str, length: int) -> None:
    """Store what a fetch that was killed had received."""
    path = keeping.journal_of(symbol, interval)
    found = journal.read(path, symbol, length)
    if found is not None:
        keeping.add(found.columns, found.source, found.absent)
    path.unlink(missing_ok=True)


@dataclass(slots=True)
class _Fetch:
    source: CandleSource
    symbol: str
    interval: str
    length: int
    stored_every_rows: int
    tell: Tell
    sleep: Callable[[int], None]
    pages: int = 0
    added: int = 0
    absent: int = 0
    _done: int = 0
    _total: int = 0
    _received: list[CandleColumns] = field(default_factory=list)
    _absent: list[Stretch] = field(default_factory=list)

    def run(self, pages: journal.Journal, from_ms: int, to_ms: int | None) -> None:
        now = self._patiently(self.source.adapter.server_time)
        begins = -(-from_ms // self.length) * self.length
        over = now // self.length * self.length  # what opens before has ended
        ends = over if to_ms is None else min(over, -(-to_ms // self.length) * self.length)
        missing = self._missing(begins, ends)
        self._total = sum(end - start for start, end in missing) // self.length
        self._say()
        for start, end in missing:
            while start < end:
                page, known_to = self._page(start, end)
                nothing = keeping.cut([(start, known_to)], keeping.covered(page))
                settled = now - REMEMBERED_AFTER_MS
                gone = [(first, min(last, settled // self.length * self.length)) for first, last in nothing]
                gone = keeping.merged(gone)
                pages.add(page, gone)
                self.pages += 1
                self.absent += sum(last - first for first, last in nothing) // self.length
                self._received.append(page)
                self._absent += gone
                self._done += (known_to - start) // self.length
                self._say()
                start = known_to
                if sum(map(len, self._received)) >= self.stored_every_rows:
                    self.add(pages)

    def _missing(self, begins: int, ends: int) -> list[Stretch]:
        """The stretches of it that are neither stored nor known to be absent."""
        if begins >= ends:
            return []
        found = store.read(self.symbol, self.interval)
        if found is None or found[1].source != self.source.name:
            return [(begins, ends)]
        return keeping.cut([(begins, ends)], [*keeping.covered(found[0]), *found[1].absent])

    def _page(self, start: int, end: int) -> tuple[CandleColumns, int]:
        """The next candles from `start` on, and up to when everything there is has been told."""
        candles = self._patiently(
            lambda: self.source.adapter.klines(self.symbol, self.interval, start_ms=start, end_ms=end - 1, limit=PAGE)
        )
        page = self._believed(candles, start, end)
        if len(page):
            return page, page.end_ms
        return page, end if self.source.ends_at_empty else min(end, start + PAGE * self.length)

    def _believed(self, candles: list[Candle], start: int, end: int) -> CandleColumns:
        """The page as columns, where it answers the question and its candles can be."""
        page = CandleColumns.from_rows(
            self.symbol,
            self.length,
            ((row.open_time_ms, row.open, row.high, row.low, row.close, row.volume) for row in candles),
        )
        problems = page.problems()
        if problems:
            raise CandleError(
                _("The exchange's candle of %(at)s cannot be: %(reason)s. Nothing of that page was stored.")
                % {"at": written(int(page.open_time_ms[problems[0].position])), "reason": problems[0].reason}
            )
        if len(page) and not (start <= int(page.open_time_ms[0]) and page.end_ms <= end):
            raise CandleError(_("The exchange answered with candles of another time. Nothing of them was stored."))
        return page

    def _patiently(self, ask: Callable[[], T]) -> T:
        """The answer, after as many pauses as the exchange asks for, and some when it does not answer."""
        pauses = iter(UNAVAILABLE_PAUSES_SECONDS)
        for _number in range(MOST_PAUSES_IN_A_ROW):
            try:
                return ask()
            except Throttled as error:
                seconds = max(1, math.ceil(error.retry_after))
                if seconds > LONGEST_PAUSE_SECONDS:
                    raise
                self._pause(error, seconds)
            except Unavailable as error:
                pause = next(pauses, None)
                if pause is None or error.not_before_ms:
                    raise
                self._pause(error, pause)
        return ask()

    def _pause(self, error: ExchangeError, seconds: int) -> None:
        self._say(_("%(why)s Going on in %(seconds)s seconds.") % {"why": error.message, "seconds": seconds})
        self.sleep(seconds)

    def report(self, problem: str) -> FetchReport:
        """What has been done, and what is stored now."""
        done = FetchReport(
            self.symbol,
            self.interval,
            self.source.name,
            pages=self.pages,
            added=self.added,
            absent=self.absent,
            problem=problem,
        )
        found = store.read(self.symbol, self.interval)
        if found is None or not len(found[0]):
            return done
        columns = found[0]
        return replace(
            done,
            stored=len(columns),
            from_ms=int(columns.open_time_ms[0]),
            to_ms=columns.end_ms,
            gaps=tuple(columns.gaps()),
        )

    def _say(self, said: str = "") -> None:
        self.tell(Progress(self.symbol, self.interval, self._done, self._total, said))

    def add(self, pages: journal.Journal) -> None:
        """Add what was received to the stored candles; then the journal of it is not needed any more."""
        if self._received:
            whole, _changed = keeping.together(self._received)
            kept = keeping.add(whole, self.source.name, self._absent)
            self.added += kept.added
            self._received.clear()
            self._absent.clear()
        pages.forget()
