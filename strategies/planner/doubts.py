"""When prices do not say well enough what is held is worth. Pure.

Every target is a share of NAV, so one coin's wrong price changes what is wanted of all the others.
"""

from decimal import Decimal

from botbalance.lib.money import HUNDRED, ZERO
from exchanges.domain import ExchangeInfo, PriceSnapshot
from portfolio.domain import Holding, Valuation
from strategies.domain import Goal, Limits
from strategies.planner.bands import NEAR_POINTS, Managed


def doubtful_symbol(
    portfolio: Managed, valuation: Valuation, limits: Limits, info: ExchangeInfo, prices: PriceSnapshot
) -> str:
    """The symbol (or, where it has none, the asset) that makes every weight doubtful, "" where none does.

    A coin does that is held, should be a part of the whole and has no price. Prices that have jumped, or crossed, do
    when in percent NAV hangs on them by more than the width of the goal's band: by then the others may be outside it
    because of nothing else. A coin that is only to be sold and has no market here any more does not: it would keep its
    owner from trading for ever.
    """
    width = portfolio.value * _width_pct(limits) / HUNDRED
    hanging = furthest = ZERO
    found = ""
    for holding in valuation.holdings:
        if holding.asset == valuation.quote or holding.asset not in portfolio.weights:
            continue
        rules = info.pair(holding.asset, valuation.quote)
        symbol = rules.symbol if rules is not None else holding.asset
        if holding.value is None:
            if portfolio.weights[holding.asset] > 0 or (rules is not None and rules.is_trading):
                return symbol
            continue
        by = _uncertain_value(holding, symbol, limits, prices)
        hanging += by
        if by > furthest:
            furthest, found = by, symbol
    return found if hanging > width else ""


def _uncertain_value(holding: Holding, symbol: str, limits: Limits, prices: PriceSnapshot) -> Decimal:
    """How much of a holding's value is in doubt: all of it at a crossed price; after a jump the way to what it was
    worth at the median.
    """
    value = holding.value or ZERO
    price = prices.price(symbol)
    if price is not None and price.problem and price.value == holding.price:
        return value
    jump = limits.jumps.get(symbol, ZERO)
    return abs(value * jump / (HUNDRED + jump)) if jump > -HUNDRED else value


def _width_pct(limits: Limits) -> Decimal:
    return limits.min_delta_pct if limits.goal == Goal.BAND else min(limits.min_delta_pct, NEAR_POINTS)
