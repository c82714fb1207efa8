"""Both sides' books of an account, from their tables: ours, and the exchange's own."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from botbalance.chaos.comparison import Findings, OurOrder, Ours, TheirOrder, Theirs, Trade, compare
from botbalance.chaos.conduct import UNRESOLVED, Meant, Planned, RunTime, overlapping_runs, planned_too_early
from botbalance.lib.money import plain
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.paper.models import PaperAccount, PaperBalance, PaperOrder, PaperTrade
from orders.models import Fill, Order, OrderEvent, Round, Run
from portfolio.models import AccountBalances, CashFlow


def compare_all() -> Findings:
    """Compare every account of this installation with the exchange's books, and all that the exchange has."""
    found = Findings()
    known = set()
    for account in ExchangeAccount.objects.order_by("pk"):
        row = PaperAccount.objects.get(api_key=account.api_key or account.paper_key)
        known.add(row.pk)
        found.add(compare(theirs(row), ours(account)), f"account {account.pk}")
        found.add(conduct_of(account), f"account {account.pk}")
    for order in PaperOrder.objects.exclude(account_id__in=known):
        found.lost.append(f"an account that is nobody's has {order.symbol} {order.order_id}")
    return found


def theirs(row: PaperAccount) -> Theirs:
    """What the exchange has of an account."""
    trades: dict[tuple[str, int], list[Trade]] = defaultdict(list)
    for trade in PaperTrade.objects.filter(account=row).order_by("symbol", "trade_id"):
        trades[trade.symbol, trade.order_id].append(_trade(trade))
    return Theirs(
        orders=[
            TheirOrder(
                symbol=order.symbol,
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                side=order.side,
                price=order.price,
                quantity=order.quantity,
                executed=order.executed,
                quote_executed=order.quote_executed,
                status=order.status,
                trades=tuple(trades[order.symbol, order.order_id]),
            )
            for order in PaperOrder.objects.filter(account=row).order_by("id")
        ],
        balances=_present(
            (balance.asset, balance.free, balance.locked) for balance in PaperBalance.objects.filter(account=row)
        ),
        problems=paper.audit_account(row.api_key),
    )


def ours(account: ExchangeAccount) -> Ours:
    """What we have of it."""
    trades: dict[int, list[Trade]] = defaultdict(list)
    for fill in Fill.objects.filter(order__account=account).order_by("trade_id"):
        trades[fill.order_id].append(_trade(fill))
    rows = Order.objects.filter(account=account).select_related("round").order_by("id")
    known = AccountBalances.objects.filter(account=account).first()
    runs = Run.objects.filter(account=account, state=Run.State.ACTIVE)
    return Ours(
        orders=[
            OurOrder(
                user_id=order.user_id,
                tick_ts=order.round.tick_ts,
                index=order.index,
                symbol=order.symbol,
                order_id=order.exchange_order_id,
                client_order_id=order.client_order_id,
                side=order.side,
                price=order.price,
                quantity=order.quantity,
                executed=order.executed_quantity,
                quote_executed=order.cumulative_quote,
                recorded=order.recorded_quantity,
                fees={asset: Decimal(amount) for asset, amount in order.fees.items()},
                status=order.status,
                trades=tuple(trades[order.pk]),
            )
            for order in rows
        ],
        balances=_present(
            (asset, Decimal(free), Decimal(locked))
            for asset, (free, locked) in (known.balances if known is not None else {}).items()
        ),
        loose_ends=[f"rebalance {run.pk} has not come to its end" for run in runs],
        flows=[
            f"{flow.kind} of {plain(flow.amount)} {flow.asset}" for flow in CashFlow.objects.filter(account=account)
        ],
    )


def conduct_of(account: ExchangeAccount) -> Findings:
    """Whether it was traded one rebalance, and one plan, after the other."""
    runs = Run.objects.filter(account=account).values_list("pk", "started_at", "finished_at")
    rounds = Round.objects.filter(run__account=account).order_by("tick_ts")
    known = OrderEvent.objects.filter(order=OuterRef("pk")).exclude(status__in=UNRESOLVED).order_by("pk")
    orders = Order.objects.filter(account=account).order_by("pk")
    return Findings(
        duplicates=overlapping_runs(RunTime(*row) for row in runs),
        mismatches=planned_too_early(
            (Planned(*row) for row in rounds.values_list("run", "number", "tick_ts", "created_at")),
            [
                Meant(*row)
                for row in orders.values_list("client_order_id", "round__tick_ts", Subquery(known.values("at")[:1]))
            ],
        ),
    )


def runs_of_keys(user_id: int) -> dict[str, int]:
    """A user's rebalances by the idempotency keys that they were made for."""
    made = Run.objects.filter(user=user_id).exclude(idempotency_key=None)
    return {key: pk for key, pk in made.values_list("idempotency_key", "pk") if key is not None}


def balances_read_at(account_id: int) -> datetime | None:
    """When the exchange was asked for the balances that are known of an account; None where none are."""
    return AccountBalances.objects.filter(account_id=account_id).values_list("as_of", flat=True).first()


def _trade(row: PaperTrade | Fill) -> Trade:
    return Trade(
        trade_id=row.trade_id,
        price=row.price,
        quantity=row.quantity,
        quote_quantity=row.quote_quantity,
        commission=row.commission,
        commission_asset=row.commission_asset,
        is_maker=row.is_maker,
    )


def _present(rows: Iterable[tuple[str, Decimal, Decimal]]) -> dict[str, tuple[Decimal, Decimal]]:
    """Balances that are not nothing."""
    return {asset: (free, locked) for asset, free, locked in rows if free or locked}
