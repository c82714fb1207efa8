"""The money-weighted return: the one rate that explains what became of the money, or none."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from portfolio.performance.money_weighted import internal_rate, money_weighted_return
from portfolio.performance.returns import Unknown, Valued, time_weighted_return

D = Decimal
START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def reference(put_in: list[tuple[int, float]], end: tuple[int, float]) -> float | None:
    """The annual rate as pyxirr finds it; from the investor's side, where what is put in is negative."""
    ended, worth = end
    dates: list[date] = [day(number).date() for number, _amount in put_in] + [day(ended).date()]
    amounts = [-amount for _number, amount in put_in] + [worth]
    found: float | None = pyxirr.xirr(dates, amounts, silent=True)
    return found


def test_money_left_alone_for_a_year_earns_its_growth() -> None:
    result = money_weighted_return([Valued(day(0), D(100)), Valued(day(365), D(125))])
    assert (result.annual, result.period, result.unknown) == (pytest.approx(0.25), pytest.approx(0.25), None)


def test_a_year_has_365_days_and_the_period_is_stated_beside_it() -> None:
    result = money_weighted_return([Valued(day(0), D(100)), Valued(day(730), D(121))])
    assert (result.annual, result.period) == (pytest.approx(0.1), pytest.approx(0.21))


def test_what_came_late_counts_for_the_time_it_was_there() -> None:
    # 100 doubled, then 10,000 came and lost a tenth: good years for the portfolio, bad ones for the money.
    rows = [Valued(day(0), D(100)), Valued(day(365), D(200), D(10_000)), Valued(day(730), D(9_180))]
    assert time_weighted_return(rows) == D("0.8")
    result = money_weighted_return(rows)
    assert result.annual == pytest.approx(reference([(0, 100.0), (365, 10_000.0)], (730, 9_180.0)), abs=1e-9)
    assert result.annual is not None
    assert result.annual < 0


def test_money_that_came_at_the_very_end_earned_nothing() -> None:
    with_deposit = [Valued(day(0), D(100)), Valued(day(365), D(125), D(1000))]
    assert money_weighted_return(with_deposit).annual == pytest.approx(0.25)


def check_it_is_the_rate(
    put_in: list[tuple[int, float]], end: tuple[int, float], *, may_be_ambiguous: bool = False
) -> None:
    """The flows grow to the end value at the rate that was found, and it is the reference's where that finds one."""
    found = internal_rate([(day(number), amount) for number, amount in put_in], (day(end[0]), end[1]))
    if found.annual is None:
        assert may_be_ambiguous
        assert found.unknown == Unknown.AMBIGUOUS
        return
    if found.annual > -0.999999:  # nearer to -1 a float of the rate no longer holds its digits
        grown = [amount * math.exp(math.log1p(found.annual) * (end[0] - number) / 365) for number, amount in put_in]
        assert sum(grown) == pytest.approx(end[1], abs=1e-8 * (sum(map(abs, grown)) + end[1]))
    theirs = reference(put_in, end)
    if theirs is not None:
        assert found.annual == pytest.approx(theirs, rel=1e-5, abs=1e-6)


AMOUNTS = st.floats(1, 1e6, allow_nan=False)


@given(
    deposits=st.lists(st.tuples(st.integers(1, 900), AMOUNTS), max_size=12),
    first=AMOUNTS,
    growth=st.floats(0.1, 20),
)
def test_of_deposits_alone_it_is_the_rate_a_reference_finds(
    deposits: list[tuple[int, float]], first: float, growth: float
) -> None:
    put_in = [(0, first), *sorted(deposits)]
    end = (1000, sum(amount for _number, amount in put_in) * growth)
    check_it_is_the_rate(put_in, end)


