"""Scales of charts: round numbers and dates, and long series made shorter without losing extremes. Pure but
for the reader's language.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import numpy.typing as npt
from django.utils.translation import pgettext

from botbalance.lib import numbers
from botbalance.lib.money import HUNDRED, quantize, wide

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = Sequence[float] | Floats
Times = Sequence[int] | Ints

CLOSE = "\N{NO-BREAK SPACE}"
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_MILLION, _BILLION = Decimal(10**6), Decimal(10**9)
_MINUTE = timedelta(minutes=1)
# Half the width of a date, as a share of the axis: on a wide one, and on a phone's.
_HALF, _HALF_NARROW = 0.04, 0.135
# Distances between dates on an axis: (months, or 0; else the time), how they are written, and how many fit beside
# each other; half as many do on a phone.
_DATES: tuple[tuple[int, timedelta, str, int], ...] = (
    *((0, count * _MINUTE, "%m-%d %H:%M", 6) for count in (1, 5, 15, 30, 60, 180, 360, 720)),
    *((0, timedelta(days=count), "%Y-%m-%d", 6) for count in (1, 2, 5, 10)),
    *((count, timedelta(), "%Y-%m", 8) for count in (1, 2, 3, 6)),
    *((12 * count, timedelta(), "%Y", 8) for count in (1, 2, 5, 10, 20, 50)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis: how far from the left or from the top, and which end of the text stands there. `is_minor`: it
    can be left out where there is little room. `is_late`: where there is little room, it ends where the axis does.
    """

    place: str
    text: str
    anchor: str = "middle"
    is_minor: bool = False
    is_late: bool = False


def number(value: float) -> str:
    """A coordinate: at most two decimals, never an exponent."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def percent_of(value: float, whole: float) -> str:
    """A place in percent, "37.5%"."""
    return f"{number(value / whole * 100)}%"


def round_ticks(low: float, high: float, most: int = 6) -> tuple[Decimal, ...]:
    """At most `most` (3 or more) round numbers at even distances that hold `low` to `high` between them, ascending.

    Distances are 1, 2, 2.5 or 5 times a power of ten. Equal or swapped ends are spread apart first.
    """
    with wide():
        bottom, top = Decimal(repr(float(min(low, high)))), Decimal(repr(float(max(low, high))))
        if bottom == top:
            room = abs(bottom) / HUNDRED or Decimal(1)
            bottom, top = bottom - room, top + room
        rough = (top - bottom) / (most - 1)
        power = Decimal(1).scaleb(rough.adjusted())
        for factor in (*_STEPS, *(10 * step for step in _STEPS)):
            step = factor * power
            first = (bottom / step).to_integral_value(ROUND_FLOOR)
            last = (top / step).to_integral_value(ROUND_CEILING)
            if step >= rough and last - first < most:
                break
        return tuple(place * step for place in map(Decimal, range(int(first), int(last) + 1)))


def tick_text(value: Decimal, step: Decimal, unit: str = "") -> str:
    """A number on an axis whose ticks are `step` apart: with no more decimals than tell them apart, grouped; millions
    and billions shortened (1.5 M, 2 B). The `unit` is "" or "%", as in "25%".
    """
    letter = ""
    for size, name in ((_BILLION, pgettext("on an axis", "B")), (_MILLION, pgettext("on an axis", "M"))):
        if abs(value) >= size or (value == 0 and step >= size):
            value, step, letter = value / size, step / size, f"{CLOSE}{name}"
            break
    exponent = step.normalize().as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    text = f"{numbers.number(quantize(value, places))}{letter}"
    return numbers.in_percent(text) if unit else text


def date_ticks(start_ms: int, end_ms: int) -> tuple[Tick, ...]:
    """Turns of the calendar (UTC) between two times, as near to each other as fits; at the least the first day."""
    start, end = _moment(start_ms), _moment(end_ms)
    length = max(1, end_ms - start_ms)
    turns: list[datetime] = []
    written = "%Y-%m-%d"
    for months, distance, written, most in _DATES:  # noqa: B007  (how the chosen ones are written is used below)
        turns = _up_to(_turns(start, end, months, distance), most)
        if turns:
            break
    if not turns:
        turns, written = [start], "%Y-%m-%d"
    shares = [(_ms(turn) - start_ms) / length for turn in turns]
    minor = _minor(shares)
    return tuple(
        _date_tick(turn, written, share, is_minor=place in minor)
        for place, (turn, share) in enumerate(zip(turns, shares, strict=True))
    )


def _minor(shares: Sequence[float]) -> set[int]:
    """Which dates give way on a phone: every second one of many, and one that the last would stand on."""
    places = range(len(shares))
    if len(shares) > 3:
        return set(places[1::2])
    last = min(shares[-1], 1 - _HALF_NARROW)
    return {place for place in places[:-1] if last - shares[place] < 2 * _HALF_NARROW}


def _date_tick(turn: datetime, written: str, share: float, *, is_minor: bool) -> Tick:
    # At the right end the text stands inside of the axis; at the left there is room for it.
    anchor, is_late = "end" if share > 1 - _HALF else "middle", share > 1 - _HALF_NARROW and not is_minor
    return Tick(percent_of(share, 1), turn.strftime(written), anchor, is_minor, is_late)


def _up_to(turns: Iterator[datetime], most: int) -> list[datetime]:
    """The turns, or none where there are more than `most`."""
    found: list[datetime] = []
    for turn in turns:
        if len(found) == most:
            return []
        found.append(turn)
    return found


def _turns(start: datetime, end: datetime, months: int, distance: timedelta) -> Iterator[datetime]:
    """Times in [start, end]: every so many months from January, or at whole distances from midnight or the epoch."""
    if months:
        count = -(-_months(start, rounded_up=True) // months) * months
        while (turn := datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)) <= end:
            yield turn
            count += months
        return
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    turn = epoch + -(-(start - epoch) // distance) * distance
    while turn <= end:
        yield turn
        turn += distance


def _months(moment: datetime, *, rounded_up: bool) -> int:
    """Months since year 0."""
    whole = moment.year * 12 + moment.month - 1
    begins = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    return whole + (1 if rounded_up and moment > begins else 0)


def _moment(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(ms))


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def extremes(values: Numbers, most: int) -> Ints:
    """Places of at most `most` (4 or more) values, ascending, among them the first and the last: of every stretch the
    highest and the lowest. Values that are no number are skipped unless all of a stretch are.
    """
    array = np.asarray(values, dtype=np.float64)
    count = len(array)
    if count <= most:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, (most - 2) // 2 + 1).astype(np.int64)
    kept = {0, count - 1}
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = array[begin:end]
        known = np.isfinite(part)
        if not known.any():
            kept.add(begin)
            continue
        kept.add(begin + int(np.argmin(np.where(known, part, np.inf))))
        kept.add(begin + int(np.argmax(np.where(known, part, -np.inf))))
    return np.array(sorted(kept), dtype=np.int64)
