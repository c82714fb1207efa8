"""Writing to the stored candles: adding to them and removing them, one writer of a symbol and interval at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from django.utils.translation import gettext as _

from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges.candles import files, locks, store
from exchanges.candles.columns import CandleColumns
from exchanges.candles.intervals import NAMES
from exchanges.candles.numbers import CandleError

WAIT_SECONDS = 60
WRITE, FETCH = "write", "fetch"
"""What only one may do at a time. A fetch takes long, and writes now and then."""
Stretch = tuple[int, int]
"""From an opening time to another, the second not included; UTC ms."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of candles that were added to the stored ones, and what is stored now."""

    added: int
    unchanged: int
    changed_ms: tuple[int, ...]  # opening times whose candle was another one before
    columns: CandleColumns


def add(columns: CandleColumns, source: str, absent: Sequence[Stretch] = ()) -> Kept:
    """Store candles beside those that are there; the new ones stand where both have one. Adding twice changes nothing.

    `source` is where they come from, and must be that of the stored ones: Conflict otherwise, as for a damaged file
    and for a writer that does not let go. `absent` are stretches in which the source has no candles. Invalid where the
    numbers of both do not fit into one scale.
    """
    interval = NAMES[columns.interval_ms]
    path = store.path_of(columns.symbol, interval)
    with writing(columns.symbol, interval):
        found = store.read(columns.symbol, interval)
        known, before = CandleColumns.empty(columns.symbol, columns.interval_ms), list[Stretch]()
        if found is not None and _is_of(columns.symbol, interval, found[1], source):
            known, before = found[0], list(found[1].absent)
        try:
            joined = known.joined(columns.trimmed())
        except CandleError as error:
            raise Invalid(_("%(symbol)s: %(reason)s") % {"symbol": columns.symbol, "reason": str(error)}) from None
        missing = _without(merged([*before, *absent]), joined.columns)
        if joined.added or joined.changed or found is None or missing != before:
            _write(path, joined.columns, source, tuple(missing))
        return Kept(joined.added, joined.unchanged, joined.changed_ms, joined.columns)


def forget_absent(symbol: str, interval: str) -> None:
    """Forget in which stretches the source had no candles, so that it is asked again."""
    with writing(symbol, interval):
        found = store.read(symbol, interval)
        if found is not None and found[1].absent:
            _write(store.path_of(symbol, interval), found[0], found[1].source, ())


def remove(symbol: str, interval: str) -> None:
    """Delete the stored candles of a symbol and interval, readable or not. NotFound where there are none."""
    path = store.path_of(symbol, interval)
    with writing(symbol, interval, what=FETCH, wait_seconds=0), writing(symbol, interval):
        rest = [path.with_name(f".{path.name}.new"), journal_of(symbol, interval)]
        is_there = path.exists()
        for one in [path, *rest]:
            one.unlink(missing_ok=True)
        if not is_there:
            raise NotFound(
                _("There are no stored %(interval)s candles of %(symbol)s.") % {"interval": interval, "symbol": symbol}
            )
        files.sync_folder(path.parent)


def check_source(symbol: str, interval: str, source: str) -> None:
    """Conflict where candles of another source are stored: prices of a simulation must not mix with the market's."""
    path = store.path_of(symbol, interval)
    try:
        head = files.read_head(path)
    except FileNotFoundError:
        return
    except files.Unreadable as error:
        raise store.CandlesUnreadable(str(error)) from None
    _is_of(symbol, interval, head, source)


def journal_of(symbol: str, interval: str) -> Path:
    """Where a fetch writes down its pages until they are added to the stored candles."""
    path = store.path_of(symbol, interval)
    return path.with_name(f".{path.stem}.fetched")


@contextmanager
def writing(symbol: str, interval: str, *, what: str = WRITE, wait_seconds: int = WAIT_SECONDS) -> Iterator[None]:
    """Be the only one who does `what` with a symbol and interval; Conflict where another does not let go."""
    path = store.path_of(symbol, interval)
    lock = store.root() / ".locks" / f"{path.parent.name}-{path.stem}.{what}"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise _not_written(lock, error) from None
    try:
        with locks.hold(lock, wait_seconds):
            yield
    except locks.Busy:
        raise Conflict(
            _("Another process is writing the %(interval)s candles of %(symbol)s. Try again when it has finished.")
            % {"interval": interval, "symbol": path.stem},
            code="candles_busy",
        ) from None


def together(gathered: Sequence[CandleColumns]) -> tuple[CandleColumns, list[int]]:
    """Columns of one symbol and interval as one, later ones standing, and the times at which two of them differ.

    They are joined in pairs: each row is moved a few times only, however many there are. CandleError where they do not
    fit into one scale.
    """
    changed: list[int] = []

    def pair(one: CandleColumns, other: CandleColumns) -> CandleColumns:
        joined = one.joined(other)
        changed.extend(joined.changed_ms)
        return joined.columns

    while len(gathered) > 1:
        gathered = [reduce(pair, gathered[at : at + 2]) for at in range(0, len(gathered), 2)]
    return gathered[0], changed


def merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The same moments as stretches that neither overlap nor touch, ascending."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def cut(stretches: Sequence[Stretch], away: Sequence[Stretch]) -> list[Stretch]:
    """The moments of the first that are in none of the second."""
    found: list[Stretch] = []
    holes = merged(away)
    at = 0
    for start, end in merged(stretches):
        while at < len(holes) and holes[at][1] <= start:
            at += 1
        while at < len(holes) and holes[at][0] < end:
            if holes[at][0] > start:
                found.append((start, holes[at][0]))
            start = holes[at][1]
            if start >= end:
                break  # the next stretch may begin in this hole too
            at += 1
        if start < end:
            found.append((start, end))
    return found


def covered(columns: CandleColumns) -> list[Stretch]:
    """The stretches in which no candle is missing."""
    if not len(columns):
        return []
    edges = [int(columns.open_time_ms[0])]
    for gap in columns.gaps():
        edges += [gap.from_ms, gap.to_ms]
    edges.append(columns.end_ms)
    return list(zip(edges[::2], edges[1::2], strict=True))


def _without(absent: list[Stretch], columns: CandleColumns) -> list[Stretch]:
    """What is there is not absent, whoever brought it."""
    return cut(absent, covered(columns)) if absent else []


def _is_of(symbol: str, interval: str, head: files.Head, source: str) -> bool:
    """Whether the stored candles are of this source; Conflict where they are of another. None at all bind nobody."""
    if head.source == source:
        return True
    if head.rows:
        raise Conflict(
            _(
                "The stored %(interval)s candles of %(symbol)s are from %(stored)s, these from %(source)s; they do not "
                "mix. Remove the stored ones first (manage.py candles remove %(symbol)s --interval %(interval)s), or "
                "use another CANDLES_DIR."
            )
            % {"interval": interval, "symbol": symbol, "stored": _named(head.source), "source": _named(source)},
            code="candles_of_another_source",
        )
    return False


def _named(source: str) -> str:
    return _("the market") if source == store.MARKET else source


def _write(path: Path, columns: CandleColumns, source: str, absent: tuple[Stretch, ...]) -> None:
    try:
        files.write(path, columns, source, absent)
    except OSError as error:
        raise _not_written(path, error) from None


def _not_written(path: Path, error: OSError) -> Conflict:
    return Conflict(
        _("%(path)s could not be written: %(reason)s. What was stored before is unharmed.")
        % {"path": path, "reason": error.strerror or str(error)},
        code="candles_not_written",
    )
