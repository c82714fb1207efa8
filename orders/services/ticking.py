"""One look of the autopilot at one account: mind its orders, then decide whether a rebalance is to begin.

A tick may end anywhere: what it began is in rows, and the next one goes on from them.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import NotSupportedError, ProgrammingError
from django.utils import timezone

from accounts import services as accounts
from botbalance.lib import system_settings
from botbalance.lib.away import AWAY
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from botbalance.lib.money import ZERO
from exchanges import services as exchanges
from exchanges.errors import ClockSkew, CredentialsRefused, OutcomeUnknown, StalePrices, Throttled, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import FAILED_RUNS
from orders.models import Autopilot, Run, Tick
from orders.services import autopilot as switch
from orders.services import guards, history, watching
from orders.services.cancelling import cancel
from orders.services.ending import finish
from orders.services.flows import note_flows
from orders.services.pausing import count_failure, forget_failures
from orders.services.planning import preview
from orders.services.repricing import waiting_at_worst_price
from orders.services.rounds import left_over
from orders.services.starting import begin
from orders.services.state import State, read_state
from orders.services.tracking import track_account
from orders.standings import ticks_of
from portfolio import selectors as balances
from portfolio.domain import value_portfolio
from portfolio.selectors import KnownBalances
from strategies import selectors as strategies
from strategies import services as plans
from strategies.domain import PASSING, Goal, Plan, Trigger
from strategies.planner.gauge import LargestDrift
from strategies.services import limits_of
from strategies.ticks import Act, Decision, decide_tick, largest_drift

logger = logging.getLogger(__name__)

# What says nothing of a strategy: servers that are away, tables of another version than this code's.
UNTOLD = (*AWAY, ProgrammingError, NotSupportedError)
# What an owner or an operator has to mend is looked at again so much later.
HELD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tick came to: a code of TICK_REASONS with its values.

    `hold_seconds`: how long a drift alone is no reason for another tick.
    """

    status: Tick.Status
    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    run: Run | None = None
    hold_seconds: int = 0


def tick(account_id: int, due_ms: int) -> Tick | None:
    """Take the account's turn that was due at `due_ms`; None when it had been taken, or nothing was to be told of it.

    Two calls for one turn tick once, and so do two workers. Raises what it cannot explain (the database is away): the
    lease runs out, and the next turn goes on.
    """
    lease = watching.claim(account_id, due_ms)
    if lease is None:
        return None
    try:
        return _tick(account_id, lease)
    finally:
        if not lease.is_under_way:
            watching.rest_if_done(account_id)
        lease.release()


def _tick(account_id: int, lease: watching.Lease) -> Tick | None:
    account = ExchangeAccount.objects.select_related("user").get(pk=account_id)
    started, clock = timezone.now(), time.monotonic()
    # Before anything is looked at: whatever begins from here on, by whatever hand, is newer.
    newest = selectors.newest_run_id(account)
    before = selectors.active_run(account)
    # A key that was refused is not tried again every period; a run of its account still has to be ended.
    is_askable = account.status != ExchangeAccount.Status.REFUSED or before is not None
    problems: list[str] = []
    mistake: Exception | None = None
    try:
        if is_askable and selectors.has_work(account_id):
            with accounts.speaking_to(account.user):
                problems = track_account(account)
    except UNTOLD:
        raise
    except Exception as error:  # noqa: BLE001  (told to the owner below, or raised where there is nobody to tell)
        mistake = error
    autopilot = selectors.flying_autopilot(account)
    if autopilot is None:
        if mistake is not None:
            _end_for(mistake, account)
        switch.switch_off_inactive(account_id)
        return None
    if not lease.renew():
        return None
    if before is not None:
        before.refresh_from_db()
        lease.is_under_way = before.is_active
    outcome = _outcome(autopilot, Seen(account, newest, before, tuple(problems), mistake), lease)
    if outcome.status == Tick.Status.PAUSED:
        return ticks_of(autopilot.strategy).first()  # written with the pause
    if outcome.hold_seconds:
        lease.hold(now_ms() + outcome.hold_seconds * 1000)
    return history.record(
        autopilot,
        status=outcome.status,
        code=outcome.code,
        values=outcome.values,
        run=outcome.run,
        quiet_looks=lease.quiet_looks,
        started=started,
        milliseconds=int((time.monotonic() - clock) * 1000),
    )


