"""What an account is: frozen values. Quantities in base units, prices and quote amounts in quote units, times in ms.

Amounts have at most eight decimals, like the exchange's. The rules, so that nothing is created or lost:
- a fill moves exactly `quantity` base, and `price x quantity` quote with the digits past the eighth cut off;
- the commission is taken from what is received, `received x rate`, with the digits past the eighth cut off; an account
  that burns BNB pays three quarters of its worth in BNB instead, as long as so much of it is free;
- an open BUY locks `price x remaining` quote with the eighth digit rounded up, an open SELL locks `remaining` base;
  a fill releases the difference of the locks before and after, which is never less than what the fill takes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Protocol

from exchanges.paper.engine.rules import Rules

ZERO = Decimal(0)
_EIGHT = Decimal("0.00000001")
_FLOOR = Context(prec=60, rounding=ROUND_FLOOR)
_CEILING = Context(prec=60, rounding=ROUND_CEILING)

# An id of an account's n-th order or trade on a symbol: ascending per symbol, never shared by two accounts.
IDS_PER_NUMBER = 10_000_000


def floor_amount(value: Decimal) -> Decimal:
    return value.quantize(_EIGHT, context=_FLOOR)


def ceil_amount(value: Decimal) -> Decimal:
    return value.quantize(_EIGHT, context=_CEILING)


class Refused(Exception):
    """The exchange refuses; nothing has changed. `code` and `text` are what it answers, with HTTP 400."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


BnbValue = Callable[[str, int], Decimal]
"""What one unit of an asset is worth in BNB at a moment (ms); 0 where that is not known."""


class Step(Protocol):
    """One step of a path."""

    @property
    def time_ms(self) -> int: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def lots(self) -> int: ...


class Path(Protocol):
    """The steps of one symbol in a stretch of time."""

    def at(self, index: int) -> Step: ...

    def next_touch(self, start: int, buy: Decimal | None, sell: Decimal | None, min_lots: int) -> int | None:
        """First index from `start` with a price at most `buy` or at least `sell`, and `min_lots` lots traded."""


@dataclass(frozen=True, slots=True)
class Balance:
    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class Book:
    """The market's book at one of its steps, best level first, (price, quantity)."""

    step: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """An order as it was asked for. A MARKET order has a quantity, or how much quote to spend or receive."""

    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    client_order_id: str
    type: str = "LIMIT"
    time_in_force: str = "GTC"
    stp_mode: str = "EXPIRE_MAKER"
    quote_order_quantity: Decimal = ZERO
    iceberg_quantity: Decimal = ZERO
    strategy_id: int | None = None
    strategy_type: int | None = None

    @property
    def is_buy(self) -> bool:
        return self.side == "BUY"


@dataclass(frozen=True, slots=True)
class Order:
    symbol: str
    order_id: int
    client_order_id: str
    side: str
    price: Decimal
    quantity: Decimal
    time_ms: int
    update_ms: int
    status: str = "NEW"
    executed: Decimal = ZERO
    quote_executed: Decimal = ZERO
    type: str = "LIMIT"
    time_in_force: str = "GTC"
    stp_mode: str = "EXPIRE_MAKER"
    quote_order_quantity: Decimal = ZERO
    iceberg_quantity: Decimal = ZERO
    strategy_id: int | None = None
    strategy_type: int | None = None
    amendments: int = 0
    expiry_reason: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.executed

    @property
    def is_open(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def is_buy(self) -> bool:
        return self.side == "BUY"


@dataclass(frozen=True, slots=True)
class Trade:
    symbol: str
    trade_id: int
    order_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_buyer: bool
    is_maker: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one balance; `trade_id` says which trade of which symbol caused it."""

    asset: str
    kind: str
    amount: Decimal
    time_ms: int
    symbol: str = ""
    trade_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Per symbol: how many orders and trades there were, and what this step's book has already given."""

    orders: int = 0
    trades: int = 0
    book_step: int = -1
    bought: Decimal = ZERO
    sold: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Account:
    number: int
    balances: Mapping[str, Balance] = field(default_factory=dict)
    open_orders: Mapping[tuple[str, int], Order] = field(default_factory=dict)
    sequences: Mapping[str, Sequence] = field(default_factory=dict)
    maker_rate: Decimal = Decimal("0.001")
    taker_rate: Decimal = Decimal("0.001")
    burns_bnb: bool = False

    def balance(self, asset: str) -> Balance:
        return self.balances.get(asset, Balance())

    def identity(self, count: int) -> int:
        """The id of the `count`-th order or trade on a symbol."""
        return count * IDS_PER_NUMBER + self.number


@dataclass(frozen=True, slots=True)
class Outcome:
    """The account afterwards, and what happened on the way: changed orders, new trades, balance changes."""

    account: Account
    orders: tuple[Order, ...] = ()
    trades: tuple[Trade, ...] = ()
    entries: tuple[Entry, ...] = ()


def locked_by(order: Order) -> Decimal:
    """What an order locks: quote for a BUY, base for a SELL."""
    if not order.is_open:
        return ZERO
    return ceil_amount(order.price * order.remaining) if order.is_buy else order.remaining


def no_bnb(asset: str, time_ms: int) -> Decimal:
    """Where no price of BNB is known: commission is taken from what is received."""
    return ZERO


def required_locks(orders: Iterable[Order], rules: Mapping[str, Rules]) -> dict[str, Decimal]:
    """What these open orders lock, per asset."""
    locks: dict[str, Decimal] = {}
    for order in orders:
        asset = rules[order.symbol].quote if order.is_buy else rules[order.symbol].base
        locks[asset] = locks.get(asset, ZERO) + locked_by(order)
    return locks
