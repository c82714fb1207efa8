"""Orders, runs and plans in words and shapes for pages. Pure but for the reader's language.

SVG lengths are strings of percent, so that no language puts a comma into them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from botbalance.lib.money import HUNDRED, ZERO, quantize, strip_zeros, wide
from botbalance.lib.numbers import amount
from orders.domain import Status
from orders.models import Order, OrderEvent, Run
from portfolio.domain import Valuation
from strategies.domain import SETTLED, Skip, Target, held_apart
from strategies.presentation import skip_reason

FULL_BAR = 98  # so that the mark of the largest target is not cut off
SERIES = 10  # colours for assets; c10 is the quote's, c11 is for all that are too many


@dataclass(frozen=True, slots=True)
class Words:
    """A state on a badge: its colour, its name, and what it means."""

    badge: str
    label: str | Promise
    title: str | Promise


STATUS_WORDS: Mapping[str, Words] = {
    Status.PENDING: Words("", _("to be sent"), _("Meant, and not sent to the exchange yet.")),
    Status.UNKNOWN: Words(
        "warn", _("being looked up"), _("Sent, and the answer is not known: the exchange is being asked.")
    ),
    Status.NEW: Words("info", _("open"), _("Rests at the exchange; nothing of it has been filled.")),
    Status.PARTIALLY_FILLED: Words(
        "info", _("partly filled"), _("A part has been filled; the rest rests at the exchange.")
    ),
    Status.FILLED: Words("ok", _("filled"), _("All of it has been bought or sold.")),
    Status.CANCELED: Words("", _("cancelled"), _("Cancelled; what had been filled before stays.")),
    Status.REJECTED: Words("bad", _("refused"), _("The exchange did not accept it; nothing was traded.")),
    Status.EXPIRED: Words("", _("expired"), _("The exchange ended it by its own rules.")),
    Status.EXPIRED_IN_MATCH: Words(
        "", _("expired"), _("The exchange ended it because it would have traded with another order of the account.")
    ),
    Status.NOT_PLACED: Words("", _("not placed"), _("It was not placed; nothing was traded.")),
    Status.VANISHED: Words(
        "bad",
        _("gone"),
        _(
            "The exchange knew it once and does not any more. The testnet is wiped about once a month, with all "
            "that was on it."
        ),
    ),
}

RUN_WORDS: Mapping[str, Words] = {
    Run.State.ACTIVE: Words("info", _("running"), _("Orders are being placed and watched.")),
    Run.State.COMPLETE: Words("ok", _("complete"), _("Every target is within its band.")),
    Run.State.STOPPED: Words("warn", _("stopped"), _("It ended before every target was within its band.")),
}

EVENT_WORDS: Mapping[str, tuple[str, str | Promise]] = {
    "intent": ("", _("Planned and written down, before anything was sent.")),
    "sending": ("now", _("Sent to the exchange.")),
    "sending_again": (
        "now",
        _("Sent once more: the exchange refused the first for its time stamp, before doing anything."),
    ),
    "answer": ("now", _("The exchange answered.")),
    "report": ("now", _("Asked the exchange: its state has changed.")),
    "asked": ("warn", _("The exchange could not be asked.")),
    "fill": ("ok", _("Traded:")),
    "cancelling": ("", _("Asked the exchange to cancel it.")),
    "cancelling_old": ("", _("Asked the exchange to cancel it: it had rested for its lifetime.")),
    "cancelling_far": ("", _("Asked the exchange to cancel it: the market had moved too far from its price.")),
    "cancelling_turned": ("", _("Asked the exchange to cancel it: the target has been reached without it.")),
    "cancelling_ended": ("", _("Asked the exchange to cancel it: its rebalance has ended.")),
    "cancelling_leftover": ("", _("Asked the exchange to cancel it: no rebalance waited for it any more.")),
    "cancelling_owner": ("", _("Asked the exchange to cancel it: its owner cancelled it.")),
    "cancelled": ("", _("The exchange confirmed the cancellation.")),
    "cancelled_elsewhere": ("warn", _("Cancelled at the exchange, not by BotBalance.")),
    "expired": ("warn", _("The exchange ended it by its own rules.")),
    "adopted": ("warn", _("Found at the exchange: it was sent by a rebalance, and its record was missing here.")),
    "found": ("warn", _("Found at the exchange, where it had been thought gone.")),
    "rejected": ("bad", _("The exchange refused it.")),
    "not_placed": ("bad", _("It was not placed.")),
    "trades_lost": (
        "bad",
        _("The exchange has forgotten it before its trades were read; what it cost in fees is not known."),
    ),
    "vanished": ("bad", _("The exchange does not know it any more.")),
}

SELF_EXPLAINING = frozenset({"intent", "sending", "sending_again"})


def translated(stored: str) -> str:
    """A text that was written down in English, in the reader's language where it is one of ours: not the exchange's."""
    return gettext(stored) if stored else ""


# --- Orders ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as a line of a table. `error`: why it was refused or not placed, "" where it was not."""

    order: Order
    words: Words
    error: str
    filled: str
    average: Decimal | None
    fees: tuple[tuple[str, Decimal], ...]


def order_row(order: Order) -> OrderRow:
    fees = tuple((asset, Decimal(amount)) for asset, amount in order.fees.items())
    words = STATUS_WORDS[order.status]
    return OrderRow(order, words, translated(order.error), length(order.executed_pct), _average(order), fees)


