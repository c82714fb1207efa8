"""The ample orders of a round: as much value as possible, less what is lost, within budget, turnover and number. Pure.

A branch and bound over boxes. A box says of each item between how many steps it gets, and whether it may also get none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from strategies.planner.joint.problem import Item

# A look at a box is as much work as this many decisions over a small wish.
BOX_NODES = 20
_Value = TypeVar("_Value")


class Room(NamedTuple):
    """What the ample orders may use: quote for buys with their fees, notional, orders."""

    cash: int
    notional: int
    orders: int


class Filling(NamedTuple):
    """Steps of each item, in the items' order, and what they are worth: the value they move, less what they lose."""

    value: int
    steps: tuple[int, ...]


class Effort:
    """Counts nodes over the whole search, and says when it has had enough."""

    __slots__ = ("left", "most")

    def __init__(self, most: int) -> None:
        self.most = self.left = most

    @property
    def used(self) -> int:
        return self.most - max(self.left, 0)

    @property
    def is_spent(self) -> bool:
        """Whether a node had to be left out."""
        return self.left < 0

    def spend(self, nodes: int = 1) -> bool:
        """Whether so much more may be looked at."""
        self.left -= nodes
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Box:
    """Where `open` is set an item may also get none, and `low` is its smallest order."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    open: tuple[bool, ...]

    def on(self, index: int) -> "Box":
        return Box(self.low, self.high, _with(self.open, index, False))

    def off(self, index: int) -> "Box":
        return Box(_with(self.low, index, 0), _with(self.high, index, 0), _with(self.open, index, False))

    def between(self, index: int, low: int, high: int) -> "Box":
        return Box(_with(self.low, index, low), _with(self.high, index, high), _with(self.open, index, False))


class _Look(NamedTuple):
    """No filling of the box is worth more than `bound`; `filling` is a good one of it. `split` says where to divide the
    box: an item, and the most steps of the lower half (-1: into none and some); None where it holds only one filling.
    """

    bound: int
    filling: Filling
    split: tuple[int, int] | None


def whole_box(items: Sequence[Item]) -> Box:
    return Box(tuple(item.least for item in items), tuple(item.most for item in items), tuple(True for _ in items))


def everything(items: Sequence[Item]) -> tuple[Filling, Room]:
    """Every item in full, and the room that takes."""
    steps = tuple(item.most for item in items)
    value = sum(item.moved(item.most) for item in items)
    cash = sum(item.most * item.cash for item in items if item.is_buy)
    return Filling(value, steps), Room(cash, sum(item.most * item.notional for item in items), len(items))


def most_worth(items: Sequence[Item], box: Box, room: Room) -> int:
    """No filling of the box is worth more than this; 0 where there is none but the empty one."""
    look = _look(items, box, room)
    return 0 if look is None else look.bound


def fillings(items: Sequence[Item], room: Room, wanted: int, tolerance: int, effort: Effort) -> Iterator[Filling]:
    """Fillings worth at least `wanted`, none worth less than those before it.

    With tolerance 0 the best is among them, and of those that tie for it the one that ranks first; otherwise the best
    of all is worth at most `tolerance` more than the last. Ends early when the effort is spent.
    """
    boxes = [whole_box(items)]
    while boxes:
        box = boxes.pop()
        if not effort.spend(BOX_NODES):
            return
        look = _look(items, box, room)
        if look is None or look.bound < wanted or (tolerance and look.bound <= wanted + tolerance):
            continue
        if look.filling.value >= wanted:
            wanted = look.filling.value
            yield look.filling
            if tolerance and look.bound <= wanted + tolerance:
                continue
        if look.split is not None:
            boxes.extend(_halves(items, box, look.split))


def _halves(items: Sequence[Item], box: Box, split: tuple[int, int]) -> list[Box]:
    """The two parts of a box; the last is looked at first."""
    index, steps = split
    if steps < 0:
        return [box.off(index), box.on(index)]
    return [
        box.between(index, steps + 1, box.high[index]),
        box.between(index, box.low[index], steps),
    ]


def _look(items: Sequence[Item], box: Box, room: Room) -> _Look | None:
    """Bound, rounded filling and division of a box; None where nothing of it fits."""
    cash, notional, orders = room
    count = len(items)
    value = 0
    steps = [0] * count
    held = [index for index in range(count) if box.low[index] and not box.open[index]]
    for index in held:
        item, low = items[index], box.low[index]
        steps[index] = low
        value += low * item.unit
        notional -= low * item.notional
        orders -= 1
        if item.is_buy:
            cash -= low * item.cash
    if cash < 0 or notional < 0 or orders < 0:
        return None
    relaxed = value - sum(_surely_lost(items[index], box.low[index], box.high[index]) for index in held)
    relaxed_cash, relaxed_notional, relaxed_orders = cash, notional, orders
    split: tuple[int, int] | None = None
    best_of_open: list[int] = []
    largest_open: tuple[int, int] | None = None  # value and index of the largest new order of the relaxation
    for index in range(count):
        item, high = items[index], box.high[index]
        is_open = box.open[index]
        start = 0 if is_open else box.low[index]
        more = high - start
        if more <= 0:
            continue
        if is_open:
            best_of_open.append(high * item.unit)
        # The relaxation: any fraction of a step, in the order of value per notional.
        by_cash = item.is_buy and more * item.cash > relaxed_cash
        by_notional = more * item.notional > relaxed_notional
        if by_cash or by_notional:
            # Which of the two ends first, without rounding.
            first_cash = by_cash and (not by_notional or relaxed_cash * item.notional <= relaxed_notional * item.cash)
            left, price = (relaxed_cash, item.cash) if first_cash else (relaxed_notional, item.notional)
            fitting = start + left // price
            relaxed += -(-left * item.unit // price)
            relaxed_notional -= left * item.notional // price
            if item.is_buy:
                relaxed_cash -= left * item.cash // price
            if split is None:
                split = (index, -1 if is_open else fitting)
                if not is_open and box.low[index] <= item.last_open < fitting:
                    split = (index, item.last_open)
        else:
            fitting = high
            relaxed += more * item.unit
            relaxed_notional -= more * item.notional
            if item.is_buy:
                relaxed_cash -= more * item.cash
        if is_open and fitting:
            relaxed_orders -= 1
            if largest_open is None or fitting * item.unit > largest_open[0]:
                largest_open = (fitting * item.unit, index)
        # The rounded filling: whole steps of what is really left.
        fits = min(more, notional // item.notional)
        if item.is_buy:
            fits = min(fits, cash // item.cash)
        if is_open and (fits < box.low[index] or not orders):
            continue
        if box.low[index] <= item.last_open < start + fits and item.moved(item.last_open) > item.moved(start + fits):
            fits = item.last_open - start
        steps[index] += fits
        value += fits * item.unit
        notional -= fits * item.notional
        orders -= is_open
        if item.is_buy:
            cash -= fits * item.cash
    if relaxed_orders < 0:
        best_of_open.sort(reverse=True)
        most_of_held = sum(box.high[index] * items[index].unit for index in held)
        relaxed = min(relaxed, most_of_held + sum(best_of_open[: room.orders - len(held)]))
        if largest_open is not None:
            split = (largest_open[1], -1)  # first of all who is among the few
    value -= sum(item.lost(taken) for item, taken in zip(items, steps, strict=True))
    return _Look(relaxed, Filling(value, tuple(steps)), split or _any_split(items, box))


def _surely_lost(item: Item, low: int, high: int) -> int:
    """The least that any order of so many steps makes unattainable."""
    return item.lost(high) if low > item.last_open else 0


def _any_split(items: Sequence[Item], box: Box) -> tuple[int, int] | None:
    """Where to divide a box that the relaxation has no opinion on; None where it holds one filling only."""
    for index, is_open in enumerate(box.open):
        if is_open:
            return index, -1
    for index, (item, low, high) in enumerate(zip(items, box.low, box.high, strict=True)):
        if low <= item.last_open < high:
            return index, item.last_open
        if low < high:
            return index, high - 1
    return None


def _with(values: tuple[_Value, ...], index: int, value: _Value) -> tuple[_Value, ...]:
    return (*values[:index], value, *values[index + 1 :])