def _end_for(mistake: Exception, account: ExchangeAccount) -> None:
    """End a rebalance by hand that a mistake of ours keeps from going on, and say so; without one it is raised."""
    run = selectors.active_run(account)
    if run is None:
        raise mistake
    logger.error("run %s of account %s", run.pk, account.pk, exc_info=mistake)
    finish(run, Run.State.STOPPED, "not_possible", {"details": f"{type(mistake).__name__}: {mistake}"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tick found.

    The account, its newest run from before anything was looked at, the run that was under way then, what tracking could
    not find out, and a mistake of ours on the way.
    """

    account: ExchangeAccount
    newest_run: int
    before: Run | None
    problems: tuple[str, ...]
    mistake: Exception | None


def _outcome(autopilot: Autopilot, seen: Seen, lease: watching.Lease) -> Outcome:
    """What the tick comes to, with every trouble in words.

    A mistake of ours is logged whole and counts as a failure. A database or a cache that is away is none, nor is one
    whose tables are not those of this code (it is being updated): both are raised.
    """
    try:
        if seen.mistake is not None:
            raise seen.mistake
        with accounts.speaking_to(seen.account.user):  # what is kept in words is kept in its owner's
            return _decided(autopilot, seen, lease)
    except StalePrices as error:
        return Outcome(Tick.Status.HELD, "price_stale", {"age": str(error.age_seconds)})
    except CredentialsRefused as error:
        exchanges.mark_refused(seen.account, error.message)
        return Outcome(Tick.Status.HELD, "credentials_refused", {"details": error.message}, hold_seconds=HELD_SECONDS)
    except Throttled as error:
        return Outcome(Tick.Status.WAITING, "throttled", {"details": error.message})
    except (Unavailable, OutcomeUnknown, ClockSkew) as error:
        return Outcome(Tick.Status.WAITING, "unreachable", {"details": error.message})
    except AppError as error:
        return _count_failed(autopilot, error.message)
    except UNTOLD:
        raise
    except Exception as error:  # whatever it is, its owner has to hear of it, and it must not trade on for ever
        logger.exception("tick of account %s", seen.account.pk)
        details = f"{type(error).__name__}: {error}"
        run = selectors.active_run(seen.account)
        if run is not None and run.strategy_id == autopilot.pk:
            finish(run, Run.State.STOPPED, "not_possible", {"details": details})  # which counts it
            return _failed(autopilot, details)
        return _count_failed(autopilot, details)


def _decided(autopilot: Autopilot, seen: Seen, lease: watching.Lease) -> Outcome:
    account, before, problems = seen.account, seen.before, seen.problems
    if before is not None and before.is_active:
        if problems:
            exchanges.market_for(account, trading=True)  # prices that are too old say more than the trouble they make
        return _waiting(before, problems)
    if before is not None and before.strategy_id == autopilot.pk:
        return _ended(autopilot, before)
    if problems:
        return Outcome(Tick.Status.WAITING, "unreachable", {"details": problems[0]})
    refusal = guards.owner_refusal(account)
    if refusal is not None:
        code, values = refusal
        # The switch is looked at every time: trading resumes with it. What an owner has to mend takes longer.
        return Outcome(Tick.Status.HELD, code, values, hold_seconds=0 if code == "trading_off" else HELD_SECONDS)
    left_over = _cancel_leftovers(autopilot, account)
    if left_over:
        lease.hold(0)  # what could not be traded because of them can be now
        return Outcome(Tick.Status.ACTED, "leftovers", {"count": str(left_over)})
    return _look(autopilot, account, seen.newest_run, lease)


def _cancel_leftovers(autopilot: Autopilot, account: ExchangeAccount) -> int:
    """Cancel open orders that no rebalance waits for (it was ended, and they were left), once their lifetime is over:
    what is left of them is planned anew. How many ended.
    """
    oldest_ms = now_ms() - autopilot.strategy.order_lifetime_seconds * 1000
    leftovers = [order for order in selectors.leftover_orders(account) if order.sent_ms < oldest_ms]
    if not leftovers:
        return 0
    adapter = exchanges.adapter_for(account)
    for order in leftovers:
        cancel(order, adapter, "cancelling_leftover")
    return sum(order.is_final for order in leftovers)


def _look(autopilot: Autopilot, account: ExchangeAccount, newest_run: int, lease: watching.Lease) -> Outcome:
    """Decide on balances that are known to be right, or on such as are read now; act only on those read now."""
    known = balances.known_balances(account)
    state: State | None = None
    changed_ms = selectors.newest_order_change_ms(account)
    if known is None or balances.balances_are_stale(known, changed_ms, _idle_seconds(), now_ms()):
        state = _read(autopilot, account)
        known = state.balances
    decision, drift = _decide(autopilot, account, known)
    if decision.act != Act.IDLE and state is None:
        state = _read(autopilot, account)
        decision, drift = _decide(autopilot, account, state.balances)
    if decision.act == Act.IDLE:
        switch.schedule(autopilot, decision.next_scheduled_at)
        if decision.code == "within_band":  # not when it was only too early: that says nothing of the last attempt
            forget_failures(autopilot.pk)
        return Outcome(Tick.Status.IDLE, decision.code, decision.values)
    goal = decision.act.goal
    assert state is not None
    assert goal is not None
    if selectors.has_unresolved_orders(account):
        return Outcome(Tick.Status.WAITING, "orders_unresolved")
    # A worst price is measured from where the attempt began, however many rebalances it takes.
    first_prices = selectors.unreached_first_prices(autopilot.strategy)
    is_whole = decision.code == "outside_band" and autopilot.strategy.whole_portfolio
    if is_whole and not plans.wants_something(autopilot.strategy, state.balances, state.open_orders):
        # What cannot be traded is no reason to move everything else, look after look.
        banded = preview(autopilot.strategy, goal=Goal.BAND, state=state, first_prices=first_prices)
        return _nothing_possible(banded.plan, drift)
    prepared = preview(autopilot.strategy, goal=goal, state=state, first_prices=first_prices)
    if not prepared.plan.legs:
        if prepared.plan.is_settled:  # otherwise it is tried again, and its time has not been had
            switch.schedule(autopilot, decision.next_scheduled_at)
        return _nothing_possible(prepared.plan, drift)
    if not lease.renew():
        return Outcome(Tick.Status.WAITING, "orders_unresolved")
    run = begin(autopilot.strategy, prepared, newest_run, goal, lambda: switch.still_flies(autopilot) and lease.renew())
    if run is None:
        return Outcome(Tick.Status.WAITING, "orders_unresolved")
    switch.schedule(autopilot, decision.next_scheduled_at)
    return Outcome(Tick.Status.ACTED, decision.code, decision.values, run)


def _read(autopilot: Autopilot, account: ExchangeAccount) -> State:
    plans.know_fee_asset(autopilot.strategy)  # before the balances: whoever knows those of now knows this as well
    state = read_state(account)
    note_flows(account, state.balances)
    return state


def _decide(autopilot: Autopilot, account: ExchangeAccount, known: KnownBalances) -> tuple[Decision, LargestDrift]:
    strategy = autopilot.strategy
    market = exchanges.market_for(account, trading=True)
    valuation = value_portfolio(known.balances, strategy.quote, market.prices, market.info)
    limits = limits_of(strategy, known.fee_rate, valuation.nav, ZERO)
    drift = largest_drift(valuation, strategies.targets(strategy), limits)
    decision = decide_tick(
        trigger=Trigger(strategy.trigger_mode),
        now=timezone.now(),
        drift=drift,
        interval=strategies.every_of(strategy),
        scheduled_at=autopilot.scheduled_at,
        has_deposit=strategy.deploy_deposits and selectors.has_deposit_to_invest(autopilot),
        whole_portfolio=strategy.whole_portfolio,
    )
    return decision, drift


def _waiting(run: Run, problems: tuple[str, ...]) -> Outcome:
    if problems:
        return Outcome(Tick.Status.WAITING, "unreachable", {"details": problems[0]}, run)
    resting = selectors.open_orders_of_run(run)
    symbol = waiting_at_worst_price(run, resting)
    if symbol:
        return Outcome(Tick.Status.WAITING, "worst_price", {"symbol": symbol}, run)
    return Outcome(Tick.Status.WAITING, "run_active", {"count": str(len(resting))}, run)


def _ended(autopilot: Autopilot, run: Run) -> Outcome:
    """A rebalance that was under way has ended since the last tick."""
    if run.reason_code in FAILED_RUNS:
        return _failed(autopilot, run.reason, run)
    return Outcome(Tick.Status.ACTED, "run_ended", {"details": run.reason}, run)


def _count_failed(autopilot: Autopilot, details: str) -> Outcome:
    count_failure(autopilot.pk, lambda: details)
    return _failed(autopilot, details)


def _failed(autopilot: Autopilot, details: str, run: Run | None = None) -> Outcome:
    """What a failure that has been counted comes to."""
    autopilot.refresh_from_db()
    if autopilot.pause_code == "repeated_failures":
        return Outcome(Tick.Status.PAUSED, autopilot.pause_code, autopilot.pause_values, run)
    return Outcome(Tick.Status.FAILED, "failed", {"details": details}, run)


def _nothing_possible(plan: Plan, drift: LargestDrift) -> Outcome:
    """A plan without orders although something is to be done: why, and for how long that is left at it.

    Prices that have jumped or crossed may settle any moment, so those are looked at every time.
    """
    if plan.is_settled:
        return Outcome(Tick.Status.IDLE, "within_band", drift.values)
    jumped = next((skip for skip in plan.unsettled if skip.code == "price_jump"), None)
    if jumped is not None:
        return Outcome(Tick.Status.HELD, "price_jump", jumped.values)
    hold_seconds = 0 if any(skip.code in PASSING for skip in plan.unsettled) else _idle_seconds()
    return Outcome(Tick.Status.HELD, "nothing_possible", {"details": left_over(plan)}, hold_seconds=hold_seconds)


def _idle_seconds() -> int:
    return system_settings.current().idle_balance_seconds
