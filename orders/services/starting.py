"""Starting a rebalance: by hand, or because the autopilot says so."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import Conflict, Invalid
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import RUN_REASONS
from orders.models import Round, Run
from orders.services import guards
from orders.services.ending import finish
from orders.services.pausing import lock_autopilot
from orders.services.planning import preview
from orders.services.rounds import create_round, left_over
from orders.services.runs import meet
from orders.services.sending import send_round
from strategies import services as strategies
from strategies.domain import Goal
from strategies.models import Strategy
from strategies.services import Preview

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of "rebalance now": a new run, or the one that was under way or made by the same key."""

    run: Run
    created: bool


class _Overtaken(Exception):
    """Another run of the account began, and may have ended, after a plan was made."""


def execute(
    user: User, strategy: Strategy, *, trigger: str, idempotency_key: str = "", plan_digest: str = ""
) -> Execution:
    """Start a rebalance and send its first round.

    The same `idempotency_key` gives the same run; while a run is under way at the account, that run. With a
    `plan_digest`, Conflict(plan_changed) when the plan is not the one it vouches for. Raises an AppError before
    anything is written.
    """
    if len(idempotency_key) > 100:
        raise Invalid(_("The idempotency key is too long; 100 characters are the most."))
    # Before anything is looked at: whatever begins from here on is newer.
    newest = selectors.newest_run_id(strategy.account)
    known = _known_run(user, strategy, idempotency_key)
    if known is not None:
        return Execution(known, created=False)
    guards.refuse_unless_ready(user, strategy)
    switch = guards.switch_refusal()
    if switch is not None:
        raise Conflict(_(RUN_REASONS[switch]), code=switch)
    if selectors.has_unresolved_orders(strategy.account):
        raise _unresolved()
    prepared = preview(strategy)
    if plan_digest:
        strategies.check_digest(strategy, plan_digest, prepared.plan)
    wanted = _Wanted(strategy, trigger, prepared, newest, idempotency_key=idempotency_key)
    try:
        return Execution(_start(wanted), created=True)
    except (IntegrityError, _Overtaken):
        # Somebody was faster by a moment: a second click, a retried request, another process.
        known = _known_run(user, strategy, idempotency_key)
        if known is not None:
            return Execution(known, created=False)
        if selectors.has_unresolved_orders(strategy.account):
            raise _unresolved() from None
        raise Conflict(
            _("Another rebalance ran while this one was being planned. Look at the new plan."), code="plan_changed"
        ) from None


def begin(strategy: Strategy, prepared: Preview, newest: int, goal: Goal, still_mine: Callable[[], bool]) -> Run | None:
    """Start the rebalance that the autopilot has planned, and send its first round.

    `newest` is the account's newest run from before it planned. `still_mine` is asked inside the transaction: None when
    the account has been taken over by another tick, or traded by somebody else, meanwhile.
    """
    wanted = _Wanted(strategy, Run.Trigger.AUTOPILOT, prepared, newest, goal=goal, still_mine=still_mine)
    try:
        return _start(wanted)
    except (IntegrityError, _Overtaken):
        logger.info("strategy %s: its account was traded while the autopilot planned", strategy.pk)
        return None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A rebalance that is about to be written down. `newest` is the account's newest run from before it was planned: a
    run that began since then, even one that has ended already, may have traded what this plan would trade again.
    """

    strategy: Strategy
    trigger: str
    prepared: Preview
    newest: int
    goal: Goal = Goal.BAND
    idempotency_key: str = ""
    still_mine: Callable[[], bool] = lambda: True


def _start(wanted: _Wanted) -> Run:
    run, first = _create_run(wanted)
    problem = send_round(first) if first is not None else None
    if problem is not None:
        meet(run, problem)
    run.refresh_from_db()
    return run


def _known_run(user: User, strategy: Strategy, idempotency_key: str) -> Run | None:
    if idempotency_key:
        run = selectors.runs_of(user).filter(idempotency_key=idempotency_key).first()
        if run is not None:
            if run.strategy_id != strategy.pk:
                raise Conflict(_("This idempotency key was used for another strategy."), code="idempotency_key_reused")
            return run
    run = selectors.active_run(strategy.account)
    if run is not None and run.strategy_id != strategy.pk:
        raise Conflict(_("Another strategy of this account is being rebalanced."), code="run_active")
    return run


def _unresolved() -> Conflict:
    return Conflict(
        _("The outcome of an earlier order is still being looked up. Try again in a few seconds."),
        code="orders_unresolved",
    )


def _create_run(wanted: _Wanted) -> tuple[Run, Round | None]:
    """The run and the intents of its first round, committed together. A plan without legs ends the run at once."""
    strategy, plan = wanted.strategy, wanted.prepared.plan
    with transaction.atomic():
        account = ExchangeAccount.objects.select_for_update(no_key=True).get(pk=strategy.account_id)
        lock_autopilot(strategy.pk)  # before the watch, should the run end at once
        if account.archived_at is not None or selectors.newest_run_id(account) != wanted.newest:
            raise _Overtaken
        if selectors.has_unresolved_orders(strategy.account) or not wanted.still_mine():
            raise _Overtaken
        run = Run.objects.create(
            user_id=strategy.user_id,
            account=strategy.account,
            strategy=strategy,
            trigger=wanted.trigger,
            goal=wanted.goal.value,
            idempotency_key=wanted.idempotency_key or None,
        )
        first = create_round(run, 1, wanted.prepared)
        if plan.legs:
            return run, first
        if plan.is_settled:
            finish(run, Run.State.COMPLETE, "nothing_to_do")
        else:
            finish(run, Run.State.STOPPED, "left_over", {"details": left_over(plan)})
    return run, None
