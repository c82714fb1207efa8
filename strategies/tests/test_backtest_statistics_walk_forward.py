"""Choices are made on rows before those they are judged on, and no choice ever sees the rows that are held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.backtest.statistics.walk_forward import SplitError, efficiency, growth_per_row, split, stitch

lengths = {
    "in_sample": st.integers(1, 60),
    "out_of_sample": st.integers(1, 30),
    "held_out": st.integers(0, 50),
    "spare": st.integers(0, 120),
    "anchored": st.booleans(),
}


@given(**lengths)
def test_windows_lie_behind_one_another_and_end_where_the_held_out_rows_begin(
    in_sample: int, out_of_sample: int, held_out: int, spare: int, anchored: bool
) -> None:
    rows = in_sample + out_of_sample + held_out + spare
    found = split(rows, in_sample=in_sample, out_of_sample=out_of_sample, held_out=held_out, anchored=anchored)
    tried = [row for window in found.windows for row in window.out_of_sample]
    assert tried == list(found.tried) == list(range(found.windows[0].out_of_sample.start, rows - held_out))
    assert list(found.held_out) == list(range(rows - held_out, rows))
    for window in found.windows:
        assert window.in_sample.stop == window.out_of_sample.start
        assert len(window.out_of_sample) == out_of_sample
        assert window.in_sample.start == 0 if anchored else len(window.in_sample) == in_sample
    # As many windows as there is room for: what is left over would not be one more.
    assert found.windows[0].out_of_sample.start - in_sample < out_of_sample


@given(**lengths)
def test_no_choice_sees_what_is_held_out_or_what_it_is_judged_by(
    in_sample: int, out_of_sample: int, held_out: int, spare: int, anchored: bool
) -> None:
    rows = in_sample + out_of_sample + held_out + spare
    found = split(rows, in_sample=in_sample, out_of_sample=out_of_sample, held_out=held_out, anchored=anchored)
    for window in found.windows:
        assert max(window.in_sample) < min(window.out_of_sample)
    seen = {row for window in found.windows for part in window for row in part} | set(found.final)
    assert seen.isdisjoint(found.held_out)
    assert found.final.stop == found.held_out.start
    assert len(found.final) == (rows - held_out if anchored else in_sample)


def test_three_windows_of_a_year() -> None:
    found = split(400, in_sample=120, out_of_sample=60, held_out=90)
    assert [(window.in_sample, window.out_of_sample) for window in found.windows] == [
        (range(10, 130), range(130, 190)),
        (range(70, 190), range(190, 250)),
        (range(130, 250), range(250, 310)),
    ]
    assert (found.final, found.held_out) == (range(190, 310), range(310, 400))
    grown = split(400, in_sample=120, out_of_sample=60, held_out=90, anchored=True)
    assert [window.in_sample for window in grown.windows] == [range(130), range(190), range(250)]


@pytest.mark.parametrize(
    ("field", "lengths"),
    [
        ("in_sample", {"in_sample": 0, "out_of_sample": 5}),
        ("out_of_sample", {"in_sample": 5, "out_of_sample": 0}),
        ("held_out", {"in_sample": 5, "out_of_sample": 5, "held_out": -1}),
        ("rows", {"in_sample": 60, "out_of_sample": 30, "held_out": 11}),
    ],
)
def test_a_length_that_is_not_possible_is_named(field: str, lengths: dict[str, int]) -> None:
    with pytest.raises(SplitError) as raised:
        split(100, **lengths)
    assert raised.value.field == field
    assert field in str(raised.value)


def test_there_is_room_for_one_window_or_there_is_not() -> None:
    assert len(split(101, in_sample=60, out_of_sample=30, held_out=11).windows) == 1
    with pytest.raises(SplitError, match="need 101 rows; there are 100"):
        split(100, in_sample=60, out_of_sample=30, held_out=11)


# --- What the windows come to ----------------------------------------------------------------------------


def test_curves_are_stitched_where_one_ends_and_the_next_begins() -> None:
    whole = stitch([np.array([100.0, 110.0, 121.0]), np.array([1000.0, 500.0]), np.array([8.0, 8.0, 12.0])])
    assert whole == pytest.approx([100, 110, 121, 60.5, 60.5, 90.75])


curves = st.lists(
    st.lists(st.floats(0.5, 2.0), min_size=1, max_size=8).map(lambda steps: np.cumprod([100.0, *steps])),
    min_size=1,
    max_size=5,
)


@given(curves=curves, scale=st.floats(0.1, 1000))
def test_stitching_keeps_every_return_and_forgets_every_amount_but_the_first(
    curves: list[np.ndarray], scale: float
) -> None:
    whole = stitch(curves)
    returns = np.concatenate([curve[1:] / curve[:-1] for curve in curves])
    assert whole[1:] / whole[:-1] == pytest.approx(returns)
    assert whole[0] == curves[0][0]
    assert stitch([curves[0], *(curve * scale for curve in curves[1:])]) == pytest.approx(whole)
    assert (1 + growth_per_row(curves)) ** len(returns) == pytest.approx(whole[-1] / whole[0])


def test_what_is_lost_stays_lost() -> None:
    assert stitch([np.array([100.0, 0.0]), np.array([100.0, 150.0])]).tolist() == [100, 0, 0]
    assert growth_per_row([np.array([100.0, 0.0]), np.array([100.0, 150.0])]) == -1


def test_efficiency_is_what_is_left_of_the_growth() -> None:
    doubled = 100 * 1.02 ** np.arange(51)
    assert efficiency([doubled], [100 * 1.01 ** np.arange(11)]) == pytest.approx(0.5)
    assert efficiency([doubled, doubled], [doubled[:5], doubled[:9]]) == pytest.approx(1)
    assert efficiency([doubled], [doubled[::-1]]) == pytest.approx((1 / 1.02 - 1) / 0.02)


def test_there_is_no_efficiency_where_nothing_was_earned_when_it_was_chosen() -> None:
    assert efficiency([np.array([100.0, 100.0])], [np.array([100.0, 150.0])]) is None
    assert efficiency([np.array([100.0, 90.0])], [np.array([100.0, 150.0])]) is None


@pytest.mark.parametrize("wrong", [[100.0], [0.0, 1.0], [100.0, -1.0], [100.0, float("nan")], [[1.0, 2.0]]])
def test_what_is_no_equity_curve_is_refused(wrong: list[float]) -> None:
    for judge in (stitch, growth_per_row):
        with pytest.raises(ValueError, match="equity curve"):
            judge([np.array(wrong)])


def test_nothing_cannot_be_stitched_and_windows_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="nothing to stitch"):
        stitch([])
    with pytest.raises(ValueError, match="no curves"):
        growth_per_row([])
    with pytest.raises(ValueError, match="every window"):
        efficiency([np.array([1.0, 2.0])], [])
