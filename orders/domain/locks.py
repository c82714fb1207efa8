"""What open orders lock, held against what an exchange says is locked. Pure and exact."""

from collections.abc import Iterable
from decimal import Decimal

from botbalance.lib.money import ZERO, exact
from exchanges.domain import Balance, ExchangeInfo, Side
from strategies.domain import OpenOrder


def unexplained_locks(
    balances: Iterable[Balance], orders: Iterable[OpenOrder], info: ExchangeInfo
) -> dict[str, Decimal]:
    """What is locked of each asset beyond what these orders lock, {} when they account for all of it.

    A BUY locks its price times what remains of the quote asset, a SELL what remains of the base asset. Negative where
    less is locked than they would: one of them is not open any more. An order on a symbol without rules locks nobody
    knows what, and stands under its symbol.
    """
    with exact():
        rest = {balance.asset: balance.locked for balance in balances}
        for order in orders:
            rules = info.rules.get(order.symbol)
            if rules is None:
                asset, amount = order.symbol, -order.remaining
            elif order.side == Side.BUY:
                asset, amount = rules.quote, order.price * order.remaining
            else:
                asset, amount = rules.base, order.remaining
            rest[asset] = rest.get(asset, ZERO) - amount
    return {asset: amount for asset, amount in sorted(rest.items()) if amount != 0}


def explains_locked(balances: Iterable[Balance], orders: Iterable[OpenOrder], info: ExchangeInfo) -> bool:
    """Whether what these orders lock is exactly what the exchange says is locked, asset by asset."""
    return not unexplained_locks(balances, orders, info)
