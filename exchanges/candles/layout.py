"""Which column of a text file is what: by the names in its first line, or by the exchange's order without them."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from exchanges.candles import moments
from exchanges.candles.numbers import CandleError

_NAMES = {
    "time": ("open_time", "opentime", "open time", "timestamp", "time", "ts", "unix", "datetime", "date"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "base_volume", "volume_base", "vol", "v"),
    "symbol": ("symbol", "pair", "market", "ticker"),
    "interval": ("interval", "timeframe", "period"),
}
"""What columns are called, in small letters; of several that would do, the first in this list."""
_OPTIONAL = ("symbol", "interval")
# What the exchange's own files have, and ours: time, open, high, low, close, volume, and what follows.
_WIDTHS_WITHOUT_NAMES = (6, 12)
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions of the columns, from 0; `symbol` and `interval` are None where the file has no such column."""

    delimiter: str
    width: int
    time: int
    prices: tuple[int, int, int, int]
    volume: int
    symbol: int | None = None
    interval: int | None = None
    has_names: bool = False


def layout_of(first_line: str) -> Layout:
    """How a file is laid out, by its first line. CandleError where that cannot be told."""
    delimiter = max(_DELIMITERS, key=first_line.count)
    cells = cells_of(first_line, delimiter)
    if cells and is_time(cells[0]):
        if len(cells) not in _WIDTHS_WITHOUT_NAMES or not all(_is_number(cell) for cell in cells[1:6]):
            raise CandleError(
                f"its first line has no names of columns, and {len(cells)} columns; without names there are "
                f"6 (time, open, high, low, close, volume) or 12 as the exchange has them"
            )
        return Layout(delimiter, len(cells), 0, (1, 2, 3, 4), 5)
    return _named(delimiter, cells)


def _named(delimiter: str, cells: Sequence[str]) -> Layout:
    positions: dict[str, int] = {}
    names = [re.sub(r"\s+", " ", cell).lower() for cell in cells]
    for what, known in _NAMES.items():
        candidates = [names.index(name) for name in known if name in names]
        if candidates:
            positions[what] = candidates[0]
    missing = [what for what in _NAMES if what not in positions and what not in _OPTIONAL]
    if missing:
        shown = ", ".join(cells)[:200] or "nothing"
        raise CandleError(f"its first line names no column for {', '.join(missing)}; it says: {shown}")
    return Layout(
        delimiter,
        len(cells),
        positions["time"],
        (positions["open"], positions["high"], positions["low"], positions["close"]),
        positions["volume"],
        positions.get("symbol"),
        positions.get("interval"),
        has_names=True,
    )


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line, without quotes and outer spaces. CandleError where they cannot be told apart."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as error:
        raise CandleError(f"its columns cannot be told apart ({error})") from None


def is_time(text: str) -> bool:
    """Whether it is a whole number of an age that moments have, or a date."""
    try:
        time_of(text)
    except ValueError:
        return False
    return True


def time_of(text: str) -> int:
    """UTC ms of a moment written as a number of seconds, ms, µs or ns since 1970 (told apart by its size), or as ISO
    8601, UTC where it names no offset. ValueError for anything else, and for what is finer than a millisecond.
    """
    if not text.isascii() or not text.isdigit():
        return moments.parsed(text)
    number = int(text)
    if number < SECONDS_BELOW:
        if number < EARLIEST_SECONDS:
            raise ValueError(f"{text!r} is no moment")
        return number * 1000
    for below, ms_parts in ((MILLISECONDS_BELOW, 1), (MICROSECONDS_BELOW, 1000), (NANOSECONDS_BELOW, 1_000_000)):
        if number < below:
            if number % ms_parts:
                raise ValueError(f"{text!r} is finer than a millisecond")
            return number // ms_parts
    raise ValueError(f"{text!r} is no moment")


# Any moment from 1973 to 5138 has one reading only.
EARLIEST_SECONDS = 10**8
SECONDS_BELOW = 10**11
MILLISECONDS_BELOW = 10**14
MICROSECONDS_BELOW = 10**17
NANOSECONDS_BELOW = 10**18 * 9


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
