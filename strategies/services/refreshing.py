"""Asking models for new weights: when they are due, or when their owner wants to know."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services as accounts
from accounts.notifications import services as notifications
from accounts.notifications.models import Kind
from botbalance.lib.errors import AppError, Conflict, NotFound
from botbalance.lib.money import plain
from botbalance.lib.numbers import amount, exact_percent
from strategies import selectors
from strategies.models import Strategy, TargetProposal
from strategies.services import proposals
from strategies.services.entries import Entry, entries_of
from strategies.services.weighing import Answer, ask_model

logger = logging.getLogger(__name__)

# Whoever is still refreshing by then has died, and the strategy comes round again.
LEASE = timedelta(minutes=10)
# How long it waits after each failure in a row; the last one from then on.
PAUSES = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
# The owner hears of it at this failure in a row: an exchange that is away for a moment is nobody's news.
FAILURES_BEFORE_TELLING = 3
# No refresh is begun after so long: the task has a time limit.
WORKING_TIME = timedelta(seconds=120)


def refresh_due() -> int:
    """Refresh the strategies whose time has come; how many were looked at. Failures are written down, not raised."""
    started = timezone.now()
    looked = 0
    for strategy in selectors.strategies_to_refresh(started):
        if timezone.now() - started > WORKING_TIME:
            break
        if not _claim(strategy):
            continue
        looked += 1
        with accounts.speaking_to(strategy.user):
            try:
                refresh(strategy, by_hand=False)
            except AppError as error:
                logger.warning("no new weights for strategy %s: %s", strategy.pk, error.message)
    return looked


def _claim(strategy: Strategy) -> bool:
    """Whether this turn is ours: of two workers only one moves the time on."""
    until = timezone.now() + LEASE
    return bool(
        Strategy.objects.filter(pk=strategy.pk, model_due_at=strategy.model_due_at, archived_at=None).update(
            model_due_at=until
        )
    )


def refresh(strategy: Strategy, *, by_hand: bool) -> TargetProposal | None:
    """Ask the model, and write down what it proposes in place of an open proposal; None where the weights are what it
    would give. Where the strategy says so the proposal is applied at once; its owner is told of either unless it is
    `by_hand`, and then it is never applied without them.

    Never inside a transaction. Raises an AppError where there is no answer: the weights stay as they are, why is kept
    in `model_problem`, and unless it is by hand the next try comes after a pause.
    """
    now = timezone.now()
    entries, model = entries_of(strategy), selectors.model_of(strategy)
    try:
        answer = ask_model(strategy, entries, now)
    except AppError as error:
        if model is not None:
            _remember_failure(strategy, error, now, by_hand=by_hand)
        raise
    with transaction.atomic():
        row = Strategy.objects.select_for_update(no_key=True).filter(pk=strategy.pk, archived_at=None).first()
        if row is None:
            raise NotFound(_("There is no such strategy."))
        if selectors.model_of(row) != model or set(entries_of(row)) != set(entries):
            # Whoever changed it has set the time for the next look as well.
            raise Conflict(_("The strategy was changed meanwhile. Ask again."), code="strategy_changed")
        proposals.supersede(row)
        Strategy.objects.filter(pk=row.pk).update(
            model_due_at=now + timedelta(days=row.model_refresh_days),
            model_refreshed_at=now,
            model_failures=0,
            model_problem="",
        )
        if not _is_other(entries, answer):
            return None
        proposal = proposals.record(row, entries, answer, now)
        if by_hand:
            return proposal
        if row.model_auto_apply:
            proposals.apply_proposal(proposal, is_automatic=True)
        _tell(row, proposal)
    return proposal


def _is_other(entries: Sequence[Entry], answer: Answer) -> bool:
    return any(entry.weight_pct != answer.given.weights[entry.asset] for entry in entries)


def _remember_failure(strategy: Strategy, error: AppError, now: datetime, *, by_hand: bool) -> None:
    """Keep why there are no new weights. A try by hand neither counts nor moves the next one."""
    rows = Strategy.objects.filter(pk=strategy.pk, archived_at=None)
    if by_hand:
        rows.update(model_problem=error.message)
        return
    failures = strategy.model_failures + 1
    pause = PAUSES[min(failures, len(PAUSES)) - 1]
    with transaction.atomic():
        rows.update(model_problem=error.message, model_failures=failures, model_due_at=now + pause)
        if failures == FAILURES_BEFORE_TELLING:
            notifications.notify(
                strategy.user,
                Kind.WEIGHTS,
                _("No new weights for %(name)s") % {"name": strategy.name},
                _("The model was asked %(count)s times. The weights stay as they are. %(problem)s")
                % {"count": failures, "problem": error.message},
                reverse("strategies:model", args=[strategy.pk]),
                {"strategy": {"id": strategy.pk, "name": strategy.name}, "state": "failed"},
            )


def _tell(strategy: Strategy, proposal: TargetProposal) -> None:
    changes = ", ".join(
        f"{row.asset} {amount(row.before_pct)} → {exact_percent(row.after_pct)}"
        for row in proposal.rows.all()
        if row.before_pct != row.after_pct
    )
    if proposal.state == TargetProposal.State.APPLIED:
        title = _("New weights for %(name)s were applied") % {"name": strategy.name}
        text = _("As you wished they are the targets now, without asking: %(changes)s.")
    else:
        title = _("New weights for %(name)s are proposed") % {"name": strategy.name}
        text = _("Nothing changes until you apply them: %(changes)s.")
    data = {
        "strategy": {"id": strategy.pk, "name": strategy.name},
        "state": proposal.state,
        "weights": {row.asset: plain(row.after_pct) for row in proposal.rows.all()},
    }
    link = reverse("strategies:model", args=[strategy.pk])
    notifications.notify(strategy.user, Kind.WEIGHTS, title, text % {"changes": changes}, link, data)
