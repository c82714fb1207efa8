"""How values are spread: histograms, heat maps, and fans of percentiles. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from botbalance.lib.numbers import count as written
from strategies.backtest.charts.plots import (
    HEIGHT,
    MOST_POINTS,
    WIDTH,
    Axis,
    Curve,
    Plot,
    Shape,
    Span,
    band_path,
    line_path,
)
from strategies.backtest.charts.scales import (
    Ints,
    Numbers,
    Tick,
    Times,
    extremes,
    number,
    percent_of,
    round_ticks,
    tick_text,
)

LEVELS = 9


def histogram(values: Numbers, *, bins: int = 24, height: int = 200, unit: str = "", css: str = "") -> Plot | None:
    """How many of the values lie in each of about `bins` even stretches with round ends; None without any number.

    Each bar's title is "from to: count", as "-2 … 0%: 14".
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if not len(array):
        return None
    ends = round_ticks(float(array.min()), float(array.max()), max(3, bins))
    step = ends[1] - ends[0]
    edges = np.array([float(end) for end in ends])
    counts, _edges = np.histogram(array, edges)
    axis = Axis(round_ticks(0, max(1, int(counts.max())), 5), height)
    tops = axis.places(counts)
    width = WIDTH / len(counts)
    shapes = []
    for place, (count, top) in enumerate(zip(counts.tolist(), tops.tolist(), strict=True)):
        if count:
            left, right = place * width + 1, (place + 1) * width - 1
            path = f"M{number(left)},{height}V{number(top)}H{number(right)}V{height}Z"
            start, stop = tick_text(ends[place], step), tick_text(ends[place + 1], step, unit)
            shapes.append(Shape(f"column {css}".strip(), path, title=f"{start} … {stop}: {written(count)}"))
    every = -(-len(ends) // 6)
    ticks = tuple(
        Tick(percent_of(place, len(counts)), tick_text(ends[place], step, unit), is_minor=place // every % 2 == 1)
        for place in range(0, len(ends), every)
    )
    return Plot(height, tuple(shapes), ticks, axis.labels())


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One value at a column and a row, and the class of its level: h0 (lowest) to h8, "none" where there is none.

    In an SVG with the map's viewBox it is a square of 1 x 1 at (column, row).
    """

    column: int
    row: int
    value: float | None
    css: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Rows of cells. `low` and `high` are the ends of the scale, None where there is no value at all."""

    rows: tuple[tuple[HeatCell, ...], ...]
    low: float | None
    high: float | None
    best: HeatCell | None

    @property
    def box(self) -> str:
        """The viewBox."""
        return f"0 0 {max((len(row) for row in self.rows), default=0)} {len(self.rows)}"


def heat_map(values: Sequence[Sequence[float | None]], *, lowest_is_best: bool = False) -> HeatMap:
    """Levels of a table of values, row by row, in even parts of the scale from the lowest to the highest."""
    known = [value for row in values for value in row if value is not None and np.isfinite(value)]
    low, high = (min(known), max(known)) if known else (None, None)

    def cell(column: int, row: int, value: float | None) -> HeatCell:
        if value is None or low is None or high is None or not np.isfinite(value):
            return HeatCell(column, row, None, "none")
        level = LEVELS // 2 if high == low else min(LEVELS - 1, int((value - low) / (high - low) * LEVELS))
        return HeatCell(column, row, value, f"h{level}")

    rows = tuple(
        tuple(cell(column, place, value) for column, value in enumerate(row)) for place, row in enumerate(values)
    )
    cells = [(one.value, one) for row in rows for one in row if one.value is not None]
    cells.sort(key=lambda pair: pair[0], reverse=not lowest_is_best)
    return HeatMap(rows, low, high, cells[0][1] if cells else None)


def fan_plot(
    times: Times,
    percentiles: Mapping[int, Numbers],
    *,
    names: Mapping[int, str] | None = None,
    own: Curve | None = None,
    height: int = HEIGHT,
    unit: str = "",
) -> Plot | None:
    """Bands between percentiles that belong together (5 and 95, 25 and 75, …), widest first, the median as a line, and
    a curve of one's own over them. `names` are what the legend calls a band, by its lower percentile, and the median.

    Raises ValueError for a percentile without its counterpart. All values must be numbers.
    """
    lower = sorted(rank for rank in percentiles if rank < 50)
    if any(100 - rank not in percentiles for rank in lower) or len(percentiles) != 2 * len(lower) + (50 in percentiles):
        raise ValueError(f"percentiles come in pairs around 50: {sorted(percentiles)}")
    span = Span.of([times, *([own.times] if own else [])])
    if span is None or not percentiles:
        return None
    arrays = {rank: np.asarray(values, dtype=np.float64) for rank, values in percentiles.items()}
    everything = [*arrays.values(), *([np.asarray(own.values, dtype=np.float64)] if own else [])]
    axis = Axis.of(
        min(float(np.nanmin(one)) for one in everything), max(float(np.nanmax(one)) for one in everything), height, unit
    )
    kept = _kept(arrays[min(arrays)], arrays[max(arrays)])
    x = span.places(np.asarray(times, dtype=np.int64)[kept])
    called = names or {}
    shapes = [
        Shape(
            f"fan fan{place}",
            band_path(x, axis.places(arrays[100 - rank][kept]), axis.places(arrays[rank][kept])),
            called.get(rank, ""),
        )
        for place, rank in enumerate(lower)
    ]
    if 50 in arrays:
        shapes.append(Shape("line median", line_path(x, axis.places(arrays[50][kept])), called.get(50, "")))
    if own is not None:
        own_kept = extremes(own.values, MOST_POINTS)
        own_x = span.places(np.asarray(own.times, dtype=np.int64)[own_kept])
        own_y = axis.places(np.asarray(own.values, dtype=np.float64)[own_kept])
        shapes.append(Shape(f"line {own.css}".strip(), line_path(own_x, own_y), own.name))
    return Plot(height, tuple(shapes), span.labels(), axis.labels())


def _kept(lowest: Numbers, highest: Numbers) -> Ints:
    """Places that keep the extremes of both edges of the widest band."""
    half = MOST_POINTS // 2
    return np.unique(np.concatenate([extremes(lowest, half), extremes(highest, half)]))
