"""Charts of back-tests: what is drawn where, with round numbers and dates at the sides, and no extreme lost."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.backtest import charts
from strategies.backtest.charts import Curve, Dealt, Plot

DAY_MS = 86_400_000
START_MS = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp()) * 1000


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc,arg-type]


def days(count: int) -> list[int]:
    return [START_MS + day * DAY_MS for day in range(count)]


def points(path: str) -> list[tuple[float, float]]:
    """The corners of a path of M and L."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path)]


def only(plot: Plot | None, css: str) -> str:
    """The path of the one shape with these classes."""
    assert plot is not None
    (shape,) = [shape for shape in plot.shapes if shape.css == css]
    return shape.path


# --- scales --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 100, ["0", "20", "40", "60", "80", "100"]),
        (9_900, 14_100, ["8000", "10000", "12000", "14000", "16000"]),
        (-0.31, 0, ["-0.4", "-0.3", "-0.2", "-0.1", "0"]),
        (0.000011, 0.000019, ["0.00001", "0.000012", "0.000014", "0.000016", "0.000018", "0.00002"]),
    ],
)
def test_the_axis_has_round_numbers(low: float, high: float, ticks: list[str]) -> None:
    assert list(charts.round_ticks(low, high)) == [Decimal(tick) for tick in ticks]


@given(
    st.floats(-1e12, 1e12, allow_nan=False),
    st.floats(-1e12, 1e12, allow_nan=False),
    st.integers(min_value=3, max_value=30),
)
def test_every_value_lies_between_the_ticks_and_they_are_few_and_even(one: float, other: float, most: int) -> None:
    ticks = charts.round_ticks(one, other, most)
    assert 2 <= len(ticks) <= most
    assert ticks[0] <= Decimal(repr(min(one, other)))
    assert ticks[-1] >= Decimal(repr(max(one, other)))
    assert len({after - before for before, after in pairwise(ticks)}) == 1
    assert (ticks[1] - ticks[0]).normalize().as_tuple().digits in ((1,), (2,), (2, 5), (5,))


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        ("0", "2000", "0%"),
        ("12000", "2000", "12,000%"),
        ("-0.3", "0.1", "−0.3%"),
        ("2", "0.5", "2.0%"),
        ("1500000", "500000", "1.5 M%"),
        ("3000000000", "1000000000", "3 B%"),
        ("0.000012", "0.000002", "0.000012%"),
    ],
)
def test_a_number_on_an_axis_has_the_decimals_of_its_step(value: str, step: str, text: str) -> None:
    assert charts.tick_text(Decimal(value), Decimal(step), "%").replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("start", "end", "texts"),
    [
        ((2018, 1, 1), (2023, 1, 10), ["2018", "2019", "2020", "2021", "2022", "2023"]),
        ((2021, 3, 20), (2021, 9, 10), ["2021-04", "2021-05", "2021-06", "2021-07", "2021-08", "2021-09"]),
        ((2021, 5, 3), (2021, 5, 20), ["2021-05-03", "2021-05-08", "2021-05-13", "2021-05-18"]),
        ((2023, 3, 24, 9), (2023, 3, 24, 15, 30), ["03-24 09:00", "03-24 12:00", "03-24 15:00"]),
    ],
)
def test_dates_are_turns_of_the_calendar(start: tuple[int, ...], end: tuple[int, ...], texts: list[str]) -> None:
    assert [tick.text for tick in charts.date_ticks(ms(*start), ms(*end))] == texts


@given(st.integers(0, 2_000_000_000_000), st.integers(1, 2_000_000_000_000))
def test_dates_lie_on_the_axis_in_their_order_and_are_few(start: int, length: int) -> None:
    ticks = charts.date_ticks(start, start + length)
    places = [float(tick.place.removesuffix("%")) for tick in ticks]
    assert 1 <= len(ticks) <= 8
    assert sum(not tick.is_minor for tick in ticks) <= 4
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= 100


@given(st.integers(0, 2_000_000_000_000), st.integers(1, 2_000_000_000_000))
def test_on_a_phone_dates_neither_overhang_nor_touch(start: int, length: int) -> None:
    date = 0.27  # of a phone's axis
    shown = [tick for tick in charts.date_ticks(start, start + length) if not tick.is_minor]
    middles = [1 - date / 2 if tick.is_late else float(tick.place.removesuffix("%")) / 100 for tick in shown]
    assert all(middle <= 1 - date / 2 + 0.001 for middle in middles)
    if len(shown[-1].text) > len("2026-10"):
        assert all(after - before > date - 0.001 for before, after in pairwise(middles))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(4, 60))
def test_a_long_series_is_made_shorter_without_losing_an_extreme(values: list[float], most: int) -> None:
    kept = charts.extremes(values, most)
    assert len(kept) <= max(most, 1)
    assert list(kept) == sorted(set(kept.tolist()))
    shown = [values[place] for place in kept]
    assert (shown[0], shown[-1]) == (values[0], values[-1])
    assert (min(shown), max(shown)) == (min(values), max(values))


