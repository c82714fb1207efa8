"""Geometry of charts as attributes of SVG: pure, and in the decimal point whatever the reader's language.

Rings are circles with pathLength 100, so that a dash is a percentage; nothing needs a style attribute.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
class DriftBar:
    """A drift as a bar from the middle of a box of 200, with its band around the middle: places and lengths."""

    x: str
    width: str
    band_x: str
    band_width: str


def drift_bars(drifts: Mapping[str, tuple[Decimal | None, Decimal | None]]) -> dict[str, DriftBar]:
    """Bars of (drift, band) in points, by name, on one scale that the largest of all nearly fills."""
    with wide():
        most = max((abs(value) for pair in drifts.values() for value in pair if value is not None), default=ZERO)
        scale = _HALF / most if most else ZERO
        return {name: _bar((drift or ZERO) * scale, (band or ZERO) * scale) for name, (drift, band) in drifts.items()}


def _bar(drift: Decimal, band: Decimal) -> DriftBar:
    return DriftBar(
        _number(HUNDRED + min(drift, ZERO)), _number(abs(drift)), _number(HUNDRED - band), _number(2 * band)
    )


_HALF = Decimal(96)


def _number(value: Decimal) -> str:
    return f"{quantize(value, 2):f}"
