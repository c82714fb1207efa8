"""What a back-tested account holds and has ordered: exact to the last digit. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from botbalance.lib.money import ZERO
from exchanges.domain import Side
from strategies.backtest.engine.scenario import Fees
from strategies.domain import BNB, Leg

# Commission is cut off after the eighth decimal, as the exchange's ledgers do. Nothing is rounded: so many whole units
# are exact.
_EIGHT = Decimal("0.00000001")
BNB_DISCOUNT = Decimal("0.75")
BUY = Side.BUY
_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much


# What trades of an order: its number, the leg it is for, quantity and price.
Fill = tuple[int, Leg, Decimal, Decimal]


class Trade(NamedTuple):
    """One fill, in the row it took place in. `fee` is in `fee_asset`; `order` numbers the order it is of.

    `counter` is what was paid with, or received: the quote, or another coin, then worth `worth` of the quote each.
    """

    row: int
    order: int
    symbol: str
    asset: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    counter: str
    worth: Decimal | None = None

    @property
    def paid(self) -> Decimal:
        """What was paid or received of the counter."""
        return self.price * self.quantity

    @property
    def notional(self) -> Decimal:
        """The same in the quote."""
        return self.price * self.quantity if self.worth is None else self.price * self.quantity * self.worth


@dataclass(slots=True)
class RestingOrder:
    """An order at the exchange. `sent_ms` is the end of the row it was decided at, `row` that row."""

    number: int
    leg: Leg
    sent_ms: int
    row: int
    remaining: Decimal


class Book:
    """Balances and open orders. Amounts are added and subtracted exactly; what an order may still spend is locked."""

    def __init__(self, quote: str, start: Mapping[str, Decimal], fees: Fees) -> None:
        self.quote = quote
        self.fees = fees
        self.totals: dict[str, Decimal] = {asset: amount for asset, amount in start.items() if amount}
        self.totals.setdefault(quote, ZERO)
        self.locked: dict[str, Decimal] = {}
        self.open: list[RestingOrder] = []
        self.trades: list[Trade] = []
        self.orders_placed = 0
        self.changes = 0  # counts whatever changes balances, so that what was derived from them can be kept

    def place(self, leg: Leg, row: int, sent_ms: int) -> RestingOrder:
        """An order for a leg, with what it needs locked."""
        self.orders_placed += 1
        order = RestingOrder(self.orders_placed, leg, sent_ms, row, leg.quantity)
        self._lock(order, leg.quantity)
        self.open.append(order)
        return order

    def cancel(self, order: RestingOrder) -> None:
        self._lock(order, -order.remaining)
        self.open.remove(order)

    def fill(
        self,
        order: RestingOrder,
        row: int,
        quantity: Decimal,
        price: Decimal,
        *,
        is_maker: bool,
        bnb: Decimal | None,
        closes: Mapping[str, Decimal],
    ) -> None:
        """So much of an open order trades at this price. `bnb` is what one BNB is worth in the quote, None unknown;
        `closes` are what coins are worth.
        """
        self._lock(order, -quantity)
        order.remaining -= quantity
        if not order.remaining:
            self.open.remove(order)
        self.trade(row, [(order.number, order.leg, quantity, price)], is_maker=is_maker, bnb=bnb, closes=closes)

    def trade(
        self,
        row: int,
        fills: Iterable[Fill],
        *,
        is_maker: bool,
        bnb: Decimal | None,
        closes: Mapping[str, Decimal],
    ) -> None:
        """Move what is traded, and take the commission from what is received, or from BNB."""
        self.changes += 1
        totals, fees, append = self.totals, self.fees, self.trades.append
        rate = fees.maker if is_maker else fees.taker
        for number, leg, quantity, price in fills:
            symbol, asset, side, _limit, _ordered, _estimate, direct = leg
            quote, worth = self.quote, None
            if direct is not None:
                quote, worth = direct.counter, closes[direct.counter]
                totals.setdefault(quote, ZERO)
            notional = quantity * price
            if side is BUY:
                totals[quote] -= notional
                totals[asset] = totals.get(asset, ZERO) + quantity
                received, fee = asset, quantity * rate
            else:
                totals[asset] -= quantity
                totals[quote] += notional
                received, fee = quote, notional * rate
            if worth is not None:
                notional *= worth
            if bnb is not None and received != BNB and self._can_pay(notional, rate, bnb):
                received, fee = BNB, notional * rate * BNB_DISCOUNT // (bnb * _EIGHT) * _EIGHT
            elif fee % _EIGHT:
                fee = fee // _EIGHT * _EIGHT
            totals[received] -= fee
            facts = row, number, symbol, asset, side, price, quantity, fee, received, is_maker, quote, worth
            append(_new(Trade, facts))

    def _can_pay(self, notional: Decimal, rate: Decimal, bnb: Decimal) -> bool:
        """Whether there is enough free BNB for the commission."""
        held = self.totals.get(BNB, ZERO)
        return bool(held) and notional * rate * BNB_DISCOUNT // (bnb * _EIGHT) * _EIGHT <= self.free(BNB)

    def free(self, asset: str) -> Decimal:
        return self.totals.get(asset, ZERO) - self.locked.get(asset, ZERO)

    def move(self, asset: str, amount: Decimal) -> None:
        """Pay in, or out where below 0."""
        self.changes += 1
        self.totals[asset] = self.totals.get(asset, ZERO) + amount

    def _lock(self, order: RestingOrder, quantity: Decimal) -> None:
        self.changes += 1
        leg = order.leg
        quote = self.quote if leg.direct is None else leg.direct.counter
        asset, amount = (quote, quantity * leg.price) if leg.side is BUY else (leg.asset, quantity)
        self.locked[asset] = self.locked.get(asset, ZERO) + amount
