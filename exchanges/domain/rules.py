"""What an order on a symbol must satisfy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from botbalance.lib.money import ZERO, ceil_to_step, floor_to_step, is_multiple
from exchanges.domain.orders import Side


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
    # What a price, or a quantity, that is sent is a multiple of: the tick, or the step, and without one as many
    # decimals as the exchange reads (-1111 "too much precision" otherwise).
    price_grid: Decimal = field(init=False, repr=False, compare=False)
    quantity_grid: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "price_grid", self.tick_size or Decimal(1).scaleb(-self.quote_precision))
        object.__setattr__(self, "quantity_grid", self.step_size or Decimal(1).scaleb(-self.base_precision))

    @property
    def is_trading(self) -> bool:
        return self.status == "TRADING" and self.limit_orders_allowed

    def floor_price(self, price: Decimal) -> Decimal:
        return floor_to_step(price, self.price_grid)

    def ceil_price(self, price: Decimal) -> Decimal:
        return ceil_to_step(price, self.price_grid)

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Largest legal quantity not above `quantity`; 0 where even the smallest is above it."""
        capped = min(quantity, self.max_quantity) if self.max_quantity else quantity
        floored = floor_to_step(capped, self.quantity_grid)
        return floored if floored >= self.min_quantity else ZERO

    def ceil_quantity(self, quantity: Decimal) -> Decimal:
        """Smallest legal quantity not below `quantity`."""
        return ceil_to_step(max(quantity, self.min_quantity), self.quantity_grid)

    def failure(self, side: Side, price: Decimal, quantity: Decimal, reference: Decimal) -> str:
        """Name of the first filter a LIMIT order would fail, "" when it passes all that can be known here."""
        found = self.failure_on_grid(side, price, quantity, reference)
        if found == "PRICE_FILTER" or not is_multiple(price, self.tick_size):
            return "PRICE_FILTER"
        if found == "LOT_SIZE" or not is_multiple(quantity, self.step_size):
            return "LOT_SIZE"
        return found

    def failure_on_grid(self, side: Side, price: Decimal, quantity: Decimal, reference: Decimal) -> str:
        """The same for an order whose price and quantity are multiples of tick and step."""
        if price <= 0 or price < self.min_price or (self.max_price and price > self.max_price):
            return "PRICE_FILTER"
        if quantity <= 0 or quantity < self.min_quantity or (self.max_quantity and quantity > self.max_quantity):
            return "LOT_SIZE"
        if side is Side.BUY:
            down, up = self.bid_multiplier_down, self.bid_multiplier_up
        else:
            down, up = self.ask_multiplier_down, self.ask_multiplier_up
        highest = reference * up
        if price < reference * down or (highest and price > highest):
            return self.percent_filter
        notional = price * quantity
        if notional < self.min_notional or (self.max_notional and notional > self.max_notional):
            return self.notional_filter
        return ""


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """The rules of every symbol of one venue, and how much may be asked of it."""

    rules: Mapping[str, SymbolRules]
    pairs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    limits: tuple[RateLimit, ...] = ()
    # What the exchange listed and we could not read, each with the reason: such a symbol cannot be traded.
    passed_over: tuple[str, ...] = ()

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
