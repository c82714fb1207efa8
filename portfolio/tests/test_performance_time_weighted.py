"""The time-weighted return: what a portfolio earned, whatever came in or went out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib.money import exact
from portfolio.performance.returns import Unknown, Valued, growth_curve, time_weighted_return

D = Decimal
START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def moments(*rows: tuple[str, str]) -> list[Valued]:
    """One moment a day of (NAV before the flow, flow)."""
    return [Valued(day(number), D(nav), D(flow)) for number, (nav, flow) in enumerate(rows)]


def test_without_flows_it_is_the_end_over_the_beginning() -> None:
    assert time_weighted_return(moments(("100", "0"), ("90", "0"), ("125", "0"))) == D("0.25")


def test_a_deposit_is_not_a_profit_and_a_withdrawal_no_loss() -> None:
    assert time_weighted_return(moments(("100", "0"), ("100", "900"), ("1000", "-999"), ("1", "0"))) == 0


def test_each_period_earns_on_what_was_there_in_it() -> None:
    # +10 % on 100, then +50 % on 1,110: the larger sum weighs no more than the smaller.
    assert time_weighted_return(moments(("100", "0"), ("110", "1000"), ("1665", "0"))) == D("0.65")


def test_a_curve_of_growth_has_a_point_for_every_moment() -> None:
    curve = growth_curve(moments(("100", "0"), ("110", "1000"), ("1665", "0")))
    assert [(point.at, point.factor) for point in curve.points] == [
        (day(0), D(1)),
        (day(1), D("1.1")),
        (day(2), D("1.65")),
    ]


# Two decimals and four steps: every value is exact within 60 digits, so equality means equality.
FACTORS = st.lists(st.decimals("0.5", "2", places=2), min_size=1, max_size=4)
DEPOSITS = st.decimals("0", "1000000", places=2)
WITHDRAWN_PART = st.decimals("0", "0.99", places=2)


@given(factors=FACTORS, start=st.decimals("1", "1000000", places=2), data=st.data())
def test_no_deposit_or_withdrawal_changes_it(factors: list[Decimal], start: Decimal, data: st.DataObject) -> None:
    without, with_flows = [Valued(day(0), start)], []
    undisturbed = disturbed = start
    with exact():
        for number, factor in enumerate(factors):
            flow = data.draw(DEPOSITS) if data.draw(st.booleans()) else -disturbed * data.draw(WITHDRAWN_PART)
            with_flows.append(Valued(day(number), disturbed, flow))
            disturbed = (disturbed + flow) * factor
            undisturbed = undisturbed * factor
            without.append(Valued(day(number + 1), undisturbed))
        with_flows.append(Valued(day(len(factors)), disturbed))
    assert time_weighted_return(with_flows) == time_weighted_return(without)


@given(factors=FACTORS, at=st.integers(0, 3), amount=st.decimals("-0.99", "1000", places=2))
def test_a_valuation_between_two_flows_changes_nothing(factors: list[Decimal], at: int, amount: Decimal) -> None:
    nav, rows = D(1), [Valued(day(0), D(1), amount)]
    with exact():
        nav = nav + amount
        for number, factor in enumerate(factors):
            nav = nav * factor
            rows.append(Valued(day(number + 1), nav))
    left_out = rows[: at + 1] + rows[at + 2 :] if at + 2 < len(rows) else rows
    assert time_weighted_return(left_out) == time_weighted_return(rows)


# --- What cannot be known --------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [(), (("100", "0"),)])
def test_one_moment_is_too_short(rows: tuple[tuple[str, str], ...]) -> None:
    assert growth_curve(moments(*rows)).unknown == Unknown.TOO_SHORT
    assert time_weighted_return(moments(*rows)) is None


def test_nothing_earns_nothing_and_says_so() -> None:
    assert growth_curve(moments(("0", "0"), ("0", "0"))).unknown == Unknown.NOTHING_INVESTED


def test_time_without_money_earns_nothing() -> None:
    assert (
        time_weighted_return(moments(("0", "0"), ("0", "100"), ("150", "-150"), ("0", "0"), ("0", "10"), ("20", "0")))
        == 2
    )


def test_value_that_nothing_explains_is_not_called_a_return() -> None:
    curve = growth_curve(moments(("100", "-100"), ("50", "0"), ("60", "0")))
    assert (curve.unknown, curve.total, len(curve.points)) == (Unknown.UNEXPLAINED, None, 1)


def test_what_is_lost_entirely_stays_lost() -> None:
    assert time_weighted_return(moments(("100", "0"), ("0", "500"), ("1000", "0"))) == -1


@pytest.mark.parametrize("row", [("-1", "0"), ("100", "-101")])
def test_less_than_nothing_is_no_portfolio(row: tuple[str, str]) -> None:
    assert growth_curve(moments(("100", "0"), row, ("100", "0"))).unknown == Unknown.NEGATIVE


def test_moments_that_run_backwards_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="run backwards"):
        growth_curve(reversed(moments(("100", "0"), ("110", "0"))))
