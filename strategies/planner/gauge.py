"""How far a portfolio has drifted, exactly: what the autopilot decides on before anything is planned. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from botbalance.lib.money import HUNDRED, ZERO, plain, quantize, wide
from portfolio.domain import Valuation
from strategies.domain import BandType, Limits, Target, points_of
from strategies.planner.bands import Managed, Width
from strategies.planner.fee_money import is_low, without_fee_money


class LargestDrift(NamedTuple):
    """The asset furthest from its target, in points of what is managed; "" where nothing is managed.

    Where anything is outside its band it is the furthest of those: with relative bands a small weight may be outside
    while a larger one has moved further and is not. `lacks_fee_money`: so much BNB is not there that is kept for fees
    that it is to be bought again.
    """

    asset: str
    points: Decimal
    is_outside: bool
    lacks_fee_money: bool = False

    @property
    def values(self) -> dict[str, str]:
        return {"asset": self.asset, "drift": plain(quantize(self.points, 2))}


NOTHING_MANAGED = LargestDrift("", ZERO, is_outside=False)


class Gauge:
    """Measures drift from targets: what does not depend on holdings and prices is worked out once."""

    def __init__(self, targets: Sequence[Target], limits: Limits) -> None:
        self.limits = limits
        self.weights = {target.asset: target.weight_pct for target in targets}
        self.keeps = {target.asset: target.keep for target in targets if target.keep}
        with wide():
            self.shares = {asset: weight / HUNDRED for asset, weight in self.weights.items()}
            self.width = Width.of_goal(limits)

    def largest_drift(self, valuation: Valuation) -> LargestDrift:
        """The drift from the targets, as `strategies.ticks.largest_drift`."""
        return self._drift(valuation, any_outside_will_do=False)

    def telling_drift(self, valuation: Valuation) -> LargestDrift:
        """Some drift outside its band where there is one, else the largest: what is decided is the same."""
        return self._drift(valuation, any_outside_will_do=True)

    def drift_outside(self, asset: str, value: Decimal, managed: Decimal) -> LargestDrift | None:
        """The drift of one asset with a target of which nothing is kept; None where it is within its band, in the
        quote. `managed` above 0.
        """
        share = self.shares.get(asset)
        if share is None or asset in self.keeps:
            return None
        with wide():
            target_value = managed * share
            delta = abs(target_value - value)
            if delta <= self.width.value(target_value, managed):
                return None
            return LargestDrift(asset, points_of(delta, managed), is_outside=True)

    def _drift(self, valuation: Valuation, *, any_outside_will_do: bool) -> LargestDrift:
        worth, is_lacking = self.limits.bnb_for_fees, False
        with wide():
            if worth:
                is_lacking = is_low(valuation, worth)
                valuation = without_fee_money(valuation, worth)
            portfolio = Managed.with_weights(valuation, self.weights, self.limits.sell_unlisted)
            managed, width, quote = portfolio.value, self.width, valuation.quote
            if managed <= 0:
                return NOTHING_MANAGED
            values = {holding.asset: holding.value for holding in valuation.holdings}
            # A share of the quote's target may be a share of nothing, so the quote has a band in points only.
            assets = list(portfolio.weights)
            if self.limits.band_type is BandType.ABSOLUTE:
                assets.append(quote)
            found, is_held_back = None, False
            for asset in assets:
                value = values.get(asset, ZERO)
                if value is None:
                    continue
                is_quote = asset == quote
                if is_quote and is_held_back:
                    continue  # what is never sold explains it, and the planner does not trade for it
                target_value = (
                    portfolio.quote_target(self.limits) if is_quote else managed * self.shares.get(asset, ZERO)
                )
                delta = abs(target_value - value)
                if asset in self.keeps and target_value < value:
                    is_held_back = True
                    delta = min(delta, self._sellable(asset, valuation))
                is_inside = delta <= width.value(target_value, managed)
                row = (is_inside, -delta, asset)
                if found is None or row < found:
                    found = row
                if any_outside_will_do and not is_inside:
                    break
            if found is None:
                return NOTHING_MANAGED
            is_inside, delta, asset = found
            return LargestDrift(asset, points_of(-delta, managed), not is_inside, is_lacking)

    def _sellable(self, asset: str, valuation: Valuation) -> Decimal:
        """The value of what may be sold of an asset of which something is kept."""
        holding = valuation.holding(asset)
        if holding is None or holding.price is None:
            return ZERO
        return max(holding.total - self.keeps[asset], ZERO) * holding.price
