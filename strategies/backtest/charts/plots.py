"""Lines over time, drawdowns and stacked weights. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from strategies.backtest.charts.scales import (
    Floats,
    Ints,
    Numbers,
    Tick,
    Times,
    date_ticks,
    extremes,
    number,
    percent_of,
    round_ticks,
    tick_text,
)

WIDTH = 1000
HEIGHT = 280
MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time (UTC ms, ascending), in the order of `times`. What is no number leaves a gap.

    `css` are the classes that colour it.
    """

    name: str
    css: str
    times: Times
    values: Numbers


@dataclass(frozen=True, slots=True)
class Shape:
    """A path within the box, with the classes that draw it. `name` is what a legend calls it, "" for none."""

    css: str
    path: str
    name: str = ""
    title: str = ""

    @property
    def is_line(self) -> bool:
        """Whether it is drawn as a line: so is its sign in a legend."""
        return self.css.startswith("line")


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign at a point of the box, in percent, whose shape is not stretched. `title` says what it is."""

    x: str
    y: str
    css: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: a box of `width` x `height` that is stretched to the width there is, and what stands at its sides."""

    height: int
    shapes: tuple[Shape, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...] = ()
    width: int = WIDTH
    legend: tuple[Shape, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "legend", tuple(shape for shape in self.shapes if shape.name))

    @property
    def box(self) -> str:
        """The viewBox."""
        return f"0 0 {self.width} {self.height}"


