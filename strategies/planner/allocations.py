"""Weights before a plan and after it. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE, ZERO
from exchanges.domain import PriceSnapshot, Side
from portfolio.domain import Valuation
from strategies.domain import AllocationView, Leg
from strategies.planner.bands import Managed


def allocations(
    valuation: Valuation, portfolio: Managed, legs: Sequence[Leg], prices: PriceSnapshot
) -> tuple[AllocationView, ...]:
    """Weights of the managed value now and after the legs have filled, the quote last, others by target."""
    quote = valuation.quote
    held = {holding.asset for holding in valuation.holdings}
    values = {
        holding.asset: holding.value
        for holding in valuation.holdings
        if holding.asset not in portfolio.held_apart and holding.value is not None
    }
    after = dict(values)
    for leg in legs:
        mid = prices.prices[leg.symbol].value
        sign = ONE if leg.side == Side.BUY else -ONE
        after[leg.asset] = after.get(leg.asset, ZERO) + sign * leg.quantity * mid
        after[quote] = after.get(quote, ZERO) - sign * leg.notional - leg.fee
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
