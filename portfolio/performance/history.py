"""An account's recorded history, made sense of: what of it is accounted for, and what came and went when. Pure.

Recorded are valuations with what was held, fills, and flows (what came or went without a fill). Between two valuations
the holdings should change by the fills and the flows between them. Where they do not, one of two things happened:

    for a while    a flow was noticed after the valuation that already held it, or a fill was recorded before the
                   balances that were valued: such a valuation is left out, and the next one is in order again;
    for good       something changed that nothing explains: a paper account was reset, an exchange's test network was
                   wiped, trades were lost. What is before that and what is after are two histories, and no return is
                   made across the gap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botbalance.lib.money import ZERO, exact, wide
from portfolio.performance.benchmarks import Moment
from portfolio.performance.returns import Valued

# Holdings that differ by less than this share of the value are accounted for: dust, and rounding of other systems.
_TOLERANCE = Decimal("0.01")
# What was valued last may itself be in a passing state, so that one of the last few is taken to be in order.
_LAST_FEW = 3
# A history that breaks more often than this is followed no further back.
_MOST_STRETCHES = 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """A valuation at `at` (UTC): the value, what was held of each asset, and the prices then, in the currency of
    account; what had no price is missing there.
    """

    at: datetime
    nav: Decimal
    totals: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Change:
    """What one fill did to the holdings: bought less sold, less commission."""

    at: datetime
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class CameOrWent:
    """A flow as it was noticed: `amount` of `asset`, negative for what went, with its `value` of then where known."""

    at: datetime
    asset: str
    amount: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the history without a gap: its valuations, oldest first, and `gap`, by how much what was held at its
    beginning differs from what the fills and flows would have made of the stretch before (for the first one, of
    nothing: what was there when recording began).
    """

    recorded: tuple[Recorded, ...]
    gap: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class AccountMoment:
    """A valuation with the flows since the one before: `nav` is after them; `flow` is their value at its prices."""

    at: datetime
    nav: Decimal
    flow: Decimal
    totals: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]

    @property
    def valued(self) -> Valued:
        with wide():
            return Valued(self.at, self.nav - self.flow, self.flow)

    @property
    def moment(self) -> Moment:
        return Moment(self.at, self.prices, self.flow)


def stretches(
    recorded: Sequence[Recorded], changes: Iterable[Change], flows: Iterable[CameOrWent]
) -> tuple[Stretch, ...]:
    """The parts of a history that are accounted for, oldest first. Everything comes oldest first; `changes` and `flows`
    before the first valuation are counted as well.
    """
    left = _unexplained(recorded, changes, flows)
    found: list[list[int]] = []
    end = len(recorded) - 1
    while end >= 0 and len(found) < _MOST_STRETCHES:
        candidates = range(end, max(-1, end - _LAST_FEW), -1)
        kept = max(([k for k in range(end + 1) if _agree(recorded, left, k, last)] for last in candidates), key=len)
        found.append(kept)
        end = kept[0] - 1
    found.reverse()
    result = []
    before: Mapping[str, Decimal] = {}
    for kept in found:
        now = left[kept[0]]
        with exact():
            gap = {asset: now.get(asset, ZERO) - before.get(asset, ZERO) for asset in {*now, *before}}
        result.append(
            Stretch(tuple(recorded[k] for k in kept), {asset: gap[asset] for asset in sorted(gap) if gap[asset]})
        )
        before = left[kept[-1]]
    return tuple(result)


def _unexplained(
    recorded: Sequence[Recorded], changes: Iterable[Change], flows: Iterable[CameOrWent]
) -> list[dict[str, Decimal]]:
    """What was held at each valuation beyond all fills and flows up to then: always the same, if all is well."""
    explained: dict[str, Decimal] = {}
    waiting_changes, waiting_flows = iter(changes), iter(flows)
    change, flow = next(waiting_changes, None), next(waiting_flows, None)
    left = []
    with exact():
        for valuation in recorded:
            # Balances are asked for before they are valued: a fill of that very moment is not in them.
            while change is not None and change.at < valuation.at:
                for asset, amount in change.amounts.items():
                    explained[asset] = explained.get(asset, ZERO) + amount
                change = next(waiting_changes, None)
            while flow is not None and flow.at <= valuation.at:
                explained[flow.asset] = explained.get(flow.asset, ZERO) + flow.amount
                flow = next(waiting_flows, None)
            assets = {*valuation.totals, *explained}
            rest = {asset: valuation.totals.get(asset, ZERO) - explained.get(asset, ZERO) for asset in assets}
            left.append({asset: amount for asset, amount in rest.items() if amount})
    return left


def _agree(recorded: Sequence[Recorded], left: Sequence[Mapping[str, Decimal]], one: int, other: int) -> bool:
    """Whether what nothing explains is the same at two valuations, but for little. What has no price counts nothing."""
    if one == other:
        return True
    mine, theirs = left[one], left[other]
    with wide():
        most = _TOLERANCE * max(recorded[one].nav, recorded[other].nav)
        value = ZERO
        for asset in {*mine, *theirs}:
            difference = mine.get(asset, ZERO) - theirs.get(asset, ZERO)
            if difference:
                price = recorded[one].prices.get(asset) or recorded[other].prices.get(asset) or ZERO
                value += abs(difference) * price
    return value <= most


def moments_of(stretch: Stretch, flows: Sequence[CameOrWent]) -> tuple[AccountMoment, ...]:
    """The valuations of a stretch with what came and went before each, since the one before; `flows` oldest first.

    A flow is valued at the prices of the valuation that first contains it, so that what was held already earns exactly
    what it earned; where that has no price for it, at the value it was noticed with. What never had a price is in no
    value, and counts nothing.
    """
    if not stretch.recorded:
        return ()
    moments = []
    waiting = [flow for flow in flows if flow.at > stretch.recorded[0].at]
    taken = 0
    with wide():
        for valuation in stretch.recorded:
            value = ZERO
            while taken < len(waiting) and waiting[taken].at <= valuation.at:
                flow = waiting[taken]
                price = valuation.prices.get(flow.asset)
                value += (flow.value or ZERO) if price is None else flow.amount * price
                taken += 1
            moments.append(AccountMoment(valuation.at, valuation.nav, value, valuation.totals, valuation.prices))
    return tuple(moments)


def within(moments: Sequence[AccountMoment], start: datetime | None, end: datetime | None) -> tuple[AccountMoment, ...]:
    """The moments in [start, end]. The first of them begins the account: what came before it is in its value."""
    chosen = [
        moment for moment in moments if (start is None or moment.at >= start) and (end is None or moment.at <= end)
    ]
    if not chosen:
        return ()
    first = chosen[0]
    return (AccountMoment(first.at, first.nav, ZERO, first.totals, first.prices), *chosen[1:])
