"""What a portfolio is worth: pure arithmetic over balances and prices."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib.money import exact
from exchanges.domain import Balance, ExchangeInfo, Price, PriceSnapshot, SymbolRules
from portfolio.domain import Valuation, asset_price, value_portfolio

D = Decimal
HUNDRED = D(100)


def market(prices: Mapping[str, str]) -> tuple[PriceSnapshot, ExchangeInfo]:
    """A market of pairs written "BTC/USDT"; a price of "" is a pair that has none."""
    rules, rows = {}, {}
    for pair, value in prices.items():
        base, quote = pair.split("/")
        symbol = base + quote
        rules[symbol] = SymbolRules(symbol, base, quote)
        if value:
            rows[symbol] = Price(symbol, D(value), D(value), D(value))
    return PriceSnapshot("paper", "mid", 1_700_000_000_000, rows), ExchangeInfo.of(rules)


def value(balances: Mapping[str, str], prices: Mapping[str, str], quote: str = "USDT") -> Valuation:
    rows = [Balance(asset, D(amount), D(0)) for asset, amount in balances.items()]
    snapshot, info = market(prices)
    return value_portfolio(rows, quote, snapshot, info)


def price(asset: str, prices: Mapping[str, str], quote: str = "USDT") -> Decimal | None:
    return asset_price(asset, quote, *market(prices))


# --- prices ----------------------------------------------------------------------------------------------


def test_the_quote_is_worth_itself() -> None:
    assert price("USDT", {}) == 1


def test_a_direct_pair_gives_its_price() -> None:
    assert price("BTC", {"BTC/USDT": "50000.5"}) == D("50000.5")


def test_an_inverse_pair_gives_one_over_its_price() -> None:
    assert price("EUR", {"USDT/EUR": "0.8"}) == D("1.25")


def test_a_direct_pair_goes_before_its_inverse() -> None:
    assert price("EUR", {"EUR/USDT": "1.3", "USDT/EUR": "0.8"}) == D("1.3")


def test_the_inverse_is_used_where_the_direct_pair_has_no_price() -> None:
    assert price("EUR", {"EUR/USDT": "", "USDT/EUR": "0.8"}) == D("1.25")
    assert price("EUR", {"EUR/USDT": "0", "USDT/EUR": "0.8"}) == D("1.25")


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ({"ABC/BTC": "0.001", "BTC/FDUSD": "50000"}, "50"),
        ({"ABC/USDT": "2", "USDT/FDUSD": "1.01"}, "2.02"),
        ({"ABC/USDC": "2", "FDUSD/USDC": "0.5"}, "4"),
        ({"BTC/ABC": "1000", "BTC/FDUSD": "50000"}, "50"),
        ({"ABC/USDT": "2", "USDT/FDUSD": "1", "ABC/BTC": "9", "BTC/FDUSD": "50000"}, "2"),
    ],
    ids=["BTC", "USDT", "USDC, second step inverse", "first step inverse", "USDT before BTC"],
)
def test_a_price_is_bridged_where_there_is_no_pair(prices: dict[str, str], expected: str) -> None:
    assert price("ABC", prices, "FDUSD") == D(expected)


def test_a_direct_pair_goes_before_a_bridge() -> None:
    prices = {"ABC/FDUSD": "3", "ABC/USDT": "2", "USDT/FDUSD": "1"}
    assert price("ABC", prices, "FDUSD") == 3


@pytest.mark.parametrize(
    "prices",
    [
        {},
        {"ABC/USDT": ""},
        {"ABC/USDT": "0"},
        {"ABC/BTC": "0.001"},
        {"ABC/BTC": "0.001", "BTC/USDT": ""},
        {"ABC/BTC": "0.001", "BTC/USDT": "0"},
        {"ABC/BTC": "0", "BTC/USDT": "50000"},
        {"ABC/ETH": "0.1", "ETH/USDT": "3000"},
        {"ABC/XYZ": "1", "XYZ/BTC": "1", "BTC/USDT": "50000"},
    ],
    ids=[
        "no pair",
        "no price",
        "price zero",
        "no second step",
        "unpriced bridge",
        "bridge at zero",
        "first step at zero",
        "not through any coin",
        "not through two",
    ],
)
def test_what_has_no_price_gets_none(prices: dict[str, str]) -> None:
    assert price("ABC", prices) is None


# --- portfolios ------------------------------------------------------------------------------------------


def test_nav_is_the_sum_of_what_has_a_price() -> None:
    found = value({"BTC": "0.1", "ETH": "2", "USDT": "1000"}, {"BTC/USDT": "50000", "ETH/USDT": "3000"})
    assert found.nav == 12_000
    assert [(row.asset, row.value) for row in found.holdings] == [("ETH", 6000), ("BTC", 5000), ("USDT", 1000)]
    assert (found.quote, found.price_source, found.at_ms) == ("USDT", "mid", 1_700_000_000_000)


def test_what_is_locked_counts() -> None:
    snapshot, info = market({"BTC/USDT": "100"})
    found = value_portfolio([Balance("BTC", D(1), D(2))], "USDT", snapshot, info)
    (row,) = found.holdings
    assert (row.free, row.locked, row.total, found.nav) == (1, 2, 3, 300)


def test_what_has_no_price_is_listed_and_not_guessed() -> None:
    found = value({"XYZ": "5", "ABC": "7", "USDT": "10"}, {"ABC/USDT": "0"})
    assert found.unpriced == ("ABC", "XYZ")
    assert found.nav == 10
    assert [row.asset for row in found.holdings] == ["USDT", "ABC", "XYZ"], "they come last"
    unpriced = found.holding("XYZ")
    assert unpriced is not None
    assert (unpriced.price, unpriced.value, unpriced.weight_pct) == (None, None, None)


def test_a_crossed_price_is_still_a_value_to_show() -> None:
    snapshot, info = market({"BTC/USDT": "100"})
    crossed = Price("BTCUSDT", D(100), D(101), D(99), problem="crossed")
    snapshot = PriceSnapshot("paper", "mid", 0, {"BTCUSDT": crossed})
    assert value_portfolio([Balance("BTC", D(1), D(0))], "USDT", snapshot, info).nav == 100


@pytest.mark.parametrize("balances", [{}, {"USDT": "0"}, {"BTC": "0", "USDT": "0"}])
def test_an_empty_account_is_worth_nothing(balances: dict[str, str]) -> None:
    found = value(balances, {"BTC/USDT": "50000"})
    assert (found.nav, found.holdings, found.unpriced) == (0, (), ())
    assert found.holding("BTC") is None


def test_only_unpriced_coins_make_no_weights() -> None:
    found = value({"XYZ": "5"}, {})
    assert (found.nav, found.holdings[0].weight_pct) == (0, None)


def test_weights_add_up_to_a_hundred() -> None:
    found = value({"BTC": "1", "ETH": "1", "USDT": "1"}, {"BTC/USDT": "1", "ETH/USDT": "1"})
    total = sum((row.weight_pct for row in found.holdings if row.weight_pct is not None), D(0))
    assert abs(total - HUNDRED) < D("1e-20")


def test_fifty_assets_are_valued_and_ordered() -> None:
    prices = {f"C{number:02}/USDT": str(number + 1) for number in range(50)}
    found = value({f"C{number:02}": "1" for number in range(50)}, prices)
    assert found.nav == sum(range(1, 51))
    assert [row.asset for row in found.holdings][:2] == ["C49", "C48"]
    assert len(found.holdings) == 50


def test_equal_values_are_ordered_by_name() -> None:
    found = value({"B": "1", "A": "1", "C": "1"}, {"A/USDT": "1", "B/USDT": "1", "C/USDT": "1"})
    assert [row.asset for row in found.holdings] == ["A", "B", "C"]


def test_huge_and_tiny_amounts_are_kept_to_the_last_digit() -> None:
    huge, tiny = "99999999999999999999.12345678", "0.00000001"
    found = value({"SHIB": huge, "BTC": tiny}, {"SHIB/USDT": "0.00000002", "BTC/USDT": "123456.78"})
    with exact():
        assert found.nav == D(huge) * D("0.00000002") + D(tiny) * D("123456.78")
    btc = found.holding("BTC")
    assert btc is not None
    assert btc.value == D("0.0012345678")
    assert btc.weight_pct is not None
    assert btc.weight_pct > 0


amounts = st.decimals(min_value=0, max_value=D(10) ** 12, places=8, allow_nan=False, allow_infinity=False)
prices_of_coins = st.decimals(min_value=D("0.00000001"), max_value=D(10) ** 7, places=8)


@given(st.dictionaries(st.sampled_from([f"C{number}" for number in range(50)]), st.tuples(amounts, prices_of_coins)))
def test_weights_add_up_and_nothing_is_lost_whatever_is_held(held: dict[str, tuple[Decimal, Decimal]]) -> None:
    snapshot, info = market({f"{asset}/USDT": str(f"{price:f}") for asset, (_amount, price) in held.items()})
    balances = [Balance(asset, amount, D(0)) for asset, (amount, _price) in held.items()]
    found = value_portfolio(balances, "USDT", snapshot, info)
    with_something = {asset: amount for asset, (amount, _price) in held.items() if amount}
    assert {row.asset: row.total for row in found.holdings} == with_something
    assert found.unpriced == ()
    if with_something:
        total = sum((row.weight_pct for row in found.holdings if row.weight_pct is not None), D(0))
        assert abs(total - HUNDRED) < D("1e-20")
        values = [row.value for row in found.holdings if row.value is not None]
        assert values == sorted(values, reverse=True)
    assert found == value_portfolio(reversed(balances), "USDT", snapshot, info), "in whatever order they come"
