"""A sweep's settings: counted before they are run, the same every time, none twice, and a mistake is named."""

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.backtest.sweeping.parameters import (
    KNOWN,
    PROBLEMS,
    Parameter,
    Percent,
    Setting,
    Space,
    SpaceError,
    Whole,
    range_of,
    read_parameter,
    values_of,
)

D = Decimal


def space() -> Space:
    return Space(
        (
            range_of("min_delta_pct", 2, 4, 1),
            values_of("band_type", ["absolute", "relative"]),
            range_of("interval_minutes", 1440, 4320, 1440),
        )
    )


# --- Parameters ------------------------------------------------------------------------------------------


def test_a_range_has_both_its_ends_and_is_exact() -> None:
    assert range_of("min_delta_pct", "2", "3", "0.1").values == tuple(D(tenth) / 10 for tenth in range(20, 31))
    assert range_of("min_delta_pct", 2, 3, "0.4").values == (D(2), D("2.4"), D("2.8"))
    assert range_of("order_step_pct", "-0.5", "0.5", "0.5").values == (D("-0.5"), D(0), D("0.5"))
    assert range_of("interval_minutes", 30, 30, 5).values == (30,)


def test_whole_parameters_are_integers_and_the_others_decimals() -> None:
    assert [type(value) for value in range_of("interval_minutes", "60", "120", "60").values] == [int, int]
    assert [type(value) for value in range_of("order_size_pct", 5, 10, 5).values] == [Decimal, Decimal]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("min_delta_pct", "2:3:0.5", (D(2), D("2.5"), D(3))),
        ("min_delta_pct", " 5 , 2.50", (D(5), D("2.5"))),
        ("interval_minutes", "1440:4320:1440", (1440, 2880, 4320)),
        ("trade_to", "edge,target", ("edge", "target")),
        ("trigger_mode", "both", ("both",)),
    ],
)
def test_people_write_ranges_and_lists(name: str, text: str, values: tuple[Any, ...]) -> None:
    assert read_parameter(name, text).values == values


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("leverage", "1,2", "unknown"),
        ("min_delta_pct", "", "no_values"),
        ("min_delta_pct", "2,2.0", "repeated"),
        ("min_delta_pct", "two", "not_a_number"),
        ("min_delta_pct", "NaN", "not_a_number"),
        ("min_delta_pct", "1e999999999", "not_a_number"),  # a gigabyte of digits, were it written out
        ("quote_reserve_pct", "1e-999999999999", "not_a_number"),
        ("min_delta_pct", "2:20:1e999999999", "not_a_number"),
        ("min_delta_pct", "0.01", "out_of_range"),
        ("min_delta_pct", "2:60:1", "out_of_range"),
        ("min_delta_pct", "2.00001", "decimals"),
        ("min_delta_pct", "2:3:0.00001", "decimals"),
        ("min_delta_pct", "2:3:0", "step"),
        ("min_delta_pct", "2:3:-1", "step"),
        ("min_delta_pct", "3:2:1", "backwards"),
        ("min_delta_pct", "2:3", "not_a_number"),
        ("min_delta_pct", "1:50:0.01", "too_many_values"),
        ("interval_minutes", "60.5", "not_whole"),
        ("interval_minutes", "60:120:0.5", "not_whole"),
        ("interval_minutes", "29", "out_of_range"),
        ("band_type", "wide", "not_a_choice"),
        ("band_type", "absolute:relative:1", "not_a_number"),
    ],
)
def test_a_mistake_is_named_with_its_parameter(name: str, text: str, code: str) -> None:
    with pytest.raises(SpaceError) as raised:
        read_parameter(name, text)
    assert (raised.value.field, raised.value.code) == (name, code)
    assert str(raised.value) == PROBLEMS[code].format(**raised.value.facts)
    assert isinstance(raised.value, ValueError)


def test_an_unknown_parameter_is_told_what_is_known() -> None:
    with pytest.raises(SpaceError, match=r"leverage cannot be tried\. Known are: band_type, .*trigger_mode\."):
        values_of("leverage", [2])


def test_what_is_known_may_be_said_by_the_caller() -> None:
    known = {**KNOWN, "leverage": Whole(1, 5), "slippage_pct": Percent(D(0), D(1), 2)}
    assert values_of("leverage", [1, 5], known=known) == Parameter("leverage", (1, 5))
    assert range_of("slippage_pct", 0, "0.02", "0.01", known=known).values == (D(0), D("0.01"), D("0.02"))


# --- Grids -----------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_in_order_the_last_parameter_first() -> None:
    found = list(space().grid())
    assert len(found) == space().size == 18
    expected = product((D(2), D(3), D(4)), ("absolute", "relative"), (1440, 2880, 4320))
    assert [tuple(setting.values.values()) for setting in found] == list(expected)
    assert [list(setting.values) for setting in found[:1]] == [["min_delta_pct", "band_type", "interval_minutes"]]


