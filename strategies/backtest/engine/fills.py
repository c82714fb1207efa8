"""How much of an order a candle fills, and at what price. Pure."""

from decimal import Decimal
from typing import NamedTuple

from botbalance.lib.money import HUNDRED, ONE, ZERO, floor_to_step, wide
from exchanges.domain import Side, SymbolRules
from strategies.backtest.engine.history import Candle
from strategies.backtest.engine.scenario import Fills, Reach


class Filled(NamedTuple):
    quantity: Decimal
    price: Decimal
    is_maker: bool


def fill_in_candle(
    side: Side,
    limit: Decimal,
    remaining: Decimal,
    candle: Candle,
    rules: SymbolRules,
    fills: Fills,
    *,
    arrives: bool,
    volume_left: Decimal | None,
) -> Filled | None:
    """What a candle does to an order that is at the exchange during it; None where it does not trade.

    An order that `arrives` with the candle and crosses the market there takes what is offered, at the open and half
    the spread; any other fills at its own price once the candle reaches it. `volume_left` is how much of the candle's
    volume may still be taken, None for any amount; what is less than the step of the symbol is not.
    """
    quantity = remaining if volume_left is None else min(remaining, floor_to_step(volume_left, rules.quantity_grid))
    if quantity <= 0:
        return None
    is_buy = side is Side.BUY
    with wide():
        half = fills.spread_pct / HUNDRED / 2
        if arrives:
            offered = spread_price(side, candle.open, rules, fills)
            if offered > 0 and (offered <= limit if is_buy else offered >= limit):
                return Filled(quantity, offered, is_maker=False)
        tick = rules.price_grid if fills.reach is Reach.THROUGH else ZERO
        # Half a spread as well: whoever sells to us at our bid does so while the middle is above it.
        reached = candle.low * (ONE + half) <= limit - tick if is_buy else candle.high * (ONE - half) >= limit + tick
    return Filled(quantity, limit, is_maker=True) if reached else None


def spread_price(side: Side, middle: Decimal, rules: SymbolRules, fills: Fills) -> Decimal:
    """What is paid or got at once when the middle is at this price: half the spread worse, on the price's grid."""
    with wide():
        half = fills.spread_pct / HUNDRED / 2
        if side is Side.BUY:
            return rules.ceil_price(middle * (ONE + half))
        return rules.floor_price(middle * (ONE - half))
