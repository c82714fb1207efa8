"""Candles with our trades on them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.backtest.charts.plots import HEIGHT, WIDTH, Axis, Mark, Plot, Shape, Span
from strategies.backtest.charts.scales import Flags, Floats, Ints, Numbers, Times, number, percent_of

MOST_CANDLES = 160
# The signs of what was dealt, around the point: up for a buy, down for a sale.
_SIGNS = {True: "M0,-1 6,9 -6,9Z", False: "M0,1 6,-9 -6,-9Z"}


@dataclass(frozen=True, slots=True)
class Dealt:
    """One fill: when (UTC ms), at which price, and what it says when pointed at."""

    at_ms: int
    price: float
    is_buy: bool
    title: str


@dataclass(frozen=True, slots=True)
class _Bars:
    """Candles put together: first open, highest, lowest, last close of each stretch."""

    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    edges: Ints  # the place of the first candle of each, and the count at the end


def candle_plot(
    times: Times,
    opens: Numbers,
    highs: Numbers,
    lows: Numbers,
    closes: Numbers,
    dealt: Sequence[Dealt] = (),
    *,
    height: int = HEIGHT,
    more: str = "… %d more",
) -> Plot | None:
    """Candles by opening time, put together where there are more than MOST_CANDLES, and one sign for each side of what
    was dealt within each of them; None for fewer than two candles. `more` ends the title of a sign for many.
    """
    span = Span.of([times])
    if span is None:
        return None
    bars = _put_together(*(np.asarray(column, dtype=np.float64) for column in (opens, highs, lows, closes)))
    count = len(bars.opens)
    axis = Axis.of(float(bars.lows.min()), float(bars.highs.max()), height)
    width = WIDTH / count
    middles = np.asarray((np.arange(count) + 0.5) * width, dtype=np.float64)
    rising = bars.closes >= bars.opens
    shapes = []
    for css, chosen in (("up", rising), ("down", ~rising)):
        if chosen.any():
            shapes += _candles(css, chosen, middles, width, axis, bars)
    moments = np.asarray(times, dtype=np.int64)
    marks = _marks(moments, bars.edges, middles, axis, dealt, more)
    return Plot(height, tuple(shapes), span.labels(), axis.labels(), marks)


def _put_together(opens: Floats, highs: Floats, lows: Floats, closes: Floats) -> _Bars:
    count = len(opens)
    edges = np.unique(np.linspace(0, count, min(count, MOST_CANDLES) + 1).astype(np.int64))
    begins, ends = edges[:-1], edges[1:]
    return _Bars(
        opens[begins],
        np.maximum.reduceat(highs, begins),
        np.minimum.reduceat(lows, begins),
        closes[ends - 1],
        edges,
    )


def _candles(css: str, chosen: Flags, middles: Floats, width: float, axis: Axis, bars: _Bars) -> list[Shape]:
    """The wicks and the bodies of those chosen, each as one path."""
    wicks, bodies = [], []
    half = width * 0.32
    tops, bottoms = axis.places(bars.highs), axis.places(bars.lows)
    starts, stops = axis.places(bars.opens), axis.places(bars.closes)
    for place in np.flatnonzero(chosen).tolist():
        x = float(middles[place])
        wicks.append(f"M{number(x)},{number(float(tops[place]))}V{number(float(bottoms[place]))}")
        top, bottom = sorted((float(starts[place]), float(stops[place])))
        bottom = max(bottom, top + 1)  # one that closed where it opened is still seen
        bodies.append(f"M{number(x - half)},{number(top)}H{number(x + half)}V{number(bottom)}H{number(x - half)}Z")
    return [Shape(f"wick {css}", "".join(wicks)), Shape(f"body {css}", "".join(bodies))]


def _marks(
    times: Ints, edges: Ints, middles: Floats, axis: Axis, dealt: Sequence[Dealt], more: str
) -> tuple[Mark, ...]:
    groups: dict[tuple[int, bool], list[Dealt]] = {}
    for deal in dealt:
        candle = int(np.searchsorted(times, deal.at_ms, side="right")) - 1
        if candle < 0:
            continue
        place = int(np.searchsorted(edges, candle, side="right")) - 1
        groups.setdefault((min(place, len(middles) - 1), deal.is_buy), []).append(deal)
    return tuple(
        Mark(
            percent_of(float(middles[place]), WIDTH),
            percent_of(float(axis.places([sum(deal.price for deal in group) / len(group)])[0]), axis.height),
            "buy" if is_buy else "sell",
            _SIGNS[is_buy],
            "\n".join([*(deal.title for deal in group[:5]), *([more % (len(group) - 5)] if len(group) > 5 else [])]),
        )
        for (place, is_buy), group in sorted(groups.items())
    )
