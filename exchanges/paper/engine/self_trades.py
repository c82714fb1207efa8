"""Self-trade prevention: an order never trades with one of its own account. The mode of the order that comes decides.

An own order is met when what the market offers at its price or better does not fill the one that comes. Then the
waiting order expires (EXPIRE_MAKER), what is left of the coming one (EXPIRE_TAKER), or both (EXPIRE_BOTH), with the
status EXPIRED_IN_MATCH. (Binance Spot documentation, "Self Trade Prevention FAQ"; at one price the market's orders come
first here.)
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from exchanges.paper.engine.state import ZERO, Order, Request
from exchanges.paper.engine.taking import Taking

IN_MATCH = "EXPIRED_IN_MATCH"


@dataclass(frozen=True, slots=True)
class Prevention:
    """What may be taken from the market, which own orders expire, and whether what is left of the coming one does."""

    taking: Taking
    makers: tuple[Order, ...] = ()
    expires_taker: bool = False


def opposite(request: Request, orders: Iterable[Order]) -> list[Order]:
    """The account's own orders that this one would match, in the order in which it would meet them."""
    mine = [order for order in orders if order.symbol == request.symbol and order.is_buy != request.is_buy]
    if request.type != "MARKET":
        mine = [
            order
            for order in mine
            if (order.price <= request.price if request.is_buy else order.price >= request.price)
        ]
    return sorted(mine, key=lambda order: (order.price if request.is_buy else -order.price, order.order_id))


def prevent(request: Request, orders: Iterable[Order], taking: Taking) -> Prevention:
    """Stop `taking` where the order would meet one of its own account."""
    met: list[Order] = []
    for order in opposite(request, orders):
        before = [
            level for level in taking.levels if (level[0] <= order.price if request.is_buy else level[0] >= order.price)
        ]
        if sum((quantity for _, quantity in before), ZERO) >= taking.quantity:
            break
        if request.stp_mode == "EXPIRE_MAKER":
            met.append(order)
            continue
        stopped = replace(taking, levels=tuple(before), is_complete=False)
        both = request.stp_mode == "EXPIRE_BOTH"
        return Prevention(stopped, (order,) if both else (), expires_taker=True)
    return Prevention(taking, tuple(met))
