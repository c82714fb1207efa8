"""Past daily closes as a model sees them: its window, who has enough of them, and the returns in it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from strategies.domain import DAYS_OF_A_YEAR
from strategies.target_models.values import Explanation, NoWeights

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# Days of the window that may lack a close (the exchange stood still) before the history counts as too short.
MOST_MISSING = 0.1
# A daily volatility below this, as a fraction, is a price that does not move: stablecoins have a hundred times as much.
LEAST_VOLATILITY = 1e-6


class Measured(NamedTuple):
    """Assets with a full window. `places` are their columns in what was given, `closes` is days x assets and without
    gaps: days on which one of them has no close are left out. `left_out` says why the other assets are not among them.
    """

    places: Places
    closes: Floats
    left_out: tuple[Explanation, ...]

    @property
    def returns(self) -> Floats:
        """Simple returns from day to day: the return of a portfolio is their weighted sum."""
        return self.closes[1:] / self.closes[:-1] - 1.0


def matrix_of(closes: Sequence[Mapping[int, Decimal]], last_day: int, days: int) -> Floats:
    """Closes by the number of their day, a mapping for each asset, as days x assets up to `last_day`; NaN for none."""
    matrix = np.full((days, len(closes)), np.nan)
    for place, known in enumerate(closes):
        for row in range(days):
            close = known.get(last_day - days + 1 + row)
            if close is not None:
                matrix[row, place] = float(close)
    return matrix


def priced(assets: Sequence[str], closes: Floats) -> tuple[Places, tuple[Explanation, ...]]:
    """Columns of the assets that have a latest close, and why the others do not count. Without rows all count.

    Raises NoWeights where none has.
    """
    if not len(closes):
        return np.arange(len(assets)), ()
    has_price = _is_price(closes[-1])
    if not has_price.any():
        raise NoWeights("nothing_priced")
    return np.flatnonzero(has_price), tuple(
        Explanation(asset, "not_priced") for asset, known in zip(assets, has_price, strict=True) if not known
    )


def measured(assets: Sequence[str], closes: Floats, needed: int) -> Measured:
    """The last `needed` rows of the assets that have closes in them, the first and the last one among them and no more
    than MOST_MISSING missing. Raises NoWeights where no asset has.
    """
    window = closes[-needed:]
    known = _is_price(window)
    counts = known.sum(axis=0)
    enough = np.zeros(len(assets), dtype=bool)
    if len(window) == needed:
        enough = known[0] & known[-1] & (counts >= needed * (1 - MOST_MISSING))
    if not enough.any():
        raise NoWeights("too_little_history", needed=str(needed))
    left_out = tuple(
        Explanation(asset, "no_history", {"days": str(count), "needed": str(needed)})
        for asset, count, is_enough in zip(assets, counts.tolist(), enough, strict=True)
        if not is_enough
    )
    places = np.flatnonzero(enough)
    return Measured(places, window[:, places][known[:, places].all(axis=1)], left_out)


def moving(assets: Sequence[str], found: Measured, days: int) -> Measured:
    """Those of the measured assets whose price has moved at all, in the last `days` + 1 rows if there are so many.

    Raises NoWeights where none has.
    """
    moves = volatilities(found.returns[-days:]) >= LEAST_VOLATILITY
    if moves.all():
        return found
    if not moves.any():
        raise NoWeights("nothing_moves", days=str(days))
    still = tuple(
        Explanation(assets[place], "no_movement", {"days": str(days)})
        for place, is_moving in zip(found.places.tolist(), moves, strict=True)
        if not is_moving
    )
    return Measured(found.places[moves], found.closes[:, moves], found.left_out + still)


def volatilities(returns: Floats) -> Floats:
    """Standard deviation of each column's returns (n - 1); 0 for fewer than two."""
    if len(returns) < 2:
        return np.zeros(returns.shape[1])
    deviations: Floats = returns.std(axis=0, ddof=1)
    return deviations


def a_year(volatility: float) -> float:
    """A daily volatility as that of a year, in percent."""
    return volatility * DAYS_OF_A_YEAR**0.5 * 100.0


def _is_price(values: Floats) -> npt.NDArray[np.bool_]:
    is_price: npt.NDArray[np.bool_] = np.isfinite(values) & (values > 0.0)
    return is_price
