"""The matching engine under thousands of random acts: nothing is ever created, lost, promised twice or taken back."""

from collections import Counter
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from exchanges.paper import engine
from exchanges.paper.engine import Account, Balance, Book, Order, Outcome, Refused, Request, Trade
from exchanges.paper.tests.scenes import PRICES, RULES, D, ListPath, Tick
from tests.support import IS_SOAK, examples

START = {"USDT": "60000", "BTC": "1.5", "ETH": "20", "XRP": "30000.5", "SOL": "40", "BNB": "3.02"}
BNB_WORTH = {
    "USDT": D("0.001"), "BTC": D("50"), "ETH": D("2.5"), "XRP": D("0.0011"), "SOL": D("0.15"), "BNB": D("1"),
}  # fmt: skip
EIGHT = D("0.00000001")
ZERO = D(0)
STEPS = 50
EXAMPLES = examples(200)
LEAST_STEPS = examples(5_000)
WORTH_SEEING = (
    "FILLED", "PARTIALLY_FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "maker trade", "taker trade", "BNB fee",
    "amended",
)  # fmt: skip

symbols = st.sampled_from(sorted(RULES))
sides = st.sampled_from(["BUY", "SELL"])
hundredths = st.integers(-300, 300)  # price, in hundredths of a percent from the market
parts = st.integers(1, 5000)  # quantity, in parts of a typical one
picks = st.integers(0, 40)  # which of the open orders


def near(symbol: str, distance: int) -> Decimal:
    tick = RULES[symbol].price.step
    return (PRICES[symbol] * (10_000 + distance) / 10_000 / tick).to_integral_value() * tick


def typical(symbol: str, share: int) -> Decimal:
    rules = RULES[symbol]
    lots = (rules.notionals[0].bounds.low / PRICES[symbol] / rules.lot_unit).to_integral_value() * share / 20
    return max(lots.to_integral_value(), D(1)) * rules.lot_unit


def offered_book(symbol: str, step: int) -> Book:
    amount, tick = typical(symbol, 900), RULES[symbol].price.step
    asks = tuple((near(symbol, 10 * level) + tick, amount) for level in range(1, 8))
    bids = tuple((near(symbol, -10 * level) - tick, amount) for level in range(1, 8))
    return Book(step, bids, asks)


def bnb_value(asset: str, time_ms: int) -> Decimal:
    return BNB_WORTH[asset]


