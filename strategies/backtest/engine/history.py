"""The past as a back-test walks through it: candles of several symbols on one grid of times. Pure.

Amounts come from whole numbers and are exact; the matrix of floats beside them is for the scan, which only finds
moments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchanges.candles.columns import CandleColumns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Candle(NamedTuple):
    """One candle of one symbol. Prices in the quote, volume in the base asset."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, eq=False)
class Series:
    """One symbol on the grid. Rows without a candle repeat the close before them; before the first there is no price.

    `first` and `last` are the rows of its first and last candle, `present` says which rows have one, None for all.
    """

    asset: str
    symbol: str
    columns: CandleColumns
    places: Ints | None  # where in the columns each row's candle is, or the one before it; None where they are the rows
    present: Flags | None
    first: int
    last: int
    price_unit: Decimal = field(init=False)
    volume_unit: Decimal = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "price_unit", Decimal(1).scaleb(-self.columns.price_places))
        object.__setattr__(self, "volume_unit", Decimal(1).scaleb(-self.columns.volume_places))

    def close(self, row: int) -> Decimal | None:
        """The last close known at the end of a row; None before the first candle."""
        if row < self.first:
            return None
        place = row if self.places is None else self.places.item(row)
        return Decimal(self.columns.close.item(place)) * self.price_unit

    def candle(self, row: int) -> Candle | None:
        """The row's own candle; None where there is none."""
        if not self.has_candle(row):
            return None
        place = row if self.places is None else self.places[row]
        columns, unit = self.columns, self.price_unit
        return Candle(
            Decimal(int(columns.open[place])) * unit,
            Decimal(int(columns.high[place])) * unit,
            Decimal(int(columns.low[place])) * unit,
            Decimal(int(columns.close[place])) * unit,
            Decimal(int(columns.volume[place])) * self.volume_unit,
        )

    def has_candle(self, row: int) -> bool:
        return self.present is None or bool(self.present[row])

    def day_closes(self, midnights_ms: Ints) -> Floats:
        """The last close of each day that ends at one of these midnights; not a number where no candle ended in it."""
        ends = self.columns.open_time_ms + self.columns.interval_ms
        places = np.searchsorted(ends, midnights_ms, side="right") - 1
        known = (places >= 0) & (ends[np.maximum(places, 0)] > midnights_ms - DAY_MS)
        closes = self.columns.close[np.maximum(places, 0)] / 10.0**self.columns.price_places
        return np.where(known, closes, np.nan)


class Cross(NamedTuple):
    """Candles of the symbol that trades `base` for `counter`, two assets of a history."""

    base: str
    counter: str
    series: Series


