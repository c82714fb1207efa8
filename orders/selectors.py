"""Reads of runs and orders. `order_of` and `run_of` are the only doors to a row on behalf of a user."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import NotFound
from botbalance.lib.money import ONE, ZERO, wide
from exchanges import selectors as exchanges
from exchanges.domain import Side
from exchanges.models import ExchangeAccount
from orders.domain import RESTING, UNFINISHED, RoundView, Status
from orders.dust import selectors as conversions
from orders.models import Autopilot, Fill, Order, OrderEvent, Round, Run, StrangerOrder, Watch
from portfolio.models import CashFlow
from portfolio.selectors import milliseconds
from strategies.domain import OpenOrder
from strategies.models import Strategy

DAY_MS = 86_400_000
MOST_ROUNDS_A_DAY = 1_000

_SECRETS = tuple(f"account__{name}" for name in exchanges.SECRETS)

# Orders the exchange still has to be asked about: not ended, or ended with fills that have not been read.
DUE = Q(status__in=UNFINISHED) | (~Q(executed_quantity=F("recorded_quantity")) & Q(trades_lost=False))


def orders_of(user: User) -> QuerySet[Order]:
    """The user's orders, newest first."""
    return Order.objects.filter(user=user).select_related("account", "round")


def listed_orders(user: User) -> QuerySet[Order]:
    """The same to look at: without rounds, and without secrets of accounts."""
    return Order.objects.filter(user=user).select_related("account").defer(*_SECRETS)


def order_of(user: User, order_id: int) -> Order:
    """The user's order, or NotFound: another's looks like none."""
    order = orders_of(user).select_related("round__run").filter(pk=order_id).first()
    if order is None:
        raise NotFound(_("There is no such order."))
    return order


def runs_of(user: User) -> QuerySet[Run]:
    """The user's rebalances, newest first."""
    return Run.objects.filter(user=user).select_related("account", "strategy")


def listed_runs(user: User) -> QuerySet[Run]:
    """The same to look at: without secrets of accounts."""
    return runs_of(user).defer(*_SECRETS)


def last_runs(account: ExchangeAccount) -> QuerySet[Run]:
    """The account's rebalances, newest first, by themselves: for a list that links to them."""
    return Run.objects.filter(account=account).order_by("-id")


def with_round_counts(rows: QuerySet[Run]) -> QuerySet[Run]:
    """Runs that know their `round_count`, counted for those that are read and no others."""
    rounds = Round.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(count=Count("pk"))
    return rows.annotate(round_count=Coalesce(Subquery(rounds.values("count")), 0))


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


def accounts_with_work() -> QuerySet[ExchangeAccount]:
    """Accounts with orders or a conversion to ask about, or a rebalance under way."""
    with_orders = Order.objects.filter(DUE).values("account")
    with_runs = Run.objects.filter(state=Run.State.ACTIVE).values("account")
    with_sweeps = conversions.all_unresolved().values("account")
    # A key that is refused cannot ask about orders; a run at such an account still has to be ended.
    usable = ~Q(status=ExchangeAccount.Status.REFUSED)
    asking = (Q(pk__in=with_orders) | Q(pk__in=with_sweeps)) & usable
    rows = ExchangeAccount.objects.filter(asking | Q(pk__in=with_runs), archived_at=None)
    return rows.select_related("user").order_by("id")


def unwatched_accounts() -> list[int]:
    """Accounts with work that have no turn, or whose turn does not know of it, and those that fly without one."""
    watched = Watch.objects.filter(account=OuterRef("pk"), due_ms__isnull=False)
    working = accounts_with_work().filter(~Exists(watched.filter(has_work=True))).values_list("pk", flat=True)
    flying = ExchangeAccount.objects.filter(Exists(_flying().filter(strategy__account=OuterRef("pk"))))
    return sorted({*working, *flying.filter(~Exists(watched)).values_list("pk", flat=True)})


def has_work(account_id: int) -> bool:
    """Whether an account has orders or a conversion to ask about, or a rebalance under way."""
    return (
        Order.objects.filter(DUE, account_id=account_id).exists()
        or Run.objects.filter(account_id=account_id, state=Run.State.ACTIVE).exists()
        or conversions.all_unresolved().filter(account_id=account_id).exists()
    )


def turnover_since(account: ExchangeAccount, hours: int = 24) -> Decimal:
    """Notional traded by our orders at an account within the last hours, in the quote."""
    since = timezone.now() - timedelta(hours=hours)
    rows = Fill.objects.filter(order__account=account, at__gte=since)
    with wide():
        paid = rows.values_list("quote_quantity", "order__quote_price")
        return sum((amount if worth is None else amount * worth for amount, worth in paid), ZERO)


