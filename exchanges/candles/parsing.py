"""Lines of text to columns of whole numbers: whole blocks at once where lines are plain, one by one where they are not.

A plain line has as many cells as the file has columns, and digits with at most one point in those that are read. Any
other is read with Decimal, and is a candle or a bad row. Both ways are exact: no number passes through a float.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from exchanges.candles import layout as layouts
from exchanges.candles import moments
from exchanges.candles.layout import Layout
from exchanges.candles.numbers import CandleError, Ints, decimal, scaled, trimmed, whole_numbers

BLOCK_BYTES = 2 * 1024 * 1024
_MOST_DIGITS = 18
_LONGEST_LINE = 1024 * 1024
_LONGEST_TEXT = 64
"""A column of texts is a table as wide as its longest cell: a line with a longer one is read by itself."""
MOST_LINES = 20_000_000
"""A file is held in memory until it is read whole: some 4 GB for so many lines, or half a year of seconds."""
Texts = npt.NDArray[np.str_]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
OnBad = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a file, not yet checked: line numbers, times in ms, prices and volumes of one scale each."""

    lines: Ints
    times: Ints
    prices: tuple[Ints, ...]
    price_places: int
    volume: Ints
    volume_places: int
    symbols: Texts | None
    intervals: Texts | None

    def taken(self, which: Mask | Ints) -> "Piece":
        """These rows of it."""
        return Piece(
            self.lines[which],
            self.times[which],
            tuple(column[which] for column in self.prices),
            self.price_places,
            self.volume[which],
            self.volume_places,
            None if self.symbols is None else self.symbols[which],
            None if self.intervals is None else self.intervals[which],
        )


def pieces(
    stream: BinaryIO, on_bad: OnBad, block_bytes: int = BLOCK_BYTES, most_lines: int = MOST_LINES
) -> Iterator[Piece]:
    """All rows of a text file; `on_bad` is told the line number and the reason of each that is none.

    CandleError where the file's columns cannot be told, and where it has too many lines: a zip of a megabyte may hold
    a thousand.
    """
    layout: Layout | None = None
    line = 1
    for block in _blocks(stream, block_bytes):
        body = block
        if layout is None:
            first, _newline, rest = block.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
            layout = layouts.layout_of(first.decode("utf-8", "replace").rstrip("\r"))
            body = rest if layout.has_names else first + b"\n" + rest
            line += layout.has_names
        if body:
            following = line + body.count(b"\n")
            if following > most_lines + 1:
                raise CandleError(f"it has more than {most_lines:,} lines: divide it into several files")
            yield from _of_block(body, layout, line, on_bad)
            line = following
    if layout is None:
        raise CandleError("it is empty")


def joined(parts: list[Piece]) -> Piece:
    """Pieces as one, in the one scale that keeps every digit; CandleError where their numbers do not fit into one."""
    prices = [trimmed(part.prices, part.price_places) for part in parts]
    volumes = [trimmed([part.volume], part.volume_places) for part in parts]
    price_places = max(places for _columns, places in prices)
    volume_places = max(places for _columns, places in volumes)
    return Piece(
        np.concatenate([part.lines for part in parts]),
        np.concatenate([part.times for part in parts]),
        tuple(
            np.concatenate([scaled(columns[number], price_places - places) for columns, places in prices])
            for number in range(4)
        ),
        price_places,
        np.concatenate([scaled(columns[0], volume_places - places) for columns, places in volumes]),
        volume_places,
        None,
        None,
    )


def _blocks(stream: BinaryIO, block_bytes: int) -> Iterator[bytes]:
    """The file in blocks of whole lines, each ending in a newline."""
    rest = b""
    while data := stream.read(block_bytes):
        whole, newline, tail = (rest + data).rpartition(b"\n")
        if newline:
            yield whole + newline
        elif len(tail) > _LONGEST_LINE:
            raise CandleError("it has no lines: it is not a text file of candles")
        rest = tail
    if rest:
        yield rest + b"\n"


# --- whole blocks --------------------------------------------------------------------------------------------


