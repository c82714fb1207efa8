"""What is traded of assets that are within their bands: where the quote is off by itself, and where the money for what
is outside its band is only to be had from them. Pure; in the wide context.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from botbalance.lib.money import ONE, ZERO
from exchanges.domain import Side
from strategies.domain import SETTLED, BandType, Goal
from strategies.planner.choosing import resting_quote
from strategies.planner.wants import Want

if TYPE_CHECKING:
    from strategies.planner.rounds import Round

BUY, SELL = Side.BUY, Side.SELL


def wants_of_the_quote(round_: "Round") -> list[Want]:
    """Many small drifts within their bands can add up to a large one of the quote: then the largest of them that bring
    it back are traded, each to its target. Only for absolute bands: a share of the quote's target may be 0.
    """
    limits = round_.limits
    if limits.goal is not Goal.BAND or limits.band_type is not BandType.ABSOLUTE or round_.managed <= 0:
        return []
    if round_.is_held_back or (round_.skips and any(skip.code not in SETTLED for skip in round_.skips)):
        return []  # something that is not to be traded, or cannot be, explains it
    holding = round_.holdings.get(round_.quote)
    resting = resting_quote(round_.open_orders.values())
    target = round_.portfolio.quote_target(limits)
    excess = (holding.total if holding else ZERO) + resting - target
    missing = abs(excess) - round_.planner.width.value(target, round_.managed)
    if missing <= 0:
        return []
    wants: list[Want] = []
    for want in _tradable(round_, BUY if excess > 0 else SELL):
        if missing <= 0:
            break
        wants.append(want)
        missing -= want.amount
    if missing > 0:
        round_.skip(round_.quote, "quote_off", quote=round_.quote, drift=abs(excess), managed=round_.managed)
    return wants


def sales_for_purchases(round_: "Round", wants: Sequence[Want]) -> list[Want]:
    """Sales that pay for what is below its band, where free quote and other sales do not reach to bring it back inside:
    of the largest surpluses first, none past its target. Without them it would stay where it is for as long as
    everything else stays within its band.
    """
    if round_.limits.goal is not Goal.BAND:
        return []
    sizes, less_fee = round_.planner.sizes, ONE - round_.limits.fee_rate
    short, money = ZERO, _money(round_, wants)
    for want in sorted(wants, key=lambda want: -want.distance):
        if want.side is SELL or not sizes.is_large_enough(want):
            continue
        paid = min(want.amount, max(money, ZERO) / sizes.with_fee)
        money -= paid * sizes.with_fee
        band = round_.planner.width.value(round_.portfolio.target_value(want.asset), round_.managed)
        if want.distance - paid > band:
            short += (want.amount - paid) * sizes.with_fee
    sales: list[Want] = []
    for want in _tradable(round_, SELL) if short > 0 else ():
        if short <= 0:
            break
        smallest = sizes.smallest(want, sizes.price(want)) * want.mid
        amount = min(want.amount, max(short / less_fee, smallest))
        sales.append(want._replace(amount=amount))
        short -= amount * less_fee
    return sales


def _money(round_: "Round", wants: Sequence[Want]) -> Decimal:
    """What may be spent by and by: what is free of the quote, what open orders bring, and what is to be sold anyway."""
    less_fee = ONE - round_.limits.fee_rate
    sold = sum((min(want.amount, want.free * want.mid) for want in wants if want.side is SELL), ZERO)
    resting = max(resting_quote(round_.open_orders.values()), ZERO)
    return round_.free_quote() + (sold + resting) * less_fee


def _tradable(round_: "Round", side: Side) -> Iterator[Want]:
    """What assets within their bands could give or take to be at their targets, the most first."""
    sizes = round_.planner.sizes
    for want in sorted(_inside_wants(round_), key=lambda want: (-want.amount, want.asset)):
        symbol = want.rules.symbol
        is_free = symbol not in round_.open_orders and symbol not in round_.limits.occupied
        if want.side is side and is_free and sizes.is_large_enough(want):
            yield want


def _inside_wants(round_: "Round") -> Iterator[Want]:
    for row, _band, mid, delta, free, held in round_.inside:
        assert row.rules is not None  # it has a price
        distance, side = abs(delta), BUY if delta > 0 else SELL
        yield Want(row.asset, row.rules, mid, side, delta, distance, distance, free, held)