def test_a_grid_is_counted_before_it_is_made_and_refused_at_once_where_it_is_too_large() -> None:
    fine = range_of("min_delta_pct", 1, 50, "0.05")
    large = Space((fine, range_of("order_size_pct", 1, 50, "0.05"), range_of("order_step_pct", -5, 5, "0.05")))
    assert large.size == 981 * 981 * 201
    with pytest.raises(SpaceError) as raised:
        large.grid()
    assert (raised.value.field, raised.value.code) == ("parameters", "too_many")
    assert raised.value.facts == {"count": str(large.size), "limit": "10000"}
    assert len(list(space().grid(limit=18))) == 18
    with pytest.raises(SpaceError):
        space().grid(limit=17)


def test_a_setting_is_made_by_its_number() -> None:
    grid = list(space().grid())
    assert [space().setting(number) for number in range(18)] == grid
    for number in (-1, 18):
        with pytest.raises(IndexError):
            space().setting(number)


def test_an_empty_or_ambiguous_space_is_refused() -> None:
    with pytest.raises(SpaceError) as raised:
        Space(())
    assert (raised.value.field, raised.value.code) == ("parameters", "no_parameters")
    one = values_of("trade_to", ["edge"])
    with pytest.raises(SpaceError) as raised:
        Space((one, values_of("trade_to", ["target"])))
    assert (raised.value.field, raised.value.code) == ("trade_to", "twice")
    with pytest.raises(SpaceError) as raised:
        Space((Parameter("trade_to", ()),))
    assert (raised.value.field, raised.value.code) == ("trade_to", "no_values")


# --- Random search ---------------------------------------------------------------------------------------


@given(count=st.integers(1, 18), seed=st.integers(0, 2**64))
def test_a_random_search_repeats_nothing_but_itself(count: int, seed: int) -> None:
    found = list(space().sample(count, seed=seed))
    keys = [setting.key for setting in found]
    assert len(set(keys)) == count
    assert set(keys) <= {setting.key for setting in space().grid()}
    assert found == list(space().sample(count, seed=seed))
    assert found == list(space().sample(18, seed=seed))[:count]


def test_every_setting_is_as_likely_as_any_other() -> None:
    counts: dict[str, int] = {}
    for seed in range(600):
        for setting in space().sample(6, seed=seed):
            counts[setting.key] = counts.get(setting.key, 0) + 1
    assert len(counts) == 18
    # 200 each are expected, and a standard deviation of 12.
    assert all(150 < count < 250 for count in counts.values())


def test_a_few_of_billions_cost_nothing() -> None:
    fine = range_of("min_delta_pct", 1, 50, "0.05")
    large = Space((fine, range_of("order_size_pct", 1, 50, "0.05"), range_of("order_step_pct", -5, 5, "0.05")))
    found = list(large.sample(500, seed=7))
    assert len({setting.key for setting in found}) == 500


def test_other_seeds_are_other_searches() -> None:
    assert list(space().sample(9, seed=1)) != list(space().sample(9, seed=2))


@pytest.mark.parametrize(
    ("count", "limit", "code"), [(0, 10, "no_count"), (-1, 10, "no_count"), (19, 100, "count"), (11, 10, "too_many")]
)
def test_a_search_that_is_not_possible_is_refused_at_once(count: int, limit: int, code: str) -> None:
    with pytest.raises(SpaceError) as raised:
        space().sample(count, seed=1, limit=limit)
    assert (raised.value.field, raised.value.code) == ("count", code)


# --- Keys ------------------------------------------------------------------------------------------------


def test_equal_settings_have_one_key_however_they_are_written() -> None:
    one = Setting({"min_delta_pct": D("2"), "interval_minutes": 1440, "trade_to": "edge"})
    other = Setting({"trade_to": "edge", "interval_minutes": 1440, "min_delta_pct": D("2.00")})
    assert one.key == other.key
    assert one.key != Setting({**one.values, "min_delta_pct": D("2.01")}).key
    assert one.key != Setting({"min_delta_pct": D("2"), "interval_minutes": 1440}).key


def test_keys_do_not_change_from_process_to_process_or_release_to_release() -> None:
    """Results are kept by them: whoever changes this loses what has been computed."""
    assert [setting.key for setting in space().grid()][:2] == ["060ec6a9641731f582b0", "c7424485ec4362f6c177"]


def test_the_draws_of_a_seed_do_not_change_from_release_to_release() -> None:
    """A sweep that is resumed goes on with the settings it began with."""
    assert [setting.key for setting in space().sample(5, seed=11)] == [
        space().setting(number).key for number in (10, 13, 2, 1, 0)
    ]
