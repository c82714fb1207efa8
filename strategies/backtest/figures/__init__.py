"""What a back-test comes to. Pure: a Result goes in, figures come out.

    study        the account valued exactly at chosen moments, and the benchmarks beside it
    ideal        the same money with the targets restored at every row, for nothing: what all costs are measured from
    performance  returns, risk, turnover, fees, trades, and the cost of drift beside the cost of trading
    profits      what each asset earned, and tax lots by year
    market       halts, gaps, late listings and early ends of the candles
    curves       lines to draw

Statistics (returns, ratios, shares) are floats or exact fractions; every amount of money is an exact Decimal.
"""

from strategies.backtest.figures.curves import Curves, curves_of
from strategies.backtest.figures.market import Happenings, happenings_of
from strategies.backtest.figures.performance import Figures, figures_of
from strategies.backtest.figures.profits import Profits, profits_of
from strategies.backtest.figures.study import Study, study_of

__all__ = [
    "Curves",
    "Figures",
    "Happenings",
    "Profits",
    "Study",
    "curves_of",
    "figures_of",
    "happenings_of",
    "profits_of",
    "study_of",
]