@dataclass(frozen=True, slots=True)
class Axis:
    """Numbers from bottom to top of a box."""

    ticks: tuple[Decimal, ...]
    height: int
    unit: str = ""

    @classmethod
    def of(cls, low: float, high: float, height: int, unit: str = "") -> "Axis":
        """Round numbers around the values. What hardly moves is drawn flat: the axis spans at least 1 % of them."""
        room = max(abs(low), abs(high)) / 100
        if high - low < room:
            middle = (high + low) / 2
            low, high = middle - room / 2, middle + room / 2
        return cls(round_ticks(low, high), height, unit)

    def places(self, values: Numbers) -> Floats:
        """How far from the top."""
        low, high = float(self.ticks[0]), float(self.ticks[-1])
        return self.height - (np.asarray(values, dtype=np.float64) - low) / (high - low) * self.height

    def labels(self) -> tuple[Tick, ...]:
        step = self.ticks[1] - self.ticks[0]
        places = self.places([float(tick) for tick in self.ticks])
        return tuple(
            Tick(percent_of(float(place), self.height), tick_text(tick, step, self.unit), "end")
            for place, tick in zip(places, self.ticks, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Time from the left to the right of a box, UTC ms."""

    start_ms: int
    end_ms: int

    @classmethod
    def of(cls, times: Sequence[Times]) -> "Span | None":
        """From the first to the last of them; None where they are fewer than two moments."""
        ends = [int(moment) for one in times if len(one) for moment in (one[0], one[-1])]
        if not ends or min(ends) == max(ends):
            return None
        return cls(min(ends), max(ends))

    def places(self, times: Times) -> Floats:
        """How far from the left."""
        since = np.asarray(times, dtype=np.int64) - self.start_ms
        placed: Floats = since / (self.end_ms - self.start_ms) * WIDTH
        return placed

    def labels(self) -> tuple[Tick, ...]:
        return date_ticks(self.start_ms, self.end_ms)


def line_path(x: Floats, y: Floats) -> str:
    """A path through the points, interrupted where one is no number."""
    parts, is_drawing = [], False
    for left, top in zip(x.tolist(), y.tolist(), strict=True):
        if not np.isfinite(top):
            is_drawing = False
            continue
        parts.append(f"{'L' if is_drawing else 'M'}{number(left)},{number(top)}")
        is_drawing = True
    return "".join(parts)


def band_path(x: Floats, upper: Floats, lower: Floats) -> str:
    """The area between two lines over the same places. All must be numbers."""
    there = line_path(x, upper)
    back = "".join(f"L{number(left)},{number(top)}" for left, top in zip(x[::-1].tolist(), lower[::-1].tolist()))  # noqa: B905  (same length)
    return f"{there}{back}Z"


def line_plot(curves: Sequence[Curve], *, height: int = HEIGHT, unit: str = "", from_zero: bool = False) -> Plot | None:
    """Curves on one scale; None where there are fewer than two moments or no number. `from_zero`: 0 is on the axis."""
    known = [curve for curve in curves if len(curve.values) and np.isfinite(_array(curve)).any()]
    span = Span.of([curve.times for curve in known])
    if span is None:
        return None
    lows, highs = zip(*((float(np.nanmin(_array(curve))), float(np.nanmax(_array(curve)))) for curve in known))  # noqa: B905
    low, high = min(lows), max(highs)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    axis = Axis.of(low, high, height, unit)
    shapes = []
    for curve in known:
        kept = extremes(curve.values, MOST_POINTS)
        x, y = span.places(_at(curve.times, kept)), axis.places(_array(curve)[kept])
        shapes.append(Shape(f"line {curve.css}".strip(), line_path(x, y), curve.name))
    return Plot(height, tuple(shapes), span.labels(), axis.labels())


def drawdown_plot(times: Times, drawdowns: Numbers, *, height: int = 140, name: str = "") -> Plot | None:
    """Falls below the highest value before as an area that hangs from 0. `drawdowns` are fractions, -0.25 is 25 % down;
    what is no number counts as 0.
    """
    span = Span.of([times])
    if span is None or len(times) != len(drawdowns):
        return None
    fallen = np.minimum(np.nan_to_num(np.asarray(drawdowns, dtype=np.float64), nan=0.0), 0.0) * 100
    axis = Axis(round_ticks(min(float(fallen.min()), -1.0), 0.0, 5), height, "%")
    kept = extremes(fallen, MOST_POINTS)
    x, y = span.places(_at(times, kept)), axis.places(fallen[kept])
    top = np.full(len(x), float(axis.places([0.0])[0]))
    shapes = (Shape("area fall", band_path(x, y, top)), Shape("line fall", line_path(x, y), name))
    return Plot(height, shapes, span.labels(), axis.labels())


def stacked_plot(times: Times, layers: Sequence[tuple[str, str, Numbers]], *, height: int = 220) -> Plot | None:
    """Shares of a whole over time: (name, classes, values), the first at the bottom, together always 100 %.

    Moments at which there is nothing to share are left out. Values below 0 or that are no number count as 0.
    """
    if not layers or not len(times):
        return None
    amounts = np.array([np.asarray(values, dtype=np.float64) for _name, _css, values in layers])
    amounts = np.maximum(np.nan_to_num(amounts, nan=0.0, posinf=0.0, neginf=0.0), 0.0)
    whole = amounts.sum(axis=0)
    moments = np.asarray(times, dtype=np.int64)[whole > 0]
    span = Span.of([moments])
    if span is None:
        return None
    shares = amounts[:, whole > 0] / whole[whole > 0] * 100
    kept = _common_places(shares)
    axis = Axis(tuple(Decimal(tick) for tick in range(0, 101, 25)), height, "%")
    x = span.places(moments[kept])
    below = np.zeros(len(kept))
    shapes = []
    for (name, css, _values), share in zip(layers, shares[:, kept], strict=True):
        above = np.minimum(below + share, 100.0)
        shapes.append(Shape(f"layer {css}".strip(), band_path(x, axis.places(above), axis.places(below)), name))
        below = above
    return Plot(height, tuple(shapes), span.labels(), axis.labels())


def _common_places(shares: Floats) -> Ints:
    """Places at which every layer is drawn: even ones, and where a layer is largest or smallest of all."""
    count = shares.shape[1]
    even = np.linspace(0, count - 1, min(count, MOST_POINTS // 2)).astype(np.int64)
    return np.unique(np.concatenate([even, shares.argmax(axis=1), shares.argmin(axis=1)]))


def _array(curve: Curve) -> Floats:
    values = np.asarray(curve.values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _at(times: Times, places: Ints) -> Ints:
    chosen: Ints = np.asarray(times, dtype=np.int64)[places]
    return chosen
