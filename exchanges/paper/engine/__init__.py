"""The matching of one account against a market, pure: no Django, no clock, no randomness, no float.

Time, the market's path and its book come in as arguments; what changed comes out. How often an account is looked at
never changes what happens to it.
"""

from exchanges.paper.engine.filters import check_limit
from exchanges.paper.engine.matching import advance, cancel, move, place
from exchanges.paper.engine.state import (
    Account,
    Balance,
    Book,
    Entry,
    Order,
    Outcome,
    Refused,
    Request,
    Sequence,
    Trade,
    locked_by,
    required_locks,
)

__all__ = [
    "Account",
    "Balance",
    "Book",
    "Entry",
    "Order",
    "Outcome",
    "Refused",
    "Request",
    "Sequence",
    "Trade",
    "advance",
    "cancel",
    "check_limit",
    "locked_by",
    "move",
    "place",
    "required_locks",
]
