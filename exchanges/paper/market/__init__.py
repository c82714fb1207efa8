"""Where the paper exchange's prices come from. Floats live here and nowhere else in the exchange: every price leaves as
a whole number of ticks, every volume as a whole number of lots.
"""

from exchanges.paper.market.base import Control, Depth, Market, MarketClock, Path, PathStep, Quote
from exchanges.paper.market.controlled import ControlledMarket
from exchanges.paper.market.replay import ReplayMarket
from exchanges.paper.market.walk import WalkMarket

__all__ = [
    "Control",
    "ControlledMarket",
    "Depth",
    "Market",
    "MarketClock",
    "Path",
    "PathStep",
    "Quote",
    "ReplayMarket",
    "WalkMarket",
]
