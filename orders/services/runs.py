"""A rebalance from start to end: plan, place, track, plan again with what was filled, until every target is within its
band, or stopped with a reason.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError, Conflict, Forbidden, Invalid
from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.errors import CredentialsRefused, ExchangeError, Throttled, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import MOST_PROBLEMS, RUN_REASONS, Status, Step, client_order_id, next_step, next_tick_ts
from orders.models import Order, OrderEvent, Round, Run, TickClock
from orders.services import guards
from orders.services.cancelling import cancel, cancel_open_orders
from orders.services.ending import finish
from orders.services.resolving import ask
from orders.services.sending import send_round
from strategies import services as strategies
from strategies.domain import Plan
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


def preview(strategy: Strategy) -> Preview:
    """The exact orders the next round would place. Nothing is sent; written are the balances as read.

    Raises an AppError; a key that is refused stops the account.
    """
    try:
        return strategies.plan_strategy(strategy, selectors.turnover_since(strategy.account))
    except CredentialsRefused as error:
        exchanges.mark_refused(strategy.account, error.message)
        raise


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
    known = _known_run(user, strategy, idempotency_key)
    if known is not None:
        return Execution(known, created=False)
    _refuse_unless_ready(user, strategy)
    newest = selectors.newest_run_id(strategy.account)
    prepared = preview(strategy)
    if plan_digest:
        strategies.check_digest(strategy, plan_digest, prepared.plan)
    try:
        run, first = _create_run(user, strategy, trigger, idempotency_key, prepared.plan, newest)
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
    problem = send_round(first) if first is not None else None
    if problem is not None:
        _meet(run, problem)
    run.refresh_from_db()
    return Execution(run, created=True)


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


def _refuse_unless_ready(user: User, strategy: Strategy) -> None:
    """The guards, before there is a run."""
    if user.is_suspended:
        raise Forbidden(_("Your account is suspended: it can look, but not trade."), code="user_suspended")
    if not strategy.is_active:
        raise Conflict(
            _("This strategy is not the active one of its account. Activate it first."), code="strategy_inactive"
        )
    account = strategy.account
    if account.status in (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.PAUSED):
        raise Conflict(
            _("The exchange account is not usable: %(reason)s")
            % {"reason": account.status_reason or account.get_status_display()},
            code="account_not_ready",
        )
    refusal = guards.switch_refusal()
    if refusal is not None:
        raise Conflict(_(RUN_REASONS[refusal]), code=refusal)


def _unresolved() -> Conflict:
    return Conflict(
        _("The outcome of an earlier order is still being looked up. Try again in a few seconds."),
        code="orders_unresolved",
    )


def _create_run(
    user: User, strategy: Strategy, trigger: str, idempotency_key: str, plan: Plan, newest: int
) -> tuple[Run, Round | None]:
    """The run and the intents of its first round, committed together. A plan without legs ends the run at once.

    `newest` is the account's newest run from before the plan was made: a run that began since then, even one that has
    ended already, may have traded what this plan would trade again.
    """
    with transaction.atomic():
        ExchangeAccount.objects.select_for_update().get(pk=strategy.account_id)
        since = selectors.newest_run_id(strategy.account)
        if since != newest and not Run.objects.filter(pk=since, state=Run.State.ACTIVE).exists():
            raise _Overtaken
        if selectors.has_unresolved_orders(strategy.account):
            raise _Overtaken
        run = Run.objects.create(
            user=user,
            account=strategy.account,
            strategy=strategy,
            trigger=trigger,
            idempotency_key=idempotency_key or None,
        )
        first = _create_round(run, 1, plan)
        if plan.legs:
            return run, first
        if plan.is_settled:
            finish(run, Run.State.COMPLETE, "nothing_to_do")
        else:
            finish(run, Run.State.STOPPED, "left_over", {"details": _left_over(plan)})
    return run, None


def _create_round(run: Run, number: int, plan: Plan) -> Round:
    """A round with one PENDING order a leg, under a tick time that was never used. Inside a transaction."""
    TickClock.objects.get_or_create(user_id=run.user_id)
    clock = TickClock.objects.select_for_update().get(user_id=run.user_id)
    clock.last_tick_ts = next_tick_ts(clock.last_tick_ts, now_ms())
    clock.save(update_fields=["last_tick_ts"])
    round_ = Round.objects.create(
        run=run,
        user_id=run.user_id,
        number=number,
        tick_ts=clock.last_tick_ts,
        nav=plan.nav,
        allocations=[
            {
                "asset": row.asset,
                "weight_pct": _text(row.weight_pct),
                "target_pct": _text(row.target_pct),
                "after_pct": _text(row.after_pct),
            }
            for row in plan.allocations
        ],
        skips=[{"asset": skip.asset, "code": skip.code, "values": dict(skip.values)} for skip in plan.skips],
    )
    orders = Order.objects.bulk_create(
        Order(
            user_id=run.user_id,
            account=run.account,
            round=round_,
            index=index,
            client_order_id=client_order_id(run.user_id, leg.symbol, leg.side.value, round_.tick_ts, index),
            symbol=leg.symbol,
            base_asset=leg.asset,
            quote_asset=plan.quote,
            side=leg.side.value,
            price=leg.price,
            quantity=leg.quantity,
        )
        for index, leg in enumerate(plan.legs)
    )
    OrderEvent.objects.bulk_create(OrderEvent(order=order, kind="intent", status=Status.PENDING) for order in orders)
    return round_


def _text(value: object) -> str | None:
    return None if value is None else f"{value:.4f}"


def _left_over(plan: Plan) -> str:
    return " ".join(f"{skip.asset}: {skip.reason}" for skip in plan.unsettled)


# --- on with it ------------------------------------------------------------------------------------------


def advance(run: Run, trouble: str = "") -> None:
    """Take a run's next steps until it has to wait or has ended. Raises no AppError: the run keeps the problem.

    `trouble` is what tracking could not find out; like a problem of the run's own it is counted and in the end ends it.
    """
    if run.not_before is not None and timezone.now() < run.not_before:
        return
    try:
        _advance(run)
    except ExchangeError as error:
        _meet(run, error)
    except AppError as error:
        finish(run, Run.State.STOPPED, "not_possible", {"details": error.message})
    else:
        if trouble:
            _meet(run, Unavailable(trouble))
        else:
            Run.objects.filter(pk=run.pk).exclude(problem="").update(problems_in_a_row=0, problem="", not_before=None)
    run.refresh_from_db()


def _meet(run: Run, error: ExchangeError) -> None:
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
        step, code = next_step([selectors.round_view(round_) for round_ in rounds])
        if step == Step.STOP:
            details = " ".join(selectors.round_view(last).refusals) if code == "orders_refused" else ""
            finish(run, Run.State.STOPPED, code, {"details": details})
            return
        refusal = guards.refusal(run)
        if refusal is not None:
            finish(run, Run.State.STOPPED, *refusal)
            cancel_open_orders(run.account)
            return
        if step == Step.WAIT:
            if not _reprice(run, last):
                return
            continue
        pending = last if step == Step.SEND else _plan_next(run, last.number + 1)
        if pending is None:
            return
        problem = send_round(pending)
        if problem is not None:
            raise problem


def _plan_next(run: Run, number: int) -> Round | None:
    """The next round's intents, or None when the run has ended, must wait, or another process has planned it."""
    if selectors.has_unresolved_orders(run.account):
        return None
    plan = preview(run.strategy).plan
    if plan.is_settled:
        finish(run, Run.State.COMPLETE, "within_band")
        return None
    if not plan.legs:
        finish(run, Run.State.STOPPED, "left_over", {"details": _left_over(plan)})
        return None
    try:
        with transaction.atomic():
            locked = Run.objects.select_for_update().get(pk=run.pk)
            if not locked.is_active or selectors.has_unresolved_orders(run.account):
                return None
            return _create_round(run, number, plan)
    except IntegrityError:
        logger.info("run %s: round %s was planned elsewhere", run.pk, number)
        return None


