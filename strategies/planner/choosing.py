"""Orders chosen together, where one by one some would be dropped: the smallest order of one may be worth more than what
another gets of the same money. Pure. The choice itself is in strategies.planner.joint.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from botbalance.lib.money import ZERO, floor_to_step
from exchanges.domain import Side
from strategies.domain import Leg, OpenOrder, Skip
from strategies.planner.joint import Wish, needs_joint_choice, solve
from strategies.planner.wants import Want

if TYPE_CHECKING:
    from strategies.planner.rounds import Round

# Up to so many of the smallest orders a want is small: what it gets of the money there is decides whether it gets any.
# Above, moving money from one to another changes nothing but where the difference is.
SMALL = 10
# Plans are made while somebody waits: a search that has not ended by then keeps the best it has found.
NODES = 3_000


def may_gain(skip: Skip, want: Want, has_sales: bool) -> bool:
    """Whether a want that was dropped one by one may get an order together with others.

    What lacks money gets it in the next round where something is sold in this one. Where only the number of orders or
    the turnover is short, the largest differences come first, as anybody expects.
    """
    if skip.code in ("below_min_notional", "below_lot"):
        return True
    return skip.code in ("no_quote", "spent") and not has_sales and is_small(want)


def is_small(want: Want) -> bool:
    return want.amount <= SMALL * max(want.rules.min_notional, want.rules.min_quantity * want.mid)


def choose(
    round_: "Round", wants: Sequence[Want], budget: Decimal, turnover: Decimal | None, most: int
) -> dict[str, Leg] | None:
    """The orders of the round, by asset, that leave the least drift; None where one by one is as good.

    `most` is how many orders may be placed. In the wide context.
    """
    wishes = [wish for want in wants if (wish := _wish(round_, want)) is not None]
    fee_rate = round_.limits.fee_rate
    if not needs_joint_choice(wishes, budget, fee_rate, most, turnover):
        return None
    found = solve(wishes, budget, fee_rate, _quote_delta(round_), most, turnover, node_limit=NODES)
    by_asset = {want.asset: want for want in wants}
    prices = {wish.asset: wish.price for wish in wishes}
    legs = {}
    for asset, quantity in found.quantities.items():
        want, price = by_asset[asset], prices[asset]
        if want.rules.failure_on_grid(want.side, price, quantity, want.mid):
            return (
                None  # a filter that knows nothing of money: such an order is none, and the others were chosen for it
            )
        legs[asset] = Leg(want.rules.symbol, asset, want.side, price, quantity, price * quantity * fee_rate)
    return legs


def _wish(round_: "Round", want: Want) -> Wish | None:
    """A want with its legal quantities; None where no order would pass its filters, however large."""
    sizes, rules = round_.planner.sizes, want.rules
    price = sizes.price(want)
    if price <= 0:
        return None
    smallest = sizes.smallest(want, price)
    limited = sizes.limited(want, round_, price, None)
    if isinstance(limited, Skip) or rules.failure_on_grid(want.side, price, smallest, want.mid):
        return None
    is_sale = want.side is Side.SELL
    caps = min(limited, want.free) if is_sale else limited
    if rules.max_quantity:
        caps = min(caps, rules.max_quantity)
    # An order size below the exchange's minimum is raised to it.
    size = max(min(want.amount, round_.order_cap) / want.mid, smallest)
    back = sizes.price(want._replace(side=Side.BUY if is_sale else Side.SELL))
    room = None
    if is_sale:
        room = want.free * want.mid
    elif rules.max_position:
        room = max(rules.max_position - want.held, ZERO) * want.mid
    return Wish(
        asset=want.asset,
        delta=want.delta,
        mid=want.mid,
        price=price,
        step=rules.quantity_grid,
        smallest=smallest,
        largest=floor_to_step(min(size, caps), rules.quantity_grid),
        amount=want.amount,
        attainable=room,
        smallest_back=rules.ceil_quantity(rules.min_notional / back) if back > 0 else None,
    )


def _quote_delta(round_: "Round") -> Decimal:
    """How much of the quote is missing to its own target, once the open orders have filled."""
    holding = round_.holdings.get(round_.quote)
    held = holding.total if holding else ZERO
    return round_.portfolio.quote_target(round_.limits) - held - resting_quote(round_.open_orders.values())


def resting_quote(by_symbol: Iterable[Sequence[OpenOrder]]) -> Decimal:
    """What open orders will bring in the quote; below 0 where they buy for more."""
    return sum(
        (
            order.price * order.remaining * (-1 if order.side == Side.BUY else 1)
            for orders in by_symbol
            for order in orders
        ),
        ZERO,
    )
