"""What may happen to an order. Pure: time comes in as an argument, in UTC milliseconds.

An order's life. Left of the line is ours, right of it the exchange's own words:

    PENDING --claimed--> UNKNOWN --answer--> | NEW -> PARTIALLY_FILLED -> FILLED
       |                    |                |  `--------`--> CANCELED, EXPIRED, EXPIRED_IN_MATCH
       `-> NOT_PLACED <-----'                | REJECTED
    VANISHED: the exchange knew it once and does not any more (testnet's monthly wipe).

An order is UNKNOWN from the moment before it is sent until the exchange has answered: a process that dies in between
leaves a row that says "ask", never one that says "send".
"""

import hashlib
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
# Ended by nobody's word of ours, with something left to trade: the exchange's rules, a request that never arrived.
LAPSED = frozenset({Status.EXPIRED, Status.EXPIRED_IN_MATCH, Status.NOT_PLACED, Status.VANISHED})

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


def report_kind(status: Status, *, cancel_requested: bool) -> str:
    """The kind of event that a report is which brought an order to `status`: why it has ended, where it has."""
    if status == Status.CANCELED:
        return "cancelled" if cancel_requested else "cancelled_elsewhere"
    return {
        Status.REJECTED: "rejected",
        Status.EXPIRED: "expired",
        Status.EXPIRED_IN_MATCH: "expired",
    }.get(status, "report")


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
