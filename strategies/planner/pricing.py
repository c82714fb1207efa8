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
    step = order_step_pct / HUNDRED
    if side == Side.BUY:
        price = mid * (ONE - step)
        return rules.floor_price(price if worst is None else min(price, worst))
    price = mid * (ONE + step)
    return rules.ceil_price(price if worst is None else max(price, worst))
