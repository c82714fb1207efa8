"""The joint choice in integers: amounts in 10^-40 of the quote, quantities in whole steps. Pure."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, localcontext
from typing import NamedTuple

from botbalance.lib.money import ONE
from strategies.planner.joint.wishes import Wish

# Prices, steps and fees have some 8 to 10 decimals each, so their products are whole. A longer number (a target may be
# a periodic fraction) is cut off there, and what limits the orders always to the side that keeps the limit.
PLACES = 40
# What no later order can finish stays for good, what one can finish is only late by a round: it counts ten times in
# all.
LOST_WEIGHS = 9
# Enough to tell any two ratios of amounts apart.
_RATIO_BITS = 640
# Wide enough for a product of a quotient of 60 digits with two exchange numbers.
_EXACT = Context(prec=160, traps=[Inexact])


class Item(NamedTuple):
    """A wish with a choice. unit: value of one step at mid. cash: what a step costs with its fee (buy), or brings less
    its fee (sale). notional: a step at its price. least, most: steps of an order; largest: as `most`, also where a
    smaller order is better. gain: drift that the order of `least` steps removes. full: steps that all rounds together
    will move. reach: the same, but where two orders do not fit, what the largest order leaves is not held against it.
    unpaid: how much of the way, as value, may stay for want of money.
    """

    asset: str
    is_buy: bool
    step: Decimal
    unit: int
    cash: int
    notional: int
    least: int
    most: int
    gain: int
    full: int
    reach: int
    largest: int
    unpaid: int = 0

    @property
    def last_open(self) -> int:
        """Most steps an order may have and leave enough for another one."""
        return self.reach - self.least

    def lost(self, steps: int) -> int:
        """Drift that an order of so many steps leaves for good, beyond what may stay for want of money."""
        rest = self.reach - steps
        return LOST_WEIGHS * max(0, rest * self.unit - self.unpaid) if steps and 0 < rest < self.least else 0

    def moved(self, steps: int) -> int:
        """Value that an order moves, less what it makes unattainable."""
        return steps * self.unit - self.lost(steps)

    def within(self, unpaid: int) -> "Item":
        """The same where so much may stay for want of money, without orders that are worse than a smaller one of it."""
        item = self._replace(unpaid=unpaid)
        if item.least <= item.last_open < item.most and item.moved(item.last_open) >= item.moved(item.most):
            return item._replace(most=item.last_open)
        return item

    @property
    def flow(self) -> int:
        """What the smallest order takes from the quote; negative where it brings it."""
        return self.least * self.cash if self.is_buy else -self.least * self.cash


class Problem(NamedTuple):
    """Everything the search needs to know.

    base: drift of all wishes without an order. end: signed distance of the quote from its target (positive: too
    little) once all ample wishes are carried out. lack: the part of it that cannot be paid for. follow: what must be
    at hand for a purchase to follow, 0 where small sales never pay for one. ample: by value per notional, as `filling`
    needs them.
    """

    small: tuple[Item, ...]
    ample: tuple[Item, ...]
    base: int
    end: int
    lack: int
    follow: int
    budget: int
    turnover: int
    orders: int

    @property
    def most_drift(self) -> int:
        """No choice without small orders leaves more."""
        return self.base * (1 + LOST_WEIGHS) + abs(self.end) + 2 * self.lack

    def drift_of_quote(self, flow: int, *, spent: bool) -> int:
        if spent or not self.lack:
            return abs(self.end + flow)
        return self.lack + abs(self.end - self.lack + flow)


def problem_of(
    wishes: Sequence[Wish],
    budget: Decimal,
    fee_rate: Decimal,
    quote_delta: Decimal,
    max_orders: int,
    turnover: Decimal | None,
) -> Problem:
    with localcontext(_EXACT):
        return _problem_of(wishes, budget, fee_rate, quote_delta, max_orders, turnover)


def _problem_of(
    wishes: Sequence[Wish],
    budget: Decimal,
    fee_rate: Decimal,
    quote_delta: Decimal,
    max_orders: int,
    turnover: Decimal | None,
) -> Problem:
    free = max(0, _floor(budget))
    small: list[Item] = []
    ample: list[Item] = []
    base, needed, brought, follow = 0, 0, 0, 0
    for wish in sorted(wishes, key=lambda wish: wish.asset):
        base += _floor(abs(wish.delta))
        if wish.is_small:
            item = _item(wish, fee_rate)
            if not item.is_buy or item.flow <= free:
                small.append(item)
        if not wish.is_ample:
            continue
        item = _item(wish, fee_rate)
        if item.is_buy:
            needed += item.full * item.cash
            follow = max(follow, item.least * item.cash)
            if item.flow <= free:
                ample.append(item)
        else:
            brought += item.full * item.cash
            ample.append(item)
    lack = max(0, needed - free - brought)
    # What no money will come for is missing anyway; where no sale brings any more, that may be all of it.
    unpaid = lack if brought or not lack else base
    ample = [item.within(unpaid if item.is_buy else 0) for item in ample]
    ample.sort(key=lambda item: (-(item.unit << _RATIO_BITS) // item.notional, item.is_buy, item.asset))
    most_notional = sum(item.largest * item.notional for item in (*small, *ample))
    return Problem(
        small=tuple(small),
        ample=tuple(ample),
        base=base,
        end=_floor(quote_delta) + needed - brought,
        lack=lack,
        follow=follow if lack >= follow else 0,
        budget=free,
        turnover=most_notional if turnover is None else min(most_notional, max(0, _floor(turnover))),
        orders=max(0, max_orders),
    )


def _item(wish: Wish, fee_rate: Decimal) -> Item:
    """A wish that is ample or small, in integers."""
    if wish.step <= 0 or wish.mid <= 0 or wish.price <= 0:
        raise ValueError(f"{wish.asset}: step, mid and price must be above 0.")
    if wish.smallest % wish.step:
        raise ValueError(f"{wish.asset}: the smallest quantity must be a multiple of the step.")
    unit = _floor(wish.mid * wish.step)
    drift = _floor(abs(wish.delta))
    least = int(wish.smallest // wish.step)
    notional = wish.price * wish.step
    way = _floor(wish.way)
    most = max(least, min(int(wish.largest // wish.step), way // unit))
    attainable = way if wish.attainable is None else min(way, max(0, _floor(wish.attainable)))
    full = attainable // unit
    return Item(
        asset=wish.asset,
        is_buy=wish.is_buy,
        step=wish.step,
        unit=unit,
        cash=_ceil(notional * (ONE + fee_rate)) if wish.is_buy else _floor(notional * (ONE - fee_rate)),
        notional=_ceil(notional),
        least=least,
        most=most,
        gain=drift - abs(drift - least * unit),
        full=full,
        reach=full if full >= 2 * least else min(full, most),
        largest=most,
    )


def amount_of(units: int) -> Decimal:
    """Back to an amount of the quote."""
    return Decimal(units).scaleb(-PLACES, _EXACT)


def units_of(amount: Decimal) -> int:
    return _floor(amount)


def _floor(value: Decimal) -> int:
    return int(value.scaleb(PLACES, _EXACT).to_integral_value(ROUND_FLOOR))


def _ceil(value: Decimal) -> int:
    return int(value.scaleb(PLACES, _EXACT).to_integral_value(ROUND_CEILING))
