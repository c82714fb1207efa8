"""Which of thousands of portfolios are outside their bands: one vectorised pass over all of them.

It computes in floats, because it only finds whom to look at; the planner decides in decimals what is traded, if
anything. A rounding at the edge may have somebody looked at in vain, and never the other way round: whoever the planner
would trade for is found, by its own rules: the same managed value, bands, drift of the quote, BNB for fees, and of an
asset of which something is kept only what may be sold. Open orders are not known here; an account that has any is
looked at anyway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from botbalance.lib.money import ZERO
from exchanges.domain import ExchangeInfo, PriceSnapshot
from portfolio.domain import asset_price
from strategies.domain import BNB, BandType, Target, held_apart

Floats = npt.NDArray[np.float64]

# Far above what a sum of floats is off by, far below any amount that can be traded: a share of what is managed.
SLACK = 1e-9


class Drift(NamedTuple):
    """What the scan found of one portfolio: the asset furthest from its target ("" where nothing is managed), how far
    in points of what is managed, whether anything is outside its band, and whether a target has no usable price.
    """

    key: int
    asset: str
    points: float
    is_outside: bool
    is_unpriced: bool


@dataclass(frozen=True, slots=True)
class _Portfolio:
    """One portfolio as it is scanned. `rows` are [instrument, amount, weight, is a target, keep], the quote's first.

    Where `fee_money` (in the quote) is not 0 the last is BNB's, of which so much does not count; none of it does where
    BNB is `left_alone`.
    """

    version: object
    band: float
    is_relative: bool
    rows: Floats
    fee_money: float
    left_alone: bool


@dataclass(frozen=True, slots=True)
class _Prices:
    """Prices of every instrument at one snapshot of one venue, 0 where there is none, and which may be traded on."""

    info: ExchangeInfo
    at_ms: int
    source: str
    values: Floats
    usable: npt.NDArray[np.bool_]


class DriftBook:
    """Portfolios by key, ready to be scanned. One a process, and not for several threads at once."""

    def __init__(self) -> None:
        self._portfolios: dict[int, _Portfolio] = {}
        self._instruments: dict[tuple[str, str], int] = {}  # (asset, quote): its place among the prices
        self._names: list[tuple[str, str]] = []
        self._prices: dict[str, _Prices] = {}

    def __len__(self) -> int:
        return len(self._portfolios)

    def version(self, key: int) -> object:
        """The version a portfolio was put with; None for one that is not known."""
        known = self._portfolios.get(key)
        return None if known is None else known.version

    def put(
        self,
        key: int,
        version: object,
        *,
        targets: Sequence[Target],
        quote: str,
        band_pct: Decimal,
        band_type: str,
        sell_unlisted: bool,
        reserve_pct: Decimal,
        holdings: Mapping[str, Decimal],
        bnb_for_fees: Decimal = ZERO,
    ) -> None:
        """Remember a portfolio: its targets, and what it holds of each asset, free and locked together.

        `version` is the caller's, of any kind but None: to know when what is kept is out of date.
        """
        apart = held_apart(holdings, targets, quote, sell_unlisted)
        weights = {target.asset: target.weight_pct for target in targets}
        keeps = {target.asset: target.keep for target in targets}
        for asset, amount in holdings.items():
            if amount and asset != quote and asset not in apart:
                weights.setdefault(asset, Decimal(0))
        rest = 100 - sum(weights.values())
        left_alone = bool(bnb_for_fees) and BNB not in weights
        if bnb_for_fees:
            weights[BNB] = weights.pop(BNB, ZERO)
        rows = np.empty((5, len(weights) + 1))
        rows[:, 0] = (self._instrument(quote, quote), holdings.get(quote, 0), max(rest, reserve_pct), False, 0)
        for column, (asset, weight) in enumerate(weights.items(), start=1):
            rows[:, column] = (
                self._instrument(asset, quote),
                holdings.get(asset, 0),
                weight,
                asset in keeps,
                keeps.get(asset, 0),
            )
        self._portfolios[key] = _Portfolio(
            version, float(band_pct), band_type == BandType.RELATIVE, rows, float(bnb_for_fees), left_alone
        )

    def scan(self, keys: Sequence[int], prices: PriceSnapshot, info: ExchangeInfo) -> list[Drift]:
        """The drift of each portfolio, all of one venue, in the order of `keys`; KeyError for an unknown one."""
        if not keys:
            return []
        batch = [self._portfolios[key] for key in keys]
        market = self._priced(prices, info)
        sizes = np.fromiter((portfolio.rows.shape[1] for portfolio in batch), np.intp, len(batch))
        band_pct = np.fromiter((portfolio.band for portfolio in batch), np.float64, len(batch))
        is_relative = np.fromiter((portfolio.is_relative for portfolio in batch), np.bool_, len(batch))
        rows = np.concatenate([portfolio.rows for portfolio in batch], axis=1)
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        owner = np.repeat(np.arange(len(batch)), sizes)

        instruments = rows[0].astype(np.intp)
        values = rows[1] * market.values[instruments]
        fee_money = np.fromiter((portfolio.fee_money for portfolio in batch), np.float64, len(batch))
        keeping = np.flatnonzero(fee_money)
        if keeping.size:
            bnb, kept = (starts + sizes)[keeping] - 1, fee_money[keeping]
            worth = values[bnb]
            left_alone = np.array([batch[place].left_alone for place in keeping])
            values[bnb] = np.where(left_alone, 0, np.maximum(worth - kept, 0))
        managed = np.add.reduceat(values, starts)
        wanted = managed[owner] * rows[2] / 100
        sellable = np.maximum(rows[1] - rows[4], 0) * market.values[instruments]
        above = values - wanted
        away = np.where(above > 0, np.minimum(above, sellable), -above)
        band = np.where(is_relative[owner], wanted, managed[owner]) * band_pct[owner] / 100

        is_target = rows[3] > 0
        unusable = ~market.usable[instruments]
        unpriced = np.add.reduceat(is_target & unusable, starts, dtype=np.intp) > 0
        # No drift: what has no price; and the quote under a relative band, a share of what may be nothing, or where it
        # is off because something is above its target that is kept.
        silent = market.values[instruments] <= 0
        is_held_back = (rows[4] > 0) & (above > SLACK * managed[owner])
        silent[starts] |= is_relative | np.logical_or.reduceat(is_held_back, starts)
        silent |= (managed <= 0)[owner]
        away[silent] = 0
        outside_rows = (away > band - SLACK * managed[owner]) & ~silent
        if keeping.size:
            outside_rows[bnb] |= (worth * 2 < kept * (1 + SLACK)) & ~silent[bnb]
        outside = np.logical_or.reduceat(outside_rows, starts)

        # The furthest row of each portfolio, of those outside where there are any.
        shown = np.where(outside_rows | ~outside[owner], away, -1.0)
        is_furthest = np.flatnonzero(shown == np.maximum.reduceat(shown, starts)[owner])
        furthest = np.empty(len(batch), np.intp)
        furthest[owner[is_furthest][::-1]] = is_furthest[::-1]
        whole = np.where(managed > 0, managed, 1.0)
        points = np.where(managed > 0, away[furthest] / whole * 100, 0.0)
        names = self._names
        return [
            Drift(key, names[instrument][0] if is_managed else "", point, is_outside, is_unpriced)
            for key, instrument, is_managed, point, is_outside, is_unpriced in zip(
                keys,
                instruments[furthest].tolist(),
                (managed > 0).tolist(),
                points.tolist(),
                outside.tolist(),
                unpriced.tolist(),
                strict=True,
            )
        ]

    def _instrument(self, asset: str, quote: str) -> int:
        place = self._instruments.setdefault((asset, quote), len(self._names))
        if place == len(self._names):
            self._names.append((asset, quote))
        return place

    def _priced(self, prices: PriceSnapshot, info: ExchangeInfo) -> _Prices:
        """The prices of all instruments, converted once a snapshot; instruments that are new since are added."""
        known = self._prices.get(prices.venue)
        if known is None or known.info is not info or (known.at_ms, known.source) != (prices.at_ms, prices.source):
            known = _Prices(info, prices.at_ms, prices.source, np.empty(0), np.empty(0, np.bool_))
        missing = self._names[len(known.values) :]
        if missing or not len(known.values):
            found = [_price(asset, quote, prices, info) for asset, quote in missing]
            values = np.concatenate([known.values, np.array([value for value, _usable in found], np.float64)])
            usable = np.concatenate([known.usable, np.array([usable for _value, usable in found], np.bool_)])
            known = _Prices(info, prices.at_ms, prices.source, values, usable)
            self._prices[prices.venue] = known
        return known


def _price(asset: str, quote: str, prices: PriceSnapshot, info: ExchangeInfo) -> tuple[float, bool]:
    """The price a holding is valued at, 0 where there is none; and whether the planner would trade on it."""
    if asset == quote:
        return 1.0, True
    rules = info.pair(asset, quote)
    direct = prices.price(rules.symbol) if rules is not None else None
    usable = rules is not None and rules.is_trading and direct is not None and not direct.problem and direct.value > 0
    if usable and direct is not None:
        return float(direct.value), True
    return float(asset_price(asset, quote, prices, info) or 0), False
