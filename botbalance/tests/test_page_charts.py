"""The geometry of charts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from botbalance import charts

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


def test_a_line_spans_its_box() -> None:
    line = charts.line(values(100, 200, 150), width=600, height=120)
    assert line is not None
    assert line.points == "0.00,120.00 300.00,0.00 600.00,60.00"
    assert line.area.startswith("0,120 0.00,120.00 ")
    assert (line.low, line.high, line.change_pct) == (100, 200, 50)


def test_a_value_that_does_not_move_is_a_flat_line_in_the_middle() -> None:
    for number in (1000, 0):
        line = charts.line(values(number, number), width=600, height=120)
        assert line is not None
        assert line.points == "0.00,60.00 600.00,60.00"


def test_one_value_is_no_line() -> None:
    assert charts.line([], width=600, height=120) is None
    assert charts.line(values(1), width=600, height=120) is None
    assert charts.line([(START, Decimal(1)), (START, Decimal(2))], width=600, height=120) is None


def test_many_values_are_thinned_to_the_first_every_nth_and_the_last() -> None:
    line = charts.line(values(*range(1, 1001)), width=600, height=120, most_points=100)
    assert line is not None
    assert len(line.points.split()) == 101
    assert (line.low, line.high) == (1, 1000)
    assert line.points.endswith("600.00,0.00")


def test_lines_beside_it_share_its_scale_and_its_time() -> None:
    early = [(START - timedelta(hours=1), Decimal(9999)), *values(50, 250, 100)]
    line = charts.line(values(100, 200, 150), width=600, height=120, beside=[early, values(7)[:1], []])
    assert line is not None
    assert (line.low, line.high) == (7, 250)
    assert line.beside[0].startswith("0.00,")
    assert line.beside[0].split()[1] == "300.00,0.00"
    assert line.beside[1:] == ("", "")
    assert len(line.beside[0].split()) == 3
