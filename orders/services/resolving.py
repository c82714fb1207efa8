"""Asking the exchange how an order stands, until all of it is known."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_noop

from botbalance.lib.clock import now_ms
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import OrderFacts, OrderReport
from exchanges.errors import ExchangeError, Rejected
from orders.domain import Missing, Status, judge_missing
from orders.models import Order
from orders.services.recording import apply_report, change_status, note, record_fills

# So long after an order's end its trades may take to appear.
TRADES_PATIENCE = timedelta(hours=1)
NEVER_ARRIVED = gettext_noop("The exchange has never received it.")
GONE = gettext_noop("The exchange does not know this order any more.")


def ask(order: Order, adapter: ExchangeAdapter) -> bool:
    """Ask once and record the answer; False when the exchange could not be asked. Never raises an ExchangeError."""
    try:
        ask_or_raise(order, adapter)
    except ExchangeError as error:
        note(order, "asked", error.message)
        return False
    return True


def ask_or_raise(order: Order, adapter: ExchangeAdapter) -> None:
    """Ask how the order stands, record its state and its fills. Raises ExchangeErrors other than "no such order"."""
    if not order.is_final:
        try:
            report = adapter.get_order_status(order.symbol, order.client_order_id, facts_of(order))
        except Rejected as error:
            if not error.is_no_such_order:
                raise
            _missing(order, adapter)
            return
        apply_report(order, report)
    elif _has_waited_long_for_trades(order):
        _give_up_lost_trades(order, adapter)
    read_fills(order, adapter)


def _has_waited_long_for_trades(order: Order) -> bool:
    return order.finished_at is not None and timezone.now() - order.finished_at > TRADES_PATIENCE


def _give_up_lost_trades(order: Order, adapter: ExchangeAdapter) -> None:
    """An ended order whose trades cannot be read, and which the exchange has forgotten, is asked about no more."""
    try:
        adapter.get_order_status(order.symbol, order.client_order_id, facts_of(order))
    except Rejected as error:
        if not error.is_no_such_order:
            raise
        if read_fills(order, adapter) == 0 and Order.objects.filter(pk=order.pk).update(trades_lost=True):
            order.refresh_from_db()
            note(order, "trades_lost")


def facts_of(order: Order) -> OrderFacts:
    """What is known of an order, by which the exchange's answer is told from one about another."""
    return OrderFacts(order.side, order.price, order.quantity, order.exchange_order_id)


def is_about(order: Order, report: OrderReport) -> bool:
    """Whether a report that carries an order's client id is of that order, as far as anything is known of it."""
    known = facts_of(order)
    return (
        (report.symbol, report.side) == (order.symbol, known.side)
        and (report.price, report.quantity) == (known.price, known.quantity)
        and known.exchange_order_id in (None, report.exchange_order_id)
    )


def read_fills(order: Order, adapter: ExchangeAdapter) -> int:
    """Record trades until they account for all that was executed; how many were new."""
    if order.executed_quantity == order.recorded_quantity or order.exchange_order_id is None or order.trades_lost:
        return 0
    return record_fills(order, list(adapter.my_trades(order.symbol, order.exchange_order_id)))


def _missing(order: Order, adapter: ExchangeAdapter) -> None:
    """The exchange says there is no such order: believe it only when it can not still arrive."""
    order.missing_answers += 1
    order.missing_since_ms = order.missing_since_ms or now_ms()
    Order.objects.filter(pk=order.pk).update(
        missing_answers=order.missing_answers, missing_since_ms=order.missing_since_ms
    )
    verdict = judge_missing(
        seen_before=order.exchange_order_id is not None,
        missing_answers=order.missing_answers,
        missing_since_ms=order.missing_since_ms,
        sent_ms=order.sent_ms,
        now_ms=now_ms(),
        recv_window_ms=adapter.recv_window_ms,
    )
    known = Status(order.status)
    if verdict == Missing.NOT_PLACED:
        change_status(order, known, Status.NOT_PLACED, "not_placed", NEVER_ARRIVED, error=NEVER_ARRIVED)
    elif verdict == Missing.VANISHED:
        change_status(order, known, Status.VANISHED, "vanished", GONE, error=GONE)
