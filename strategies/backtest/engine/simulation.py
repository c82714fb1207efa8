"""The back-test: what the autopilot would have done, with the planner and the decisions it trades by. Pure.

Every row is one look of the autopilot. Rows at which nothing can happen are found by the scan and passed over; at all
others the exact planner is called, on what was known at the end of the row. `stepwise` looks at every row instead: it
is slow, and gives the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from botbalance.lib.money import ZERO, exact, wide
from strategies.backtest.engine.book import Book, RestingOrder
from strategies.backtest.engine.cashier import Cashier
from strategies.backtest.engine.crosses import has_waited_in_vain, is_in_vain
from strategies.backtest.engine.history import DAY_MS, History, moment_of, ms_of
from strategies.backtest.engine.matching import Matcher
from strategies.backtest.engine.moments import first_prices, turnover_left
from strategies.backtest.engine.outlook import Outlook
from strategies.backtest.engine.result import Checkpoint, Event, Result
from strategies.backtest.engine.scan import Scanner
from strategies.backtest.engine.scenario import FillMode, Scenario
from strategies.backtest.engine.targets import course_of
from strategies.domain import Goal, Leg, Limits, Plan, Trigger
from strategies.planner import limit_price
from strategies.planner.gauge import Gauge, LargestDrift
from strategies.planner.plain import PlainPlan
from strategies.ticks import MOST_ROUNDS, ROUNDS_WITHOUT_FILL, decide_tick, order_wants_new_price

_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much
# So many rows are passed before the progress is told.
ROWS_BETWEEN_TELLING = 2000

Progress = Callable[[int, int], None]


class Cancelled(Exception):
    """Raised by whoever is told of the progress, to end a back-test early."""


@dataclass(slots=True)
class _Round:
    """A round of a run: how many of its orders rest, and whether any of them has traded."""

    executed: bool = False
    resting: int = 0


@dataclass(slots=True)
class _Run:
    goal: Goal
    rounds: list[_Round] = field(default_factory=list)
    planned_row: int = 0  # of its last round
    is_cut_short: bool = False  # whether its last round left something out that was wanted
    avoided: set[str] = field(default_factory=set)  # symbols of two coins on which nothing has filled


def run_backtest(
    history: History, scenario: Scenario, *, on_progress: Progress | None = None, stepwise: bool = False
) -> Result:
    """Walk a strategy through the past.

    `on_progress` is told (rows done, rows in all) now and then, and may raise Cancelled. Raises ValueError for a
    scenario that cannot be tried on this history.
    """
    with exact():
        return _Simulation(history, scenario, on_progress, stepwise).run()


class _Simulation:
    def __init__(self, history: History, scenario: Scenario, on_progress: Progress | None, stepwise: bool) -> None:
        if scenario.quote != history.quote:
            raise ValueError(f"the candles are in {history.quote}, the strategy is in {scenario.quote}")
        self.history = history
        self.scenario = scenario
        self.on_progress = on_progress
        self.stepwise = stepwise
        self.book = Book(scenario.quote, scenario.start, scenario.fees)
        self.outlook = Outlook(history, scenario, self.book)
        self.markets = self.outlook.markets
        self.matcher = Matcher(history, scenario, self.book, self.outlook)
        self.scanner = Scanner(history, scenario)
        self.gauge = Gauge(scenario.targets, scenario.limits)
        self.course = course_of(history, scenario, on_progress)
        self.steps = list(reversed(self.course.steps))  # those to come, the next one last
        self.is_at_close = scenario.fills.mode is FillMode.CLOSE
        self.cashier = Cashier(self.book, scenario.flows)
        self.has_deposit = False
        self.scheduled_at: datetime | None = None
        self.active: _Run | None = None
        self.round_of: dict[int, _Round] = {}
        # Prices that the worst price of coins still on their way is measured from, however many runs that takes.
        self.first_prices: dict[str, Decimal] = {}
        self.ended_ms = 0
        self.events: list[Event] = []
        self.checkpoints: list[Checkpoint] = []
        self.plans = 0

    def run(self) -> Result:
        rows, row, told = len(self.history), 0, 0
        self._aim(0)
        self._pay(0)
        self._look(0, by_hand=self.scenario.begins_by_hand)
        while (row := self._next_row(row + 1)) < rows:
            if self.on_progress is not None and row - told >= ROWS_BETWEEN_TELLING:
                self.on_progress(row, rows)
                told = row
            self._match(row)
            self._pay(row)
            self._aim(row)
            self._look(row)
        if self.on_progress is not None:
            self.on_progress(rows, rows)
        return Result(
            history=self.history,
            scenario=self.scenario,
            course=self.course,
            trades=tuple(self.book.trades),
            flows=tuple(self.cashier.paid),
            events=tuple(self.events),
            checkpoints=tuple(self.checkpoints),
            final=dict(self.book.totals),
            owed=self.cashier.owed,
            orders_placed=self.book.orders_placed,
            plans=self.plans,
        )

    # --- which rows matter ---------------------------------------------------------------------------------

    def _next_row(self, start: int) -> int:
        rows = len(self.history)
        if self.stepwise or self.active is not None or self.book.open or self.cashier.owed or self.has_deposit:
            return start
        stop = self.steps[-1].row if self.steps else rows
        if self.cashier.next_ms is not None:
            stop = min(stop, self.history.first_row_at(self.cashier.next_ms))
        if self.scenario.trigger is not Trigger.THRESHOLD and self.scheduled_at is not None:
            stop = min(stop, self.history.first_row_at(ms_of(self.scheduled_at)))
        if self.scenario.trigger is Trigger.THRESHOLD:
            return self.scanner.next_outside(
                start, max(start, stop), self.book.totals, self.book.changes, self.outlook.nav
            )
        return max(start, stop)

    # --- what happens in a row -----------------------------------------------------------------------------

    def _match(self, row: int) -> None:
        """Let the row's candles fill what rests."""
        for order in self.matcher.match(row) if self.book.open else ():
            round_ = self.round_of[order.number]
            round_.executed = True
            round_.resting -= not order.remaining

    def _pay(self, row: int) -> None:
        if self.cashier.pay(row, self.history.close_ms.item(row)):
            self.has_deposit = self.scenario.deploy_deposits

    def _aim(self, row: int) -> None:
        """Take over the targets that hold from this row on; a run under way goes to them with its next round."""
        if self.steps and self.steps[-1].row <= row:
            targets = self.steps.pop().targets
            if targets != self.outlook.targets:
                self.outlook.aim(targets)
                self.scanner.aim(targets)
                self.gauge = Gauge(targets, self.scenario.limits)

    def _look(self, row: int, *, by_hand: bool = False) -> None:
        """What the autopilot does at the end of a row; `by_hand` its owner rebalances first."""
        traded, placed = len(self.book.trades), self.book.orders_placed
        if self.active is not None:
            self._advance(row)
        if by_hand:
            self._begin(row, Goal.BAND, "by_hand")
        if self.active is None:
            self._decide(row, by_hand)
        if len(self.book.trades) != traded or self.book.orders_placed != placed:
            self._note(row)

    def _decide(self, row: int, by_hand: bool) -> None:
        scenario = self.scenario
        now = moment_of(self.history.close_ms.item(row))
        if self.cashier.owed:
            # What is owed is sold for whatever the bands say; until it is paid nothing else is begun.
            self._begin(row, Goal.TARGET, "withdrawal")
            if self.active is not None:
                return
        decision = decide_tick(
            trigger=scenario.trigger,
            now=now,
            drift=self._drift(row),
            interval=scenario.every,
            scheduled_at=self.scheduled_at,
            has_deposit=self.has_deposit,
            whole_portfolio=scenario.whole_portfolio,
        )
        goal = decision.act.goal
        if goal is None or by_hand:
            self.scheduled_at = decision.next_scheduled_at
        elif decision.code == "outside_band" and scenario.whole_portfolio and not self._wants_something(row):
            return
        elif self._begin(row, goal, decision.code):
            # Of what was to be done and could not be, the time has not been had.
            self.scheduled_at = decision.next_scheduled_at

    def _drift(self, row: int) -> LargestDrift:
        """A drift by which the autopilot decides as it would by the largest."""
        owed, flagged = self.cashier.owed, self.scanner.flagged
        standing = None if self.stepwise or owed else self.outlook.standing(row)
        if standing is not None and standing.nav > 0 and self.outlook.wanted:
            if self.scenario.trigger is Trigger.PERIODIC:
                return LargestDrift(self.outlook.wanted[0], ZERO, is_outside=False)  # it goes by the time alone
            if flagged:
                # The scan has found an asset outside, but for a rounding: if it is, no other needs to be looked at.
                value = standing.values[self.outlook.wanted.index(flagged)]
                found = self.gauge.drift_outside(flagged, value, standing.nav)
                if found is not None:
                    return found
            if self._is_surely_settled(row, Goal.BAND):
                return LargestDrift(self.outlook.wanted[0], ZERO, is_outside=False)
        return self.gauge.telling_drift(self.outlook.valuation(row, owed))

    def _wants_something(self, row: int) -> bool:
        if not self.stepwise and not self.history.incomplete_rows.size:
            standing = self.outlook.standing(row)
            if standing is not None and self.scanner.is_outside_tradable(standing.nav):
                return True
        return self.outlook.wants_something(row, self.cashier.owed)

    def _begin(self, row: int, goal: Goal, code: str) -> bool:
        """Start a run with its first round. True when that was all there was to do, or there was something."""
        run = _Run(goal)
        if self.history.close_ms.item(row) - self.ended_ms > DAY_MS:
            self.first_prices = {}  # an attempt is over when nothing was tried for a day
        plan = self._plan(row, run.goal)
        if not plan.legs:
            if not plan.is_settled:
                return False
            self.has_deposit = False
            return True
        self.has_deposit = False
        self.active = run
        self.events.append(Event(row, code))
        self._send(row, run, plan)
        return True

    def _advance(self, row: int) -> None:
        """Take the run under way as far as it goes at this row."""
        run, book, now_ms = self.active, self.book, self.history.close_ms.item(row)
        assert run is not None
        lifetime_ms = self.scenario.order_lifetime_seconds * 1000
        while True:
            if book.open:
                was_cut_short = self._reprice(row)
                if not was_cut_short and any(now_ms - order.sent_ms < lifetime_ms for order in book.open):
                    return
            if len(run.rounds) >= ROUNDS_WITHOUT_FILL and self._is_futile(run):
                return self._end(now_ms)
            if run.planned_row < row and self._is_served(run):
                return self._end(now_ms, is_settled=True)
            # What had to wait in the last round is still to be traded.
            if not run.is_cut_short and self._is_surely_settled(row, run.goal):
                return self._end(now_ms, is_settled=True)
            plan = self._plan(row, run.goal)
            if plan.is_settled:
                return self._end(now_ms, is_settled=True)
            if book.open and self._cancel_turned(plan):
                continue
            if not plan.legs:
                return None if book.open else self._end(now_ms)
            self._place(row, run, plan)
            if book.open:
                return None

    def _is_futile(self, run: _Run) -> bool:
        """Whether a run has had all its rounds, or so many in a row without a fill and nothing that rests."""
        if len(run.rounds) >= MOST_ROUNDS:
            return True
        quiet = [round_ for round_ in run.rounds if not round_.resting][-ROUNDS_WITHOUT_FILL:]
        return len(quiet) == ROUNDS_WITHOUT_FILL and not self.book.open and not any(round_.executed for round_ in quiet)

    def _is_served(self, run: _Run) -> bool:
        """Whether the last round has brought about what it was planned for: at the prices of its own row nothing
        is left to be traded. How far they have moved since is for the next look: a live run is over before they have,
        and to follow every candle would be to trade without end.
        """
        if self.book.open or not run.rounds[-1].executed:
            return False
        return self._is_surely_settled(run.planned_row, run.goal) or self._plan(run.planned_row, run.goal).is_settled

    def _cancel_turned(self, plan: Plan | PlainPlan) -> bool:
        """Cancel orders that stand against what is wanted now; whether there were any."""
        opposite = {skip.facts["symbol"] for skip in plan.noted if skip.code == "opposite_order"}
        turned = [order for order in self.book.open if order.leg.symbol in opposite]
        for order in turned:
            self._cancel(order)
        return bool(turned)

    def _send(self, row: int, run: _Run, plan: Plan | PlainPlan) -> None:
        """The first round; what fills at once is followed by the next."""
        self._place(row, run, plan)
        if not self.book.open:
            self._advance(row)

    def _place(self, row: int, run: _Run, plan: Plan | PlainPlan) -> None:
        now_ms, round_ = self.history.close_ms.item(row), _Round()
        run.rounds.append(round_)
        run.planned_row = row
        if self.scenario.limits.worst_price_pct is not None:
            self.first_prices = first_prices(self.outlook, self.book, row, plan, self.first_prices)
        run.is_cut_short = plan.is_cut_short
        legs: Iterable[Leg] = plan.legs
        if self.is_at_close:
            legs = self.matcher.trade_at_close(row, plan.legs)
            round_.executed = len(legs) < len(plan.legs)
        for leg in legs:
            order = self.book.place(leg, row, now_ms)
            self.round_of[order.number] = round_
            round_.resting += 1

    def _reprice(self, row: int) -> bool:
        """Cancel what has rested for its lifetime, or too far from the market, and would be priced differently now."""
        scenario, now_ms, was_cut = self.scenario, self.history.close_ms.item(row), False
        for order in tuple(self.book.open):
            leg, (series, rules) = order.leg, self.markets[order.leg.symbol]
            mid = series.close(row)
            if mid is None or not series.has_candle(row):
                continue
            worst = self._limits({}).worst_price(leg.symbol, leg.side) if self.first_prices else None
            with wide():
                new_price = limit_price(rules, leg.side, mid, scenario.limits.order_step_pct, worst)
            lifetime_ms = scenario.order_lifetime_seconds * 1000
            if has_waited_in_vain(order, now_ms, lifetime_ms) or order_wants_new_price(
                order_price=leg.price,
                side=leg.side,
                sent_ms=order.sent_ms,
                now_ms=now_ms,
                mid=mid,
                new_limit_price=new_price,
                lifetime_ms=lifetime_ms,
                reprice_distance_pct=scenario.reprice_distance_pct,
            ):
                self._cancel(order)
                was_cut = True
        return was_cut

    def _cancel(self, order: RestingOrder) -> None:
        self.book.cancel(order)
        if self.active is not None and is_in_vain(order):
            self.active.avoided.add(order.leg.symbol)
        self.round_of[order.number].resting -= 1

    def _end(self, now_ms: int, *, is_settled: bool = False) -> None:
        if is_settled:
            self.first_prices = {}  # nothing is sought any more
        self.ended_ms = now_ms
        for order in tuple(self.book.open):
            self._cancel(order)
        self.active = None

    def _note(self, row: int) -> None:
        self.checkpoints.append(_new(Checkpoint, (row, self.book.totals.copy())))

    # --- plans ---------------------------------------------------------------------------------------------

    def _plan(self, row: int, goal: Goal) -> Plan | PlainPlan:
        """The plan of the next round, under the limits of the moment."""
        self.plans += 1
        changes: dict[str, Any] = {}
        scenario = self.scenario
        if self.book.open:
            changes["occupied"] = frozenset(order.leg.symbol for order in self.book.open)
        if self.active is not None and self.active.avoided:
            changes["avoided"] = frozenset(self.active.avoided)
        if scenario.max_turnover_pct is not None:
            changes["turnover_left"] = turnover_left(self.outlook, self.book, row, scenario.max_turnover_pct)
        if scenario.limits.worst_price_pct is not None:
            changes["first_prices"] = self.first_prices
        if scenario.limits.cost_horizon_days is not None and goal is Goal.BAND:
            changes["variances"] = self.outlook.variances(row)
        return self.outlook.plan(row, goal, self.cashier.owed, changes)

    def _limits(self, changes: dict[str, Any]) -> Limits:
        return replace(self.scenario.limits, first_prices=self.first_prices, **changes)

    def _is_surely_settled(self, row: int, goal: Goal) -> bool:
        """Whether the planner would find everything where it should be: then it need not be asked.

        Only where nothing rests and every coin can be traded, so that nothing but drift counts.
        """
        if self.stepwise or self.book.open or self.cashier.owed or self.history.incomplete_rows.size:
            return False
        return self.scanner.is_surely_inside(row, self.book.totals, self.book.changes, goal)
