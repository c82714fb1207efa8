"""What goes into the joint choice and what comes out. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import ONE, ZERO, wide


@dataclass(frozen=True, slots=True)
class Wish:
    """A tradable asset outside its band.

    delta: value from what is held to the target, in the quote; positive buys, negative sells. mid: what drift is
    measured with; price: limit price of the order; both in the quote per unit of the asset. step: grid of quantities,
    above 0. smallest, largest: least and greatest quantity one order of this round may have, multiples of the step;
    smallest above largest means that no order is possible. amount: how far to go, in the quote, where that is less
    than |delta| (to the edge of the band); None for the whole way. attainable: how much of it all rounds together can
    move, in the quote (what is free to be sold, what may be held); None for all. smallest_back: smallest quantity of
    an order of the other side, None where it is `smallest`.
    """

    asset: str
    delta: Decimal
    mid: Decimal
    price: Decimal
    step: Decimal
    smallest: Decimal
    largest: Decimal
    amount: Decimal | None = None
    attainable: Decimal | None = None
    smallest_back: Decimal | None = None

    @property
    def is_buy(self) -> bool:
        return self.delta > 0

    @property
    def way(self) -> Decimal:
        """How far to go, in the quote."""
        drift = abs(self.delta)
        return drift if self.amount is None else min(self.amount, drift)

    @property
    def is_ample(self) -> bool:
        """Whether an order fits into the way to go."""
        return ZERO < self.smallest <= self.largest and self.smallest * self.mid <= self.way

    @property
    def is_small(self) -> bool:
        """Whether the smallest order is more than the way to go, leaves strictly less drift and too little to be turned
        round.
        """
        if not ZERO < self.smallest <= self.largest or self.smallest * self.mid <= self.way:
            return False
        drift = abs(self.delta)
        passed = self.smallest * self.mid - drift
        back = self.smallest if self.smallest_back is None else self.smallest_back
        return passed < drift and 2 * passed <= back * self.mid


@dataclass(frozen=True, slots=True)
class Choice:
    """An order of the round: a legal quantity of the asset, above 0."""

    asset: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Solution:
    """The orders of the round, by asset name.

    drift: what remains, as strategies.planner.joint defines it, in the quote. one_by_one: what would remain had every
    wish been served by itself, and dropped where it is below its smallest order; never less than `drift`. gap: no
    choice whatsoever leaves less than drift - gap. nodes: how much was searched.
    """

    choices: tuple[Choice, ...]
    drift: Decimal
    one_by_one: Decimal
    gap: Decimal
    nodes: int

    @property
    def is_optimal(self) -> bool:
        """Whether it is proven that nothing leaves less."""
        return self.gap == 0

    @property
    def quantities(self) -> dict[str, Decimal]:
        return {choice.asset: choice.quantity for choice in self.choices}


def needs_joint_choice(
    wishes: Sequence[Wish], budget: Decimal, fee_rate: Decimal, max_orders: int, turnover: Decimal | None
) -> bool:
    """Whether the orders of a round depend on one another, so that `solve` has something to choose.

    False where no wish is small with an order to choose, where budget, turnover and number of orders leave room for
    the largest order of each, and where none of those leaves a rest that no later order can finish: then every ample
    wish gets as much as its own limits allow, and no other gets anything.
    """
    orders, cash, notional = 0, ZERO, ZERO
    with wide():
        for wish in wishes:
            if not wish.is_ample:
                if wish.is_small and (not wish.is_buy or wish.smallest * wish.price * (ONE + fee_rate) <= budget):
                    return True
                continue
            if wish.is_buy and wish.smallest * wish.price * (ONE + fee_rate) > budget:
                continue  # whatever the others get, this round cannot pay for it
            orders += 1
            reach = wish.way if wish.attainable is None else min(wish.way, wish.attainable)
            rest = reach - wish.largest * wish.mid
            if wish.step * wish.mid <= rest < wish.smallest * wish.mid:
                return True  # no later order could finish it, so a smaller one now may be better
            value = min(wish.largest, wish.way / wish.mid) * wish.price
            notional += value
            if wish.is_buy:
                cash += value * (ONE + fee_rate)
        return orders > max_orders or (cash > budget and cash > 0) or (turnover is not None and notional > turnover)
