"""What an order on one symbol must satisfy: rounding onto the grid, and the first filter an order would fail."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.domain import BookTicker, ExchangeInfo, PriceSnapshot, Side, SymbolRules

RULES = SymbolRules(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=Decimal("1000000"),
    step_size=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal("9000"),
    min_notional=Decimal("5"),
    max_notional=Decimal("9000000"),
    bid_multiplier_up=Decimal("5"),
    bid_multiplier_down=Decimal("0.2"),
    ask_multiplier_up=Decimal("4"),
    ask_multiplier_down=Decimal("0.3"),
)
UNBOUNDED = SymbolRules(symbol="AB", base="A", quote="B")


def failure(side: Side, price: str, quantity: str, reference: str = "50000", rules: SymbolRules = RULES) -> str:
    return rules.failure(side, Decimal(price), Decimal(quantity), Decimal(reference))


def test_an_order_on_the_grid_and_within_every_limit_passes() -> None:
    assert failure(Side.BUY, "50000", "0.001") == ""
    assert failure(Side.SELL, "50000.00", "0.00100") == ""


@pytest.mark.parametrize(
    ("price", "reference", "expected"),
    [
        ("0", "50000", "PRICE_FILTER"),
        ("-1", "50000", "PRICE_FILTER"),
        ("0.00", "0", "PRICE_FILTER"),
        ("49999.995", "50000", "PRICE_FILTER"),
        ("50000.0000000001", "50000", "PRICE_FILTER"),
        ("0.009", "0", "PRICE_FILTER"),
        ("0.01", "0", ""),
        ("1000000", "0", ""),
        ("1000000.01", "0", "PRICE_FILTER"),
    ],
)
def test_the_price_filter_bounds_and_grids_the_price(price: str, reference: str, expected: str) -> None:
    quantity = "9000" if Decimal(price) < 1 else "0.001"
    assert failure(Side.BUY, price, quantity, reference) == expected


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("0", "50000", "LOT_SIZE"),
        ("-0.001", "50000", "LOT_SIZE"),
        ("0.000009", "1000000", "LOT_SIZE"),
        ("0.00001", "1000000", ""),
        ("0.000015", "1000000", "LOT_SIZE"),
        ("9000", "500", ""),
        ("9000.00001", "500", "LOT_SIZE"),
    ],
)
def test_the_lot_size_bounds_and_grids_the_quantity(quantity: str, price: str, expected: str) -> None:
    assert failure(Side.BUY, price, quantity, price) == expected


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (Side.BUY, "250000", ""),
        (Side.BUY, "250000.01", "PERCENT_PRICE_BY_SIDE"),
        (Side.BUY, "10000", ""),
        (Side.BUY, "9999.99", "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, "200000", ""),
        (Side.SELL, "200000.01", "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, "15000", ""),
        (Side.SELL, "14999.99", "PERCENT_PRICE_BY_SIDE"),
    ],
)
def test_a_price_may_not_be_far_from_the_market_on_its_own_side(side: Side, price: str, expected: str) -> None:
    assert failure(side, price, "0.001") == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("0.0001", ""), ("0.00009", "NOTIONAL"), ("180", ""), ("180.00001", "NOTIONAL")],
)
def test_the_notional_must_lie_within_its_limits(quantity: str, expected: str) -> None:
    assert failure(Side.BUY, "50000", quantity) == expected


def test_the_first_filter_that_fails_is_named() -> None:
    assert failure(Side.BUY, "0", "0") == "PRICE_FILTER"
    assert failure(Side.BUY, "9999.99", "0") == "LOT_SIZE"
    assert failure(Side.BUY, "9999.99", "0.00001") == "PERCENT_PRICE_BY_SIDE"


def test_steps_and_limits_of_zero_are_not_set() -> None:
    for price, quantity in (("0.000000000000000001", "123456789012345678"), ("1E+20", "1E-18")):
        assert failure(Side.BUY, price, quantity, "1", UNBOUNDED) == ""
    assert failure(Side.BUY, "0", "1", "1", UNBOUNDED) == "PRICE_FILTER"
    assert failure(Side.BUY, "1", "0", "1", UNBOUNDED) == "LOT_SIZE"


def test_without_a_step_as_many_decimals_are_sent_as_the_exchange_reads() -> None:
    value = Decimal("1.234567890123456789")
    rules = replace(UNBOUNDED, base_precision=8, quote_precision=5)
    assert (rules.floor_quantity(value), rules.ceil_quantity(value)) == (Decimal("1.23456789"), Decimal("1.23456790"))
    assert (rules.floor_price(value), rules.ceil_price(value)) == (Decimal("1.23456"), Decimal("1.23457"))
    whole = replace(UNBOUNDED, base_precision=0)
    assert (whole.floor_quantity(value), whole.ceil_quantity(value)) == (1, 2)
    capped = replace(UNBOUNDED, min_quantity=Decimal("0.5"), max_quantity=Decimal("1.0000000001"))
    assert (capped.floor_quantity(value), capped.ceil_quantity(Decimal("0.1"))) == (1, Decimal("0.5"))


def test_quantities_are_rounded_within_the_lot_size() -> None:
    assert RULES.floor_quantity(Decimal("0.000019")) == Decimal("0.00001")
    assert RULES.floor_quantity(Decimal("0.000009")) == 0
    assert RULES.floor_quantity(Decimal("-5")) == 0
    assert RULES.floor_quantity(Decimal("10000")) == 9000
    assert RULES.ceil_quantity(Decimal("0.000011")) == Decimal("0.00002")
    assert RULES.ceil_quantity(Decimal("0")) == Decimal("0.00001")
    coarse = SymbolRules(symbol="AB", base="A", quote="B", step_size=Decimal(3), min_quantity=Decimal(4))
    assert coarse.ceil_quantity(Decimal(1)) == 6
    assert coarse.floor_quantity(Decimal("5.9")) == 0
    assert coarse.floor_quantity(Decimal("6.1")) == 6


steps = st.sampled_from([Decimal(text) for text in ("0.00000001", "0.00001", "0.01", "0.5", "1", "3", "25", "1000")])
amounts = st.decimals(min_value=0, max_value=Decimal("1E+12"), places=18)


@given(amounts, steps)
def test_rounded_prices_are_the_nearest_on_the_grid(price: Decimal, tick: Decimal) -> None:
    rules = SymbolRules(symbol="AB", base="A", quote="B", tick_size=tick)
    low, high = rules.floor_price(price), rules.ceil_price(price)
    assert low <= price <= high
    assert Fraction(low) % Fraction(tick) == Fraction(high) % Fraction(tick) == 0
    assert Fraction(price) - Fraction(low) < Fraction(tick)
    assert Fraction(high) - Fraction(price) < Fraction(tick)


@given(amounts, steps, st.integers(0, 50), st.integers(0, 5000))
def test_rounded_quantities_are_legal_or_none(quantity: Decimal, step: Decimal, least: int, span: int) -> None:
    rules = SymbolRules(
        symbol="AB",
        base="A",
        quote="B",
        step_size=step,
        min_quantity=step * least,
        max_quantity=step * (least + span),
    )
    floored = rules.floor_quantity(quantity)
    assert floored <= quantity
    assert floored == 0 or rules.failure(Side.BUY, Decimal(1), floored, Decimal(1)) == ""
    raised = rules.ceil_quantity(quantity)
    assert raised >= quantity
    assert Fraction(raised) % Fraction(step) == 0
    assert raised >= rules.min_quantity


@given(amounts, amounts, st.sampled_from(Side), amounts)
def test_what_fails_and_what_passes_agrees_with_exact_arithmetic(
    price: Decimal, quantity: Decimal, side: Side, reference: Decimal
) -> None:
    price, quantity = RULES.floor_price(price), RULES.floor_quantity(quantity)
    expected = (
        Fraction("0.01") <= Fraction(price) <= 1_000_000
        and quantity > 0
        and Fraction(price) >= Fraction(reference) * Fraction("0.2" if side == Side.BUY else "0.3")
        and (reference == 0 or Fraction(price) <= Fraction(reference) * (5 if side == Side.BUY else 4))
        and 5 <= Fraction(price) * Fraction(quantity) <= 9_000_000
    )
    assert (RULES.failure(side, price, quantity, reference) == "") == expected


def test_a_pair_is_found_by_its_two_assets() -> None:
    info = ExchangeInfo.of({"BTCUSDT": RULES, "AB": UNBOUNDED})
    assert info.pair("BTC", "USDT") is RULES
    assert info.pair("USDT", "BTC") is None
    assert info.assets == {"BTC", "USDT", "A", "B"}


@pytest.mark.parametrize(
    ("bid", "ask", "usable"),
    [("1", "2", True), ("1", "1", True), ("2", "1", False), ("0", "1", False), ("1", "0", False)],
)
def test_a_crossed_or_empty_book_is_not_usable(bid: str, ask: str, usable: bool) -> None:
    assert BookTicker("AB", Decimal(bid), Decimal(ask)).is_usable is usable


def test_prices_know_their_age() -> None:
    snapshot = PriceSnapshot("paper", "mid", 10_000, {})
    assert snapshot.age_seconds(12_999) == 2
    assert snapshot.age_seconds(9_000) == 0
    assert snapshot.price("BTCUSDT") is None
