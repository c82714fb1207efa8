"""What the same money had become elsewhere: only held, or put into bitcoin. Exact decimals, pure; without fees.

A benchmark starts with what the account was worth, spread by weights, and then follows its flows: what came in is
spread by the same weights, what went out is taken of everything alike, so that nothing is ever owed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botbalance.lib.money import ONE, ZERO, wide
from portfolio.performance.returns import Unknown, Valued


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which a benchmark is valued (UTC): the prices of then in the currency of account (what has none is
    missing; the currency itself is 1 and need not be there), and the flow of then, positive for what came in.
    """

    at: datetime
    prices: Mapping[str, Decimal]
    flow: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark at every moment at which it could be valued, as a portfolio is: so `growth_curve` and
    `money_weighted_return` take its points. `unknown`: why it ends early, or never begins. `skipped`: moments left out
    for want of a price.
    """

    points: tuple[Valued, ...]
    unknown: Unknown | None = None
    skipped: int = 0


def weights_of(values: Mapping[str, Decimal]) -> dict[str, Decimal] | None:
    """The share of each asset in the sum of `values`, for `follow`; None where that is 0. What is worth nothing is left
    out. Raises ValueError for a value below 0.
    """
    if any(value < 0 for value in values.values()):
        raise ValueError("a value below 0 has no weight")
    with wide():
        total = sum(values.values(), ZERO)
        return {asset: value / total for asset, value in values.items() if value} if total else None


def hold(holdings: Mapping[str, Decimal], moments: Sequence[Moment], currency: str) -> Benchmark:
    """What was held at the first moment, before its flow, only held: `holdings` are quantities of then."""
    if not moments:
        return Benchmark((), Unknown.TOO_SHORT)
    prices = {currency: ONE, **moments[0].prices}
    if any(quantity and asset not in prices for asset, quantity in holdings.items()):
        return Benchmark((), Unknown.PRICE_MISSING)
    with wide():
        values = {asset: quantity * prices[asset] for asset, quantity in holdings.items() if quantity}
        start = sum(values.values(), ZERO)
    weights = weights_of(values)
    if weights is None:
        return Benchmark((), Unknown.NOTHING_INVESTED)
    return follow(weights, start, moments, currency)


def follow(weights: Mapping[str, Decimal], start: Decimal, moments: Iterable[Moment], currency: str) -> Benchmark:
    """`start` of the currency spread by `weights` (fractions, together 1) at the first moment, and every flow then.

    A moment without a price that is needed is left out; where money came in then and could not be spread, the benchmark
    ends. It ends as well where more is taken out than it is worth. Put all into one asset with {"BTC": ONE}.
    """
    points: list[Valued] = []
    units: dict[str, Decimal] | None = None
    skipped = 0
    with wide():
        for moment in moments:
            prices = {currency: ONE, **moment.prices}
            if any(prices.get(asset, ZERO) <= 0 for asset in weights):
                if units is None or moment.flow:
                    return Benchmark(tuple(points), Unknown.PRICE_MISSING, skipped)
                skipped += 1
                continue
            if units is None:
                units = {asset: start * weight / prices[asset] for asset, weight in weights.items()}
                value = start
            else:
                value = sum((units[asset] * prices[asset] for asset in units), ZERO)
            if value + moment.flow < 0:
                return Benchmark(tuple(points), Unknown.NEGATIVE, skipped)
            points.append(Valued(moment.at, value, moment.flow))
            if moment.flow > 0:
                for asset, weight in weights.items():
                    units[asset] += moment.flow * weight / prices[asset]
            elif moment.flow < 0:
                left = (value + moment.flow) / value
                units = {asset: amount * left for asset, amount in units.items()}
    return Benchmark(tuple(points), None if len(points) > 1 else Unknown.TOO_SHORT, skipped)
