"""The orders of a round chosen together, against every choice there is.

What counts as drift is written here a second time, in Decimals and straight from the definition in
strategies.planner.joint, and every combination of legal quantities is tried.
"""

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from botbalance.lib.money import ONE, ZERO, exact
from strategies.planner.joint import Solution, Wish, needs_joint_choice, solve
from tests.support import examples

D = Decimal
FEE = D("0.001")
MOST_COMBINATIONS = 1_000


class Round(NamedTuple):
    wishes: tuple[Wish, ...]
    budget: Decimal
    fee_rate: Decimal
    quote_delta: Decimal
    max_orders: int
    turnover: Decimal | None

    def solve(self, tolerance: Decimal | None = ZERO, node_limit: int = 100_000) -> Solution:
        return solve(*self, tolerance=tolerance, node_limit=node_limit)

    @property
    def is_interdependent(self) -> bool:
        return needs_joint_choice(self.wishes, self.budget, self.fee_rate, self.max_orders, self.turnover)


Quantities = Mapping[str, Decimal]


# --- the definition, a second time ---------------------------------------------------------------------------


def legal_quantities(wish: Wish) -> list[Decimal]:
    """0; multiples of the step from the smallest to the largest that stay within the way to go; or the smallest alone
    where it goes further, leaves strictly less, and too little to be turned round.
    """
    drift = abs(wish.delta)
    way = drift if wish.amount is None else wish.amount
    if wish.smallest > wish.largest:
        return [ZERO]
    if wish.smallest * wish.mid > way:
        left = abs(drift - wish.smallest * wish.mid)
        back = wish.smallest if wish.smallest_back is None else wish.smallest_back
        turns_round = (
            wish.smallest * wish.mid - drift > drift or 2 * (wish.smallest * wish.mid - drift) > back * wish.mid
        )
        return [ZERO, wish.smallest] if left < drift and not turns_round else [ZERO]
    quantities, quantity = [ZERO], wish.smallest
    while quantity <= wish.largest and quantity * wish.mid <= way:
        quantities.append(quantity)
        quantity += wish.step
    return quantities


def is_ample(wish: Wish) -> bool:
    way = abs(wish.delta) if wish.amount is None else wish.amount
    return wish.smallest <= wish.largest and wish.smallest * wish.mid <= way


def cost(wish: Wish, quantity: Decimal, fee_rate: Decimal) -> Decimal:
    """What leaves the quote; negative for what comes into it."""
    notional = quantity * wish.price
    return notional * (1 + fee_rate) if wish.delta > 0 else -notional * (1 - fee_rate)


def in_the_end(wish: Wish) -> Decimal:
    """Quantity of an ample wish over all rounds."""
    way = abs(wish.delta) if wish.amount is None else wish.amount
    if wish.attainable is not None:
        way = min(way, wish.attainable)
    return way // (wish.step * wish.mid) * wish.step


def is_allowed(scene: Round, chosen: Quantities) -> bool:
    orders = [(wish, chosen[wish.asset]) for wish in scene.wishes if chosen.get(wish.asset)]
    spent = sum((cost(wish, quantity, scene.fee_rate) for wish, quantity in orders if wish.delta > 0), ZERO)
    notional = sum((wish.price * quantity for wish, quantity in orders), ZERO)
    return (
        spent <= max(scene.budget, ZERO)
        and len(orders) <= scene.max_orders
        and (scene.turnover is None or notional <= max(scene.turnover, ZERO))
    )


def remaining_drift(scene: Round, chosen: Quantities) -> Decimal:
    budget = max(scene.budget, ZERO)
    of_assets = sum((abs(abs(w.delta) - chosen.get(w.asset, ZERO) * w.mid) for w in scene.wishes), ZERO)
    ample = [wish for wish in scene.wishes if is_ample(wish)]
    costs = [cost(wish, in_the_end(wish), scene.fee_rate) for wish in ample]
    buys, sales = sum((c for c in costs if c > 0), ZERO), -sum((c for c in costs if c < 0), ZERO)
    flows = [cost(w, chosen.get(w.asset, ZERO), scene.fee_rate) for w in scene.wishes if not is_ample(w)]
    small = sum(flows, ZERO)
    lack = max(ZERO, buys - budget - sales)
    for wish in ample:
        forgiven = ZERO if wish.delta < 0 else lack if sales or not lack else abs(wish.delta)
        aim = in_the_end(wish)
        if aim < 2 * wish.smallest:
            aim = min(aim, legal_quantities(wish)[-1])  # it cannot be had in two orders
        rest = aim - chosen.get(wish.asset, ZERO)
        if chosen.get(wish.asset) and ZERO < rest < wish.smallest:
            of_assets += 9 * max(ZERO, rest * wish.mid - forgiven)
    kept = lack + abs(scene.quote_delta + (buys - lack) - sales + small)
    smallest = [cost(wish, wish.smallest, scene.fee_rate) for wish in ample if wish.delta > 0]
    if lack and lack >= max(smallest):
        spent = sum((max(cost(w, chosen.get(w.asset, ZERO), scene.fee_rate), ZERO) for w in scene.wishes), ZERO)
        brought = -sum((flow for flow in flows if flow < 0), ZERO)
        if brought and budget - spent + brought >= max(smallest):
            return of_assets + min(kept, abs(scene.quote_delta + buys - sales + small))
    return of_assets + kept


