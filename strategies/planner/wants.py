"""What every asset of a portfolio asks for, before anything limits it. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from botbalance.lib.money import HUNDRED, ZERO
from exchanges.domain import ExchangeInfo, Side, SymbolRules
from strategies.domain import OpenOrder


class Row(NamedTuple):
    """An asset with a weight, and where it is traded. `share` is the weight as a fraction; `keep` is never sold.

    `rules` is None where it has no pair with the quote; `symbol` is "" then.
    """

    asset: str
    weight_pct: Decimal
    share: Decimal
    keep: Decimal
    rules: SymbolRules | None
    symbol: str
    is_trading: bool


class Want(NamedTuple):
    """A tradable asset and what it asks for, in the quote: `delta` is the whole way to the target, above 0 for a buy,
    `distance` the same without a sign, `amount` the value to move. `free` and `held` are quantities of the asset; what
    open orders will bring is held.
    """

    asset: str
    rules: SymbolRules
    mid: Decimal
    side: Side
    delta: Decimal
    distance: Decimal
    amount: Decimal
    free: Decimal
    held: Decimal


def rows_of(weights: Mapping[str, Decimal], keeps: Mapping[str, Decimal], info: ExchangeInfo, quote: str) -> list[Row]:
    """The rows of a portfolio, by asset."""
    rows = []
    for asset in sorted(weights):
        rules = info.pair(asset, quote)
        symbol, is_trading = ("", False) if rules is None else (rules.symbol, rules.is_trading)
        keep = keeps.get(asset, ZERO)
        rows.append(Row(asset, weights[asset], weights[asset] / HUNDRED, keep, rules, symbol, is_trading))
    return rows


def resting_quantity(orders: Sequence[OpenOrder]) -> Decimal:
    """What open orders on one symbol will still bring, in the base asset; below 0 where they sell more."""
    return sum((order.remaining if order.side == Side.BUY else -order.remaining for order in orders), ZERO)
