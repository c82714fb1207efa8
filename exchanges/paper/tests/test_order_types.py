"""What becomes of each type of order: what it takes at once, what rests, what expires, and at which price."""

from dataclasses import replace

import pytest

from exchanges.paper import engine
from exchanges.paper.engine import Balance, Refused
from exchanges.paper.tests.scenes import RULES, D, account, book, market, place, request, walk

ASKS = [("50000", "0.1"), ("50010", "0.2"), ("50100", "0.3")]
BIDS = [("49990", "0.1"), ("49980", "0.2"), ("49900", "0.3")]
BOOK = book(asks=ASKS, bids=BIDS)


def test_an_ioc_takes_what_it_can_and_the_rest_expires() -> None:
    wanted = request("BUY", "0.5", "50010", time_in_force="IOC")
    outcome = place(account(USDT="30000"), wanted, BOOK)
    (order,) = outcome.orders
    assert (order.status, order.executed, order.expiry_reason) == (
        "EXPIRED", D("0.3"), "UNFILLED_IOC_QUANTITY_EXPIRED",
    )  # fmt: skip
    assert outcome.account.open_orders == {}
    assert outcome.account.balance("USDT") == Balance(D(30000) - D(5000) - D(10002))


def test_an_ioc_that_is_served_in_full_is_filled() -> None:
    outcome = place(account(USDT="30000"), request("BUY", "0.3", "50010", time_in_force="IOC"), BOOK)
    assert (outcome.orders[0].status, outcome.orders[0].expiry_reason) == ("FILLED", "")


def test_a_fok_is_filled_whole_or_not_at_all() -> None:
    whole = place(account(USDT="30000"), request("BUY", "0.3", "50010", time_in_force="FOK"), BOOK)
    assert whole.orders[0].status == "FILLED"
    none = place(account(USDT="30000"), request("BUY", "0.30001", "50010", time_in_force="FOK"), BOOK)
    (order,) = none.orders
    assert (order.status, order.executed, order.expiry_reason) == ("EXPIRED", 0, "UNFILLED_FOK_ORDER_EXPIRED")
    assert none.trades == ()
    assert none.account.balance("USDT") == Balance(D(30000))


def test_a_fok_that_expired_has_taken_nothing_from_the_book() -> None:
    none = place(account(USDT="60000"), request("BUY", "0.9", "50100", time_in_force="FOK"), BOOK)
    after = place(none.account, request("BUY", "0.6", "50100", client_id="b", time_in_force="FOK"), BOOK)
    assert after.orders[0].status == "FILLED"


@pytest.mark.parametrize(("side", "price", "crosses"), [
    ("BUY", "50000", True), ("BUY", "49999.99", False), ("SELL", "49990", True), ("SELL", "49990.01", False),
])  # fmt: skip
def test_a_limit_maker_is_refused_where_it_would_match(side: str, price: str, crosses: bool) -> None:
    wanted = request(side, "0.01", price, type="LIMIT_MAKER")
    state = account(USDT="1000", BTC="1")
    if crosses:
        with pytest.raises(Refused, match=r"-2010: Order would immediately match and take\."):
            place(state, wanted, BOOK)
    else:
        assert place(state, wanted, BOOK).orders[0].status == "NEW"


def test_a_limit_maker_pays_as_a_maker_when_the_market_comes_to_it() -> None:
    resting = place(account(USDT="1000"), request("BUY", "0.01", "49000", type="LIMIT_MAKER"), BOOK).account
    (trade,) = walk(resting, ["48000"]).trades
    assert (trade.price, trade.is_maker) == (D(49000), True)


def test_a_market_order_slips_through_the_book() -> None:
    outcome = place(account(USDT="30000"), market("BUY", "0.4"), BOOK)
    assert [(trade.price, trade.quantity) for trade in outcome.trades] == [
        (D("50000"), D("0.1")), (D("50010"), D("0.2")), (D("50100"), D("0.1")),
    ]  # fmt: skip
    (order,) = outcome.orders
    assert (order.status, order.price, order.quote_executed) == ("FILLED", 0, D("5000") + D("10002") + D("5010"))
    assert outcome.account.balance("USDT") == Balance(D("30000") - order.quote_executed)


def test_a_market_order_larger_than_the_book_expires_with_what_it_got() -> None:
    outcome = place(account(BTC="2"), market("SELL", "1"), BOOK)
    (order,) = outcome.orders
    assert (order.status, order.executed, order.quantity) == ("EXPIRED", D("0.6"), D("1"))
    assert order.expiry_reason == "INSUFFICIENT_LIQUIDITY"
    assert outcome.account.balance("BTC") == Balance(D("1.4"))


def test_a_market_order_without_a_book_is_refused() -> None:
    with pytest.raises(Refused, match=r"-2010: Order book liquidity is less than symbol minimum quantity\."):
        place(account(USDT="30000"), market("BUY", "0.1"))