# --- lines ---------------------------------------------------------------------------------------------------


def test_a_line_runs_from_edge_to_edge_on_a_round_scale() -> None:
    plot = charts.line_plot([Curve("NAV", "c0", days(3), [100.0, 200.0, 150.0])], height=100)
    assert plot is not None
    assert points(only(plot, "line c0")) == [(0, 100), (500, 0), (1000, 50)]
    assert [(tick.text, tick.place) for tick in plot.y_ticks] == [
        ("100", "100%"), ("120", "80%"), ("140", "60%"), ("160", "40%"), ("180", "20%"), ("200", "0%"),
    ]  # fmt: skip
    assert [shape.name for shape in plot.legend] == ["NAV"]
    assert plot.box == "0 0 1000 100"


def test_lines_share_one_scale_and_one_time() -> None:
    early = Curve("a", "c0", days(2), [0.0, 10.0])
    late = Curve("b", "c1", [day + DAY_MS for day in days(2)], [10.0, 20.0])
    plot = charts.line_plot([early, late], height=100)
    assert points(only(plot, "line c0")) == [(0, 100), (500, 50)]
    assert points(only(plot, "line c1")) == [(500, 50), (1000, 0)]


def test_what_is_not_known_leaves_a_gap() -> None:
    path = only(charts.line_plot([Curve("", "", days(5), [1.0, 2.0, float("nan"), 2.0, 1.0])]), "line")
    assert path.count("M") == 2
    assert len(points(path)) == 4


def test_a_line_that_hardly_moves_is_drawn_flat() -> None:
    plot = charts.line_plot([Curve("", "", days(2), [10_000.0, 10_001.0])], height=100)
    heights = [y for _x, y in points(only(plot, "line"))]
    assert abs(heights[0] - heights[1]) < 2


def test_a_single_fall_of_a_long_line_is_seen() -> None:
    values = np.full(50_000, 100.0)
    values[31_415] = 10.0
    path = only(charts.line_plot([Curve("", "", np.arange(50_000) * 60_000, values)], height=100), "line")
    assert len(points(path)) < 1000
    assert max(y for _x, y in points(path)) == pytest.approx(90)  # 10 on an axis from 0 to 100
    assert "e" not in path
    assert "nan" not in path


@pytest.mark.parametrize("times", [[], days(1), [START_MS, START_MS]])
def test_fewer_than_two_moments_draw_nothing(times: list[int]) -> None:
    values = [1.0] * len(times)
    assert charts.line_plot([Curve("", "", times, values)]) is None
    assert charts.drawdown_plot(times, values) is None
    assert charts.stacked_plot(times, [("a", "c0", values)]) is None
    assert charts.candle_plot(times, values, values, values, values) is None
    assert charts.fan_plot(times, {50: values}) is None


def test_a_line_of_nothing_known_draws_nothing() -> None:
    assert charts.line_plot([Curve("", "", days(2), [float("nan")] * 2)]) is None
    assert charts.line_plot([]) is None


# --- drawdown and weights --------------------------------------------------------------------------------------


def test_a_drawdown_hangs_from_zero() -> None:
    plot = charts.drawdown_plot(days(3), [0.0, -0.2, 0.0], height=100)
    assert plot is not None
    assert points(only(plot, "area fall")) == [(0, 0), (500, 100), (1000, 0), (1000, 0), (500, 0), (0, 0)]
    assert plot.y_ticks[0].text.startswith("−20")
    assert plot.y_ticks[-1].text.startswith("0")


def test_a_portfolio_that_never_fell_has_a_flat_drawdown() -> None:
    assert {y for _x, y in points(only(charts.drawdown_plot(days(3), [0.0] * 3, height=100), "line fall"))} == {0.0}


def test_weights_are_stacked_to_the_whole() -> None:
    plot = charts.stacked_plot(days(2), [("BTC", "c0", [60.0, 30.0]), ("USDT", "c10", [60.0, 90.0])], height=100)
    assert points(only(plot, "layer c0")) == [(0, 50), (1000, 75), (1000, 100), (0, 100)]
    assert points(only(plot, "layer c10")) == [(0, 0), (1000, 0), (1000, 75), (0, 50)]


def test_a_moment_without_anything_is_left_out_of_the_weights() -> None:
    plot = charts.stacked_plot(days(3), [("BTC", "c0", [0.0, 1.0, 1.0]), ("ETH", "c1", [0.0, 1.0, 1.0])])
    assert {x for x, _y in points(only(plot, "layer c0"))} == {0, 1000}
    assert charts.stacked_plot(days(2), [("BTC", "c0", [0.0, 0.0])]) is None


# --- candles -------------------------------------------------------------------------------------------------


