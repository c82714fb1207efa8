"""The matching engine, without a database: LIMIT orders that wait, and what is refused."""

import pytest

from exchanges.paper import engine
from exchanges.paper.engine import Balance, Refused, Request
from exchanges.paper.tests.scenes import RULES, D, account, book, place, request, walk


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
