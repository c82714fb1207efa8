"""What a trade does to tax lots, wherever its fee was taken."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib.money import exact
from portfolio.performance.lots import Acquired, Basis, Disposed, Event, Kind, Method, settle
from portfolio.performance.profit import AssetProfit, profit_by_asset
from portfolio.performance.trades import Trade, lot_events, trade_fee, trade_value

D = Decimal
AT = datetime(2026, 5, 1, tzinfo=UTC)


def trade(
    side: str, pair: str, quantity: str, quote_quantity: str, fee: str = "0", fee_asset: str = "", **prices: str
) -> Trade:
    base, quote = pair.split("/")
    known = {name: D(price) for name, price in prices.items()}
    return Trade(AT, side == "BUY", base, quote, D(quantity), D(quote_quantity), D(fee), fee_asset, **known)


def outline(events: Iterable[Event]) -> list[tuple[str, str, Decimal, Decimal | None]]:
    """(what, asset, quantity, cost or value)."""
    return [
        ("lot", event.asset, event.quantity, event.cost)
        if isinstance(event, Acquired)
        else (event.kind.value, event.asset, event.quantity, event.value)
        for event in events
    ]


def of(*arguments: str, **prices: str) -> list[tuple[str, str, Decimal, Decimal | None]]:
    return outline(lot_events(trade(*arguments, **prices), "USDT"))


# --- Against the currency of account ---------------------------------------------------------------------


def test_a_purchase_is_a_lot_at_what_was_paid_and_money_has_no_lots() -> None:
    assert of("BUY", "BTC/USDT", "2", "200") == [("lot", "BTC", D(2), D(200))]


def test_a_sale_is_a_disposal_for_what_was_received() -> None:
    assert of("SELL", "BTC/USDT", "2", "200") == [("sale", "BTC", D(2), D(200))]


def test_a_fee_in_the_coins_bought_makes_them_fewer_at_the_same_cost() -> None:
    assert of("BUY", "BTC/USDT", "2", "200", "0.002", "BTC") == [("lot", "BTC", D("1.998"), D(200))]


def test_a_fee_in_money_comes_off_the_proceeds_of_a_sale() -> None:
    assert of("SELL", "BTC/USDT", "2", "200", "0.2", "USDT") == [("sale", "BTC", D(2), D("199.8"))]


def test_a_fee_in_money_is_added_to_the_cost_of_a_purchase() -> None:
    assert of("BUY", "BTC/USDT", "2", "200", "0.2", "USDT") == [("lot", "BTC", D(2), D("200.2"))]


def test_a_fee_in_a_third_coin_is_a_disposal_of_it_and_part_of_the_cost() -> None:
    assert of("BUY", "BTC/USDT", "2", "200", "0.001", "BNB", commission_price="500") == [
        ("fee", "BNB", D("0.001"), D("0.5")),
        ("lot", "BTC", D(2), D("200.5")),
    ]


def test_a_fee_in_a_third_coin_comes_off_the_proceeds_of_a_sale() -> None:
    assert of("SELL", "BTC/USDT", "2", "200", "0.001", "BNB", commission_price="500") == [
        ("sale", "BTC", D(2), D("199.5")),
        ("fee", "BNB", D("0.001"), D("0.5")),
    ]


def test_a_fee_in_the_coins_sold_is_a_disposal_of_more_of_them() -> None:
    assert of("SELL", "BNB/USDT", "1", "500", "0.001", "BNB") == [
        ("sale", "BNB", D(1), D("499.5")),
        ("fee", "BNB", D("0.001"), D("0.5")),
    ]


# --- Pairs of two coins ----------------------------------------------------------------------------------


def test_coins_bought_with_coins_are_a_disposal_and_a_lot_at_the_value_of_the_trade() -> None:
    assert of("BUY", "ETH/BTC", "10", "0.5", quote_price="60000") == [
        ("sale", "BTC", D("0.5"), D(30000)),
        ("lot", "ETH", D(10), D(30000)),
    ]


def test_coins_sold_for_coins_with_the_fee_in_what_was_received() -> None:
    assert of("SELL", "ETH/BTC", "10", "0.5", "0.0005", "BTC", quote_price="60000") == [
        ("sale", "ETH", D(10), D(29970)),
        ("lot", "BTC", D("0.4995"), D(29970)),
    ]


def test_coins_bought_with_coins_with_the_fee_in_what_was_paid() -> None:
    assert of("BUY", "ETH/BTC", "10", "0.5", "0.0005", "BTC", quote_price="60000") == [
        ("sale", "BTC", D("0.5"), D(30000)),
        ("fee", "BTC", D("0.0005"), D(30)),
        ("lot", "ETH", D(10), D(30030)),
    ]


def test_a_value_by_a_market_price_is_marked_as_such() -> None:
    sale, lot = lot_events(trade("BUY", "ETH/BTC", "10", "0.5", quote_price="60000"), "USDT")
    assert isinstance(sale, Disposed)
    assert sale.estimated
    assert isinstance(lot, Acquired)
    assert lot.basis == Basis.MARKET


def test_where_the_money_is_the_base_the_trade_is_worth_what_was_bought_or_sold_of_it() -> None:
    assert of("BUY", "USDT/TRY", "100", "4000", "0.1", "USDT") == [("sale", "TRY", D(4000), D("99.9"))]
    assert of("SELL", "USDT/TRY", "100", "4000", "4", "TRY") == [("lot", "TRY", D(3996), D(100))]


# --- What is not known -----------------------------------------------------------------------------------


def test_without_a_price_of_the_quote_value_and_cost_are_unknown() -> None:
    sale, lot = lot_events(trade("BUY", "ETH/BTC", "10", "0.5"), "USDT")
    assert isinstance(sale, Disposed)
    assert isinstance(lot, Acquired)
    assert (sale.value, lot.cost, lot.basis) == (None, None, Basis.UNKNOWN)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_fee_without_a_price_is_said_and_not_counted_as_nothing(side: str) -> None:
    events = list(lot_events(trade(side, "BTC/USDT", "2", "200", "0.001", "BNB"), "USDT"))
    fee = next(event for event in events if event.asset == "BNB")
    traded = next(event for event in events if event.asset == "BTC")
    assert isinstance(fee, Disposed)
    assert (fee.kind, fee.value) == (Kind.FEE, None)
    assert traded.fee_unvalued


def test_values_and_fees_can_be_asked_for() -> None:
    row = trade("SELL", "ETH/BTC", "10", "0.5", "0.0005", "BTC", quote_price="60000")
    assert (trade_value(row, "USDT"), trade_fee(row, "USDT")) == (30000, 30)
    assert trade_fee(trade("BUY", "BTC/USDT", "2", "200"), "USDT") == 0
    assert trade_fee(trade("BUY", "BTC/USDT", "2", "200", "0.001", "BNB"), "USDT") is None


def test_a_negative_commission_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="a commission of -1 BNB"):
        list(lot_events(trade("BUY", "BTC/USDT", "2", "200", "-1", "BNB"), "USDT"))


# --- The whole account -----------------------------------------------------------------------------------

PRICES = st.sampled_from([D("0.5"), D("3"), D("250"), D("60000")])
PAIRS = st.sampled_from(["BTC/USDT", "ETH/USDT", "BNB/USDT", "ETH/BTC", "BNB/BTC"])


@given(data=st.data(), method=st.sampled_from(Method))
def test_what_the_account_is_worth_less_what_was_put_in_is_the_sum_of_all_gains(
    data: st.DataObject, method: Method
) -> None:
    """Every asset is deposited at its market value, traded with fees anywhere, and some of it withdrawn."""
    amounts = st.decimals("0.001", "5", places=3)
    held = {"USDT": D(1_000_000), "BTC": D(100), "ETH": D(100), "BNB": D(100)}
    events: list[Event] = []
    fees: dict[str, Decimal] = {}
    with exact():
        put_in = D(1_000_000)
        for asset in ("BTC", "ETH", "BNB"):
            price = data.draw(PRICES)
            events.append(Acquired(AT, asset, D(100), 100 * price, Basis.MARKET))
            put_in += 100 * price
        for number in range(data.draw(st.integers(1, 8))):
            at = AT + timedelta(hours=number)
            prices = {asset: data.draw(PRICES) for asset in ("BTC", "ETH", "BNB")} | {"USDT": D(1)}
            base, quote = data.draw(PAIRS).split("/")
            quantity, is_buy = data.draw(amounts), data.draw(st.booleans())
            # Traded at the price of the pair, which in a pair of two coins need not be the ratio of their prices.
            quote_quantity = quantity * (prices[base] if quote == "USDT" else data.draw(amounts))
            commission, fee_asset = quantity / 1000, data.draw(st.sampled_from([base, quote, "BNB", "USDT"]))
            row = Trade(
                at, is_buy, base, quote, quantity, quote_quantity, commission, fee_asset, prices[quote], prices["BNB"]
            )
            sign = 1 if is_buy else -1
            held[base] += sign * quantity
            held[quote] -= sign * quote_quantity
            held[fee_asset] -= commission
            events += lot_events(row, "USDT")
            fees[base] = fees.get(base, D(0)) + (trade_fee(row, "USDT") or D(0))
            if data.draw(st.booleans()):
                asset = data.draw(st.sampled_from(["BTC", "ETH", "BNB"]))
                events.append(Disposed(at, asset, D("0.1"), prices[asset] / 10, Kind.MOVED))
                held[asset] -= D("0.1")
                put_in -= prices[asset] / 10
        report = settle(events, method)
        rows = profit_by_asset(report.closed, report.open, prices, fees)
        worth = sum((held[asset] * prices[asset] for asset in held), D(0))
        gains = sum((row.realised + row.moved_gain + (row.unrealised or D(0)) for row in rows), D(0))
    # Values, costs and fees are kept to 18 decimals each.
    assert abs(worth - put_in - gains) < D("1e-15")
    assert {row.asset: row.quantity for row in rows} == {name: held[name] for name in ("BNB", "BTC", "ETH")}
    assert all(isinstance(row, AssetProfit) and not row.unknown_gone and not row.unknown_quantity for row in rows)