def _reprice(run: Run, round_: Round) -> bool:
    """Cancel orders that have rested longer than the strategy's order lifetime and would be priced differently now.

    The next round plans what is left of them. True when an order was brought to its end.
    """
    oldest_ms = now_ms() - run.strategy.order_lifetime_seconds * 1000
    late = [order for order in round_.orders.all() if order.is_resting and order.sent_ms < oldest_ms]
    if not late:
        return False
    market = exchanges.market_for(run.account, trading=True)
    adapter = exchanges.adapter_for(run.account)
    ended = False
    for order in late:
        price, rules = market.prices.price(order.symbol), market.info.rules.get(order.symbol)
        if price is None or price.problem or rules is None:
            continue
        if strategies.limit_price(run.strategy, rules, Side(order.side), price.value) == order.price:
            continue  # it would only lose its place in the queue
        cancel(order, adapter)
        ended = ended or order.is_final
    return ended


# --- the owner's word ------------------------------------------------------------------------------------


def stop_run(run: Run, code: str = "stopped_by_owner") -> list[str]:
    """End a run and cancel its open orders; what could not be cancelled yet, as sentences: tracking tries again."""
    finish(run, Run.State.STOPPED, code)
    _ended, problems = cancel_open_orders(run.account)
    return problems


def reset_paper_account(account: ExchangeAccount) -> None:
    """Stop what is under way at a paper account and start it afresh."""
    run = selectors.active_run(account)
    if run is not None:
        stop_run(run, "account_reset")
    cancel_open_orders(account)
    exchanges.reset_paper(account)


def disconnect_account(account: ExchangeAccount) -> None:
    """Disconnect an account of which everything is known; Conflict while an order is open or its fills are unread."""
    run = selectors.active_run(account)
    problems: list[str] = []
    if run is not None:
        problems += stop_run(run, "account_disconnected")
    if selectors.due_orders(account).exists():
        _ended, more = cancel_open_orders(account)
        problems += more
        adapter = exchanges.adapter_for(account)
        for order in selectors.due_orders(account):
            ask(order, adapter)
    if selectors.due_orders(account).exists():
        raise Conflict(
            _("Some orders of this account are still open, or not all is known of them: %(problems)s")
            % {"problems": " ".join(problems) or _("they are being looked up; try again in a minute.")},
            code="orders_open",
        )
    strategies.delete_strategies_of(account)
    exchanges.archive_account(account)
