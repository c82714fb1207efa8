"""Reads of conversions of small balances."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from exchanges.models import ExchangeAccount
from orders.dust.models import DustSweep


def sweeps_of(user: User) -> QuerySet[DustSweep]:
    """The user's conversions, newest first."""
    return DustSweep.objects.filter(user=user).select_related("account")


def all_unresolved() -> QuerySet[DustSweep]:
    """Conversions of which is not known what became of them."""
    return DustSweep.objects.filter(state__in=DustSweep.UNRESOLVED)


def unresolved(account_id: int) -> DustSweep | None:
    """The conversion of an account of which is not known what became of it; there is one at most."""
    return all_unresolved().filter(account_id=account_id).select_related("account__user").first()


def done(account: ExchangeAccount, start: datetime | None = None) -> QuerySet[DustSweep]:
    """Conversions of an account that were made, oldest first; since `start` by the exchange's clock."""
    rows = DustSweep.objects.filter(account=account, state=DustSweep.State.DONE).order_by("executed_at", "id")
    return rows if start is None else rows.filter(executed_at__gte=start)


def learned_since(account: ExchangeAccount, moment: datetime) -> Iterable[DustSweep]:
    """Conversions of an account of which we learned at a moment of our clock or later that they were made."""
    return DustSweep.objects.filter(account=account, state=DustSweep.State.DONE, finished_at__gte=moment)


def known_transactions(account: ExchangeAccount) -> set[int]:
    """The exchange's numbers of conversions that are known here."""
    numbers = DustSweep.objects.filter(account=account).values_list("transaction_id", flat=True)
    return {number for number in numbers if number is not None}


def has_changed_since(account: ExchangeAccount, moment: datetime) -> bool:
    """Whether something became known of a conversion after a moment, or is not known yet."""
    changed = DustSweep.objects.filter(account=account, updated_at__gt=moment)
    return changed.exists() or all_unresolved().filter(account=account).exists()
