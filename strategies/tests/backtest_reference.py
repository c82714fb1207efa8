"""The slow back-test that the fast one must equal: at every row it asks the planner and the decision anew, through the
doors that live trading uses, with nothing prepared, kept or passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ZERO, exact, floor_to_step, wide
from exchanges.domain import Balance, Side
from portfolio.domain import Valuation, value_portfolio
from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import FillMode, Reach, Scenario
from strategies.domain import SETTLED, Goal, Leg, OpenOrder, Plan, Target
from strategies.planner import Planner, limit_price, plan_rebalance
from strategies.tests.backtest_past import Past
from strategies.tests.slow_model import SlowModel
from strategies.ticks import decide_tick, largest_drift, order_wants_new_price

EIGHTH = Decimal("0.00000001")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Order:
    leg: Leg
    row: int
    round: int
    remaining: Decimal


@dataclass
class Reference:
    """What came of it: (row, symbol, side, price, quantity, fee, fee asset) of every trade, what is held,
    and which targets held from which row on.
    """

    trades: list[tuple[int, str, str, Decimal, Decimal, Decimal, str]] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=dict)
    begun: list[tuple[int, str]] = field(default_factory=list)
    steps: list[tuple[int, tuple[Target, ...]]] = field(default_factory=list)
    plans: int = 0


class SlowBacktest(Past):
    def __init__(self, history: History, scenario: Scenario) -> None:
        super().__init__(history, scenario)
        self.targets = scenario.targets
        self.model = SlowModel(history, scenario)
        self.found = Reference(totals={asset: amount for asset, amount in scenario.start.items() if amount})
        self.found.totals.setdefault(scenario.quote, ZERO)
        self.orders: list[Order] = []
        self.goal: Goal | None = None
        self.rounds: list[bool] = []  # whether each round of the run has traded
        self.planned_row = 0
        self.avoided: set[str] = set()  # symbols of two coins on which an order of the run has not filled
        self.owed = ZERO
        self.has_deposit = False
        self.scheduled_at: datetime | None = None
        self.flows = sorted(scenario.flows, key=lambda flow: (flow.at_ms, flow.asset))
        self.first_prices: dict[str, Decimal] = {}
        self.ended_ms = 0

    def run(self) -> Reference:
        with exact():
            for row in range(len(self.history)):
                self.match(row)
                self.pay(row)
                self.targets = self.model.targets_at(row)
                self.look(row)
        self.found.steps = self.model.steps
        return self.found

    # --- what is held -----------------------------------------------------------------------------------------

    def locked(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for order in self.orders:
            buys = order.leg.side == Side.BUY
            asset = self.paid_with(order.leg) if buys else order.leg.asset
            found[asset] = found.get(asset, ZERO) + order.remaining * (order.leg.price if buys else 1)
        return found

    def close(self, row: int, asset: str) -> Decimal | None:
        return next((series.close(row) for series in self.history.series if series.asset == asset), None)

    def valuation(self, row: int) -> Valuation:
        locked = self.locked()
        totals = dict(self.found.totals)
        if self.owed:
            worth = sum((total * (self.close(row, asset) or ZERO) for asset, total in totals.items()), ZERO)
            totals[self.scenario.quote] -= min(self.owed, (worth + totals[self.scenario.quote]) * Decimal("0.5"))
        balances = [
            Balance(asset, total - locked.get(asset, ZERO), locked.get(asset, ZERO)) for asset, total in totals.items()
        ]
        return value_portfolio(balances, self.scenario.quote, self.prices(row, with_crosses=False), self.scenario.info)

    def plan(self, row: int, goal: Goal) -> Plan:
        self.found.plans += 1
        limits = replace(
            self.scenario.limits,
            goal=goal,
            occupied=frozenset(order.leg.symbol for order in self.orders),
            first_prices=self.first_prices,
            turnover_left=self.turnover_left(row),
            variances=self.variances(row),
            avoided=frozenset(self.avoided),
        )
        resting = [OpenOrder(o.leg.symbol, o.leg.side, o.leg.price, o.remaining) for o in self.orders]
        return plan_rebalance(self.valuation(row), self.targets, limits, self.info(row), self.prices(row), resting)

    def new_first_prices(self, row: int, plan: Plan) -> dict[str, Decimal]:
        rests = {skip.asset for skip in plan.skips if skip.code in SETTLED}
        sought = {order.leg.symbol for order in self.orders} | {leg.symbol for leg in plan.legs}
        prices, rules = self.prices(row).prices, self.scenario.info.rules
        return {
            symbol: self.first_prices.get(symbol, price.value)
            for symbol, price in prices.items()
            if symbol in sought or not {rules[symbol].base, rules[symbol].quote} & rests
        }

    def turnover_left(self, row: int) -> Decimal | None:
        if self.scenario.max_turnover_pct is None:
            return None
        recent = [trade for trade in self.found.trades if self.now_ms(trade[0]) > self.now_ms(row) - 86_400_000]
        used = sum((trade[3] * trade[4] * self.worth(trade[0], trade[1]) for trade in recent), ZERO)
        for order in self.orders:
            worth = order.leg.direct.counter_price if order.leg.direct else 1
            used += order.leg.price * order.remaining * worth
        owed, self.owed = self.owed, ZERO
        nav = self.valuation(row).nav
        self.owed = owed
        with wide():
            return nav * self.scenario.max_turnover_pct / HUNDRED - used

    # --- what happens -------------------------------------------------------------------------------------------

    def match(self, row: int) -> None:
        fills = self.scenario.fills
        used: dict[str, Decimal] = {}
        for order in list(self.orders):
            leg = order.leg
            rules = self.scenario.info.rules[leg.symbol]
            candle = self.series_of(leg.symbol).candle(row)
            if candle is None:
                continue
            quantity = order.remaining
            with wide():
                half = fills.spread_pct / HUNDRED / 2
                if fills.participation_pct is not None:
                    room = candle.volume * fills.participation_pct / HUNDRED - used.get(leg.symbol, ZERO)
                    quantity = min(quantity, floor_to_step(room, rules.quantity_grid))
                tick = rules.price_grid if fills.reach == Reach.THROUGH else ZERO
                if leg.side == Side.BUY:
                    taken = rules.ceil_price(candle.open * (1 + half))
                    crosses, reached = taken <= leg.price, candle.low * (1 + half) <= leg.price - tick
                else:
                    taken = rules.floor_price(candle.open * (1 - half))
                    crosses = taken > ZERO and taken >= leg.price
                    reached = candle.high * (1 - half) >= leg.price + tick
            if quantity <= 0:
                continue
            if order.row == row - 1 and crosses:
                price, rate = taken, self.scenario.fees.taker
            elif reached:
                price, rate = leg.price, self.scenario.fees.maker
            else:
                continue
            used[leg.symbol] = used.get(leg.symbol, ZERO) + quantity
            order.remaining -= quantity
            self.rounds[order.round] = True
            if not order.remaining:
                self.orders.remove(order)
            self.trade(row, leg, price, quantity, rate)

    def trade(self, row: int, leg: Leg, price: Decimal, quantity: Decimal, rate: Decimal) -> None:
        totals, quote = self.found.totals, self.paid_with(leg)
        worth = price * quantity
        in_quote = worth * self.worth(row, leg.symbol) * rate
        if leg.side == Side.BUY:
            totals[quote] -= worth
            totals[leg.asset] = totals.get(leg.asset, ZERO) + quantity
            fee, fee_asset = floor_to_step(quantity * rate, EIGHTH), leg.asset
        else:
            totals[leg.asset] -= quantity
            totals[quote] = totals.get(quote, ZERO) + worth
            fee, fee_asset = floor_to_step(worth * rate, EIGHTH), quote
        bnb = self.history.series[self.history.places["BNB"]].close(row) if "BNB" in self.history.places else None
        if self.scenario.fees.in_bnb and bnb is not None and fee_asset != "BNB":
            with wide():
                discounted = floor_to_step(in_quote * Decimal("0.75") / bnb, EIGHTH)
            if totals.get("BNB") and discounted <= totals.get("BNB", ZERO) - self.locked().get("BNB", ZERO):
                fee, fee_asset = discounted, "BNB"
        totals[fee_asset] -= fee
        self.found.trades.append((row, leg.symbol, leg.side.value, price, quantity, fee, fee_asset))

    def pay(self, row: int) -> None:
        totals, quote = self.found.totals, self.scenario.quote
        while self.flows and self.flows[0].at_ms <= self.now_ms(row):
            flow = self.flows.pop(0)
            if flow.amount > 0:
                totals[flow.asset] = totals.get(flow.asset, ZERO) + flow.amount
                self.has_deposit = self.has_deposit or self.scenario.deploy_deposits
            elif flow.asset == quote:
                self.owed -= flow.amount
            else:
                free = totals.get(flow.asset, ZERO) - self.locked().get(flow.asset, ZERO)
                totals[flow.asset] = totals.get(flow.asset, ZERO) + max(flow.amount, -max(free, ZERO))
        payable = min(self.owed, max(totals[quote] - self.locked().get(quote, ZERO), ZERO))
        totals[quote] -= payable
        self.owed -= payable

    def look(self, row: int) -> None:
        by_hand = row == 0 and self.scenario.begins_by_hand
        if self.goal is not None:
            self.advance(row)
        if by_hand:
            self.begin(row, Goal.BAND, "by_hand")
        if self.goal is None:
            self.decide(row, by_hand)

    def decide(self, row: int, by_hand: bool) -> None:
        scenario = self.scenario
        if self.owed:
            self.begin(row, Goal.TARGET, "withdrawal")
            if self.goal is not None:
                return
        decision = decide_tick(
            trigger=scenario.trigger,
            now=EPOCH + timedelta(milliseconds=self.now_ms(row)),
            drift=largest_drift(self.valuation(row), self.targets, scenario.limits),
            interval=scenario.every,
            scheduled_at=self.scheduled_at,
            has_deposit=self.has_deposit,
            whole_portfolio=scenario.whole_portfolio,
        )
        goal = decision.act.goal
        if decision.code == "outside_band" and scenario.whole_portfolio and not by_hand:
            planner = Planner(self.targets, scenario.limits, self.info(row), scenario.quote)
            if not planner.wants_something(self.valuation(row), self.prices(row)):
                return
        if goal is None or by_hand or self.begin(row, goal, decision.code):
            self.scheduled_at = decision.next_scheduled_at

    def begin(self, row: int, goal: Goal, code: str) -> bool:
        if self.now_ms(row) - self.ended_ms > 86_400_000:
            self.first_prices = {}
        plan = self.plan(row, goal)
        if not plan.legs and not plan.is_settled:
            return False
        self.has_deposit = False
        if plan.legs:
            self.goal, self.rounds, self.avoided = goal, [], set()
            self.found.begun.append((row, code))
            self.place(row, plan)
            if not self.orders:
                self.advance(row)
        return True

    def place(self, row: int, plan: Plan) -> None:
        self.rounds.append(False)
        self.planned_row = row
        if self.scenario.limits.worst_price_pct is not None:
            self.first_prices = self.new_first_prices(row, plan)
        prices = self.prices(row).prices
        for leg in plan.legs:
            if self.scenario.fills.mode == FillMode.CLOSE:
                rules, price = self.scenario.info.rules[leg.symbol], prices[leg.symbol].value
                if self.scenario.fills.spread_pct:
                    with wide():
                        half = self.scenario.fills.spread_pct / HUNDRED / 2
                        price = (
                            rules.ceil_price(price * (1 + half))
                            if leg.side == Side.BUY
                            else rules.floor_price(price * (1 - half))
                        )
                if price <= leg.price if leg.side == Side.BUY else price >= leg.price:
                    self.rounds[-1] = True
                    self.trade(row, leg, price, leg.quantity, self.scenario.fees.taker)
                    continue
            self.orders.append(Order(leg, row, len(self.rounds) - 1, leg.quantity))

    def advance(self, row: int) -> None:
        assert self.goal is not None
        while True:
            cut = self.reprice(row)
            lifetime_ms = self.scenario.order_lifetime_seconds * 1000
            ages = [self.now_ms(row) - self.now_ms(order.row) for order in self.orders]
            if not cut and any(age < lifetime_ms for age in ages):
                return
            resting = {order.round for order in self.orders}
            quiet = [traded for number, traded in enumerate(self.rounds) if number not in resting][-5:]
            if len(self.rounds) >= 200 or (len(quiet) == 5 and not any(quiet) and not self.orders):
                return self.end(row)
            if (
                self.planned_row < row
                and not self.orders
                and self.rounds[-1]
                and self.plan(self.planned_row, self.goal).is_settled
            ):
                self.first_prices = {}
                return self.end(row)
            plan = self.plan(row, self.goal)
            if plan.is_settled:
                self.first_prices = {}
                return self.end(row)
            against = {skip.values["symbol"] for skip in plan.skips if skip.code == "opposite_order"}
            turned = [order for order in self.orders if order.leg.symbol in against]
            if turned:
                self.give_up(turned)
                self.orders = [order for order in self.orders if order not in turned]
                continue
            if not plan.legs:
                return None if self.orders else self.end(row)
            self.place(row, plan)
            if self.orders:
                return None

    def reprice(self, row: int) -> bool:
        scenario, kept = self.scenario, []
        info = self.scenario.info
        limits = replace(scenario.limits, first_prices=self.first_prices)
        for order in self.orders:
            leg, rules = order.leg, info.rules[order.leg.symbol]  # it was listed when it was placed
            series = self.series_of(leg.symbol)
            mid = series.close(row)
            assert mid is not None
            with wide():
                new = limit_price(
                    rules,
                    leg.side,
                    mid,
                    limits.order_step_pct,
                    limits.worst_price(leg.symbol, leg.side),
                )
            is_late = self.now_ms(row) - self.now_ms(order.row) >= scenario.order_lifetime_seconds * 1000
            is_in_vain = leg.direct is not None and order.remaining == leg.quantity
            moves = order_wants_new_price(
                order_price=leg.price,
                side=leg.side,
                sent_ms=self.now_ms(order.row),
                now_ms=self.now_ms(row),
                mid=mid,
                new_limit_price=new,
                lifetime_ms=scenario.order_lifetime_seconds * 1000,
                reprice_distance_pct=scenario.reprice_distance_pct,
            )
            if not series.has_candle(row) or not (moves or (is_late and is_in_vain)):
                kept.append(order)
        self.give_up([order for order in self.orders if order not in kept])
        was_cut = len(kept) < len(self.orders)
        self.orders = kept
        return was_cut

    def give_up(self, orders: list[Order]) -> None:
        self.avoided |= {o.leg.symbol for o in orders if o.leg.direct is not None and o.remaining == o.leg.quantity}

    def end(self, row: int) -> None:
        self.avoided = set()
        self.orders, self.goal, self.ended_ms = [], None, self.now_ms(row)


def slow_backtest(history: History, scenario: Scenario) -> Reference:
    return SlowBacktest(history, scenario).run()


def as_rows(result: object) -> list[tuple[int, str, str, Decimal, Decimal, Decimal, str]]:
    """The trades of a fast back-test in the form of the slow one's."""
    return [
        (trade.row, trade.symbol, trade.side.value, trade.price, trade.quantity, trade.fee, trade.fee_asset)
        for trade in result.trades  # type: ignore[attr-defined]
    ]


def same_totals(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> bool:
    return {a: v for a, v in one.items() if v} == {a: v for a, v in other.items() if v}
