"""How far a portfolio may be from its targets: what the planner and the look before it agree on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from botbalance.lib.money import HUNDRED, ONE, ZERO
from portfolio.domain import Valuation
from strategies.domain import BandType, Goal, Limits, Target, points_of
from strategies.planner.fee_money import without_fee_money

# Without a band a coin is at its target this near to it: prices move while a rebalance is under way, and following
# every move would only pay fees. Points of what is managed, and percent of the target for small ones.
NEAR_POINTS = Decimal("0.05")
NEAR_SHARE_PCT = ONE


class Width(NamedTuple):
    """Bands as shares: one of what is managed, one of a target, either or both; the narrower counts."""

    of_managed: Decimal | None
    of_target: Decimal | None

    @classmethod
    def of_owner(cls, limits: Limits) -> "Width":
        """How far the owner lets a holding drift."""
        share = limits.min_delta_pct / HUNDRED
        return cls(None, share) if limits.band_type == BandType.RELATIVE else cls(share, None)

    @classmethod
    def of_goal(cls, limits: Limits) -> "Width":
        """How far from its target a holding may be and is still left alone by the goal."""
        own = cls.of_owner(limits)
        if limits.goal == Goal.BAND:
            return own
        near, near_target = NEAR_POINTS / HUNDRED, NEAR_SHARE_PCT / HUNDRED
        return cls(
            near if own.of_managed is None else min(near, own.of_managed),
            near_target if own.of_target is None else min(near_target, own.of_target),
        )

    def value(self, target_value: Decimal, managed: Decimal) -> Decimal:
        """The band around a target, in the quote."""
        if self.of_managed is None:
            assert self.of_target is not None
            return target_value * self.of_target
        if self.of_target is None:
            return managed * self.of_managed
        return min(managed * self.of_managed, target_value * self.of_target)


@dataclass(frozen=True, slots=True)
class Managed:
    """The part of a portfolio that targets refer to.

    `value` is NAV without the coins that are held apart and without the BNB that is kept for fees, in the quote.
    `weights` are those of the targets and 0 for coins that are to be sold, in percent of it; the quote has none of its
    own.
    """

    value: Decimal
    weights: Mapping[str, Decimal]
    held_apart: Sequence[str] = ()

    @classmethod
    def of(cls, valuation: Valuation, targets: Sequence[Target], limits: Limits) -> "Managed":
        """Of a whole portfolio, with the BNB that is kept for fees."""
        if limits.bnb_for_fees:
            valuation = without_fee_money(valuation, limits.bnb_for_fees)
        weights = {target.asset: target.weight_pct for target in targets}
        return cls.with_weights(valuation, weights, limits.sell_unlisted)

    @classmethod
    def with_weights(cls, valuation: Valuation, weights: Mapping[str, Decimal], sell_unlisted: bool) -> "Managed":
        quote = valuation.quote
        unlisted = [row for row in valuation.holdings if row.asset not in weights and row.asset != quote]
        if not unlisted:
            return cls(valuation.nav, weights)
        if sell_unlisted:
            return cls(valuation.nav, {**weights, **{row.asset: ZERO for row in unlisted}})
        apart = sum((row.value for row in unlisted if row.value is not None), ZERO)
        return cls(valuation.nav - apart, weights, sorted(row.asset for row in unlisted))

    @property
    def rest_pct(self) -> Decimal:
        """What the targets leave for the quote."""
        return HUNDRED - sum(self.weights.values(), ZERO)

    def quote_target(self, limits: Limits) -> Decimal:
        """What is to be held in the quote: what the targets leave, or the reserve where that is more."""
        return self.value * max(self.rest_pct, limits.quote_reserve_pct) / HUNDRED

    def target_value(self, asset: str) -> Decimal:
        return self.value * self.weights[asset] / HUNDRED

    def band(self, target_value: Decimal, limits: Limits) -> Decimal:
        """How far from `target_value` a holding may be and is still left alone by the goal, in the quote."""
        return Width.of_goal(limits).value(target_value, self.value)

    def points(self, value: Decimal) -> Decimal:
        """A value in percent of what is managed."""
        return points_of(value, self.value)
