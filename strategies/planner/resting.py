"""Orders that rest at the exchange, as a plan sees them: what they still bring, and where they are in the way. Pure."""

from collections.abc import Collection, Sequence

from botbalance.lib.money import ZERO
from exchanges.domain import ExchangeInfo, Side
from strategies.domain import OpenOrder, Skip
from strategies.planner.wants import Row


def orders_by_symbol(orders: Sequence[OpenOrder], info: ExchangeInfo, quote: str) -> dict[str, Sequence[OpenOrder]]:
    """Open orders under the symbol that trades what they are of against the quote.

    One between two coins stands under both, as each sees it: it will bring so much of the one and take so much of the
    other, and nothing of the quote.
    """
    found: dict[str, list[OpenOrder]] = {}
    for order in orders:
        rules = info.rules.get(order.symbol)
        if rules is None or rules.quote == quote:
            found.setdefault(order.symbol, []).append(order)
            continue
        other = Side.SELL if order.side == Side.BUY else Side.BUY
        for asset, side, remaining in (
            (rules.base, order.side, order.remaining),
            (rules.quote, other, order.remaining * order.price),
        ):
            pair = info.pair(asset, quote)
            if pair is not None:
                seen = OpenOrder(order.symbol, side, ZERO, remaining, placed_as=order.side)
                found.setdefault(pair.symbol, []).append(seen)
    return dict(found)


def obstacle(
    row: Row, side: Side, resting: Sequence[OpenOrder], occupied: Collection[str], *, is_wanted_anyway: bool
) -> Skip | None:
    """Why an order may not join those that rest; None where it may.

    Orders of the other side that only bring too much (the price has moved since they were placed) are no reason to
    trade against them: without them nothing would ask for it.
    """
    rules, asset = row.rules, row.asset
    opposite = next((order for order in resting if order.side != side), None)
    if opposite is not None and not is_wanted_anyway:
        return Skip(asset, "covered", {"symbol": opposite.symbol})
    if opposite is not None:
        placed_as = opposite.placed_as or opposite.side
        return Skip(asset, "opposite_order", {"symbol": opposite.symbol, "side": placed_as.value})
    waits = next((symbol for symbol in (*(order.symbol for order in resting), row.symbol) if symbol in occupied), None)
    if waits is not None:
        return Skip(asset, "order_waits", {"symbol": waits})
    count = sum(order.symbol == row.symbol for order in resting)
    if rules is not None and rules.max_open_orders and count >= rules.max_open_orders:
        return Skip(asset, "too_many_open", {"symbol": row.symbol, "count": str(count)})
    return None
