"""Binance's bodies become our types; what is not the answer that was asked for is MalformedAnswer."""

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest

from exchanges import schemas
from exchanges.schemas import MalformedAnswer
from exchanges.tests.support import ACCOUNT, ORDER, SHARED, needs_shared

SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "MARKET"],
    "isSpotTradingAllowed": True,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00", "maxNotional": "9000000.00", "avgPriceMins": 5},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "4",
            "askMultiplierDown": "0.3",
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_POSITION", "maxPosition": "12.5"},
    ],
}
TRADE = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
}


def rules_with(**changes: Any) -> Any:
    return schemas.symbol_rules({**SYMBOL, **changes})


# --- the documented bodies -----------------------------------------------------------------------------------


def sample(name: str) -> Any:
    return json.loads((SHARED / "sdk_samples" / "spot.json").read_text())[name]


def recorded(name: str) -> Any:
    return json.loads((SHARED / "recorded" / name).read_text())["response"]["body"]


class TestBodiesOfTheRealExchange:
    pytestmark = needs_shared

    def test_an_order_that_is_asked_for_parses(self) -> None:
        order = schemas.order(sample("GET /api/v3/order"))
        assert (order.symbol, order.client_order_id, order.status) == ("LTCBTC", "myOrder1", "NEW")
        assert (order.price, order.quantity) == (Decimal("0.1"), Decimal(1))
        assert order.time_ms == 1499827319559

    def test_a_cancelled_order_keeps_its_own_client_id_not_the_cancels(self) -> None:
        order = schemas.order(sample("DELETE /api/v3/order"))
        assert (order.client_order_id, order.status, order.exchange_order_id) == ("myOrder1", "CANCELED", 4)
        (order,) = schemas.orders(sample("DELETE /api/v3/openOrders"))
        assert order.client_order_id == "E6APeyTJvkMvLMYMqu1KQ4"

    def test_open_orders_parse(self) -> None:
        assert [order.client_order_id for order in schemas.orders(sample("GET /api/v3/openOrders"))] == ["myOrder1"]
        assert schemas.orders(recorded("17_GET_openOrders.json")) == []

    def test_a_recorded_filled_order_parses(self) -> None:
        order = schemas.order(recorded("15_POST_order.json"))
        assert (order.status, order.type, order.exchange_order_id) == ("FILLED", "MARKET", 4629485)
        assert order.executed_quantity == order.quantity == Decimal("49.72")
        assert order.cumulative_quote == Decimal("49.715")

    def test_trades_parse(self) -> None:
        (trade,) = schemas.trades(sample("GET /api/v3/myTrades"))
        assert (trade.commission, trade.commission_asset) == (Decimal("10.1"), "BNB")
        assert (trade.is_buyer, trade.is_maker) == (True, False)

    def test_accounts_parse_with_their_rates(self) -> None:
        account = schemas.account(sample("GET /api/v3/account"))
        assert account.maker_rate == Decimal("0.0015")
        assert account.balances[0].total == Decimal("4723846.89208129")
        for name in ("09_GET_account.json", "13_GET_account.json", "18_GET_account.json"):
            account = schemas.account(recorded(name))
            assert account.can_trade
            assert account.taker_rate == Decimal("0.001")
            assert all(balance.total > 0 for balance in account.balances)

    def test_the_clock_parses(self) -> None:
        assert schemas.server_time(sample("GET /api/v3/time")) == 1499827319559

    @pytest.mark.parametrize(
        "name",
        [
            "03_GET_ticker_price.json",
            "06_GET_ticker_price.json",
            "10_GET_ticker_price.json",
            "16_GET_ticker_price.json",
            "20_GET_ticker_price.json",
        ],
    )
    def test_recorded_prices_parse(self, name: str) -> None:
        prices = schemas.ticker_prices(recorded(name))
        assert len(prices) > 10
        assert prices["BTCUSD"] > 40_000

    def test_samples_that_lack_what_we_need_are_malformed(self) -> None:
        with pytest.raises(MalformedAnswer, match="bidPrice is missing"):
            schemas.book_tickers(sample("GET /api/v3/ticker/bookTicker"))
        with pytest.raises(MalformedAnswer, match="price is missing"):
            schemas.ticker_prices(sample("GET /api/v3/ticker/price"))
        with pytest.raises(MalformedAnswer, match="price is missing"):
            schemas.order(sample("POST /api/v3/order"))

    def test_rules_of_the_samples_parse(self) -> None:
        rules = schemas.exchange_info(sample("GET /api/v3/exchangeInfo")).rules["ETHBTC"]
        assert (rules.tick_size, rules.min_price) == (Decimal("0.000001"), Decimal("0.000001"))
        assert rules.step_size == 0
        for name in ("01_GET_exchangeInfo.json", "08_GET_exchangeInfo.json"):
            info = schemas.exchange_info(recorded(name))
            assert info.rules["BTCUSD"].tick_size > 0
            assert info.rules["BTCUSD"].min_notional == 10

    def test_the_two_single_symbol_files_parse(self) -> None:
        folder = SHARED / "exchange_info"
        for name in ("binance_com_exchangeInfo_TSLABUSDT_2026.json", "binance_us_exchangeInfo_BTCUSD_2026-09-04.json"):
            (rules,) = schemas.exchange_info(json.loads((folder / name).read_text())).rules.values()
            assert rules.is_trading
            assert rules.tick_size > 0
            assert rules.step_size > 0
            assert rules.min_notional > 0
            assert rules.max_open_orders == 200

    def test_all_1248_symbols_of_the_test_network_parse(self) -> None:
        with gzip.open(SHARED / "exchange_info" / "testnet_2024-09-08_1248symbols.json.gz") as file:
            info = schemas.exchange_info(json.load(file))
        assert len(info.rules) == 1248
        assert len(info.pairs) == 1248
        for rules in info.rules.values():
            assert rules.is_trading
            assert rules.tick_size > 0
            assert rules.step_size > 0
            assert rules.min_notional > 0
            assert 0 < rules.bid_multiplier_down < 1 < rules.bid_multiplier_up
            assert info.pair(rules.base, rules.quote) is rules


