"""The geometry of charts."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from botbalance import charts, drawing

START = datetime(2026, 1, 1, tzinfo=UTC)


def values(*numbers: object) -> list[tuple[datetime, Decimal]]:
    return [(START + timedelta(hours=hour), Decimal(str(number))) for hour, number in enumerate(numbers)]


def test_arcs_follow_each_other_and_fill_the_ring() -> None:
    arcs = charts.ring([("BTC", "c0", Decimal(30)), ("ETH", "c1", Decimal(10)), ("USDT", "c10", Decimal(20))])
    assert [arc.dashes for arc in arcs] == ["50.00 50.00", "16.67 83.33", "33.33 66.67"]
    assert [arc.offset for arc in arcs] == ["0.00", "-50.00", "-66.67"]
    assert sum(arc.share for arc in arcs) == 100


def test_what_weighs_nothing_has_no_arc() -> None:
    assert charts.ring([("BTC", "c0", Decimal(0)), ("ETH", "c1", Decimal(-5))]) == []
    assert [arc.name for arc in charts.ring([("BTC", "c0", Decimal(0)), ("ETH", "c1", Decimal(5))])] == ["ETH"]


def test_lines_share_a_scale_and_a_cursor_tells_each_of_them_exactly() -> None:
    drawn = drawing.value_lines(
        [("Held", "held", values(150, 100)), ("Mine", "c0", values(100, 200, "150.25"))], height=100
    )
    assert drawn is not None
    assert [shape.name for shape in drawn.plot.legend] == ["Held", "Mine"]
    cursor = json.loads(drawn.cursor)
    assert cursor["x"] == ["0", "50", "100"]
    assert [line["text"] for line in cursor["lines"]] == [["150.00", "100.00", "–"], ["100.00", "200.00", "150.25"]]
    assert cursor["lines"][0]["top"][2] is None
    assert cursor["lines"][1]["top"] == ["100", "0", "49.75"]


def test_there_is_nothing_to_draw_of_one_moment() -> None:
    assert drawing.value_lines([("Mine", "c0", values(1))], height=100) is None
    assert drawing.value_lines([], height=100) is None


def test_of_a_long_series_peaks_are_kept_and_few_stops() -> None:
    numbers = [1] * 5000
    numbers[2345] = 99
    drawn = drawing.value_lines([("Mine", "c0", values(*numbers))], height=100)
    assert drawn is not None
    (line,) = json.loads(drawn.cursor)["lines"]
    assert "99.00" in line["text"]
    assert len(line["text"]) <= 160
