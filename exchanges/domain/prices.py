"""Prices, books and candles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

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


class Price(NamedTuple):
    """A price with its bid and ask. `problem` is "" or why it must not be traded on: crossed, empty."""

    symbol: str
    value: Decimal
    bid: Decimal
    ask: Decimal
    problem: str = ""


class PackedPrices(Mapping[str, Price]):
    """Prices that travel as one text, and become prices again one by one, when they are asked for: thousands of symbols
    are kept and read by every process, and each asks for a few.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._rows = dict(row.split(" ", 1) for row in text.splitlines())
        self._known: dict[str, Price] = {}

    @classmethod
    def of(cls, prices: Mapping[str, Price]) -> "PackedPrices":
        rows = (f"{price.symbol} {price.value} {price.bid} {price.ask} {price.problem}" for price in prices.values())
        return cls("\n".join(rows))

    def __reduce__(self) -> tuple[type["PackedPrices"], tuple[str]]:
        return PackedPrices, (self._text,)

    def __getitem__(self, symbol: str) -> Price:
        known = self._known.get(symbol)
        if known is None:
            value, bid, ask, problem = self._rows[symbol].split(" ")
            known = self._known[symbol] = Price(symbol, Decimal(value), Decimal(bid), Decimal(ask), problem)
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """All prices of a venue at one moment. `source` is mid or last."""

    venue: str
    source: str
    at_ms: int
    prices: Mapping[str, Price]

    def packed(self) -> "PriceSnapshot":
        """The same, for a cache."""
        return replace(self, prices=PackedPrices.of(self.prices))

    def price(self, symbol: str) -> Price | None:
        return self.prices.get(symbol)

    def age_seconds(self, now_ms: int) -> int:
        return max(0, (now_ms - self.at_ms) // 1000)
