"""What is put on an order as its limit price. Pure."""

from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE
from exchanges.domain import Side, SymbolRules


def limit_price(
    rules: SymbolRules, side: Side, mid: Decimal, order_step_pct: Decimal, worst: Decimal | None = None
) -> Decimal:
    """Mid moved by the step, rounded away from the market: down for a buy, up for a sell.

    Never past `worst`: a buy is priced no higher and a sell no lower, and rests there.
    """
    moved = mid
    if order_step_pct:
        step = order_step_pct / HUNDRED
        moved = mid * (ONE - step if side is Side.BUY else ONE + step)
    if side is Side.BUY:
        return rules.floor_price(moved if worst is None else min(moved, worst))
    return rules.ceil_price(moved if worst is None else max(moved, worst))