# --- what we may meet ----------------------------------------------------------------------------------------


def test_the_filters_of_a_symbol_become_its_rules() -> None:
    rules = rules_with()
    assert (rules.tick_size, rules.min_price, rules.max_price) == (Decimal("0.01"), Decimal("0.01"), Decimal(1_000_000))
    assert (rules.step_size, rules.min_quantity, rules.max_quantity) == (
        Decimal("0.00001"),
        Decimal("0.00001"),
        Decimal(9000),
    )
    assert (rules.min_notional, rules.max_notional) == (Decimal(5), Decimal(9_000_000))
    assert (rules.bid_multiplier_up, rules.bid_multiplier_down) == (Decimal(5), Decimal("0.2"))
    assert (rules.ask_multiplier_up, rules.ask_multiplier_down) == (Decimal(4), Decimal("0.3"))
    assert (rules.max_open_orders, rules.max_position) == (200, Decimal("12.5"))


@pytest.mark.parametrize("status", ["HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY", "SOMETHING_OF_2027"])
def test_a_symbol_status_we_do_not_know_is_kept_and_not_traded(status: str) -> None:
    rules = rules_with(status=status)
    assert rules.status == status
    assert not rules.is_trading


def test_filters_we_do_not_know_are_passed_over() -> None:
    strange = [{"filterType": "FULL_MOON", "phase": ["waxing"]}, {"filterType": "T_PLUS_SELL"}]
    assert rules_with(filters=[*SYMBOL["filters"], *strange]) == rules_with()


def test_a_symbol_without_filters_is_bounded_by_nothing() -> None:
    rules = rules_with(filters=[])
    assert rules.tick_size == rules.step_size == rules.min_notional == rules.max_notional == 0
    assert rules.max_open_orders == 0


