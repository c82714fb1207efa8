"""The search over the small orders, and the answer. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from strategies.planner.joint.filling import Effort, Filling, Room, everything, fillings, most_worth, whole_box
from strategies.planner.joint.problem import Item, Problem, amount_of, problem_of, units_of
from strategies.planner.joint.wishes import Choice, Solution, Wish

# Enough for every decision over 12 small wishes, 2^13 - 1 nodes, where nothing is scarce.
NODE_LIMIT = 10_000
# Multipliers of the bound are fractions of 2^32.
_UNIT_BITS = 32
_ONE = 1 << _UNIT_BITS
# One choice is better than another when its key is less: drift, orders, turnover, then more to the first name.
_Key = tuple[int, int, int, tuple[int, ...]]


class _Part(NamedTuple):
    """What a decision over some of the small wishes amounts to."""

    gain: int  # drift it removes from the assets
    flow: int  # what it takes from the quote, negative where it brings it
    brought: int  # proceeds of its sales, less fees
    room: Room  # what it leaves for the others
    orders: tuple[bool, ...]  # of as many small wishes as are decided

    def without(self) -> "_Part":
        return self._replace(orders=(*self.orders, False))

    def with_order(self, item: Item) -> "_Part":
        room = Room(
            self.room.cash - (item.flow if item.is_buy else 0),
            self.room.notional - item.least * item.notional,
            self.room.orders - 1,
        )
        brought = self.brought + (0 if item.is_buy else -item.flow)
        return _Part(self.gain + item.gain, self.flow + item.flow, brought, room, (*self.orders, True))


def solve(
    wishes: Sequence[Wish],
    budget: Decimal,
    fee_rate: Decimal,
    quote_delta: Decimal,
    max_orders: int,
    turnover: Decimal | None,
    *,
    tolerance: Decimal | None = None,
    node_limit: int = NODE_LIMIT,
) -> Solution:
    """The orders of one round that leave the least drift; the rules are those of strategies.planner.joint.

    wishes: at most one per asset, in any order. budget: quote that buys with their fees may spend; nothing where it is
    below 0. fee_rate: commission as a fraction. quote_delta: target of the quote less what is held of it, now; positive
    where there is too little. turnover: notional that all orders together may have, None for any. tolerance: drift, in
    the quote, for which the search goes no further where cash, turnover or orders are scarce; None for a tenth of the
    least smallest order. node_limit: bounds the work, in decisions over a small wish (some
    5 to 10 microseconds each; a look at the ample orders counts as BOX_NODES of them).
    Raises ValueError for a price or step of 0, a smallest quantity off its grid, or an asset with two wishes.
    """
    if len({wish.asset for wish in wishes}) != len(wishes):
        raise ValueError("An asset may have only one wish.")
    problem = problem_of(wishes, budget, fee_rate, quote_delta, max_orders, turnover)
    return _Search(problem, tolerance, node_limit).run(_one_by_one(problem, wishes))


class _Search:
    def __init__(self, problem: Problem, tolerance: Decimal | None, node_limit: int) -> None:
        self.problem = problem
        # The order of decisions: what removes most drift first.
        self.small = sorted(problem.small, key=lambda item: (-item.gain, item.asset))
        self.ample = problem.ample
        self.items = (*self.small, *self.ample)
        self.by_name = sorted(range(len(self.items)), key=lambda index: self.items[index].asset)
        self.whole = whole_box(self.ample)
        self.full, self.full_room = everything(self.ample)
        least = min((item.least * item.unit for item in self.items), default=0)
        self.tolerance = least // 10 if tolerance is None else units_of(tolerance)
        self.effort = Effort(node_limit)
        self.slopes = self._slopes()
        self.reserves = [self._reserves(slope) for slope in self.slopes]
        self.best_key: _Key = (problem.most_drift + 1, 0, 0, ())
        self.best_steps: tuple[int, ...] = ()
        self.lowest_left: int | None = None  # bound of the best that was left aside within the tolerance

    def run(self, one_by_one: Filling) -> Solution:
        """`one_by_one`: what the answer is never worse than."""
        problem = self.problem
        start = _Part(0, 0, 0, Room(problem.budget, problem.turnover, problem.orders), ())
        lowest = self._lower_bound(start)
        self._offer(start._replace(orders=(False,) * len(self.small)), one_by_one, spent=False)
        before = self.best_key[0]
        self._decide(start)
        drift = self.best_key[0]
        if not self.effort.is_spent:
            # All has been looked at, but for what was left aside.
            lowest = max(lowest, drift if self.lowest_left is None else min(drift, self.lowest_left))
        chosen = [(self.items[index], self.best_steps[index]) for index in self.by_name if self.best_steps[index]]
        return Solution(
            choices=tuple(Choice(item.asset, item.step * steps) for item, steps in chosen),
            drift=amount_of(drift),
            one_by_one=amount_of(before),
            gap=amount_of(drift - lowest),
            nodes=self.effort.used,
        )

    # --- decisions over small wishes -------------------------------------------------------------------------

    def _decide(self, part: _Part) -> None:
        if not self.effort.spend() or min(part.room) < 0:
            return
        lowest = self._lower_bound(part)
        if (lowest, sum(part.orders)) > self.best_key[:2]:
            return
        if self.tolerance and self._is_scarce(part.room) and lowest >= self.best_key[0] - self.tolerance:
            self._leave(lowest)
            return
        decided = len(part.orders)
        if decided == len(self.small):
            self._fill(part)
            return
        item = self.small[decided]
        quote = self.problem.end + part.flow
        branches = [part.with_order(item), part.without()]
        if abs(quote + item.flow) - abs(quote) > item.gain:
            branches.reverse()
        for branch in branches:
            self._decide(branch)

    def _fill(self, part: _Part) -> None:
        """All small wishes are decided: the ample ones."""
        self._fill_within(part, part.room, spent=False)
        problem = self.problem
        if problem.follow and part.brought:
            room = part.room._replace(cash=min(part.room.cash, part.room.cash + part.brought - problem.follow))
            if room.cash >= 0:
                self._fill_within(part, room, spent=True)

    def _fill_within(self, part: _Part, room: Room, *, spent: bool) -> None:
        unfilled = self.problem.base - part.gain + self.problem.drift_of_quote(part.flow, spent=spent)
        if not self._is_scarce(room):
            self._offer(part, self.full, spent=spent)
            return
        needed = unfilled - self.best_key[0]
        for filling in fillings(self.ample, room, needed, self.tolerance, self.effort):
            self._offer(part, filling, spent=spent)
        if self.tolerance:
            most = max(needed, unfilled - self.best_key[0]) + self.tolerance
            self._leave(unfilled - min(most, most_worth(self.ample, self.whole, room)))

    def _offer(self, part: _Part, filling: Filling, *, spent: bool) -> None:
        """Keep it where it is better than the best."""
        steps = (
            *(item.least if order else 0 for item, order in zip(self.small, part.orders, strict=True)),
            *filling.steps,
        )
        quote = self.problem.drift_of_quote(part.flow, spent=spent)
        key: _Key = (
            self.problem.base - part.gain - filling.value + quote,
            sum(1 for count in steps if count),
            sum(count * item.notional for item, count in zip(self.items, steps, strict=True)),
            tuple(-steps[index] for index in self.by_name),
        )
        if key < self.best_key:
            self.best_key, self.best_steps = key, steps

    def _leave(self, lowest: int) -> None:
        self.lowest_left = lowest if self.lowest_left is None else min(lowest, self.lowest_left)

    def _is_scarce(self, room: Room) -> bool:
        need = self.full_room
        return need.cash > room.cash or need.notional > room.notional or need.orders > room.orders

    # --- bounds ----------------------------------------------------------------------------------------------

    def _lower_bound(self, part: _Part) -> int:
        """No choice that agrees with the part leaves less drift."""
        problem, decided = self.problem, len(part.orders)
        kept = 0 if problem.follow else problem.lack
        quote = problem.end - kept + part.flow
        of_quote = max(
            slope * quote + reserves[decided] for slope, reserves in zip(self.slopes, self.reserves, strict=True)
        )
        moved = most_worth(self.ample, self.whole, part.room) if self._is_scarce(part.room) else self.full.value
        return problem.base - part.gain - moved + kept + (of_quote >> _UNIT_BITS)

    def _slopes(self) -> list[int]:
        """Multipliers l of the bound |Q| >= l Q, in 2^-32: the ends, and where a small order tips."""
        tips = {(item.gain << _UNIT_BITS) // item.flow for item in self.small if item.flow}
        return sorted({-_ONE, 0, _ONE} | {tip for tip in tips if -_ONE < tip < _ONE})

    def _reserves(self, slope: int) -> list[int]:
        """For each number of decisions made, the most the others can take off the bound, in 2^-32."""
        sums = [0]
        for item in reversed(self.small):
            sums.append(sums[-1] + min(0, slope * item.flow - (item.gain << _UNIT_BITS)))
        return sums[::-1]


def _one_by_one(problem: Problem, wishes: Sequence[Wish]) -> Filling:
    """What each ample wish gets on its own: sales first, the largest drift first, from what the former have left."""
    drift = {wish.asset: abs(wish.delta) for wish in wishes}
    steps = [0] * len(problem.ample)
    cash, notional, orders = problem.budget, problem.turnover, problem.orders
    turns = sorted(
        range(len(steps)),
        key=lambda index: (problem.ample[index].is_buy, -drift[problem.ample[index].asset], problem.ample[index].asset),
    )
    for index in turns:
        item = problem.ample[index]
        fits = min(item.largest, notional // item.notional)
        if item.is_buy:
            fits = min(fits, cash // item.cash)
        if fits < item.least or not orders:
            continue
        steps[index] = fits
        cash -= fits * item.cash if item.is_buy else 0
        notional -= fits * item.notional
        orders -= 1
    return Filling(sum(item.moved(count) for item, count in zip(problem.ample, steps, strict=True)), tuple(steps))