@dataclass(frozen=True, eq=False)
class History:
    """Candles of several assets against one quote, and of some for each other. A row is a moment at which at least one
    asset has a candle; where none has (the exchange stood still) there is no row, and nothing happens.

    `close_ms` is when each row ends (UTC milliseconds): what is decided at a row knows nothing later.
    """

    quote: str
    interval_ms: int
    close_ms: Ints
    series: tuple[Series, ...]
    crosses: tuple[Cross, ...] = ()

    @classmethod
    def of(
        cls,
        quote: str,
        columns: Mapping[str, CandleColumns],
        crosses: Mapping[tuple[str, str], CandleColumns] | None = None,
    ) -> "History":
        """Put candles by asset on one grid. All must have one interval; ValueError otherwise, or without a candle.

        `crosses` are candles by (base, counter), left out where one of the two has none of its own. They make no row.
        """
        filled = {asset: column for asset, column in columns.items() if len(column)}
        if not filled:
            raise ValueError("there are no candles")
        between = {
            pair: column for pair, column in (crosses or {}).items() if filled.keys() >= set(pair) and len(column)
        }
        intervals = {column.interval_ms for column in (*filled.values(), *between.values())}
        if len(intervals) > 1:
            raise ValueError(f"candles of different intervals cannot be mixed: {sorted(intervals)} ms")
        times = _union([column.open_time_ms for column in filled.values()])
        interval_ms = intervals.pop()
        series = tuple(_series(asset, filled[asset], times) for asset in sorted(filled))
        found = tuple(Cross(*pair, _cross_series(pair[0], between[pair], times)) for pair in sorted(between))
        return cls(quote, interval_ms, times + interval_ms, series, found)

    def __len__(self) -> int:
        return len(self.close_ms)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where an asset's series is among the others."""
        return {series.asset: place for place, series in enumerate(self.series)}

    @property
    def closes(self) -> Floats:
        """Last known closes, one line an asset and one column a row; 0 before the first candle."""
        return self.prices[:-1]

    @cached_property
    def prices(self) -> Floats:
        """The closes, and below them a line of ones: what the quote costs."""
        matrix = np.empty((len(self.series) + 1, len(self)))
        matrix[-1] = 1
        for line, series in zip(matrix[:-1], self.series, strict=True):
            columns = series.columns
            if series.places is None:
                np.divide(columns.close, 10.0**columns.price_places, out=line)
            else:
                np.divide(columns.close[series.places], 10.0**columns.price_places, out=line)
                line[: series.first] = 0
        return matrix

    @cached_property
    def tradable(self) -> Flags | None:
        """Which assets have a candle of their own in each row; None where all have one everywhere."""
        if all(series.present is None for series in self.series):
            return None
        everywhere = np.ones(len(self), np.bool_)
        return np.array([everywhere if series.present is None else series.present for series in self.series])

    @cached_property
    def incomplete_rows(self) -> Ints:
        """Rows in which an asset has no candle of its own, ascending."""
        if self.tradable is None:
            return np.empty(0, np.int64)
        return np.flatnonzero(~self.tradable.all(axis=0)).astype(np.int64)

    def first_row_at(self, ms: int) -> int:
        """The first row that ends at `ms` or later; the number of rows where none does."""
        return int(np.searchsorted(self.close_ms, ms))

    def until(self, ms: int) -> "History":
        """The same up to the rows that end at `ms` or before: what was known then."""
        end = ms - self.interval_ms + 1

        def known(columns: CandleColumns) -> CandleColumns:
            return columns.slice(min(int(columns.open_time_ms[0]), end), end)

        kept = {
            series.asset: known(series.columns)
            for series in self.series
            if len(series.columns) and series.columns.open_time_ms[0] + self.interval_ms <= ms
        }
        return History.of(
            self.quote, kept, {(one.base, one.counter): known(one.series.columns) for one in self.crosses}
        )


def _union(columns: Sequence[Ints]) -> Ints:
    first = columns[0]
    if all(len(column) == len(first) and np.array_equal(column, first) for column in columns[1:]):
        return first
    return np.unique(np.concatenate(columns))


def _cross_series(base: str, columns: CandleColumns, times: Ints) -> Series:
    """As `_series`, for candles that may also be at times that are no rows."""
    if np.array_equal(columns.open_time_ms, times):
        return Series(base, columns.symbol, columns, None, None, 0, len(times) - 1)
    places = np.searchsorted(columns.open_time_ms, times, side="right") - 1
    first = int(np.searchsorted(times, columns.open_time_ms[0]))
    last = int(np.searchsorted(times, columns.open_time_ms[-1], side="right")) - 1
    present = columns.open_time_ms[np.maximum(places, 0)] == times
    return Series(base, columns.symbol, columns, np.maximum(places, 0), present, first, last)


def _series(asset: str, columns: CandleColumns, times: Ints) -> Series:
    if len(columns) == len(times):
        return Series(asset, columns.symbol, columns, None, None, 0, len(times) - 1)
    places = np.searchsorted(columns.open_time_ms, times, side="right") - 1
    first = int(np.searchsorted(times, columns.open_time_ms[0]))
    last = int(np.searchsorted(times, columns.open_time_ms[-1]))
    present = columns.open_time_ms[np.maximum(places, 0)] == times
    return Series(asset, columns.symbol, columns, np.maximum(places, 0), present, first, last)


def ms_of(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)  # to the microsecond; a timedelta costs three times as much
