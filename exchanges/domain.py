"""Values of an exchange as frozen Decimal types. Pure: no Django, no clock, no network.

Units: prices in the symbol's quote asset per one base asset, quantities in the base asset, notional in the quote
asset, times in UTC milliseconds since 1970, commission rates as fractions (0.001 is 0.1 %).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from botbalance.lib.money import ZERO, ceil_to_step, floor_to_step, is_multiple

STABLECOINS = ("USDT", "USDC", "FDUSD", "TUSD", "DAI", "BUSD", "USDP", "USD1")


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Venue(StrEnum):
    """Where an adapter talks to. Not what a user picks: that is ExchangeAccount.Venue."""

    PAPER = "paper"
    TESTNET = "testnet"
    MAINNET = "mainnet"


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best bid and ask of one symbol; zero where that side of the book is empty."""

    symbol: str
    bid: Decimal
    ask: Decimal

    @property
    def is_usable(self) -> bool:
        return ZERO < self.bid <= self.ask

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class AccountInfo:
    balances: tuple[Balance, ...]
    can_trade: bool
    maker_rate: Decimal
    taker_rate: Decimal


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A LIMIT GTC order as it is to be sent."""

    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    client_order_id: str


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


@dataclass(frozen=True, slots=True)
class Candle:
    """Trade of one symbol in one interval; `close_time_ms` is its last millisecond."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time_ms: int
    quote_volume: Decimal
    trades: int


@dataclass(frozen=True, slots=True)
class BookLevel:
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Depth:
    """The order book of one symbol: bids from the highest, asks from the lowest price."""

    last_update_id: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """One kind of commission; what is charged is maker or taker, plus buyer or seller."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO
    buyer: Decimal = ZERO
    seller: Decimal = ZERO

    def maker_rate(self, side: Side) -> Decimal:
        return self.maker + (self.buyer if side == Side.BUY else self.seller)

    def taker_rate(self, side: Side) -> Decimal:
        return self.taker + (self.buyer if side == Side.BUY else self.seller)


@dataclass(frozen=True, slots=True)
class Discount:
    """The reduction of the standard commission when it is paid in `asset`; `factor` as the exchange gives it."""

    enabled_for_account: bool
    enabled_for_symbol: bool
    asset: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Commission:
    """What trading a symbol costs. Tax and special commission are added to the standard one, and never discounted."""

    standard: Rates
    special: Rates
    tax: Rates
    discount: Discount

    def maker_rate(self, side: Side) -> Decimal:
        return sum((rates.maker_rate(side) for rates in (self.standard, self.special, self.tax)), ZERO)

    def taker_rate(self, side: Side) -> Decimal:
        return sum((rates.taker_rate(side) for rates in (self.standard, self.special, self.tax)), ZERO)


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What an API key may do, and whether it works from anywhere."""

    is_ip_restricted: bool
    can_read: bool
    can_trade_spot: bool
    can_withdraw: bool
    can_transfer_internally: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many of a kind (REQUEST_WEIGHT, ORDERS, RAW_REQUESTS) in an interval such as 1M, 10S, 1D."""

    kind: str
    interval: str
    limit: int

    @property
    def name(self) -> str:
        return f"{self.kind} {self.interval}"


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """What an order on one symbol must satisfy (exchangeInfo). A step, tick or limit of 0 means it is not set.

    Filter semantics: Binance Spot REST documentation, "Filters". Multipliers apply to a reference price (the
    average of the last minutes); here the caller's mid stands in for it.
    """

    symbol: str
    base: str
    quote: str
    status: str = "TRADING"
    tick_size: Decimal = ZERO
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    step_size: Decimal = ZERO
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    max_notional: Decimal = ZERO
    bid_multiplier_up: Decimal = ZERO
    bid_multiplier_down: Decimal = ZERO
    ask_multiplier_up: Decimal = ZERO
    ask_multiplier_down: Decimal = ZERO
    max_open_orders: int = 0
    max_position: Decimal = ZERO
    base_precision: int = 8
    quote_precision: int = 8
    limit_orders_allowed: bool = True
    percent_filter: str = "PERCENT_PRICE_BY_SIDE"
    notional_filter: str = "NOTIONAL"

    @property
    def is_trading(self) -> bool:
        return self.status == "TRADING" and self.limit_orders_allowed

    def floor_price(self, price: Decimal) -> Decimal:
        return floor_to_step(price, self.tick_size)

    def ceil_price(self, price: Decimal) -> Decimal:
        return ceil_to_step(price, self.tick_size)

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Largest legal quantity not above `quantity`; 0 where even the smallest is above it."""
        capped = min(quantity, self.max_quantity) if self.max_quantity else quantity
        floored = floor_to_step(capped, self.step_size)
        return floored if floored >= self.min_quantity else ZERO

    def ceil_quantity(self, quantity: Decimal) -> Decimal:
        """Smallest legal quantity not below `quantity`."""
        return max(ceil_to_step(quantity, self.step_size), ceil_to_step(self.min_quantity, self.step_size))

    def failure(self, side: Side, price: Decimal, quantity: Decimal, reference: Decimal) -> str:
        """Name of the first filter a LIMIT order would fail, "" when it passes all that can be known here."""
        if price <= 0 or not self._within(price, self.min_price, self.max_price):
            return "PRICE_FILTER"
        if not is_multiple(price, self.tick_size):
            return "PRICE_FILTER"
        if quantity <= 0 or not self._within(quantity, self.min_quantity, self.max_quantity):
            return "LOT_SIZE"
        if not is_multiple(quantity, self.step_size):
            return "LOT_SIZE"
        buying = side == Side.BUY
        up = self.bid_multiplier_up if buying else self.ask_multiplier_up
        down = self.bid_multiplier_down if buying else self.ask_multiplier_down
        if not self._within(price, reference * down, reference * up):
            return self.percent_filter
        if not self._within(price * quantity, self.min_notional, self.max_notional):
            return self.notional_filter
        return ""

    @staticmethod
    def _within(value: Decimal, low: Decimal, high: Decimal) -> bool:
        return value >= low and (high == 0 or value <= high)


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """The rules of every symbol of one venue, and how much may be asked of it."""

    rules: Mapping[str, SymbolRules]
    pairs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    limits: tuple[RateLimit, ...] = ()

    @classmethod
    def of(cls, rules: Mapping[str, SymbolRules], limits: tuple[RateLimit, ...] = ()) -> "ExchangeInfo":
        return cls(rules, {(rule.base, rule.quote): symbol for symbol, rule in rules.items()}, limits)

    def pair(self, base: str, quote: str) -> SymbolRules | None:
        """Rules of the symbol that trades `base` against `quote`, None where there is none."""
        symbol = self.pairs.get((base, quote))
        return self.rules[symbol] if symbol else None

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(asset for pair in self.pairs for asset in pair)


