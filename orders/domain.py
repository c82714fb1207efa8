"""What may happen to an order and to a run. Pure: time comes in as an argument, in UTC milliseconds.

An order's life. Left of the line is ours, right of it the exchange's own words:

    PENDING --claimed--> UNKNOWN --answer--> | NEW -> PARTIALLY_FILLED -> FILLED
       |                    |                |  `--------`--> CANCELED, EXPIRED, EXPIRED_IN_MATCH
       `-> NOT_PLACED <-----'                | REJECTED
    VANISHED: the exchange knew it once and does not any more (testnet's monthly wipe).

An order is UNKNOWN from the moment before it is sent until the exchange has answered: a process that dies in between
leaves a row that says "ask", never one that says "send".
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchanges.domain import OrderReport


class Status(StrEnum):
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    NOT_PLACED = "NOT_PLACED"
    VANISHED = "VANISHED"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


STATUS_CHOICES = [(status.value, status.value) for status in Status]

FINAL = frozenset(
    {
        Status.NOT_PLACED,
        Status.VANISHED,
        Status.FILLED,
        Status.CANCELED,
        Status.REJECTED,
        Status.EXPIRED,
        Status.EXPIRED_IN_MATCH,
    }
)
RESTING = frozenset({Status.NEW, Status.PARTIALLY_FILLED})
UNFINISHED = frozenset(Status) - FINAL

# The exchange's words for states; a word that is new to us leaves the state as it is.
EXCHANGE_WORDS: dict[str, Status] = {
    "PENDING_NEW": Status.NEW,
    "PENDING_CANCEL": Status.PARTIALLY_FILLED,
    **{
        str(status): status
        for status in (
            Status.NEW,
            Status.PARTIALLY_FILLED,
            Status.FILLED,
            Status.CANCELED,
            Status.REJECTED,
            Status.EXPIRED,
            Status.EXPIRED_IN_MATCH,
        )
    },
}

INTENT_LIFETIME_MS = 60_000
MISSING_MARGIN_MS = 5_000
MISSING_ANSWERS = 2
VANISHED_ANSWERS = 3
VANISHED_AFTER_MS = 60_000
ROUNDS_WITHOUT_FILL = 5
MOST_ROUNDS = 200
MOST_PROBLEMS = 20


def client_order_id(user_id: int, symbol: str, side: str, tick_ts: int, index: int) -> str:
    """The id an order is sent under: the same for the same intent, never the same for two (20 hex digits)."""
    text = f"{user_id}:{symbol}:{side}:{tick_ts}:{index}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:20]


def next_tick_ts(last: int, now_ms: int) -> int:
    """A tick time that is later than every one before, also when the clock is set back."""
    return max(last + 1, now_ms)


@dataclass(frozen=True, slots=True)
class OrderState:
    """What is known of an order."""

    status: Status
    executed_quantity: Decimal
    cumulative_quote: Decimal


def merge(known: OrderState, report: OrderReport) -> OrderState | None:
    """What is known after a report, or None when it says nothing new.

    Answers may come late and out of order: executed quantity never goes down, a final state never changes, and a
    partly filled order is never new again.
    """
    if known.status in FINAL:
        return None
    status = EXCHANGE_WORDS.get(report.status, known.status)
    executed = max(known.executed_quantity, report.executed_quantity)
    quote = max(known.cumulative_quote, report.cumulative_quote)
    if status == Status.UNKNOWN:
        status = Status.NEW  # it is there, whatever the exchange calls it
    if status == Status.NEW and executed > 0:
        status = Status.PARTIALLY_FILLED
    merged = OrderState(status, executed, quote)
    return None if merged == known else merged


class Missing(StrEnum):
    """What to make of an order the exchange says it does not know (-2013)."""

    ASK_AGAIN = "ask_again"
    NOT_PLACED = "not_placed"
    VANISHED = "vanished"


def judge_missing(
    *, seen_before: bool, missing_answers: int, missing_since_ms: int, sent_ms: int, now_ms: int, recv_window_ms: int
) -> Missing:
    """Judge the `missing_answers`-th -2013 in a row, the first of which came at `missing_since_ms`.

    An order sent at `sent_ms` cannot be accepted later than recvWindow after it, and reads may lag: only answers past
    that and a margin count as proof that it was never placed.
    """
    if seen_before:
        gone_long_enough = now_ms - missing_since_ms >= VANISHED_AFTER_MS
        return Missing.VANISHED if gone_long_enough and missing_answers >= VANISHED_ANSWERS else Missing.ASK_AGAIN
    too_late_to_arrive = now_ms > sent_ms + recv_window_ms + MISSING_MARGIN_MS
    return Missing.NOT_PLACED if too_late_to_arrive and missing_answers >= MISSING_ANSWERS else Missing.ASK_AGAIN


class Step(StrEnum):
    """What a run does next."""

    WAIT = "wait"
    SEND = "send"
    PLAN = "plan"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class RoundView:
    """One round as far as a run's next step depends on it."""

    statuses: tuple[Status, ...]
    fills_recorded: bool
    executed_anything: bool
    reached_exchange: bool = True
    refusals: tuple[str, ...] = ()


def next_step(rounds: Sequence[RoundView]) -> tuple[Step, str]:
    """The next step of a run with these rounds, oldest first, and the reason's code when it is to stop."""
    last = rounds[-1]
    if any(status == Status.PENDING for status in last.statuses):
        return Step.SEND, ""
    if any(status in UNFINISHED for status in last.statuses) or not last.fills_recorded:
        return Step.WAIT, ""
    if len(rounds) >= MOST_ROUNDS:
        return Step.STOP, "too_many_rounds"
    recent = rounds[-2:]
    if len(recent) == 2 and all(view.refusals and not view.executed_anything for view in recent):
        return Step.STOP, "orders_refused"
    # What never reached the exchange says nothing about the price; passing problems are counted on the run.
    quiet = [view for view in rounds if view.reached_exchange][-ROUNDS_WITHOUT_FILL:]
    if len(quiet) == ROUNDS_WITHOUT_FILL and not any(view.executed_anything for view in quiet):
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