def every_choice(scene: Round) -> Iterator[dict[str, Decimal]]:
    legal = [legal_quantities(wish) for wish in scene.wishes]
    for quantities in itertools.product(*legal):
        chosen = {wish.asset: q for wish, q in zip(scene.wishes, quantities, strict=True)}
        if is_allowed(scene, chosen):
            yield chosen


def rank(scene: Round, chosen: Quantities) -> tuple[object, ...]:
    """Drift, number of orders, turnover, and then more for the name that comes first."""
    notional = sum((wish.price * chosen.get(wish.asset, ZERO) for wish in scene.wishes), ZERO)
    ordered = sorted(scene.wishes, key=lambda wish: wish.asset)
    steps = tuple(-chosen.get(wish.asset, ZERO) / wish.step for wish in ordered)
    return remaining_drift(scene, chosen), sum(1 for quantity in chosen.values() if quantity), notional, steps


def one_by_one(scene: Round) -> dict[str, Decimal]:
    """Sales before buys, the largest drift first, each as much as is left for it; what has no order is dropped."""
    budget, turnover, chosen = max(scene.budget, ZERO), scene.turnover, dict[str, Decimal]()
    for wish in sorted(scene.wishes, key=lambda wish: (wish.delta > 0, -abs(wish.delta), wish.asset)):
        for quantity in reversed(legal_quantities(wish) if is_ample(wish) else []):
            notional = quantity * wish.price
            affordable = wish.delta < 0 or cost(wish, quantity, scene.fee_rate) <= budget
            if (
                quantity
                and affordable
                and (turnover is None or notional <= turnover)
                and len(chosen) < scene.max_orders
            ):
                chosen[wish.asset] = quantity
                budget -= cost(wish, quantity, scene.fee_rate) if wish.delta > 0 else ZERO
                turnover = None if turnover is None else turnover - notional
                break
    return chosen


# --- random rounds -------------------------------------------------------------------------------------------


def random_wish(draw: random.Random, asset: str) -> Wish:
    """On a coarse grid, with a minimum of about 5 of the quote; about half of the drifts are near it."""
    mid = D(draw.choice(["1", "1", "2", "0.5", "1.3", "3.37"]))
    delta = D(draw.choice([draw.randint(-30, 30), draw.randint(-6, 6), draw.choice([-7, -4, -3, 3, 4, 7])]))
    delta += D(draw.choice(["0", "0", "0.3", "0.71"]))
    away = D(draw.choice(["0", "0", "0.01", "-0.01"]))
    price = mid * (1 - away if delta > 0 else 1 + away)
    step = D(draw.choice(["0.5", "1", "2", "2.5", "5"]))
    smallest = max(ONE, (5 / price / step).to_integral_value(ROUND_CEILING)) * step
    return Wish(
        asset=asset,
        delta=delta,
        mid=mid,
        price=price,
        step=step,
        smallest=smallest,
        largest=draw.choice([D(1000), smallest + step * draw.randint(0, 4), smallest - step * draw.randint(0, 1)]),
        amount=draw.choice([None, None, None, abs(delta) * D("0.7")]),
        attainable=draw.choice([None, None, None, abs(delta) * D("0.5")]),
        smallest_back=draw.choice([None, None, None, max(step, smallest - step)]),
    )


def random_round(seed: int) -> Round:
    draw = random.Random(seed)
    wishes = [random_wish(draw, f"asset{number}") for number in range(draw.randint(1, 8))]
    draw.shuffle(wishes)
    balanced = -sum((wish.delta for wish in wishes), ZERO)
    return Round(
        wishes=tuple(wishes),
        budget=D(draw.choice([0, 0, 5, draw.randint(-3, 60), draw.randint(0, 15), 500])),
        fee_rate=D(draw.choice(["0", "0.001", "0.01"])),
        quote_delta=draw.choice([balanced, D(draw.randint(-40, 40)), D(draw.randint(-6, 6))]),
        max_orders=draw.choice([0, 1, 2, 3, 20, 20, 20]),
        turnover=draw.choice([None, None, D(0), D(10), D(25), D(60)]),
    )


