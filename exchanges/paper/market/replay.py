"""Candle files played again: inside a candle the price goes from open to the nearer extreme, to the other, to close.

A directory holds gzip CSV files `open_time,open,high,low,close,volume`; the symbol is the file name up to the first dot
or underscore. All files have one candle length; a candle is played in 60 steps. Missing candles are gaps: no price,
and the symbol is in BREAK. A symbol without a row in symbols.py gets its tick from the decimals of its prices and a lot
step worth at most a tenth of a unit of its quote; a file name that ends in no known quote asset is skipped and named in
`skipped`. Prices of the past can be finer than today's tick: then the finer tick holds, so that highs and lows are
exact.
"""

import gzip
import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import NDArray

from exchanges.paper.market.bars import Bars, Ints
from exchanges.paper.market.base import (
    AVERAGE_MS,
    LEVEL_SECONDS,
    Day,
    Depth,
    MarketClock,
    Path,
    Quote,
    average_of,
    book_noise,
    make_depth,
    make_quote,
)
from exchanges.paper.symbols import SYMBOLS, SymbolSpec, split_symbol

STEPS = 60
"""Steps of one candle."""
_TURNS = (0, 20, 40, STEPS - 1)  # where the path is at the open, the first extreme, the other one, and the close


class _Candles:
    """One symbol's candles on the common grid: a column per candle, 0 where there is none."""

    def __init__(self, spec: SymbolSpec, turns: Ints, lots: Ints) -> None:
        self.spec = spec
        self.turns = turns  # (candles, 4) ticks at _TURNS
        self.lots = lots  # (candles,)
        traded = lots[lots > 0]
        self.usual_lots = float(np.median(traded)) if len(traded) else 0.0