def test_the_older_filters_count_as_well_and_the_tighter_limit_holds() -> None:
    filters = [
        {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": True, "avgPriceMins": 5},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "3", "multiplierDown": "0.25", "avgPriceMins": 5},
        *SYMBOL["filters"],
    ]
    rules = rules_with(filters=filters)
    assert rules.min_notional == 10
    assert (rules.bid_multiplier_up, rules.ask_multiplier_up) == (Decimal(3), Decimal(3))
    assert (rules.bid_multiplier_down, rules.ask_multiplier_down) == (Decimal("0.25"), Decimal("0.3"))
    rules = rules_with(filters=filters[:2])
    assert (rules.bid_multiplier_up, rules.bid_multiplier_down) == (Decimal(3), Decimal("0.25"))


@pytest.mark.parametrize("change", [{"orderTypes": ["MARKET"]}, {"isSpotTradingAllowed": False}])
def test_a_symbol_that_takes_no_limit_orders_is_not_traded(change: dict[str, Any]) -> None:
    assert not rules_with(**change).is_trading


def test_an_order_status_we_do_not_know_is_kept() -> None:
    assert schemas.order({**ORDER, "status": "FROZEN_IN_2027"}).status == "FROZEN_IN_2027"


def test_order_lists_among_cancelled_orders_are_passed_over() -> None:
    lists = {"orderListId": 1929, "contingencyType": "OCO", "orders": []}
    assert [order.client_order_id for order in schemas.orders([lists, ORDER])] == ["abc"]


def test_assets_an_account_does_not_hold_are_left_out() -> None:
    empty = {"asset": "ETH", "free": "0.00000000", "locked": "0.00000000"}
    assert [row.asset for row in schemas.account({**ACCOUNT, "balances": [empty, *ACCOUNT["balances"]]}).balances] == [
        "USDT"
    ]


def test_one_ticker_and_a_list_of_tickers_both_parse() -> None:
    row = {"symbol": "BTCUSDT", "price": "1.5", "bidPrice": "1", "askPrice": "2"}
    assert schemas.ticker_prices(row) == schemas.ticker_prices([row]) == {"BTCUSDT": Decimal("1.5")}
    assert schemas.book_tickers(row) == schemas.book_tickers([row])
    assert schemas.book_tickers(row)[0].mid == Decimal("1.5")


BAD_NUMBERS = [
    "NaN",
    "sNaN",
    "Infinity",
    "-inf",
    "",
    " ",
    "abc",
    "1,5",
    None,
    True,
    1.5,
    [],
    {},
    "1e400",
    "1" * 31,
    "1E-50000000",
    "0E-31",
    f"0.{'1' * 31}",
]


def test_thirty_digits_after_the_point_are_read_exactly() -> None:
    text = f"0.{'1' * 30}"
    assert str(schemas.decimal(text)) == text


@pytest.mark.parametrize("bad", BAD_NUMBERS)
def test_what_is_not_a_finite_number_is_malformed(bad: Any) -> None:
    with pytest.raises(MalformedAnswer):
        schemas.decimal(bad)
    with pytest.raises(MalformedAnswer):
        schemas.integer(bad)
    for parse, body, name in (
        (schemas.order, ORDER, "price"),
        (schemas.order, ORDER, "executedQty"),
        (schemas.order, ORDER, "orderId"),
        (lambda body: schemas.trades([body]), TRADE, "commission"),
        (lambda body: schemas.trades([body]), TRADE, "time"),
        (schemas.server_time, {}, "serverTime"),
        (schemas.ticker_prices, {"symbol": "BTCUSDT"}, "price"),
        (schemas.book_tickers, {"symbol": "BTCUSDT", "askPrice": "1"}, "bidPrice"),
    ):
        with pytest.raises(MalformedAnswer):
            parse({**body, name: bad})


NO_FLAGS = ["false", "true", 0, 1, None, [], {}]


@pytest.mark.parametrize("bad", NO_FLAGS)
def test_what_is_neither_true_nor_false_is_malformed(bad: Any) -> None:
    for parse, body, name in (
        (schemas.account, ACCOUNT, "canTrade"),
        (lambda body: schemas.trades([body]), TRADE, "isBuyer"),
        (lambda body: schemas.trades([body]), TRADE, "isMaker"),
        (schemas.symbol_rules, SYMBOL, "isSpotTradingAllowed"),
    ):
        with pytest.raises(MalformedAnswer, match=f"{name} is neither true nor false"):
            parse({**body, name: bad})


def test_an_account_that_does_not_say_it_may_trade_may_not() -> None:
    assert schemas.account(ACCOUNT).can_trade
    assert not schemas.account({**ACCOUNT, "canTrade": False}).can_trade
    assert not schemas.account({name: value for name, value in ACCOUNT.items() if name != "canTrade"}).can_trade


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e5", "1e400", "0.1"])
def test_numbers_that_are_no_strings_and_no_integers_are_malformed(literal: str) -> None:
    with pytest.raises(MalformedAnswer):
        schemas.server_time(json.loads(f'{{"serverTime": {literal}}}'))
    with pytest.raises(MalformedAnswer):
        schemas.ticker_prices(json.loads(f'[{{"symbol": "BTCUSDT", "price": {literal}}}]'))


@pytest.mark.parametrize(
    ("parse", "body", "optional"),
    [
        (schemas.order, ORDER, {"transactTime", "timeInForce"}),
        (lambda body: schemas.trades([body]), TRADE, set()),
        (schemas.account, ACCOUNT, {"makerCommission", "takerCommission", "canTrade"}),
        (
            schemas.symbol_rules,
            SYMBOL,
            {"baseAssetPrecision", "quoteAssetPrecision", "orderTypes", "isSpotTradingAllowed"},
        ),
    ],
)
def test_every_field_we_need_is_missed_when_it_is_missing(parse, body: dict[str, Any], optional: set[str]) -> None:
    parse(body)
    for name in body:
        rest = {key: value for key, value in body.items() if key != name}
        if name in optional:
            parse(rest)
        else:
            with pytest.raises(MalformedAnswer, match=name):
                parse(rest)


@pytest.mark.parametrize("body", [None, [], "text", 7, True])
def test_a_body_of_another_shape_is_malformed(body: Any) -> None:
    for parse in (schemas.server_time, schemas.account, schemas.order, schemas.exchange_info):
        with pytest.raises(MalformedAnswer):
            parse(body)


@pytest.mark.parametrize("body", [None, {}, "text", 7, [None], [[]], ["text"]])
def test_a_list_of_another_shape_is_malformed(body: Any) -> None:
    for parse in (schemas.orders, schemas.trades, schemas.book_tickers, schemas.ticker_prices):
        with pytest.raises(MalformedAnswer):
            parse(body)


@pytest.mark.parametrize("bad", [None, 7, [], {}])
def test_a_name_that_is_no_text_is_malformed(bad: Any) -> None:
    for name in ("symbol", "side", "type", "status"):
        with pytest.raises(MalformedAnswer, match=name):
            schemas.order({**ORDER, name: bad})
    with pytest.raises(MalformedAnswer, match="symbol"):
        schemas.ticker_prices([{"symbol": bad, "price": "1"}])
