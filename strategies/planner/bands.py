"""How far a portfolio may be from its targets: what the planner and the look before it agree on. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE, ZERO
from portfolio.domain import Valuation
from strategies.domain import BandType, Goal, Limits, Target, held_apart

# Without a band a coin is at its target this near to it: prices move while a rebalance is under way, and following
# every move would only pay fees. Points of what is managed, and percent of the target for small ones.
NEAR_POINTS = Decimal("0.05")
NEAR_SHARE_PCT = ONE


@dataclass(frozen=True, slots=True)
class Managed:
    """The part of a portfolio that targets refer to.

    `value` is NAV without the coins that are held apart, in the quote. `weights` are those of the targets and 0 for
    coins that are to be sold, in percent of it; the quote has none of its own.
    """

    value: Decimal
    weights: dict[str, Decimal]
    held_apart: list[str]

    @classmethod
    def of(cls, valuation: Valuation, targets: Sequence[Target], limits: Limits) -> "Managed":
        values = {holding.asset: holding.value for holding in valuation.holdings}
        apart = held_apart(values, targets, valuation.quote, limits.sell_unlisted)
        weights = {target.asset: target.weight_pct for target in targets}
        for asset in values:
            if asset != valuation.quote and asset not in apart:
                weights.setdefault(asset, ZERO)
        return cls(valuation.nav - sum((values[asset] or ZERO for asset in apart), ZERO), weights, apart)

    @property
    def rest_pct(self) -> Decimal:
        """What the targets leave for the quote."""
        return HUNDRED - sum(self.weights.values(), ZERO)

    def quote_target(self, limits: Limits) -> Decimal:
        """What is to be held in the quote: what the targets leave, or the reserve where that is more."""
        return self.value * max(self.rest_pct, limits.quote_reserve_pct) / HUNDRED

    def target_value(self, asset: str) -> Decimal:
        return self.value * self.weights[asset] / HUNDRED

    def own_band(self, target_value: Decimal, limits: Limits) -> Decimal:
        """How far from `target_value` the owner lets a holding drift, in the quote."""
        base = target_value if limits.band_type == BandType.RELATIVE else self.value
        return base * limits.min_delta_pct / HUNDRED

    def band(self, target_value: Decimal, limits: Limits) -> Decimal:
        """How far from `target_value` a holding may be and is still left alone by the goal, in the quote."""
        band = self.own_band(target_value, limits)
        if limits.goal == Goal.BAND:
            return band
        return min(band, self.value * NEAR_POINTS / HUNDRED, target_value * NEAR_SHARE_PCT / HUNDRED)

    def points(self, value: Decimal) -> Decimal:
        """A value in percent of what is managed."""
        return value / self.value * HUNDRED if self.value > 0 else ZERO
