"""What an order takes from the book at once, before it rests or expires. Pure arithmetic over levels."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from botbalance.lib.money import WIDE, floor_to_step
from exchanges.paper.engine.filters import check_market_quantity, failure
from exchanges.paper.engine.rules import Rules
from exchanges.paper.engine.state import ZERO, Book, Refused, Request, Sequence, floor_amount

Levels = tuple[tuple[Decimal, Decimal], ...]
NO_BOOK = "Order book liquidity is less than symbol minimum quantity."
_TOO_THIN = "Order book liquidity is less than {} filter minimum quantity."


@dataclass(frozen=True, slots=True)
class Taking:
    """`levels` to take, (price, quantity), best first; `quantity` is the order's, derived where quote was asked for."""

    levels: Levels
    quantity: Decimal
    is_complete: bool

    @property
    def cost(self) -> Decimal:
        """In quote, each level cut at eight decimals as its trade will be."""
        return sum((floor_amount(price * quantity) for price, quantity in self.levels), ZERO)


def takings(request: Request, rules: Rules, book: Book, sequence: Sequence | None) -> Taking:
    """What the book of this step still offers the order; Refused (-2010) where a MARKET order finds none."""
    offered = _left_of(book, request.is_buy, sequence)
    if request.type == "LIMIT_MAKER":
        return Taking((), request.quantity, is_complete=False)
    if request.type != "MARKET":
        reachable = [
            level for level in offered if (level[0] <= request.price if request.is_buy else level[0] >= request.price)
        ]
        return _up_to(request.quantity, reachable)
    if not offered:
        raise Refused(-2010, NO_BOOK)
    if request.quote_order_quantity:
        return _for_quote(request, rules, offered)
    return _up_to(request.quantity, offered)


def is_crossed(request: Request, book: Book) -> bool:
    """Whether a price would match the best level of the other side."""
    levels = book.asks if request.is_buy else book.bids
    if not levels:
        return False
    return request.price >= levels[0][0] if request.is_buy else request.price <= levels[0][0]


def _left_of(book: Book, is_buy: bool, sequence: Sequence | None) -> Levels:
    """The side to take from, without what this account has taken from the same step already."""
    gone = ZERO
    if sequence is not None and sequence.book_step == book.step:
        gone = sequence.bought if is_buy else sequence.sold
    left = []
    for price, quantity in book.asks if is_buy else book.bids:
        passed = min(gone, quantity)
        gone -= passed
        if quantity > passed:
            left.append((price, quantity - passed))
    return tuple(left)


def _up_to(quantity: Decimal, levels: Iterable[tuple[Decimal, Decimal]]) -> Taking:
    """The first `quantity` of these levels, or all of them."""
    taken, missing = [], quantity
    for price, offered in levels:
        amount = min(offered, missing)
        if not amount:
            break
        taken.append((price, amount))
        missing -= amount
    return Taking(tuple(taken), quantity, is_complete=not missing)


def _for_quote(request: Request, rules: Rules, offered: Levels) -> Taking:
    """As much base as an amount of quote buys, or as brings it, cut to the lot grid: a remainder of quote is left."""
    left, wanted = request.quote_order_quantity, ZERO
    unit = rules.lot.step or rules.lot_unit
    for price, quantity in offered:
        amount = min(quantity, _affordable(left, price, unit))
        wanted += amount
        left -= floor_amount(price * amount)
        if amount < quantity:
            is_complete = True
            break
    else:
        is_complete = not _affordable(left, offered[-1][0], unit)
    total = floor_to_step(floor_to_step(wanted, rules.lot.step), rules.market_lot.step)
    if not is_complete:
        for name, bounds in (("LOT_SIZE", rules.lot), ("MARKET_LOT_SIZE", rules.market_lot)):
            if total < bounds.low:
                raise Refused(-2010, _TOO_THIN.format(name))
    if not total:
        raise failure("LOT_SIZE")
    check_market_quantity(total, rules)
    taking = _up_to(total, offered)
    return Taking(taking.levels, total, is_complete)


def _affordable(quote: Decimal, price: Decimal, unit: Decimal) -> Decimal:
    """The largest multiple of `unit` whose price x quantity is not above `quote`."""
    with localcontext(WIDE):
        return quote // (price * unit) * unit