def turnover_resting(account: ExchangeAccount) -> Decimal:
    """Notional that our unfinished orders at an account may still trade, in the quote."""
    rows = Order.objects.filter(account=account, status__in=UNFINISHED)
    with wide():
        return sum(
            (row.price * (row.quantity - row.executed_quantity) * (row.quote_price or ONE) for row in rows), ZERO
        )


def rounds_of(run: Run) -> list[Round]:
    """The run's rounds with their orders, oldest first, as they are now."""
    return list(run.rounds.prefetch_related("orders").select_related("run__account", "run__strategy"))


def has_unresolved_orders(account: ExchangeAccount) -> bool:
    """Whether an order, or a conversion of small balances, is meant but not sent, or its outcome is not known yet."""
    return (
        Order.objects.filter(account=account, status__in=(Status.PENDING, Status.UNKNOWN)).exists()
        or conversions.all_unresolved().filter(account=account).exists()
    )


def round_view(round_: Round) -> RoundView:
    """A round as its run's next step depends on it. Two coins that are refused directly still have another way."""
    orders = list(round_.orders.all())
    return RoundView(
        statuses=tuple(Status(order.status) for order in orders),
        fills_recorded=all(order.executed_quantity == order.recorded_quantity or order.trades_lost for order in orders),
        executed_anything=any(order.executed_quantity > 0 for order in orders),
        reached_exchange=any(order.exchange_order_id is not None for order in orders),
        refusals=tuple(o.error for o in orders if o.status == Status.REJECTED and o.error and not o.is_direct),
        planned_ms=milliseconds(round_.created_at),
        resting_since_ms=tuple(order.sent_ms for order in orders if order.is_resting),
        cut_short_ms=tuple(
            milliseconds(order.finished_at) for order in orders if order.finished_at is not None and order.was_cut_short
        ),
    )


def orders_of_run(run: Run) -> QuerySet[Order]:
    """All orders of a run, in the order they were meant."""
    return Order.objects.filter(round__run=run).select_related("round").order_by("round__number", "index")


def newest_fill_at(account: ExchangeAccount) -> datetime | None:
    """When one of our orders at an account last traded, None when none ever did."""
    newest: datetime | None = Fill.objects.filter(order__account=account).aggregate(Max("at"))["at__max"]
    return newest


def newest_order_change(account: ExchangeAccount) -> datetime | None:
    """When an order of ours at an account last changed (meant, placed, filled, ended), on our clock; None: never."""
    newest: datetime | None = Order.objects.filter(account=account).aggregate(Max("updated_at"))["updated_at__max"]
    return newest


def newest_order_change_ms(account: ExchangeAccount) -> int:
    """The same in UTC milliseconds, 0 where no order ever was."""
    newest = newest_order_change(account)
    return 0 if newest is None else milliseconds(newest)


def has_changed_since(account: ExchangeAccount, moment: datetime) -> bool:
    """Whether an order of ours at an account changed after a moment of our clock."""
    return Order.objects.filter(account=account, updated_at__gt=moment).exists()


def has_unrecorded_trades(account: ExchangeAccount) -> bool:
    """Whether an order of ours may have traded, or has, without fills that say so."""
    return (
        has_unresolved_orders(account)
        or Order.objects.filter(DUE, account=account)
        .exclude(status__in=RESTING, executed_quantity=F("recorded_quantity"))
        .exists()
    )


def newest_fill_id(account: ExchangeAccount) -> int:
    """Number of the fill of an account that was recorded last, 0 when there is none."""
    newest: int | None = Fill.objects.filter(order__account=account).aggregate(Max("pk"))["pk__max"]
    return newest or 0


def resting_orders(account: ExchangeAccount) -> QuerySet[Order]:
    """Orders of ours that rest at the exchange, as far as is known, oldest first."""
    return Order.objects.filter(account=account, status__in=RESTING).order_by("id")


def leftover_orders(account: ExchangeAccount) -> list[Order]:
    """Resting orders of ours whose rebalance has ended, oldest first."""
    rows = resting_orders(account).exclude(round__run__state=Run.State.ACTIVE)
    return list(rows.select_related("account", "round__run"))


def orders_left_by(strategy: Strategy) -> QuerySet[Order]:
    """Unfinished orders of a strategy's autopilot whose rebalance has ended, oldest first: nobody minds them."""
    rows = unfinished_orders(strategy.account).filter(round__run__strategy=strategy)
    return rows.filter(round__run__trigger=Run.Trigger.AUTOPILOT).exclude(round__run__state=Run.State.ACTIVE)


def strangers_of(account: ExchangeAccount) -> QuerySet[StrangerOrder]:
    """Open orders at an account that are not ours, as last seen."""
    return StrangerOrder.objects.filter(account=account)


def strangers_at(accounts: Iterable[ExchangeAccount], account_id: int | None = None) -> QuerySet[StrangerOrder]:
    """Open orders that are not ours at one of these accounts, or at all of them, with their account."""
    wanted = [account for account in accounts if account_id in (None, account.pk)]
    rows = StrangerOrder.objects.filter(account__in=wanted).select_related("account")
    return rows.order_by("account", "symbol", "id")