seeds = st.integers(0, 2**32)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.filter_too_much])
@given(seeds)
@example(4118)
@example(928)
def test_it_equals_the_best_of_every_legal_choice_down_to_the_last_tie(seed: int) -> None:
    scene = random_round(seed)
    assume(math.prod(len(legal_quantities(wish)) for wish in scene.wishes) <= MOST_COMBINATIONS)
    with exact():
        best = min(every_choice(scene), key=lambda chosen: rank(scene, chosen))
        solution = scene.solve()
        assert solution.drift == remaining_drift(scene, best)
        assert solution.quantities == {asset: quantity for asset, quantity in best.items() if quantity}
        assert solution.one_by_one == remaining_drift(scene, one_by_one(scene))
    assert solution.is_optimal


@settings(max_examples=examples(100))
@given(seeds)
def test_it_is_legal_never_worse_than_one_by_one_and_knows_how_far_it_may_be_from_the_best(seed: int) -> None:
    scene = random_round(seed)
    with exact():
        alone = remaining_drift(scene, one_by_one(scene))
        for solution in (scene.solve(), scene.solve(tolerance=None), scene.solve(tolerance=D(2)), scene.solve(None, 3)):
            chosen = solution.quantities
            for wish in scene.wishes:
                assert chosen.get(wish.asset, ZERO) in legal_quantities(wish)
            assert is_allowed(scene, chosen)
            assert solution.drift == remaining_drift(scene, chosen) <= alone
            assert solution.gap >= 0
            assert solution.drift - solution.gap <= scene.solve().drift
            if solution.nodes < 3:
                assert solution.gap <= 2


@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_wishes_makes_no_difference(seed: int, shuffling: random.Random) -> None:
    scene = random_round(seed)
    shuffled = list(scene.wishes)
    shuffling.shuffle(shuffled)
    for tolerance in (ZERO, None):
        assert scene.solve(tolerance) == scene._replace(wishes=tuple(shuffled)).solve(tolerance)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.filter_too_much])
@given(seeds)
def test_where_nothing_depends_on_anything_every_wish_gets_what_it_gets_alone(seed: int) -> None:
    scene = random_round(seed)._replace(budget=D(500), turnover=None, max_orders=20)
    assume(not scene.is_interdependent)
    assert scene.solve().quantities == scene.solve(tolerance=None).quantities == one_by_one(scene)


# --- examples ------------------------------------------------------------------------------------------------


def wish(asset: str, delta: str, smallest: str = "5", step: str = "0.01", largest: str = "100000") -> Wish:
    return Wish(asset, D(delta), D(1), D(1), D(step), D(smallest), D(largest))


def round_of(*wishes: Wish, budget: str, quote_delta: str, fee_rate: Decimal = ZERO) -> Round:
    return Round(wishes, D(budget), fee_rate, D(quote_delta), 20, None)


def test_of_two_coins_too_small_to_be_bought_one_is_where_that_brings_the_quote_nearer_to_its_target() -> None:
    scene = round_of(wish("ADA", "3"), wish("XRP", "3"), budget="100", quote_delta="-6")
    assert scene.is_interdependent
    solution = scene.solve()
    assert solution.quantities == {"ADA": D(5)}
    assert (solution.one_by_one, solution.drift) == (12, 2 + 3 + 1)


def test_a_small_coin_is_left_alone_where_the_quote_would_lose_more_than_the_coin_gains() -> None:
    assert round_of(wish("ADA", "3"), budget="100", quote_delta="0").solve().choices == ()


def test_a_coin_less_than_half_its_smallest_order_from_its_target_is_never_traded() -> None:
    scene = round_of(wish("ADA", "2.5"), wish("XRP", "-2.4"), budget="100", quote_delta="-20")
    assert not scene.is_interdependent
    assert scene.solve().choices == ()


def test_a_coin_whose_order_could_be_traded_back_is_left_alone() -> None:
    bought = replace(wish("ADA", "2.7"), smallest_back=D("4.5"))
    assert round_of(bought, budget="100", quote_delta="-20").solve().choices == ()
    assert round_of(replace(bought, smallest_back=D("4.6")), budget="100", quote_delta="-20").solve().choices


