"""Finds the next row at which the planner may have something to do. Pure.

Between two trades holdings do not change, so one vectorised pass over the closes finds where a weight leaves its
band. It computes in floats, because it only finds moments; what is traded there is decided exactly. A rounding at the
edge may have a row looked at in vain, and never the other way round.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from botbalance.lib.money import ZERO
from exchanges.domain import ExchangeInfo
from strategies.backtest.engine.history import Flags, Floats, History, Ints
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import BNB, BandType, Goal, Target
from strategies.planner.bands import NEAR_POINTS, NEAR_SHARE_PCT

# Far above what a sum of floats is off by, far below any amount that can be traded: a share of what is managed.
SLACK = 1e-9
FIRST_CHUNK, LARGEST_FIRST_CHUNK, LARGEST_CHUNK = 32, 1024, 8192
# Up to so many assets one product of matrices compares every weight with both edges of its band. It grows with their
# square, so more are compared one by one.
MOST_MULTIPLIED = 64
# An order that goes past its target is placed only where that leaves less than half as much as is wanted.
LEAST_SHARE_OF_AN_ORDER = 0.5
NEAR_BAND, NEAR_SHARE = float(NEAR_POINTS) / 100, float(NEAR_SHARE_PCT) / 100
# Below so many times the smallest order it is worth asking whether a drift could be traded at all.
SMALL = 4


class Scanner:
    """Scans one history for portfolios with the same assets and limits."""

    def __init__(self, history: History, scenario: Scenario) -> None:
        targets, limits, info = scenario.targets, scenario.limits, scenario.info
        self.history = history
        self.limits = limits
        places = history.places
        wanted = [target.asset for target in targets]
        # The targets that have candles, then, if they are to be sold, all other coins that have.
        others = [asset for asset in places if asset not in wanted] if limits.sell_unlisted else []
        self.assets = [asset for asset in wanted if asset in places] + others
        lines = [places[asset] for asset in self.assets]
        is_whole = lines == list(range(len(history.series)))
        # Closes with a line of ones below, for what is held of the quote.
        self.prices = history.prices if is_whole else np.ascontiguousarray(history.prices[[*lines, -1]])
        self.closes = self.prices[:-1]
        self.lines = lines
        self._columns = [*self.assets, history.quote]
        self._known = frozenset(self._columns)
        self.band = float(limits.min_delta_pct) / 100
        self.is_relative = limits.band_type == BandType.RELATIVE
        steps = 1 + abs(float(limits.order_step_pct)) / 100
        self.smallest = np.array([self._smallest(asset, info) / steps for asset in self.assets])
        self._first_chunk = FIRST_CHUNK
        self.lots = np.array([self._lot(asset, info) for asset in self.assets])
        self.least_traded = SMALL * float(self.smallest.max(initial=0))
        self.edged = [asset for asset in self.assets for _edge in range(2)] + ["", ""]
        self.fee_money = float(limits.bnb_for_fees)
        self.fee_line = places.get(BNB) if self.fee_money else None
        self.fee_place = self.assets.index(BNB) if self.fee_money and BNB in self.assets else None
        if self.fee_line is not None:
            fee_rules = info.pair(BNB, history.quote)
            self.least_cash = float(fee_rules.min_notional) * (1 - SLACK) if fee_rules is not None else 0.0
        self._held_as, self._amounts = -1, np.zeros(0)
        self._most_lots_cost: float | None = None
        self.aim(targets)

    def aim(self, targets: tuple[Target, ...]) -> None:
        """Scan for these weights of the same assets from now on."""
        wanted = {target.asset: target.weight_pct for target in targets}
        # What has no candles is never where it should be.
        self.is_every_target_known = wanted.keys() <= set(self.assets)
        self._weights = [float(wanted.get(asset, 0)) / 100 for asset in self.assets]
        self.weights = np.array(self._weights)
        rest = float(100 - sum(wanted.values())) / 100
        self.quote_weight = max(rest, float(self.limits.quote_reserve_pct) / 100)
        self.least_band = float(self.weights.min(initial=1)) * self.band if self.is_relative else self.band
        # What is kept for fees does not count, up to its worth: that is not linear.
        self.edges = self._edges(near=False) if len(self.assets) <= MOST_MULTIPLIED and not self.fee_money else None
        self._near_edges: Floats | None = None
        self.flagged = ""  # the asset that was found outside last, where that is known

    def _smallest(self, asset: str, info: ExchangeInfo) -> float:
        """The least value that could move the planner to an order, in the quote."""
        rules = info.pair(asset, self.history.quote)
        return float(rules.min_notional) * LEAST_SHARE_OF_AN_ORDER if rules is not None else 0.0

    def _lot(self, asset: str, info: ExchangeInfo) -> float:
        rules = info.pair(asset, self.history.quote)
        return float(max(rules.min_quantity, rules.quantity_grid)) if rules is not None else 0.0

    def next_outside(self, start: int, stop: int, totals: Mapping[str, Decimal], version: int, worth: Decimal) -> int:
        """The first row in [start, stop) at which something that can be traded is outside its band; `stop` for none.

        `totals` is what is held by asset, the quote among them, and another `version` where it has changed; `worth` is
        about its value, by which the quicker way of two is chosen.
        """
        if start >= stop:
            return stop
        held = self._held(totals, version)
        begun, size, incomplete = start, self._first_chunk, self.history.incomplete_rows
        # Whatever leaves its band is large enough to be traded: then comparing with the edges of bands does.
        sides = None
        if self.edges is not None and self.least_band * float(worth) > self.least_traded:
            sides = self.edges * held
        self.flagged = ""
        bnb = float(totals.get(BNB, ZERO)) if self.fee_line is not None else 0.0
        while start < stop:
            end = min(start + size, stop)
            tradable = self._tradable(start, end) if len(incomplete) and _any_between(incomplete, start, end) else None
            if sides is None:
                outside = self._outside(self.closes[:, start:end], held, tradable)
                if self.fee_line is not None and float(held[-1]) > self.least_cash:
                    worth_of_bnb = self.history.closes[self.fee_line, start:end] * bnb
                    outside |= worth_of_bnb * 2 < self.fee_money * (1 + SLACK)
            else:
                beyond = sides @ self.prices[:, start:end]
                if tradable is not None:
                    self._pass_over(beyond, tradable)
                outside = np.maximum.reduce(beyond) > 0
            first = int(outside.argmax())
            if outside[first]:
                if sides is not None:
                    self.flagged = self.edged[int(beyond[:, first].argmax())]
                # Markets that were calm are likely to stay so: the next look begins with about as many rows.
                self._first_chunk = min(max(FIRST_CHUNK, 2 * (start + first - begun)), LARGEST_FIRST_CHUNK)
                return start + first
            start, size = end, min(2 * size, LARGEST_CHUNK)
        return stop

    def is_surely_inside(self, row: int, totals: Mapping[str, Decimal], version: int, goal: Goal) -> bool:
        """Whether, beyond any rounding, every asset and the quote are within what the goal leaves alone."""
        if self.edges is None or not self.is_every_target_known or not self._known.issuperset(totals):
            return False  # something is held, or wanted, that is not scanned
        edges = self.edges
        if goal is not Goal.BAND:
            if self._near_edges is None:
                self._near_edges = self._edges(near=True)
            edges = self._near_edges
        beyond: Floats = (edges * self._held(totals, version)) @ self.prices[:, row]
        return not np.maximum.reduce(beyond) > 0

    def _held(self, totals: Mapping[str, Decimal], version: int) -> Floats:
        """What is held of each asset, and of the quote."""
        if self._held_as != version:
            self._held_as = version
            self._amounts = np.array([float(totals.get(asset, ZERO)) for asset in self._columns])
        return self._amounts

    def is_outside_tradable(self, worth: Decimal) -> bool:
        """Whether, beyond any rounding, whatever is outside its band is large enough to be traded, in a portfolio of
        this value.
        """
        if not self.is_relative or self.fee_money:
            return False
        if self._most_lots_cost is None:
            dearest = np.maximum.reduce(self.closes, axis=1, initial=0)
            self._most_lots_cost = SMALL * float(np.maximum.reduce(dearest * self.lots, initial=0))
        return self.least_band * float(worth) > max(self.least_traded, self._most_lots_cost)

    def _edges(self, *, near: bool) -> Floats:
        """Two lines an asset and two for the quote, one an edge of the band: a line's product with what is held,
        multiplied with the prices, is above 0 where the weight may be beyond it. Everything is linear in the values:
        beyond the upper edge is value - edge x whole > 0.

        `near`: of the width that is left alone around a target where there is no band.
        """
        lines: list[Floats] = []
        every = np.ones(len(self._columns))
        for place, weight in enumerate(self._weights):
            band = weight * self.band if self.is_relative else self.band
            if near:
                band = min(band, NEAR_BAND, weight * NEAR_SHARE)
            self._add_edges(lines, place, every, weight, band)
        if self.is_relative or near:
            lines += [-every, -every]  # a share of what the targets leave for the quote may be a share of nothing
        else:
            self._add_edges(lines, -1, every, self.quote_weight, self.band)
        return np.array(lines)

    @staticmethod
    def _add_edges(lines: list[Floats], place: int, every: Floats, weight: float, band: float) -> None:
        own = np.zeros_like(every)
        own[place] = 1
        lines.append(own - (weight + band - SLACK) * every)
        # An asset whose target is no more than the band never falls out of it: its value would have to be below 0.
        lines.append((weight - band + SLACK) * every - own if weight > band else -every)

    def _pass_over(self, beyond: Floats, tradable: Flags) -> None:
        """Put what stands still in a row within its band there."""
        count = 2 * len(self.assets)
        beyond[:count][np.repeat(~tradable, 2, axis=0)] = -1

    def _outside(self, closes: Floats, held: Floats, tradable: Flags | None) -> Flags:
        held, cash = held[:-1], float(held[-1])
        whole = held @ closes + cash
        values = closes * held[:, None]
        if self.fee_place is not None:  # beside the portfolio
            apart = np.minimum(values[self.fee_place], self.fee_money)
            values[self.fee_place] -= apart
            whole = whole - apart
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
