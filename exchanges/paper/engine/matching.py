"""place, cancel, amend, advance, move: commands on an account. Each returns an Outcome, or raises Refused and changes
nothing.

An order takes at once what the book offers at its price or better. What is left of a GTC order waits at its own price
as a maker and is filled only by steps whose price reaches it, by at most a share of the step's volume, which the
account's own orders share in order of price, then time; what is left of any other expires.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from botbalance.lib.money import exact
from exchanges.paper.engine.draft import Draft
from exchanges.paper.engine.filters import DUPLICATE, check, check_account, check_position, failure
from exchanges.paper.engine.rules import Rules
from exchanges.paper.engine.self_trades import IN_MATCH, opposite, prevent
from exchanges.paper.engine.state import (
    ZERO,
    Account,
    BnbValue,
    Book,
    Entry,
    Order,
    Outcome,
    Path,
    Refused,
    Request,
    locked_by,
    no_bnb,
)
from exchanges.paper.engine.taking import Taking, is_crossed, takings

SHARE_PERCENT = 10
"""A step fills at most this share of its own volume."""
_LEAST_LOTS = -(-100 // SHARE_PERCENT)  # below so many lots the share is less than one lot

INSUFFICIENT = "Account has insufficient balance for requested action."
UNKNOWN_ORDER = "Unknown order sent."

_UNFILLED = {"IOC": "UNFILLED_IOC_QUANTITY_EXPIRED", "FOK": "UNFILLED_FOK_ORDER_EXPIRED"}
NO_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
BY_EXCHANGE = "EXCHANGE_CANCELED"


def place(
    account: Account,
    request: Request,
    rules: Rules,
    book: Book,
    reference: Decimal,
    now_ms: int,
    bnb_value: BnbValue = no_bnb,
) -> Outcome:
    """Accept an order or raise Refused; the first of the outcome's orders is the new one.

    `reference` is the average price that filters compare with, 0: none.
    """
    with exact():
        check(request, rules, reference)
        check_account(account, request, rules)
        taking = takings(request, rules, book, account.sequences.get(request.symbol))
        check_position(account, request, rules, taking.quantity)
        own = opposite(request, account.open_orders.values())
        if request.type == "LIMIT_MAKER" and (own or is_crossed(request, book)):
            raise Refused(-2010, "Order would immediately match and take.")
        prevention = prevent(request, own, taking)
        taking = prevention.taking
        draft = Draft(account, bnb_value)
        order = _accept(draft, request, taking.quantity, now_ms)
        _check_funds(draft, request, rules, order, taking)
        lock = taking.cost if order.is_buy and order.type == "MARKET" else locked_by(order)
        draft.shift(rules.quote if order.is_buy else rules.base, -lock, lock)
        draft.put(order)
        if request.time_in_force != "FOK" or taking.is_complete:
            for price, quantity in taking.levels:
                order = draft.fill(order, rules, price, quantity, now_ms, maker=False)
            _remember(draft, order, book, taking)
            for maker in prevention.makers:
                draft.change(maker, replace(maker, status=IN_MATCH, update_ms=now_ms), rules)
        if prevention.expires_taker and order.is_open:
            draft.change(order, replace(order, status=IN_MATCH, update_ms=now_ms), rules)
        else:
            _end(draft, order, rules, request, taking, now_ms)
        return draft.outcome()


def _accept(draft: Draft, request: Request, quantity: Decimal, now_ms: int) -> Order:
    sequence = draft.sequence(request.symbol)
    draft.sequences[request.symbol] = replace(sequence, orders=sequence.orders + 1)
    return Order(
        symbol=request.symbol,
        order_id=draft.account.identity(sequence.orders + 1),
        client_order_id=request.client_order_id,
        side=request.side,
        price=request.price,
        quantity=quantity,
        time_ms=now_ms,
        update_ms=now_ms,
        type=request.type,
        time_in_force=request.time_in_force,
        stp_mode=request.stp_mode,
        quote_order_quantity=request.quote_order_quantity,
        iceberg_quantity=request.iceberg_quantity,
        strategy_id=request.strategy_id,
        strategy_type=request.strategy_type,
    )


def _check_funds(draft: Draft, request: Request, rules: Rules, order: Order, taking: Taking) -> None:
    """The whole order is refused when the account could not pay for all of it."""
    if not order.is_buy:
        needed = order.quantity
    elif request.type == "MARKET":
        needed = max(request.quote_order_quantity, taking.cost)
    else:
        needed = locked_by(order)
    if draft.free(rules.quote if order.is_buy else rules.base) < needed:
        raise Refused(-2010, INSUFFICIENT)


def _remember(draft: Draft, order: Order, book: Book, taking: Taking) -> None:
    """A step's book gives each lot once, however many orders take from it."""
    sequence = draft.sequence(order.symbol)
    if sequence.book_step != book.step:
        sequence = replace(sequence, book_step=book.step, bought=ZERO, sold=ZERO)
    taken = sum((quantity for _, quantity in taking.levels), ZERO)
    draft.sequences[order.symbol] = replace(
        sequence,
        bought=sequence.bought + taken if order.is_buy else sequence.bought,
        sold=sequence.sold if order.is_buy else sequence.sold + taken,
    )


