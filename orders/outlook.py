"""What an autopilot sees and would do next, for its owner.

The exchange is asked for nothing but the prices all users share; balances are those that were read last, by which the
autopilot itself goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from botbalance.lib import system_settings
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from botbalance.lib.money import HUNDRED, ZERO, wide
from botbalance.lib.system_settings import Effective
from exchanges import services as exchanges
from exchanges.domain import Venue
from orders import selectors
from orders.models import Run, Tick
from orders.services import guards
from orders.standings import Standing, standing_of
from portfolio import selectors as portfolio
from portfolio.domain import value_portfolio
from strategies import selectors as strategies
from strategies.models import Strategy
from strategies.planner.bands import Managed
from strategies.planner.gauge import LargestDrift
from strategies.schedules import coming_time
from strategies.services import limits_of
from strategies.ticks import largest_drift

# A look may wait for its worker; only after so many periods, and never before so many seconds, something is wrong.
LATE_PERIODS = 3
LATE_SECONDS = 60


class State(StrEnum):
    """How an autopilot stands: `held` goes on when what holds it is over, `paused` waits for its owner's word."""

    OFF = "off"
    ON = "on"
    HELD = "held"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of TICK_REASONS with the values of its sentence."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the portfolio: the largest drift, the value, and the largest order that would be placed.

    NAV and order in the quote. `balances_at` is when the balances were read.
    """

    drift: LargestDrift
    nav: Decimal
    largest_order: Decimal
    balances_at: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """How an autopilot stands and what it would do. `view` is None where nothing can be said; `problem` says why.

    `left_open` is how many orders of its rebalances that have ended may still fill.
    """

    strategy: Strategy
    standing: Standing
    state: State
    hold: Reason | None
    run: Run | None
    venue: Venue | None
    next_look_at: datetime | None
    last_look_at: datetime | None
    is_late: bool
    view: View | None
    problem: str
    left_open: int
    effective: Effective

    @property
    def scheduled_at(self) -> datetime | None:
        """The schedule's coming time, as a look would go by it; None for a strategy without one, whose schedule has not
        begun, or that is not on.
        """
        autopilot = self.standing.autopilot
        if autopilot is None or not autopilot.is_flying or self.strategy.trigger_mode == Strategy.Trigger.THRESHOLD:
            return None
        if autopilot.scheduled_at is None:
            return None
        return coming_time(autopilot.scheduled_at, timezone.now(), strategies.every_of(self.strategy))

    @property
    def is_overdue(self) -> bool:
        """Whether the schedule's time has come, and only the look has not."""
        return self.scheduled_at is not None and self.scheduled_at <= timezone.now()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(milliseconds: int | None) -> datetime | None:
    """A moment of the watch, which keeps UTC milliseconds; 0 and None are none."""
    return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None


def state_of(strategy: Strategy, standing: Standing) -> tuple[State, Reason | None]:
    """The state to put on a badge, and what holds an autopilot that is on or why it has paused, as its rows say."""
    autopilot = standing.autopilot
    if autopilot is None or not autopilot.is_on or not strategy.is_active:
        return State.OFF, None
    if not autopilot.is_flying:
        return State.PAUSED, Reason(autopilot.pause_code, autopilot.pause_values)
    if standing.last is not None and standing.last.status == Tick.Status.HELD and _still_holds(standing):
        return State.HELD, reason_of(standing.last)
    return State.ON, None


def reason_of(tick: Tick) -> Reason:
    """Why a tick decided as it did. How a run ended is read from the run, which says it in every language."""
    details = {"details": tick.run.reason} if tick.code == "run_ended" and tick.run is not None else {}
    return Reason(tick.code, {**tick.values, **details})


def _still_holds(standing: Standing) -> bool:
    """Whether what held it back then is what it knows now: it has not looked since, or sees nothing, or is to wait."""
    watch = standing.watch
    return watch is None or watch.is_blind or not watch.quiet_looks or watch.hold_until_ms > now_ms()


def is_late(standing: Standing) -> bool:
    """Whether an autopilot that is on has not looked for so long that the server's background work must stand still."""
    autopilot, watch = standing.autopilot, standing.watch
    if autopilot is None or not autopilot.is_flying:
        return False
    since = [moment for moment in (autopilot.started_at, at(watch.looked_at_ms) if watch else None) if moment]
    patience = timedelta(seconds=max(LATE_PERIODS * settings.AUTOPILOT_PERIOD_SECONDS, LATE_SECONDS))
    return bool(since) and timezone.now() - max(since) > patience


def outlook(strategy: Strategy) -> Outlook:
    """How the strategy's autopilot stands and what it would do at its next look."""
    standing = standing_of(strategy)
    state, hold = state_of(strategy, standing)
    refusal = guards.owner_refusal(strategy.account) if state in (State.ON, State.HELD) else None
    if refusal is not None:
        state, hold = State.HELD, Reason(*refusal)
    venue: Venue | None = None
    view, stale, problem = None, None, ""
    try:
        venue = exchanges.venue_of(strategy.account)[0]
        view, stale, problem = _view(strategy)
    except AppError as error:  # it is said on the page, and what else is known is shown
        problem = error.message
    if stale is not None and state == State.ON:
        state, hold = State.HELD, stale
    watch = standing.watch
    return Outlook(
        strategy=strategy,
        standing=standing,
        state=state,
        hold=hold,
        run=selectors.active_run(strategy.account),
        venue=venue,
        next_look_at=at(watch.due_ms) if watch and state not in (State.OFF, State.PAUSED) else None,
        last_look_at=at(watch.looked_at_ms) if watch else None,
        is_late=is_late(standing),
        view=view,
        problem=problem,
        left_open=selectors.orders_left_by(strategy).count(),
        effective=system_settings.current(),
    )


def _view(strategy: Strategy) -> tuple[View | None, Reason | None, str]:
    """The portfolio at the balances and prices that are known; whether the prices are too old; why there is no view."""
    known = portfolio.known_balances(strategy.account)
    if known is None:
        return None, None, _("The balances have not been read yet; the autopilot reads them at its first look.")
    market = exchanges.market_for(strategy.account, trading=False)
    valuation = value_portfolio(known.balances, strategy.quote, market.prices, market.info)
    targets = strategies.targets(strategy)
    limits = limits_of(strategy, known.fee_rate, valuation.nav, ZERO)
    effective = system_settings.current()
    with wide():
        largest = min(
            Managed.of(valuation, targets, limits).value * strategy.order_size_pct / HUNDRED,
            valuation.nav * effective.max_order_nav_pct / HUNDRED,
        )
    age = market.prices.age_seconds(now_ms())
    stale = Reason("price_stale", {"age": str(age)}) if age > effective.stale_price_seconds else None
    view = View(largest_drift(valuation, targets, limits), valuation.nav, largest, known.as_of)
    return view, stale, ""