def rising(count: int, dealt: Sequence[Dealt] = (), **options: Any) -> Plot:
    """Candles of one unit a day, each from where the one before ended."""
    opens = [float(place) for place in range(count)]
    highs, lows, closes = [one + 1.5 for one in opens], [one - 0.5 for one in opens], [one + 1 for one in opens]
    plot = charts.candle_plot(days(count), opens, highs, lows, closes, dealt, **options)
    assert plot is not None
    return plot


def test_candles_are_put_together_where_there_are_many() -> None:
    plot = rising(1000)
    assert {shape.css for shape in plot.shapes} == {"wick up", "body up"}
    assert only(plot, "body up").count("M") == 160
    assert only(plot, "wick up").count("M") == 160


def test_a_falling_candle_is_told_from_a_rising_one() -> None:
    plot = charts.candle_plot(days(2), [1.0, 2.0], [2.0, 2.0], [1.0, 1.0], [2.0, 1.0])
    assert plot is not None
    assert [shape.css for shape in plot.shapes] == ["wick up", "body up", "wick down", "body down"]


def test_what_was_dealt_stands_at_its_price_on_its_candle() -> None:
    times = days(4)
    dealt = [
        Dealt(times[1] + DAY_MS // 2, 2.0, is_buy=True, title="bought"),
        Dealt(times[3], 4.0, is_buy=False, title="sold"),
    ]
    plot = rising(4, dealt)
    low, high = -2.0, 6.0
    assert [(mark.css, mark.x, mark.title) for mark in plot.marks] == [
        ("buy", "37.5%", "bought"),
        ("sell", "87.5%", "sold"),
    ]
    assert [float(tick.text.replace("−", "-")) for tick in (plot.y_ticks[0], plot.y_ticks[-1])] == [low, high]
    assert float(plot.marks[0].y.rstrip("%")) == pytest.approx((high - 2.0) / (high - low) * 100, abs=0.01)


def test_one_sign_stands_for_many_deals_of_one_side_on_a_candle() -> None:
    dealt = [Dealt(START_MS + DAY_MS, 1.0 + place / 10, is_buy=True, title=f"deal {place}") for place in range(8)]
    dealt.append(Dealt(START_MS - 1, 1.0, is_buy=True, title="before the first candle"))
    plot = rising(2, dealt, more="and %d more")
    (mark,) = plot.marks
    assert mark.title.splitlines() == [*(f"deal {place}" for place in range(5)), "and 3 more"]


# --- distributions ---------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=100))
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    plot = charts.histogram(values)
    assert plot is not None
    assert sum(int(shape.title.rsplit(": ", 1)[1]) for shape in plot.shapes) == len(values)


def test_a_histogram_leaves_out_what_is_no_number() -> None:
    plot = charts.histogram([1.0, float("nan"), 2.0, float("inf")], bins=4)
    assert plot is not None
    assert sum(int(shape.title.rsplit(": ", 1)[1]) for shape in plot.shapes) == 2
    assert charts.histogram([float("nan")]) is None


def test_a_heat_map_gives_every_value_its_level() -> None:
    heat = charts.heat_map([[0.0, 4.5, None], [9.0, float("nan"), 1.0]])
    assert [[cell.css for cell in row] for row in heat.rows] == [["h0", "h4", "none"], ["h8", "none", "h1"]]
    assert (heat.low, heat.high, heat.box) == (0.0, 9.0, "0 0 3 2")
    assert heat.best is not None
    assert (heat.best.column, heat.best.row) == (0, 1)
    cheapest = charts.heat_map([[0.0, 4.5]], lowest_is_best=True).best
    assert cheapest is not None
    assert cheapest.value == 0.0


def test_a_heat_map_of_equal_values_is_of_one_middle_colour() -> None:
    assert {cell.css for row in charts.heat_map([[2.0, 2.0]]).rows for cell in row} == {"h4"}
    assert charts.heat_map([[None]]).best is None


def test_a_fan_has_its_widest_band_behind_and_the_own_curve_before() -> None:
    bands = {rank: [100.0, 100.0 + rank] for rank in (5, 25, 50, 75, 95)}
    own = Curve("this run", "c1", days(2), [100.0, 180.0])
    plot = charts.fan_plot(days(2), bands, own=own, names={5: "90 of 100", 50: "median"}, height=100)
    assert plot is not None
    assert [(shape.css, shape.name) for shape in plot.shapes] == [
        ("fan fan0", "90 of 100"),
        ("fan fan1", ""),
        ("line median", "median"),
        ("line c1", "this run"),
    ]
    outer = [y for x, y in points(plot.shapes[0].path) if x == 1000]
    inner = [y for x, y in points(plot.shapes[1].path) if x == 1000]
    assert min(outer) < min(inner) < max(inner) < max(outer)


def test_a_percentile_without_its_counterpart_is_refused() -> None:
    with pytest.raises(ValueError, match="pairs around 50"):
        charts.fan_plot(days(2), {5: [1.0, 2.0], 90: [1.0, 2.0]})
