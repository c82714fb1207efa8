"""When prices do not say well enough what is held is worth. Pure.

Every target is a share of NAV, so one coin's wrong price changes what is wanted of all the others.
"""

from botbalance.lib.money import HUNDRED, ZERO
from exchanges.domain import ExchangeInfo, PriceSnapshot
from portfolio.domain import Valuation
from strategies.domain import Limits
from strategies.planner.bands import Managed


def doubtful_symbol(
    portfolio: Managed, valuation: Valuation, limits: Limits, info: ExchangeInfo, prices: PriceSnapshot
) -> str:
    """The symbol that makes every weight of the portfolio doubtful, "" where none does.

    The pair of a target that is held and has no price, or is valued at one that must not be traded on, does. Prices
    that have jumped do when, in percent, they move NAV by more than the width of the band: by then the others may be
    outside their bands because of nothing else.
    """
    moved = ZERO
    furthest, symbol = ZERO, ""
    for holding in valuation.holdings:
        rules = info.pair(holding.asset, valuation.quote) if holding.asset in portfolio.weights else None
        if rules is None:
            continue
        price = prices.price(rules.symbol)
        is_doubted = price is not None and price.problem and price.value == holding.price
        if portfolio.weights[holding.asset] > 0 and (holding.value is None or is_doubted):
            return rules.symbol
        if rules.symbol in limits.jumps and holding.value is not None:
            jump = limits.jumps[rules.symbol]
            by = abs(holding.value * jump / (HUNDRED + jump))  # what it is worth less what it was worth at the median
            moved += by
            if by > furthest:
                furthest, symbol = by, rules.symbol
    return symbol if moved * HUNDRED > portfolio.value * limits.min_delta_pct else ""