class ReplayMarket:
    """Candles of `directory`, from `start_ms` (market time; default the first candle) at wall time `epoch_ms` on."""

    is_remote = False

    def __init__(
        self,
        directory: FilePath,
        *,
        epoch_ms: int,
        start_ms: int | None = None,
        speed: Fraction | Decimal | int = 1,
        symbols: Mapping[str, SymbolSpec] = SYMBOLS,
    ) -> None:
        self.speed = Fraction(speed)
        if self.speed <= 0:
            raise ValueError("the speed of a market must be greater than 0")
        tables, self.skipped = _read(directory)
        if not tables:
            raise ValueError(f"no candle file (*.csv.gz) with a known quote asset in {directory}")
        self.interval_ms = _interval(tables)
        first = min(int(table[0, 0]) for table in tables.values())
        last = max(int(table[-1, 0]) for table in tables.values())
        self.first_ms, self.end_ms = first, last + self.interval_ms
        self._candles_count = (self.end_ms - first) // self.interval_ms
        self._total = self._candles_count * STEPS
        self._candles = {
            name: _prepare(name, table, symbols.get(name), first, self.interval_ms, self._candles_count)
            for name, table in tables.items()
        }
        self.symbols: Mapping[str, SymbolSpec] = {name: candles.spec for name, candles in self._candles.items()}
        self.start_ms = first if start_ms is None else start_ms
        if not self.first_ms <= self.start_ms < self.end_ms:
            raise ValueError(f"the replay starts at {self.start_ms}, outside the data ({first} .. {self.end_ms})")
        self._directory = directory
        self._step_ms = self.interval_ms // STEPS
        self.clock = MarketClock(epoch_ms, self.speed, self._step_ms, self.start_ms - first)
        self.begins_ms = epoch_ms

    @property
    def description(self) -> str:
        return f"replay {self._directory.name} x{float(self.speed):g}"

    def market_ms(self, wall_ms: int) -> int:
        """The moment of the past that is played at this wall time, to the step."""
        return self.first_ms + (self.clock.step_at(wall_ms) % self._total) * self._step_ms

    def status(self, symbol: str, wall_ms: int) -> str:
        return "TRADING" if self._ticks_at(symbol, wall_ms) else "BREAK"

    def quote(self, symbol: str, wall_ms: int) -> Quote:
        candles = self._candles[symbol]
        step = self.clock.step_at(wall_ms)
        ticks, last = self._ticks_at(symbol, wall_ms), self._last_traded(candles, step)
        return make_quote(candles.spec, last, ticks, self._level_lots(candles, step), book_noise(0, symbol, step))

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        candles = self._candles[symbol]
        step = self.clock.step_at(wall_ms)
        ticks = self._ticks_at(symbol, wall_ms)
        return make_depth(candles.spec, step, ticks, self._level_lots(candles, step), book_noise(0, symbol, step))

    def average(self, symbol: str, wall_ms: int) -> Decimal:
        after = max(wall_ms - AVERAGE_MS, self.begins_ms - 1)
        return average_of(self.path(symbol, after, wall_ms), self.quote(symbol, wall_ms).last)

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        candles = self._candles[symbol]
        first, end = self.clock.step_at(after_ms) + 1, self.clock.step_at(until_ms) + 1
        ticks, lots = self._slice(candles, first, max(first, end))
        return Path(self.clock, first, ticks, lots, candles.spec.tick)

    def recorded(self, symbol: str, begin_ms: int, unit_ms: int, count: int) -> Bars | None:
        return None

    def day(self, symbol: str, wall_ms: int) -> Day | None:
        return None

    # --- candles to steps --------------------------------------------------------------------------------

    def _ticks_at(self, symbol: str, wall_ms: int) -> int:
        step = self.clock.step_at(wall_ms)
        return int(self._slice(self._candles[symbol], step, step + 1)[0][0])

    def _slice(self, candles: _Candles, first: int, end: int) -> tuple[Ints, Ints]:
        """Ticks and lots of the steps first .. end - 1; the data begins again after its end."""
        local = np.arange(first, end, dtype=np.int64) % self._total
        number, inner = local // STEPS, local % STEPS
        turns = candles.turns[number]
        leg = np.searchsorted(np.array(_TURNS[1:-1]), inner, side="right")
        begin, length = np.array(_TURNS)[leg], np.diff(np.array(_TURNS))[leg]
        rows = np.arange(len(local))
        here, there = turns[rows, leg], turns[rows, leg + 1]
        ticks: Ints = here + np.rint((there - here) * ((inner - begin) / length)).astype(np.int64)
        # Volume is spread evenly and adds up to the candle's to the lot.
        whole = candles.lots[number]
        lots: Ints = whole * (inner + 1) // STEPS - whole * inner // STEPS
        return ticks, lots

    def _level_lots(self, candles: _Candles, step: int) -> int:
        """What a level of the book usually holds: by this candle's volume, at least a tenth of the median one's."""
        volume = float(candles.lots[(step % self._total) // STEPS])
        if volume == 0:
            return 0
        per_second = max(volume, candles.usual_lots / 10) / (self.interval_ms / 1000)
        return max(1, int(per_second * LEVEL_SECONDS))

    def _last_traded(self, candles: _Candles, step: int) -> int:
        """The price of the newest step up to this one in which something was traded; 0 before the first one."""
        number = step // STEPS
        ticks, lots = self._slice(candles, number * STEPS, step + 1)
        traded = np.flatnonzero(lots)
        if len(traded):
            return int(ticks[traded[-1]])
        # The last step of a candle always has a lot of it, so that its price is the close.
        local = number % self._candles_count
        earlier = np.flatnonzero(candles.lots[:local])
        if not len(earlier) and number >= self._candles_count:
            earlier = np.flatnonzero(candles.lots)
        return int(candles.turns[earlier[-1], 3]) if len(earlier) else 0


def _read(directory: FilePath) -> tuple[dict[str, NDArray[np.float64]], list[str]]:
    if not directory.is_dir():
        raise ValueError(f"the replay directory {directory} does not exist")
    tables: dict[str, NDArray[np.float64]] = {}
    skipped: list[str] = []
    for file in sorted(directory.glob("*.csv.gz")):
        name = file.name.split(".")[0].split("_")[0]
        if name in tables:
            raise ValueError(f"two candle files for {name} in {directory}")
        if split_symbol(name) is None:
            skipped.append(name)
            continue
        with gzip.open(file, "rt") as lines:
            table = np.loadtxt(lines, delimiter=",", skiprows=1, usecols=range(6), ndmin=2)
        if len(table):
            tables[name] = table[np.argsort(table[:, 0], kind="stable")]
    return tables, skipped


def _interval(tables: Mapping[str, NDArray[np.float64]]) -> int:
    """The common candle length in ms: the most frequent distance of two candles."""
    found = set()
    for table in tables.values():
        if len(table) > 1:
            lengths, counts = np.unique(np.diff(table[:, 0]), return_counts=True)
            found.add(int(lengths[np.argmax(counts)]))
    if len(found) != 1:
        raise ValueError(f"candle files of one directory must have one candle length; found {sorted(found)} ms")
    interval = found.pop()
    if interval % STEPS:
        raise ValueError(f"a candle of {interval} ms cannot be played in {STEPS} steps")
    return interval


def _prepare(
    name: str, table: NDArray[np.float64], spec: SymbolSpec | None, first: int, interval: int, count: int
) -> _Candles:
    prices = table[:, 1:5]
    places = _decimals(prices)
    spec = _derived(name, float(table[-1, 4]), places) if spec is None else spec
    finest = Decimal(1).scaleb(-places)
    spec = replace(
        spec,
        tick=min(spec.tick, finest),
        max_price=max(spec.max_price, Decimal(math.ceil(float(prices.max()))) * 10),
    )
    ticks = np.rint(prices / float(spec.tick)).astype(np.int64)
    opened, high, low, close = ticks.T
    # The nearer extreme comes first.
    up_first = (high - opened) <= (opened - low)
    turns = np.stack([opened, np.where(up_first, high, low), np.where(up_first, low, high), close], axis=1)
    number = ((table[:, 0] - first) // interval).astype(np.int64)
    grid_turns, grid_lots = np.zeros((count, 4), dtype=np.int64), np.zeros(count, dtype=np.int64)
    grid_turns[number] = turns
    grid_lots[number] = (table[:, 5] / float(spec.step) + 1e-6).astype(np.int64)
    return _Candles(spec, grid_turns, grid_lots)


def _decimals(prices: NDArray[np.float64]) -> int:
    """How many decimals these prices have, at most 8."""
    for places in range(8):
        scaled = prices * 10.0**places
        if bool(np.all(np.abs(scaled - np.rint(scaled)) < 1e-4)):
            return places
    return 8


def _derived(name: str, close: float, places: int) -> SymbolSpec:
    split = split_symbol(name)
    assert split is not None
    step = Decimal(1).scaleb(-min(8, max(0, math.ceil(math.log10(max(close, 1e-8))) + 1)))
    small = split[1] in ("BTC", "ETH", "BNB")
    return SymbolSpec(
        base=split[0],
        quote=split[1],
        tick=Decimal(1).scaleb(-places),
        step=step,
        min_notional=Decimal("0.0001") if small else Decimal(5),
        max_price=Decimal(1000),
        max_quantity=step * 10**11,
        daily_usd=1_000_000,
    )