@dataclass(frozen=True, slots=True)
class Price:
    """A price with its bid and ask. `problem` is "" or why it must not be traded on: crossed, empty."""

    symbol: str
    value: Decimal
    bid: Decimal
    ask: Decimal
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """All prices of a venue at one moment. `source` is mid or last."""

    venue: str
    source: str
    at_ms: int
    prices: Mapping[str, Price]

    def price(self, symbol: str) -> Price | None:
        return self.prices.get(symbol)

    def age_seconds(self, now_ms: int) -> int:
        return max(0, (now_ms - self.at_ms) // 1000)


class KeySource(StrEnum):
    """Whose keys sign the requests of an account."""

    OWN = "own"
    SYSTEM = "system"
    PAPER = "paper"


class NoVenue(StrEnum):
    """Why an account cannot trade in this environment."""

    NEVER_CONTACTED = "never_contacted"
    NO_KEYS = "no_keys"


def resolve_venue(
    *, on_paper: bool, has_own_keys: bool, exchange_env: str, has_system_keys: bool
) -> tuple[Venue, KeySource] | NoVenue:
    """The venue table: where an account trades and with whose keys. System keys never reach mainnet."""
    if on_paper:
        return Venue.PAPER, KeySource.PAPER
    if exchange_env == "mock":
        return NoVenue.NEVER_CONTACTED if has_own_keys else (Venue.PAPER, KeySource.PAPER)
    if has_own_keys:
        return (Venue.MAINNET if exchange_env == "mainnet" else Venue.TESTNET), KeySource.OWN
    if exchange_env == "testnet" and has_system_keys:
        return Venue.TESTNET, KeySource.SYSTEM
    return NoVenue.NO_KEYS
