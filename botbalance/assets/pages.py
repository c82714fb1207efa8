"""The page of an asset."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.pages import signed_in
from botbalance import drawing
from botbalance import selectors as summaries
from botbalance.account_performance import figures
from botbalance.account_performance.tax_lots import account_lots
from botbalance.assets import selectors
from botbalance.lib import moments
from botbalance.lib.errors import AppError, NotFound
from botbalance.lib.money import wide
from botbalance.lib.numbers import amount
from exchanges import selectors as exchanges
from exchanges import services as venues
from exchanges.domain import Side
from exchanges.models import ExchangeAccount
from orders import presentation
from orders.models import Fill
from portfolio.performance.lots import Method
from portfolio.performance.profit import AssetProfit
from strategies.backtest.charts import Dealt

CANDLES = 120
INTERVALS = {
    "15m": (gettext_lazy("15 minutes"), timedelta(minutes=15)),
    "1h": (gettext_lazy("1 hour"), timedelta(hours=1)),
    "4h": (gettext_lazy("4 hours"), timedelta(hours=4)),
    "1d": (gettext_lazy("1 day"), timedelta(days=1)),
}
ORDERS_SHOWN = 20


@require_GET
@login_required
@never_cache
def asset(request: HttpRequest, account_id: int, asset: str) -> HttpResponse:
    """Price, fills, holding, target and orders of one asset."""
    account = exchanges.account_of(signed_in(request), account_id)
    rows = list(selectors.orders_of_asset(account, asset)[: ORDERS_SHOWN + 1])
    held = _held(account, asset)
    if not re.fullmatch(r"[A-Z0-9]{1,20}", asset) or not (rows or held["row"] or _has_pair(account, asset)):
        raise NotFound(_("There is no such asset here."))
    interval = request.GET.get("interval", "1h")
    interval = interval if interval in INTERVALS else "1h"
    context = {
        "account": account,
        "asset": asset,
        "rows": [presentation.order_row(order) for order in rows[:ORDERS_SHOWN]],
        "has_more": len(rows) > ORDERS_SHOWN,
        "here": request.get_full_path(),
        "interval": interval,
        "intervals": [(name, label) for name, (label, _length) in INTERVALS.items()],
        **held,
        **_cost(account, asset),
        **_candles(account, asset, interval),
    }
    return render(request, "assets/asset.html", context)


def _held(account: ExchangeAccount, asset: str) -> dict[str, Any]:
    """What the account holds and wants of it; why that is not known where it is not."""
    try:
        summary = summaries.summarise(account)
    except AppError as error:
        return {"row": None, "held_problem": error.message}
    row = next((row for row in summary.rows if row.asset == asset), None)
    return {"row": row, "strategy": summary.strategy, "held_problem": summary.balances.problem}


def _has_pair(account: ExchangeAccount, asset: str) -> bool:
    try:
        return venues.exchange_info_for(account).pair(asset, account.quote) is not None
    except AppError:
        return False


def _cost(account: ExchangeAccount, asset: str) -> dict[str, Any]:
    """What it had cost, first in first out."""
    rows = figures.profits(account_lots(account, Method.FIFO))
    row = next((row for row in rows if row.asset == asset), None)
    return {"profit": row, "average_cost": average_cost(row)}


def average_cost(row: AssetProfit | None) -> Decimal | None:
    """What one had cost on average, of what has a known cost; None where nothing has."""
    if row is None:
        return None
    known = row.quantity - row.unknown_quantity
    with wide():
        return row.cost / known if known > 0 else None


def _candles(account: ExchangeAccount, asset: str, interval: str) -> dict[str, Any]:
    """Candles with the account's fills; why there are none where the exchange gives none."""
    if asset == account.quote:
        return {"drawn": None}
    since = timezone.now() - INTERVALS[interval][1] * CANDLES
    fills = selectors.fills_of_asset(account, asset, since)
    try:
        rows = venues.candles_for(account, asset, interval, CANDLES)
    except AppError as error:
        return {"drawn": None, "candles_problem": error.message}
    names = {"open": _("Open"), "high": _("High"), "low": _("Low"), "close": _("Close")}
    dealt = [_dealt(fill, asset) for fill in fills]
    return {"drawn": drawing.candles(rows, dealt, names, more=_("… and %d more")), "dealt": len(dealt)}


def _dealt(fill: Fill, asset: str) -> Dealt:
    """A fill as it is drawn: at what price in the quote it changed what is held of the asset."""
    order = fill.order
    is_base = order.base_asset == asset
    worth = order.quote_price
    price = fill.price if worth is None else fill.price * worth if is_base else worth
    is_buy = (order.side == Side.BUY) == is_base
    quantity = fill.quantity if is_base else fill.quote_quantity
    text = _("%(at)s: bought %(quantity)s at %(price)s") if is_buy else _("%(at)s: sold %(quantity)s at %(price)s")
    title = text % {
        "at": moments.full_time(fill.at),
        "quantity": f"{amount(quantity)} {asset}",
        "price": amount(fill.price),
    }
    return drawing.dealt(fill.at, price, is_buy=is_buy, title=title)
