"""The seeded market: correlated random walks that every process computes alike, without shared state.

Each asset's log price is  ln(base) + volatility x (rho x M + sqrt(1 - rho^2) x W) with a common market factor M and an
own factor W. A factor is a Brownian path in market time: its values at the ends of long stretches are independent draws
of a fixed spread (so that prices never run away), and in between it is bridged: by halving, each midpoint drawn from a
hash of (seed, factor, level, index), down to blocks of 4096 steps, which are filled by one seeded generator each.
"""

import functools
import hashlib
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exchanges.paper.market.bars import Bars, Ints
from exchanges.paper.market.base import (
    AVERAGE_MS,
    LEVEL_SECONDS,
    Day,
    Depth,
    MarketClock,
    Path,
    Quote,
    average_of,
    book_noise,
    make_depth,
    make_quote,
)
from exchanges.paper.symbols import ASSETS, SYMBOLS, SymbolSpec

Floats = NDArray[np.float64]

WALK_EPOCH_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: where market time and wall time meet, whatever the speed."""
BLOCK_BITS = 12
BLOCK = 1 << BLOCK_BITS
_TOP_BITS = 24  # independent draws every 2^24 s, about 194 days
_YEAR_SECONDS = 365 * 86_400
_PEGGED_VOLATILITY = 0.0015  # of an asset that follows another: about 0.1 % around its parity
_MARKET_FACTOR = "*"


def _unit_normal(key: str) -> float:
    """A standard normal number from a hash (Box-Muller)."""
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    first = (int.from_bytes(digest[:8]) + 1) / 2.0**64
    second = int.from_bytes(digest[8:]) / 2.0**64
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


def _generator(key: str) -> np.random.Generator:
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest)))


class WalkMarket:
    """The walk of one seed at one speed. Steps are one market second, or the power of two next below the speed."""

    is_remote = False

    def __init__(
        self, seed: int = 1, speed: Fraction | Decimal | int = 1, symbols: Mapping[str, SymbolSpec] = SYMBOLS
    ) -> None:
        self.seed = seed
        self.speed = Fraction(speed)
        if self.speed <= 0:
            raise ValueError("the speed of a market must be greater than 0")
        self.symbols: Mapping[str, SymbolSpec] = symbols
        # A step never costs more than about one per wall second, so that a fast market is no dearer than a slow one.
        self._bits = min(11, max(0, math.floor(self.speed).bit_length() - 1))
        self._step_seconds = 1 << self._bits
        self.clock = MarketClock(WALK_EPOCH_MS, self.speed, self._step_seconds * 1000, WALK_EPOCH_MS)
        self.begins_ms = WALK_EPOCH_MS
        self._knot = functools.lru_cache(maxsize=20_000)(self._compute_knot)
        self._factor = functools.lru_cache(maxsize=320)(self._compute_factor)
        self._usd = functools.lru_cache(maxsize=320)(self._compute_usd)
        self._block = functools.lru_cache(maxsize=256)(self._compute_block)
        self._volume = functools.lru_cache(maxsize=256)(self._compute_volume)

    @property
    def description(self) -> str:
        speed = f"{float(self.speed):g}"
        return f"walk seed {self.seed} x{speed}"

    def status(self, symbol: str, wall_ms: int) -> str:
        return "TRADING"

    def quote(self, symbol: str, wall_ms: int) -> Quote:
        spec = self.symbols[symbol]
        step = self.clock.step_at(wall_ms)
        ticks = self._ticks_at(symbol, step)
        return make_quote(spec, ticks, ticks, self._usual_lots(spec, ticks), book_noise(self.seed, symbol, step))

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        spec = self.symbols[symbol]
        step = self.clock.step_at(wall_ms)
        ticks = self._ticks_at(symbol, step)
        return make_depth(spec, step, ticks, self._usual_lots(spec, ticks), book_noise(self.seed, symbol, step))

    def average(self, symbol: str, wall_ms: int) -> Decimal:
        after = max(wall_ms - AVERAGE_MS, self.begins_ms - 1)
        return average_of(self.path(symbol, after, wall_ms), self.quote(symbol, wall_ms).last)

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        first, end = self.clock.step_at(after_ms) + 1, self.clock.step_at(until_ms) + 1
        ticks, lots = self._slice(symbol, first, max(first, end))
        return Path(self.clock, first, ticks, lots, self.symbols[symbol].tick)

    def recorded(self, symbol: str, begin_ms: int, unit_ms: int, count: int) -> Bars | None:
        return None

    def day(self, symbol: str, wall_ms: int) -> Day | None:
        return None

    # --- from factors to ticks ---------------------------------------------------------------------------

    def _ticks_at(self, symbol: str, step: int) -> int:
        return int(self._block(symbol, step >> BLOCK_BITS)[step & (BLOCK - 1)])

    def _slice(self, symbol: str, first: int, end: int) -> tuple[Ints, Ints]:
        """Ticks and lots of the steps first .. end - 1."""
        if end <= first:
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty
        blocks = range(first >> BLOCK_BITS, ((end - 1) >> BLOCK_BITS) + 1)
        begin = first - (blocks.start << BLOCK_BITS)
        size = end - first
        ticks = np.concatenate([self._block(symbol, block) for block in blocks])[begin : begin + size]
        lots = np.concatenate([self._volume(symbol, block) for block in blocks])[begin : begin + size]
        return ticks, lots

    def _usual_lots(self, spec: SymbolSpec, ticks: int) -> int:
        """What a level of the book usually holds, in lots."""
        lot_usd = ticks * float(spec.tick) * float(spec.step) * float(ASSETS[spec.quote].usd)
        return max(1, int(spec.daily_usd / 86_400 * LEVEL_SECONDS / lot_usd))

    def _compute_block(self, symbol: str, block: int) -> Ints:
        spec = self.symbols[symbol]
        log_price = self._usd(spec.base, block) - self._usd(spec.quote, block)
        ticks = np.rint(np.exp(log_price) / float(spec.tick)).astype(np.int64)
        return np.maximum(ticks, 1)

    def _compute_volume(self, symbol: str, block: int) -> Ints:
        """Lots traded in each step: exponentially spread around the symbol's usual volume."""
        spec = self.symbols[symbol]
        lot_usd = self._block(symbol, block) * (float(spec.tick) * float(spec.step) * float(ASSETS[spec.quote].usd))
        usual = spec.daily_usd / 86_400 * self._step_seconds / lot_usd
        noise = _generator(f"{self.seed}:volume:{symbol}:{self._bits}:{block}").standard_exponential(BLOCK)
        # At least one lot, so that every step is a trade and the numbers of trades have no gaps.
        lots: Ints = np.maximum((usual * noise).astype(np.int64), 1)
        return lots

    def _compute_usd(self, asset: str, block: int) -> Floats:
        """Natural logarithm of the asset's price in USDT over one block."""
        row = ASSETS[asset]
        if asset == "USDT":
            return np.zeros(BLOCK)
        own = self._factor(asset, block)
        if row.follows:
            parity = math.log(float(row.usd) / float(ASSETS[row.follows].usd))
            return self._usd(row.follows, block) + parity + _PEGGED_VOLATILITY * own
        rho = row.correlation / 100
        shared = rho * self._factor(_MARKET_FACTOR, block) + math.sqrt(1 - rho * rho) * own
        return math.log(float(row.usd)) + row.volatility / 100 * shared

    def _compute_factor(self, factor: str, block: int) -> Floats:
        """A standard Brownian path (unit: square root of a year) over one block, bridged between its two ends."""
        level = BLOCK_BITS + self._bits
        start, end = self._knot(factor, level, block), self._knot(factor, level, block + 1)
        noise = _generator(f"{self.seed}:{factor}:{self._bits}:{block}").standard_normal(BLOCK)
        noise *= math.sqrt(self._step_seconds / _YEAR_SECONDS)
        walk = np.cumsum(noise)
        path = np.empty(BLOCK)
        path[0] = 0.0
        path[1:] = walk[:-1]
        bridged: Floats = path + start + np.arange(BLOCK) * ((end - start - walk[-1]) / BLOCK)
        return bridged

    def _compute_knot(self, factor: str, level: int, index: int) -> float:
        """Value of a factor at the market second index x 2^level."""
        if level < _TOP_BITS and index % 2 == 0:
            return self._knot(factor, level + 1, index // 2)
        draw = _unit_normal(f"{self.seed}:{factor}:{level}:{index}")
        if level == _TOP_BITS:
            # Two independent ends of this spread differ as much as a Brownian path does over the stretch between them.
            return draw * math.sqrt((1 << _TOP_BITS) / _YEAR_SECONDS / 2)
        before, after = self._knot(factor, level + 1, index // 2), self._knot(factor, level + 1, index // 2 + 1)
        return (before + after) / 2 + draw * math.sqrt((2 << level) / _YEAR_SECONDS) / 2
