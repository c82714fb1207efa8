"""place, cancel, advance, move: commands on an account. Each returns an Outcome, or raises Refused and changes nothing.

A LIMIT order takes at once what the book offers at its price or better; the rest waits at its own price as a maker and
is filled only by steps whose price reaches it, by at most a share of the step's volume, which the account's own orders
share in order of price, then time.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from botbalance.lib.money import exact
from exchanges.paper.engine.filters import check_counts, check_limit
from exchanges.paper.engine.state import (
    ZERO,
    Account,
    Balance,
    Book,
    Entry,
    Order,
    Outcome,
    Path,
    Refused,
    Request,
    Rules,
    Sequence,
    Trade,
    floor_amount,
    locked_by,
)

SHARE_PERCENT = 10
"""A step fills at most this share of its own volume."""
_LEAST_LOTS = -(-100 // SHARE_PERCENT)  # below so many lots the share is less than one lot

INSUFFICIENT = "Account has insufficient balance for requested action."
NOT_SUPPORTED = "This operation is not supported."


class _Draft:
    """An account being changed: mutable inside one command, frozen again at its end."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.balances = dict(account.balances)
        self.open_orders = dict(account.open_orders)
        self.sequences = dict(account.sequences)
        self.changed: dict[tuple[str, int], Order] = {}
        self.trades: list[Trade] = []
        self.entries: list[Entry] = []

    def put(self, order: Order) -> None:
        key = (order.symbol, order.order_id)
        self.changed[key] = order
        if order.is_open:
            self.open_orders[key] = order
        else:
            self.open_orders.pop(key, None)

    def shift(self, asset: str, free: Decimal, locked: Decimal) -> None:
        before = self.balances.get(asset, Balance())
        after = Balance(before.free + free, before.locked + locked)
        if after.free < 0 or after.locked < 0:
            raise ArithmeticError(f"{asset} would be negative: free {after.free}, locked {after.locked}")
        self.balances[asset] = after

    def sequence(self, symbol: str) -> Sequence:
        return self.sequences.get(symbol, Sequence())

    def outcome(self) -> Outcome:
        account = replace(self.account, balances=self.balances, open_orders=self.open_orders, sequences=self.sequences)
        return Outcome(account, tuple(self.changed.values()), tuple(self.trades), tuple(self.entries))

    def fill(self, order: Order, rules: Rules, price: Decimal, quantity: Decimal, now_ms: int, *, maker: bool) -> Order:
        """One trade: balances, commission, ledger entries, the order's new state."""
        quote_quantity = floor_amount(price * quantity)
        received = (rules.base, quantity) if order.is_buy else (rules.quote, quote_quantity)
        given = (rules.quote, quote_quantity) if order.is_buy else (rules.base, quantity)
        rate = self.account.maker_rate if maker else self.account.taker_rate
        commission = floor_amount(received[1] * rate)
        executed = order.executed + quantity
        after = replace(
            order,
            executed=executed,
            quote_executed=order.quote_executed + quote_quantity,
            status="FILLED" if executed == order.quantity else "PARTIALLY_FILLED",
            update_ms=now_ms,
        )
        released = locked_by(order) - locked_by(after)
        self.shift(given[0], released - given[1], -released)
        self.shift(received[0], received[1] - commission, ZERO)
        sequence = self.sequence(order.symbol)
        self.sequences[order.symbol] = replace(sequence, trades=sequence.trades + 1)
        trade = Trade(
            symbol=order.symbol,
            trade_id=self.account.identity(sequence.trades + 1),
            order_id=order.order_id,
            price=price,
            quantity=quantity,
            quote_quantity=quote_quantity,
            commission=commission,
            commission_asset=received[0],
            time_ms=now_ms,
            is_buyer=order.is_buy,
            is_maker=maker,
        )
        self.trades.append(trade)
        kinds = ("trade_quote", "trade_base") if order.is_buy else ("trade_base", "trade_quote")
        for asset, kind, amount in (
            (given[0], kinds[0], -given[1]),
            (received[0], kinds[1], received[1]),
            (received[0], "commission", -commission),
        ):
            if amount:
                self.entries.append(Entry(asset, kind, amount, now_ms, order.symbol, trade.trade_id))
        self.put(after)
        return after


def place(account: Account, request: Request, rules: Rules, book: Book, reference: Decimal, now_ms: int) -> Outcome:
    """Accept an order or raise Refused. `reference` is the average price the percent filter compares with."""
    with exact():
        simulate = _SIMULATED.get((request.type, request.time_in_force))
        if simulate is None:
            raise Refused(-1020, NOT_SUPPORTED)
        return simulate(account, request, rules, book, reference, now_ms)


