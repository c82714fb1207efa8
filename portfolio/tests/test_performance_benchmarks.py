"""What the same money had become, had it only been held, or put into bitcoin."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib.money import ONE
from portfolio.performance.benchmarks import Benchmark, Moment, follow, hold, weights_of
from portfolio.performance.returns import Unknown, time_weighted_return

D = Decimal
START = datetime(2026, 1, 1, tzinfo=UTC)


def moment(day: int, flow: str = "0", **prices: str) -> Moment:
    return Moment(START + timedelta(days=day), {asset: D(price) for asset, price in prices.items()}, D(flow))


def navs(benchmark: Benchmark) -> list[Decimal]:
    return [point.nav for point in benchmark.points]


def test_holding_keeps_the_quantities_of_the_start() -> None:
    held = hold({"BTC": D(1), "USDT": D(100)}, [moment(0, BTC="100"), moment(1, BTC="250")], "USDT")
    assert (navs(held), held.unknown) == ([D(200), D(350)], None)


def test_what_comes_in_is_spread_by_the_weights_of_the_start() -> None:
    # Half of each at the start. The 100 that come buy half a 200-coin for 50... and 50 stay money.
    moments = [moment(0, BTC="100"), moment(1, "100", BTC="200"), moment(2, BTC="400")]
    assert navs(hold({"BTC": D(1), "USDT": D(100)}, moments, "USDT")) == [D(200), D(300), D("650")]


def test_what_goes_out_is_taken_of_everything_alike() -> None:
    moments = [moment(0, BTC="100"), moment(1, "-150", BTC="200"), moment(2, BTC="400")]
    assert navs(hold({"BTC": D(1), "USDT": D(100)}, moments, "USDT")) == [D(200), D(300), D(250)]


def test_everything_in_bitcoin_earns_what_bitcoin_earns_whatever_the_flows() -> None:
    moments = [moment(0, BTC="100"), moment(1, "300", BTC="50"), moment(2, "-100", BTC="80"), moment(3, BTC="125")]
    benchmark = follow({"BTC": ONE}, D(100), moments, "USDT")
    assert time_weighted_return(benchmark.points) == D("0.25")
    assert benchmark.points[1].after == 350


@given(
    prices=st.lists(st.decimals("0.1", "1000", places=2), min_size=2, max_size=10),
    shares=st.lists(st.decimals("-0.9", "3", places=2), min_size=10, max_size=10),
)
def test_one_asset_with_flows_earns_its_price(prices: list[Decimal], shares: list[Decimal]) -> None:
    moments, value = [], D(1000)
    for number, price in enumerate(prices):
        value = value if not number else value * price / prices[number - 1]
        flow = value * shares[number]
        value += flow
        moments.append(Moment(START + timedelta(days=number), {"BTC": price}, flow))
    result = time_weighted_return(follow({"BTC": ONE}, D(1000), moments, "USDT").points)
    assert result is not None
    assert abs(result - (prices[-1] / prices[0] - 1)) < D("1e-20")


# --- What cannot be known --------------------------------------------------------------------------------


def test_a_moment_without_a_price_is_left_out_and_counted() -> None:
    benchmark = follow({"BTC": ONE}, D(100), [moment(0, BTC="100"), moment(1), moment(2, BTC="150")], "USDT")
    assert (navs(benchmark), benchmark.skipped, benchmark.unknown) == ([D(100), D(150)], 1, None)


def test_money_that_cannot_be_spread_ends_it() -> None:
    moments = [moment(0, BTC="100"), moment(1, BTC="110"), moment(2, "50"), moment(3, BTC="150")]
    benchmark = follow({"BTC": ONE}, D(100), moments, "USDT")
    assert (navs(benchmark), benchmark.unknown) == ([D(100), D(110)], Unknown.PRICE_MISSING)


@pytest.mark.parametrize("prices", [{}, {"BTC": "0"}])
def test_without_a_price_at_the_start_there_is_none(prices: dict[str, str]) -> None:
    assert follow({"BTC": ONE}, D(100), [moment(0, **prices)], "USDT") == Benchmark((), Unknown.PRICE_MISSING)
    assert hold({"BTC": D(1)}, [moment(0)], "USDT") == Benchmark((), Unknown.PRICE_MISSING)


def test_it_ends_where_more_is_taken_out_than_it_is_worth() -> None:
    benchmark = follow({"BTC": ONE}, D(100), [moment(0, BTC="100"), moment(1, "-90", BTC="80")], "USDT")
    assert (len(benchmark.points), benchmark.unknown) == (1, Unknown.NEGATIVE)


def test_all_taken_out_and_some_put_in_again_begins_anew() -> None:
    moments = [moment(0, BTC="100"), moment(1, "-200", BTC="200"), moment(2, "10", BTC="5"), moment(3, BTC="10")]
    assert navs(follow({"BTC": ONE}, D(100), moments, "USDT")) == [D(100), D(200), D(0), D(20)]


def test_nothing_held_cannot_be_held() -> None:
    assert hold({}, [moment(0), moment(1)], "USDT").unknown == Unknown.NOTHING_INVESTED
    assert hold({"BTC": D(1)}, [], "USDT").unknown == Unknown.TOO_SHORT


def test_one_moment_is_no_curve() -> None:
    assert follow({"USDT": ONE}, D(5), [moment(0)], "USDT").unknown == Unknown.TOO_SHORT


def test_weights_are_shares_of_the_whole() -> None:
    assert weights_of({"BTC": D(30), "ETH": D(10), "DUST": D(0)}) == {"BTC": D("0.75"), "ETH": D("0.25")}
    assert weights_of({"DUST": D(0)}) is None
    with pytest.raises(ValueError, match="below 0"):
        weights_of({"BTC": D(-1)})
