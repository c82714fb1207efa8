"""The contract of an adapter, kept wherever it trades: on paper in this process and over HTTP, and on the test network.

The test network is asked only by `pytest -m testnet`, with keys in BINANCE_SPOT_TESTNET_API_KEY and _SECRET.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from botbalance.lib.clock import now_ms
from exchanges.domain import CancelReplaceMode, StepResult
from exchanges.errors import ClockSkew, CredentialsRefused, NotAvailable, Rejected
from exchanges.tests.contract import SYMBOL, Place, at_testnet, in_process, keys_of_testnet, paper_server
from exchanges.tests.support import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)

PLACES = ["paper", "paper over HTTP", pytest.param("testnet", marks=pytest.mark.testnet)]


@pytest.fixture(scope="module")
def place_over_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An account of a paper exchange that runs in a process of its own."""
    with paper_server(tmp_path_factory.mktemp("paper")) as server:
        yield server.open_account()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Somewhere to trade; nothing is left open there."""
    if request.param == "paper":
        found = in_process()
    elif request.param == "paper over HTTP":
        found = request.getfixturevalue("place_over_http")
    else:
        keys = keys_of_testnet()
        if keys is None:
            pytest.skip("BINANCE_SPOT_TESTNET_API_KEY and _SECRET are not set")
        found = at_testnet(keys)
    yield found
    for order in found.adapter.get_open_orders(SYMBOL):
        found.adapter.cancel_order(SYMBOL, order.client_order_id)


def refused(call: Callable[[], object]) -> int:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.exchange_code


# --- the exchange and its market -------------------------------------------------------------------------


def test_it_answers_and_tells_the_time(place: Place) -> None:
    place.adapter.ping()
    assert abs(place.adapter.server_time() - now_ms()) < 60_000
    assert abs(place.adapter.sync_clock()) < 60_000


def test_it_tells_the_rules_of_its_symbols_and_its_limits(place: Place) -> None:
    info = place.adapter.exchange_info()
    rules = info.pair("BTC", "USDT")
    assert rules is not None
    assert rules.is_trading
    assert min(rules.tick_size, rules.step_size, rules.min_notional) > 0
    assert {"REQUEST_WEIGHT 1M", "ORDERS 10S"} <= {limit.name for limit in info.limits}


def test_it_has_prices_and_a_book(place: Place) -> None:
    last = place.adapter.ticker_price()[SYMBOL]
    book = next(book for book in place.adapter.book_ticker() if book.symbol == SYMBOL)
    assert book.is_usable
    assert book.bid / 2 < last < book.ask * 2
    depth = place.adapter.depth(SYMBOL, 5)
    bids, asks = [level.price for level in depth.bids], [level.price for level in depth.asks]
    assert 0 < len(bids) <= 5
    assert 0 < len(asks) <= 5
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert all(level.quantity > 0 for level in (*depth.bids, *depth.asks))


def test_it_has_candles(place: Place) -> None:
    latest = place.adapter.klines(SYMBOL, "1m", limit=3)
    assert len(latest) == 3
    minute = 60_000
    for candle in latest:
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert candle.close_time_ms == candle.open_time_ms + minute - 1
    first, second, third = latest
    assert (second.open_time_ms - first.open_time_ms, third.open_time_ms - second.open_time_ms) == (minute, minute)
    (same,) = place.adapter.klines(SYMBOL, "1m", first.open_time_ms, first.close_time_ms)
    assert same == first
    assert place.adapter.klines(SYMBOL, "1m", first.open_time_ms, limit=1) == [first]


def test_what_it_does_not_know_is_refused(place: Place) -> None:
    assert refused(lambda: place.adapter.klines("NOSUCHTHING", "1m")) == -1121
    assert refused(lambda: place.adapter.klines(SYMBOL, "7m")) == -1120
    assert refused(lambda: place.adapter.depth("NOSUCHTHING")) == -1121


# --- the account and its key -----------------------------------------------------------------------------


def test_it_tells_of_the_account_and_what_trading_costs(place: Place) -> None:
    account = place.adapter.account_info()
    assert account.can_trade
    assert any(balance.total > 0 for balance in account.balances)
    commission = place.adapter.commission(SYMBOL)
    assert 0 <= commission.standard.maker < 1
    assert 0 <= commission.standard.taker < 1
    with pytest.raises(NotAvailable):
        place.adapter.api_restrictions()


def test_a_call_tells_how_much_of_the_limits_is_used(place: Place) -> None:
    adapter = place.adapter
    assert adapter.used_limits == {}
    adapter.account_info()
    assert adapter.used_limits["REQUEST_WEIGHT 1M"] >= 20


def test_a_wrong_key_and_a_wrong_signature_are_refused(place: Place) -> None:
    stranger = "A" * 64
    for adapter in (place.adapter_with(api_key=stranger), place.adapter_with(api_secret=stranger)):
        with pytest.raises(CredentialsRefused):
            adapter.account_info()
        with pytest.raises(CredentialsRefused):
            adapter.place_order(place.resting_order(), now_ms())


def test_a_wrong_clock_is_made_up_for_and_an_order_of_the_past_refused(place: Place) -> None:
    behind = place.adapter_with(clock=lambda: now_ms() - 120_000)
    with pytest.raises(ClockSkew):
        behind.place_order(place.resting_order(), now_ms() - 120_000)
    assert behind.account_info().can_trade
    order = place.resting_order()
    behind.place_order(order, now_ms() - 120_000)
    assert behind.get_order_status(SYMBOL, order.client_order_id).status == "NEW"
    behind.cancel_order(SYMBOL, order.client_order_id)


# --- orders ----------------------------------------------------------------------------------------------


def test_an_order_lives_from_placing_to_cancelling(place: Place) -> None:
    order = place.resting_order()
    placed = place.adapter.place_order(order, now_ms())
    assert (placed.client_order_id, placed.status) == (order.client_order_id, "NEW")
    asked = place.adapter.get_order_status(SYMBOL, order.client_order_id)
    assert (asked.exchange_order_id, asked.price, asked.quantity) == (
        placed.exchange_order_id,
        order.price,
        order.quantity,
    )
    assert asked.executed_quantity == 0
    for found in (place.adapter.get_open_orders(SYMBOL), place.adapter.get_open_orders()):
        assert order.client_order_id in {row.client_order_id for row in found}
    cancelled = place.adapter.cancel_order(SYMBOL, order.client_order_id)
    assert (cancelled.client_order_id, cancelled.status) == (order.client_order_id, "CANCELED")
    assert place.adapter.get_order_status(SYMBOL, order.client_order_id).status == "CANCELED"
    assert place.adapter.get_open_orders(SYMBOL) == []
    assert refused(lambda: place.adapter.cancel_order(SYMBOL, order.client_order_id)) == -2011


def test_an_order_that_was_never_placed_is_not_found(place: Place) -> None:
    for call in (place.adapter.get_order_status, place.adapter.cancel_order):
        with pytest.raises(Rejected) as caught:
            call(SYMBOL, "never-placed")
        assert caught.value.is_no_such_order
    assert refused(lambda: place.adapter.get_order_status(SYMBOL, "never-placed")) == -2013
    assert refused(lambda: place.adapter.cancel_order(SYMBOL, "never-placed")) == -2011


def test_the_id_of_an_open_order_is_taken(place: Place) -> None:
    order = place.resting_order()
    place.adapter.place_order(order, now_ms())
    with pytest.raises(Rejected) as caught:
        place.adapter.place_order(order, now_ms())
    assert caught.value.is_duplicate


def test_all_orders_of_a_symbol_are_cancelled_at_once(place: Place) -> None:
    orders = [place.resting_order(percent_below=percent) for percent in (10, 11)]
    for order in orders:
        place.adapter.place_order(order, now_ms())
    cancelled = place.adapter.cancel_open_orders(SYMBOL)
    assert {row.client_order_id for row in cancelled} == {order.client_order_id for order in orders}
    assert place.adapter.get_open_orders(SYMBOL) == []


def test_a_filled_order_has_trades_that_add_up(place: Place) -> None:
    order = place.crossing_order()
    placed = place.adapter.place_order(order, now_ms())
    assert placed.status == "FILLED"
    assert placed.executed_quantity == order.quantity
    trades = place.adapter.my_trades(SYMBOL, placed.exchange_order_id)
    assert sum(trade.quantity for trade in trades) == order.quantity
    assert sum(trade.quote_quantity for trade in trades) == placed.cumulative_quote
    assert all(trade.is_buyer and not trade.is_maker and trade.price <= order.price for trade in trades)
    assert all(trade.exchange_order_id == placed.exchange_order_id for trade in trades)


def test_a_trial_of_an_order_places_nothing_and_is_refused_as_the_order_would_be(place: Place) -> None:
    order = place.resting_order()
    place.adapter.test_order(order)
    rates = place.adapter.test_order_commission(order)
    assert 0 <= rates.standard.taker < 1
    assert place.adapter.get_open_orders(SYMBOL) == []
    step = place.rules().step_size
    uneven = replace(order, quantity=order.quantity + step / Decimal(10))
    for call in (place.adapter.test_order, lambda given: place.adapter.place_order(given, now_ms())):
        with pytest.raises(Rejected) as caught:
            call(uneven)
        assert caught.value.is_filter_failure or caught.value.exchange_code == -1111


# --- cancelling and replacing in one request -------------------------------------------------------------


def test_an_order_is_replaced_by_another(place: Place) -> None:
    old, new = place.resting_order(), place.resting_order(percent_below=11)
    place.adapter.place_order(old, now_ms())
    report = place.adapter.cancel_replace(new, old.client_order_id, now_ms())
    assert (report.cancel.result, report.new_order.result) == (StepResult.SUCCESS, StepResult.SUCCESS)
    assert report.cancel.order is not None
    assert (report.cancel.order.client_order_id, report.cancel.order.status) == (old.client_order_id, "CANCELED")
    assert report.new_order.order is not None
    assert report.new_order.order.client_order_id == new.client_order_id
    assert [row.client_order_id for row in place.adapter.get_open_orders(SYMBOL)] == [new.client_order_id]


def test_without_the_old_order_the_new_one_is_not_tried_unless_it_may_be(place: Place) -> None:
    new = place.resting_order()
    report = place.adapter.cancel_replace(new, "never-placed", now_ms())
    assert (report.cancel.result, report.cancel.exchange_code) == (StepResult.FAILURE, -2011)
    assert report.new_order.result == StepResult.NOT_ATTEMPTED
    assert place.adapter.get_open_orders(SYMBOL) == []
    report = place.adapter.cancel_replace(new, "never-placed", now_ms(), mode=CancelReplaceMode.ALLOW_FAILURE)
    assert (report.cancel.result, report.new_order.result) == (StepResult.FAILURE, StepResult.SUCCESS)
    assert [row.client_order_id for row in place.adapter.get_open_orders(SYMBOL)] == [new.client_order_id]


def test_a_new_order_that_breaks_a_filter_leaves_the_old_one_alone(place: Place) -> None:
    old = place.resting_order()
    place.adapter.place_order(old, now_ms())
    too_small = replace(place.resting_order(), quantity=place.rules().min_quantity)
    with pytest.raises(Rejected) as caught:
        place.adapter.cancel_replace(too_small, old.client_order_id, now_ms())
    assert caught.value.is_filter_failure
    assert [row.client_order_id for row in place.adapter.get_open_orders(SYMBOL)] == [old.client_order_id]
