"""Reads of portfolios."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from exchanges.domain import Balance
from exchanges.models import ExchangeAccount
from portfolio.models import AccountBalances, PortfolioSnapshot


@dataclass(frozen=True, slots=True)
class KnownBalances:
    """Balances with the time they were read, and why they are not newer ("" when they are fresh)."""

    balances: tuple[Balance, ...]
    as_of: datetime
    maker_rate: Decimal
    taker_rate: Decimal
    problem: str = ""


def known_balances(account: ExchangeAccount, problem: str = "") -> KnownBalances | None:
    """The balances as last read, None when they never were."""
    row = AccountBalances.objects.filter(account=account).first()
    if row is None:
        return None
    return KnownBalances(from_json(row.balances), row.as_of, row.maker_rate, row.taker_rate, problem)


def from_json(balances: dict[str, list[str]]) -> tuple[Balance, ...]:
    return tuple(Balance(asset, Decimal(free), Decimal(locked)) for asset, (free, locked) in sorted(balances.items()))


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
