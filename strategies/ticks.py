"""What the autopilot makes of one look at a strategy. Pure: the time comes in as an argument.

`decide_tick` says whether to act, and why or why not, as a code of TICK_REASONS; the planner says with which orders.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from botbalance.lib.money import HUNDRED
from exchanges.domain import Side
from portfolio.domain import Valuation
from strategies.domain import REASONS, Goal, Limits, Target, Trigger
from strategies.planner.gauge import Gauge, LargestDrift
from strategies.schedules import Every, coming_time, time_after


def largest_drift(valuation: Valuation, targets: Sequence[Target], limits: Limits) -> LargestDrift:
    """The drift from the targets that `plan_rebalance` would trade on, exactly; coins without a price have none. Open
    orders are left aside.
    """
    return Gauge(targets, limits).largest_drift(valuation)


# A rebalance of so many rounds, or so many in a row without a fill, ends: a live one and a back-tested one.
MOST_ROUNDS = 200
ROUNDS_WITHOUT_FILL = 5


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


class Decision(NamedTuple):
    """`code` and `values` make a sentence of TICK_REASONS. `next_scheduled_at` is to be kept as it is: the coming time
    of the schedule, None for a strategy without one. Whatever acts also puts deposits to use.
    """

    act: Act
    code: str
    drift: LargestDrift | None = None
    next_scheduled_at: datetime | None = None

    @property
    def values(self) -> dict[str, str]:
        if self.code == "not_due":
            return {"at": self.next_scheduled_at.isoformat() if self.next_scheduled_at else ""}
        return {} if self.drift is None else self.drift.values

    @property
    def reason(self) -> str:
        return TICK_REASONS[self.code].format(**self.values)


def decide_tick(
    *,
    trigger: Trigger,
    now: datetime,
    drift: LargestDrift,
    interval: Every,
    scheduled_at: datetime | None = None,
    has_deposit: bool = False,
    whole_portfolio: bool = False,
) -> Decision:
    """What to do about a strategy that may trade and has no run under way.

    `scheduled_at` is the schedule's coming time; None where it has none yet: it begins now, and its first time is an
    interval away. `has_deposit`: something was paid in that is to be invested. `whole_portfolio`: when one weight is
    outside its band, everything goes to its target.
    """
    coming = None if trigger == Trigger.THRESHOLD else coming_time(scheduled_at, now, interval)
    is_due = coming is not None and coming <= now
    upcoming = time_after(coming, now, interval) if coming is not None else None
    if not drift.asset:
        return Decision(Act.IDLE, "nothing_to_manage", None, coming)
    if trigger == Trigger.PERIODIC and is_due:
        return Decision(Act.REBALANCE_TO_TARGET, "scheduled", drift, upcoming)
    if drift.is_outside and (trigger == Trigger.THRESHOLD or is_due):
        act = Act.REBALANCE_TO_TARGET if whole_portfolio else Act.REBALANCE
        return Decision(act, "outside_band", drift, upcoming)
    if drift.lacks_fee_money and (trigger == Trigger.THRESHOLD or is_due):
        return Decision(Act.REBALANCE, "fees_low", None, upcoming)
    if has_deposit:
        return Decision(Act.INVEST, "deposit", None, upcoming)
    if trigger == Trigger.THRESHOLD or is_due:
        return Decision(Act.IDLE, "within_band", drift, upcoming)
    return Decision(Act.IDLE, "not_due", None, upcoming)


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
    "fees_low": _("Less than half of the BNB that is kept for fees is left; it is bought again."),
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
