"""Charts of back-tests as geometry of SVG: pure, in the decimal point whatever the reader's language, and without a
style attribute. What is drawn comes from floats of statistics; no amount of money is made of them.

A plot is drawn into a box of WIDTH x its height that is stretched to the width there is; ticks and marks are placed in
percent, so that text and marks keep their shape. templates/backtest/_plot.html draws any of them.
"""

from strategies.backtest.charts.candles import Dealt, candle_plot
from strategies.backtest.charts.distributions import HeatCell, HeatMap, fan_plot, heat_map, histogram
from strategies.backtest.charts.plots import WIDTH, Curve, Mark, Plot, Shape, drawdown_plot, line_plot, stacked_plot
from strategies.backtest.charts.scales import Tick, date_ticks, extremes, round_ticks, tick_text

__all__ = [
    "WIDTH",
    "Curve",
    "Dealt",
    "HeatCell",
    "HeatMap",
    "Mark",
    "Plot",
    "Shape",
    "Tick",
    "candle_plot",
    "date_ticks",
    "drawdown_plot",
    "extremes",
    "fan_plot",
    "heat_map",
    "histogram",
    "line_plot",
    "round_ticks",
    "stacked_plot",
    "tick_text",
]