def test_coins_too_small_to_be_sold_one_by_one_pay_together_for_a_purchase_that_waits_for_money() -> None:
    scene = round_of(
        wish("ADA", "-3"), wish("XRP", "-4"), wish("BTC", "10"), budget="0", quote_delta="-3", fee_rate=FEE
    )
    solution = scene.solve()
    assert solution.quantities == {"ADA": D(5), "XRP": D(5)}
    assert solution.drift < solution.one_by_one


def test_a_small_coin_is_not_sold_for_a_purchase_that_its_proceeds_do_not_reach() -> None:
    too_little = round_of(wish("ADA", "-3"), wish("BTC", "10"), budget="0", quote_delta="-7", fee_rate=FEE)
    assert too_little.solve().choices == ()
    enough = too_little._replace(budget=D("0.02"))
    assert enough.solve().quantities == {"ADA": D(5)}


def test_a_sale_is_made_without_free_cash_however_far_its_limit_is_from_mid() -> None:
    dear = replace(wish("ADA", "-100"), price=D("1.05"))
    scene = round_of(dear, wish("BTC", "100"), wish("XRP", "3"), budget="0", quote_delta="-3", fee_rate=FEE)
    assert scene.solve().quantities == {"ADA": D(100)}


def test_a_purchase_waits_a_round_rather_than_leave_a_rest_that_no_order_can_finish() -> None:
    scene = round_of(wish("ADA", "-7"), wish("BTC", "9"), wish("ETH", "9"), budget="15", quote_delta="-11")
    assert scene.solve().quantities == {"ADA": D(7), "BTC": D(9)}


def test_what_is_free_is_spent_to_the_last_where_no_sale_brings_any_more() -> None:
    scene = round_of(wish("BTC", "9"), wish("ETH", "9"), budget="15", quote_delta="-15")
    assert scene.solve().quantities == {"BTC": D(9), "ETH": D(6)}


def test_an_order_below_the_way_to_go_leaves_room_for_another_one() -> None:
    capped = wish("BTC", "52", largest="50")
    scene = round_of(capped, budget="100", quote_delta="-52")
    assert scene.is_interdependent
    assert scene.solve().quantities == {"BTC": D(47)}


def test_a_round_with_ample_cash_and_orders_is_solved_at_once() -> None:
    scene = round_of(wish("BTC", "52"), wish("ETH", "-9"), budget="100", quote_delta="-43")
    assert not scene.is_interdependent
    solution = scene.solve()
    assert solution.quantities == {"BTC": D(52), "ETH": D(9)}
    assert solution.is_optimal


def test_no_wishes_no_orders() -> None:
    scene = round_of(budget="100", quote_delta="-100")
    assert not scene.is_interdependent
    assert (scene.solve().choices, scene.solve().drift, scene.solve().gap) == ((), 100, 0)


def test_twelve_small_coins_are_decided_for_certain_within_the_default_limit() -> None:
    draw = random.Random(1)
    for _ in range(5):
        deltas = [str(draw.choice([-1, 1]) * round(draw.uniform(2.6, 4.9), 2)) for _ in range(12)]
        wishes = [wish(f"COIN{number:02}", delta) for number, delta in enumerate(deltas)]
        scene = round_of(*wishes, budget="1000", quote_delta=str(draw.randint(-9, 9)), fee_rate=FEE)
        solution = solve(*scene)
        assert solution.is_optimal
        assert solution.drift <= solution.one_by_one


def test_more_than_can_be_searched_is_still_no_worse_than_one_by_one_and_says_so() -> None:
    wishes = [wish(f"COIN{number:02}", "3.1") for number in range(40)]
    solution = round_of(*wishes, budget="1000", quote_delta="-61.7").solve(node_limit=200)
    assert solution.nodes == 200
    assert solution.drift <= solution.one_by_one
    assert solution.gap > 0
    assert not solution.is_optimal


@pytest.mark.parametrize(("field", "value"), [("step", ZERO), ("mid", ZERO), ("price", ZERO), ("smallest", D("5.001"))])
def test_a_wish_that_cannot_be_is_refused(field: str, value: Decimal) -> None:
    broken = replace(wish("ADA", "30"), **{field: value})
    with pytest.raises(ValueError, match="ADA"):
        round_of(broken, budget="100", quote_delta="0").solve()


def test_an_asset_with_two_wishes_is_refused() -> None:
    with pytest.raises(ValueError, match="only one wish"):
        round_of(wish("ADA", "3"), wish("ADA", "-3"), budget="100", quote_delta="0").solve()
