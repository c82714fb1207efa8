"""Candles as columns of whole numbers: exact like Decimal, and as fast as NumPy.

A price is `close[i] * 10 ** -price_places`, a volume `volume[i] * 10 ** -volume_places`. Nothing here reads a file, a
clock or a setting.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchanges.candles.numbers import (
    MOST_PLACES,
    CandleError,
    Ints,
    Number,
    decimal,
    scaled,
    sums,
    trimmed,
    whole_numbers,
)

COLUMNS = ("open_time_ms", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close")


class Gap(NamedTuple):
    """A stretch without candles: from the first missing opening time to the next one that is there."""

    from_ms: int
    to_ms: int
    candles: int


class CandleRow(NamedTuple):
    """One candle in Decimals."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Problem(NamedTuple):
    """What is wrong with the candle at a position."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class CandleColumns:
    """Candles of one symbol and interval as columns, oldest first, exact: a price is `close[i]` * 10 ** -price_places.

    Opening times are UTC, strictly ascending multiples of `interval_ms` from the epoch. The columns are read-only.
    Raises CandleError for columns that are not so.
    """

    symbol: str
    interval_ms: int
    price_places: int
    volume_places: int
    open_time_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints  # in the base asset

    def __post_init__(self) -> None:
        if self.interval_ms <= 0:
            raise CandleError(f"the interval of {self.symbol} is {self.interval_ms} ms")
        if not (0 <= self.price_places <= MOST_PLACES and 0 <= self.volume_places <= MOST_PLACES):
            raise CandleError(f"numbers of {self.symbol} have more than {MOST_PLACES} decimals, or fewer than none")
        for name in COLUMNS:
            column = getattr(self, name)
            if column.dtype != np.int64 or column.shape != self.open_time_ms.shape or column.ndim != 1:
                raise CandleError(f"the columns of {self.symbol} are not of one length, or not of whole numbers")
            kept = column.view()
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)
        times = self.open_time_ms
        if len(times) > 1 and not bool(np.all(times[1:] > times[:-1])):
            raise CandleError(f"the opening times of {self.symbol} are not ascending")
        if len(times) and bool(np.any(times % self.interval_ms)):
            raise CandleError(f"opening times of {self.symbol} are not whole multiples of {self.interval_ms} ms")

    @classmethod
    def from_rows(
        cls, symbol: str, interval_ms: int, rows: Iterable[tuple[int, Number, Number, Number, Number, Number]]
    ) -> "CandleColumns":
        """Columns of (opening time in ms, open, high, low, close, volume) with the fewest places that keep all digits.

        Prices and volumes are Decimals, whole numbers, or texts of them. Raises CandleError for a number that is none
        or does not fit, and for times that are not ascending or off the grid.
        """
        table = list(rows)
        times = np.array([row[0] for row in table], dtype=np.int64)
        prices, price_places = whole_numbers([[decimal(value) for value in row[1:5]] for row in table], 4)
        volumes, volume_places = whole_numbers([[decimal(row[5])] for row in table], 1)
        return cls(symbol, interval_ms, price_places, volume_places, times, *prices, *volumes)

    @classmethod
    def empty(cls, symbol: str, interval_ms: int) -> "CandleColumns":
        return cls.from_rows(symbol, interval_ms, [])

    # --- looking ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.open_time_ms)

    def __eq__(self, other: object) -> bool:
        """Whether both say the same of the same symbol; how many places they are kept with does not count."""
        if not isinstance(other, CandleColumns):
            return NotImplemented
        if (self.symbol, self.interval_ms) != (other.symbol, other.interval_ms):
            return False
        mine, theirs = self.trimmed(), other.trimmed()
        return (mine.price_places, mine.volume_places) == (theirs.price_places, theirs.volume_places) and all(
            np.array_equal(getattr(mine, name), getattr(theirs, name)) for name in COLUMNS
        )

    __hash__ = None  # type: ignore[assignment]  # equal by what is in it, and that is long

    @property
    def prices(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Open, high, low, close."""
        return self.open, self.high, self.low, self.close

    @property
    def columns(self) -> tuple[Ints, ...]:
        """Opening times, the four prices, volumes."""
        return self.open_time_ms, *self.prices, self.volume

    @property
    def end_ms(self) -> int:
        """When the last candle was over; 0 without candles."""
        return int(self.open_time_ms[-1]) + self.interval_ms if len(self) else 0

    def price(self, whole: int) -> Decimal:
        """An entry of a price column in the quote asset."""
        return Decimal(int(whole)).scaleb(-self.price_places)

    def amount(self, whole: int) -> Decimal:
        """An entry of the volume column in the base asset."""
        return Decimal(int(whole)).scaleb(-self.volume_places)

    def row(self, position: int) -> CandleRow:
        """One candle in Decimals."""
        opened, high, low, close = (self.price(column[position]) for column in self.prices)
        return CandleRow(int(self.open_time_ms[position]), opened, high, low, close, self.amount(self.volume[position]))

    def rows(self) -> Iterator[CandleRow]:
        """All candles in Decimals."""
        for moment, opened, high, low, close, volume in zip(*(column.tolist() for column in self.columns), strict=True):
            yield CandleRow(
                moment,
                self.price(opened),
                self.price(high),
                self.price(low),
                self.price(close),
                self.amount(volume),
            )

    def gaps(self) -> list[Gap]:
        """The stretches between the first and the last candle in which candles are missing."""
        times = self.open_time_ms
        before = np.flatnonzero(np.diff(times) != self.interval_ms)
        return [
            Gap(start, end, (end - start) // self.interval_ms)
            for start, end in zip((times[before] + self.interval_ms).tolist(), times[before + 1].tolist(), strict=True)
        ]

    def problems(self) -> list[Problem]:
        """Candles that cannot be: a price of 0 or less, a high or low that others exceed, a negative volume."""
        return problems_of(self.open, self.high, self.low, self.close, self.volume)

    # --- other columns out of these ---------------------------------------------------------------------------

    def slice(self, from_ms: int | None = None, to_ms: int | None = None) -> "CandleColumns":
        """The candles that open at or after `from_ms` and before `to_ms`, without copying; None is no limit."""
        first = 0 if from_ms is None else int(np.searchsorted(self.open_time_ms, from_ms, side="left"))
        stop = len(self) if to_ms is None else int(np.searchsorted(self.open_time_ms, to_ms, side="left"))
        return self._with([column[first : max(first, stop)] for column in self.columns])

    def taken(self, which: Ints | npt.NDArray[np.bool_]) -> "CandleColumns":
        """The candles at these positions, which are ascending, or where this mask is true."""
        return self._with([column[which] for column in self.columns])

    def _with(self, columns: Sequence[Ints]) -> "CandleColumns":
        opened, high, low, close = columns[1:5]
        return replace(self, open_time_ms=columns[0], open=opened, high=high, low=low, close=close, volume=columns[5])

    def trimmed(self) -> "CandleColumns":
        """The same numbers with the fewest places that keep every digit."""
        prices, price_places = trimmed(self.prices, self.price_places)
        volumes, volume_places = trimmed([self.volume], self.volume_places)
        kept = replace(self, price_places=price_places, volume_places=volume_places)
        return kept._with([self.open_time_ms, *prices, *volumes])

    def with_places(self, price_places: int, volume_places: int) -> "CandleColumns":
        """The same numbers with at least as many places; CandleError where they would not fit."""
        if (price_places, volume_places) == (self.price_places, self.volume_places):
            return self
        if price_places < self.price_places or volume_places < self.volume_places:
            raise CandleError(f"digits of {self.symbol} would be lost")
        prices = [scaled(column, price_places - self.price_places) for column in self.prices]
        volume = scaled(self.volume, volume_places - self.volume_places)
        kept = replace(self, price_places=price_places, volume_places=volume_places)
        return kept._with([self.open_time_ms, *prices, volume])

    def joined(self, other: "CandleColumns") -> "Joined":
        """Both together; where both have a candle of one time, `other`'s stands, and a difference is counted.

        CandleError for another symbol or interval, and for numbers that do not fit into columns of one scale.
        """
        if (self.symbol, self.interval_ms) != (other.symbol, other.interval_ms):
            raise CandleError(f"candles of {self.symbol} and {other.symbol}, or of two intervals, cannot be joined")
        places = max(self.price_places, other.price_places), max(self.volume_places, other.volume_places)
        mine, theirs = self.with_places(*places), other.with_places(*places)
        here = there = np.zeros(0, dtype=np.intp)
        if len(mine) and len(theirs) and mine.open_time_ms[-1] >= theirs.open_time_ms[0]:
            _times, here, there = np.intersect1d(
                mine.open_time_ms, theirs.open_time_ms, assume_unique=True, return_indices=True
            )
        differ = np.zeros(len(here), dtype=np.bool_)
        for ours, news in zip(mine.columns[1:], theirs.columns[1:], strict=True):
            differ |= ours[here] != news[there]
        stays = np.ones(len(mine), dtype=np.bool_)
        stays[here] = False
        kept = mine.taken(stays) if len(here) else mine
        both = [np.concatenate(pair) for pair in zip(kept.columns, theirs.columns, strict=True)]
        if len(kept) and len(theirs) and kept.open_time_ms[-1] > theirs.open_time_ms[0]:
            order = np.argsort(both[0], kind="stable")
            both = [column[order] for column in both]
        changed = theirs.open_time_ms[there[differ]]
        return Joined(
            mine._with(both),
            added=len(theirs) - len(here),
            unchanged=len(here) - len(changed),
            changed_ms=tuple(changed.tolist()),
        )

    def resampled(
        self, interval_ms: int, covered_from_ms: int | None = None, covered_to_ms: int | None = None
    ) -> "CandleColumns":
        """Candles of a longer interval, a whole multiple of this one: first open, highest high, lowest low, last close,
        sum of volumes, exactly.

        Only whole candles come out: those that lie inside what these columns cover (by default from the first opening
        time to the end of the last candle), and only where there is at least one candle inside. None is invented.
        """
        if interval_ms % self.interval_ms or interval_ms <= 0:
            raise CandleError(f"candles of {self.interval_ms} ms do not make candles of {interval_ms} ms")
        if interval_ms == self.interval_ms or not len(self):
            return replace(self, interval_ms=interval_ms)
        begins = int(self.open_time_ms[0]) if covered_from_ms is None else covered_from_ms
        ends = self.end_ms if covered_to_ms is None else covered_to_ms
        whole = self.slice(-(-begins // interval_ms) * interval_ms, ends // interval_ms * interval_ms)
        if not len(whole):
            return CandleColumns.empty(self.symbol, interval_ms).with_places(self.price_places, self.volume_places)
        numbers = whole.open_time_ms // interval_ms
        firsts = np.concatenate([np.zeros(1, dtype=np.intp), np.flatnonzero(np.diff(numbers)) + 1])
        lasts = np.concatenate([firsts[1:], np.array([len(whole)], dtype=np.intp)]) - 1
        return CandleColumns(
            self.symbol,
            interval_ms,
            self.price_places,
            self.volume_places,
            numbers[firsts] * interval_ms,
            whole.open[firsts],
            np.maximum.reduceat(whole.high, firsts),
            np.minimum.reduceat(whole.low, firsts),
            whole.close[lasts],
            sums(whole.volume, firsts, interval_ms // self.interval_ms),
        )


class Joined(NamedTuple):
    """Two columns made one: how many candles were new, the same as before, or different (by their opening times)."""

    columns: CandleColumns
    added: int
    unchanged: int
    changed_ms: tuple[int, ...]

    @property
    def changed(self) -> int:
        return len(self.changed_ms)


def problems_of(opened: Ints, high: Ints, low: Ints, close: Ints, volume: Ints) -> list[Problem]:
    """Candles that cannot be, by their positions; prices of one scale."""
    found = (
        (np.minimum(np.minimum(opened, high), np.minimum(low, close)) <= 0, "a price is not above 0"),
        (high < np.maximum(np.maximum(opened, close), low), "the high is below another price"),
        (low > np.minimum(opened, close), "the low is above another price"),
        (volume < 0, "the volume is negative"),
    )
    wrong = found[0][0] | found[1][0] | found[2][0] | found[3][0]
    return [
        Problem(position, next(reason for mask, reason in found if mask[position]))
        for position in np.flatnonzero(wrong).tolist()
    ]
