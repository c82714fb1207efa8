"""Candles as columns: exact, ordered, and the same as a slow reference in Decimals."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.candles.columns import CandleColumns, CandleRow, Gap
from exchanges.candles.numbers import MOST, CandleError
from exchanges.tests.candle_scenes import HOUR, START, candles, drawn_rows, row


def columns(rows: list[CandleRow]) -> CandleColumns:
    return CandleColumns.from_rows("BTCUSDT", HOUR, rows)


@given(drawn_rows())
def test_every_digit_comes_back(rows: list[CandleRow]) -> None:
    assert list(columns(rows).rows()) == rows


def test_the_fewest_places_are_kept_that_keep_every_digit() -> None:
    kept = CandleColumns.from_rows(
        "BTCUSDT",
        HOUR,
        [(START, "1.50000000", "2", Decimal("1.25"), 2, "3.000"), (START + HOUR, "1", "1", "1", "1", "0")],
    )
    assert (kept.price_places, kept.volume_places) == (2, 0)
    assert kept.open.tolist() == [150, 100]
    assert kept.volume.tolist() == [3, 0]


@pytest.mark.parametrize("number", ["1e400", "nan", "Infinity", "dear", "0." + "0" * 18 + "1", str(MOST + 1)])
def test_a_number_that_cannot_be_kept_is_an_error_and_not_another_number(number: str) -> None:
    with pytest.raises(CandleError):
        CandleColumns.from_rows("BTCUSDT", HOUR, [(START, number, number, number, number, "1")])


def test_numbers_that_do_not_fit_into_one_scale_are_an_error() -> None:
    rows = [(START, "1", "1", "1", "1", "999999999999"), (START + HOUR, "1", "1", "1", "1", "0.00000001")]
    with pytest.raises(CandleError, match="cannot be kept exactly"):
        CandleColumns.from_rows("BTCUSDT", HOUR, rows)


def test_the_greatest_number_fits() -> None:
    kept = CandleColumns.from_rows("BTCUSDT", HOUR, [(START, "1", "1", "1", "1", str(MOST))])
    assert kept.row(0).volume == MOST


@pytest.mark.parametrize(
    ("times", "said"),
    [([HOUR, 0], "not ascending"), ([0, 0], "not ascending"), ([0, HOUR + 1], "not whole multiples")],
)
def test_times_that_are_out_of_order_or_off_the_grid_are_refused(times: list[int], said: str) -> None:
    with pytest.raises(CandleError, match=said):
        columns([row(0)._replace(open_time_ms=START + time) for time in times])


def test_columns_cannot_be_written_to() -> None:
    kept = candles(range(3))
    with pytest.raises(ValueError, match="read-only"):
        kept.close[0] = 1


def test_columns_of_another_type_or_length_are_refused() -> None:
    good = np.zeros(1, dtype=np.int64) + START
    other: Any
    for other in (np.zeros(2, dtype=np.int64), np.zeros(1, dtype=np.int32), np.zeros(1)):
        with pytest.raises(CandleError):
            CandleColumns("BTCUSDT", HOUR, 0, 0, good, good, good, good, good, other)


def test_a_slice_holds_its_first_moment_and_not_its_last() -> None:
    kept = candles(range(10))
    assert kept.slice(START + HOUR, START + 3 * HOUR).open_time_ms.tolist() == [START + HOUR, START + 2 * HOUR]
    assert len(kept.slice(START + 1, START + HOUR)) == 0
    assert len(kept.slice(START + 5 * HOUR, START)) == 0
    assert kept.slice() == kept


def test_gaps_are_named_with_the_time_they_begin_and_end() -> None:
    assert candles([0, 1, 4, 5, 7]).gaps() == [
        Gap(START + 2 * HOUR, START + 4 * HOUR, 2),
        Gap(START + 6 * HOUR, START + 7 * HOUR, 1),
    ]
    assert candles([]).gaps() == []
    assert candles([3]).gaps() == []


@given(drawn_rows(), drawn_rows())
def test_joining_is_the_same_as_updating_a_dictionary(one: list[CandleRow], other: list[CandleRow]) -> None:
    before, news = {item.open_time_ms: item for item in one}, {item.open_time_ms: item for item in other}
    joined = columns(one).joined(columns(other))
    assert {item.open_time_ms: item for item in joined.columns.rows()} == before | news
    assert joined.added == len(news.keys() - before.keys())
    assert joined.changed_ms == tuple(sorted(at for at in news.keys() & before.keys() if news[at] != before[at]))
    assert joined.added + joined.unchanged + joined.changed == len(news)


def test_candles_of_two_symbols_are_not_joined() -> None:
    with pytest.raises(CandleError, match="cannot be joined"):
        candles([0]).joined(candles([1], symbol="ETHUSDT"))


def resampled_slowly(rows: list[CandleRow], hours: int, covered: tuple[int, int]) -> list[CandleRow]:
    """The rule again, one candle at a time, in Decimals."""
    length = hours * HOUR
    buckets: dict[int, list[CandleRow]] = {}
    for one in rows:
        buckets.setdefault(one.open_time_ms // length * length, []).append(one)
    return [
        CandleRow(
            at,
            inside[0].open,
            max(one.high for one in inside),
            min(one.low for one in inside),
            inside[-1].close,
            sum((one.volume for one in inside), Decimal(0)),
        )
        for at, inside in sorted(buckets.items())
        if at >= covered[0] and at + length <= covered[1]
    ]


@given(drawn_rows(most=60), st.sampled_from([2, 4, 6, 12, 24]))
def test_resampling_is_the_same_as_in_decimals(rows: list[CandleRow], hours: int) -> None:
    kept = columns(rows)
    covered = (rows[0].open_time_ms, rows[-1].open_time_ms + HOUR) if rows else (0, 0)
    assert list(kept.resampled(hours * HOUR).rows()) == resampled_slowly(rows, hours, covered)
    wider = (START - 24 * HOUR, START + 1000 * HOUR)
    assert list(kept.resampled(hours * HOUR, *wider).rows()) == resampled_slowly(rows, hours, wider)


def test_resampling_drops_the_first_and_last_candle_where_they_are_cut() -> None:
    assert candles(range(1, 11)).resampled(4 * HOUR).open_time_ms.tolist() == [START + 4 * HOUR]


def test_resampling_invents_nothing_in_a_gap() -> None:
    made = candles([*range(8), *range(16, 24)]).resampled(4 * HOUR)
    assert [gap.candles for gap in made.gaps()] == [2]


@pytest.mark.parametrize("interval_ms", [0, HOUR // 2, HOUR + 1])
def test_candles_do_not_make_shorter_or_uneven_ones(interval_ms: int) -> None:
    with pytest.raises(CandleError, match="do not make"):
        candles(range(4)).resampled(interval_ms)


def test_volumes_that_add_up_to_too_much_are_an_error() -> None:
    rows = [row(number, volume=str(MOST // 2 + 1)) for number in range(2)]
    with pytest.raises(CandleError, match="add up"):
        columns(rows).resampled(2 * HOUR)


def test_volumes_that_only_might_add_up_to_too_much_are_added() -> None:
    rows = [row(0, volume=str(MOST - 5)), row(1, volume="5")]
    assert columns(rows).resampled(2 * HOUR).row(0).volume == MOST


def test_candles_that_cannot_be_are_found_where_they_are() -> None:
    good = row(0)
    bad = [
        good,
        row(1)._replace(high=Decimal("99.5")),
        row(2)._replace(low=Decimal("100.5")),
        row(3)._replace(volume=Decimal(-1)),
        row(4)._replace(low=Decimal(0)),
    ]
    found = columns(bad).problems()
    assert [problem.position for problem in found] == [1, 2, 3, 4]
    assert [problem.reason for problem in found] == [
        "the high is below another price",
        "the low is above another price",
        "the volume is negative",
        "a price is not above 0",
    ]


def test_equal_is_what_says_the_same_whatever_the_places() -> None:
    kept = candles(range(3))
    assert kept == kept.with_places(8, 8)
    assert kept != candles(range(3), price="101")
    assert kept != candles(range(2))
    with pytest.raises(CandleError, match="would be lost"):
        kept.with_places(8, 8).with_places(2, 8)