def known_open_orders(account: ExchangeAccount) -> tuple[OpenOrder, ...]:
    """What is known to rest at the exchange without asking it: orders of ours, and strangers' as last seen."""
    return tuple(
        OpenOrder(row.symbol, Side(row.side), row.price, row.quantity - row.executed_quantity)
        for rows in (resting_orders(account), strangers_of(account))
        for row in rows
    )


def rounds_around(account: ExchangeAccount, moment_ms: int) -> list[Round]:
    """Rounds of an account that may have sent an order which the exchange accepted at a moment, newest first.

    A day either way, for a clock that was set wrong; no more than a busy day has.
    """
    rows = Round.objects.filter(run__account=account, tick_ts__range=(moment_ms - DAY_MS, moment_ms + DAY_MS))
    return list(rows.select_related("run").order_by("-tick_ts")[:MOST_ROUNDS_A_DAY])


def fills_since(account: ExchangeAccount, fill_id: int) -> list[Fill]:
    """Fills of an account recorded after the one with this number, in the order they were recorded."""
    rows = Fill.objects.filter(order__account=account, pk__gt=fill_id)
    return list(rows.select_related("order").order_by("pk"))


# --- the autopilot ---------------------------------------------------------------------------------------


def _flying() -> QuerySet[Autopilot]:
    return Autopilot.objects.filter(is_on=True, paused_at=None, strategy__is_active=True, strategy__archived_at=None)


def flying_autopilot(account: ExchangeAccount) -> Autopilot | None:
    """The autopilot that trades an account: on, not paused, of the strategy the account follows."""
    rows = _flying().filter(strategy__account=account)
    return rows.select_related("strategy__account", "user").prefetch_related("strategy__allocations").first()


def flies(account_id: int) -> bool:
    """Whether an autopilot trades the account."""
    return _flying().filter(strategy__account_id=account_id).exists()


def has_deposit_to_invest(autopilot: Autopilot, hours: int = 24) -> bool:
    """Whether quote was paid in within the last hours that has not been put to use.

    It is put to use by a rebalance of the account that traded or reached its goal. What the first looks after the start
    find was paid in before, and nobody knows when.
    """
    strategy = autopilot.strategy
    since = timezone.now() - timedelta(hours=hours)
    used = Run.objects.filter(account=strategy.account_id).exclude(reason_code="nothing_to_do")
    used = used.filter(Q(state=Run.State.COMPLETE) | Exists(traded_orders().filter(round__run=OuterRef("pk"))))
    newest: datetime | None = used.aggregate(Max("started_at"))["started_at__max"]
    started = autopilot.started_at
    if started is not None:
        started += timedelta(seconds=2 * settings.AUTOPILOT_PERIOD_SECONDS)
    since = max(moment for moment in (since, newest, started) if moment is not None)
    return CashFlow.objects.filter(
        account=strategy.account_id, kind=CashFlow.Kind.DEPOSIT, asset=strategy.quote, at__gt=since
    ).exists()


def traded_orders() -> QuerySet[Order]:
    """Orders of which at least a part was executed."""
    return Order.objects.exclude(executed_quantity=0)


def unreached_first_prices(strategy: Strategy, hours: int = 24) -> dict[str, Decimal]:
    """First prices of the autopilot's last rebalance, where it ended lately and without having reached its goal."""
    rows = Run.objects.filter(strategy=strategy, trigger=Run.Trigger.AUTOPILOT).order_by("-id")
    last = rows.first()
    if last is None or last.state == Run.State.COMPLETE:
        return {}
    if last.finished_at is not None and last.finished_at < timezone.now() - timedelta(hours=hours):
        return {}  # an attempt is over when nothing was tried for so long, not when it has taken so long
    return {symbol: Decimal(price) for symbol, price in last.first_prices.items()}


def open_orders_of_run(run: Run) -> list[Order]:
    """Orders of a run that rest at the exchange or are on their way, oldest first."""
    return list(orders_of_run(run).filter(status__in=UNFINISHED))


# Events of orders that a tick's history counts, and under which name.
_ACTIONS = {
    "answer": "placed",
    "cancelled": "cancelled",
    "fill": "filled",
    "rejected": "rejected",
    "adopted": "adopted",
}


def order_actions(account_id: int, since: datetime) -> dict[str, int]:
    """What became of an account's orders since a moment, counted by kind; what did not happen is left out."""
    rows = OrderEvent.objects.filter(order__account_id=account_id, at__gte=since, kind__in=_ACTIONS)
    counted = rows.values("kind").annotate(count=Count("id")).order_by()
    return {_ACTIONS[row["kind"]]: row["count"] for row in counted}
