"""Prices, books and candles."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import ZERO


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
