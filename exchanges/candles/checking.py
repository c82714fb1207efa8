"""Rows of a file to candles that can be kept: which symbol and interval they are of, and which rows are bad."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from exchanges.candles.columns import CandleColumns, problems_of
from exchanges.candles.intervals import LENGTHS_MS, NAMES
from exchanges.candles.moments import written
from exchanges.candles.numbers import CandleError, Ints
from exchanges.candles.parsing import Piece, joined

_FEWEST_TO_TELL = 3
_FEWEST_TO_DOUBT = 10


@dataclass(slots=True)
class BadRows:
    """Bad rows of one file: all are counted, and the first `most` are told of, by line number."""

    most: int
    count: int = 0
    told: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        if len(self.told) < self.most:
            self.told.append((line, reason))

    def add_all(self, lines: Ints, reason: str) -> None:
        """Many with one reason."""
        room = max(0, self.most - len(self.told))
        self.told += [(line, reason) for line in lines[:room].tolist()]
        self.count += len(lines)


@dataclass(frozen=True, slots=True)
class Checked:
    """The good rows of one symbol and interval of a file, and how many others it had of them."""

    columns: CandleColumns
    repeated: int
    bad: int


def sorted_out(
    parts: Iterable[Piece], symbol: str | None, interval: str | None, now_ms: int, bad: BadRows
) -> Iterator[Checked]:
    """The candles in the pieces of one file, by symbol and interval.

    `symbol` and `interval` are what is known of a file without such columns; an interval that is not known is told
    from the times. CandleError where either cannot be told.
    """
    groups: dict[tuple[str, str | None], list[Piece]] = {}
    for part in parts:
        for label, piece in _labelled(part, symbol, interval, bad):
            if len(piece.lines):
                groups.setdefault(label, []).append(piece)
    whole = [(name, known, joined(pieces)) for (name, known), pieces in groups.items()]
    told = {_told_length(piece.times) for _name, known, piece in whole if known is None} - {0}
    usual = told.pop() if len(told) == 1 else 0
    for name, known, piece in sorted(whole, key=lambda one: (one[0], one[1] or "")):
        length = _told_length(piece.times) or usual if known is None else _doubted(piece.times, known)
        yield _checked(piece, name, length, now_ms, bad)


def _labelled(
    piece: Piece, symbol: str | None, interval: str | None, bad: BadRows
) -> Iterator[tuple[tuple[str, str | None], Piece]]:
    for name, of_symbol in _split(piece, piece.symbols):
        label = symbol if name is None else _symbol(name)
        if label is None and name is None:
            raise CandleError("which symbol it is of cannot be told from its columns or its name: say --symbol")
        if label is None:
            bad.add_all(of_symbol.lines, f"{(name or '')[:40]!r} is not a symbol")
            continue
        for length, of_both in _split(of_symbol, of_symbol.intervals):
            if length is not None and length not in LENGTHS_MS:
                bad.add_all(of_both.lines, f"candles of the interval {length[:40]!r} are not kept")
            else:
                yield (label, interval if length is None else length), of_both


def _split(piece: Piece, labels: np.ndarray | None) -> Iterator[tuple[str | None, Piece]]:
    if labels is None:
        yield None, piece
        return
    names, where = np.unique(labels, return_inverse=True)
    for number, name in enumerate(names.tolist()):
        yield name, piece if len(names) == 1 else piece.taken(where == number)


def _symbol(text: str) -> str | None:
    """`BTC/USDT`, `btc-usdt` and `BTCUSDT` as BTCUSDT; None for what is no symbol."""
    symbol = text.strip().upper().translate(str.maketrans("", "", "/-_"))
    return symbol if symbol.isalnum() and len(symbol) <= 40 else None


def _checked(piece: Piece, symbol: str, length: int, now_ms: int, bad: BadRows) -> Checked:
    """`length` is that of the candles in ms; 0 where nothing tells it, which is a CandleError."""
    if not length:
        raise CandleError("its interval cannot be told from its columns, its name or so few rows: say --interval")
    before = bad.count
    if not bool(np.all(piece.times[1:] >= piece.times[:-1])):
        piece = piece.taken(np.argsort(piece.times, kind="stable"))
    good = np.ones(len(piece.lines), dtype=np.bool_)
    opened, high, low, close = piece.prices
    for problem in problems_of(opened, high, low, close, piece.volume):
        bad.add(int(piece.lines[problem.position]), problem.reason)
        good[problem.position] = False
    off_grid = good & (piece.times % length != 0)
    bad.add_all(piece.lines[off_grid], f"it does not open at a whole multiple of {NAMES[length]}")
    early = good & ~off_grid & (piece.times + length > now_ms)
    bad.add_all(piece.lines[early], f"it is not over yet at {written(now_ms)}")
    piece = piece.taken(good & ~off_grid & ~early)
    once, repeated = _once(piece, bad)
    opened, high, low, close = once.prices
    columns = CandleColumns(
        symbol,
        length,
        once.price_places,
        once.volume_places,
        once.times,
        opened,
        high,
        low,
        close,
        once.volume,
    )
    return Checked(columns.trimmed(), repeated, bad.count - before)


def _once(piece: Piece, bad: BadRows) -> tuple[Piece, int]:
    """One row for each time, the first in the file; how many others say the same, while those that differ are bad."""
    is_new = np.ones(len(piece.times), dtype=np.bool_)
    is_new[1:] = piece.times[1:] != piece.times[:-1]
    if bool(is_new.all()):
        return piece, 0
    again = np.flatnonzero(~is_new)
    first = np.maximum.accumulate(np.where(is_new, np.arange(len(is_new)), 0))[again]
    differs = np.zeros(len(again), dtype=np.bool_)
    for column in (*piece.prices, piece.volume):
        differs |= column[again] != column[first]
    for position, other in zip(again[differs].tolist(), first[differs].tolist(), strict=True):
        bad.add(int(piece.lines[position]), f"it differs from line {piece.lines[other]}, which is of the same time")
    return piece.taken(is_new), int(len(again) - differs.sum())


def _told_length(times: Ints) -> int:
    """The length of the candles in ms, as most of them are apart; 0 for too few. CandleError for one not kept, and for
    candles of two lengths.
    """
    commonest, count, _is_there = _steps(times)
    if count < _FEWEST_TO_TELL - 1:
        return 0
    if commonest not in NAMES:
        raise CandleError(f"most of its rows are {commonest} ms apart, and candles of that length are not kept")
    for other in _steady(times) - {commonest}:
        raise CandleError(
            f"some of its rows are {NAMES[commonest]} apart and others {NAMES[other]}: divide it, or say --interval"
        )
    return commonest


def _steady(times: Ints) -> set[int]:
    """The kept lengths that so many rows in a row are apart that these are no gaps."""
    apart = np.diff(np.sort(times))
    apart = apart[apart > 0]
    edges = np.flatnonzero(np.diff(apart, prepend=0, append=0))  # where a run begins, and where the last one ends
    runs = np.diff(edges)
    return {length for length in np.unique(apart[edges[:-1][runs >= _FEWEST_TO_DOUBT - 1]]).tolist() if length in NAMES}


def _doubted(times: Ints, interval: str) -> int:
    """The length of the interval in ms; CandleError where the times say that the candles are of another."""
    length = LENGTHS_MS[interval]
    commonest, count, is_there = _steps(times, length)
    if count >= _FEWEST_TO_DOUBT - 1 and (commonest < length or not is_there):
        apart = NAMES.get(commonest, f"{commonest} ms")
        raise CandleError(f"it should hold candles of {interval}, and most of its rows are {apart} apart")
    return length


def _steps(times: Ints, wanted: int = 0) -> tuple[int, int, bool]:
    """How far the rows are apart most often, how many steps there are, and whether any is the wanted one."""
    apart = np.diff(np.sort(times))
    steps, counts = np.unique(apart[apart > 0], return_counts=True)
    commonest = int(steps[np.argmax(counts)]) if len(steps) else 0
    return commonest, int(counts.sum()), bool(np.any(steps == wanted))
