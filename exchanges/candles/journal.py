"""What a fetch has received and not yet added to the stored candles, page by page on the disk: a process that is killed
loses no page that has arrived.

Lines of text: first the source, then `candle,open_time_ms,open,high,low,close,volume` and `absent,from_ms,to_ms`. Only
whole lines count, and nothing behind a line that is none of these: what is lost is asked for again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

from botbalance.lib.money import plain
from exchanges.candles.columns import CandleColumns
from exchanges.candles.numbers import CandleError


class Journal:
    """A journal being written. It is there from the first page on."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, columns: CandleColumns, absent: Sequence[tuple[int, int]]) -> None:
        """Write down a page; it survives the process when this returns."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
            self._file.write(json.dumps({"source": self._source}) + "\n")
        for row in columns.rows():
            self._file.write(f"candle,{row.open_time_ms},{','.join(map(plain, row[1:]))}\n")
        for start, end in absent:
            self._file.write(f"absent,{start},{end}\n")
        self._file.flush()

    def forget(self) -> None:
        """Delete it: all of it is stored now."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._path.unlink(missing_ok=True)


class Found(NamedTuple):
    """What a journal holds."""

    source: str
    columns: CandleColumns
    absent: list[tuple[int, int]]


def read(path: Path, symbol: str, interval_ms: int) -> Found | None:
    """What a killed fetch has left behind; None where there is nothing to be had from it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    first, *lines = text.split("\n")[:-1] or [""]
    try:
        source = str(json.loads(first)["source"])
    except (ValueError, KeyError, TypeError):
        return None
    rows: dict[int, tuple[int, str, str, str, str, str]] = {}
    absent: list[tuple[int, int]] = []
    for line in lines:
        kind, *cells = line.split(",")
        try:
            if kind == "candle" and len(cells) == 6:
                moment, opened, high, low, close, volume = int(cells[0]), *cells[1:]
                CandleColumns.from_rows(symbol, interval_ms, [(moment, opened, high, low, close, volume)])
                rows[moment] = (moment, opened, high, low, close, volume)
            elif kind == "absent" and len(cells) == 2:
                absent.append((int(cells[0]), int(cells[1])))
            else:
                break
        except ValueError:  # CandleError is one
            break
    try:
        columns = CandleColumns.from_rows(symbol, interval_ms, [rows[moment] for moment in sorted(rows)])
    except CandleError:
        return None
    return Found(source, columns, absent)
