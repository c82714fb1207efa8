"""What the autopilot makes of one look at a strategy. Pure: the time comes in as an argument.

`decide_tick` says whether to act, and why or why not, as a code of TICK_REASONS; the planner says with which orders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from botbalance.lib.money import HUNDRED, ZERO, plain, quantize, wide
from exchanges.domain import Side
from portfolio.domain import Valuation
from strategies.domain import REASONS, BandType, Goal, Limits, Target, Trigger
from strategies.planner.bands import Managed


@dataclass(frozen=True, slots=True)
class LargestDrift:
    """The asset furthest from its target, in points of what is managed; "" where nothing is managed.

    Where anything is outside its band it is the furthest of those: with relative bands a small weight may be outside
    while a larger one has moved further and is not.
    """

    asset: str
    points: Decimal
    is_outside: bool

    @property
    def values(self) -> dict[str, str]:
        return {"asset": self.asset, "drift": plain(quantize(self.points, 2))}


def largest_drift(valuation: Valuation, targets: Sequence[Target], limits: Limits) -> LargestDrift:
    """The drift from the targets that `plan_rebalance` would trade on, exactly; coins without a price have none. Open
    orders are left aside.
    """
    with wide():
        portfolio = Managed.of(valuation, targets, limits)
        if portfolio.value <= 0:
            return LargestDrift("", ZERO, is_outside=False)
        holdings = {holding.asset: holding for holding in valuation.holdings}
        wanted = {asset: portfolio.target_value(asset) for asset in portfolio.weights}
        if limits.band_type == BandType.ABSOLUTE:
            # A share of the quote's target may be a share of nothing, so the quote has a band in points only.
            wanted[valuation.quote] = portfolio.quote_target(limits)
        found: list[tuple[bool, Decimal, str]] = []
        for asset, target_value in wanted.items():
            holding = holdings.get(asset)
            value = ZERO
            if holding is not None:
                if holding.price is None or holding.value is None:
                    continue
                value = holding.value
            delta = abs(target_value - value)
            found.append((delta > portfolio.band(target_value, limits), portfolio.points(delta), asset))
        if not found:
            return LargestDrift("", ZERO, is_outside=False)
        is_outside, points, asset = min(found, key=lambda row: (not row[0], -row[1], row[2]))
    return LargestDrift(asset, points, is_outside)


class Act(StrEnum):
    """What a tick does."""

    IDLE = "idle"
    REBALANCE = "rebalance"
    REBALANCE_TO_TARGET = "rebalance_to_target"
    INVEST = "invest"

    @property
    def goal(self) -> Goal | None:
        """The goal of the run it starts; None where it starts none."""
        return {Act.REBALANCE: Goal.BAND, Act.REBALANCE_TO_TARGET: Goal.TARGET, Act.INVEST: Goal.BUY}.get(self)


@dataclass(frozen=True, slots=True)
class Decision:
    """`code` and `values` make a sentence of TICK_REASONS. `next_scheduled_at` is to be kept as it is: the coming time
    of the schedule, None for a strategy without one. Whatever acts also puts deposits to use.
    """

    act: Act
    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    next_scheduled_at: datetime | None = None

    @property
    def reason(self) -> str:
        return TICK_REASONS[self.code].format(**self.values)


def decide_tick(
    *,
    trigger: Trigger,
    now: datetime,
    drift: LargestDrift,
    interval: timedelta,
    scheduled_at: datetime | None = None,
    has_deposit: bool = False,
) -> Decision:
    """What to do about a strategy that may trade and has no run under way.

    `scheduled_at` is the schedule's coming time; None where it has none yet: it begins now, and its first time is an
    interval away. `has_deposit`: something was paid in that is to be invested.
    """
    coming = None if trigger == Trigger.THRESHOLD else coming_time(scheduled_at, now, interval)
    is_due = coming is not None and coming <= now
    upcoming = _after(coming, now, interval) if coming is not None else None
    if not drift.asset:
        return Decision(Act.IDLE, "nothing_to_manage", {}, coming)
    if trigger == Trigger.PERIODIC and is_due:
        return Decision(Act.REBALANCE_TO_TARGET, "scheduled", drift.values, upcoming)
    if drift.is_outside and (trigger == Trigger.THRESHOLD or is_due):
        return Decision(Act.REBALANCE, "outside_band", drift.values, upcoming)
    if has_deposit:
        return Decision(Act.INVEST, "deposit", {}, upcoming)
    if trigger == Trigger.THRESHOLD or is_due:
        return Decision(Act.IDLE, "within_band", drift.values, upcoming)
    return Decision(Act.IDLE, "not_due", {"at": upcoming.isoformat() if upcoming else ""}, upcoming)


def coming_time(scheduled_at: datetime | None, now: datetime, interval: timedelta) -> datetime:
    """The schedule's coming time: no further off than one interval, which may have been made shorter since."""
    return now + interval if scheduled_at is None else min(scheduled_at, now + interval)


