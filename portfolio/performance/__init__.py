"""How a portfolio has done. Pure: the back-test and live accounts compute their figures here, and nowhere else.

    returns         time-weighted return: what the portfolio earned, whatever came in or went out
    money_weighted  money-weighted return: what the money earned for the time it was there
    risk            volatility, Sharpe, Sortino, Calmar, drawdown: statistics of a series of values
    lots            tax lots, first in first out or at average cost
    profit          realised and unrealised profit of every asset
    benchmarks      what the same money had become, had it only been held, or put into bitcoin
    series          one value a day, and long series thinned

A figure that cannot be known is None, with a reason of `Unknown` where there is more than one.
"""
