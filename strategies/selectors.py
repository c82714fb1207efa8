"""Reads of strategies. `strategy_of` is the only door to a row on behalf of a user."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import NotFound
from exchanges.models import ExchangeAccount
from strategies.domain import Target
from strategies.models import Strategy


def strategies_of(user: User) -> QuerySet[Strategy]:
    """The user's strategies with their account and allocations, active ones first."""
    rows = Strategy.objects.filter(user=user, archived_at=None)
    return rows.select_related("account").prefetch_related("allocations").order_by("-is_active", "id")


def strategy_of(user: User, strategy_id: int) -> Strategy:
    """The user's strategy, or NotFound: another's looks like none."""
    strategy = strategies_of(user).filter(pk=strategy_id).first()
    if strategy is None:
        raise NotFound(_("There is no such strategy."))
    return strategy


def active_strategy(account: ExchangeAccount) -> Strategy | None:
    """The strategy whose targets the account follows."""
    rows = Strategy.objects.filter(account=account, is_active=True, archived_at=None)
    return rows.select_related("account").prefetch_related("allocations").first()


def targets(strategy: Strategy) -> list[Target]:
    """The strategy's targets, largest weight first."""
    return [Target(row.asset, row.weight_pct) for row in strategy.allocations.all()]
