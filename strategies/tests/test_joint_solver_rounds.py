"""Rounds chosen together, each filled as ordered, one after another: they end, never turn round, and end nearer."""

import random
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from botbalance.lib.money import ZERO, wide
from strategies.planner.joint import Solution, Wish, solve
from tests.support import examples

D = Decimal
FEE = D("0.001")
MINIMUM = D(5)
# A lot here is worth up to 2 of the quote: so much may be left of an order here or there.
LOTS = D(10)


class Coin(NamedTuple):
    mid: Decimal
    step: Decimal


class Rebalance(NamedTuple):
    """A portfolio on its way: what each coin is away from its target, what is free, and the quote's own distance."""

    coins: dict[str, Coin]
    away: Decimal  # of limit prices from mid, as a fraction
    band: Decimal
    largest: Decimal | None
    max_orders: int
    deltas: dict[str, Decimal]
    free: Decimal
    quote_delta: Decimal

    @property
    def drift(self) -> Decimal:
        return sum((abs(delta) for delta in self.deltas.values()), ZERO) + abs(self.quote_delta)

    def price(self, asset: str, *, buying: bool) -> Decimal:
        return self.coins[asset].mid * (1 - self.away if buying else 1 + self.away)

    def smallest(self, asset: str, *, buying: bool) -> Decimal:
        step = self.coins[asset].step
        return (MINIMUM / self.price(asset, buying=buying) / step).to_integral_value(ROUND_CEILING) * step

    def wishes(self) -> list[Wish]:
        wishes = []
        for asset, delta in self.deltas.items():
            if not delta or abs(delta) <= self.band:
                continue
            mid, step = self.coins[asset]
            buying = delta > 0
            smallest = self.smallest(asset, buying=buying)
            most = (abs(delta) if self.largest is None else self.largest) / mid // step * step
            wishes.append(
                Wish(
                    asset=asset,
                    delta=delta,
                    mid=mid,
                    price=self.price(asset, buying=buying),
                    step=step,
                    smallest=smallest,
                    largest=max(smallest, most),
                    smallest_back=self.smallest(asset, buying=not buying),
                )
            )
        return wishes

    def after(self, solution: Solution) -> "Rebalance":
        deltas, spent = dict(self.deltas), ZERO
        for asset, quantity in solution.quantities.items():
            buying = deltas[asset] > 0
            notional = quantity * self.price(asset, buying=buying)
            spent += notional * (1 + FEE) if buying else -notional * (1 - FEE)
            deltas[asset] -= quantity * self.coins[asset].mid * (1 if buying else -1)
        return self._replace(deltas=deltas, free=self.free - spent, quote_delta=self.quote_delta + spent)


def random_rebalance(seed: int) -> Rebalance:
    """Two to ten coins, from all far below their smallest orders to all far above."""
    draw = random.Random(seed)
    coins = {}
    for number in range(draw.randint(2, 10)):
        mid, step = D(str(round(10 ** draw.uniform(-2, 4), 3))), D(1).scaleb(-draw.randint(0, 5))
        while step * mid > 2:
            step /= 10
        coins[f"COIN{number}"] = Coin(mid, step)
    scale = draw.choice([6, 20, 200, 2000])
    deltas = {asset: D(str(round(draw.uniform(-scale, scale) * draw.random() ** 2, 3))) for asset in coins}
    quote_delta = draw.choice([0, 0, 0, 5, -5]) - sum(deltas.values(), ZERO)
    return Rebalance(
        coins=coins,
        away=D(draw.choice(["0", "0.001", "0.005", "-0.002"])),
        band=D(draw.choice([0, 0, 1, 3])),
        largest=draw.choice([None, None, D(50)]),
        max_orders=draw.choice([20, 20, 2]),
        deltas=deltas,
        free=max(ZERO, -quote_delta) + draw.choice([0, 0, 0, 2, 50]),
        quote_delta=quote_delta,
    )


def together(state: Rebalance) -> Solution:
    return solve(state.wishes(), state.free, FEE, state.quote_delta, state.max_orders, None)


def one_by_one(state: Rebalance) -> Solution:
    return solve(state.wishes(), state.free, FEE, state.quote_delta, state.max_orders, None, node_limit=0)


def run(state: Rebalance, choose: Callable[[Rebalance], Solution]) -> Rebalance:
    """Rounds until there are no more orders. Each brings the coins it trades nearer, and none is traded to and fro."""
    sides: dict[str, bool] = {}
    # Every order moves at least the minimum of one coin towards its target, or is the last of its coin.
    most_rounds = sum(int(abs(delta) / (MINIMUM * D("0.9"))) + 2 for delta in state.deltas.values())
    for _ in range(most_rounds):
        solution = choose(state)
        if not solution.choices:
            return state
        after = state.after(solution)
        assert after.free >= 0
        for asset in solution.quantities:
            assert abs(after.deltas[asset]) < abs(state.deltas[asset])
            assert sides.setdefault(asset, state.deltas[asset] > 0) == (state.deltas[asset] > 0)
        state = after
    raise AssertionError(f"not at an end after {most_rounds} rounds")


@settings(max_examples=examples(80))
@given(st.integers(0, 2**32))
@example(810)
@example(389)
def test_rounds_end_and_no_coin_is_both_bought_and_sold(seed: int) -> None:
    with wide():
        run(random_rebalance(seed), together)


def test_what_is_left_in_the_end_is_less_than_where_small_wishes_are_dropped_one_by_one() -> None:
    """Over many portfolios, quote included; and in none by more than what lots and fees may have to do with it."""
    gained, nearer = ZERO, 0
    with wide():
        for seed in range(60):
            state = random_rebalance(seed)
            alone, chosen = run(state, one_by_one).drift, run(state, together).drift
            assert chosen <= alone + LOTS
            gained += alone - chosen
            nearer += chosen < alone - 1
    assert nearer >= 5
    assert gained > 0