class _Block:
    """A block of lines as bytes, with the places of everything that divides it."""

    def __init__(self, data: bytes, layout: Layout) -> None:
        self.bytes: Bytes = np.frombuffer(data, dtype=np.uint8)
        newlines = np.flatnonzero(self.bytes == ord("\n"))
        self.starts = np.concatenate([np.zeros(1, dtype=np.intp), newlines[:-1] + 1])
        self.ends = newlines - ((newlines > self.starts) & (self.bytes[newlines - 1] == ord("\r")))
        self._dots = np.flatnonzero(self.bytes == ord("."))
        self._dividers = np.flatnonzero(self.bytes == ord(layout.delimiter))
        self._first = np.searchsorted(self._dividers, self.starts)
        count = np.searchsorted(self._dividers, newlines) - self._first
        self.is_blank: Mask = self.ends == self.starts
        self.is_regular: Mask = (count == layout.width - 1) & ~self.is_blank
        self._rows = np.flatnonzero(self.is_regular)
        self._width = layout.width

    def cell(self, number: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Where the cells of a column begin and end, in the regular lines."""
        first = self._first[self._rows]
        start = self.starts[self._rows] if number == 0 else self._dividers[first + (number - 1)] + 1
        last = number == self._width - 1
        return start, self.ends[self._rows] if last else self._dividers[first + number]

    def digits(
        self, start: npt.NDArray[np.intp], end: npt.NDArray[np.intp], *, to_the_left: bool
    ) -> tuple[Ints, int, Mask]:
        """The number in each cell, how many digits the longest has, and where there is anything but digits.

        `to_the_left`: shorter ones are filled with zeros behind, as the digits after a point are.
        """
        lengths = end - start
        is_wrong = lengths > _MOST_DIGITS
        width = int(np.where(is_wrong, 0, lengths).max(initial=0))
        value = np.zeros(len(start), dtype=np.int64)
        for step in range(width):
            if to_the_left:
                places, is_inside = start + step, lengths > step
            else:
                places, is_inside = end - (width - step), lengths >= width - step
            found = self.bytes.take(places, mode="clip")  # what lies outside its cell counts for nothing
            found -= np.uint8(ord("0"))  # below "0" it wraps round to above 9
            found *= is_inside
            is_wrong |= found > 9
            value *= 10
            value += found
        return value, width, is_wrong

    def numbers(self, columns: tuple[int, ...]) -> tuple[list[Ints], int, Mask]:
        """The columns as whole numbers of one scale, its places, and the lines in which a cell is no plain number."""
        parts: list[tuple[Ints, Ints, int]] = []
        is_wrong = np.zeros(len(self._rows), dtype=np.bool_)
        for number in columns:
            start, end = self.cell(number)
            first = np.searchsorted(self._dots, start)
            dots = np.searchsorted(self._dots, end) - first
            point = end.copy()
            has_point = dots > 0
            point[has_point] = self._dots[first[has_point]]
            whole, _width, whole_wrong = self.digits(start, point, to_the_left=False)
            fraction, places, fraction_wrong = self.digits(np.minimum(point + 1, end), end, to_the_left=True)
            is_wrong |= whole_wrong | fraction_wrong | (dots > 1) | (point == start)
            parts.append((whole, fraction, places))
        places = max((places for _whole, _fraction, places in parts), default=0)
        fractions, kept = trimmed(
            [np.where(is_wrong, 0, scaled(fraction, places - own)) for _whole, fraction, own in parts], places
        )
        for whole, _fraction, _places in parts:
            is_wrong |= whole >= 10 ** (_MOST_DIGITS - kept)  # exact, but not in this scale
        factor = np.int64(10**kept)
        values = [
            np.where(is_wrong, 0, whole) * factor + fraction
            for (whole, _fraction, _places), fraction in zip(parts, fractions, strict=True)
        ]
        return values, kept, is_wrong

    def texts(self, number: int) -> tuple[Texts, Mask]:
        """The cells of a column as texts, and the lines in which it is too long to be one."""
        start, end = self.cell(number)
        is_long = end - start > _LONGEST_TEXT
        end = np.where(is_long, start, end)
        width = max(1, int((end - start).max(initial=0)))
        table = np.zeros((len(start), width), dtype=np.uint8)
        for step in range(width):
            inside = end - start > step
            table[inside, step] = self.bytes[start[inside] + step]
        raw, where = np.unique(table.view(f"S{width}").ravel(), return_inverse=True)
        words = [word.decode("utf-8", "replace").strip() for word in raw.tolist()]
        return np.array(words or [""], dtype=np.str_)[where], is_long

    def times(self, number: int) -> tuple[Ints, Mask]:
        """Times in ms, and the lines in which there is none that is plain."""
        start, end = self.cell(number)
        value, _width, is_wrong = self.digits(start, end, to_the_left=False)
        if len(is_wrong) and bool(is_wrong.all()):
            return self._dates(number)
        is_wrong |= (end == start) | (value < layouts.EARLIEST_SECONDS)
        is_seconds = value < layouts.SECONDS_BELOW
        parts = np.select(
            [value < layouts.MILLISECONDS_BELOW, value < layouts.MICROSECONDS_BELOW],
            [np.int64(1), np.int64(1000)],
            np.int64(1_000_000),
        )
        is_wrong |= value % parts != 0
        return np.where(is_seconds, value * np.where(is_seconds, 1000, 0), value // parts), is_wrong

    def _dates(self, number: int) -> tuple[Ints, Mask]:
        """Times that are written as dates; each text is read once."""
        words, where = np.unique(self.texts(number)[0], return_inverse=True)
        read: list[int | None] = []
        for word in words.tolist():
            try:
                read.append(moments.parsed(word))
            except ValueError:
                read.append(None)
        values = np.array([value or 0 for value in read], dtype=np.int64)
        return values[where], np.array([value is None for value in read], dtype=np.bool_)[where]


def _of_block(data: bytes, layout: Layout, first_line: int, on_bad: OnBad) -> Iterator[Piece]:
    block = _Block(data, layout)
    lines = np.arange(first_line, first_line + len(block.starts), dtype=np.int64)
    times, wrong_time = block.times(layout.time)
    prices, price_places, wrong_price = block.numbers(layout.prices)
    volumes, volume_places, wrong_volume = block.numbers((layout.volume,))
    is_plain = ~(wrong_time | wrong_price | wrong_volume)
    symbols = intervals = None
    if layout.symbol is not None:
        symbols, is_long = block.texts(layout.symbol)
        is_plain &= ~is_long
    if layout.interval is not None:
        intervals, is_long = block.texts(layout.interval)
        is_plain &= ~is_long
    regular = np.flatnonzero(block.is_regular)
    yield Piece(
        lines[regular[is_plain]],
        times[is_plain],
        tuple(column[is_plain] for column in prices),
        price_places,
        volumes[0][is_plain],
        volume_places,
        None if symbols is None else symbols[is_plain],
        None if intervals is None else intervals[is_plain],
    )
    others = np.ones(len(lines), dtype=np.bool_)
    others[regular[is_plain]] = False
    others &= ~block.is_blank
    for position in np.flatnonzero(others).tolist():
        text = data[int(block.starts[position]) : int(block.ends[position])].decode("utf-8", "replace")
        yield from _of_line(text, layout, int(lines[position]), on_bad)


# --- one line ------------------------------------------------------------------------------------------------


def _of_line(text: str, layout: Layout, line: int, on_bad: OnBad) -> list[Piece]:
    """The row of a line that is not plain: none for a blank or a bad one."""
    if not text.strip():
        return []
    try:
        cells = layouts.cells_of(text, layout.delimiter)
    except CandleError as error:
        on_bad(line, str(error))
        return []
    if len(cells) != layout.width:
        on_bad(line, f"{len(cells)} columns instead of {layout.width}")
        return []
    try:
        time = layouts.time_of(cells[layout.time])
    except ValueError:
        on_bad(line, f"{cells[layout.time][:40]!r} is not a time in whole milliseconds")
        return []
    try:
        values = [[decimal(cells[column])] for column in layout.prices]
        prices, price_places = whole_numbers([[value[0] for value in values]], 4)
        volumes, volume_places = whole_numbers([[decimal(cells[layout.volume])]], 1)
    except CandleError as error:
        on_bad(line, str(error)[:200])
        return []
    return [
        Piece(
            np.array([line], dtype=np.int64),
            np.array([time], dtype=np.int64),
            tuple(prices),
            price_places,
            volumes[0],
            volume_places,
            None if layout.symbol is None else np.array([cells[layout.symbol]], dtype=np.str_),
            None if layout.interval is None else np.array([cells[layout.interval]], dtype=np.str_),
        )
    ]
