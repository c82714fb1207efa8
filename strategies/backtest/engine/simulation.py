"""The back-test: what the autopilot would have done, with the planner and the decisions it trades by. Pure.

Every row is one look of the autopilot. Rows at which nothing can happen are found by the scan and passed over; at all
others the exact planner is called, on what was known at the end of the row. `stepwise` looks at every row instead: it
is slow, and gives the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from botbalance.lib.money import HUNDRED, exact, wide
from exchanges.domain import Side
from strategies.backtest.engine.book import BNB, Book, RestingOrder
from strategies.backtest.engine.cashier import Cashier
from strategies.backtest.engine.fills import fill_in_candle, spread_price
from strategies.backtest.engine.history import History
from strategies.backtest.engine.moments import first_prices, turnover_left
from strategies.backtest.engine.outlook import DAY_MS, Outlook
from strategies.backtest.engine.result import Checkpoint, Event, Result
from strategies.backtest.engine.scan import Scanner
from strategies.backtest.engine.scenario import FillMode, Scenario
from strategies.domain import Goal, Leg, Limits, Plan, Trigger
from strategies.planner import limit_price
from strategies.planner.gauge import Gauge
from strategies.ticks import MOST_ROUNDS, ROUNDS_WITHOUT_FILL, decide_tick, order_wants_new_price

BUY = Side.BUY
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
    is_cut_short: bool = False  # whether its last round left something out that was wanted


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
        self.rules = self.outlook.rules
        self.scanner = Scanner(history, scenario)
        self.gauge = Gauge(scenario.targets, scenario.limits)
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
        self._pay(0)
        self._look(0, by_hand=self.scenario.begins_by_hand)
        while (row := self._next_row(row + 1)) < rows:
            if self.on_progress is not None and row - told >= ROWS_BETWEEN_TELLING:
                self.on_progress(row, rows)
                told = row
            self._match(row)
            self._pay(row)
            self._look(row)
        if self.on_progress is not None:
            self.on_progress(rows, rows)
        return Result(
            history=self.history,
            scenario=self.scenario,
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
        stop = rows
        if self.cashier.next_ms is not None:
            stop = min(stop, self.history.first_row_at(self.cashier.next_ms))
        if self.scenario.trigger is not Trigger.THRESHOLD and self.scheduled_at is not None:
            stop = min(stop, self.history.first_row_at(_ms(self.scheduled_at)))
        if self.scenario.trigger is Trigger.THRESHOLD:
            return self.scanner.next_outside(start, max(start, stop), self.book.totals, self.outlook.nav)
        return max(start, stop)

    # --- what happens in a row -----------------------------------------------------------------------------

    def _match(self, row: int) -> None:
        """Let the row's candles fill what rests."""
        if not self.book.open:
            return
        fills, left = self.scenario.fills, {}
        for order in tuple(self.book.open):
            leg = order.leg
            series = self.history.series[self.history.places[leg.asset]]
            candle = series.candle(row)
            if candle is None:
                continue
            if leg.asset not in left and fills.participation_pct is not None:
                with wide():
                    left[leg.asset] = candle.volume * fills.participation_pct / HUNDRED
            filled = fill_in_candle(
                leg.side,
                leg.price,
                order.remaining,
                candle,
                self.rules[leg.asset],
                fills,
                arrives=order.row == row - 1,
                volume_left=left.get(leg.asset),
            )
            if filled is None:
                continue
            if leg.asset in left:
                left[leg.asset] -= filled.quantity
            bnb = self._bnb_price(row)
            self.book.fill(order, row, filled.quantity, filled.price, is_maker=filled.is_maker, bnb=bnb)
            round_ = self.round_of[order.number]
            round_.executed = True
            round_.resting -= not order.remaining

    def _pay(self, row: int) -> None:
        if self.cashier.pay(row, int(self.history.close_ms[row])):
            self.has_deposit = self.scenario.deploy_deposits

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
        now = _moment(int(self.history.close_ms[row]))
        if self.cashier.owed:
            # What is owed is sold for whatever the bands say; until it is paid nothing else is begun.
            self._begin(row, Goal.TARGET, "withdrawal")
            if self.active is not None:
                return
        decision = decide_tick(
            trigger=scenario.trigger,
            now=now,
            drift=self.gauge.telling_drift(self.outlook.valuation(row, self.cashier.owed)),
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

    def _wants_something(self, row: int) -> bool:
        is_plain = not self.stepwise and not self.history.incomplete_rows.size
        if is_plain and self.scanner.is_outside_tradable(row, self.outlook.nav):
            return True
        return self.outlook.wants_something(row, self.cashier.owed)

    def _begin(self, row: int, goal: Goal, code: str) -> bool:
        """Start a run with its first round. True when that was all there was to do, or there was something."""
        run = _Run(goal)
        if int(self.history.close_ms[row]) - self.ended_ms > DAY_MS:
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
        run, book, now_ms = self.active, self.book, int(self.history.close_ms[row])
        assert run is not None
        lifetime_ms = self.scenario.order_lifetime_seconds * 1000
        while True:
            if book.open:
                was_cut_short = self._reprice(row)
                if not was_cut_short and any(now_ms - order.sent_ms < lifetime_ms for order in book.open):
                    return
            if len(run.rounds) >= ROUNDS_WITHOUT_FILL and self._is_futile(run):
                return self._end(now_ms)
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

    def _cancel_turned(self, plan: Plan) -> bool:
        """Cancel orders that stand against what is wanted now; whether there were any."""
        opposite = {skip.facts["symbol"] for skip in plan.noted if skip.code == "opposite_order"}
        turned = [order for order in self.book.open if order.leg.symbol in opposite]
        for order in turned:
            self._cancel(order)
        return bool(turned)

    def _send(self, row: int, run: _Run, plan: Plan) -> None:
        """The first round; what fills at once is followed by the next."""
        self._place(row, run, plan)
        if not self.book.open:
            self._advance(row)

    def _place(self, row: int, run: _Run, plan: Plan) -> None:
        now_ms, round_ = int(self.history.close_ms[row]), _Round()
        run.rounds.append(round_)
        if self.scenario.limits.worst_price_pct is not None:
            self.first_prices = first_prices(self.outlook, self.book, row, plan, self.first_prices)
        run.is_cut_short = plan.is_cut_short
        legs: Iterable[Leg] = plan.legs
        if self.is_at_close:
            legs = self._trade_at_close(row, plan.legs)
            round_.executed = len(legs) < len(plan.legs)
        for leg in legs:
            order = self.book.place(leg, row, now_ms)
            self.round_of[order.number] = round_
            round_.resting += 1

    def _trade_at_close(self, row: int, legs: Iterable[Leg]) -> list[Leg]:
        """Fill what the close allows; the others, which are to rest."""
        closes, fills, bnb, book = self.outlook.closes(row), self.scenario.fills, self._bnb_price(row), self.book
        resting = []
        for leg in legs:
            price = closes[leg.asset]
            if fills.spread_pct:
                price = spread_price(leg.side, price, self.rules[leg.asset], fills)
            if price <= leg.price if leg.side is BUY else price >= leg.price:
                book.orders_placed += 1
                book.trade(book.orders_placed, leg, row, leg.quantity, price, False, bnb)
            else:
                resting.append(leg)
        return resting

    def _reprice(self, row: int) -> bool:
        """Cancel what has rested for its lifetime, or too far from the market, and would be priced differently now."""
        scenario, now_ms, was_cut = self.scenario, int(self.history.close_ms[row]), False
        for order in tuple(self.book.open):
            leg, rules = order.leg, self.rules[order.leg.asset]
            mid = self.outlook.close(row, leg.asset)
            if mid is None or not self.outlook.is_tradable(row, leg.asset):
                continue
            worst = self._limits({}).worst_price(leg.symbol, leg.side) if self.first_prices else None
            with wide():
                new_price = limit_price(rules, leg.side, mid, scenario.limits.order_step_pct, worst)
            if order_wants_new_price(
                order_price=leg.price,
                side=leg.side,
                sent_ms=order.sent_ms,
                now_ms=now_ms,
                mid=mid,
                new_limit_price=new_price,
                lifetime_ms=scenario.order_lifetime_seconds * 1000,
                reprice_distance_pct=scenario.reprice_distance_pct,
            ):
                self._cancel(order)
                was_cut = True
        return was_cut

    def _cancel(self, order: RestingOrder) -> None:
        self.book.cancel(order)
        self.round_of[order.number].resting -= 1

    def _end(self, now_ms: int, *, is_settled: bool = False) -> None:
        if is_settled:
            self.first_prices = {}  # nothing is sought any more
        self.ended_ms = now_ms
        for order in tuple(self.book.open):
            self._cancel(order)
        self.active = None

    def _note(self, row: int) -> None:
        self.checkpoints.append(Checkpoint(row, dict(self.book.totals)))

    # --- plans ---------------------------------------------------------------------------------------------

    def _plan(self, row: int, goal: Goal) -> Plan:
        """The plan of the next round, under the limits of the moment."""
        self.plans += 1
        changes: dict[str, Any] = {}
        scenario = self.scenario
        if self.book.open:
            changes["occupied"] = frozenset(order.leg.symbol for order in self.book.open)
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
        return self.scanner.is_surely_inside(row, self.book.totals, goal)

    def _bnb_price(self, row: int) -> Decimal | None:
        return self.outlook.close(row, BNB) if self.scenario.fees.in_bnb else None


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
