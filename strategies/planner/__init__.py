"""The planner: from what is held to the orders that bring it to its targets. Pure, deterministic, total.

The preview, the orders that are sent, the paper exchange's and the back-test's are this one function. It trades
differences only: nothing is sold that must be bought back. Sells come first; buys spend only what is free now, so
proceeds of sells are spent in the next round.
"""

from collections.abc import Sequence

from exchanges.domain import ExchangeInfo, PriceSnapshot
from portfolio.domain import Valuation
from strategies.domain import Limits, OpenOrder, Plan, Target
from strategies.planner.doubts import doubtful_symbol
from strategies.planner.pricing import limit_price
from strategies.planner.rounds import Planner

__all__ = ["Planner", "doubtful_symbol", "limit_price", "plan_rebalance"]


def plan_rebalance(
    valuation: Valuation,
    targets: Sequence[Target],
    limits: Limits,
    rules: ExchangeInfo,
    prices: PriceSnapshot,
    open_orders: Sequence[OpenOrder] = (),
) -> Plan:
    """Plan one round towards `limits.goal`.

    `valuation` must be in the strategy's quote. `open_orders` are all orders resting at the account, ours and others'.
    Every leg passes every filter of its symbol; every target without a leg has a Skip.
    """
    return Planner(targets, limits, rules, valuation.quote).plan(valuation, prices, open_orders)
