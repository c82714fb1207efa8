"""The matching engine, without a database: whatever happens, nothing is created, lost, or counted twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper import engine
from exchanges.paper.engine import Account, Balance, Book, Order, Outcome, Refused, Request
from exchanges.paper.symbols import SYMBOLS

D = Decimal
RULES = {symbol: SYMBOLS[symbol] for symbol in ("BTCUSDT", "ETHUSDT", "ETHBTC", "XRPBTC")}
PRICES = {"BTCUSDT": D("50000"), "ETHUSDT": D("2500"), "ETHBTC": D("0.05"), "XRPBTC": D("0.00002251")}


@dataclass(frozen=True)
class Tick:
    time_ms: int
    price: Decimal
    lots: int


class ListPath:
    """A path that is a plain list, the simplest thing that can be walked along."""

    def __init__(self, ticks: Sequence[Tick]) -> None:
        self.ticks = ticks

    def at(self, index: int) -> Tick:
        return self.ticks[index]

    def next_touch(self, start: int, buy: Decimal | None, sell: Decimal | None, min_lots: int) -> int | None:
        for index in range(start, len(self.ticks)):
            tick = self.ticks[index]
            reached = (buy is not None and tick.price <= buy) or (sell is not None and tick.price >= sell)
            if reached and tick.lots >= min_lots:
                return index
        return None


def account(**balances: str) -> Account:
    return Account(number=7, balances={asset: Balance(D(amount)) for asset, amount in balances.items()})


def request(
    side: str, quantity: str, price: str, symbol: str = "BTCUSDT", client_id: str = "a", **more: str
) -> Request:
    return Request(symbol, side, D(quantity), D(price), client_id, **more)


def book(*, bids: Sequence[tuple[str, str]] = (), asks: Sequence[tuple[str, str]] = (), step: int = 1) -> Book:
    def levels(rows: Sequence[tuple[str, str]]) -> tuple[tuple[Decimal, Decimal], ...]:
        return tuple((D(price), D(quantity)) for price, quantity in rows)

    return Book(step, levels(bids), levels(asks))


def place(given_account: Account, wanted: Request, offered: Book | None = None, now_ms: int = 1000) -> Outcome:
    reference = PRICES[wanted.symbol]
    return engine.place(given_account, wanted, RULES[wanted.symbol], offered or book(), reference, now_ms)


def walk(given_account: Account, prices: Sequence[str], lots: int = 10**9, begin: int = 2000) -> Outcome:
    path = ListPath([Tick(begin + 1000 * i, D(price), lots) for i, price in enumerate(prices)])
    return engine.advance(given_account, {"BTCUSDT": path}, RULES)


def test_a_buy_locks_its_whole_price_and_a_sell_its_whole_quantity() -> None:
    after = place(account(USDT="10000", BTC="1"), request("BUY", "0.1", "49000")).account
    after = place(after, request("SELL", "0.4", "51000", client_id="b")).account
    assert after.balances == {"USDT": Balance(D("5100"), D("4900")), "BTC": Balance(D("0.6"), D("0.4"))}


def test_a_taker_pays_the_book_and_what_it_saves_is_unlocked() -> None:
    offered = book(asks=[("49900", "0.04"), ("50000", "0.03"), ("50200", "9")])
    outcome = place(account(USDT="10000"), request("BUY", "0.1", "50100"), offered)
    (order,) = outcome.orders
    assert (order.status, order.executed, order.quote_executed) == ("PARTIALLY_FILLED", D("0.07"), D("3496"))
    assert outcome.account.balances["USDT"] == Balance(D("10000") - 3496 - D("0.03") * 50100, D("0.03") * 50100)
    assert outcome.account.balances["BTC"] == Balance(D("0.07") - D("0.00007"))
    assert [trade.is_maker for trade in outcome.trades] == [False, False]


def test_one_step_gives_each_lot_of_its_book_once() -> None:
    offered = book(asks=[("50000", "0.05"), ("50100", "0.05")])
    first = place(account(USDT="20000"), request("BUY", "0.05", "50100"), offered)
    second = place(first.account, request("BUY", "0.05", "50100", client_id="b"), offered)
    third = place(second.account, request("BUY", "0.05", "50100", client_id="c"), offered)
    fresh = place(third.account, request("BUY", "0.05", "50100", client_id="d"), book(asks=[("50000", "9")], step=2))
    assert [outcome.trades[0].price for outcome in (first, second, fresh)] == [50000, 50100, 50000]
    assert third.trades == ()


def test_a_resting_order_waits_for_its_price_and_fills_at_it_by_a_tenth_of_the_volume() -> None:
    resting = place(account(USDT="10000"), request("BUY", "0.1", "49000")).account
    assert walk(resting, ["50000", "49000.01"]).trades == ()
    outcome = walk(resting, ["49500", "48000", "49000", "49000"], lots=50_000)
    assert [(trade.price, trade.quantity, trade.time_ms) for trade in outcome.trades] == [
        (D(49000), D("0.05"), 3000),
        (D(49000), D("0.05"), 4000),
    ]
    assert outcome.orders[0].status == "FILLED"
    assert outcome.account.balances["USDT"] == Balance(D("5100"), D(0))
    assert outcome.account.balances["BTC"].free == D("0.1") - D("0.0001")


def test_a_step_is_shared_by_price_and_then_by_time() -> None:
    state = account(USDT="20000")
    for client_id, price in (("late", "49000"), ("later", "49000"), ("best", "49500")):
        state = place(state, request("BUY", "0.1", price, client_id=client_id)).account
    outcome = walk(state, ["48000"], lots=150_000)
    filled = {order.client_order_id: order.executed for order in outcome.orders}
    assert filled == {"best": D("0.1"), "late": D("0.05")}


def test_the_same_client_id_is_refused_while_the_first_is_open_and_accepted_afterwards() -> None:
    state = place(account(USDT="10000"), request("BUY", "0.01", "49000")).account
    with pytest.raises(Refused, match=r"-2010: Duplicate order sent\."):
        place(state, request("BUY", "0.01", "49000"))
    state = walk(state, ["48000"]).account
    assert place(state, request("BUY", "0.01", "49000")).orders[0].status == "NEW"


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (request("BUY", "0", "49000"), "-1013: Invalid quantity."),
        (request("BUY", "1", "0"), "-1013: Invalid price."),
        (request("BUY", "0.1", "49000.001"), "-1013: Filter failure: PRICE_FILTER"),
        (request("BUY", "0.1", "1000000.01"), "-1013: Filter failure: PRICE_FILTER"),
        (request("BUY", "0.100001", "49000"), "-1013: Filter failure: LOT_SIZE"),
        (request("BUY", "9000.00001", "49000"), "-1013: Filter failure: LOT_SIZE"),
        (request("BUY", "0.1", "9999.99"), "-1013: Filter failure: PERCENT_PRICE_BY_SIDE"),
        (request("SELL", "0.1", "250000.01"), "-1013: Filter failure: PERCENT_PRICE_BY_SIDE"),
        (request("BUY", "0.0001", "49999.99"), "-1013: Filter failure: NOTIONAL"),
        (request("SELL", "9000", "50000"), "-1013: Filter failure: NOTIONAL"),
        (request("BUY", "1", "49000"), "-2010: Account has insufficient balance for requested action."),
        (request("SELL", "1.00001", "49000"), "-2010: Account has insufficient balance for requested action."),
        (request("BUY", "0.1", "49000", type="MARKET"), "-1020: This operation is not supported."),
        (request("BUY", "0.1", "49000", time_in_force="IOC"), "-1020: This operation is not supported."),
    ],
)
def test_what_is_refused(wanted: Request, refusal: str) -> None:
    state = account(USDT="10000", BTC="1")
    with pytest.raises(Refused) as caught:
        place(state, wanted)
    assert str(caught.value) == refusal


def test_the_201st_open_order_of_a_symbol_is_refused() -> None:
    state = account(USDT="10000")
    for number in range(200):
        state = place(state, request("BUY", "0.0002", "25000", client_id=f"n{number}")).account
    with pytest.raises(Refused, match="-2010: Filter failure: MAX_NUM_ORDERS"):
        place(state, request("BUY", "0.0002", "25000", client_id="one more"))


def test_only_an_open_order_can_be_cancelled_and_it_gives_back_what_it_locked() -> None:
    state = place(account(USDT="10000"), request("BUY", "0.1", "49000")).account
    ((symbol, order_id),) = state.open_orders
    outcome = engine.cancel(state, symbol, order_id, RULES[symbol], 5000)
    assert outcome.orders[0].status == "CANCELED"
    assert outcome.account.balances["USDT"] == Balance(D("10000"))
    with pytest.raises(Refused, match=r"-2011: Unknown order sent\."):
        engine.cancel(outcome.account, symbol, order_id, RULES[symbol], 6000)


def test_money_that_is_not_there_cannot_be_taken() -> None:
    with pytest.raises(ArithmeticError):
        engine.move(account(USDT="1"), "USDT", D("-1.00000001"), "withdrawal", 0)


# --- Properties ------------------------------------------------------------------------------------------

places = st.tuples(
    st.just("place"),
    st.sampled_from(sorted(RULES)),
    st.sampled_from(["BUY", "SELL"]),
    st.integers(-300, 300),  # price, in hundredths of a percent from the market
    st.integers(1, 5000),  # quantity, in parts of a typical one
)
walks = st.tuples(st.just("walk"), st.lists(st.tuples(st.integers(-400, 400), st.integers(0, 3000)), max_size=6))
cancels = st.tuples(st.just("cancel"), st.integers(0, 20))
scripts = st.lists(st.one_of(places, places, walks, cancels), max_size=25)


def near(symbol: str, hundredths: int) -> Decimal:
    tick = RULES[symbol].tick
    return (PRICES[symbol] * (10_000 + hundredths) / 10_000 / tick).to_integral_value() * tick


def typical(symbol: str, parts: int) -> Decimal:
    spec = RULES[symbol]
    lots = (spec.min_notional / PRICES[symbol] / spec.step).to_integral_value() * parts / 20
    return max(lots.to_integral_value(), D(1)) * spec.step


def offered_book(symbol: str, step: int) -> Book:
    amount = typical(symbol, 900)
    tick = RULES[symbol].tick
    asks = tuple((near(symbol, 10 * level) + tick, amount) for level in range(1, 8))
    bids = tuple((near(symbol, -10 * level) - tick, amount) for level in range(1, 8))
    return Book(step, bids, asks)


def run(script: list[tuple], pieces: int) -> tuple[Account, list[Outcome], list[Order]]:
    """Play a script; every walk is cut into `pieces` parts."""
    state = account(USDT="60000", BTC="1.5", ETH="20", XRP="30000.5")
    outcomes: list[Outcome] = []
    seen: list[Order] = []
    now = 1000
    for number, (command, *details) in enumerate(script):
        try:
            if command == "place":
                symbol, side, hundredths, parts = details
                wanted = Request(symbol, side, typical(symbol, parts), near(symbol, hundredths), f"c{number}")
                outcome = engine.place(state, wanted, RULES[symbol], offered_book(symbol, now), PRICES[symbol], now)
            elif command == "cancel":
                if not state.open_orders:
                    continue
                keys = sorted(state.open_orders)
                symbol, order_id = keys[details[0] % len(keys)]
                outcome = engine.cancel(state, symbol, order_id, RULES[symbol], now)
            else:
                ticks = details[0]
                for piece in range(pieces):
                    part = range(len(ticks) * piece // pieces, len(ticks) * (piece + 1) // pieces)
                    paths = {
                        symbol: ListPath([Tick(now + 1000 * i, near(symbol, ticks[i][0]), ticks[i][1]) for i in part])
                        for symbol in RULES
                    }
                    outcome = engine.advance(state, paths, RULES)
                    state = outcome.account
                    outcomes.append(outcome)
                    seen.extend(outcome.orders)
                now += 1000 * len(ticks)
                continue
        except Refused:
            continue
        state = outcome.account
        outcomes.append(outcome)
        seen.extend(outcome.orders)
    return state, outcomes, seen


@settings(max_examples=1000, deadline=None)
@given(scripts)
def test_every_asset_is_conserved_and_every_lock_has_its_order(script: list[tuple]) -> None:
    start = account(USDT="60000", BTC="1.5", ETH="20", XRP="30000.5")
    totals = {asset: balance.total for asset, balance in start.balances.items()}
    _, outcomes, seen = run(script, 1)
    for outcome in outcomes:
        for entry in outcome.entries:
            totals[entry.asset] = totals.get(entry.asset, D(0)) + entry.amount
        after = outcome.account
        assert {asset: balance.total for asset, balance in after.balances.items()} == totals
        assert all(balance.free >= 0 and balance.locked >= 0 for balance in after.balances.values())
        locks = engine.required_locks(after.open_orders.values(), RULES)
        held = {asset: balance.locked for asset, balance in after.balances.items() if balance.locked}
        assert held == {asset: lock for asset, lock in locks.items() if lock}
        assert all(-balance.free.as_tuple().exponent <= 8 for balance in after.balances.values())
    last: dict[tuple[str, int], Order] = {}
    for order in seen:
        before = last.get((order.symbol, order.order_id))
        if before is not None:
            assert before.is_open
            assert order.executed >= before.executed
            assert order.quote_executed >= before.quote_executed
        last[order.symbol, order.order_id] = order
    for symbol in RULES:
        for ids in (
            [order_id for (of, order_id) in last if of == symbol],
            [trade.trade_id for outcome in outcomes for trade in outcome.trades if trade.symbol == symbol],
        ):
            assert ids == sorted(set(ids))
    for outcome in outcomes:
        for trade in outcome.trades:
            assert trade.quantity % RULES[trade.symbol].step == 0


@settings(max_examples=600, deadline=None)
@given(scripts, st.integers(2, 5))
def test_how_often_an_account_is_looked_at_changes_nothing(script: list[tuple], pieces: int) -> None:
    whole, whole_outcomes, _ = run(script, 1)
    cut, cut_outcomes, _ = run(script, pieces)
    assert whole == cut
    trades = [
        {(trade.symbol, trade.trade_id): trade for outcome in outcomes for trade in outcome.trades}
        for outcomes in (whole_outcomes, cut_outcomes)
    ]
    assert trades[0] == trades[1]