def _place_limit(
    account: Account, request: Request, rules: Rules, book: Book, reference: Decimal, now_ms: int
) -> Outcome:
    check_limit(request, rules, reference)
    if any(order.client_order_id == request.client_order_id for order in account.open_orders.values()):
        raise Refused(-2010, "Duplicate order sent.")
    check_counts(account.open_orders.values(), rules)
    draft = _Draft(account)
    sequence = draft.sequence(request.symbol)
    order = Order(
        symbol=request.symbol,
        order_id=account.identity(sequence.orders + 1),
        client_order_id=request.client_order_id,
        side=request.side,
        price=request.price,
        quantity=request.quantity,
        time_ms=now_ms,
        update_ms=now_ms,
        type=request.type,
        time_in_force=request.time_in_force,
        stp_mode=request.stp_mode,
    )
    asset, lock = (rules.quote if order.is_buy else rules.base), locked_by(order)
    if account.balance(asset).free < lock:
        raise Refused(-2010, INSUFFICIENT)
    draft.sequences[request.symbol] = replace(sequence, orders=sequence.orders + 1)
    draft.shift(asset, -lock, lock)
    draft.put(order)
    _take(draft, order, rules, book, now_ms)
    return draft.outcome()


_SIMULATED: Mapping[tuple[str, str], Callable[[Account, Request, Rules, Book, Decimal, int], Outcome]] = {
    ("LIMIT", "GTC"): _place_limit
}
"""What is simulated; everything else that is legal on the exchange is refused with -1020."""


def _take(draft: _Draft, order: Order, rules: Rules, book: Book, now_ms: int) -> None:
    """Fill what the book offers at the order's price or better. A step's book gives each lot once."""
    sequence = draft.sequence(order.symbol)
    if sequence.book_step != book.step:
        sequence = replace(sequence, book_step=book.step, bought=ZERO, sold=ZERO)
    gone = sequence.bought if order.is_buy else sequence.sold
    taken = ZERO
    for price, quantity in book.asks if order.is_buy else book.bids:
        reachable = price <= order.price if order.is_buy else price >= order.price
        if not reachable or not order.remaining:
            break
        passed = min(gone, quantity)
        gone -= passed
        amount = min(quantity - passed, order.remaining)
        if amount:
            order = draft.fill(order, rules, price, amount, now_ms, maker=False)
            taken += amount
    latest = draft.sequence(order.symbol)
    draft.sequences[order.symbol] = replace(
        latest,
        book_step=sequence.book_step,
        bought=sequence.bought + taken if order.is_buy else sequence.bought,
        sold=sequence.sold if order.is_buy else sequence.sold + taken,
    )


def cancel(account: Account, symbol: str, order_id: int, rules: Rules, now_ms: int) -> Outcome:
    """Cancel an open order and release what it locks; -2011 when it is not open."""
    order = account.open_orders.get((symbol, order_id))
    if order is None:
        raise Refused(-2011, "Unknown order sent.")
    with exact():
        draft = _Draft(account)
        lock = locked_by(order)
        draft.shift(rules.quote if order.is_buy else rules.base, lock, -lock)
        draft.put(replace(order, status="CANCELED", update_ms=now_ms))
        return draft.outcome()


def advance(account: Account, paths: Mapping[str, Path], rules: Mapping[str, Rules]) -> Outcome:
    """Let the market walk along `paths`, one stretch of time for all symbols; a symbol without a path stands still."""
    with exact():
        draft = _Draft(account)
        for symbol in sorted({symbol for symbol, _ in account.open_orders}):
            if symbol in paths:
                _advance_symbol(draft, symbol, paths[symbol], rules[symbol])
        draft.trades.sort(key=lambda trade: (trade.time_ms, trade.symbol, trade.trade_id))
        draft.entries.sort(key=lambda entry: (entry.time_ms, entry.symbol, entry.trade_id or 0))
        return draft.outcome()


def _advance_symbol(draft: _Draft, symbol: str, path: Path, rules: Rules) -> None:
    index = 0
    while True:
        waiting = [order for key, order in draft.open_orders.items() if key[0] == symbol]
        buys = [order.price for order in waiting if order.is_buy]
        sells = [order.price for order in waiting if not order.is_buy]
        if not waiting:
            return
        found = path.next_touch(index, max(buys, default=None), min(sells, default=None), _LEAST_LOTS)
        if found is None:
            return
        step = path.at(found)
        budget = (step.lots * SHARE_PERCENT // 100) * rules.step

        def eagerness(order: Order, price: Decimal = step.price) -> Decimal:
            return order.price - price if order.is_buy else price - order.price

        touched = [order for order in waiting if eagerness(order) >= 0]
        for order in sorted(touched, key=lambda order: (-eagerness(order), order.order_id)):
            quantity = min(order.remaining, budget)
            if quantity:
                draft.fill(order, rules, order.price, quantity, step.time_ms, maker=True)
                budget -= quantity
        index = found + 1


def move(account: Account, asset: str, amount: Decimal, kind: str, now_ms: int) -> Outcome:
    """Add to (or, negative, take from) what is free; ArithmeticError when that would be negative."""
    with exact():
        draft = _Draft(account)
        draft.shift(asset, amount, ZERO)
        draft.entries.append(Entry(asset, kind, amount, now_ms))
        return draft.outcome()
