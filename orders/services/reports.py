"""What owners are told of afterwards: rebalances that have ended, fills in one digest, the kill switch.

Where it happens only a mark is left, in the same transaction; here, in a task of its own, it becomes words when there
is no more to come. So no trade waits for a notification, and many fills are one message.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import services as accounts
from accounts.notifications import selectors as wishes
from accounts.notifications import services as notifications
from accounts.notifications.models import Kind, Mark
from botbalance.lib import system_settings
from botbalance.lib.clock import now_ms
from botbalance.lib.many import among
from botbalance.lib.money import ZERO, plain, wide
from botbalance.lib.numbers import amount, money
from botbalance.lib.numbers import count as counted
from exchanges import services as exchanges
from exchanges.domain import Venue
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.models import Fill, Run

logger = logging.getLogger(__name__)

A_PIECE = 200
# Of each kind no further message is begun after so long: the rest is told next time.
TELLING_SECONDS = 10
# Longer than that nobody waits for the last word of an order, or for a rebalance under way to end.
PATIENCE_AFTER_RUN = timedelta(minutes=2)
LONGEST_DIGEST = timedelta(hours=1)
# Fills of orders that no rebalance waits for: a moment after the last of them.
SETTLING = timedelta(seconds=30)
MOST_LINES = 15
SWITCH = "trading_enabled"
VENUES = {Venue.PAPER: "PAPER", Venue.TESTNET: "TESTNET", Venue.MAINNET: "LIVE"}


def tell_owners() -> int:
    """Tell of what is ripe; how many messages. What fails for one owner, or has to wait, holds up nobody else."""
    _note_switch()
    works: tuple[tuple[QuerySet[Mark], Callable[[Mark], bool]], ...] = (
        (wishes.marks(Kind.KILL_SWITCH), _tell_switch),
        (wishes.marks(Kind.REBALANCE), _tell_run),
        (_ripe_fills(), _tell_fills),
    )
    told = 0
    for rows, tell in works:
        started_ms = now_ms()
        for row in _one_by_one(rows):
            if now_ms() - started_ms > TELLING_SECONDS * 1000:
                break
            try:
                with transaction.atomic(), accounts.speaking_to(row.user):
                    told += tell(row)
            except Exception:  # whatever it is, it is this mark's trouble
                logger.exception("mark %s cannot be told of", row.pk)
                notifications.put_back(row)
    return told


def _one_by_one(rows: QuerySet[Mark]) -> Iterator[Mark]:
    """All of them, however many must wait: read in pieces, since telling writes in between."""
    numbers = list(rows.values_list("pk", flat=True))
    for start in range(0, len(numbers), A_PIECE):
        yield from list(rows.filter(pk__in=among(numbers[start : start + A_PIECE])))


def _note_switch() -> None:
    """See to it that everybody who has an account is told when trading has been switched off, or on again."""
    enabled = system_settings.read().trading_enabled
    owners = ExchangeAccount.objects.filter(archived_at=None, user__is_active=True).values_list("user_id", flat=True)
    notifications.mark_everybody(owners.order_by().distinct(), Kind.KILL_SWITCH, SWITCH, str(enabled), str(True))


def _tell_switch(row: Mark) -> bool:
    effective = system_settings.read()
    if not notifications.take(row, row.last_at):
        return False
    if effective.trading_enabled:
        title = _("Trading is switched on again")
        text = _("Autopilots that are on go on at their next look. Rebalances that were ended stay ended.")
    else:
        title = _("Trading is switched off on this server")
        text = _("Whoever runs it has switched it off: no order is sent until it is switched on again.")
        cancelled, stay = _("Open orders are cancelled."), _("Open orders stay at the exchange.")
        text = f"{text} {cancelled if effective.kill_switch_cancels else stay}"
    data = {"trading_enabled": effective.trading_enabled, "cancels_orders": effective.kill_switch_cancels}
    notifications.notify(row.user, Kind.KILL_SWITCH, title, text, reverse("dashboard"), data)
    return True


# --- A rebalance -----------------------------------------------------------------------------------------


def _tell_run(row: Mark) -> bool:
    run = Run.objects.filter(pk=row.subject).select_related("strategy", "account").first()
    if run is not None:
        since_end = timezone.now() - (run.finished_at or timezone.now())
        is_settled = not selectors.has_unrecorded_trades(run.account) and not run.is_active
        if not is_settled and since_end < PATIENCE_AFTER_RUN:
            return False
    if not notifications.take(row, row.last_at) or run is None or not wishes.is_wanted(row.user, Kind.REBALANCE):
        return False
    orders = list(selectors.orders_of_run(run))
    traded = [order for order in orders if order.executed_quantity > 0]
    with wide():
        turnover = sum((order.cumulative_quote * (order.quote_price or 1) for order in traded), ZERO)
    if run.state == Run.State.COMPLETE:
        title = _("%(name)s is rebalanced") % {"name": run.strategy.name}
    else:
        title = _("The rebalance of %(name)s has stopped") % {"name": run.strategy.name}
    counts = ngettext(
        "%(filled)s of %(count)s order traded, %(amount)s in all.",
        "%(filled)s of %(count)s orders traded, %(amount)s in all.",
        len(orders),
    ) % {
        "filled": counted(len(traded)),
        "count": counted(len(orders)),
        "amount": f"{money(turnover)} {run.account.quote}",
    }
    data = {
        "run": run.pk,
        "strategy": {"id": run.strategy_id, "name": run.strategy.name},
        **_place(run.account),
        "state": run.state,
        "reason_code": run.reason_code,
        "reason": run.reason,
        "orders": len(orders),
        "orders_traded": len(traded),
        "turnover": plain(turnover),
        "quote": run.account.quote,
    }
    text = " ".join((run.reason, counts, _where(run.account)))
    notifications.notify(row.user, Kind.REBALANCE, title, text, reverse("orders:run", args=[run.pk]), data)
    return True


# --- Fills -----------------------------------------------------------------------------------------------


def _ripe_fills() -> QuerySet[Mark]:
    """Accounts where no rebalance is under way any more, and those that have waited for an hour."""
    now = timezone.now()
    busy = Run.objects.filter(state=Run.State.ACTIVE).values("account")
    is_quiet = Q(last_at__lte=now - SETTLING) & ~Q(subject__in=busy)
    return wishes.marks(Kind.FILLS).filter(is_quiet | Q(first_at__lte=now - LONGEST_DIGEST))


def _tell_fills(row: Mark) -> bool:
    """One digest of all fills of an account since the last, when all trades of its rebalance are known."""
    account = ExchangeAccount.objects.filter(pk=row.subject).first()
    is_young = timezone.now() - row.first_at < LONGEST_DIGEST
    if account is not None and is_young and selectors.has_unrecorded_trades(account):
        return False
    if not notifications.take(row, row.last_at) or account is None or not wishes.is_wanted(row.user, Kind.FILLS):
        return False
    fills = Fill.objects.filter(order__account=account, pk__gte=row.position).select_related("order").order_by("pk")
    trades = _summed(list(fills))
    if not trades:
        return False
    count = sum(trade["fills"] for trade in trades)
    title = ngettext("%(count)s fill at %(label)s", "%(count)s fills at %(label)s", count)
    lines = [_line(trade) for trade in trades[:MOST_LINES]]
    if len(trades) > MOST_LINES:
        lines.append(_("and more: see the orders."))
    text = "\n".join([*lines, _where(account)])
    link = f"{reverse('orders:list')}?account={account.pk}"
    data = {**_place(account), "trades": trades}
    notifications.notify(
        row.user, Kind.FILLS, title % {"count": counted(count), "label": account.label}, text, link, data
    )
    return True


def _summed(fills: list[Fill]) -> list[dict[str, Any]]:
    """Fills of one symbol and side as one trade each, in the order in which they began."""
    trades: dict[tuple[str, str], list[Fill]] = {}
    for fill in fills:
        trades.setdefault((fill.order.symbol, fill.order.side), []).append(fill)
    return [_sum(group) for group in trades.values()]


def _sum(fills: list[Fill]) -> dict[str, Any]:
    order = fills[0].order
    with wide():
        quantity = sum((fill.quantity for fill in fills), ZERO)
        paid = sum((fill.quote_quantity for fill in fills), ZERO)
        fees: dict[str, Decimal] = {}
        for fill in fills:
            fees[fill.commission_asset] = fees.get(fill.commission_asset, ZERO) + fill.commission
    return {
        "symbol": order.symbol,
        "side": order.side,
        "base": order.base_asset,
        "quote": order.quote_asset,
        "quantity": plain(quantity),
        "quote_quantity": plain(paid),
        "fees": {asset: plain(amount) for asset, amount in fees.items()},
        "fills": len(fills),
        "orders": sorted({fill.order_id for fill in fills}),
    }


def _line(trade: dict[str, Any]) -> str:
    paid, quantity = Decimal(trade["quote_quantity"]), Decimal(trade["quantity"])
    with wide():
        price = paid / quantity
    texts = {
        "BUY": _("Bought %(quantity)s %(base)s for %(paid)s %(quote)s, at %(price)s on average."),
        "SELL": _("Sold %(quantity)s %(base)s for %(paid)s %(quote)s, at %(price)s on average."),
    }
    return texts[trade["side"]] % {**trade, "quantity": amount(quantity), "paid": money(paid), "price": money(price)}


# --- Where -----------------------------------------------------------------------------------------------


def _place(account: ExchangeAccount) -> dict[str, Any]:
    return {"account": {"id": account.pk, "label": account.label}, "venue": _venue(account)}


def _where(account: ExchangeAccount) -> str:
    return _("Account: %(label)s (%(venue)s).") % {"label": account.label, "venue": _venue(account)}


def _venue(account: ExchangeAccount) -> str:
    """Where it trades, in the word of the badge at the top of every page."""
    on_paper = account.venue == ExchangeAccount.Venue.PAPER
    venue = exchanges.venue_by(on_paper=on_paper, has_own_keys=account.has_own_keys)
    return VENUES[venue] if venue else "–"
