"""Time-weighted return: what a portfolio earned, with deposits and withdrawals taken out. Exact decimals.

The chain of sub-periods between flows as the Global Investment Performance Standards describe it: each earns the value
just before the next flow over the value just after the last one, and the factors are multiplied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from botbalance.lib.money import ONE, ZERO, wide


class Unknown(StrEnum):
    """Why a figure is not known."""

    TOO_SHORT = "too_short"  # fewer than two moments
    NOTHING_INVESTED = "nothing_invested"  # no money was at work at any time
    NEGATIVE = "negative"  # a value below nothing, or more taken out than there was
    UNEXPLAINED = "unexplained"  # value where there was none, and no flow that brought it
    NO_RATE = "no_rate"  # no rate, or none within reason, explains the flows: all was lost, or nothing was put in
    AMBIGUOUS = "ambiguous"  # several rates explain the flows equally well
    PRICE_MISSING = "price_missing"  # a price that it takes is not known


@dataclass(frozen=True, slots=True)
class Valued:
    """A portfolio at one moment (UTC): `nav` just before `flow`, and the flow, positive for what came in. In the quote.

    A moment without a flow is a plain valuation: it changes no return over the whole, and adds a point to the curve.
    """

    at: datetime
    nav: Decimal
    flow: Decimal = ZERO

    @property
    def after(self) -> Decimal:
        """Value just after the flow."""
        with wide():
            return self.nav + self.flow


@dataclass(frozen=True, slots=True)
class Growth:
    """What 1 put in at the beginning has become at `at`, deposits and withdrawals taken out."""

    at: datetime
    factor: Decimal


@dataclass(frozen=True, slots=True)
class GrowthCurve:
    """The growth at every moment; `points` end before the first one that cannot be known, with the reason (None: all
    are known).
    """

    points: tuple[Growth, ...]
    unknown: Unknown | None = None

    @property
    def total(self) -> Decimal | None:
        """The time-weighted return over the whole, a fraction: 0.25 is 25 %. None where it is not known."""
        if self.unknown:
            return None
        with wide():
            return self.points[-1].factor - ONE


def growth_curve(moments: Iterable[Valued]) -> GrowthCurve:
    """The chain of sub-periods of `moments`, oldest first. Raises ValueError where they run backwards.

    While nothing is invested nothing is earned: such a sub-period counts as 1. What is lost entirely stays lost: the
    curve goes to 0, also where money is put in later.
    """
    points: list[Growth] = []
    before: Valued | None = None
    has_invested = False
    with wide():
        factor = ONE
        for moment in moments:
            if moment.nav < 0 or moment.after < 0:
                return GrowthCurve(tuple(points), Unknown.NEGATIVE)
            if before is not None:
                if moment.at < before.at:
                    raise ValueError(f"the moments run backwards: {before.at} is before {moment.at}")
                if before.after:
                    factor *= moment.nav / before.after
                    has_invested = True
                elif moment.nav:
                    return GrowthCurve(tuple(points), Unknown.UNEXPLAINED)
            points.append(Growth(moment.at, factor))
            before = moment
    if len(points) < 2:
        return GrowthCurve(tuple(points), Unknown.TOO_SHORT)
    return GrowthCurve(tuple(points), None if has_invested else Unknown.NOTHING_INVESTED)


def time_weighted_return(moments: Sequence[Valued]) -> Decimal | None:
    """The time-weighted return over `moments`, a fraction, not annualised: 0.25 is 25 %. None where it is not known;
    `growth_curve` says why.
    """
    return growth_curve(moments).total