@given(
    steps=st.lists(st.tuples(st.integers(20, 200), st.floats(0.7, 1.5), st.floats(-0.9, 2)), min_size=1, max_size=10),
)
def test_of_an_account_that_always_held_something_it_is_the_rate_a_reference_finds(
    steps: list[tuple[int, float, float]],
) -> None:
    at, nav, put_in = 0, 100.0, [(0, 100.0)]
    for days, factor, share in steps:
        at, nav = at + days, nav * factor
        put_in.append((at, nav * share))
        nav += nav * share
    end = (at + 100, nav * 1.1)
    check_it_is_the_rate(put_in, end, may_be_ambiguous=True)


def test_years_of_daily_deposits_take_a_moment() -> None:
    put_in = [(number, 10.0 + number % 7) for number in range(3650)]
    end = (3650, 80_000.0)
    found = internal_rate([(day(number), amount) for number, amount in put_in], (day(3650), end[1]))
    assert found.annual == pytest.approx(reference(put_in, end), abs=1e-9)


# --- Where there is no such rate -------------------------------------------------------------------------


def test_two_rates_are_as_good_as_none() -> None:
    # 1,000 in, 2,500 out, 1,540 in again: both 10 % and 40 % a year explain it.
    rates = internal_rate([(day(0), 1000.0), (day(365), -2500.0), (day(730), 1540.0)], (day(730), 0.0))
    assert (rates.annual, rates.period, rates.unknown) == (None, None, Unknown.AMBIGUOUS)


def test_two_rates_that_meet_are_not_told_apart() -> None:
    # (x - 1.2) squared: touches 0 without crossing it.
    rates = internal_rate([(day(0), 1000.0), (day(365), -2400.0), (day(730), 1440.0)], (day(730), 0.0))
    assert (rates.annual, rates.unknown) == (None, Unknown.AMBIGUOUS)


@pytest.mark.parametrize(
    ("put_in", "worth", "reason"),
    [
        ([(0, 100.0)], 0.0, Unknown.NO_RATE),  # lost entirely
        ([(0, 0.0), (10, 0.0)], 50.0, Unknown.NO_RATE),  # out of nothing
        ([(0, 0.0), (10, -20.0)], 50.0, Unknown.NO_RATE),  # only taken out
        ([(0, 0.0)], 0.0, Unknown.NOTHING_INVESTED),
    ],
)
def test_without_a_change_of_sign_there_is_no_rate(
    put_in: list[tuple[int, float]], worth: float, reason: Unknown
) -> None:
    found = internal_rate([(day(number), amount) for number, amount in put_in], (day(365), worth))
    assert (found.annual, found.period, found.unknown) == (None, None, reason)


def test_a_rate_beyond_all_measure_is_none() -> None:
    # Nearly everything came three days before the end, and a quarter of it was left then.
    found = internal_rate([(day(0), 1.0), (day(997), 2.0)], (day(1000), 0.75))
    assert (found.annual, found.unknown) == (None, Unknown.NO_RATE)


def test_a_moment_is_too_short() -> None:
    assert money_weighted_return([Valued(day(0), D(100))]).unknown == Unknown.TOO_SHORT
    assert money_weighted_return([Valued(day(0), D(100)), Valued(day(0), D(110))]).unknown == Unknown.TOO_SHORT


def test_an_hour_of_great_gains_has_a_return_and_no_annual_rate() -> None:
    result = money_weighted_return([Valued(START, D(100)), Valued(START + timedelta(hours=1), D(150))])
    assert (result.annual, result.period, result.unknown) == (None, pytest.approx(0.5), None)


def test_a_value_below_nothing_has_no_rate() -> None:
    assert money_weighted_return([Valued(day(0), D(-1)), Valued(day(9), D(5))]).unknown == Unknown.NEGATIVE


def test_flows_that_run_backwards_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="run backwards"):
        internal_rate([(day(5), 1.0), (day(1), 1.0)], (day(9), 1.0))
    with pytest.raises(ValueError, match="after the end"):
        internal_rate([(day(5), 1.0)], (day(1), 1.0))
