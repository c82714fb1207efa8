"""Every filter at its edge: the last number that passes and the first that does not."""

from dataclasses import replace
from typing import Any

import pytest

from exchanges.paper.engine import Refused, Request, Rules
from exchanges.paper.exchange_info import symbol_info
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.scenes import RULES, D, account, book, market, place, request

BOOK = book(asks=[("50000", "5")], bids=[("49990", "5")])
RICH = {"USDT": "900000000", "BTC": "9000"}


def rules_with(**changes: dict[str, Any]) -> Rules:
    """BTCUSDT where these filters say something else, read from exchangeInfo like any client does."""
    return Rules.of(symbol_info(SYMBOLS["BTCUSDT"], "TRADING", changes=changes), D("0.00001"))


def refusal(wanted: Request, rules: Rules, **balances: str) -> str:
    """What the order is refused with, "" when it is accepted."""
    try:
        place(account(**(balances or RICH)), wanted, BOOK, rules=rules)
    except Refused as error:
        return str(error)
    return ""


def fails(name: str, code: int = -1013) -> str:
    return f"{code}: Filter failure: {name}"


@pytest.mark.parametrize(("price", "expected"), [
    ("40000", ""), ("39999.99", fails("PRICE_FILTER")), ("60000", ""), ("60000.01", fails("PRICE_FILTER")),
    ("50000.005", fails("PRICE_FILTER")),
])  # fmt: skip
def test_price_filter(price: str, expected: str) -> None:
    rules = rules_with(PRICE_FILTER={"minPrice": "40000.00", "maxPrice": "60000.00"})
    assert refusal(request("SELL", "0.01", price), rules) == expected


def test_a_price_filter_of_zeros_is_off() -> None:
    rules = rules_with(PRICE_FILTER={"minPrice": "0.00", "maxPrice": "0.00", "tickSize": "0.00"})
    assert refusal(request("SELL", "0.01", "50000.00000001"), rules) == ""


@pytest.mark.parametrize(("quantity", "expected"), [
    ("0.1", ""), ("0.09999", fails("LOT_SIZE")), ("2", ""), ("2.00001", fails("LOT_SIZE")), ("0.15", fails("LOT_SIZE")),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["LIMIT", "MARKET"])
def test_lot_size_holds_for_limit_and_market_orders(kind: str, quantity: str, expected: str) -> None:
    rules = rules_with(LOT_SIZE={"minQty": "0.1", "maxQty": "2", "stepSize": "0.1"})
    wanted = market("SELL", quantity) if kind == "MARKET" else request("SELL", quantity, "50000")
    assert refusal(wanted, rules) == expected


def test_market_lot_size_holds_for_market_orders_only() -> None:
    rules = rules_with(MARKET_LOT_SIZE={"minQty": "0.1", "maxQty": "1", "stepSize": "0.1"})
    assert refusal(market("SELL", "1"), rules) == ""
    assert refusal(market("SELL", "1.1"), rules) == fails("MARKET_LOT_SIZE")
    assert refusal(market("SELL", "0.15"), rules) == fails("MARKET_LOT_SIZE")
    assert refusal(request("SELL", "1.15", "50000"), rules) == ""


@pytest.mark.parametrize(("side", "price", "expected"), [
    ("BUY", "55000", ""), ("BUY", "55000.01", "PERCENT_PRICE_BY_SIDE"),
    ("BUY", "40000", ""), ("BUY", "39999.99", "PERCENT_PRICE_BY_SIDE"),
    ("SELL", "60000", ""), ("SELL", "60000.01", "PERCENT_PRICE_BY_SIDE"),
    ("SELL", "45000", ""), ("SELL", "44999.99", "PERCENT_PRICE_BY_SIDE"),
])  # fmt: skip
def test_percent_price_by_side(side: str, price: str, expected: str) -> None:
    rules = rules_with(
        PERCENT_PRICE_BY_SIDE={
            "bidMultiplierUp": "1.1", "bidMultiplierDown": "0.8", "askMultiplierUp": "1.2", "askMultiplierDown": "0.9",
        }
    )  # fmt: skip
    assert refusal(request(side, "0.01", price), rules) == (fails(expected) if expected else "")


@pytest.mark.parametrize(("price", "expected"), [("55000", ""), ("55000.01", fails("PERCENT_PRICE"))])
def test_percent_price(price: str, expected: str) -> None:
    rules = rules_with(PERCENT_PRICE={"multiplierUp": "1.1", "multiplierDown": "0.9", "avgPriceMins": "5"})
    assert refusal(request("BUY", "0.01", price), rules) == expected


@pytest.mark.parametrize(("quantity", "expected"), [
    ("0.002", ""), ("0.00199", fails("NOTIONAL")), ("0.2", ""), ("0.20001", fails("NOTIONAL")),
])  # fmt: skip
def test_notional_of_limit_orders(quantity: str, expected: str) -> None:
    rules = rules_with(NOTIONAL={"minNotional": "100", "maxNotional": "10000"})
    assert refusal(request("BUY", quantity, "50000"), rules) == expected


def test_notional_of_market_orders_is_at_the_reference_price_and_only_where_it_applies() -> None:
    both = rules_with(NOTIONAL={"minNotional": "100", "maxNotional": "10000", "applyMaxToMarket": True})
    assert refusal(market("SELL", "0.00199"), both) == fails("NOTIONAL")
    assert refusal(market("SELL", "0.20001"), both) == fails("NOTIONAL")
    assert refusal(market("BUY", quote="99.99"), both) == fails("NOTIONAL")
    neither = rules_with(NOTIONAL={"minNotional": "100", "maxNotional": "10000", "applyMinToMarket": False})
    assert refusal(market("SELL", "0.00199"), neither) == ""
    assert refusal(market("SELL", "0.20001"), neither) == ""


@pytest.mark.parametrize(("applies", "expected"), [(True, fails("MIN_NOTIONAL")), (False, "")])
def test_min_notional(applies: bool, expected: str) -> None:
    rules = rules_with(MIN_NOTIONAL={"minNotional": "100", "applyToMarket": applies, "avgPriceMins": 5})
    assert refusal(request("BUY", "0.00199", "50000"), rules) == fails("MIN_NOTIONAL")
    assert refusal(market("SELL", "0.00199"), rules) == expected


def test_iceberg_parts_and_the_size_of_a_part() -> None:
    rules = rules_with(ICEBERG_PARTS={"limit": 10})
    wanted = request("SELL", "1", "50000")
    assert refusal(replace(wanted, iceberg_quantity=D("0.1")), rules) == ""
    assert refusal(replace(wanted, iceberg_quantity=D("0.09999")), rules) == fails("ICEBERG_PARTS")
    assert refusal(replace(wanted, iceberg_quantity=D("0.100001")), rules) == fails("LOT_SIZE")
    assert refusal(replace(wanted, iceberg_quantity=D("1.1")), rules) == "-2010: IcebergQty exceeds QTY."


def one_open(rules: Rules, second: Request, **first: Any) -> str:
    """What a second order is refused with while a first one is open."""
    state = place(account(**RICH), request("SELL", "1", "60000", client_id="first", **first), BOOK, rules=rules).account
    try:
        place(state, second, BOOK, rules=rules)
    except Refused as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["MAX_NUM_ORDERS", "EXCHANGE_MAX_NUM_ORDERS"])
