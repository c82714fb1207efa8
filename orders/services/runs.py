"""A rebalance on its way to its end: place, track, plan again with what was filled, until every target is within its
band, or stopped with a reason.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from botbalance.lib import cache, system_settings
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError, Conflict
from exchanges import services as exchanges
from exchanges.errors import CredentialsRefused, ExchangeError, Throttled, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import MOST_PROBLEMS, Step, next_step
from orders.models import Autopilot, Order, Round, Run
from orders.services import guards
from orders.services.cancelling import cancel, cancel_orders
from orders.services.ending import finish
from orders.services.pausing import lock_autopilot, pause_for_owner
from orders.services.planning import preview
from orders.services.repricing import first_prices, lifetime_ms_of, reprice
from orders.services.resolving import ask
from orders.services.rounds import create_round, left_over
from orders.services.sending import send_round
from portfolio import services as portfolio
from strategies import services as strategies
from strategies.domain import PASSING, Goal

logger = logging.getLogger(__name__)

# Exchanges ban for up to three days.
LONGEST_PAUSE = timedelta(days=4)


def advance(run: Run, trouble: str = "") -> None:
    """Take a run's next steps until it has to wait or has ended. Raises no AppError: the run keeps the problem.

    `trouble` is what tracking could not find out; like a problem of the run's own it is counted and in the end ends it.
    """
    now = timezone.now()
    if run.not_before is not None and now < run.not_before < now + LONGEST_PAUSE:  # not by a clock set back since
        return
    try:
        _advance(run)
    except ExchangeError as error:
        meet(run, error)
    except AppError as error:
        finish(run, Run.State.STOPPED, "not_possible", {"details": error.message})
    else:
        if trouble:
            meet(run, Unavailable(trouble))
        else:
            Run.objects.filter(pk=run.pk).exclude(problem="").update(problems_in_a_row=0, problem="", not_before=None)
    run.refresh_from_db()


def meet(run: Run, error: ExchangeError) -> None:
    """A refused key ends the run and stops its account. Other problems pass: noted, with the time to go on; many in a
    row end the run as well.
    """
    run.refresh_from_db()
    if isinstance(error, CredentialsRefused):
        exchanges.mark_refused(run.account, error.message)
        finish(run, Run.State.STOPPED, "credentials_refused", {"details": error.message})
    if not run.is_active:
        return
    problems = run.problems_in_a_row + 1
    if problems >= MOST_PROBLEMS:
        finish(run, Run.State.STOPPED, "unreachable", {"details": error.message})
        return
    pause = error.retry_after if isinstance(error, Throttled) else 0
    Run.objects.filter(pk=run.pk).update(
        problems_in_a_row=problems,
        problem=error.message[:400],
        not_before=timezone.now() + timedelta(seconds=pause) if pause else None,
    )


def _advance(run: Run) -> None:
    for _attempt in range(3):  # send what is pending, then see what is to be done with the answers
        # Step and next number come from one look: a round that another process adds meanwhile makes our number taken.
        rounds = selectors.rounds_of(run)
        last = rounds[-1]
        views = [selectors.round_view(round_) for round_ in rounds]
        step, code = next_step(views, now_ms(), lifetime_ms_of(run))
        if step == Step.STOP:
            details = " ".join(views[-1].refusals) if code == "orders_refused" else ""
            finish(run, Run.State.STOPPED, code, {"details": details})
            return
        refusal = guards.refusal(run)
        if refusal is not None:
            stays = refusal[0] == "trading_off" and not system_settings.read().kill_switch_cancels
            if finish(run, Run.State.STOPPED, *refusal, leave_open=stays) and not stays:
                cancel_orders(run.account, selectors.open_orders_of_run(run))
            return
        resting = [order for round_ in rounds for order in round_.orders.all() if order.is_resting]
        if step != Step.SEND and reprice(run, resting):
            continue
        if step == Step.WAIT or (step == Step.PLAN and resting and cache.is_marked(_nothing_else(run, rounds))):
            return
        pending = last if step == Step.SEND else _plan_next(run, rounds, resting)
        if pending is None:
            return
        problem = send_round(pending)
        if problem is not None:
            raise problem


def _nothing_else(run: Run, rounds: Sequence[Round]) -> str:
    """Under this key is kept that a plan around what rests has found nothing else to trade; the end of another order is
    reason enough to plan again.
    """
    ended = sum(order.is_final for round_ in rounds for order in round_.orders.all())
    return f"plan-around:{run.pk}:{ended}"


def _plan_next(run: Run, rounds: Sequence[Round], resting: Sequence[Order]) -> Round | None:
    """The next round's intents, or None when the run has ended, must wait, or another process has planned it."""
    if selectors.has_unresolved_orders(run.account):
        return None
    occupied = frozenset(order.symbol for order in resting)
    in_vain = frozenset(order.symbol for round_ in rounds for order in round_.orders.all() if order.was_in_vain)
    prepared = preview(
        run.strategy, goal=Goal(run.goal), first_prices=first_prices(run), occupied=occupied, avoided=in_vain
    )
    plan = prepared.plan
    if plan.is_settled:
        _end_unless_planned_elsewhere(run, rounds, Run.State.COMPLETE, "within_band")
        return None
    in_the_way = {(skip.values["symbol"], skip.values["side"]) for skip in plan.skips if skip.code == "opposite_order"}
    turned = [order for order in resting if (order.symbol, order.side) in in_the_way]
    if turned:  # what is held without them is past its target already: they are not wanted any more
        adapter = exchanges.adapter_for(run.account)
        for order in turned:
            cancel(order, adapter, "cancelling_turned")
        return None
    if not plan.legs:
        if not resting:
            _end_unless_planned_elsewhere(run, rounds, Run.State.STOPPED, "left_over", {"details": left_over(plan)})
        elif not any(skip.code in PASSING for skip in plan.skips):
            longest = system_settings.current().idle_balance_seconds
            cache.mark(_nothing_else(run, rounds), min(run.strategy.order_lifetime_seconds, longest))
        return None
    try:
        with transaction.atomic():
            locked = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
            if not locked.is_active or selectors.has_unresolved_orders(run.account):
                return None
            return create_round(locked, rounds[-1].number + 1, prepared)
    except IntegrityError:
        logger.info("run %s: its next round was planned elsewhere", run.pk)
        return None


