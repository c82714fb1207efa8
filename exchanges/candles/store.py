"""The candles this server keeps: what there is, and the candles themselves.

One file a symbol and interval, below CANDLES_DIR: 1h/BTCUSDT.candles. Writing is in exchanges.candles.keeping.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges.candles import files
from exchanges.candles.columns import CandleColumns
from exchanges.candles.files import Head, Unreadable
from exchanges.candles.intervals import LENGTHS_MS, NAMES, finer_than
from exchanges.candles.moments import written

SUFFIX = ".candles"
MARKET = "market"
"""The source of what was imported, or fetched from Binance itself: real trading. Any other source is named in full."""
_LONGEST_SYMBOL = 40


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of one symbol and interval: from the first opening time to the end of the last candle, UTC ms.

    `source` is "market" for real trading, else the venue it was fetched from (its prices never mix with the market's).
    """

    symbol: str
    interval: str
    interval_ms: int
    from_ms: int
    to_ms: int
    rows: int
    gaps: int
    missing: int
    source: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What is there; `unreadable` are sentences about files that are not what they should be."""

    stored: tuple[Stored, ...]
    unreadable: tuple[str, ...]


class CandlesMissing(NotFound):
    """Candles that are not stored; the message says which, and which command brings them."""

    default_code = "candles_missing"


class CandlesUnreadable(Conflict):
    """A candle file that is damaged or foreign; the message names it and says what to do."""

    default_code = "candles_unreadable"


def root() -> Path:
    """Where candles are kept: CANDLES_DIR."""
    return Path(settings.CANDLES_DIR)


def checked_symbol(text: str) -> str:
    """The symbol in capitals; Invalid for what cannot be one. Letters and digits only: it becomes a file's name."""
    symbol = text.strip().upper()
    if not symbol.isalnum() or len(symbol) > _LONGEST_SYMBOL:
        raise Invalid(
            _("%(text)r is not a symbol: letters and digits only, like BTCUSDT.") % {"text": text[:80]},
            fields={"symbol": [_("Letters and digits only, like BTCUSDT.")]},
        )
    return symbol


def checked_interval(text: str) -> str:
    """The interval's name; Invalid where candles of it are not kept."""
    if text not in LENGTHS_MS:
        known = ", ".join(LENGTHS_MS)
        raise Invalid(
            _("Candles of the interval %(text)r are not kept; choose one of %(known)s.")
            % {"text": text[:80], "known": known},
            fields={"interval": [_("Choose one of %(known)s.") % {"known": known}]},
        )
    return text


def path_of(symbol: str, interval: str) -> Path:
    """The file of a symbol and interval, there or not. Raises Invalid for names that cannot be."""
    return root() / checked_interval(interval) / f"{checked_symbol(symbol)}{SUFFIX}"


def listing() -> Listing:
    """Everything below CANDLES_DIR, by symbol and then by interval. Reads the heads of the files only."""
    found: list[Stored] = []
    unreadable: list[str] = []
    for path in sorted(root().glob(f"*/*{SUFFIX}")):
        if path.name.startswith("."):
            continue  # being written, or left by a writer that was killed
        try:
            found.append(_stored(_checked(path, files.read_head(path))))
        except Unreadable as error:
            unreadable.append(str(error))
        except FileNotFoundError:
            continue  # removed between the look at the folder and the look at the file
    found.sort(key=lambda one: (one.symbol, one.interval_ms))
    return Listing(tuple(found), tuple(unreadable))


def available() -> list[Stored]:
    """What can be loaded, by symbol and then by interval; files that cannot be read are left out (see `listing`)."""
    return [one for one in listing().stored if one.rows]


def read(
    symbol: str, interval: str, from_ms: int | None = None, to_ms: int | None = None
) -> tuple[CandleColumns, Head] | None:
    """What is stored under exactly this interval, opening in [from_ms, to_ms); None where there is no file.

    Raises CandlesUnreadable for a damaged file, Invalid for names that cannot be.
    """
    path = path_of(symbol, interval)
    try:
        columns, head = files.read(path, from_ms, to_ms)
        _checked(path, head)
    except FileNotFoundError:
        return None
    except Unreadable as error:
        raise CandlesUnreadable(str(error)) from None
    return columns, head


