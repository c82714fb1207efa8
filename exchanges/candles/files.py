"""One file holds the candles of one symbol and interval: a head that describes them, then six columns of whole numbers.

    8 bytes  BBCANDLE          4  format version      4  length of the head      4  CRC-32 of the head      4  zero
    head, JSON (see Head)      zeros up to a multiple of 64
    open_time_ms, open, high, low, close, volume: so many rows of 8 bytes each, little-endian, signed

Every column is checked in stretches of BLOCK rows, so that a reader of one year checks that year. A file is never
changed: a new one takes its place when it is complete and on the disk, so a reader sees the old or the new one, whole.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from exchanges.candles.columns import COLUMNS, CandleColumns
from exchanges.candles.numbers import CandleError, Ints

MAGIC = b"BBCANDLE"
VERSION = 1
BLOCK = 65_536
_PREFIX = struct.Struct("<8sIIII")
_ALIGNMENT = 64
_MOST_HEAD = 64 * 1024 * 1024
_ITEM = np.dtype("<i8")


class Unreadable(CandleError):
    """A file that holds no candles of ours, or not all of them; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a file holds. `absent` are stretches (from, to) in which its source was asked and had no candle."""

    symbol: str
    interval_ms: int
    price_places: int
    volume_places: int
    rows: int
    first_ms: int
    last_ms: int
    gaps: int
    missing: int
    source: str
    absent: tuple[tuple[int, int], ...]
    checksums: tuple[tuple[int, ...], ...]  # per column, per stretch of BLOCK rows

    @property
    def end_ms(self) -> int:
        """When the last candle was over; 0 without candles."""
        return self.last_ms + self.interval_ms if self.rows else 0


def write(path: Path, columns: CandleColumns, source: str, absent: tuple[tuple[int, int], ...] = ()) -> Head:
    """Put the candles in place of what the file held. OSError where the disk refuses; then the old file stands."""
    little = [column.astype(_ITEM, copy=False) for column in columns.columns]
    gaps = columns.gaps()
    head = Head(
        symbol=columns.symbol,
        interval_ms=columns.interval_ms,
        price_places=columns.price_places,
        volume_places=columns.volume_places,
        rows=len(columns),
        first_ms=int(columns.open_time_ms[0]) if len(columns) else 0,
        last_ms=int(columns.open_time_ms[-1]) if len(columns) else 0,
        gaps=len(gaps),
        missing=sum(gap.candles for gap in gaps),
        source=source,
        absent=absent,
        checksums=tuple(tuple(zlib.crc32(_bytes(block)) for _at, block in _blocks(column)) for column in little),
    )
    text = json.dumps(asdict(head), separators=(",", ":")).encode()
    prefix = _PREFIX.pack(MAGIC, VERSION, len(text), zlib.crc32(text), 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")  # one writer at a time, so one name is enough, and none piles up
    with fresh.open("wb") as file:
        file.write(prefix + text + b"\0" * (_start(len(text)) - _PREFIX.size - len(text)))
        for column in little:
            file.write(_bytes(column))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
    return head


def sync_folder(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_head(path: Path) -> Head:
    """What the file holds, without its candles. FileNotFoundError where there is none, else Unreadable."""
    with _opened(path) as (_file, head):
        return head


def read(path: Path, from_ms: int | None = None, to_ms: int | None = None) -> tuple[CandleColumns, Head]:
    """The candles that open at or after `from_ms` and before `to_ms`, checked. Raises as `read_head`."""
    with _opened(path) as (file, head):
        start = _data_start(file)
        times = _column(file, path, head, start, 0, 0, head.rows)
        first = 0 if from_ms is None else int(np.searchsorted(times, from_ms, side="left"))
        stop = head.rows if to_ms is None else int(np.searchsorted(times, to_ms, side="left"))
        stop = max(first, stop)
        others = [_column(file, path, head, start, number, first, stop) for number in range(1, len(COLUMNS))]
    try:
        found = CandleColumns(
            head.symbol, head.interval_ms, head.price_places, head.volume_places, times[first:stop], *others
        )
    except CandleError as error:
        raise _damaged(path, str(error)) from None
    return found, head


def shown(path: Path) -> str:
    """A candle file as people may read of it: which one below CANDLES_DIR, not where on this machine that is."""
    return f"{path.parent.name}/{path.name}"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Head]]:
    try:
        with path.open("rb") as file:
            yield file, _head(file, path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"{shown(path)} cannot be read: {error.strerror or error}. Look at its permissions.") from None


def _head(file: BinaryIO, path: Path) -> Head:
    raw = file.read(_PREFIX.size)
    if len(raw) < _PREFIX.size or raw[:8] != MAGIC:
        raise Unreadable(
            f"{shown(path)} is not a candle file of BotBalance. Move it away, or bring it in: candles import."
        )
    _magic, version, length, checksum, _zero = _PREFIX.unpack(raw)
    if version != VERSION:
        raise Unreadable(
            f"{shown(path)} is of format {version}, and this release reads format {VERSION}. Update BotBalance, or "
            f"move the file away and import its candles again."
        )
    text = file.read(length) if length <= _MOST_HEAD else b""
    if len(text) != length or zlib.crc32(text) != checksum:
        raise _damaged(path, "its head does not match its checksum")
    try:
        fields = json.loads(text)
        fields["absent"] = tuple((int(start), int(end)) for start, end in fields["absent"])
        fields["checksums"] = tuple(tuple(map(int, column)) for column in fields["checksums"])
        head = Head(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, f"its head is not understood ({error})") from None
    wanted = _start(length) + head.rows * _ITEM.itemsize * len(COLUMNS)
    size = os.fstat(file.fileno()).st_size
    if size != wanted:
        raise _damaged(path, f"it has {size} bytes and should have {wanted}")
    return head


def _column(file: BinaryIO, path: Path, head: Head, start: int, number: int, first: int, stop: int) -> Ints:
    """Rows first .. stop - 1 of a column; the stretches they lie in are read whole, and checked."""
    block_first = first // BLOCK * BLOCK
    block_stop = min(head.rows, -(-stop // BLOCK) * BLOCK) if stop > first else block_first
    file.seek(start + (number * head.rows + block_first) * _ITEM.itemsize)
    raw = np.fromfile(file, dtype=_ITEM, count=block_stop - block_first)
    for at, block in _blocks(raw):
        if zlib.crc32(_bytes(block)) != head.checksums[number][(block_first + at) // BLOCK]:
            raise _damaged(path, f"its column {COLUMNS[number]} does not match its checksum")
    return raw[first - block_first : stop - block_first].astype(np.int64, copy=False)


def _blocks(column: Ints) -> Iterator[tuple[int, Ints]]:
    return ((at, column[at : at + BLOCK]) for at in range(0, len(column), BLOCK))


def _bytes(column: Ints) -> memoryview:
    return np.ascontiguousarray(column).view(np.uint8).data


def _start(head_length: int) -> int:
    """Where the first column begins."""
    return -(-(_PREFIX.size + head_length) // _ALIGNMENT) * _ALIGNMENT


def _data_start(file: BinaryIO) -> int:
    file.seek(0)
    return _start(_PREFIX.unpack(file.read(_PREFIX.size))[2])


def _damaged(path: Path, why: str) -> Unreadable:
    return Unreadable(
        f"{shown(path)} is damaged: {why}. Restore it from a backup, or delete it and import or fetch its candles "
        f"again."
    )
