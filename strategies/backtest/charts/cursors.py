"""What a chart says at one moment, for a line that follows the pointer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.backtest.charts.plots import WIDTH, Axis, Curve, Span
from strategies.backtest.charts.scales import extremes, number

MOST_STOPS = 160


@dataclass(frozen=True, slots=True)
class Cursor:
    """Stops of a cursor: moments (UTC ms) with their places in percent from the left, and what every curve is worth
    there, None where it is nothing, with its place in percent from the top.
    """

    moments: tuple[int, ...]
    places: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    tops: tuple[tuple[str | None, ...], ...]


def cursor_of(curves: Sequence[Curve], height: int) -> Cursor | None:
    """A cursor over the moments of the last curve, which is the one a chart is about; on the scales of `line_plot`."""
    known = [curve for curve in curves if len(curve.values) and np.isfinite(np.asarray(curve.values, float)).any()]
    span = Span.of([curve.times for curve in known])
    if span is None:
        return None
    numbers = [np.asarray(curve.values, dtype=np.float64) for curve in known]
    axis = Axis.of(min(float(np.nanmin(one)) for one in numbers), max(float(np.nanmax(one)) for one in numbers), height)
    stops = extremes(known[-1].values, MOST_STOPS)
    moments = np.asarray(known[-1].times, dtype=np.int64)[stops]
    values, tops = [], []
    for curve, all_of in zip(known, numbers, strict=True):
        by_moment = dict(zip((int(moment) for moment in curve.times), all_of.tolist(), strict=True))
        found = [by_moment.get(int(moment)) for moment in moments]
        values.append(tuple(one if one is not None and np.isfinite(one) else None for one in found))
        tops.append(
            tuple(None if one is None else number(float(axis.places([one])[0]) / height * 100) for one in values[-1])
        )
    places = tuple(number(float(place) / WIDTH * 100) for place in span.places(moments))
    return Cursor(tuple(int(moment) for moment in moments), places, tuple(values), tuple(tops))
