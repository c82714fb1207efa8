"""Two sides' books of one account, compared row by row. Pure: rows in, findings out.

duplicate   the exchange has two orders where we meant one
lost        one side has an order or a trade that the other does not know, or says does not exist
mismatch    both know it, and say different things of it; or something has not come to its end
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from orders.domain import UNFINISHED, Status, client_order_id

# What a row says that means: the exchange has no such order.
NOT_THERE = frozenset({Status.NOT_PLACED, Status.REJECTED, Status.PENDING})


@dataclass(frozen=True, slots=True)
class Trade:
    trade_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool


@dataclass(frozen=True, slots=True)
class TheirOrder:
    """An order in the exchange's own tables."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    price: Decimal
    quantity: Decimal
    executed: Decimal
    quote_executed: Decimal
    status: str
    trades: tuple[Trade, ...] = ()

    def __str__(self) -> str:
        return f"{self.symbol} {self.order_id} ({self.client_order_id})"


@dataclass(frozen=True, slots=True)
class OurOrder:
    """An intent of ours and what we know became of it. `recorded` is what our trades account for."""

    user_id: int
    tick_ts: int
    index: int
    symbol: str
    order_id: int | None
    client_order_id: str
    side: str
    price: Decimal
    quantity: Decimal
    executed: Decimal
    quote_executed: Decimal
    recorded: Decimal
    fees: Mapping[str, Decimal]
    status: str
    trades: tuple[Trade, ...] = ()

    def __str__(self) -> str:
        return f"{self.symbol} {self.client_order_id}"


@dataclass(frozen=True, slots=True)
class Theirs:
    """`problems` are what the exchange's own audit of the account has found."""

    orders: Sequence[TheirOrder]
    balances: Mapping[str, tuple[Decimal, Decimal]]
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ours:
    """`loose_ends` are what has not come to its end; `flows` what we believe came or went without an order of ours."""

    orders: Sequence[OurOrder]
    balances: Mapping[str, tuple[Decimal, Decimal]]
    loose_ends: Sequence[str] = ()
    flows: Sequence[str] = ()


@dataclass(slots=True)
class Findings:
    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)

    def add(self, others: "Findings", where: str) -> None:
        """Take over what was found elsewhere."""
        self.duplicates += [f"{where}: {text}" for text in others.duplicates]
        self.lost += [f"{where}: {text}" for text in others.lost]
        self.mismatches += [f"{where}: {text}" for text in others.mismatches]

    @property
    def is_clean(self) -> bool:
        return not (self.duplicates or self.lost or self.mismatches)


def compare(theirs: Theirs, ours: Ours) -> Findings:
    """Everything in which the books of one account differ; nobody else trades at the account."""
    found = Findings()
    by_client_id: dict[str, list[TheirOrder]] = defaultdict(list)
    for order in theirs.orders:
        by_client_id[order.client_order_id].append(order)
    for client_id, orders in by_client_id.items():
        if len(orders) > 1:
            found.duplicates.append(f"{client_id} was placed {len(orders)} times: {', '.join(map(str, orders))}")
    rows = {row.client_order_id: row for row in ours.orders}
    for order in theirs.orders:
        row = rows.get(order.client_order_id)
        if row is None:
            found.lost.append(f"the exchange has {order}, {order.status}, of which there is no row")
        elif row.status in NOT_THERE:
            found.lost.append(f"the exchange has {order}, {order.status}, of which the row says {row.status}")
        elif row.order_id == order.order_id or len(by_client_id[order.client_order_id]) == 1:
            _compare_order(found, order, row)
    for row in ours.orders:
        if row.client_order_id not in by_client_id and row.status not in NOT_THERE:
            found.lost.append(f"{row} is {row.status} here, and the exchange does not have it")
    _check_intents(found, ours.orders)
    _compare_balances(found, theirs.balances, ours.balances)
    found.mismatches += [f"the exchange's audit: {text}" for text in theirs.problems]
    found.mismatches += [*ours.loose_ends, *(f"nothing came or went, and yet: {text}" for text in ours.flows)]
    return found


def _compare_order(found: Findings, order: TheirOrder, row: OurOrder) -> None:
    for name, kept, true in (
        ("order id", row.order_id, order.order_id),
        ("symbol", row.symbol, order.symbol),
        ("side", row.side, order.side),
        ("price", row.price, order.price),
        ("quantity", row.quantity, order.quantity),
        ("status", row.status, order.status),
        ("executed", row.executed, order.executed),
        ("executed quote", row.quote_executed, order.quote_executed),
        ("executed by its trades", row.recorded, order.executed),
        ("fees", dict(row.fees), _fees(order.trades)),
    ):
        if kept != true:
            found.mismatches.append(f"{row}: {name} is {kept} here and {true} at the exchange")
    known = Counter(trade.trade_id for trade in row.trades)
    for trade_id in (each for each, count in known.items() if count > 1):
        found.duplicates.append(f"{row}: trade {trade_id} is recorded {known[trade_id]} times")
    mine, true_trades = ({trade.trade_id: trade for trade in each} for each in (row.trades, order.trades))
    for trade_id in sorted(mine.keys() | true_trades.keys()):
        if trade_id not in mine:
            found.lost.append(f"{row}: trade {trade_id} has no row")
        elif trade_id not in true_trades:
            found.lost.append(f"{row}: trade {trade_id} is recorded, and the exchange does not have it")
        elif mine[trade_id] != true_trades[trade_id]:
            found.mismatches.append(f"{row}: trade {mine[trade_id]} here, {true_trades[trade_id]} at the exchange")


def _fees(trades: Iterable[Trade]) -> dict[str, Decimal]:
    fees: dict[str, Decimal] = {}
    for trade in trades:
        fees[trade.commission_asset] = fees.get(trade.commission_asset, Decimal(0)) + trade.commission
    return fees


def _check_intents(found: Findings, rows: Sequence[OurOrder]) -> None:
    """One order an intent, under the id that its intent makes, and all of it known."""
    intents = Counter((row.user_id, row.tick_ts, row.index) for row in rows)
    for (_user, tick_ts, index), count in intents.items():
        if count > 1:
            found.duplicates.append(f"intent {index} of tick {tick_ts} has {count} orders")
    for row in rows:
        if row.client_order_id != client_order_id(row.user_id, row.symbol, row.side, row.tick_ts, row.index):
            found.mismatches.append(f"{row} is not the id of its intent")
        if row.status in UNFINISHED:
            found.mismatches.append(f"{row} has not come to its end: {row.status}")
        elif row.status == Status.VANISHED:
            found.mismatches.append(f"{row} is said to have vanished")


def _compare_balances(
    found: Findings, theirs: Mapping[str, tuple[Decimal, Decimal]], ours: Mapping[str, tuple[Decimal, Decimal]]
) -> None:
    nothing = (Decimal(0), Decimal(0))
    for asset in sorted(theirs.keys() | ours.keys()):
        true, kept = theirs.get(asset, nothing), ours.get(asset, nothing)
        if true != kept:
            found.mismatches.append(
                f"{asset}: {kept[0]} free and {kept[1]} locked here, {true[0]} and {true[1]} at the exchange"
            )