def test_numbers_of_open_orders(name: str) -> None:
    second = request("SELL", "1", "60000")
    assert one_open(rules_with(**{name: {"maxNumOrders": 1}}), second) == fails(name, -2010)
    assert one_open(rules_with(**{name: {"maxNumOrders": 2}}), second) == ""


def test_a_count_of_zero_allows_none() -> None:
    rules = rules_with(MAX_NUM_ORDERS={"maxNumOrders": 0})
    assert refusal(request("SELL", "1", "60000"), rules) == fails("MAX_NUM_ORDERS", -2010)


def test_base_that_waits_to_be_sold_counts_as_held() -> None:
    rules = rules_with(MAX_POSITION={"maxPosition": "7.5"})
    selling = request("SELL", "7", "60000", client_id="s")
    state = place(account(USDT="900000", BTC="7"), selling, BOOK, rules=rules).account
    with pytest.raises(Refused, match="MAX_POSITION"):
        place(state, request("BUY", "1", "40000"), BOOK, rules=rules)


@pytest.mark.parametrize("name", ["MAX_NUM_ICEBERG_ORDERS", "EXCHANGE_MAX_NUM_ICEBERG_ORDERS"])
def test_numbers_of_open_icebergs(name: str) -> None:
    rules = rules_with(**{name: {"maxNumIcebergOrders": 1}})
    iceberg = request("SELL", "1", "60000", iceberg_quantity=D("0.5"))
    assert one_open(rules, iceberg, iceberg_quantity=D("0.5")) == fails(name, -2010)
    assert one_open(rules, iceberg) == ""
    assert one_open(rules, request("SELL", "1", "60000"), iceberg_quantity=D("0.5")) == ""


def test_max_position_counts_what_is_held_waiting_and_wanted() -> None:
    rules = rules_with(MAX_POSITION={"maxPosition": "10"})
    state = place(
        account(USDT="900000", BTC="7"), request("BUY", "2", "40000", client_id="w"), BOOK, rules=rules
    ).account
    assert place(state, request("BUY", "1", "40000"), BOOK, rules=rules).orders
    assert place(state, request("SELL", "5", "60000"), BOOK, rules=rules).orders
    for wanted in (request("BUY", "1.00001", "40000"), market("BUY", "1.1"), market("BUY", quote="60000")):
        with pytest.raises(Refused, match="-2010: Filter failure: MAX_POSITION"):
            place(state, wanted, BOOK, rules=rules)


def test_filters_that_only_conditional_orders_meet_stop_nothing_else() -> None:
    rules = rules_with(MAX_NUM_ALGO_ORDERS={"maxNumAlgoOrders": 0}, MAX_NUM_ORDER_LISTS={"maxNumOrderLists": 0})
    assert refusal(request("BUY", "0.01", "50000"), rules) == ""


def test_a_filter_nobody_knows_yet_stops_nothing() -> None:
    assert refusal(request("BUY", "0.01", "50000"), rules_with(MOON_PHASE={"full": "only"})) == ""


def test_what_is_worth_nothing_is_refused() -> None:
    rules = replace(RULES["BTCUSDT"], notionals=(), price=replace(RULES["BTCUSDT"].price, low=D(0), step=D(0)))
    wanted = request("SELL", "0.00001", "0.00001")
    with pytest.raises(Refused, match=r"-1013: Price \* QTY is zero or less\."):
        place(account(**RICH), wanted, BOOK, rules=replace(rules, percents=()))
