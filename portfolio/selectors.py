"""Reads of portfolios."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDay, TruncHour

from botbalance.lib.money import wide
from exchanges.domain import Balance
from exchanges.models import ExchangeAccount
from portfolio.models import AccountBalances, CashFlow, ExplainedBalances, PortfolioSnapshot
from portfolio.performance.figures import BITCOIN
from portfolio.performance.history import CameOrWent, Recorded
from portfolio.performance.series import thinned

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOLD_BY_THE_HOUR = timedelta(days=3)
"""A history by the day has its last days by the hour: enough to tell what has just changed from a passing state."""


@dataclass(frozen=True, slots=True)
class KnownBalances:
    """Balances with the time they were read, and why they are not newer ("" when they are fresh)."""

    balances: tuple[Balance, ...]
    as_of: datetime
    maker_rate: Decimal
    taker_rate: Decimal
    problem: str = ""

    @property
    def fee_rate(self) -> Decimal:
        """The commission to reckon with, whoever makes the market: a fraction."""
        return max(self.maker_rate, self.taker_rate)


def known_balances(account: ExchangeAccount, problem: str = "") -> KnownBalances | None:
    """The balances as last read, None when they never were."""
    row = AccountBalances.objects.filter(account=account).first()
    if row is None:
        return None
    return KnownBalances(from_json(row.balances), row.as_of, row.maker_rate, row.taker_rate, problem)


def from_json(balances: dict[str, list[str]]) -> tuple[Balance, ...]:
    return tuple(Balance(asset, Decimal(free), Decimal(locked)) for asset, (free, locked) in sorted(balances.items()))


def balances_are_stale(
    known: KnownBalances | None, newest_order_change_ms: int, idle_seconds: int, now_ms: int
) -> bool:
    """Whether balances have to be read again before anything is decided on them. Pure.

    They are stale when they are older than `idle_seconds`, or were asked for before the newest change of an order of
    ours at the account (placed, filled, ended). Times in UTC milliseconds of our clock.
    """
    if known is None:
        return True
    as_of_ms = milliseconds(known.as_of)
    return now_ms - as_of_ms > idle_seconds * 1000 or as_of_ms < newest_order_change_ms


def milliseconds(moment: datetime) -> int:
    """UTC milliseconds since 1970, exactly: a datetime's own timestamp() is a float."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def explained(account: ExchangeAccount) -> ExplainedBalances | None:
    """What the account held when everything was last accounted for, None where that never was."""
    return ExplainedBalances.objects.filter(account=account).first()


def cash_flows(
    account: ExchangeAccount, start: datetime | None = None, end: datetime | None = None
) -> QuerySet[CashFlow]:
    """What came into an account or left it without an order of ours within [start, end], newest first."""
    rows = CashFlow.objects.filter(account=account)
    if start:
        rows = rows.filter(at__gte=start)
    if end:
        rows = rows.filter(at__lte=end)
    return rows


def history(account: ExchangeAccount, start: datetime | None, end: datetime | None) -> QuerySet[PortfolioSnapshot]:
    """Snapshots of an account within [start, end], oldest first."""
    rows = PortfolioSnapshot.objects.filter(account=account)
    if start:
        rows = rows.filter(at__gte=start)
    if end:
        rows = rows.filter(at__lte=end)
    return rows.order_by("at", "id")


def thinned_history(
    account: ExchangeAccount,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    most: int | None = None,
    begins: Iterable[datetime] = (),
    with_fills: bool = False,
) -> Iterator[Recorded]:
    """Valuations within [start, end], oldest first: the last one of every UTC day, and of every hour of the last days;
    or about `most` of those of every hour, evenly chosen. With them come those that figures depend on: the very first,
    the first after every flow, the first at or after each of `begins`, and `with_fills` all taken after fills.

    Two queries, thinned by the database, and read as they go.
    """
    rows = history(account, start, end).order_by()
    if most is None:
        newest: datetime | None = rows.aggregate(Max("at"))["at__max"]
        wanted = Q(pk__in=_last_of_each(rows, TruncDay))
        if newest is not None:
            wanted |= Q(pk__in=_last_of_each(rows.filter(at__gte=newest - TOLD_BY_THE_HOUR), TruncHour))
    else:
        hourly = sorted(row["last"] for row in _last_of_each(rows, TruncHour))
        wanted = Q(pk__in=thinned(hourly, most))
    earliest = rows.order_by("at", "id").values("pk")
    after_flow = earliest.filter(at__gte=OuterRef("at"))[:1]
    wanted |= Q(pk__in=cash_flows(account, start, end).order_by().annotate(next=Subquery(after_flow)).values("next"))
    wanted |= Q(pk__in=earliest[:1])
    for moment in begins:
        wanted |= Q(pk__in=earliest.filter(at__gte=moment)[:1])
    if with_fills:
        wanted |= Q(reason=PortfolioSnapshot.Reason.FILL)
    chosen = rows.filter(wanted).order_by("at", "id").values_list("at", "nav", "holdings", "bitcoin_price")
    return (_recorded(*row) for row in chosen.iterator())


def _last_of_each(
    rows: QuerySet[PortfolioSnapshot], truncated: type[TruncHour | TruncDay]
) -> QuerySet[PortfolioSnapshot, Any]:
    """The number of the last row of each hour or day, UTC."""
    buckets = rows.annotate(bucket=truncated("at", tzinfo=UTC)).values("bucket")
    return buckets.annotate(last=Max("pk")).values("last")


def noticed_flows(account: ExchangeAccount, start: datetime | None = None) -> list[CameOrWent]:
    """What came and went without an order of ours since `start`, oldest first."""
    rows = cash_flows(account, start).order_by("at", "id")
    return [CameOrWent(*row) for row in rows.values_list("at", "asset", "amount", "value")]


def _recorded(
    at: datetime, nav: Decimal, holdings: Iterable[Mapping[str, str | None]], bitcoin_price: Decimal | None
) -> Recorded:
    """A stored valuation. A price is the value over the amount: what was held is what has one, and bitcoin."""
    totals: dict[str, Decimal] = {}
    prices: dict[str, Decimal] = {} if bitcoin_price is None else {BITCOIN: bitcoin_price}
    with wide():
        for row in holdings:
            asset, total, value = str(row["asset"]), Decimal(row["total"] or 0), row["value"]
            totals[asset] = total
            if value is not None and total:
                prices[asset] = Decimal(value) / total
    return Recorded(at, nav, totals, prices)


def has_snapshot_after(account: ExchangeAccount, moment: datetime) -> bool:
    """Whether the account's value was recorded after `moment`."""
    return PortfolioSnapshot.objects.filter(account=account, at__gt=moment).exists()


def accounts_without_snapshot_since(moment: datetime) -> Iterable[ExchangeAccount]:
    """Connected accounts whose newest snapshot is older than `moment`."""
    recent = PortfolioSnapshot.objects.filter(at__gte=moment).values("account")
    return (
        ExchangeAccount.objects.filter(archived_at=None, user__is_active=True)
        .exclude(status=ExchangeAccount.Status.REFUSED)
        .exclude(pk__in=recent)
    )