class EngineMachine(RuleBasedStateMachine):
    """One account and everything that can happen to it; a second one is looked at ten times as often."""

    steps = 0
    happened: Counter[str] = Counter()

    @initialize(burns_bnb=st.booleans())
    def open_the_account(self, burns_bnb: bool) -> None:
        balances = {asset: Balance(D(amount)) for asset, amount in START.items()}
        self.state = Account(number=7, balances=balances, burns_bnb=burns_bnb)
        self.totals = {asset: balance.total for asset, balance in balances.items()}
        self.orders: dict[tuple[str, int], Order] = {}
        self.trades: dict[tuple[str, int], Trade] = {}
        self.newest_trade: dict[str, int] = {}
        self.now = 1000
        self.placed = 0

    # --- What can happen ---------------------------------------------------------------------------------

    @rule(
        symbol=symbols,
        side=sides,
        distance=hundredths,
        share=parts,
        kind=st.sampled_from(["LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER"]),
        time_in_force=st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
    )
    def place_a_limit(self, symbol: str, side: str, distance: int, share: int, kind: str, time_in_force: str) -> None:
        self._place(symbol, side, typical(symbol, share), near(symbol, distance), kind, time_in_force)

    @rule(symbol=symbols, side=sides, distance=st.integers(5, 200), share=st.integers(1, 800))
    def place_one_that_waits(self, symbol: str, side: str, distance: int, share: int) -> None:
        self._place(symbol, side, typical(symbol, share), near(symbol, -distance if side == "BUY" else distance))

    @rule(symbol=symbols, side=sides, share=parts, by_quote=st.booleans())
    def place_a_market(self, symbol: str, side: str, share: int, by_quote: bool) -> None:
        quantity = typical(symbol, share)
        quote = (quantity * PRICES[symbol]).quantize(EIGHT) if by_quote else D(0)
        self._place(symbol, side, D(0) if by_quote else quantity, D(0), "MARKET", "GTC", quote)

    @rule(pick=picks, stp_mode=st.sampled_from(["EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]))
    def meet_one_of_its_own(self, pick: int, stp_mode: str) -> None:
        order = self._picked(pick)
        if order is not None:
            side = "SELL" if order.is_buy else "BUY"
            self._place(order.symbol, side, order.quantity, order.price, stp_mode=stp_mode, has_book=False)

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        order = self._picked(pick)
        if order is not None:
            self._take(engine.cancel(self.state, order.symbol, order.order_id, RULES[order.symbol], self.now))

    @rule(pick=picks, distance=hundredths, share=parts)
    def cancel_and_replace(self, pick: int, distance: int, share: int) -> None:
        order = self._picked(pick)
        if order is not None:
            self._take(engine.cancel(self.state, order.symbol, order.order_id, RULES[order.symbol], self.now))
            price = near(order.symbol, distance)
            self._place(order.symbol, order.side, typical(order.symbol, share), price, client_id=order.client_order_id)

    @rule(pick=picks, percent=st.integers(1, 130))
    def amend(self, pick: int, percent: int) -> None:
        order = self._picked(pick)
        if order is None:
            return
        rules = RULES[order.symbol]
        quantity = (order.quantity * percent / 100 // rules.lot_unit) * rules.lot_unit
        try:
            outcome = engine.amend(
                self.state, order.symbol, order.order_id, quantity, f"{order.client_order_id}-", rules, self.now
            )
        except Refused:
            return
        (amended,) = outcome.orders
        assert (amended.order_id, amended.time_ms) == (order.order_id, order.time_ms)
        assert amended.quantity <= order.quantity
        self._take(outcome)

    @rule(ticks=st.lists(st.tuples(hundredths, st.integers(0, 3000)), min_size=1, max_size=6), cut=st.integers(0, 6))
    def let_the_market_walk(self, ticks: list[tuple[int, int]], cut: int) -> None:
        """In one go or in two: what happens is the same, to the last id."""
        whole = self._walked(self.state, ticks, 0)
        first = self._walked(self.state, ticks[:cut], 0)
        second = self._walked(first.account, ticks[cut:], cut)
        assert second.account == whole.account
        assert {*first.trades, *second.trades} == {*whole.trades}
        self._take(whole)
        self.now += 1000 * len(ticks)

    @rule(asset=st.sampled_from(sorted(START)), amount=st.decimals(D("-50"), D("50"), places=8))
    def move_money(self, asset: str, amount: Decimal) -> None:
        if self.state.balance(asset).free + amount >= 0:
            self._take(engine.move(self.state, asset, amount, "deposit", self.now))

    @rule()
    def reset(self) -> None:
        for symbol, order_id in list(self.state.open_orders):
            self._take(engine.cancel(self.state, symbol, order_id, RULES[symbol], self.now))
        for asset, amount in START.items():
            self._take(engine.move(self.state, asset, D(amount) - self.state.balance(asset).free, "reset", self.now))
        assert all(not balance.locked for balance in self.state.balances.values())

    # --- What must always be true ------------------------------------------------------------------------

    @invariant()
    def every_asset_is_conserved_to_the_last_digit(self) -> None:
        type(self).steps += 1
        held = {asset: balance.total for asset, balance in self.state.balances.items() if balance.total}
        assert held == {asset: amount for asset, amount in self.totals.items() if amount}

    @invariant()
    def nothing_is_negative_or_finer_than_eight_decimals(self) -> None:
        for balance in self.state.balances.values():
            assert balance.free >= 0
            assert balance.locked >= 0
            assert balance.free % EIGHT == balance.locked % EIGHT == 0

    @invariant()
    def locked_is_what_open_orders_need(self) -> None:
        locks: dict[str, Decimal] = {}
        for order in self.state.open_orders.values():
            left, rules = order.quantity - order.executed, RULES[order.symbol]
            asset = rules.quote if order.is_buy else rules.base
            lock = (order.price * left).quantize(EIGHT, ROUND_CEILING) if order.is_buy else left
            locks[asset] = locks.get(asset, D(0)) + lock
        held = {asset: balance.locked for asset, balance in self.state.balances.items() if balance.locked}
        assert held == {asset: lock for asset, lock in locks.items() if lock}

    @invariant()
    def open_orders_are_the_open_ones(self) -> None:
        assert dict(self.state.open_orders) == {key: order for key, order in self.orders.items() if order.is_open}

    @invariant()
    def an_order_has_executed_what_its_trades_say(self) -> None:
        executed: dict[tuple[str, int], Decimal] = {}
        for trade in self.trades.values():
            key = (trade.symbol, trade.order_id)
            executed[key] = executed.get(key, D(0)) + trade.quantity
        assert executed == {key: order.executed for key, order in self.orders.items() if order.executed}

    # --- How it is done ----------------------------------------------------------------------------------

    def _place(
        self,
        symbol: str,
        side: str,
        quantity: Decimal,
        price: Decimal,
        kind: str = "LIMIT",
        time_in_force: str = "GTC",
        quote: Decimal = ZERO,
        client_id: str = "",
        stp_mode: str = "EXPIRE_MAKER",
        has_book: bool = True,
    ) -> None:
        self.placed += 1
        wanted = Request(
            symbol, side, quantity, price, client_id or f"c{self.placed}", kind,
            time_in_force if kind == "LIMIT" else "GTC", stp_mode, quote_order_quantity=quote,
        )  # fmt: skip
        before = self.state
        offered = offered_book(symbol, self.now) if has_book else Book(self.now, (), ())
        try:
            outcome = engine.place(self.state, wanted, RULES[symbol], offered, PRICES[symbol], self.now, bnb_value)
        except Refused:
            assert self.state == before
            return
        order, *prevented = outcome.orders
        newest = max((order_id for of, order_id in self.orders if of == symbol), default=0)
        assert order.order_id > newest
        assert order.is_open == (order.status in ("NEW", "PARTIALLY_FILLED"))
        assert order.is_open <= (kind != "MARKET" and wanted.time_in_force == "GTC")
        assert all(other.status == "EXPIRED_IN_MATCH" and other.side != side for other in prevented)
        if order.is_open:
            assert not engine.opposite(wanted, outcome.account.open_orders.values())
        if wanted.time_in_force == "FOK":
            assert order.executed in (0, order.quantity)
        if kind == "LIMIT_MAKER":
            assert not outcome.trades
        if quote:
            assert order.quote_executed <= quote
        self._take(outcome)

    def _picked(self, pick: int) -> Order | None:
        keys = sorted(self.state.open_orders)
        return self.state.open_orders[keys[pick % len(keys)]] if keys else None

    def _walked(self, state: Account, ticks: list[tuple[int, int]], offset: int) -> Outcome:
        paths = {
            symbol: ListPath(
                [
                    Tick(self.now + 1000 * (offset + index), near(symbol, distance), lots)
                    for index, (distance, lots) in enumerate(ticks)
                ]
            )
            for symbol in RULES
        }
        return engine.advance(state, paths, RULES, bnb_value)

    def _take(self, outcome: Outcome) -> None:
        """Believe the entries, and hold the orders and trades against what was known of them."""
        self.happened.update(order.status for order in outcome.orders)
        self.happened.update("maker trade" if trade.is_maker else "taker trade" for trade in outcome.trades)
        self.happened.update("BNB fee" for trade in outcome.trades if trade.commission_asset == "BNB")
        self.happened.update("amended" for order in outcome.orders if order.amendments)
        for entry in outcome.entries:
            self.totals[entry.asset] = self.totals.get(entry.asset, D(0)) + entry.amount
        for order in outcome.orders:
            before = self.orders.get((order.symbol, order.order_id))
            if before is not None:
                assert before.is_open, "an order that has ended has changed"
                assert order.executed >= before.executed
                assert order.quote_executed >= before.quote_executed
                assert replace(before, **_changing(order)) == order, "something changed that never may"
            self.orders[order.symbol, order.order_id] = order
        for trade in sorted(outcome.trades, key=lambda trade: trade.trade_id):
            assert trade.trade_id > self.newest_trade.get(trade.symbol, 0)
            self.newest_trade[trade.symbol] = trade.trade_id
            self.trades[trade.symbol, trade.trade_id] = trade
            _check_trade(trade)
        self.state = outcome.account


def _changing(order: Order) -> dict[str, Any]:
    names = (
        "executed", "quote_executed", "status", "update_ms", "quantity", "client_order_id", "amendments",
        "expiry_reason",
    )  # fmt: skip
    return {name: getattr(order, name) for name in names}


def floored(amount: Decimal) -> Decimal:
    return amount // EIGHT * EIGHT


def _check_trade(trade: Trade) -> None:
    rules = RULES[trade.symbol]
    assert trade.quantity > 0
    assert trade.quantity % rules.lot_unit == 0
    received = rules.base if trade.is_buyer else rules.quote
    amount = trade.quantity if trade.is_buyer else trade.quote_quantity
    usual = amount * D("0.001")
    in_bnb = usual * engine.BNB_DISCOUNT * BNB_WORTH[received]
    paid = (trade.commission_asset, trade.commission)
    assert paid in ((received, floored(usual)), ("BNB", floored(in_bnb)))


@pytest.mark.search
def test_thousands_of_random_acts_leave_the_books_right() -> None:
    EngineMachine.steps = 0
    EngineMachine.happened.clear()
    run_state_machine_as_test(
        EngineMachine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    )
    assert EngineMachine.steps >= LEAST_STEPS
    if IS_SOAK:  # a quarter of the acts may miss one of them by chance
        assert all(EngineMachine.happened[what] >= 50 for what in WORTH_SEEING), EngineMachine.happened
