"""Of which time there are candles to try something on."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from exchanges.candles import store
from exchanges.candles.intervals import LENGTHS_MS
from exchanges.candles.moments import written
from exchanges.candles.store import Stored


class NotCovered(Exception):
    """A time cannot be tried: why, and the field to change."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.text = text


def stored_for(symbols: Sequence[str], interval: str) -> dict[str, Stored]:
    """What candles of this interval would be made of, by symbol; a symbol without any is missing."""
    length = LENGTHS_MS[interval]
    found: dict[str, Stored] = {}
    for one in store.available():
        if one.symbol not in symbols or length % one.interval_ms:
            continue
        best = found.get(one.symbol)
        # The interval itself where it is stored; else what covers most, and of two such the coarser.
        if best is None or _rank(one, length) > _rank(best, length):
            found[one.symbol] = one
    return found


def _rank(one: Stored, length: int) -> tuple[bool, int, int]:
    return one.interval_ms == length, one.to_ms - one.from_ms, one.interval_ms


def period(symbols: Sequence[str], interval: str, from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    """The time to try, UTC ms: what is given, and where it is not the time of which there are candles of all symbols.

    Raises NotCovered where a symbol has no candle in it. Candles need not cover all of it: a coin may be listed later.
    """
    found = stored_for(symbols, interval)
    lacking = [symbol for symbol in symbols if symbol not in found]
    if lacking:
        raise NotCovered("targets", store.missing(lacking).message)
    begins = max(one.from_ms for one in found.values()) if from_ms is None else from_ms
    ends = min(one.to_ms for one in found.values()) if to_ms is None else to_ms
    if begins >= ends:
        if from_ms is not None and to_ms is not None:
            raise NotCovered("to", _("The end is not after the beginning."))
        raise NotCovered(
            "from", _("There is no time with candles of all assets: %(known)s.") % {"known": _known(found)}
        )
    length = LENGTHS_MS[interval]
    away = [one for one in found.values() if min(one.to_ms, ends) - max(one.from_ms, begins) < length]
    if away:
        text = _("There are no candles in that time of %(known)s.")
        raise NotCovered("from", text % {"known": _known({one.symbol: one for one in away})})
    return begins, ends


def _known(found: dict[str, Stored]) -> str:
    return ", ".join(
        f"{one.symbol} ({one.interval}, {written(one.from_ms)} .. {written(one.to_ms)})" for one in found.values()
    )
