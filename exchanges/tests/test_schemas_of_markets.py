"""Candles, books, rights of a key, rates and limits become our types; what is none of them is MalformedAnswer."""

from decimal import Decimal
from typing import Any

import pytest

from exchanges import schemas
from exchanges.domain import Side
from exchanges.schemas import MalformedAnswer
from exchanges.tests.methods import CANDLE, COMMISSION, DEPTH, ORDER_COMMISSION, RIGHTS
from exchanges.tests.test_schemas import SYMBOL


def test_a_candle_is_read_column_by_column() -> None:
    (candle,) = schemas.candles([CANDLE])
    assert (candle.open, candle.high, candle.low, candle.close) == (
        Decimal("1.1"),
        Decimal("2.5"),
        Decimal("0.5"),
        Decimal("2.0"),
    )
    assert (candle.volume, candle.quote_volume, candle.trades) == (Decimal("148976.1"), Decimal("2434.19"), 308)
    assert candle.close_time_ms - candle.open_time_ms == 59_999


@pytest.mark.parametrize("body", [{}, [[1, 2]], [CANDLE[:8]], ["row"], [[*CANDLE[:1], 1.5, *CANDLE[2:]]], [None]])
def test_what_is_no_candle_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedAnswer):
        schemas.candles(body)


def test_a_book_keeps_its_levels_in_their_order() -> None:
    book = schemas.depth(DEPTH)
    assert (book.last_update_id, [level.price for level in book.asks]) == (1027024, [Decimal("4.01"), Decimal("4.02")])
    assert schemas.depth({"lastUpdateId": 1, "bids": [], "asks": []}).bids == ()


@pytest.mark.parametrize("body", [[], {"bids": [], "asks": []}, {**DEPTH, "bids": {}}, {**DEPTH, "asks": [["1"]]}])
def test_what_is_no_book_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedAnswer):
        schemas.depth(body)


@pytest.mark.parametrize("name", ["ipRestrict", "enableWithdrawals", "enableSpotAndMarginTrading"])
@pytest.mark.parametrize("value", [None, "false", 0, "missing"])
def test_a_right_that_decides_must_be_said_plainly(name: str, value: Any) -> None:
    body = {key: flag for key, flag in RIGHTS.items() if key != name}
    with pytest.raises(MalformedAnswer):
        schemas.key_rights(body if value == "missing" else {**body, name: value})


def test_a_right_that_is_new_or_gone_does_not_matter() -> None:
    body = {**RIGHTS, "enableTeleport": True}
    del body["enableReading"]
    assert schemas.key_rights(body).can_read is False


def test_what_is_charged_is_the_sum_of_all_rates_of_a_side() -> None:
    rates = {"maker": "0.001", "taker": "0.002", "buyer": "0.0001", "seller": "0.0002"}
    commission = schemas.commission(
        {**COMMISSION, "standardCommission": rates, "specialCommission": rates, "taxCommission": rates}
    )
    assert commission.maker_rate(Side.BUY) == Decimal("0.0033")
    assert commission.maker_rate(Side.SELL) == Decimal("0.0036")
    assert commission.taker_rate(Side.BUY) == Decimal("0.0063")
    assert commission.taker_rate(Side.SELL) == Decimal("0.0066")


def test_rates_of_an_order_have_other_names_and_rates_from_before_2025_have_no_special_ones() -> None:
    assert schemas.commission(ORDER_COMMISSION).special.taker == Decimal("0.06")
    older = {name: value for name, value in COMMISSION.items() if name != "specialCommission"}
    assert schemas.commission(older).special.taker == 0
    with pytest.raises(MalformedAnswer):
        schemas.commission({**COMMISSION, "standardCommission": None})
    with pytest.raises(MalformedAnswer):
        schemas.commission({**COMMISSION, "discount": None})


def test_limits_on_asking_are_read_and_new_kinds_of_them_kept() -> None:
    rows = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        {"rateLimitType": "SOMETHING_NEW", "interval": "DAY", "intervalNum": 7, "limit": 1},
    ]
    info = schemas.exchange_info({"symbols": [], "rateLimits": rows})
    assert [limit.name for limit in info.limits] == ["REQUEST_WEIGHT 1M", "ORDERS 10S", "SOMETHING_NEW 7D"]


BROKEN_SYMBOLS = [
    {"filters": [{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": None}]},
    {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}]},
    {"filters": [None]},
    {"filters": None},
    {"baseAsset": None},
    {"orderTypes": None},
    {"orderTypes": "LIMIT_MAKER"},
    {"isSpotTradingAllowed": "false"},
]


@pytest.mark.parametrize("change", BROKEN_SYMBOLS, ids=str)
def test_a_symbol_that_cannot_be_read_cannot_be_traded_and_takes_no_other_with_it(change: dict[str, Any]) -> None:
    broken = {**SYMBOL, "symbol": "ETHUSDT", "baseAsset": "ETH", **change}
    info = schemas.exchange_info({"symbols": [broken, SYMBOL]})
    assert set(info.rules) == {"BTCUSDT"}
    assert info.pair("ETH", "USDT") is None
    (said,) = info.passed_over
    assert said.startswith("ETHUSDT: ")


def test_symbols_of_which_none_can_be_read_are_malformed() -> None:
    with pytest.raises(MalformedAnswer, match="no symbol can be read; BTCUSDT: "):
        schemas.exchange_info({"symbols": [{**SYMBOL, "filters": None}]})


def test_a_limit_that_cannot_be_read_is_passed_over_and_named() -> None:
    rows = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    ]
    info = schemas.exchange_info({"symbols": [SYMBOL], "rateLimits": rows})
    assert [limit.name for limit in info.limits] == ["ORDERS 10S"]
    assert info.passed_over == ("REQUEST_WEIGHT: field intervalNum is missing",)
    assert schemas.exchange_info({"symbols": [SYMBOL], "rateLimits": rows[1:]}).passed_over == ()


@pytest.mark.parametrize("value", ["", "-1", "1.5", "²", "9" * 5000])
def test_a_header_that_is_no_count_is_passed_over(value: str) -> None:
    assert schemas.used_limits({"X-MBX-USED-WEIGHT-1M": value}) == {}
