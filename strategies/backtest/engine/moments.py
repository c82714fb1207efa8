"""Limits that hold for the plan of one moment: what is left of a day's turnover, and where worst prices are measured
from. Pure.
"""

from collections.abc import Mapping
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE, ZERO, wide
from strategies.backtest.engine.book import Book
from strategies.backtest.engine.history import DAY_MS
from strategies.backtest.engine.outlook import Outlook
from strategies.domain import Plan, at_rest
from strategies.planner.plain import PlainPlan


def turnover_left(outlook: Outlook, book: Book, row: int, most_pct: Decimal) -> Decimal:
    """What may still be traded, in the quote: fills of the last 24 hours and what rests count."""
    close_ms = outlook.history.close_ms
    since = int(close_ms[row]) - DAY_MS
    used = ZERO
    for trade in reversed(book.trades):
        if int(close_ms[trade.row]) <= since:
            break
        used += trade.notional
    for order in book.open:
        direct = order.leg.direct
        used += order.leg.price * order.remaining * (ONE if direct is None else direct.counter_price)
    with wide():
        return outlook.valuation(row).nav * most_pct / HUNDRED - used


def first_prices(
    outlook: Outlook, book: Book, row: int, plan: Plan | PlainPlan, before: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """First prices of the coins that are sought: of one that is where it should be, with no order on its way, the next
    attempt is measured anew.
    """
    sought = {order.leg.symbol for order in book.open} | {leg.symbol for leg in plan.legs}
    settled = at_rest(plan.skips)
    found = {}
    for symbol, price in outlook.prices(row).prices.items():
        rules = outlook.markets[symbol][1]
        if symbol in sought or settled.isdisjoint((rules.base, rules.quote)):
            found[symbol] = before.get(symbol, price.value)
    return found
