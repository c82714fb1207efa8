"""What an owner saves, activates and deletes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import AppError, Invalid, NotFound
from exchanges.models import ExchangeAccount
from strategies import selectors
from strategies.domain import Target
from strategies.models import Strategy
from strategies.services import proposals
from strategies.services.checks import validate
from strategies.services.entries import Entry, entries_of, given_entries, write_entries
from strategies.services.weighing import Answer, ask_model

# Fields that say how a model weighs: other values of them want other weights.
MODEL_FIELDS = (
    "target_model",
    "model_total_pct",
    "model_lookback_days",
    "model_cap_pct",
    "model_square_root",
    "model_top_k",
    "model_skip_days",
    "model_volatility_scaled",
    "model_negative_to_quote",
)
FIELDS = (
    "name",
    "quote",
    "order_size_pct",
    "min_delta_pct",
    "band_type",
    "order_step_pct",
    "trade_to",
    "quote_reserve_pct",
    "max_orders",
    "max_turnover_pct",
    "sell_unlisted",
    "order_lifetime_seconds",
    "reprice_distance_pct",
    "worst_price_pct",
    "trigger_mode",
    "interval_minutes",
    "calendar",
    "whole_portfolio",
    "hysteresis_pct",
    "cost_horizon_days",
    "direct_pairs",
    "bnb_for_fees",
    "deploy_deposits",
    *MODEL_FIELDS,
    "model_refresh_days",
    "model_auto_apply",
)


def create_strategy(
    user: User, account: ExchangeAccount, values: Mapping[str, Any], targets: Sequence[Target | Entry]
) -> Strategy:
    """A new strategy of the user's account; active when the account has no active one yet.

    `values` are fields of FIELDS, those left out take their defaults. Where a row has no weight, the model gives all of
    them now. Raises Invalid with field messages.
    """
    strategy = Strategy(user=user, account=account, **{"quote": account.quote, **_known(values)})
    entries = given_entries(targets)
    validate(strategy, entries)
    answer = _answer(strategy, entries)
    with transaction.atomic():
        ExchangeAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        strategy.is_active = not Strategy.objects.filter(account=account, is_active=True).exists()
        strategy.save()
        write_entries(strategy, _weighed(entries, answer))
        if answer is not None:
            proposals.record_applied(strategy, entries, answer)
        _schedule(strategy, answer, is_other_model=True)
    return selectors.strategy_of(user, strategy.pk)


def update_strategy(
    strategy: Strategy, values: Mapping[str, Any], targets: Sequence[Target | Entry] | None
) -> Strategy:
    """Change fields, and the rows where given. Where a row has no weight, the model gives all of them now; other
    settings of a model leave the weights as they are until it has proposed others.

    Raises Invalid with field messages, NotFound when it was deleted meanwhile; then nothing is changed.
    """
    changed = _known(values)
    before, settings_before = entries_of(strategy), [getattr(strategy, name) for name in MODEL_FIELDS]
    for name, value in changed.items():
        setattr(strategy, name, value)
    entries = before if targets is None else given_entries(targets, before)
    validate(strategy, entries)
    answer = _answer(strategy, entries)
    has_other_rows = _by_asset(entries) != _by_asset(before)
    is_other_model = settings_before != [getattr(strategy, name) for name in MODEL_FIELDS] or _figures(
        entries
    ) != _figures(before)
    with transaction.atomic():
        # What was read a moment ago must not undo what happened since: only what was to be changed is written.
        if not Strategy.objects.select_for_update(no_key=True).filter(pk=strategy.pk, archived_at=None).exists():
            raise NotFound(_("There is no such strategy."))
        strategy.save(update_fields=[*changed, "updated_at"])
        if targets is not None:
            write_entries(strategy, _weighed(entries, answer))
        if has_other_rows or is_other_model:
            proposals.supersede(strategy)
        if answer is not None:
            proposals.record_applied(strategy, before, answer)
        if is_other_model or answer is not None or "model_refresh_days" in changed:
            _schedule(strategy, answer, is_other_model=is_other_model)
    return selectors.strategy_of(strategy.user, strategy.pk)


def activate(strategy: Strategy) -> None:
    """Make this the strategy its account follows; the one that was active before is not any more."""
    with transaction.atomic():
        ExchangeAccount.objects.select_for_update(no_key=True).get(pk=strategy.account_id)
        Strategy.objects.filter(account_id=strategy.account_id, is_active=True).update(is_active=False)
        Strategy.objects.filter(pk=strategy.pk).update(is_active=True)
    strategy.is_active = True


def deactivate(strategy: Strategy) -> None:
    """Follow no targets until a strategy is activated."""
    Strategy.objects.filter(pk=strategy.pk).update(is_active=False)
    strategy.is_active = False


def delete_strategy(strategy: Strategy) -> None:
    """Take the strategy out of use. Its row stays for the history of its runs; a run under way stops by itself."""
    Strategy.objects.filter(pk=strategy.pk).update(is_active=False, archived_at=timezone.now())


def delete_strategies_of(account: ExchangeAccount) -> None:
    """Take every strategy of an account out of use: the account is being disconnected."""
    Strategy.objects.filter(account=account, archived_at=None).update(is_active=False, archived_at=timezone.now())


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in FIELDS}


def _by_asset(entries: Sequence[Entry]) -> dict[str, Entry]:
    return {entry.asset: entry for entry in entries}


def _figures(entries: Sequence[Entry]) -> set[tuple[object, ...]]:
    """What a model reads of the rows: all but the weights."""
    return {(entry.asset, entry.market_cap, entry.coin_id) for entry in entries}


def _answer(strategy: Strategy, entries: Sequence[Entry]) -> Answer | None:
    """The model's weights where a row leaves its own to it; None where all are typed. Raises Invalid."""
    if all(entry.weight_pct is not None for entry in entries):
        return None
    try:
        return ask_model(strategy, entries, timezone.now())
    except AppError as error:
        raise Invalid(_("The model could not give any weights."), fields={"allocations": [error.message]}) from error


def _weighed(entries: Sequence[Entry], answer: Answer | None) -> list[Entry]:
    if answer is None:
        return list(entries)
    weights = answer.given.weights
    return [replace(entry, weight_pct=weights[entry.asset]) for entry in entries]


def _schedule(strategy: Strategy, answer: Answer | None, *, is_other_model: bool) -> None:
    """When the model is asked next: never for fixed weights, at once for a model whose weights are not known yet."""
    now = timezone.now()
    changes: dict[str, Any] = {}
    if is_other_model or answer is not None:
        changes = {"model_failures": 0, "model_problem": "", "model_refreshed_at": now if answer is not None else None}
    if strategy.target_model == Strategy.Model.FIXED:
        changes["model_due_at"] = None
    elif is_other_model and answer is None:
        changes["model_due_at"] = now
    else:
        since = now if answer is not None else strategy.model_refreshed_at
        changes["model_due_at"] = now if since is None else since + timedelta(days=strategy.model_refresh_days)
    Strategy.objects.filter(pk=strategy.pk).update(**changes)
