"""How much prices move, for the test of a trade's cost against what it is worth. Pure.

Variances are found with floats, as statistics are, and leave as decimals of fixed places, so that a plan made of them
is the same everywhere.
"""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from strategies.domain import DAYS_OF_A_YEAR

Floats = npt.NDArray[np.float64]

# So many daily returns count; with fewer than LEAST_DAYS of them nothing is said of an asset.
VARIANCE_DAYS, LEAST_DAYS = 90, 20
PLACES = 6


def variances_of(assets: Sequence[str], closes: Floats) -> dict[str, Decimal]:
    """The variance of a year's logarithmic return, as a fraction squared, by asset, from daily closes (days x assets,
    oldest first, not a number or 0 where there is none). Of the last VARIANCE_DAYS returns, times 365.
    """
    found = {}
    window = np.where(closes > 0, closes, np.nan)[-(VARIANCE_DAYS + 1) :]
    for asset, column in zip(assets, window.T, strict=True):
        returns = np.diff(np.log(column))
        known = returns[~np.isnan(returns)]
        if len(known) >= LEAST_DAYS:
            found[asset] = Decimal(f"{float(known.var(ddof=1)) * DAYS_OF_A_YEAR:.{PLACES}f}")
    return found
