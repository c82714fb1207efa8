"""Reads of strategies. `strategy_of` is the only door to a row on behalf of a user."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import NotFound
from botbalance.lib.money import ZERO
from exchanges.models import ExchangeAccount
from strategies.domain import Target
from strategies.models import Strategy, TargetProposal
from strategies.schedules import Calendar, Every
from strategies.target_models import ModelKind, ModelSettings

# Strategies that are refreshed in one go; what is left comes round in the next.
MOST_REFRESHES = 50


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


def strategy_ever_of(user: User, strategy_id: int) -> Strategy:
    """The user's strategy, also one that is deleted by now, or NotFound: another's looks like none."""
    strategy = Strategy.objects.filter(user=user, pk=strategy_id).first()
    if strategy is None:
        raise NotFound(_("There is no such strategy."))
    return strategy


def active_strategy(account: ExchangeAccount) -> Strategy | None:
    """The strategy whose targets the account follows."""
    rows = Strategy.objects.filter(account=account, is_active=True, archived_at=None)
    strategy = rows.prefetch_related("allocations").first()
    if strategy is not None:
        strategy.account = account
    return strategy


def targets(strategy: Strategy) -> list[Target]:
    """The strategy's targets, largest weight first."""
    return [Target(row.asset, row.weight_pct, row.keep) for row in strategy.allocations.all()]


def every_of(strategy: Strategy) -> Every:
    """How often the strategy's schedule comes round."""
    return every(strategy.interval_minutes, strategy.calendar)


def every(interval_minutes: int, calendar: str) -> Every:
    """The same of its columns: the calendar where one is chosen."""
    return Calendar(calendar) if calendar else timedelta(minutes=interval_minutes)


# --- target models -----------------------------------------------------------------------------------------


def model_of(strategy: Strategy) -> ModelSettings | None:
    """How the strategy's model weighs; None where its weights are fixed."""
    kind = ModelKind(strategy.target_model)
    if kind == ModelKind.FIXED:
        return None
    return ModelSettings(
        kind=kind,
        total_pct=strategy.model_total_pct,
        lookback_days=strategy.model_lookback_days,
        cap_pct=strategy.model_cap_pct,
        square_root=strategy.model_square_root,
        top_k=strategy.model_top_k,
        skip_days=strategy.model_skip_days,
        volatility_scaled=strategy.model_volatility_scaled,
        negative_to_quote=strategy.model_negative_to_quote,
    )


def strategies_to_refresh(now: datetime) -> list[Strategy]:
    """Strategies that accounts follow, of owners who may trade, whose model is to be asked; the longest due first."""
    rows = Strategy.objects.filter(
        model_due_at__lte=now, is_active=True, archived_at=None, user__suspended_at=None, account__archived_at=None
    )
    rows = rows.exclude(target_model=Strategy.Model.FIXED).select_related("account", "user")
    return list(rows.prefetch_related("allocations").order_by("model_due_at")[:MOST_REFRESHES])


def proposals_of(strategy: Strategy) -> QuerySet[TargetProposal]:
    """What the strategy's models have proposed, the latest first."""
    return TargetProposal.objects.filter(strategy=strategy).prefetch_related("rows")


def open_proposal(strategy: Strategy) -> TargetProposal | None:
    """The proposal that waits for its owner."""
    return proposals_of(strategy).filter(state=TargetProposal.State.OPEN).first()


def strategies_with_open_proposals(user: User) -> set[int]:
    """Of which of the user's strategies new weights wait for them."""
    rows = TargetProposal.objects.filter(strategy__user=user, state=TargetProposal.State.OPEN)
    return set(rows.values_list("strategy_id", flat=True))


def proposal_of(user: User, strategy_id: int, proposal_id: int) -> TargetProposal:
    """A proposal of the user's strategy, or NotFound: another's looks like none."""
    rows = TargetProposal.objects.filter(
        pk=proposal_id, strategy_id=strategy_id, strategy__user=user, strategy__archived_at=None
    )
    proposal = rows.select_related("strategy__account").prefetch_related("rows").first()
    if proposal is None:
        raise NotFound(_("There is no such proposal."))
    return proposal


def proposed_targets(strategy: Strategy, proposal: TargetProposal) -> list[Target]:
    """The targets as the strategy's proposal would have them, largest weight first; what is kept stays what it is."""
    keeps = {target.asset: target.keep for target in targets(strategy)}
    return [Target(row.asset, row.after_pct, keeps.get(row.asset, ZERO)) for row in proposal.rows.all()]
