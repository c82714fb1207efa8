"""What was traded in stretches of time: prices in ticks, volumes in lots, and both multiplied, in whole numbers.

A bar of a longer stretch is the merge of the bars of its parts, to the last lot. Which side took a trade is a function
of the path alone: the buyer where the price rose, the seller where it fell, and a hash of the step where it did not
move.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

OPEN, HIGH, LOW, CLOSE, LOTS, QUOTE, TRADES, FIRST, LAST, TAKER_LOTS, TAKER_QUOTE = range(11)
COLUMNS = 11
_SUMS = (LOTS, QUOTE, TRADES, TAKER_LOTS, TAKER_QUOTE)
_MOST = 1 << 63


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch. Without a trade the prices are 0 and the ids -1. `quote` is the sum of ticks x lots."""

    open: int
    high: int
    low: int
    close: int
    lots: int
    quote: int
    trades: int
    first_id: int
    last_id: int
    taker_lots: int
    taker_quote: int


class Bars:
    """Bars one after another: a row of `data` per column, a column per stretch."""

    __slots__ = ("data",)

    def __init__(self, data: NDArray[Any]) -> None:
        self.data = data

    @classmethod
    def empty(cls, count: int) -> "Bars":
        """So many stretches without a trade."""
        data = np.zeros((COLUMNS, count), dtype=np.int64)
        data[[FIRST, LAST]] = -1
        return cls(data)

    @classmethod
    def of_path(cls, first_step: int, ticks: Ints, lots: Ints, before: int, edges: Sequence[int], salt: int) -> "Bars":
        """The steps from `first_step` on, cut at the steps `edges`; `before`: the ticks one step earlier (0: none)."""
        takers = buyer_takes(first_step, ticks, before, salt)
        traded = np.flatnonzero((ticks > 0) & (lots > 0))
        ticks, lots, takers = ticks[traded], lots[traded], takers[traded]
        cuts = np.searchsorted(traded + first_step, np.asarray(edges, dtype=np.int64))
        bars = cls.empty(len(edges) - 1)
        filled = np.flatnonzero(np.diff(cuts))
        if not len(filled):
            return bars
        begins, ends = cuts[:-1][filled], cuts[1:][filled]
        # Sums in 64 bits where they fit, else in Python's integers.
        most = int(ticks.max()) * int(lots.max()) * int((ends - begins).max())
        kind: Any = np.int64 if most < _MOST else object
        data = bars.data.astype(kind)
        lots, quote = lots.astype(kind), ticks.astype(kind) * lots.astype(kind)
        # Only what lies between the first and the last cut belongs to a bar.
        stop = int(ends[-1])
        data[OPEN, filled], data[CLOSE, filled] = ticks[begins], ticks[ends - 1]
        data[HIGH, filled] = np.maximum.reduceat(ticks[:stop], begins)
        data[LOW, filled] = np.minimum.reduceat(ticks[:stop], begins)
        data[LOTS, filled] = np.add.reduceat(lots[:stop], begins)
        data[QUOTE, filled] = np.add.reduceat(quote[:stop], begins)
        data[TRADES, filled] = ends - begins
        data[FIRST, filled], data[LAST, filled] = traded[begins] + first_step, traded[ends - 1] + first_step
        data[TAKER_LOTS, filled] = np.add.reduceat((lots * takers)[:stop], begins)
        data[TAKER_QUOTE, filled] = np.add.reduceat((quote * takers)[:stop], begins)
        return cls(data)

    @classmethod
    def joined(cls, parts: Sequence["Bars"]) -> "Bars":
        """All parts after one another."""
        return cls(np.concatenate([part.data for part in parts], axis=1)) if parts else cls.empty(0)

    def __len__(self) -> int:
        return int(self.data.shape[1])

    def part(self, begin: int, end: int) -> "Bars":
        return Bars(self.data[:, begin:end])

    def merged(self, cuts: Sequence[int]) -> "Bars":
        """Longer bars: the n-th holds the rows cuts[n] .. cuts[n + 1] - 1."""
        edges = np.asarray(cuts, dtype=np.int64)
        traded = np.flatnonzero(self.data[TRADES] > 0)
        rows = self.data[:, traded]
        places = np.searchsorted(traded, edges)
        result = Bars.empty(len(cuts) - 1).data.astype(object)
        filled = np.flatnonzero(np.diff(places))
        if len(filled):
            begins, ends = places[:-1][filled], places[1:][filled]
            rows = rows[:, : int(ends[-1])]
            for column in (OPEN, FIRST):
                result[column, filled] = rows[column][begins]
            for column in (CLOSE, LAST):
                result[column, filled] = rows[column][ends - 1]
            result[HIGH, filled] = np.maximum.reduceat(rows[HIGH], begins)
            result[LOW, filled] = np.minimum.reduceat(rows[LOW], begins)
            for column in _SUMS:
                result[column, filled] = np.add.reduceat(rows[column].astype(object), begins)
        return Bars(result)

    def rows(self) -> list[Bar]:
        return [Bar(*(int(value) for value in self.data[:, index])) for index in range(len(self))]

    def total(self) -> Bar:
        """All of them as one."""
        return self.merged((0, len(self))).rows()[0]


def salt_of(symbol: str) -> int:
    """A number of the symbol's own for its hashes."""
    return zlib.crc32(symbol.encode()) * 0x9E3779B97F4A7C15 % (1 << 64)


def buyer_takes(first_step: int, ticks: Ints, before: int, salt: int) -> Flags:
    """For each step whether its trade was made by a buyer who took from the book."""
    earlier = np.empty_like(ticks)
    if len(ticks):
        earlier[0], earlier[1:] = before, ticks[:-1]
    # The finishing steps of a 64-bit mixer (Murmur3's constants).
    mixed = np.arange(first_step, first_step + len(ticks), dtype=np.uint64) ^ np.uint64(salt)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(factor)
    chance = (mixed >> np.uint64(63)).astype(np.bool_)
    return np.where((ticks == earlier) | (earlier == 0), chance, ticks > earlier)
