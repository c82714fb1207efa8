"""Reads of portfolios."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from exchanges.domain import Balance
from exchanges.models import ExchangeAccount
from portfolio.models import AccountBalances, CashFlow, ExplainedBalances, PortfolioSnapshot

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
