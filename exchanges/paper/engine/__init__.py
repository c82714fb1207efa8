"""The matching of one account against a market, pure: no Django, no clock, no randomness, no float.

Time, the market's path and its book come in as arguments; what changed comes out. How often an account is looked at
never changes what happens to it.
"""

from exchanges.paper.engine.draft import BNB_DISCOUNT
from exchanges.paper.engine.filters import check
from exchanges.paper.engine.matching import UNKNOWN_ORDER, advance, amend, cancel, expire, move, place
from exchanges.paper.engine.rules import Rules
from exchanges.paper.engine.self_trades import opposite
from exchanges.paper.engine.state import (
    Account,
    Balance,
    BnbValue,
    Book,
    Entry,
    Order,
    Outcome,
    Refused,
    Request,
    Sequence,
    Trade,
    locked_by,
    no_bnb,
    required_locks,
)

__all__ = [
    "BNB_DISCOUNT",
    "UNKNOWN_ORDER",
    "Account",
    "Balance",
    "BnbValue",
    "Book",
    "Entry",
    "Order",
    "Outcome",
    "Refused",
    "Request",
    "Rules",
    "Sequence",
    "Trade",
    "advance",
    "amend",
    "cancel",
    "check",
    "expire",
    "locked_by",
    "move",
    "no_bnb",
    "opposite",
    "place",
    "required_locks",
]