def load(
    symbols: Iterable[str], interval: str, from_ms: int | None = None, to_ms: int | None = None
) -> dict[str, CandleColumns]:
    """Candles of every symbol that open in [from_ms, to_ms), UTC ms; None is no limit.

    Where the interval itself is not stored, its candles are made of a finer one's, exactly, and only whole ones (see
    CandleColumns.resampled). What is stored may cover less than was asked for, and have gaps. Raises CandlesMissing
    where a symbol has no candle at all in that time, CandlesUnreadable, or Invalid for names that cannot be.
    """
    length = LENGTHS_MS[checked_interval(interval)]
    found: dict[str, CandleColumns] = {}
    lacking: list[str] = []
    reasons: list[str] = []
    for symbol in map(checked_symbol, symbols):
        heads = _heads(symbol, length)
        columns = _of_best(symbol, length, heads, from_ms, to_ms)
        if columns is not None and len(columns):
            found[symbol] = columns
        else:
            lacking.append(symbol)
            reasons.append(_why_missing(symbol, interval, heads))
    if lacking:
        raise CandlesMissing(" ".join([*reasons, _remedy(lacking, interval, from_ms)]))
    return found


def missing(symbols: list[str]) -> CandlesMissing:
    """The error of symbols of which nothing at all is stored."""
    nothing = _("There are no candles of %(symbols)s.") % {"symbols": ", ".join(symbols)}
    return CandlesMissing(f"{nothing} {_remedy(symbols, '1h', None)}")


def _heads(symbol: str, length: int) -> dict[int, Head]:
    """What is stored of a symbol that candles of this length can be had from, by interval in ms, coarsest first."""
    heads: dict[int, Head] = {}
    for candidate in [length, *finer_than(length)]:
        path = path_of(symbol, NAMES[candidate])
        try:
            heads[candidate] = _checked(path, files.read_head(path))
        except FileNotFoundError:
            continue
        except Unreadable as error:
            raise CandlesUnreadable(str(error)) from None
    return {candidate: head for candidate, head in heads.items() if head.rows}


def _of_best(
    symbol: str, length: int, heads: dict[int, Head], from_ms: int | None, to_ms: int | None
) -> CandleColumns | None:
    """The interval itself where it is stored; else of the finer one that covers most, and of two such the coarser."""

    def covered_ms(candidate: int) -> int:
        head = heads[candidate]
        begins = head.first_ms if from_ms is None else max(head.first_ms, from_ms)
        ends = head.end_ms if to_ms is None else min(head.end_ms, to_ms)
        return max(0, ends - begins)

    if not heads:
        return None
    best = length if length in heads else max(heads, key=covered_ms)
    head = heads[best]
    # Only whole longer candles are wanted: a stretch begins with the first that opens in it, and ends with its last.
    starts = None if from_ms is None else -(-from_ms // length) * length
    stops = None if to_ms is None else -(-to_ms // length) * length
    stored = read(symbol, NAMES[best], starts, stops)
    if stored is None:
        return None
    return stored[0].resampled(
        length,
        head.first_ms if starts is None else max(starts, head.first_ms),
        head.end_ms if stops is None else min(stops, head.end_ms),
    )


def _checked(path: Path, head: Head) -> Head:
    """The head, where it describes the file it was read from."""
    if f"{head.symbol}{SUFFIX}" != path.name or NAMES.get(head.interval_ms) != path.parent.name:
        raise Unreadable(
            f"{files.shown(path)} holds {head.symbol} {NAMES.get(head.interval_ms, head.interval_ms)}: it was renamed "
            f"or moved. Give it back its name, or delete it."
        )
    return head


def _stored(head: Head) -> Stored:
    return Stored(
        symbol=head.symbol,
        interval=NAMES[head.interval_ms],
        interval_ms=head.interval_ms,
        from_ms=head.first_ms,
        to_ms=head.end_ms,
        rows=head.rows,
        gaps=head.gaps,
        missing=head.missing,
        source=head.source,
    )


def _why_missing(symbol: str, interval: str, heads: dict[int, Head]) -> str:
    if not heads:
        return _("There are no %(interval)s candles of %(symbol)s, and no finer ones.") % {
            "interval": interval,
            "symbol": symbol,
        }
    kept = ", ".join(
        f"{NAMES[length]} {written(head.first_ms)} .. {written(head.end_ms)}" for length, head in heads.items()
    )
    return _("There are no %(interval)s candles of %(symbol)s in that time; stored: %(kept)s.") % {
        "interval": interval,
        "symbol": symbol,
        "kept": kept,
    }


def _remedy(symbols: list[str], interval: str, from_ms: int | None) -> str:
    since = "YYYY-MM-DD" if from_ms is None else written(from_ms).removesuffix("T00:00Z")
    fetch = f"manage.py candles fetch {' '.join(symbols)} --interval {interval} --from {since}"
    return _("Bring them with `%(fetch)s`, or from files with `manage.py candles import PATH`.") % {"fetch": fetch}
