"""What the exchange says of an order, into rows: state, fills, and an event for every change."""

import logging
from datetime import UTC, datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.notifications import services as notifications
from accounts.notifications.models import Kind
from botbalance.lib.money import ZERO, plain
from exchanges.domain import OrderReport, TradeReport
from orders.domain import FINAL, OrderState, Status, merge, report_kind
from orders.models import Fill, Order, OrderEvent

# With this the kinds of events begin that say that, and why, an order is being cancelled.
CANCELLING = "cancelling"
NO_REASON = gettext_noop("The exchange refused it and does not say why.")

logger = logging.getLogger(__name__)


def note(order: Order, kind: str, detail: str = "") -> None:
    """Add an event row: what happened, and how the order stood then."""
    OrderEvent.objects.create(
        order=order,
        kind=kind,
        status=order.status,
        executed_quantity=order.executed_quantity,
        detail=detail[:400],
    )


def note_try(order: Order, kind: str) -> None:
    """Note that it is tried to cancel an order (`kind` says why), once for any number of tries on end."""
    last = order.events.order_by("-id").first()
    if last is None or not last.kind.startswith(CANCELLING):
        note(order, kind)


def note_failed_try(order: Order, detail: str) -> None:
    """Say beside a row of tries why the first of them failed, unless something else has happened since."""
    last = order.events.order_by("-id").first()
    if last is not None and last.kind.startswith(CANCELLING) and not last.detail:
        OrderEvent.objects.filter(pk=last.pk).update(detail=detail[:400])


def change_status(
    order: Order,
    expected: Status,
    status: Status,
    kind: str,
    detail: str = "",
    *,
    only_if_wanted: bool = False,
    **values: object,
) -> bool:
    """Move an order from `expected` to `status` if it still is there: one of two racing writers wins. True for it.

    The row must also have been sent when `order` says it was: one that was sent again meanwhile is another case. With
    `only_if_wanted` nobody may have asked for its cancellation.
    """
    rows = Order.objects.filter(pk=order.pk, status=expected, sent_ms=order.sent_ms)
    if only_if_wanted:
        rows = rows.filter(cancel_requested=False)
    with transaction.atomic():
        finished = {"finished_at": timezone.now()} if status in FINAL else {}
        changed = rows.update(status=status, updated_at=timezone.now(), **finished, **values)
        order.refresh_from_db()
        if changed:
            note(order, kind, detail)
    return bool(changed)


def apply_report(order: Order, report: OrderReport, kind: str = "") -> bool:
    """Record what the exchange says of an order; True when that was news. `order` is brought up to date.

    Without a `kind` of event it is that of how the order stands then: above all, why it has ended.
    """
    with transaction.atomic():
        row = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        if report.symbol != row.symbol or row.exchange_order_id not in (None, report.exchange_order_id):
            logger.error("order %s: a report about another order, %s", row.pk, report.exchange_order_id)
            return False
        known = OrderState(Status(row.status), row.executed_quantity, row.cumulative_quote)
        merged = merge(known, report)
        if merged is not None:
            row.status = merged.status
            row.executed_quantity = merged.executed_quantity
            row.cumulative_quote = merged.cumulative_quote
            row.finished_at = timezone.now() if row.is_final else None
            if merged.status == Status.REJECTED:
                row.error = row.error or NO_REASON
        if merged is not None or row.exchange_order_id is None or row.missing_answers:
            row.exchange_order_id = row.exchange_order_id or report.exchange_order_id
            row.missing_answers = row.missing_since_ms = 0
            row.save()
        if merged is not None:
            note(row, kind or report_kind(merged.status, cancel_requested=row.cancel_requested))
    order.refresh_from_db()
    return merged is not None


def record_fills(order: Order, trades: list[TradeReport]) -> int:
    """Record the trades of an order that are not known yet; how many were new."""
    with transaction.atomic():
        row = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        known = set(row.fills.values_list("trade_id", flat=True))
        new = [trade for trade in trades if trade.trade_id not in known]
        fills = Fill.objects.bulk_create(
            Fill(
                user_id=row.user_id,
                order=row,
                trade_id=trade.trade_id,
                price=trade.price,
                quantity=trade.quantity,
                quote_quantity=trade.quote_quantity,
                commission=trade.commission,
                commission_asset=trade.commission_asset,
                is_maker=trade.is_maker,
                at=datetime.fromtimestamp(trade.time_ms / 1000, tz=UTC),
            )
            for trade in new
        )
        if new:
            fees: dict[str, Decimal] = {asset: Decimal(amount) for asset, amount in row.fees.items()}
            for trade in new:
                fees[trade.commission_asset] = fees.get(trade.commission_asset, ZERO) + trade.commission
            row.fees = {asset: plain(amount) for asset, amount in fees.items()}
            row.recorded_quantity += sum((trade.quantity for trade in new), ZERO)
            row.save(update_fields=["fees", "recorded_quantity", "updated_at"])
            for trade in new:
                note(row, "fill", f"{plain(trade.quantity)} {row.base_asset} @ {plain(trade.price)}")
            notifications.mark(row.user_id, Kind.FILLS, row.account_id, min(fill.pk for fill in fills))
    order.refresh_from_db()
    return len(new)
