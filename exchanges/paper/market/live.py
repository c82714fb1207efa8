"""The market of a live exchange's public data, and the walk where that cannot be reached.

Books and last prices are those of this second. What is traded is the host's closed one-second candles, three seconds
later, so that every candle is final before it is used and every process plays the same: each second in four steps,
open, the nearer extreme, the other one, close, with a quarter of the volume each. Of a stretch longer than an hour the
older part is played from one-minute candles in the same way. Candles of closed minutes and hours, and the last 24
hours, are the host's own record.

Live and walked prices never mix silently: `Source` decides, alike for all processes, and between the two there is a
time without prices. What was traded in an outage that led to the walk fills no order, also not later; after a shorter
one its candles are played late.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from django.utils.translation import gettext as _

from exchanges.paper.market import live_host
from exchanges.paper.market.bars import (
    CLOSE,
    COLUMNS,
    FIRST,
    HIGH,
    LAST,
    LOTS,
    LOW,
    OPEN,
    QUOTE,
    TAKER_LOTS,
    TAKER_QUOTE,
    TRADES,
    Bar,
    Bars,
    Ints,
)
from exchanges.paper.market.base import AVERAGE_MS, Day, Depth, MarketClock, Path, Quote, average_of
from exchanges.paper.market.live_host import Best, HostFailure, LiveHost
from exchanges.paper.market.live_source import LIVE, PROBE_MS, WALK, SharedMemory, Source
from exchanges.paper.market.walk import WalkMarket
from exchanges.paper.symbols import SYMBOLS, SymbolSpec

if TYPE_CHECKING:
    from exchanges.ledger.services import Ledger

logger = logging.getLogger(__name__)

LAG_MS = 3000
STEP_MS = 250
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
_FINE_MS = HOUR_MS
"""So much of the end of a path is played from seconds, the rest from minutes."""
_NOW_MS = 5000
"""What is asked about a moment not older than this is answered with the present."""
_RULES_KEY = "paper-live:rules"
_TOLD_MS = HOUR_MS
"""So long the description tells of a switch back to live prices."""


class LiveMarket:
    """Prices of the host at `url`, else of the walk of `seed`. `memory` is shared by all processes."""

    is_remote = True

    def __init__(
        self,
        url: str,
        seed: int,
        memory: SharedMemory,
        now_ms: Callable[[], int],
        ledger: "Callable[[], Ledger] | None" = None,
    ) -> None:
        self._now_ms = now_ms
        self._memory = memory
        self._walk = WalkMarket(seed)
        self._source = Source(memory, now_ms, self._walk.description)
        self._host = LiveHost(url, now_ms, self._source.report, ledger)
        self._seed = seed
        self.clock = MarketClock(LAG_MS, Fraction(1), STEP_MS, 0)
        self.begins_ms = self._walk.begins_ms
        self._symbols: Mapping[str, SymbolSpec] = SYMBOLS
        self._probed_ms = 0
        # What other processes have learned: the walk must have the same ticks and lots in all of them.
        known = memory.get(_RULES_KEY)
        if isinstance(known, dict):
            self._use(known)

    @property
    def description(self) -> str:
        self._look(self._now_ms())
        now = self._now_ms()  # after the look, which takes a while and may have found that nobody answers
        source = self._source.at(now)
        if source == WALK:
            return _("%(walk)s (live prices cannot be reached)") % {"walk": self._walk.description}
        if source != LIVE:
            return _("no prices (live prices cannot be reached)")
        newest = next(switch for switch in reversed(self._source.switches()) if switch.since_ms <= now)
        if newest.since_ms > 0 and now - newest.since_ms < _TOLD_MS:
            since = f"{datetime.fromtimestamp(newest.since_ms // 1000, UTC):%H:%M}"
            walk = self._walk.description
            return _("live prices (since %(time)s UTC; %(walk)s before)") % {"time": since, "walk": walk}
        return _("live prices")

    @property
    def symbols(self) -> Mapping[str, SymbolSpec]:
        """Our symbols that trade at the host, with its numbers; before it was ever reached, our own table."""
        self._look(self._now_ms())
        return self._symbols

    def status(self, symbol: str, wall_ms: int) -> str:
        return "TRADING" if self.quote(symbol, wall_ms).bid else "BREAK"

    def quote(self, symbol: str, wall_ms: int) -> Quote:
        self._look(self._now_ms())
        source = self._source.at(wall_ms)
        if source == WALK:
            return self._walk.quote(symbol, wall_ms)
        zero = Decimal(0)
        if self._now_ms() - wall_ms <= _NOW_MS:
            best = self._best(symbol) if source == LIVE else None
            if best is not None and 0 < best.bid < best.ask:
                last = best.last or best.bid
                return Quote(symbol, last, best.bid, best.bid_quantity, best.ask, best.ask_quantity)
            last = self._host.last_known(symbol)
        else:
            last = self._last_traded(symbol, wall_ms)
        return Quote(symbol, last, zero, zero, zero, zero)

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        self._look(self._now_ms())
        source = self._source.at(wall_ms)
        if source == WALK:
            return self._walk.depth(symbol, wall_ms)
        if source == LIVE and self._now_ms() - wall_ms <= _NOW_MS:
            try:
                book = self._host.book(symbol)
                return Depth(book.number, book.bids, book.asks)
            except HostFailure:
                pass  # reported to the source; without an answer there is no book
        return Depth(self.clock.step_at(wall_ms), (), ())

    def average(self, symbol: str, wall_ms: int) -> Decimal:
        path = self.path(symbol, wall_ms - AVERAGE_MS, wall_ms)
        if path.lots.any():
            return average_of(path, Decimal(0))
        return self.quote(symbol, wall_ms).last

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        self._look(self._now_ms())
        first, end = self.clock.step_at(after_ms) + 1, self.clock.step_at(until_ms) + 1
        count = max(0, end - first)
        ticks, lots = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        known = True
        for begin_ms, stop_ms, source in self._stretches(after_ms + 1, until_ms + 1):
            begin, stop = self._first_step(begin_ms) - first, self._first_step(stop_ms) - first
            part = ticks[begin:stop], lots[begin:stop]
            if source == WALK:
                self._walked(symbol, begin_ms, stop_ms, begin + first, *part)
            elif source == LIVE:
                known &= self._played(symbol, begin + first, end, *part)
        return Path(self.clock, first, ticks, lots, self.symbols[symbol].tick, known=known)

    def recorded(self, symbol: str, begin_ms: int, unit_ms: int, count: int) -> Bars | None:
        end_ms = begin_ms + count * unit_ms
        sources = {source for _begin, _end, source in self._stretches(begin_ms, end_ms)}
        if sources != {LIVE} or self._now_ms() - end_ms < LAG_MS:
            return None
        begin = begin_ms // unit_ms
        try:
            rows = self._host.candles(self.symbols[symbol], unit_ms, begin, begin + count)
        except HostFailure:
            return None
        traded = rows[:, live_host.TRADES] > 0
        data = np.zeros((COLUMNS, count), dtype=np.int64)
        for column, field in _FIELDS.items():
            data[column] = np.where(traded, rows[:, field], 0)
        # The host numbers its trades otherwise: the ids are those that the stretch has on our tape.
        edges = np.array([self._first_step(begin_ms + number * unit_ms) for number in range(count + 1)])
        data[FIRST] = np.where(traded, edges[:-1], -1)
        data[LAST] = np.where(traded, edges[1:] - 1, -1)
        return Bars(data)

    def day(self, symbol: str, wall_ms: int) -> Day | None:
        sources = {source for _begin, _end, source in self._stretches(wall_ms - DAY_MS, wall_ms + 1)}
        if sources != {LIVE}:
            return None
        try:
            row = self._host.days().get(symbol)
        except HostFailure:
            return None
        if row is None:
            return None
        spec = self.symbols[symbol]
        unit = spec.tick * spec.step
        opened, high, low, last_price = (int(price / spec.tick) for price in (row.open, row.high, row.low, row.last))
        volume, quote, trades = int(row.volume / spec.step), int(row.quote_volume / unit), int(row.trades)
        first, last = self._first_step(wall_ms - DAY_MS), self.clock.step_at(wall_ms)
        if not trades:
            first = last = -1
        bar = Bar(opened, high, low, last_price, volume, quote, trades, first, last, 0, 0)
        return Day(bar, int(row.previous_close / spec.tick), int(row.last_quantity / spec.step))

    # --- What the host is asked for its own sake ---------------------------------------------------------

    def _look(self, now: int) -> None:
        """Learn the rules once an hour; while the walk rules, see now and then whether the host is back."""
        try:
            if self._source.switches()[-1].source == LIVE:
                if self._source.fails():
                    self._host.best()  # nobody else asks while there are no prices
                self._use(self._host.rules(SYMBOLS))
            elif not 0 <= now - self._probed_ms < PROBE_MS:
                self._probed_ms = now
                if self._source.may_probe():
                    self._host.best()
        except HostFailure:
            return  # reported to the source; the rules known so far hold

    def _use(self, rules: dict[str, SymbolSpec]) -> None:
        if not rules or rules == self._symbols:
            return
        self._symbols = rules
        self._walk = WalkMarket(self._seed, symbols=rules)
        if self._memory.get(_RULES_KEY) != rules:
            self._memory.set(_RULES_KEY, rules, None)

    # --- Paths -------------------------------------------------------------------------------------------

    def _first_step(self, moment_ms: int) -> int:
        return self.clock.step_at(moment_ms - 1) + 1

    def _stretches(self, begin_ms: int, end_ms: int) -> Iterator[tuple[int, int, str]]:
        """[begin, end) cut at every switch."""
        switches = self._source.switches()
        for number, switch in enumerate(switches):
            begin = max(begin_ms, switch.since_ms)
            end = min(end_ms, switches[number + 1].since_ms) if number + 1 < len(switches) else end_ms
            if begin < end:
                yield begin, end, switch.source

    def _walked(self, symbol: str, begin_ms: int, end_ms: int, first: int, ticks: Ints, lots: Ints) -> None:
        """A step of the walk is played in the step of ours that has come when it comes."""
        path = self._walk.path(symbol, begin_ms - 1, end_ms - 1)
        for index in range(len(path)):
            place = self.clock.step_at(path.clock.wall_of(path.first_step + index)) - first
            if 0 <= place < len(ticks):
                ticks[place], lots[place] = path.ticks[index], path.lots[index]

    def _played(self, symbol: str, first: int, whole_end: int, ticks: Ints, lots: Ints) -> bool:
        """Candles into steps from `first` on: minutes up to an hour before the whole path's end, then seconds.

        False where they cannot be had.
        """
        spec, end = self.symbols[symbol], first + len(ticks)
        minute_steps = MINUTE_MS // STEP_MS
        cut = max(first, (whole_end - _FINE_MS // STEP_MS) // minute_steps * minute_steps)
        try:
            for unit_ms, begin, stop in ((MINUTE_MS, first, min(cut, end)), (SECOND_MS, cut, end)):
                if begin >= stop:
                    continue
                steps = unit_ms // STEP_MS
                number, last = begin // steps, -(-stop // steps)
                rows = self._host.candles(spec, unit_ms, number, last)
                played = _turns(rows, steps)
                inner = begin - number * steps
                for target, source in zip((ticks, lots), played, strict=True):
                    target[begin - first : stop - first] = source[inner : inner + stop - begin]
        except HostFailure as failure:
            if failure.asked:
                logger.warning("%s: what was traded at the live exchange is not known here (%s)", symbol, failure)
            ticks[:] = lots[:] = 0
            return False
        return True

    def _best(self, symbol: str) -> Best | None:
        try:
            return self._host.best().get(symbol)
        except HostFailure:
            return None  # reported to the source; without an answer there is no market

    def _last_traded(self, symbol: str, wall_ms: int) -> Decimal:
        """The newest price of the last minutes' candles; 0 where they have none."""
        path = self.path(symbol, wall_ms - AVERAGE_MS, wall_ms)
        priced = np.flatnonzero(path.ticks)
        return int(path.ticks[priced[-1]]) * path.unit if len(priced) else Decimal(0)