def _end(draft: Draft, order: Order, rules: Rules, request: Request, taking: Taking, now_ms: int) -> None:
    """What an order that may not rest has left expires; so does an amount of quote that the book could not serve."""
    if request.type == "MARKET":
        if order.remaining or not taking.is_complete:
            expired = replace(order, status="EXPIRED", expiry_reason=NO_LIQUIDITY, update_ms=now_ms)
            draft.change(order, expired, rules)
    elif order.is_open and request.time_in_force in _UNFILLED:
        reason = _UNFILLED[request.time_in_force]
        draft.change(order, replace(order, status="EXPIRED", expiry_reason=reason, update_ms=now_ms), rules)


def cancel(account: Account, symbol: str, order_id: int, rules: Rules, now_ms: int) -> Outcome:
    """Cancel an open order and release what it locks; -2011 when it is not open."""
    order = account.open_orders.get((symbol, order_id))
    if order is None:
        raise Refused(-2011, UNKNOWN_ORDER)
    with exact():
        draft = Draft(account, no_bnb)
        draft.change(order, replace(order, status="CANCELED", update_ms=now_ms), rules)
        return draft.outcome()


def expire(account: Account, symbol: str, order_id: int, rules: Rules, now_ms: int) -> Outcome:
    """The exchange itself ends an open order, as when its symbol is delisted, and releases what it locks."""
    order = account.open_orders[symbol, order_id]
    with exact():
        draft = Draft(account, no_bnb)
        draft.change(order, replace(order, status="EXPIRED", expiry_reason=BY_EXCHANGE, update_ms=now_ms), rules)
        return draft.outcome()


def amend(
    account: Account, symbol: str, order_id: int, quantity: Decimal, client_order_id: str, rules: Rules, now_ms: int
) -> Outcome:
    """Make an open order smaller; it keeps its id and its turn. -2038 when it may not be amended so.

    At or below what is executed already, nothing is left to wait: the order expires.
    """
    order = account.open_orders.get((symbol, order_id))
    if order is None:
        raise Refused(-2038, UNKNOWN_ORDER)
    with exact():
        _check_amendment(account, order, quantity, client_order_id, rules)
        after = replace(
            order,
            quantity=quantity,
            iceberg_quantity=min(order.iceberg_quantity, quantity),
            client_order_id=client_order_id,
            amendments=order.amendments + 1,
            update_ms=now_ms,
        )
        if quantity <= order.executed:
            after = replace(after, quantity=order.executed, status="EXPIRED", expiry_reason=BY_EXCHANGE)
        draft = Draft(account, no_bnb)
        draft.change(order, after, rules)
        return draft.outcome()


