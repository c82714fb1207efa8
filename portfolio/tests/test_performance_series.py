"""One value a day, and fewer points of a long series."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.performance.series import daily, thinned


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_last_value_of_a_day_counts() -> None:
    result = daily([(at("2026-01-01T05:00"), 1), (at("2026-01-01T23:59"), 2), (at("2026-01-02T00:00"), 3)])
    assert (result.days, result.values, result.repeated) == ((at("2026-01-01"), at("2026-01-02")), (2, 3), 0)


def test_a_day_without_a_value_repeats_the_one_before_and_is_counted() -> None:
    result = daily([(at("2026-01-01T05:00"), 1), (at("2026-01-04T05:00"), 2)])
    assert (result.values, result.repeated) == ((1, 1, 1, 2), 2)


def test_days_are_those_of_utc() -> None:
    early = datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=3)))
    assert daily([(early, 1)]).days == (at("2026-01-01"),)


def test_nothing_has_no_days() -> None:
    assert daily([]).days == ()


def test_points_that_run_backwards_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="run backwards"):
        daily([(at("2026-01-02"), 1), (at("2026-01-01"), 2)])


@given(count=st.integers(0, 500), most=st.integers(1, 60))
def test_a_thinned_series_keeps_its_ends_and_its_order(count: int, most: int) -> None:
    chosen = thinned(range(count), most)
    assert len(chosen) <= most + 1
    assert chosen == sorted(set(chosen))
    assert (chosen[:1], chosen[-1:]) == (([0], [count - 1]) if count else ([], []))
    assert count > most or chosen == list(range(count))
