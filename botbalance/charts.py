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
    """A value over time: the points of a polyline and of the area below it, and what the axes say."""

    points: str
    area: str
    low: Decimal
    high: Decimal
    first_at: datetime
    last_at: datetime
    change_pct: Decimal | None


def line(values: Sequence[tuple[datetime, Decimal]], *, width: int, height: int, most_points: int = 160) -> Line | None:
    """A line of (time, value), oldest first, within `width` x `height`; None where there is nothing to draw.

    Of more points than `most_points` every n-th is drawn, and always the last.
    """
    values = _thinned(values, most_points)
    if len(values) < 2 or values[0][0] == values[-1][0]:
        return None
    start, end = values[0][0], values[-1][0]
    low, high = min(value for _at, value in values), max(value for _at, value in values)
    with wide():
        seconds = Decimal((end - start) // _MICROSECOND)
        # A line that hardly moves is drawn flat, not as mountains of noise: the scale spans at least 1 % of the value.
        room = max(high - low, high / HUNDRED) or Decimal(1)
        bottom = (high + low - room) / 2
        points = [
            (
                Decimal((at - start) // _MICROSECOND) / seconds * width,
                height - (value - bottom) / room * height,
            )
            for at, value in values
        ]
        first = values[0][1]
        change = (values[-1][1] - first) / first * HUNDRED if first > 0 else None
    text = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return Line(text, f"0,{height} {text} {width},{height}", low, high, start, end, change)


_MICROSECOND = datetime.resolution


def _thinned(values: Sequence[tuple[datetime, Decimal]], most: int) -> list[tuple[datetime, Decimal]]:
    step = -(-len(values) // most) or 1
    thinned = list(values[::step])
    if values and thinned[-1] != values[-1]:
        thinned.append(values[-1])
    return thinned


def _number(value: Decimal) -> str:
    return f"{quantize(value, 2):f}"
