"""An account being changed: mutable inside one command, frozen again at its end. Fills and their money are here."""

from dataclasses import replace
from decimal import Decimal

from exchanges.paper.engine.rules import Rules
from exchanges.paper.engine.state import (
    ZERO,
    Account,
    Balance,
    BnbValue,
    Entry,
    Order,
    Outcome,
    Sequence,
    Trade,
    floor_amount,
    locked_by,
)

BNB_DISCOUNT = Decimal("0.75")
"""What an account that burns BNB pays of the usual commission (account/commission, `discount`)."""


class Draft:
    """What a command does to an account so far."""

    def __init__(self, account: Account, bnb_value: BnbValue) -> None:
        self.account = account
        self.balances = dict(account.balances)
        self.open_orders = dict(account.open_orders)
        self.sequences = dict(account.sequences)
        self.changed: dict[tuple[str, int], Order] = {}
        self.trades: list[Trade] = []
        self.entries: list[Entry] = []
        self._bnb_value = bnb_value

    def put(self, order: Order) -> None:
        key = (order.symbol, order.order_id)
        self.changed[key] = order
        if order.is_open:
            self.open_orders[key] = order
        else:
            self.open_orders.pop(key, None)

    def change(self, before: Order, after: Order, rules: Rules) -> Order:
        """Replace an order that no trade has changed, and release (or take) the difference of what it locks."""
        released = locked_by(before) - locked_by(after)
        self.shift(rules.quote if after.is_buy else rules.base, released, -released)
        self.put(after)
        return after

    def shift(self, asset: str, free: Decimal, locked: Decimal) -> None:
        before = self.balances.get(asset, Balance())
        after = Balance(before.free + free, before.locked + locked)
        if after.free < 0 or after.locked < 0:
            raise ArithmeticError(f"{asset} would be negative: free {after.free}, locked {after.locked}")
        self.balances[asset] = after

    def free(self, asset: str) -> Decimal:
        return self.balances.get(asset, Balance()).free

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
        executed = order.executed + quantity
        after = replace(
            order,
            executed=executed,
            quote_executed=order.quote_executed + quote_quantity,
            status="FILLED" if executed == order.quantity else "PARTIALLY_FILLED",
            update_ms=now_ms,
        )
        # A MARKET BUY has no price to lock by: what its levels cost is set aside before the first of them is filled.
        is_reserved = order.is_buy and order.type == "MARKET"
        released = given[1] if is_reserved else locked_by(order) - locked_by(after)
        self.shift(given[0], released - given[1], -released)
        self.shift(received[0], received[1], ZERO)
        commission_asset, commission = self._commission(*received, now_ms, maker=maker)
        self.shift(commission_asset, -commission, ZERO)
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
            commission_asset=commission_asset,
            time_ms=now_ms,
            is_buyer=order.is_buy,
            is_maker=maker,
        )
        self.trades.append(trade)
        kinds = ("trade_quote", "trade_base") if order.is_buy else ("trade_base", "trade_quote")
        for asset, kind, amount in (
            (given[0], kinds[0], -given[1]),
            (received[0], kinds[1], received[1]),
            (commission_asset, "commission", -commission),
        ):
            if amount:
                self.entries.append(Entry(asset, kind, amount, now_ms, order.symbol, trade.trade_id))
        self.put(after)
        return after

    def _commission(self, asset: str, amount: Decimal, now_ms: int, *, maker: bool) -> tuple[str, Decimal]:
        """Which asset pays how much for receiving `amount` of `asset`: BNB at a discount when enough of it is free."""
        rate = self.account.maker_rate if maker else self.account.taker_rate
        if self.account.burns_bnb:
            worth = self._bnb_value(asset, now_ms)
            in_bnb = floor_amount(amount * rate * BNB_DISCOUNT * worth)
            if worth > ZERO and in_bnb <= self.free("BNB"):
                return "BNB", in_bnb
        return asset, floor_amount(amount * rate)
