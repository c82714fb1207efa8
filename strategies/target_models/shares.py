"""Fractions made from figures, kept under a cap, and turned into exact percentages."""

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from botbalance.lib.money import HUNDRED

Floats = npt.NDArray[np.float64]

# Weights have four decimals: what is divided is counted in ten-thousandths of a percent.
UNITS_PER_PERCENT = 10_000
QUANTUM = Decimal("0.0001")
# A float this close below a whole unit is that unit.
NOISE = 1e-6


def proportional(figures: Floats, cap: float = 1.0) -> Floats:
    """Fractions in proportion to positive `figures`, none above `cap`, adding up to 1.

    What the cap cuts off is spread over the others in proportion, again and again until none is above it. Where even
    all at the cap do not make 1, all are at the cap.
    """
    count = len(figures)
    if count * cap <= 1.0:
        return np.full(count, cap)
    scaled = figures / figures.max()  # sums of huge figures would overflow
    capped = np.zeros(count, dtype=bool)
    while True:
        shares = np.where(capped, cap, 0.0)
        free = ~capped
        shares[free] = scaled[free] / scaled[free].sum() * (1.0 - cap * capped.sum())
        above = free & (shares > cap)
        if not above.any():
            return shares
        capped |= above


def percents(shares: Floats, total_pct: Decimal, cap_pct: Decimal | None = None) -> list[Decimal]:
    """Fractions of `total_pct` as percentages with four decimals that add up exactly to it, or to the same part of it
    as the fractions do of 1; none above `cap_pct`. Rounded by largest remainder, the earlier one first among equals.
    """
    units = int(total_pct * UNITS_PER_PERCENT)
    most = units if cap_pct is None else min(units, int(cap_pct * UNITS_PER_PERCENT))
    exact = shares * units
    given = np.minimum(np.floor(exact + NOISE), most).astype(np.int64)
    wanted = min(round(float(shares.sum()) * units), most * int((shares > 0.0).sum()))
    rest = exact - given
    missing = wanted - int(given.sum())
    while missing:
        step = 1 if missing > 0 else -1
        may_change = (given < most) & (shares > 0.0) if step > 0 else given > 0
        order = np.argsort(-step * rest, kind="stable")
        changed = order[may_change[order]][: abs(missing)]
        given[changed] += step
        rest[changed] -= step
        missing -= step * len(changed)
    return [Decimal(int(count)) * QUANTUM for count in given]


def fraction_of(cap_pct: Decimal | None, total_pct: Decimal) -> float:
    """A cap in percent of the portfolio as a fraction of what is divided; 1 for none."""
    if cap_pct is None or cap_pct >= total_pct:
        return 1.0
    return float(cap_pct / total_pct)


def as_percent(fraction: float) -> str:
    """0.12345 -> "12.35", for a sentence."""
    return f"{fraction * float(HUNDRED):.2f}"