_FIELDS = {
    OPEN: live_host.OPEN,
    HIGH: live_host.HIGH,
    LOW: live_host.LOW,
    CLOSE: live_host.CLOSE,
    LOTS: live_host.LOTS,
    QUOTE: live_host.QUOTE,
    TRADES: live_host.TRADES,
    TAKER_LOTS: live_host.TAKER_LOTS,
    TAKER_QUOTE: live_host.TAKER_QUOTE,
}


def _turns(rows: Ints, steps: int) -> tuple[Ints, Ints]:
    """Each candle as four trades, spread over its `steps` steps; in the others there is none."""
    opened, high, low, close = (
        rows[:, field] for field in (live_host.OPEN, live_host.HIGH, live_host.LOW, live_host.CLOSE)
    )
    up_first = high - opened <= opened - low
    prices = np.stack([opened, np.where(up_first, high, low), np.where(up_first, low, high), close], axis=1)
    whole = rows[:, live_host.LOTS, None]
    quarters = np.arange(5)
    parts = np.diff(whole * quarters // 4, axis=1)
    ticks, lots = (np.zeros((len(rows), steps), dtype=np.int64) for _number in range(2))
    places = np.arange(4) * (steps // 4)
    ticks[:, places], lots[:, places] = prices, parts
    return ticks.reshape(-1), lots.reshape(-1)
