"""What a market is: prices at a moment, a book around them, and the path between two moments.

Market time runs `speed` times as fast as the wall. It is cut into equal steps numbered by one ever-growing integer, so
that any two stretches (a, b] and (b, c] together hold exactly the steps of (a, c].
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

import numpy as np

from botbalance.lib.money import ceil_to_step, wide
from exchanges.paper.market.bars import Bar, Bars, Ints
from exchanges.paper.symbols import SymbolSpec

BOOK_LEVELS = 32
"""Levels on each side of the synthetic book."""
LEVEL_SECONDS = 20
"""A level of the book holds about as much as is traded in this many market seconds."""
AVERAGE_MS = 300_000
"""Stretch of wall time behind the average price: the five minutes that a client of the exchange sees."""
_SCAN = 4096
_EIGHT_PLACES = Decimal(1).scaleb(-8)


@dataclass(frozen=True, slots=True)
class MarketClock:
    """Maps wall milliseconds to step numbers and back. `origin_ms` is the market time at wall time `epoch_ms`."""

    epoch_ms: int
    speed: Fraction
    step_ms: int
    origin_ms: int

    def step_at(self, wall_ms: int) -> int:
        """The newest step at this wall time."""
        elapsed = (wall_ms - self.epoch_ms) * self.speed
        return (elapsed + self.origin_ms) // self.step_ms

    def wall_of(self, step: int) -> int:
        """The first wall millisecond at which this step has come."""
        elapsed = (step * self.step_ms - self.origin_ms) / self.speed
        return self.epoch_ms + -(-elapsed.numerator // elapsed.denominator)


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices of one symbol at one moment. Without a market (halt, gap) bid and ask and their quantities are zero."""

    symbol: str
    last: Decimal
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


@dataclass(frozen=True, slots=True)
class Depth:
    """The synthetic book at one step: best first, (price, quantity)."""

    step: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours as a source of prices counts them itself; prices in ticks, amounts in lots."""

    bar: Bar
    previous_close: int
    last_lots: int


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of a path: when, at which price, and how many lots were traded in it."""

    time_ms: int
    price: Decimal
    lots: int


