"""What the rivals are checked against: the same rule in a plain loop of Decimals that looks at every row.

An equal share of everything: at the first close all cash is spent; later everything goes back to its share whenever an
asset has moved away from its share by the band or more, or at the last row of each calendar month. Fills are at the
close, a fee of the notional is paid in cash, and after a rebalance all shares are equal and no cash is left: the fee
comes out of what is bought, not out of one asset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import NamedTuple

from bench.rivals import data

INITIAL_CASH = Decimal(1_000_000)
FEE = Decimal("0.001")  # of the notional
BAND = Decimal("0.2")  # of an asset's own target
DIGITS = 34


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: a walk, and what a rebalance waits for."""

    walk: str
    is_monthly: bool


CASES = {
    "daily_band": Case("daily", is_monthly=False),
    "hourly_band": Case("hourly", is_monthly=False),
    "daily_monthly": Case("daily", is_monthly=True),
    "hourly_monthly": Case("hourly", is_monthly=True),
}


class Outcome(NamedTuple):
    """The rows that were rebalanced (the first purchase is one), the value at the last close and the fees, in USDT."""

    rows: tuple[int, ...]
    end_value: Decimal
    fees: Decimal


def run(market: data.Market, *, is_monthly: bool) -> Outcome:
    """Trade a walk by the rule above, row by row, with so many digits that none matters."""
    with localcontext(prec=DIGITS):
        closes = data.decimals(market.closes)
        is_month_end = data.month_ends(market.times).tolist()
        rows, fees = [0], Decimal(0)
        units, fee = _rebalanced([Decimal(0)] * len(closes[0]), closes[0], INITIAL_CASH)
        fees += fee
        for row, prices in enumerate(closes[1:], start=1):
            if is_month_end[row] if is_monthly else _is_outside(units, prices):
                units, fee = _rebalanced(units, prices, Decimal(0))
                fees += fee
                rows.append(row)
        return Outcome(tuple(rows), _value(units, closes[-1]), fees)


def _value(units: Sequence[Decimal], prices: Sequence[Decimal]) -> Decimal:
    return sum((held * price for held, price in zip(units, prices, strict=True)), Decimal(0))


def _is_outside(units: Sequence[Decimal], prices: Sequence[Decimal]) -> bool:
    """Whether an asset is away from an equal share by the band or more."""
    values = [held * price for held, price in zip(units, prices, strict=True)]
    share = sum(values, Decimal(0)) / len(values)
    return max(values) >= share * (1 + BAND) or min(values) <= share * (1 - BAND)


def _rebalanced(units: Sequence[Decimal], prices: Sequence[Decimal], cash: Decimal) -> tuple[list[Decimal], Decimal]:
    """Equal shares of what is left after the fee, and the fee. Every step of the search gains at least three digits."""
    values = [held * price for held, price in zip(units, prices, strict=True)]
    whole = sum(values, cash)
    share, fee = whole / len(values), Decimal(0)
    for _step in range(DIGITS):
        fee = FEE * sum((abs(share - value) for value in values), Decimal(0))
        closer = (whole - fee) / len(values)
        if closer == share:
            break
        share = closer
    return [share / price for price in prices], fee
