"""Finds the next row at which the planner may have something to do. Pure.

Between two trades holdings do not change, so one vectorised pass over the closes finds where a weight leaves its
band. It computes in floats, because it only finds moments; what is traded there is decided exactly. A rounding at the
edge may have a row looked at in vain, and never the other way round.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from botbalance.lib.money import ZERO
from exchanges.domain import ExchangeInfo
from strategies.backtest.engine.history import Flags, Floats, History, Ints
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import BandType, Goal
from strategies.planner.bands import NEAR_POINTS, NEAR_SHARE_PCT

# Far above what a sum of floats is off by, far below any amount that can be traded: a share of what is managed.
SLACK = 1e-9
FIRST_CHUNK, LARGEST_FIRST_CHUNK, LARGEST_CHUNK = 64, 1024, 8192
# An order that goes past its target is placed only where that leaves less than half as much as is wanted.
LEAST_SHARE_OF_AN_ORDER = 0.5
NEAR_BAND, NEAR_SHARE = float(NEAR_POINTS) / 100, float(NEAR_SHARE_PCT) / 100
# So large a product that it is never below anything, even of what is worth next to nothing.
NEVER_BELOW = 1e60
# Below so many times the smallest order it is worth asking whether a drift could be traded at all.
SMALL = 4


class Bounds(NamedTuple):
    """Factors of closes, one an asset, and of the whole: what is above one product, or below the other, is outside."""

    upper: Floats
    lower: Floats
    of_upper: float
    of_lower: float


class Scanner:
    """Scans one history for portfolios with the same targets and limits."""

    def __init__(self, history: History, scenario: Scenario) -> None:
        targets, limits, info = scenario.targets, scenario.limits, scenario.info
        self.history = history
        self.limits = limits
        places = history.places
        wanted = {target.asset: target.weight_pct for target in targets}
        # The targets that have candles, then, if they are to be sold, all other coins that have.
        others = [asset for asset in places if asset not in wanted] if limits.sell_unlisted else []
        self.assets = [asset for asset in wanted if asset in places] + others
        lines = [places[asset] for asset in self.assets]
        is_whole = lines == list(range(len(history.series)))
        self.closes = history.closes if is_whole else np.ascontiguousarray(history.closes[lines])
        self.lines = lines
        self._weights = [float(wanted.get(asset, 0)) / 100 for asset in self.assets]
        self.weights = np.array(self._weights)
        rest = float(100 - sum(wanted.values())) / 100
        self.quote_weight = max(rest, float(limits.quote_reserve_pct) / 100)
        self.band = float(limits.min_delta_pct) / 100
        self.is_relative = limits.band_type == BandType.RELATIVE
        steps = 1 + abs(float(limits.order_step_pct)) / 100
        self.smallest = np.array([self._smallest(asset, info) / steps for asset in self.assets])
        self.is_all_wanted = bool(len(self.assets)) and min(self._weights) > 0
        self._first_chunk = FIRST_CHUNK
        self.lots = [self._lot(asset, info) for asset in self.assets]
        self.least_traded = SMALL * float(self.smallest.max(initial=0))
        if self.is_all_wanted:
            self.per_weight = 1 / self.weights
            self.per_upper = 1 / (self.weights + self.band)
            # An asset whose target is no more than the band never falls out of it.
            room = self.weights - self.band
            self.per_lower = np.where(room > 0, 1 / np.where(room > 0, room, 1), NEVER_BELOW)
        self.least_band = float(self.weights.min(initial=1)) * self.band if self.is_relative else self.band

    def _smallest(self, asset: str, info: ExchangeInfo) -> float:
        """The least value that could move the planner to an order, in the quote."""
        rules = info.pair(asset, self.history.quote)
        return float(rules.min_notional) * LEAST_SHARE_OF_AN_ORDER if rules is not None else 0.0

    def _lot(self, asset: str, info: ExchangeInfo) -> float:
        rules = info.pair(asset, self.history.quote)
        return float(max(rules.min_quantity, rules.quantity_grid)) if rules is not None else 0.0

    def next_outside(self, start: int, stop: int, totals: Mapping[str, Decimal], worth: Decimal) -> int:
        """The first row in [start, stop) at which something that can be traded is outside its band; `stop` for none.

        `totals` is what is held by asset, the quote among them; `worth` about its value, by which the quicker way of
        two is chosen.
        """
        if start >= stop:
            return stop
        held = np.array([float(totals.get(asset, ZERO)) for asset in self.assets])
        cash = float(totals.get(self.history.quote, ZERO))
        begun, size, incomplete = start, self._first_chunk, self.history.incomplete_rows
        # Whatever leaves its band is large enough to be traded: then comparing with two bounds does.
        bounds = (
            self._bounds(held) if self.is_all_wanted and self.least_band * float(worth) > self.least_traded else None
        )
        while start < stop:
            end = min(start + size, stop)
            closes = self.closes[:, start:end]
            whole = held @ closes + cash
            tradable = self._tradable(start, end) if len(incomplete) and _any_between(incomplete, start, end) else None
            if bounds is None:
                outside = self._outside(closes, whole, held, cash, tradable)
            else:
                outside = self._outside_bounds(closes, whole, bounds, cash, tradable)
            first = int(outside.argmax())
            if outside[first]:
                # Markets that were calm are likely to stay so: the next look begins with about as many rows.
                self._first_chunk = min(max(FIRST_CHUNK, 2 * (start + first - begun)), LARGEST_FIRST_CHUNK)
                return start + first
            start, size = end, min(2 * size, LARGEST_CHUNK)
        return stop

    def is_surely_inside(self, row: int, totals: Mapping[str, Decimal], goal: Goal) -> bool:
        """Whether, beyond any rounding, every asset and the quote are within what the goal leaves alone."""
        if len(totals) - 1 > len(self.assets):
            return False  # something is held that is not scanned
        near = goal is not Goal.BAND
        cash = float(totals.get(self.history.quote, ZERO))
        values = [
            float(totals.get(asset, ZERO)) * price for asset, price in zip(self.assets, self._prices(row), strict=True)
        ]
        whole = sum(values) + cash
        slack = 1 - 1e-6
        points = min(self.band, NEAR_BAND) if near and not self.is_relative else (NEAR_BAND if near else self.band)
        share = min(self.band, NEAR_SHARE) if near and self.is_relative else (NEAR_SHARE if near else self.band)
        for value, weight in zip(values, self._weights, strict=True):
            wanted = weight * whole
            by_points, by_share = points * whole, share * wanted
            width = min(by_points, by_share) if near else (by_share if self.is_relative else by_points)
            if not abs(wanted - value) < width * slack:
                return False
        return near or self.is_relative or abs(self.quote_weight * whole - cash) < self.band * whole * slack

    def is_outside_tradable(self, row: int, worth: Decimal) -> bool:
        """Whether, beyond any rounding, whatever is outside its band is large enough to be traded, in a portfolio of
        this value.
        """
        if not self.is_all_wanted or not self.is_relative:
            return False
        lot = max([lot * price for lot, price in zip(self.lots, self._prices(row), strict=True)])
        return self.least_band * float(worth) > max(self.least_traded, SMALL * lot)

    def _prices(self, row: int) -> list[float]:
        prices: list[float] = self.closes[:, row].tolist()
        return prices

    def _bounds(self, held: Floats) -> Bounds:
        """What closes are multiplied with, and the whole with, to be compared: above, or below, an asset is outside.

        Where one product serves both comparisons it is not computed twice.
        """
        if self.is_relative:
            shares = (held * self.per_weight)[:, None]
            return Bounds(shares, shares, (1 + self.band) * (1 - SLACK), (1 - self.band) * (1 + SLACK))
        return Bounds((held * self.per_upper)[:, None], (held * self.per_lower)[:, None], 1 - SLACK, 1 + SLACK)

    def _outside_bounds(
        self, closes: Floats, whole: Floats, bounds: Bounds, cash: float, tradable: Flags | None
    ) -> Flags:
        above = below = closes * bounds.upper
        if bounds.lower is not bounds.upper:
            below = closes * bounds.lower
        if tradable is not None:
            above, below = np.where(tradable, above, 0), np.where(tradable, below, NEVER_BELOW)
        outside: Flags = np.maximum.reduce(above) > whole * bounds.of_upper
        outside |= np.minimum.reduce(below) < whole * bounds.of_lower
        if not self.is_relative:
            outside |= np.abs(self.quote_weight * whole - cash) > self.band * (1 - SLACK) * whole
        return outside

    def _outside(self, closes: Floats, whole: Floats, held: Floats, cash: float, tradable: Flags | None) -> Flags:
        values = closes * held[:, None]
        wanted = self.weights[:, None] * whole
        away = np.abs(wanted - values)
        band = wanted * self.band if self.is_relative else np.broadcast_to(whole * self.band, wanted.shape)
        floor = self.smallest[:, None]
        slack = SLACK * np.abs(whole)
        outside_rows = (away > band - slack) & (away > floor - slack)
        if tradable is not None:
            outside_rows &= tradable
        outside: Flags = np.logical_or.reduce(outside_rows)
        if not self.is_relative:
            outside |= np.abs(self.quote_weight * whole - cash) > self.band * whole - slack
        return outside

    def _tradable(self, start: int, end: int) -> Flags:
        assert self.history.tradable is not None
        return self.history.tradable[self.lines, start:end]


def _any_between(rows: Ints, start: int, end: int) -> bool:
    return bool(len(rows)) and int(np.searchsorted(rows, start)) < int(np.searchsorted(rows, end))
