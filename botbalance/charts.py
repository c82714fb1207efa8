"""Geometry of charts as attributes of SVG: pure, and in the decimal point whatever the reader's language.

Rings are circles with pathLength 100, so that a dash is a percentage; nothing needs a style attribute.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ZERO, quantize, wide


@dataclass(frozen=True, slots=True)
class Arc:
    """A part of a ring, clockwise from the top: `stroke-dasharray` and `stroke-dashoffset`."""

    name: str
    colour: str
    share: Decimal
    dashes: str
    offset: str


def ring(parts: Iterable[tuple[str, str, Decimal]]) -> list[Arc]:
    """Arcs of (name, colour class, weight); weights are scaled to fill the ring, those below 0 left out."""
    shown = [(name, colour, weight) for name, colour, weight in parts if weight > 0]
    total = sum((weight for _name, _colour, weight in shown), ZERO)
    arcs, start = [], ZERO
    with wide():
        for name, colour, weight in shown:
            share = weight / total * HUNDRED
            arcs.append(Arc(name, colour, share, f"{_number(share)} {_number(HUNDRED - share)}", _number(-start)))
            start += share
    return arcs


@dataclass(frozen=True, slots=True)
class Line:
    """A value over time: the points of a polyline and of the area below it, and what the axes say.

    `beside` are the points of other lines on the same scale, "" for one that has fewer than two points.
    """

    points: str
    area: str
    low: Decimal
    high: Decimal
    first_at: datetime
    last_at: datetime
    change_pct: Decimal | None
    beside: tuple[str, ...] = ()


Values = Sequence[tuple[datetime, Decimal]]


def line(
    values: Values, *, width: int, height: int, most_points: int = 160, beside: Sequence[Values] = ()
) -> Line | None:
    """A line of (time, value), oldest first, within `width` x `height`; None where there is nothing to draw.

    Of more points than `most_points` every n-th is drawn, and always the last. The lines `beside` it are drawn on its
    scale, which holds them all; of them only what lies within its time.
    """
    values = _thinned(values, most_points)
    if len(values) < 2 or values[0][0] == values[-1][0]:
        return None
    start, end = values[0][0], values[-1][0]
    others = [_thinned([(at, value) for at, value in other if start <= at <= end], most_points) for other in beside]
    numbers = [value for drawn in (values, *others) for _at, value in drawn]
    low, high = min(numbers), max(numbers)
    with wide():
        seconds = Decimal((end - start) // _MICROSECOND)
        # A line that hardly moves is drawn flat, not as mountains of noise: the scale spans at least 1 % of the value.
        room = max(high - low, high / HUNDRED) or Decimal(1)
        bottom = (high + low - room) / 2

        def drawn(points: Values) -> str:
            return " ".join(
                f"{_number(Decimal((at - start) // _MICROSECOND) / seconds * width)},"
                f"{_number(height - (value - bottom) / room * height)}"
                for at, value in points
            )

        text = drawn(values)
        beside_texts = tuple(drawn(other) if len(other) > 1 else "" for other in others)
        first = values[0][1]
        change = (values[-1][1] - first) / first * HUNDRED if first > 0 else None
    return Line(text, f"0,{height} {text} {width},{height}", low, high, start, end, change, beside_texts)


_MICROSECOND = datetime.resolution


def _thinned(values: Sequence[tuple[datetime, Decimal]], most: int) -> list[tuple[datetime, Decimal]]:
    step = -(-len(values) // most) or 1
    thinned = list(values[::step])
    if values and thinned[-1] != values[-1]:
        thinned.append(values[-1])
    return thinned


def _number(value: Decimal) -> str:
    return f"{quantize(value, 2):f}"
