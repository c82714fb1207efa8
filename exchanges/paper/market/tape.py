"""The public tape: one trade for each step of the path in which something was traded, and bars of any stretch of it.

A trade's id is the number of its step. Bars of closed minutes and hours are kept per process, as long as the operator's
controls over that stretch stay the same; everything else is made anew from the path.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from exchanges.paper.market.bars import TRADES, Bar, Bars, Ints, buyer_takes, salt_of
from exchanges.paper.market.base import Market
from exchanges.paper.market.controlled import ControlledMarket

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
_FRAMES = 12_000
"""Frames (an hour of minutes, a day of hours, a single hour) that a process keeps, about 3 KB each."""
SETTLED_MS = 5000
"""So long after its end a stretch is kept, and a source's own record of it relied on."""
_SCAN_STEPS = 1024
_MOST_SCAN_STEPS = 1 << 18

FrameKey = tuple[str, int, int, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class TapeTrade:
    """One public trade, at a price of so many ticks."""

    id: int
    ticks: int
    lots: int
    time_ms: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class Candle:
    """A bar with its time, [open_ms, close_ms). Without a trade it is flat at the price before it."""

    open_ms: int
    close_ms: int
    bar: Bar


class TapeUnknown(Exception):
    """The source of prices cannot say now what was traded."""


class _Frames:
    """What was made of one market's path, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[FrameKey, Bars] = OrderedDict()
        self._lock = Lock()

    def get(self, key: FrameKey, make: Callable[[], Bars]) -> Bars:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _FRAMES:
                self._kept.popitem(last=False)
        return made


_frames: WeakKeyDictionary[Market, _Frames] = WeakKeyDictionary()
_frames_lock = Lock()


class Tape:
    """The tape of `market` as it stands at `now_ms`. Times are wall milliseconds, stretches [begin, end).

    Everything raises TapeUnknown where the source of prices cannot be reached.
    """

    def __init__(self, market: ControlledMarket, now_ms: int) -> None:
        self.market = market
        self.now_ms = now_ms
        self._begin = market.begins_ms
        with _frames_lock:
            self._frames = _frames.setdefault(market.market, _Frames())

    # --- Trades ------------------------------------------------------------------------------------------

    def latest(self, symbol: str, limit: int, until_ms: int | None = None) -> list[TapeTrade]:
        """The newest trades up to and at `until_ms` (default: now), oldest first."""
        until = self.now_ms if until_ms is None else min(until_ms, self.now_ms)
        first, end = self._step(self._begin), self._step(until + 1)
        found: list[TapeTrade] = []
        size = max(limit, _SCAN_STEPS)
        while end > first and len(found) < limit:
            begin = max(first, end - size)
            found = self._trades(symbol, begin, end, slice(len(found) - limit, None)) + found
            end, size = begin, min(2 * size, _MOST_SCAN_STEPS)
        return found

    def following(
        self,
        symbol: str,
        limit: int,
        *,
        from_id: int | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[TapeTrade]:
        """The oldest trades from an id or a moment on, up to and at `until_ms` (None: now)."""
        until = self.now_ms if until_ms is None else min(until_ms, self.now_ms)
        begin, end = self._step(self._begin), self._step(until + 1)
        if from_id is not None:
            begin = max(begin, from_id)
        if since_ms is not None:
            begin = max(begin, self._step(since_ms))
        found: list[TapeTrade] = []
        size = max(limit, _SCAN_STEPS)
        while begin < end and len(found) < limit:
            stop = min(end, begin + size)
            found += self._trades(symbol, begin, stop, slice(limit - len(found)))
            begin, size = stop, min(2 * size, _MOST_SCAN_STEPS)
        return found

    def trade(self, symbol: str, trade_id: int) -> TapeTrade | None:
        """One trade; None when there is none of this id."""
        found = self.following(symbol, 1, from_id=trade_id) if trade_id >= 0 else []
        return found[0] if found and found[0].id == trade_id else None

    def _trades(self, symbol: str, first: int, end: int, wanted: slice) -> list[TapeTrade]:
        """Those of the steps first .. end - 1, of which only the wanted ones are made."""
        ticks, lots, before = self._path(symbol, first, end)
        takers = buyer_takes(first, ticks, before, salt_of(symbol))
        time_of = self.market.clock.wall_of
        return [
            TapeTrade(first + at, int(ticks[at]), int(lots[at]), time_of(first + at), not takers[at])
            for at in np.flatnonzero((ticks > 0) & (lots > 0))[wanted].tolist()
        ]

    # --- Bars --------------------------------------------------------------------------------------------

    def window(self, symbol: str, begin_ms: int, end_ms: int) -> Bar:
        """What was traded in [begin, end), of which only the past counts."""
        begin, end = max(begin_ms, self._begin), min(end_ms, self.now_ms + 1)
        if end - begin <= HOUR_MS:
            return self._cut(symbol, [begin, max(begin, end)]).total()
        minute, hour = -(-begin // MINUTE_MS) * MINUTE_MS, -(-begin // HOUR_MS) * HOUR_MS
        last_hour, last_minute = max(hour, end // HOUR_MS * HOUR_MS), end // MINUTE_MS * MINUTE_MS
        parts = [
            self._cut(symbol, [begin, minute]),
            self._rows(symbol, MINUTE_MS, minute, hour),
            self._rows(symbol, HOUR_MS, hour, last_hour),
            self._rows(symbol, MINUTE_MS, last_hour, max(last_hour, last_minute)),
            self._cut(symbol, [max(last_hour, last_minute), end]),
        ]
        return Bars.joined(parts).total()

    def candles(self, symbol: str, edges: Sequence[int]) -> list[Candle]:
        """A candle between each two neighbouring edges, from the first one with a price on, up to the running one."""
        if len(edges) < 2 or edges[0] > self.now_ms:
            return []
        unit = next((unit for unit in (HOUR_MS, MINUTE_MS) if all(edge % unit == 0 for edge in edges)), None)
        if unit is None:
            bars = self._cut(symbol, edges).rows()
        else:
            begin = max(edges[0], self._begin // unit * unit)
            rows = self._rows(symbol, unit, begin, max(begin, edges[-1]))
            cuts = [min(len(rows), max(0, (edge - begin) // unit)) for edge in edges]
            bars = rows.merged(cuts).rows()
        found = []
        close = None
        for bar, (opens, closes) in zip(bars, itertools.pairwise(edges), strict=True):
            if not bar.trades:
                if close is None:
                    close = self.last_before(symbol, opens)
                bar = Bar(close, close, close, close, 0, 0, 0, -1, -1, 0, 0)
            close = bar.close
            if close and opens <= self.now_ms:
                found.append(Candle(opens, closes, bar))
        return found

    def last_before(self, symbol: str, moment_ms: int) -> int:
        """The price of the last trade before a moment, in ticks; 0 when there was none since history began."""
        if moment_ms <= self._begin:
            return 0
        return int(self.market.last(symbol, min(moment_ms - 1, self.now_ms)) / self.market.symbols[symbol].tick)

    def _rows(self, symbol: str, unit: int, begin: int, end: int) -> Bars:
        """Bars of `unit` (a minute or an hour) from one whole unit to another; from now on they are empty."""
        if begin >= end:
            return Bars.empty(0)
        frame = HOUR_MS if unit == MINUTE_MS else DAY_MS
        known_end = min(end, -(-(self.now_ms + 1) // unit) * unit)
        parts = []
        for start in range(begin // frame * frame, known_end, frame):
            bars = self._frame(symbol, unit, start)
            parts.append(bars.part(max(0, begin - start) // unit, min(frame, known_end - start) // unit))
        parts.append(Bars.empty((end - max(begin, known_end)) // unit))
        return Bars.joined(parts)

    def _frame(self, symbol: str, unit: int, start: int) -> Bars:
        """An hour of minutes or a day of hours; one that is not over ends with the running minute or hour."""
        count = 60 if unit == MINUTE_MS else 24
        edges = [start + number * unit for number in range(count + 1)]
        if edges[-1] + SETTLED_MS <= self.now_ms:
            return self._kept(symbol, unit, start, edges[-1], lambda: self._closed(symbol, unit, edges))
        running = min(count, -(-(self.now_ms + 1 - start) // unit))
        settled = max(0, self.now_ms - SETTLED_MS - start) // unit
        recorded = self.market.recorded(symbol, start, unit, settled)
        parts = [] if recorded is None else [recorded]
        edges = edges[0 if recorded is None else settled : running + 1]
        if unit == MINUTE_MS:
            return Bars.joined([*parts, self._cut(symbol, edges)])
        return Bars.joined([*parts, *(self._hour(symbol, edge) for edge in edges[:-1])])

    def _hour(self, symbol: str, start: int) -> Bars:
        def make() -> Bars:
            minutes = self._frame(symbol, MINUTE_MS, start)
            return minutes.merged((0, len(minutes)))

        end = start + HOUR_MS
        return self._kept(symbol, 0, start, end, make) if end + SETTLED_MS <= self.now_ms else make()

    def _kept(self, symbol: str, kind: int, start: int, end: int, make: Callable[[], Bars]) -> Bars:
        spec = self.market.symbols[symbol]
        revision = (spec.tick, spec.step, self.market.revision(symbol, end))
        return self._frames.get((symbol, kind, start, revision), make)

    def _closed(self, symbol: str, unit: int, edges: Sequence[int]) -> Bars:
        recorded = self.market.recorded(symbol, edges[0], unit, len(edges) - 1)
        return self._cut(symbol, edges) if recorded is None else recorded

    def _cut(self, symbol: str, edges: Sequence[int]) -> Bars:
        """Bars straight from the path."""
        steps = [self._step(min(max(edge, self._begin), self.now_ms + 1)) for edge in edges]
        ticks, lots, before = self._path(symbol, steps[0], steps[-1])
        return Bars.of_path(steps[0], ticks, lots, before, steps, salt_of(symbol))

    # --- Steps -------------------------------------------------------------------------------------------

    def _step(self, moment_ms: int) -> int:
        """The first step at or after a moment."""
        return self.market.clock.step_at(moment_ms - 1) + 1

    def _path(self, symbol: str, first: int, end: int) -> tuple[Ints, Ints, int]:
        """Ticks and lots of the steps first .. end - 1, and the ticks of the step before them."""
        if end <= first:
            none = Bars.empty(0).data[TRADES]
            return none, none, 0
        clock = self.market.clock
        path = self.market.path(symbol, clock.wall_of(first - 1) - 1, clock.wall_of(end - 1))
        if not path.known:
            raise TapeUnknown(symbol)
        begin = first - path.first_step
        stop = begin + end - first
        return path.ticks[begin:stop], path.lots[begin:stop], int(path.ticks[begin - 1])