def _end_unless_planned_elsewhere(
    run: Run, rounds: Sequence[Round], state: Run.State, code: str, values: Mapping[str, str] | None = None
) -> None:
    """End a run on the word of a plan, unless another process has added a round meanwhile: what that has placed is what
    this plan found nothing left to do for.
    """
    with transaction.atomic():
        lock_autopilot(run.strategy_id)
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        if not run.rounds.filter(number__gt=rounds[-1].number).exists():
            finish(run, state, code, values)


# --- the owner's word ------------------------------------------------------------------------------------


def stop_run(run: Run, code: str = "stopped_by_owner") -> list[str]:
    """End a run and cancel its open orders; what could not be cancelled yet, as sentences: tracking tries again."""
    if code == "stopped_by_owner":
        pause_for_owner(run.account)
    finish(run, Run.State.STOPPED, code)
    _ended, problems = cancel_orders(run.account, selectors.open_orders_of_run(run))
    return problems


def reset_paper_account(account: ExchangeAccount) -> None:
    """Stop what is under way at a paper account and start it afresh."""
    run = selectors.active_run(account)
    if run is not None:
        stop_run(run, "account_reset")
    cancel_orders(account, selectors.unfinished_orders(account))
    exchanges.reset_paper(account)
    portfolio.forget_balances(account)


def disconnect_account(account: ExchangeAccount) -> None:
    """Disconnect an account of which everything is known; Conflict while an order is open or its fills are unread.

    Its autopilot is off from the start, and stays off: it would begin anew what is being ended here.
    """
    was_on = Autopilot.objects.filter(strategy__account=account, is_on=True).update(is_on=False)
    run = selectors.active_run(account)
    problems: list[str] = []
    if run is not None:
        problems += stop_run(run, "account_disconnected")
    if selectors.due_orders(account).exists():
        _ended, more = cancel_orders(account, selectors.unfinished_orders(account))
        problems += more
        adapter = exchanges.adapter_for(account)
        for order in selectors.due_orders(account):
            ask(order, adapter)
    with transaction.atomic():
        # Whoever begins a rebalance holds this lock: none is under way that is not seen here, and none begins after.
        ExchangeAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if selectors.has_work(account.pk):
            text = _("Some orders of this account are still open, or not all is known of them: %(problems)s") % {
                "problems": " ".join(problems) or _("they are being looked up; try again in a minute.")
            }
            off = _("Its autopilot was switched off.") if was_on else ""
            raise Conflict(f"{text} {off}".strip(), code="orders_open")
        strategies.delete_strategies_of(account)
        exchanges.archive_account(account)
    portfolio.forget_balances(account)
