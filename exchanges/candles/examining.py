"""Looking at stored candles one by one: whether the files are whole, the candles can be, and where some are missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from exchanges.candles import store
from exchanges.candles.columns import Gap
from exchanges.candles.moments import written

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """One symbol and interval. `problems` tells of the first twenty of its `wrong` candles."""

    symbol: str
    interval: str
    rows: int
    from_ms: int
    to_ms: int
    source: str
    gaps: tuple[Gap, ...]
    wrong: int
    problems: tuple[str, ...]


def examine(symbols: Sequence[str] = ()) -> tuple[list[Examined], list[str]]:
    """What is stored of these symbols (none: of all), read whole and checked; and sentences about what is not readable.

    CandlesMissing where nothing is stored of a symbol that is named, Invalid for a name that cannot be.
    """
    wanted = {store.checked_symbol(symbol) for symbol in symbols}
    listing = store.listing()
    missing = wanted - {one.symbol for one in listing.stored}
    damaged = [text for text in listing.unreadable if not wanted or any(f"/{name}." in text for name in wanted)]
    unexplained = sorted(name for name in missing if not any(f"/{name}." in text for text in damaged))
    if unexplained:
        raise store.missing(unexplained)
    found: list[Examined] = []
    for one in listing.stored:
        if wanted and one.symbol not in wanted:
            continue
        try:
            stored = store.read(one.symbol, one.interval)
        except store.CandlesUnreadable as error:
            damaged.append(error.message)
            continue
        if stored is None:
            continue  # removed since the listing
        columns = stored[0]
        problems = columns.problems()
        texts = [
            f"{written(int(columns.open_time_ms[problem.position]))}: {problem.reason}" for problem in problems[:_SHOWN]
        ]
        found.append(
            Examined(
                one.symbol,
                one.interval,
                len(columns),
                one.from_ms,
                one.to_ms,
                one.source,
                tuple(columns.gaps()),
                len(problems),
                tuple(texts),
            )
        )
    return found, damaged