def _after(coming: datetime, now: datetime, interval: timedelta) -> datetime:
    """The first time of the schedule after `now`: it keeps its rhythm, and what was missed is not made up for."""
    if coming > now:
        return coming
    return coming + ((now - coming) // interval + 1) * interval


def order_wants_new_price(
    *,
    order_price: Decimal,
    side: Side,
    sent_ms: int,
    now_ms: int,
    mid: Decimal,
    new_limit_price: Decimal,
    lifetime_ms: int,
    reprice_distance_pct: Decimal | None,
) -> bool:
    """Whether an open order is to be cancelled and priced anew: it has rested for its lifetime, or the middle of the
    market has moved further than the distance away from it.

    Never when it would get the price it has: it would only lose its place in the queue.
    """
    if new_limit_price == order_price:
        return False
    if now_ms - sent_ms >= lifetime_ms:
        return True
    if reprice_distance_pct is None or mid <= 0:
        return False
    away = mid - order_price if side == Side.BUY else order_price - mid
    return away * HUNDRED > mid * reprice_distance_pct


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


# What a look came to, as sentences; `at` is a moment in ISO 8601, to be shown in the reader's own way.
TICK_REASONS: dict[str, str] = {
    # nothing to do
    "within_band": _("Within the band; the largest drift is {asset}, {drift} points."),
    "not_due": _("The next look by schedule is at {at}."),
    "nothing_to_manage": _("There is nothing to divide: the account holds nothing that the targets are about."),
    # acted
    "outside_band": _("Outside the band: {asset} is {drift} points from its target."),
    "scheduled": _("By schedule, everything to its target; the largest drift is {asset}, {drift} points."),
    "deposit": _("What was paid in is invested, buying only."),
    "run_ended": _("The rebalance has ended: {details}"),
    "leftovers": _("Cancelled {count} open orders that no rebalance waited for any more."),
    # waiting
    "run_active": _("A rebalance is under way; open orders: {count}."),
    "orders_unresolved": _("The outcome of an earlier order is still being looked up."),
    "worst_price": _("{symbol} has moved past the worst price allowed; its order waits there."),
    # held back
    "trading_off": _("Trading is switched off on this server."),
    "user_suspended": _("The owner of this account is suspended."),
    "account_disconnected": _("The account was disconnected."),
    "account_not_ready": _("The exchange account is not usable: {details}"),
    "credentials_refused": _("The exchange refused the API key: {details}"),
    "no_prices": _("There are no prices at the moment; nothing is traded without them."),
    "price_stale": _("The latest prices are {age} seconds old; nothing is traded on them."),
    "price_jump": REASONS["price_jump"],
    "nothing_possible": _("Something is outside its band, but nothing can be traded: {details}"),
    # failed, or paused
    "unreachable": _("The exchange could not be reached: {details}"),
    "throttled": _("The exchange asks for a pause: {details}"),
    "failed": _("It could not go on: {details}"),
    "stopped_by_hand": _("You stopped it by hand. Let it go on when you want it to trade again."),
    "repeated_failures": _("Paused after {count} failures in a row. The last one: {details}"),
}
