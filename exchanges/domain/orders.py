"""Orders, what is asked of them, and what an exchange says of them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A LIMIT GTC order as it is to be sent."""

    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    client_order_id: str


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What is known of an order that is asked about: enough to tell it from every other."""

    side: str
    price: Decimal
    quantity: Decimal
    exchange_order_id: int | None = None


@dataclass(frozen=True, slots=True)
class TradeReport:
    trade_id: int
    exchange_order_id: int
    symbol: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_buyer: bool
    is_maker: bool


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the exchange says of an order. `status` is its own word, kept even when it is new to us."""

    symbol: str
    exchange_order_id: int
    client_order_id: str
    side: str
    type: str
    status: str
    price: Decimal
    quantity: Decimal
    executed_quantity: Decimal
    cumulative_quote: Decimal
    time_ms: int


class CancelReplaceMode(StrEnum):
    """What happens to the new order when the old one cannot be cancelled."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class RateLimitMode(StrEnum):
    """What a cancel-replace does when the account may place no more orders for now: nothing, or the cancel alone."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


class StepResult(StrEnum):
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NOT_ATTEMPTED = "NOT_ATTEMPTED"


@dataclass(frozen=True, slots=True)
class Step:
    """One half of a cancel-replace: the order after a success, the exchange's code and words after a failure."""

    result: StepResult
    order: OrderReport | None = None
    exchange_code: int = 0
    exchange_message: str = ""


@dataclass(frozen=True, slots=True)
class CancelReplaceReport:
    """Both halves, each for itself: the cancel may have succeeded and the new order not, and the reverse."""

    cancel: Step
    new_order: Step