@dataclass(frozen=True, slots=True)
class Control:
    """From `since_ms` on: the symbol's status, the price it is held at (None: its own; 0: it has none), and what its
    filters say instead of their own, as {"LOT_SIZE": {"stepSize": "0.001"}}.
    """

    symbol: str
    since_ms: int
    status: str
    price: Decimal | None = None
    filters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Path:
    """The steps of one symbol in a stretch of time; a step with 0 ticks has no price, and nothing trades in it.

    `known` is False where the source could not say what was traded: such steps have no price either.
    """

    __slots__ = ("clock", "first_step", "known", "lots", "ticks", "unit")

    def __init__(
        self, clock: MarketClock, first_step: int, ticks: Ints, lots: Ints, tick: Decimal, *, known: bool = True
    ) -> None:
        self.clock = clock
        self.first_step = first_step
        self.ticks = ticks
        self.lots = lots
        self.unit = tick
        self.known = known

    def __len__(self) -> int:
        return len(self.ticks)

    def at(self, index: int) -> PathStep:
        price = int(self.ticks[index]) * self.unit
        return PathStep(self.clock.wall_of(self.first_step + index), price, int(self.lots[index]))

    def next_touch(self, start: int, buy: Decimal | None, sell: Decimal | None, min_lots: int) -> int | None:
        """First index from `start` with a price at most `buy` or at least `sell`, and `min_lots` or more traded."""
        low = -1 if buy is None else int(buy // self.unit)
        high = np.iinfo(np.int64).max if sell is None else int(ceil_to_step(sell, self.unit) // self.unit)
        for begin in range(start, len(self.ticks), _SCAN):
            ticks = self.ticks[begin : begin + _SCAN]
            hits = ((ticks <= low) | (ticks >= high)) & (ticks > 0) & (self.lots[begin : begin + _SCAN] >= min_lots)
            found = int(np.argmax(hits))
            if hits[found]:
                return begin + found
        return None


class Market(Protocol):
    """A source of prices. Times are wall milliseconds; every answer is a function of the arguments alone."""

    @property
    def description(self) -> str:
        """For people: which market this is."""

    @property
    def is_remote(self) -> bool:
        """Whether its answers may have to be fetched over a network, and are then kept for a moment."""

    @property
    def clock(self) -> MarketClock:
        """The steps of every path of this market."""

    @property
    def begins_ms(self) -> int:
        """Where history begins: nothing was traded before."""

    @property
    def symbols(self) -> Mapping[str, SymbolSpec]:
        """What trades here."""

    def status(self, symbol: str, wall_ms: int) -> str:
        """TRADING, or BREAK where there is no price."""

    def quote(self, symbol: str, wall_ms: int) -> Quote: ...

    def depth(self, symbol: str, wall_ms: int) -> Depth: ...

    def average(self, symbol: str, wall_ms: int) -> Decimal:
        """Volume-weighted average of the tape's last five minutes; the last price when nothing was traded; 0: none."""

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        """The steps in (after_ms, until_ms]."""

    def recorded(self, symbol: str, begin_ms: int, unit_ms: int, count: int) -> Bars | None:
        """Bars of closed minutes or hours that the source itself keeps; None where they are made of the path."""

    def day(self, symbol: str, wall_ms: int) -> Day | None:
        """The 24 hours up to this moment, where the source itself keeps them; None where they are made of the path."""


def spread_ticks(ticks: int) -> int:
    """The spread at a price of so many ticks: a fifth of a basis point, at least one tick."""
    return max(1, ticks // 50_000)


def book_noise(seed: int, symbol: str, step: int) -> bytes:
    """64 bytes that decide the sizes in the book of this step: alike in every process."""
    return hashlib.blake2b(f"{seed}:{symbol}:{step}".encode(), digest_size=64).digest()


def level_lots(usual: int, noise: int, level: int) -> int:
    """Lots at a level of the book: half to one and a half of `usual`, more the further out."""
    return usual * (128 + noise) * (4 + level) // (256 * 4)


def make_quote(spec: SymbolSpec, last: int, ticks: int, usual: int, noise: bytes) -> Quote:
    """The quote at a path price of `ticks` (0: no market now), when a level usually holds `usual` lots."""
    if ticks <= 0:
        zero = Decimal(0)
        return Quote(spec.symbol, last * spec.tick, zero, zero, zero, zero)
    spread = spread_ticks(ticks)
    bid = max(1, ticks - spread // 2)
    return Quote(
        spec.symbol,
        last * spec.tick,
        bid * spec.tick,
        level_lots(usual, noise[0], 0) * spec.step,
        (bid + spread) * spec.tick,
        level_lots(usual, noise[32], 0) * spec.step,
    )


def make_depth(spec: SymbolSpec, step: int, ticks: int, usual: int, noise: bytes) -> Depth:
    """The book at a path price of `ticks`: its best levels are those of `make_quote`."""
    if ticks <= 0:
        return Depth(step, (), ())
    spread = spread_ticks(ticks)
    bid = max(1, ticks - spread // 2)
    ask = bid + spread
    gap = max(1, ticks // 10_000)
    bids, asks = [], []
    for level in range(BOOK_LEVELS):
        price = bid - level * gap
        lots = level_lots(usual, noise[level], level)
        if price > 0 and lots > 0:
            bids.append((price * spec.tick, lots * spec.step))
        lots = level_lots(usual, noise[32 + level], level)
        if lots > 0:
            asks.append(((ask + level * gap) * spec.tick, lots * spec.step))
    return Depth(step, tuple(bids), tuple(asks))


def average_of(path: Path, last: Decimal) -> Decimal:
    """Volume-weighted average price of a path, to eight decimals; `last` when nothing was traded."""
    step = path.first_step
    bar = Bars.of_path(step, path.ticks, path.lots, 0, (step, step + len(path)), 0).total()
    return average_price(bar.quote, bar.lots, path.unit) if bar.lots else last


def average_price(quote: int, lots: int, tick: Decimal) -> Decimal:
    """`quote` (ticks x lots) over `lots` as a price, to eight decimals."""
    with wide():
        return (quote * tick / lots).quantize(_EIGHT_PLACES)
