"""What stops an order before it is matched, with the exchange's texts and codes.

Filters on numbers are refused with -1013 before the order reaches the matching engine; what the engine itself finds (a
type the symbol does not allow, counts of open orders, the position) with -2010. The order among filters is not
documented by the exchange; here it is that of this file.
"""

from collections.abc import Iterable
from decimal import Decimal

from exchanges.paper.engine.rules import Range, Rules
from exchanges.paper.engine.state import ZERO, Account, Order, Refused, Request, floor_amount

_TYPE_NAMES = {
    "MARKET": "Market",
    "STOP_LOSS": "Stop loss",
    "STOP_LOSS_LIMIT": "Stop loss limit",
    "TAKE_PROFIT": "Take profit",
    "TAKE_PROFIT_LIMIT": "Take profit limit",
}
DUPLICATE = "Duplicate order sent."


def failure(name: str, code: int = -1013) -> Refused:
    return Refused(code, f"Filter failure: {name}")


def check(request: Request, rules: Rules, reference: Decimal) -> None:
    """Raise Refused for what can be seen without the account and the book.

    `reference` is the average price that percent filters and MARKET notionals use; 0 when there is none.
    """
    _check_allowed(request, rules)
    if request.type == "MARKET":
        _check_market(request, rules, reference)
    else:
        _check_limit(request, rules, reference)


def _check_allowed(request: Request, rules: Rules) -> None:
    if not rules.spot_allowed:
        raise Refused(-2010, "This symbol is not permitted for this account.")
    if request.type not in rules.order_types:
        name = _TYPE_NAMES.get(request.type)
        text = f"{name} orders are not supported for this symbol." if name else "Unsupported order combination"
        raise Refused(-2010, text)
    if request.stp_mode not in rules.stp_modes:
        raise Refused(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    if request.iceberg_quantity and not rules.iceberg_allowed:
        raise Refused(-2010, "Iceberg orders are not supported for this symbol.")
    if request.quote_order_quantity and not rules.quote_market_allowed:
        raise Refused(-2010, "Quote order qty market orders are not support for this symbol.")


def _check_limit(request: Request, rules: Rules, reference: Decimal) -> None:
    price, quantity = request.price, request.quantity
    if quantity <= 0:
        raise Refused(-1013, "Invalid quantity.")
    if price <= 0:
        raise Refused(-1013, "Invalid price.")
    if not rules.price.holds(price):
        raise failure("PRICE_FILTER")
    if not rules.lot.holds(quantity):
        raise failure("LOT_SIZE")
    _check_iceberg(request, rules)
    for percent in rules.percents if reference > ZERO else ():
        bounds = percent.buy if request.is_buy else percent.sell
        if not Range(reference * bounds.low, reference * bounds.high).holds(price):
            raise failure(percent.name)
    for notional in rules.notionals:
        if not notional.bounds.holds(price * quantity):
            raise failure(notional.name)
    if floor_amount(price * quantity) <= 0:
        raise Refused(-1013, "Price * QTY is zero or less.")


def _check_iceberg(request: Request, rules: Rules) -> None:
    part, quantity = request.iceberg_quantity, request.quantity
    if not part:
        return
    if part > quantity:
        raise Refused(-2010, "IcebergQty exceeds QTY.")
    if not rules.lot.holds(part):
        raise failure("LOT_SIZE")
    if rules.iceberg_parts is not None and part * rules.iceberg_parts < quantity:
        raise failure("ICEBERG_PARTS")


def _check_market(request: Request, rules: Rules, reference: Decimal) -> None:
    if request.quote_order_quantity:
        notional = request.quote_order_quantity
    else:
        check_market_quantity(request.quantity, rules)
        notional = request.quantity * reference
    for each in rules.notionals if notional > ZERO else ():
        if not each.market.holds(notional):
            raise failure(each.name)


def check_market_quantity(quantity: Decimal, rules: Rules) -> None:
    """A MARKET order's quantity, sent or derived from an amount of quote, meets both lot filters."""
    if quantity <= 0:
        raise Refused(-1013, "Invalid quantity.")
    if not rules.lot.holds(quantity):
        raise failure("LOT_SIZE")
    if not rules.market_lot.holds(quantity):
        raise failure("MARKET_LOT_SIZE")


def check_account(account: Account, request: Request, rules: Rules) -> None:
    """Raise Refused for a client id in use, and when the account has as many open orders as it may have."""
    orders = account.open_orders.values()
    if any(order.client_order_id == request.client_order_id for order in orders):
        raise Refused(-2010, DUPLICATE)
    mine = [order for order in orders if order.symbol == rules.symbol]
    for limit, have, name in (
        (rules.max_orders, len(mine), "MAX_NUM_ORDERS"),
        (rules.exchange_max_orders, len(account.open_orders), "EXCHANGE_MAX_NUM_ORDERS"),
    ):
        if limit is not None and have >= limit:
            raise failure(name, -2010)
    if request.iceberg_quantity:
        for limit, have, name in (
            (rules.max_iceberg_orders, _icebergs(mine), "MAX_NUM_ICEBERG_ORDERS"),
            (rules.exchange_max_iceberg_orders, _icebergs(orders), "EXCHANGE_MAX_NUM_ICEBERG_ORDERS"),
        ):
            if limit is not None and have >= limit:
                raise failure(name, -2010)


def check_position(account: Account, request: Request, rules: Rules, quantity: Decimal) -> None:
    """Raise Refused when a buy of `quantity` could take the account past MAX_POSITION."""
    if rules.max_position is None or not request.is_buy:
        return
    orders = account.open_orders.values()
    waiting = sum((order.remaining for order in orders if order.symbol == rules.symbol and order.is_buy), ZERO)
    if account.balance(rules.base).total + waiting + quantity > rules.max_position:
        raise failure("MAX_POSITION", -2010)


def _icebergs(orders: Iterable[Order]) -> int:
    return sum(bool(order.iceberg_quantity) for order in orders)
