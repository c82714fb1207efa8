"""Where the paper exchange's prices come from. Floats live here and nowhere else in the exchange: every price leaves as
a whole number of ticks, every volume as a whole number of lots.
"""

from exchanges.paper.market.bars import Bar, Bars
from exchanges.paper.market.base import Control, Day, Depth, Market, MarketClock, Path, PathStep, Quote
from exchanges.paper.market.controlled import ControlledMarket
from exchanges.paper.market.live import LiveMarket
from exchanges.paper.market.replay import ReplayMarket
from exchanges.paper.market.tape import Candle, Tape, TapeTrade, TapeUnknown
from exchanges.paper.market.walk import WalkMarket

__all__ = [
    "Bar",
    "Bars",
    "Candle",
    "Control",
    "ControlledMarket",
    "Day",
    "Depth",
    "LiveMarket",
    "Market",
    "MarketClock",
    "Path",
    "PathStep",
    "Quote",
    "ReplayMarket",
    "Tape",
    "TapeTrade",
    "TapeUnknown",
    "WalkMarket",
]
