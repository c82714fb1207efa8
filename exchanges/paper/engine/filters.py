"""The filters a LIMIT order meets, in the order exchangeInfo lists them, with the exchange's texts and codes.

Static ones are refused with -1013 before the order reaches the matching engine, counting ones with -2010 by it.
"""

from collections.abc import Iterable
from decimal import Decimal

from botbalance.lib.money import is_multiple
from exchanges.paper.engine.state import ZERO, Order, Refused, Request, Rules


def failure(name: str, code: int = -1013) -> Refused:
    return Refused(code, f"Filter failure: {name}")


def check_limit(request: Request, rules: Rules, reference: Decimal) -> None:
    """Raise Refused when a number breaks a filter; `reference` is the average price, 0 when there is none."""
    price, quantity = request.price, request.quantity
    if quantity <= 0:
        raise Refused(-1013, "Invalid quantity.")
    if price <= 0:
        raise Refused(-1013, "Invalid price.")
    if not (rules.tick <= price <= rules.max_price and is_multiple(price, rules.tick)):
        raise failure("PRICE_FILTER")
    if not (rules.step <= quantity <= rules.max_quantity and is_multiple(quantity, rules.step)):
        raise failure("LOT_SIZE")
    if reference > ZERO and not (reference * rules.multiplier_down <= price <= reference * rules.multiplier_up):
        raise failure("PERCENT_PRICE_BY_SIDE")
    if not rules.min_notional <= price * quantity <= rules.max_notional:
        raise failure("NOTIONAL")


def check_counts(open_orders: Iterable[Order], rules: Rules) -> None:
    """Raise Refused when the account has as many open orders on the symbol as it may have."""
    if sum(order.symbol == rules.symbol for order in open_orders) >= rules.max_orders:
        raise failure("MAX_NUM_ORDERS", -2010)
