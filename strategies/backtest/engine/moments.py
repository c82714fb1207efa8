"""Limits that hold for the plan of one moment: what is left of a day's turnover, and where worst prices are measured
from. Pure.
"""

from collections.abc import Mapping
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ZERO, wide
from strategies.backtest.engine.book import Book
from strategies.backtest.engine.outlook import DAY_MS, Outlook
from strategies.domain import SETTLED, Plan


def turnover_left(outlook: Outlook, book: Book, row: int, most_pct: Decimal) -> Decimal:
    """What may still be traded, in the quote: fills of the last 24 hours and what rests count."""
    close_ms = outlook.history.close_ms
    since = int(close_ms[row]) - DAY_MS
    used = ZERO
    for trade in reversed(book.trades):
        if int(close_ms[trade.row]) <= since:
            break
        used += trade.notional
    used += sum((order.leg.price * order.remaining for order in book.open), ZERO)
    with wide():
        return outlook.valuation(row).nav * most_pct / HUNDRED - used


def first_prices(
    outlook: Outlook, book: Book, row: int, plan: Plan, before: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """First prices of the coins that are sought: of one that is where it should be, with no order on its way, the next
    attempt is measured anew.
    """
    occupied = {order.leg.symbol for order in book.open}
    at_rest = {skip.asset for skip in plan.skips if skip.code in SETTLED}
    found = {}
    for asset, rules in outlook.rules.items():
        close = outlook.close(row, asset)
        if close is not None and (asset not in at_rest or rules.symbol in occupied):
            found[rules.symbol] = before.get(rules.symbol, close)
    return found
