"""Reads of runs and orders. `order_of` and `run_of` are the only doors to a row on behalf of a user."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import NotFound
from botbalance.lib.money import ZERO
from exchanges.models import ExchangeAccount
from orders.domain import UNFINISHED, RoundView, Status
from orders.models import Fill, Order, Round, Run

# Orders the exchange still has to be asked about: not ended, or ended with fills that have not been read.
DUE = Q(status__in=UNFINISHED) | ~Q(executed_quantity=F("recorded_quantity"))


def orders_of(user: User) -> QuerySet[Order]:
    """The user's orders, newest first."""
    return Order.objects.filter(user=user).select_related("account", "round")


def filter_orders(rows: QuerySet[Order], wanted: Mapping[str, Any]) -> QuerySet[Order]:
    """Narrow a list by account, run, symbol, side or status ("open": not ended); unknown values match none."""
    if wanted.get("account"):
        rows = rows.filter(account_id=wanted["account"])
    if wanted.get("run"):
        rows = rows.filter(round__run_id=wanted["run"])
    if wanted.get("symbol"):
        rows = rows.filter(symbol=str(wanted["symbol"]).upper())
    if wanted.get("side"):
        rows = rows.filter(side=wanted["side"])
    status = str(wanted.get("status") or "")
    if status.lower() == "open":
        return rows.filter(status__in=UNFINISHED)
    return rows.filter(status=status.upper()) if status else rows


def order_of(user: User, order_id: int) -> Order:
    """The user's order, or NotFound: another's looks like none."""
    order = orders_of(user).select_related("round__run").filter(pk=order_id).first()
    if order is None:
        raise NotFound(_("There is no such order."))
    return order


def runs_of(user: User) -> QuerySet[Run]:
    """The user's rebalances, newest first."""
    return Run.objects.filter(user=user).select_related("account", "strategy")


def run_of(user: User, run_id: int) -> Run:
    """The user's rebalance, or NotFound: another's looks like none."""
    run = runs_of(user).filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no such rebalance."))
    return run


def active_run(account: ExchangeAccount) -> Run | None:
    """The rebalance under way at an account."""
    rows = Run.objects.filter(account=account, state=Run.State.ACTIVE)
    return rows.select_related("strategy", "account", "user").first()


def newest_run_id(account: ExchangeAccount) -> int:
    """Number of the account's newest rebalance, 0 when there was none."""
    newest: int | None = Run.objects.filter(account=account).aggregate(Max("pk"))["pk__max"]
    return newest or 0


def due_orders(account: ExchangeAccount) -> QuerySet[Order]:
    """Orders of an account that the exchange has to be asked about, oldest first."""
    return Order.objects.filter(DUE, account=account).select_related("account", "round__run").order_by("id")


def unfinished_orders(account: ExchangeAccount) -> QuerySet[Order]:
    """Orders of an account that have not ended, oldest first."""
    rows = Order.objects.filter(account=account, status__in=UNFINISHED)
    return rows.select_related("account", "round__run").order_by("id")


def accounts_with_work() -> Iterable[ExchangeAccount]:
    """Accounts with orders to ask about or a rebalance under way."""
    with_orders = Order.objects.filter(DUE).values("account")
    with_runs = Run.objects.filter(state=Run.State.ACTIVE).values("account")
    # A key that is refused cannot ask about orders; a run at such an account still has to be ended.
    usable = ~Q(status=ExchangeAccount.Status.REFUSED)
    rows = ExchangeAccount.objects.filter((Q(pk__in=with_orders) & usable) | Q(pk__in=with_runs), archived_at=None)
    return rows.select_related("user").order_by("id")


def turnover_since(account: ExchangeAccount, hours: int = 24) -> Decimal:
    """Notional traded by our orders at an account within the last hours, in the quote."""
    since = timezone.now() - timedelta(hours=hours)
    rows = Fill.objects.filter(order__account=account, at__gte=since).values_list("quote_quantity", flat=True)
    return sum(rows, ZERO)


def rounds_of(run: Run) -> list[Round]:
    """The run's rounds with their orders, oldest first, as they are now."""
    return list(run.rounds.prefetch_related("orders").select_related("run__account", "run__strategy"))


def has_unresolved_orders(account: ExchangeAccount) -> bool:
    """Whether an order of the account is meant but not sent, or sent with an outcome that is not known yet."""
    return Order.objects.filter(account=account, status__in=(Status.PENDING, Status.UNKNOWN)).exists()


def round_view(round_: Round) -> RoundView:
    """A round as its run's next step depends on it."""
    orders = list(round_.orders.all())
    return RoundView(
        statuses=tuple(Status(order.status) for order in orders),
        fills_recorded=all(order.executed_quantity == order.recorded_quantity for order in orders),
        executed_anything=any(order.executed_quantity > 0 for order in orders),
        reached_exchange=any(order.exchange_order_id is not None for order in orders),
        refusals=tuple(order.error for order in orders if order.status == Status.REJECTED and order.error),
    )


def orders_of_run(run: Run) -> QuerySet[Order]:
    """All orders of a run, in the order they were meant."""
    return Order.objects.filter(round__run=run).select_related("round").order_by("round__number", "index")


def newest_fill_at(account: ExchangeAccount) -> datetime | None:
    """When one of our orders at an account last traded, None when none ever did."""
    newest: datetime | None = Fill.objects.filter(order__account=account).aggregate(Max("at"))["at__max"]
    return newest
