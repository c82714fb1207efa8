"""Lists of orders, fills, rebalances and ticks, narrowed by what is asked for. Reads only."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from botbalance.lib.lists import within
from exchanges import selectors as exchanges
from orders import selectors
from orders.domain import UNFINISHED
from orders.models import Fill, Order, Run, Tick
from strategies import selectors as strategies

OPEN = "open"
"""In place of a status: whatever has not ended."""


def check_owner(user: User, wanted: Mapping[str, Any]) -> None:
    """NotFound where an account, a strategy or a rebalance is asked for that is not the user's: a wrong number is not
    answered with an empty list. Accounts and strategies may be gone by now, their orders are not.
    """
    if wanted.get("account"):
        exchanges.account_ever_of(user, wanted["account"])
    if wanted.get("strategy"):
        strategies.strategy_ever_of(user, wanted["strategy"])
    if wanted.get("run"):
        selectors.run_of(user, wanted["run"])


def orders_of(user: User, wanted: Mapping[str, Any]) -> QuerySet[Order]:
    """The user's orders, newest first, narrowed by account, strategy, run, symbol, side, status ("open": not ended) and
    the time of their making. What is few of many is found by an index of its own, not by reading all there ever was.
    """
    return _narrowed(selectors.orders_of(user), user, wanted)


def listed_orders(user: User, wanted: Mapping[str, Any]) -> QuerySet[Order]:
    """The same to look at on a page: without rounds, and without secrets of accounts."""
    return _narrowed(selectors.listed_orders(user), user, wanted)


def _narrowed(rows: QuerySet[Order], user: User, wanted: Mapping[str, Any]) -> QuerySet[Order]:
    rows = _of_trades(rows, wanted, "")
    if wanted.get("run"):
        rows = rows.filter(pk__in=_numbers(Order.objects.filter(round__run=wanted["run"])))
    status = str(wanted.get("status") or "")
    if status.lower() == OPEN:
        rows = rows.filter(pk__in=_numbers(Order.objects.filter(account__user=user, status__in=UNFINISHED)))
    elif status:
        rows = rows.filter(status=status.upper())
    return within(rows, "created_at", wanted)


def _numbers(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    return rows.order_by().values("pk")


def fills_of(user: User, wanted: Mapping[str, Any]) -> QuerySet[Fill]:
    """The user's fills with their orders, the one recorded last first, narrowed by account, strategy, run, order,
    symbol, side and the time of the trade.
    """
    rows = Fill.objects.filter(user=user).select_related("order__round").order_by("-id")
    rows = _of_trades(rows, wanted, "order__")
    if wanted.get("order"):
        rows = rows.filter(order=wanted["order"])
    if wanted.get("run"):
        rows = rows.filter(pk__in=_numbers(Fill.objects.filter(order__round__run=wanted["run"])))
    return within(rows, "at", wanted)


def _of_trades(rows: QuerySet[Any], wanted: Mapping[str, Any], way: str) -> QuerySet[Any]:
    """`way`: the lookup that leads from a row to its order."""
    columns = {
        "account": "account_id",
        "strategy": "round__run__strategy_id",
        "symbol": "symbol",
        "side": "side",
    }
    for name, column in columns.items():
        if wanted.get(name):
            rows = rows.filter(**{way + column: wanted[name].upper() if name == "symbol" else wanted[name]})
    return rows


def filter_runs(rows: QuerySet[Run], wanted: Mapping[str, Any]) -> QuerySet[Run]:
    """Narrow a list by account, strategy, state, trigger and the time it began."""
    for name in ("account", "strategy", "state", "trigger"):
        if wanted.get(name):
            rows = rows.filter(**{name: wanted[name]})
    return within(rows, "started_at", wanted)


def filter_ticks(rows: QuerySet[Tick], wanted: Mapping[str, Any]) -> QuerySet[Tick]:
    """Narrow a list by status, rebalance and the time it began."""
    for name in ("status", "run"):
        if wanted.get(name):
            rows = rows.filter(**{name: wanted[name]})
    return within(rows, "started_at", wanted)