def _average(order: Order) -> Decimal | None:
    """The average price, two digits finer than the limit price it is compared with."""
    if order.average_price is None:
        return None
    exponent = strip_zeros(order.price).as_tuple().exponent
    assert isinstance(exponent, int)
    return quantize(order.average_price, 2 - exponent)


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of an order's timeline. `state` is None where the event says it all, or left the state as it was."""

    event: OrderEvent
    mark: str
    text: str | Promise
    detail: str
    state: Words | None


def timeline(events: Iterable[OrderEvent]) -> list[EventRow]:
    rows: list[EventRow] = []
    before = ""
    for event in events:
        mark, text = EVENT_WORDS.get(event.kind, ("", event.kind))
        told = event.kind in SELF_EXPLAINING or event.status == before
        state = None if told else STATUS_WORDS[event.status]
        rows.append(EventRow(event, mark, text, _detail(event), state))
        before = event.status
    return rows


def _detail(event: OrderEvent) -> str:
    """What came with an event; a fill is kept as quantity, asset and price."""
    fill = _FILL.fullmatch(event.detail) if event.kind == "fill" else None
    if fill is None:
        return translated(event.detail)
    return f"{amount(fill['quantity'])} {fill['asset']} @ {amount(fill['price'])}"


_FILL = re.compile(r"(?P<quantity>[\d.]+) (?P<asset>\S+) @ (?P<price>[\d.]+)", re.ASCII)


# --- Reasons ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SkipRow:
    """An asset that is left alone and why. `settled`: there is nothing to be done about it."""

    asset: str
    reason: str
    settled: bool


def skip_rows(skips: Iterable[Skip]) -> list[SkipRow]:
    """What a plan leaves alone, in the reader's language; what wants attention first."""
    rows = [SkipRow(skip.asset, skip_reason(skip), skip.code in SETTLED) for skip in skips]
    return sorted(rows, key=lambda row: (row.settled, row.asset))


def stored_skips(stored: Iterable[Mapping[str, object]]) -> list[Skip]:
    """The skips of a round as they were stored."""
    return [Skip(str(row["asset"]), str(row["code"]), row["values"]) for row in stored]  # type: ignore[arg-type]


# --- Weights ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights in percent of the managed value: what the targets and the quote divide between them."""

    managed: Decimal
    apart: Decimal
    by_asset: Mapping[str, Decimal] = field(default_factory=dict)


def weights_now(valuation: Valuation, targets: Sequence[Target], *, sell_unlisted: bool) -> Weights:
    """Weights as the planner sees them: coins that are neither targets nor to be sold do not count."""
    values = {holding.asset: holding.value for holding in valuation.holdings if holding.value is not None}
    apart = held_apart(values, targets, valuation.quote, sell_unlisted)
    with wide():
        apart_value = sum((values.pop(asset) for asset in apart), ZERO)
        managed = valuation.nav - apart_value
        shares = {asset: value / managed * HUNDRED for asset, value in values.items() if managed > 0}
        return Weights(managed, apart_value, shares)


def colours(assets: Iterable[str], quote: str) -> dict[str, str]:
    """A CSS class for every asset: the quote has its own, and those that are too many share one."""
    chosen = {quote: "c10"}
    for index, asset in enumerate(asset for asset in assets if asset != quote):
        chosen[asset] = f"c{index}" if index < SERIES else "c11"
    return chosen


@dataclass(frozen=True, slots=True)
class WeightRow:
    """Weights of one asset in percent, and the same as lengths of bars. None where it has no price."""

    asset: str
    colour: str
    now: Decimal | None
    target: Decimal | None
    after: Decimal | None
    now_bar: str = "0"
    target_mark: str = "0"
    after_bar: str = "0"


@dataclass(frozen=True, slots=True)
class WeightInput:
    asset: str
    now: Decimal | None
    target: Decimal | None
    after: Decimal | None = None


def weight_rows(rows: Sequence[WeightInput], quote: str) -> list[WeightRow]:
    """Rows with bars on one scale, which the largest weight all but fills."""
    weights = [weight for row in rows for weight in (row.now, row.target, row.after) if weight is not None]
    most = max([*weights, ZERO]) or HUNDRED
    palette = colours((row.asset for row in rows), quote)

    def bar(weight: Decimal | None) -> str:
        with wide():
            return length((weight or ZERO) / most * FULL_BAR)

    return [
        WeightRow(
            row.asset, palette[row.asset], row.now, row.target, row.after, bar(row.now), bar(row.target), bar(row.after)
        )
        for row in rows
    ]


def length(percent: Decimal) -> str:
    """A length within 0 and 100 as an attribute of SVG or HTML."""
    return f"{quantize(min(max(percent, ZERO), HUNDRED), 2):f}"


def short(number: Decimal) -> str:
    """A percentage within a sentence: 1, 4.2, 0.35."""
    return amount(quantize(number, 1 if abs(number) >= 1 else 2))


def duration(start: datetime, end: datetime) -> str:
    """How long something took: 8 s, 3 min 5 s, 2 h 10 min."""
    seconds = max(0, int((end - start).total_seconds()))
    if seconds < 60:
        return gettext("%(seconds)s s") % {"seconds": seconds}
    if seconds < 3600:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": seconds // 60, "seconds": seconds % 60}
    return gettext("%(hours)s h %(minutes)s min") % {"hours": seconds // 3600, "minutes": seconds % 3600 // 60}
