"""Charts of pages. Floats: they say where something is drawn, and decide nothing; what is told are decimals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from botbalance.lib import moments
from botbalance.lib.numbers import money
from exchanges.domain import Candle
from portfolio.selectors import milliseconds
from strategies.backtest import charts
from strategies.backtest.charts import Curve, Dealt, Plot
from strategies.backtest.charts.cursors import cursor_of

Points = Sequence[tuple[datetime, Decimal]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, and what it says where the pointer is: JSON for static/charts.js."""

    plot: Plot
    cursor: str


def value_lines(lines: Sequence[tuple[str, str, Points]], *, height: int) -> Drawn | None:
    """Lines of money over time: (name, class, values), the one it is about last; None without anything to draw."""
    curves = [
        Curve(name, css, [milliseconds(at) for at, _value in points], [float(value) for _at, value in points])
        for name, css, points in lines
        if points
    ]
    plot = charts.line_plot(curves, height=height)
    cursor = cursor_of(curves, height)
    if plot is None or cursor is None:
        return None
    told = []
    for curve, (_name, _css, points), tops in zip(
        curves, [line for line in lines if line[2]], cursor.tops, strict=True
    ):
        values = {milliseconds(at): value for at, value in points}
        texts = [money(values.get(moment)) for moment in cursor.moments]
        told.append({"name": str(curve.name), "css": curve.css, "top": tops, "text": texts})
    return Drawn(plot, _json(cursor.places, cursor.moments, told))


def dealt(moment: datetime, price: Decimal, *, is_buy: bool, title: str) -> Dealt:
    """A fill on candles."""
    return Dealt(milliseconds(moment), float(price), is_buy, title)


def candles(rows: Sequence[Candle], dealt: Sequence[Dealt], names: Mapping[str, str], *, more: str) -> Drawn | None:
    """Candles with what was dealt on them. `names`: what open, high, low and close are called."""
    if len(rows) < 2:
        return None
    opens, highs, lows, closes = (
        [float(getattr(row, name)) for row in rows] for name in ("open", "high", "low", "close")
    )
    times = [row.open_time_ms for row in rows]
    plot = charts.candle_plot(times, opens, highs, lows, closes, dealt, more=more)
    if plot is None:
        return None
    share = Decimal(100) / len(rows)
    places = [f"{share * number + share / 2:.2f}" for number in range(len(rows))]
    told = [
        {"name": names[name], "css": "", "top": [], "text": [money(getattr(row, name)) for row in rows]}
        for name in names
    ]
    return Drawn(plot, _json(places, times, told))


def _moment(milliseconds_: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds_)


def _json(places: Sequence[str], times: Sequence[int], lines: Sequence[Mapping[str, object]]) -> str:
    at = [moments.full_time(_moment(moment)) for moment in times]
    return json.dumps({"x": list(places), "at": at, "lines": list(lines)}, ensure_ascii=False)
