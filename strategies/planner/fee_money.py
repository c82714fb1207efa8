"""BNB that is kept to pay fees with: beside the portfolio, and bought again when less than half of it is left. Pure.

Called in the wide context, and only where some is to be kept.
"""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from botbalance.lib.money import ZERO
from exchanges.domain import Side
from portfolio.domain import Valuation
from strategies.domain import BNB, Leg, Skip
from strategies.planner.obstacles import is_usable, why_unusable
from strategies.planner.resting import obstacle
from strategies.planner.wants import Row, Want, resting_quantity

if TYPE_CHECKING:
    from strategies.planner.rounds import Round


def is_low(valuation: Valuation, worth: Decimal) -> bool:
    """Whether less than half of the BNB worth so much in the quote is there. What has no price is taken for enough."""
    holding = valuation.holding(BNB)
    if holding is None:
        return True
    return holding.value is not None and holding.value * 2 < worth


def without_fee_money(valuation: Valuation, worth: Decimal) -> Valuation:
    """What is left to be managed: the portfolio without BNB up to this worth. What is free of it is kept first."""
    holding = valuation.holding(BNB)
    if holding is None or holding.value is None or not holding.price:
        return valuation
    apart = min(holding.value, worth)
    kept = apart / holding.price
    rest = holding._replace(
        free=max(holding.free - kept, ZERO),
        locked=min(holding.locked, max(holding.total - kept, ZERO)),
        value=holding.value - apart,
    )
    holdings = (rest if row is holding else row for row in valuation.holdings)
    return replace(
        valuation,
        nav=valuation.nav - apart,
        holdings=tuple(row for row in holdings if row is not rest or rest.value),
    )


def sell_bnb_first(legs: list[Leg]) -> None:
    """Where fees are paid in BNB, other orders of a round take theirs out of what is free of it: a sale of all that
    came after them would ask for more than is left.
    """
    for leg in legs:
        if leg.asset == BNB or leg.direct is not None:
            break
    else:
        return
    legs.sort(key=lambda leg: not _gives_bnb(leg))


def _gives_bnb(leg: Leg) -> bool:
    if leg.side is Side.SELL:
        return leg.asset == BNB
    return leg.direct is not None and leg.direct.counter == BNB


def buy_fee_money(round_: "Round", row: Row, budget: Decimal, turnover: Decimal | None) -> Leg | Skip | None:
    """The order that buys BNB up to what is kept of it, why there is none, or None where there is enough.

    What open orders will bring is there. The smallest order the exchange takes is bought where less is missing. Nothing
    is sold for it: `budget` is what of the quote may be spent.
    """
    worth, price = round_.limits.bnb_for_fees, round_.prices.prices.get(row.symbol)
    holding = round_.whole.holding(BNB)
    if holding is not None and holding.price is None:
        return None
    if row.rules is None or price is None or not is_usable(round_, row, price):
        return why_unusable(round_, row, price) if is_low(round_.whole, worth) else None
    mid, resting = price.value, round_.open_orders.get(row.symbol, ())
    held = holding.total if holding is not None else ZERO
    projected = held + resting_quantity(resting)
    missing = worth - projected * mid
    if missing * 2 <= worth:
        return None
    limits = round_.limits
    is_wanted_anyway = (worth - held * mid) * 2 > worth
    why_not = obstacle(row, Side.BUY, resting, limits.occupied, is_wanted_anyway=is_wanted_anyway)
    if why_not is not None:
        return why_not
    if limits.max_orders <= 0:  # the others of the round have used them up
        return Skip(BNB, "max_orders", {"count": str(round_.planner.limits.max_orders)})
    if limits.open_slots is not None and limits.open_slots <= 0:
        return Skip(BNB, "max_open_orders")
    sizes = round_.planner.sizes
    want = Want(BNB, row.rules, mid, Side.BUY, missing, missing, missing, ZERO, projected)
    limit = sizes.price(want)
    smallest = sizes.smallest(want, limit) if limit > 0 else ZERO
    needed = smallest * limit * sizes.with_fee
    if budget < needed:
        return Skip(BNB, "no_quote", {"quote": round_.quote, "free": max(budget, ZERO), "needed": needed})
    return sizes.leg(want._replace(amount=max(missing, smallest * mid)), round_, budget, turnover)