@pytest.mark.parametrize("wanted", [market("BUY", "0.4"), market("BUY", quote="20012.01"), market("SELL", "0.11")])
def test_a_market_order_is_refused_whole_when_the_money_does_not_reach(wanted: engine.Request) -> None:
    with pytest.raises(Refused, match="insufficient balance"):
        place(account(USDT="20011.99", BTC="0.1"), wanted, BOOK)


def test_an_amount_of_quote_buys_whole_lots_and_the_remainder_is_left() -> None:
    outcome = place(account(USDT="10000"), market("BUY", quote="5001"), BOOK)
    (order,) = outcome.orders
    assert (order.status, order.quantity, order.quote_order_quantity) == ("FILLED", D("0.10001"), D("5001"))
    assert order.quote_executed == D("5000") + D("0.5001")
    assert outcome.account.balance("USDT") == Balance(D("10000") - order.quote_executed)


def test_an_amount_of_quote_is_received_by_selling_no_more_than_it_takes() -> None:
    (order,) = place(account(BTC="1"), market("SELL", quote="5000"), BOOK).orders
    assert (order.status, order.executed) == ("FILLED", D("0.10002"))
    assert order.quote_executed <= D("5000") < order.quote_executed + D("49980") * D("0.00001")


def test_more_quote_than_the_book_offers_expires_with_what_it_got() -> None:
    (order,) = place(account(USDT="100000"), market("BUY", quote="50000"), BOOK).orders
    assert (order.status, order.executed, order.expiry_reason) == ("EXPIRED", D("0.6"), "INSUFFICIENT_LIQUIDITY")


def test_more_quote_than_is_free_is_refused_even_where_the_book_would_take_less() -> None:
    thin = book(asks=[("50000", "0.001")])
    with pytest.raises(Refused, match="insufficient balance"):
        place(account(USDT="60"), market("BUY", quote="100"), thin)


def test_an_amount_of_quote_is_no_way_round_the_largest_lot() -> None:
    rules = replace(RULES["BTCUSDT"], market_lot=replace(RULES["BTCUSDT"].market_lot, high=D("0.2")))
    with pytest.raises(Refused, match="-1013: Filter failure: MARKET_LOT_SIZE"):
        place(account(USDT="100000"), market("BUY", quote="20000"), BOOK, rules=rules)


def test_too_little_quote_for_one_lot_is_refused() -> None:
    rules = replace(RULES["BTCUSDT"], notionals=())
    with pytest.raises(Refused, match="-1013: Filter failure: LOT_SIZE"):
        place(account(USDT="100"), market("BUY", quote="0.49"), BOOK, rules=rules)


def test_a_book_thinner_than_the_smallest_lot_is_named() -> None:
    rules = replace(RULES["BTCUSDT"], lot=replace(RULES["BTCUSDT"].lot, low=D("1")))
    with pytest.raises(Refused, match=r"-2010: Order book liquidity is less than LOT_SIZE filter minimum quantity\."):
        place(account(USDT="100000"), market("BUY", quote="60000"), BOOK, rules=rules)


def test_a_step_of_the_book_gives_each_lot_once() -> None:
    first = place(account(USDT="100000"), market("BUY", "0.25"), BOOK)
    second = place(first.account, market("BUY", "0.1", client_id="n"), BOOK)
    assert [(trade.price, trade.quantity) for trade in second.trades] == [
        (D("50010"), D("0.05")),
        (D("50100"), D("0.05")),
    ]
    later = place(second.account, market("BUY", "0.1", client_id="o"), replace(BOOK, step=2))
    assert later.trades[0].price == D("50000")


def test_what_a_symbol_does_not_allow_is_refused_by_name() -> None:
    rules = RULES["BTCUSDT"]
    for wanted, changed, text in (
        (request("BUY", "1", "1", type="STOP_LOSS"), rules, "Stop loss orders are not supported for this symbol."),
        (
            market("BUY", "1"),
            replace(rules, order_types=frozenset({"LIMIT"})),
            "Market orders are not supported for this symbol.",
        ),
        (
            request("BUY", "1", "1", type="LIMIT_MAKER"),
            replace(rules, order_types=frozenset({"LIMIT"})),
            "Unsupported order combination",
        ),
        (
            market("BUY", quote="10"),
            replace(rules, quote_market_allowed=False),
            "Quote order qty market orders are not support for this symbol.",
        ),
        (
            request("BUY", "1", "1", iceberg_quantity=D("0.1")),
            replace(rules, iceberg_allowed=False),
            "Iceberg orders are not supported for this symbol.",
        ),
        (
            request("BUY", "1", "1"),
            replace(rules, spot_allowed=False),
            "This symbol is not permitted for this account.",
        ),
    ):
        with pytest.raises(Refused) as caught:
            place(account(USDT="10"), wanted, rules=changed)
        assert (caught.value.code, caught.value.text) == (-2010, text)


def test_a_self_trade_prevention_mode_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(Refused, match="-1013: This symbol does not allow the specified self-trade prevention mode"):
        place(
            account(USDT="1000"),
            request("BUY", "0.01", "49000", stp_mode="TRANSFER"),
            rules=replace(RULES["BTCUSDT"], stp_modes=frozenset({"NONE"})),
        )
