"""What a run does next, and why it ends. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orders.domain.lifecycle import RESTING, UNFINISHED, Status
from strategies.ticks import MOST_ROUNDS, ROUNDS_WITHOUT_FILL

MOST_PROBLEMS = 20
# Runs that ended so say something about the strategy or its account; an exchange that is away says nothing.
FAILED_RUNS = frozenset({"orders_refused", "not_possible", "too_many_rounds"})


class Step(StrEnum):
    """What a run does next."""

    WAIT = "wait"
    SEND = "send"
    PLAN = "plan"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class RoundView:
    """One round as far as a run's next step depends on it.

    `planned_ms` is when it was planned; `resting_since_ms` when those of its orders that still rest were sent;
    `cut_short_ms` when we cancelled an order of it, or it expired, with something left to trade.
    """

    statuses: tuple[Status, ...]
    fills_recorded: bool
    executed_anything: bool
    reached_exchange: bool = True
    refusals: tuple[str, ...] = ()
    planned_ms: int = 0
    resting_since_ms: tuple[int, ...] = ()
    cut_short_ms: tuple[int, ...] = ()


def next_step(rounds: Sequence[RoundView], now_ms: int, lifetime_ms: int) -> tuple[Step, str]:
    """The next step of a run with these rounds, oldest first, and the reason's code when it is to stop.

    Orders that rest are waited for during their lifetime, but not when one has been cut short since the last plan: what
    is left of it would stay off the market for as long. After its lifetime an order that would get the price it has (it
    stands at its worst price, or its market stands still) is left where it is, and the others are planned around it.
    """
    last = rounds[-1]
    if any(status == Status.PENDING for status in last.statuses):
        return Step.SEND, ""
    if any(status in UNFINISHED - RESTING for view in rounds for status in view.statuses):
        return Step.WAIT, ""
    if not all(view.fills_recorded for view in rounds):
        return Step.WAIT, ""
    is_awaited = any(now_ms - sent < lifetime_ms for view in rounds for sent in view.resting_since_ms)
    if is_awaited and not any(moment >= last.planned_ms for view in rounds for moment in view.cut_short_ms):
        return Step.WAIT, ""
    if len(rounds) >= MOST_ROUNDS:
        return Step.STOP, "too_many_rounds"
    recent = rounds[-2:]
    if len(recent) == 2 and all(view.refusals and not view.executed_anything for view in recent):
        return Step.STOP, "orders_refused"
    # What never reached the exchange says nothing about the price; passing problems are counted on the run.
    quiet = [view for view in rounds if view.reached_exchange and not view.resting_since_ms][-ROUNDS_WITHOUT_FILL:]
    # While an order keeps its place the run goes on: to end it would be to cancel that one, and place it anew.
    rests = any(view.resting_since_ms for view in rounds)
    if len(quiet) == ROUNDS_WITHOUT_FILL and not rests and not any(view.executed_anything for view in quiet):
        return Step.STOP, "no_fills"
    return Step.PLAN, ""


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


# Why a run ended, as sentences; `{...}` are filled from the run's reason_values.
RUN_REASONS: dict[str, str] = {
    "": "",
    "within_band": _("Every target is within its band."),
    "nothing_to_do": _("Nothing to do: every target was within its band."),
    "left_over": _("What is left cannot be traded: {details}"),
    "no_fills": _("Five rounds in a row without a fill. Try a smaller price step."),
    "orders_refused": _("The exchange refused the orders: {details}"),
    "too_many_rounds": _("Stopped after 200 rounds. Try a larger order size or a wider band."),
    "autopilot_off": _("Its autopilot was switched off."),
    "stopped_by_owner": _("You stopped it."),
    "order_cancelled": _("You cancelled its order on {symbol}."),
    "all_cancelled": _("You cancelled all orders."),
    "account_reset": _("The paper account was reset."),
    "account_disconnected": _("The account was disconnected."),
    "trading_off": _("Trading is switched off on this server."),
    "user_suspended": _("The owner of this account is suspended."),
    "account_not_ready": _("The exchange account is not usable: {details}"),
    "strategy_gone": _("The strategy was deleted or is no longer the active one."),
    "credentials_refused": _("The exchange refused the API key: {details}"),
    "not_possible": _("It could not go on: {details}"),
    "unreachable": _("The exchange could not be reached, many times in a row: {details}"),
}
