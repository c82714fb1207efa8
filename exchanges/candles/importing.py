"""Bringing candles in from files: whatever can be read of them is stored, and whatever cannot is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from botbalance.lib.errors import AppError, Invalid
from exchanges.candles import keeping, sources, store
from exchanges.candles.checking import BadRows, Checked, sorted_out
from exchanges.candles.columns import CandleColumns, Gap
from exchanges.candles.intervals import NAMES
from exchanges.candles.numbers import CandleError
from exchanges.candles.parsing import pieces
from exchanges.candles.sources import Text

BUFFERED_ROWS = 4_000_000
"""So many rows are gathered before they are stored: each time a symbol's file is written anew."""
_SHOWN_CHANGES = 5
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What was brought in of a symbol and interval, and what is stored of it now. Times in UTC ms."""

    symbol: str
    interval: str
    rows: int = 0  # good rows that the files had
    added: int = 0
    unchanged: int = 0
    changed: int = 0  # another candle was known of that time; the new one stands
    changed_ms: tuple[int, ...] = ()  # when, of the first of them
    repeated: int = 0  # rows that said once more what another row of the file says
    bad: int = 0
    stored: int = 0
    from_ms: int = 0
    to_ms: int = 0
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    file: str
    line: int
    reason: str


@dataclass(slots=True)
class Report:
    """What an import has done. `refused` are files, or symbols, of which nothing was taken, with the reason."""

    files: int = 0
    others: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    symbols: dict[Key, SymbolReport] = field(default_factory=dict)

    def change(self, key: Key, **numbers: int) -> None:
        """Add to a symbol's numbers."""
        before = self.symbols.get(key) or SymbolReport(*key)
        self.symbols[key] = replace(before, **{name: getattr(before, name) + by for name, by in numbers.items()})


def bring_in(
    paths: Sequence[str],
    *,
    now_ms: int,
    symbol: str | None = None,
    interval: str | None = None,
    is_strict: bool = False,
    most_shown: int = 20,
) -> Report:
    """Store the candles of files, folders (with all below) and patterns.

    `symbol` and `interval` are for files that do not say themselves. `is_strict`: nothing is taken of a file with a bad
    row. Candles that are not over at `now_ms` are bad. Invalid for a path that leads nowhere and for names that cannot
    be; everything else that goes wrong is in the report.
    """
    symbol = None if symbol is None else store.checked_symbol(symbol)
    interval = None if interval is None else store.checked_interval(interval)
    try:
        files, others = sources.files_of(paths)
    except sources.NothingThere as error:
        raise Invalid(str(error)) from None
    work = _Import(Report(files=len(files), others=others), now_ms, symbol, interval, is_strict, most_shown)
    for path in files:
        work.read(path)
    work.store()
    work.complete()
    return work.report


@dataclass(slots=True)
class _Import:
    report: Report
    now_ms: int
    symbol: str | None
    interval: str | None
    is_strict: bool
    most_shown: int
    _gathered: dict[Key, list[CandleColumns]] = field(default_factory=dict)
    _rows: int = 0

    def read(self, path: Path) -> None:
        try:
            texts = sources.texts_of(path)
        except CandleError as error:
            self.report.refused.append((str(path), str(error)))
            return
        for text in texts:
            self._read(text)

    def _read(self, text: Text) -> None:
        bad = BadRows(max(0, self.most_shown - len(self.report.bad_rows)))
        symbol = self.symbol or sources.symbol_in(text)
        try:
            interval = self.interval or sources.interval_in(text)
            with sources.opened(text) as stream:
                found = list(sorted_out(pieces(stream, bad.add), symbol, interval, self.now_ms, bad))
            self._check_names(found)
        except CandleError as error:
            self._tell(text, bad)
            self.report.refused.append((text.shown, str(error)))
            return
        self._tell(text, bad)
        self._count_unread(found, bad, symbol, interval)
        if not found and not bad.count:
            self.report.refused.append((text.shown, "it has no rows"))
            return
        if self.is_strict and bad.count:
            self.report.refused.append((text.shown, f"it has bad rows: {bad.count} (--strict)"))
            return
        for one in found:
            if len(one.columns):
                self._gather(one)
        if self._rows >= BUFFERED_ROWS:
            self.store()

    def _check_names(self, found: list[Checked]) -> None:
        """What the options say must be what the columns say, where there are such columns."""
        for one in found:
            name, length = one.columns.symbol, NAMES[one.columns.interval_ms]
            if self.symbol not in (None, name):
                raise CandleError(f"it holds candles of {name}, and --symbol says {self.symbol}")
            if self.interval not in (None, length):
                raise CandleError(f"it holds candles of {length}, and --interval says {self.interval}")

    def _tell(self, text: Text, bad: BadRows) -> None:
        self.report.bad += bad.count
        self.report.bad_rows += [BadRow(text.shown, line, reason) for line, reason in sorted(bad.told)]

    def _count_unread(self, found: list[Checked], bad: BadRows, symbol: str | None, interval: str | None) -> None:
        """Bad rows by symbol; those of which the symbol could not be read are the file's, where that has one symbol."""
        for one in found:
            self.report.change(_key(one.columns), bad=one.bad)
        unread = bad.count - sum(one.bad for one in found)
        if unread and len(found) == 1:
            self.report.change(_key(found[0].columns), bad=unread)
        elif unread and not found and symbol and interval:
            self.report.change((symbol, interval), bad=unread)

    def _gather(self, one: Checked) -> None:
        key = _key(one.columns)
        self._gathered.setdefault(key, []).append(one.columns)
        self._rows += len(one.columns)
        self.report.change(key, rows=len(one.columns), repeated=one.repeated)

    def complete(self) -> None:
        """What is stored of symbols whose files had nothing to add."""
        for key, known in self.report.symbols.items():
            try:
                found = store.read(*key) if not known.stored else None
            except store.CandlesUnreadable as error:
                self.report.refused.append((" ".join(key), str(error)))
                continue
            if found is not None and len(found[0]):
                self.report.symbols[key] = _with_stored(known, found[0])

    def store(self) -> None:
        """Add what was gathered to the stored candles."""
        for key, gathered in sorted(self._gathered.items()):
            try:
                columns, changed = keeping.together(gathered)
                kept = keeping.add(columns, store.MARKET)
            except (CandleError, AppError) as error:
                self.report.refused.append((" ".join(key), str(error)))
                continue
            changed = sorted({*changed, *kept.changed_ms})
            before = self.report.symbols[key]
            after = replace(
                before,
                added=before.added + kept.added,
                unchanged=before.unchanged + kept.unchanged,
                changed=before.changed + len(changed),
                changed_ms=(*before.changed_ms, *changed)[:_SHOWN_CHANGES],
            )
            self.report.symbols[key] = _with_stored(after, kept.columns)
        self._gathered.clear()
        self._rows = 0


def _key(columns: CandleColumns) -> Key:
    return columns.symbol, NAMES[columns.interval_ms]


def _with_stored(known: SymbolReport, columns: CandleColumns) -> SymbolReport:
    return replace(
        known,
        stored=len(columns),
        from_ms=int(columns.open_time_ms[0]),
        to_ms=columns.end_ms,
        gaps=tuple(columns.gaps()),
    )
