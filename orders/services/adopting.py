"""What a list of open orders says: news of ours, orders of ours without a row, and orders placed elsewhere.

An order is ours when its client id is that of a row, or recomputes from a round of the account. Every other is a
stranger's: shown and left alone.
"""

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from exchanges import services as exchanges
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import OrderReport, SymbolRules
from exchanges.errors import Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import EXCHANGE_WORDS, FINAL, OrderState, Status, client_order_id, merge
from orders.models import Order, Round, Run, StrangerOrder
from orders.services.recording import apply_report, change_status, note
from orders.services.resolving import is_about
from portfolio.domain import asset_price

logger = logging.getLogger(__name__)

MOST_INDEX = 50  # a plan has no more legs than there can be targets
_OUR_IDS = re.compile(r"[0-9a-f]{20}")
_NOT_WAITED_FOR = gettext_noop("Its rebalance has gone on without it, so it is cancelled.")


def read_open_orders(account: ExchangeAccount, adapter: ExchangeAdapter, symbol: str = "") -> tuple[OrderReport, ...]:
    """Read the open orders of a symbol, or of all, and record what they say. Raises an ExchangeError.

    Of the answer, what is about an order of ours is applied to its row, what recomputes from a round of ours gets one,
    and the rest replaces what was known of strangers' orders there.
    """
    read_at = timezone.now()
    reports = tuple(adapter.get_open_orders(symbol))
    rows = {
        row.client_order_id: row
        for row in Order.objects.filter(
            account=account, client_order_id__in=[report.client_order_id for report in reports]
        ).select_related("account", "round__run")
    }
    strangers = []
    for report in reports:
        row = rows.get(report.client_order_id) or _adopt(account, report)
        if row is None:
            strangers.append(report)
        else:
            _apply(row, report)
    _remember_strangers(account, symbol, strangers, read_at)
    return reports


def _apply(order: Order, report: OrderReport) -> None:
    """Record what a list says of an order of ours; most often it says nothing new, which costs no write."""
    if not is_about(order, report):
        # Asking for the order itself will say what it is.
        logger.error("order %s: listed with its client id, but it is another order: %s", order.pk, report)
        return
    if order.status in (Status.NOT_PLACED, Status.VANISHED):
        _take_back(order, report)
        return
    known = OrderState(Status(order.status), order.executed_quantity, order.cumulative_quote)
    if merge(known, report) is not None or (not order.is_final and order.missing_answers):
        apply_report(order, report)


def _take_back(order: Order, report: OrderReport) -> None:
    """NOT_PLACED and VANISHED are conclusions of ours; the exchange, which shows the order open, knows better."""
    logger.error("order %s: thought %s, and open at the exchange", order.pk, order.status)
    taken_back = change_status(
        order,
        Status(order.status),
        Status.NEW,
        "found",
        _NOT_WAITED_FOR,
        exchange_order_id=report.exchange_order_id,
        finished_at=None,
        error="",
        missing_answers=0,
        missing_since_ms=0,
        cancel_requested=True,
    )
    if taken_back:
        apply_report(order, report)


# --- Orders of ours without a row ------------------------------------------------------------------------


def _adopt(account: ExchangeAccount, report: OrderReport) -> Order | None:
    """The row of an order that a round of ours has sent and that has none, made now; None when it is not ours."""
    found = _round_of(account, report)
    rules = exchanges.exchange_info_for(account).rules.get(report.symbol) if found is not None else None
    if found is None or rules is None:
        return None
    round_, index = found
    # Nobody waits for an order of a rebalance, or of a round, that is over: it goes the way of all leftovers.
    is_left_over = not round_.run.is_active or round_.run.rounds.filter(number__gt=round_.number).exists()
    order = Order(
        user_id=round_.user_id,
        account=account,
        round=round_,
        index=index,
        client_order_id=report.client_order_id,
        exchange_order_id=report.exchange_order_id,
        symbol=report.symbol,
        base_asset=rules.base,
        quote_asset=rules.quote,
        side=report.side,
        type=report.type,
        price=report.price,
        quantity=report.quantity,
        quote_price=_quote_price(round_.run, rules),
        executed_quantity=report.executed_quantity,
        cumulative_quote=report.cumulative_quote,
        status=_open_status(report),
        sent_ms=report.time_ms,
        cancel_requested=is_left_over,
    )
    try:
        with transaction.atomic():
            order.save(force_insert=True)
            note(order, "adopted", _NOT_WAITED_FOR if is_left_over else "")
    except IntegrityError:
        return Order.objects.filter(
            account=account, client_order_id=report.client_order_id
        ).first()  # by another process
    logger.warning("order %s adopted from the exchange", order.client_order_id)
    return order


def _quote_price(run: Run, rules: SymbolRules) -> Decimal | None:
    """What one of the quote asset of two coins' symbol is worth in the strategy's quote: by the prices its run began
    with, else by those of now. Raises an ExchangeError where neither is known.
    """
    quote = run.strategy.quote
    if rules.quote == quote:
        return None
    info = exchanges.exchange_info_for(run.account)
    pair = info.pair(rules.quote, quote)
    first = run.first_prices.get(pair.symbol) if pair is not None else None
    if first is not None:
        return Decimal(first)
    prices = exchanges.market_for(run.account, trading=True).prices
    price = asset_price(rules.quote, quote, prices, info)
    if price is None:
        raise Unavailable(_("There is no price of %(asset)s at the moment.") % {"asset": rules.quote})
    return price


def _open_status(report: OrderReport) -> Status:
    status = EXCHANGE_WORDS.get(report.status, Status.NEW)
    if status in FINAL:  # an open order with the word of an ended one: asked about again as one that rests
        status = Status.NEW
    return Status.PARTIALLY_FILLED if status == Status.NEW and report.executed_quantity > 0 else status


def _round_of(account: ExchangeAccount, report: OrderReport) -> tuple[Round, int] | None:
    """The round, and the place in it, from which the order's client id recomputes."""
    if not _OUR_IDS.fullmatch(report.client_order_id):
        return None
    for round_ in selectors.rounds_around(account, report.time_ms):
        for index in range(MOST_INDEX):
            made = client_order_id(round_.user_id, report.symbol, report.side, round_.tick_ts, index)
            if made == report.client_order_id:
                return round_, index
    return None


# --- Strangers -------------------------------------------------------------------------------------------


def _remember_strangers(
    account: ExchangeAccount, symbol: str, reports: Sequence[OrderReport], read_at: datetime
) -> None:
    """Make the rows of strangers' orders what the list says. Of two lists the one that was asked for later stands."""
    known = StrangerOrder.objects.filter(account=account)
    if symbol:
        known = known.filter(symbol=symbol)
    seen = list(known.values_list("seen_at", flat=True))
    if not (seen or reports) or any(seen_at > read_at for seen_at in seen):
        return
    rows = [
        StrangerOrder(
            account=account,
            exchange_order_id=report.exchange_order_id,
            client_order_id=report.client_order_id[:64],
            symbol=report.symbol,
            side=report.side,
            type=report.type,
            price=report.price,
            quantity=report.quantity,
            executed_quantity=report.executed_quantity,
            seen_at=read_at,
        )
        for report in reports
    ]
    try:
        with transaction.atomic():
            known.delete()
            StrangerOrder.objects.bulk_create(rows)
    except IntegrityError:
        logger.info("account %s: its strangers' orders were recorded elsewhere", account.pk)
