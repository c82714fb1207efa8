"""Which reads find out about orders at the least weight. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from exchanges.adapters.weights import listed_weight
from orders.domain.lifecycle import RESTING, Status

WHOLE_ACCOUNT = ""
"""In place of a symbol: the open orders of all symbols."""


@dataclass(frozen=True, slots=True)
class ReadWeights:
    """What it costs to ask about one order, and to list the open orders of one symbol or of all."""

    order: int
    symbol_list: int
    whole_list: int


READ_WEIGHTS = ReadWeights(
    order=listed_weight("GET", "/api/v3/order", {}),
    symbol_list=listed_weight("GET", "/api/v3/openOrders", {"symbol": "BTCUSDT"}),
    whole_list=listed_weight("GET", "/api/v3/openOrders", {}),
)


def choose_lists(orders: Iterable[tuple[str, Status]], weights: ReadWeights = READ_WEIGHTS) -> tuple[str, ...]:
    """Lists of open orders to read for these orders of one account, as (symbol, status); the rest is asked one by one.

    Symbols in alphabetical order; (WHOLE_ACCOUNT,) stands for the list of all.

    Counted are orders that rest: a list answers for each of them as long as it is still open. How many have left it is
    not known beforehand, and each that has costs one question more; the choice is made as if none had, so at worst a
    list was read for nothing. An order whose outcome is unknown does not count: a list that shows it answers for it,
    and one that does not proves nothing, so it is asked about either way.
    """
    resting = Counter(symbol for symbol, status in orders if status in RESTING)
    listed = {symbol for symbol, count in resting.items() if weights.symbol_list < weights.order * count}
    apart = sum(weights.symbol_list if symbol in listed else weights.order * count for symbol, count in resting.items())
    if weights.whole_list < apart:
        return (WHOLE_ACCOUNT,)
    return tuple(sorted(listed))