def _check_amendment(account: Account, order: Order, quantity: Decimal, client_order_id: str, rules: Rules) -> None:
    if not rules.amend_allowed:
        raise Refused(-2038, "Order amend is not supported for this symbol.")
    if quantity <= 0:
        raise Refused(-1013, "Invalid quantity.")
    if not rules.lot.holds(quantity):
        raise failure("LOT_SIZE")
    if quantity > order.quantity:
        raise Refused(-2038, "Order amend (quantity increase) is not supported.")
    if quantity == order.quantity:
        raise Refused(-2038, "The requested action would change no state; rejecting.")
    for notional in rules.notionals:
        if not notional.bounds.holds(order.price * quantity):
            raise failure(notional.name)
    if rules.max_amendments is not None and order.amendments >= rules.max_amendments:
        raise failure("MAX_NUM_ORDER_AMENDS", -2038)
    others = (other for other in account.open_orders.values() if other != order)
    if any(other.client_order_id == client_order_id for other in others):
        raise Refused(-2038, DUPLICATE)


def advance(
    account: Account, paths: Mapping[str, Path], rules: Mapping[str, Rules], bnb_value: BnbValue = no_bnb
) -> Outcome:
    """Let the market walk along `paths`, one stretch of time for all symbols; a symbol without a path stands still.

    Who pays commission in BNB pays it in order of time, so that what is left of it does not depend on symbol names.
    """
    with exact():
        draft = Draft(account, bnb_value)
        walkers = {
            symbol: _Walker(symbol, paths[symbol], rules[symbol])
            for symbol in sorted({symbol for symbol, _ in account.open_orders})
            if symbol in paths
        }
        while True:
            coming = {symbol: time_ms for symbol in walkers if (time_ms := walkers[symbol].next_ms(draft)) is not None}
            if not coming:
                return draft.outcome()
            walkers[min(coming, key=lambda symbol: (coming[symbol], symbol))].step(draft)


class _Walker:
    """One symbol's way along its path: which step touches one of its orders next, and what that step fills."""

    def __init__(self, symbol: str, path: Path, rules: Rules) -> None:
        self._symbol = symbol
        self._path = path
        self._rules = rules
        self._index = 0
        self._found: int | None = None
        self._time_ms: int | None = None
        self._waiting: list[Order] | None = None

    def next_ms(self, draft: Draft) -> int | None:
        """When the next step comes that fills something; None when none does."""
        if self._waiting is None:
            self._waiting = [order for key, order in draft.open_orders.items() if key[0] == self._symbol]
            buys = [order.price for order in self._waiting if order.is_buy]
            sells = [order.price for order in self._waiting if not order.is_buy]
            self._found = (
                self._path.next_touch(self._index, max(buys, default=None), min(sells, default=None), _LEAST_LOTS)
                if self._waiting
                else None
            )
            self._time_ms = None if self._found is None else self._path.at(self._found).time_ms
        return self._time_ms

    def step(self, draft: Draft) -> None:
        """Fill what that step fills."""
        assert self._found is not None
        assert self._waiting is not None
        step = self._path.at(self._found)
        budget = (step.lots * SHARE_PERCENT // 100) * self._rules.lot_unit

        def eagerness(order: Order) -> Decimal:
            return order.price - step.price if order.is_buy else step.price - order.price

        touched = [order for order in self._waiting if eagerness(order) >= 0]
        for order in sorted(touched, key=lambda order: (-eagerness(order), order.order_id)):
            quantity = min(order.remaining, budget)
            if quantity:
                draft.fill(order, self._rules, order.price, quantity, step.time_ms, maker=True)
                budget -= quantity
        self._index, self._waiting = self._found + 1, None


def move(account: Account, asset: str, amount: Decimal, kind: str, now_ms: int) -> Outcome:
    """Add to (or, negative, take from) what is free; ArithmeticError when that would be negative."""
    with exact():
        draft = Draft(account, no_bnb)
        draft.shift(asset, amount, ZERO)
        draft.entries.append(Entry(asset, kind, amount, now_ms))
        return draft.outcome()
