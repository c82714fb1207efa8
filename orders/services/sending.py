"""Sending intents, each at most once.

A row is claimed (PENDING -> UNKNOWN, with the time of sending) and committed before its request leaves; two senders
cannot both claim it. The request carries the claimed time as its timestamp, so the exchange cannot accept it later than
recvWindow after the claim: that is what lets a missing order be declared not placed.
"""

import logging

from django.db.models import F
from django.utils.translation import gettext as _

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from botbalance.lib.numbers import in_words
from exchanges import services as exchanges
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import NewOrder, OrderReport, Side
from exchanges.errors import ClockSkew, ExchangeError, OutcomeUnknown, Rejected, Unavailable
from orders.domain import INTENT_LIFETIME_MS, RUN_REASONS, Status
from orders.models import Order, Round
from orders.services import guards
from orders.services.recording import apply_report, change_status
from orders.services.resolving import ask, read_fills
from portfolio.selectors import milliseconds

logger = logging.getLogger(__name__)

# A word of the guards that took longer than this is not believed.
SLOWEST_GUARDS_MS = 500


def send_round(round_: Round) -> ExchangeError | None:
    """Send the round's stored intents in their order; never plans. Safe to call again, and from two processes.

    When one outcome says that the next order would fare no better, the rest is withdrawn, and that error is returned.
    """
    try:
        adapter = exchanges.adapter_for(round_.run.account)
    except AppError as error:
        withdraw_pending(round_, error.message)
        return error if isinstance(error, ExchangeError) else None
    problem: ExchangeError | None = None
    for order in round_.orders.filter(status=Status.PENDING).order_by("index"):
        if _is_too_late(round_):
            withdraw_pending(round_, _("It was not sent in time; prices have moved on."))
            break
        reason = _refusal(round_)
        if reason:
            withdraw_pending(round_, reason)
            break
        problem = _send(order, adapter)
        if problem is not None:
            withdraw_pending(round_, problem.message)
            break
    _read_first_fills(round_, adapter)
    return problem


def _is_too_late(round_: Round) -> bool:
    """Whether an intent is from another time: a while ago, or from a clock that was ahead and has been set back."""
    return abs(now_ms() - milliseconds(round_.created_at)) > INTENT_LIFETIME_MS


def _refusal(round_: Round) -> str:
    """Why no order of the round may leave now, as a sentence; "" when it may."""
    refusal = guards.refusal(round_.run)
    if refusal is None:
        return ""
    code, values = refusal
    return _(RUN_REASONS[code]).format(**in_words(values))


def _read_first_fills(round_: Round, adapter: ExchangeAdapter) -> None:
    """Read the trades of orders that filled at once, so that price and fee show at once; tracking would, later."""
    for order in round_.orders.exclude(executed_quantity=F("recorded_quantity")):
        try:
            read_fills(order, adapter)
        except ExchangeError as error:
            logger.info("order %s: fills not read yet: %s", order.client_order_id, error.message)
            return


def withdraw_pending(round_: Round, reason: str) -> None:
    """Declare the round's unsent intents not placed. What was claimed for sending is not touched."""
    for order in round_.orders.filter(status=Status.PENDING):
        withdraw(order, reason)


def withdraw(order: Order, reason: str) -> bool:
    """Declare one unsent intent not placed; False when it has been claimed for sending meanwhile."""
    return change_status(order, Status.PENDING, Status.NOT_PLACED, "not_placed", reason, error=reason[:400])


def _send(order: Order, adapter: ExchangeAdapter) -> ExchangeError | None:
    """Claim one order and send it. The error is returned when sending the next would be pointless or unsafe.

    The guards are asked once more behind the claim, which may have waited for the database: whatever was switched off
    meanwhile stays off.
    """
    if not change_status(order, Status.PENDING, Status.UNKNOWN, "sending", only_if_wanted=True, sent_ms=now_ms()):
        if order.status == Status.PENDING:
            withdraw(order, _("Cancelled before it was sent."))
        return None
    asked_ms = now_ms()
    reason = _refusal(order.round)
    if reason or now_ms() - asked_ms > SLOWEST_GUARDS_MS:
        error = Unavailable(reason or _("The database answered too slowly to be sure that it may still be sent."))
        _not_placed(order, error)
        return error
    try:
        report = _place(order, adapter)
    except Rejected as error:
        return _refused(order, adapter, error)
    except OutcomeUnknown as error:
        logger.warning("order %s: outcome unknown: %s", order.client_order_id, error.message)
        ask(order, adapter)
        return error
    except ExchangeError as error:  # Throttled, Unavailable, CredentialsRefused, ClockSkew: known not executed
        _not_placed(order, error)
        return error
    apply_report(order, report, "answer")
    return None


def _place(order: Order, adapter: ExchangeAdapter) -> OrderReport:
    new_order = NewOrder(order.symbol, Side(order.side), order.price, order.quantity, order.client_order_id)
    try:
        return adapter.place_order(new_order, order.sent_ms)
    except ClockSkew:
        # Refused before execution: the one case in which the same order is sent again, under the same id, once, and
        # only if it may still be sent at all.
        adapter.sync_clock()
        order.refresh_from_db(fields=["cancel_requested"])
        if _is_too_late(order.round) or order.cancel_requested or _refusal(order.round):
            raise
        if not change_status(order, Status.UNKNOWN, Status.UNKNOWN, "sending_again", sent_ms=now_ms()):
            raise
        return adapter.place_order(new_order, order.sent_ms)


def _refused(order: Order, adapter: ExchangeAdapter, error: Rejected) -> ExchangeError | None:
    if error.is_duplicate:
        ask(order, adapter)
        return None
    change_status(
        order,
        Status.UNKNOWN,
        Status.REJECTED,
        "rejected",
        error.message,
        error=error.message[:400],
        error_code=error.exchange_code,
    )
    if error.is_filter_failure:
        try:
            exchanges.refresh_rules_for(order.account)
        except ExchangeError as refresh_error:
            logger.warning("symbol rules not refreshed: %s", refresh_error.message)
    return None


def _not_placed(order: Order, error: ExchangeError) -> None:
    change_status(
        order,
        Status.UNKNOWN,
        Status.NOT_PLACED,
        "not_placed",
        error.message,
        error=error.message[:400],
        error_code=error.exchange_code,
    )
