"""Weights before a plan and after it. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE, ZERO
from exchanges.domain import PriceSnapshot, Side
from portfolio.domain import Valuation
from strategies.domain import AllocationView, Leg
from strategies.planner.bands import Managed


def allocations(
    valuation: Valuation, portfolio: Managed, legs: Sequence[Leg], prices: PriceSnapshot, for_fees: Leg | None = None
) -> tuple[AllocationView, ...]:
    """Weights of the managed value now and after the legs have filled, the quote last, others by target. What the leg
    `for_fees` buys is beside it.
    """
    quote = valuation.quote
    held = {holding.asset for holding in valuation.holdings}
    values = {
        holding.asset: holding.value
        for holding in valuation.holdings
        if holding.asset not in portfolio.held_apart and holding.value is not None
    }
    after = dict(values)
    for leg in legs:
        sign = ONE if leg.side == Side.BUY else -ONE
        if leg.direct is None:
            mid, paid_with, fee_of = prices.prices[leg.symbol].value, quote, quote
        else:  # its commission is taken from the coin that comes in
            mid, paid_with = leg.direct.base_price, leg.direct.counter
            fee_of = leg.asset if leg.side == Side.BUY else paid_with
        if leg is not for_fees:
            after[leg.asset] = after.get(leg.asset, ZERO) + sign * leg.quantity * mid
        after[paid_with] = after.get(paid_with, ZERO) - sign * leg.notional
        after[fee_of] = after.get(fee_of, ZERO) - leg.fee
    whole = sum(after.values(), ZERO)

    def share(parts: Mapping[str, Decimal], asset: str, total: Decimal) -> Decimal | None:
        if asset not in parts and asset in held:
            return None
        return parts.get(asset, ZERO) / total * HUNDRED if total > 0 else ZERO

    weights = portfolio.weights
    wanted = {**weights, quote: portfolio.rest_pct}
    order = sorted(weights, key=lambda asset: (-weights[asset], asset))
    return tuple(
        AllocationView(
            asset=asset,
            weight_pct=share(values, asset, portfolio.value),
            target_pct=wanted[asset],
            after_pct=share(after, asset, whole),
            value=values.get(asset, ZERO),
        )
        for asset in [*order, quote]
    )
