"""Reads of one asset of an account."""

from datetime import datetime

from django.db.models import Q, QuerySet

from exchanges.models import ExchangeAccount
from orders import selectors as orders
from orders.models import Fill, Order

MOST_FILLS = 500


def orders_of_asset(account: ExchangeAccount, asset: str) -> QuerySet[Order]:
    """Orders of an account that buy or sell the asset, newest first."""
    return orders.listed_orders(account.user).filter(_trades(asset), account=account)


def fills_of_asset(account: ExchangeAccount, asset: str, since: datetime) -> list[Fill]:
    """The last fills of an account that bought or sold the asset since a moment, oldest first."""
    rows = Fill.objects.filter(_trades(asset, "order__"), order__account=account, at__gte=since)
    return list(reversed(rows.select_related("order").order_by("-at", "-trade_id")[:MOST_FILLS]))


def _trades(asset: str, way: str = "") -> Q:
    """Bought or sold for the quote, or for another coin directly; the quote itself is what everything is paid in."""
    direct = Q(**{f"{way}quote_asset": asset, f"{way}quote_price__isnull": False})
    return Q(**{f"{way}base_asset": asset}) | direct
