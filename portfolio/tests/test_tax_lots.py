"""Tax lots: what came is matched with what went, oldest first or at average cost, and nothing is made or lost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib.money import exact
from portfolio.performance.lots import (
    Acquired,
    Basis,
    ClosedLot,
    Disposed,
    Event,
    Kind,
    LotBook,
    LotReport,
    Method,
    OpenLot,
    settle,
)

D = Decimal
START = datetime(2025, 3, 1, tzinfo=UTC)
BOTH = pytest.mark.parametrize("method", list(Method))


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def bought(number: int, quantity: str, cost: str, asset: str = "BTC") -> Acquired:
    return Acquired(day(number), asset, D(quantity), D(cost), Basis.TRADE, f"buy {number}")


def came(number: int, quantity: str, cost: str | None, basis: Basis, asset: str = "BTC") -> Acquired:
    return Acquired(day(number), asset, D(quantity), None if cost is None else D(cost), basis)


def sold(number: int, quantity: str, proceeds: str | None, kind: Kind = Kind.SALE, asset: str = "BTC") -> Disposed:
    return Disposed(
        day(number), asset, D(quantity), None if proceeds is None else D(proceeds), kind, f"{kind} {number}"
    )


def lines(report: LotReport) -> list[tuple[int, str, str | None, str | None, str | None]]:
    """Closed lots as (lot, quantity, cost, proceeds, gain)."""

    def text(value: Decimal | None) -> str | None:
        return None if value is None else f"{value.normalize():f}"

    return [
        (row.lot, f"{row.quantity.normalize():f}", text(row.cost), text(row.proceeds), text(row.gain))
        for row in report.closed
    ]


def held(report: LotReport) -> list[tuple[int, Decimal, Decimal | None]]:
    return [(lot.lot, lot.quantity, lot.cost) for lot in report.open]


TWO_BUYS = [bought(0, "1", "100"), bought(10, "3", "600")]


def test_first_in_first_out_takes_the_oldest_lot_at_its_own_cost() -> None:
    report = settle([*TWO_BUYS, sold(20, "2", "500")], Method.FIFO)
    assert lines(report) == [(1, "1", "100", "250", "150"), (2, "1", "200", "250", "50")]
    assert held(report) == [(2, D(2), D(400))]


def test_average_cost_takes_the_oldest_dates_at_the_cost_of_all() -> None:
    report = settle([*TWO_BUYS, sold(20, "2", "500")], Method.AVERAGE)
    assert lines(report) == [(1, "1", "175", "250", "75"), (2, "1", "175", "250", "75")]
    assert held(report) == [(2, D(2), D(350))]


def test_what_is_bought_later_does_not_change_an_average_that_was_taken() -> None:
    report = settle([*TWO_BUYS, sold(20, "2", "500"), bought(30, "2", "1050"), sold(40, "1", "350")], Method.AVERAGE)
    assert lines(report)[-1] == (2, "1", "350", "350", "0")


@BOTH
def test_a_line_says_when_it_came_and_went_for_how_long_and_by_what(method: Method) -> None:
    row = settle([bought(0, "1", "100"), sold(400, "1", "150")], method).closed[0]
    assert (row.acquired_at, row.disposed_at, row.held_for) == (day(0), day(400), timedelta(days=400))
    assert (row.asset, row.kind, row.basis, row.reference) == ("BTC", Kind.SALE, Basis.TRADE, "sale 400")


@BOTH
def test_assets_have_lots_of_their_own_and_numbers_in_common(method: Method) -> None:
    report = settle([bought(0, "1", "100"), bought(1, "5", "50", "ETH"), sold(2, "1", "120")], method)
    assert lines(report) == [(1, "1", "100", "120", "20")]
    assert report.open == (OpenLot(2, "ETH", D(5), day(1), D(50), Basis.TRADE, "buy 1", fee_unvalued=False),)


@BOTH
def test_a_withdrawal_takes_the_oldest_with_its_cost_and_gains_nothing(method: Method) -> None:
    report = settle([bought(0, "1", "100"), sold(5, "0.5", "90", Kind.MOVED)], method)
    row = report.closed[0]
    assert (row.kind, row.cost, row.proceeds, row.gain, row.moved_value) == (Kind.MOVED, D(50), None, None, D(90))
    assert held(report) == [(1, D("0.5"), D(50))]


@BOTH
def test_a_deposit_is_worth_what_its_owner_says_or_its_market_value_and_says_which(method: Method) -> None:
    deposits: list[Event] = [came(0, "1", "70", Basis.GIVEN), came(1, "1", "100", Basis.MARKET, "ETH")]
    report = settle([*deposits, sold(9, "1", "120"), sold(9, "1", "120", asset="ETH")], method)
    assert [(row.basis, row.gain, row.is_estimated) for row in report.closed] == [
        (Basis.GIVEN, D(50), False),
        (Basis.MARKET, D(20), True),
    ]


def test_an_average_is_as_sure_as_its_least_sure_part_until_nothing_is_left_of_it() -> None:
    events = [bought(0, "1", "100"), came(1, "1", "200", Basis.MARKET), sold(2, "1", "1"), sold(3, "1", "1")]
    report = settle([*events, bought(4, "1", "50"), sold(5, "1", "60")], Method.AVERAGE)
    assert [row.basis for row in report.closed] == [Basis.MARKET, Basis.MARKET, Basis.TRADE]
    assert [row.basis for row in settle(events, Method.FIFO).closed] == [Basis.TRADE, Basis.MARKET]


# --- What is not known -----------------------------------------------------------------------------------


@BOTH
def test_more_sold_than_ever_came_is_a_lot_of_unknown_cost(method: Method) -> None:
    report = settle([bought(0, "1", "100"), sold(5, "3", "600"), bought(6, "1", "200")], method)
    assert lines(report) == [(1, "1", "100", "200", "100"), (2, "2", None, "400", None)]
    unknown = report.closed[1]
    assert (unknown.acquired_at, unknown.held_for, unknown.basis) == (None, None, Basis.UNKNOWN)
    assert held(report) == [(3, D(1), D(200))]


@BOTH
def test_a_lot_of_unknown_cost_gives_no_gain_and_does_not_touch_the_others(method: Method) -> None:
    events = [came(0, "1", None, Basis.UNKNOWN), bought(1, "1", "100"), sold(2, "2", "400")]
    assert lines(settle(events, method)) == [(1, "1", None, "200", None), (2, "1", "100", "200", "100")]


@BOTH
def test_unknown_proceeds_give_no_gain(method: Method) -> None:
    assert lines(settle([bought(0, "1", "100"), sold(1, "1", None)], method)) == [(1, "1", "100", None, None)]


@BOTH
def test_an_unvalued_fee_stays_with_the_lot(method: Method) -> None:
    lot = Acquired(day(0), "BTC", D(1), D(100), Basis.TRADE, fee_unvalued=True)
    report = settle([lot, sold(1, "0.5", "60")], method)
    assert report.closed[0].fee_unvalued
    assert report.closed[0].is_estimated
    assert report.open[0].is_estimated


# --- Nothing is made or lost -----------------------------------------------------------------------------

AMOUNTS = st.decimals("0.00000001", "1000000", places=8)
ASSETS = st.sampled_from(["BTC", "ETH"])


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for number in range(draw(st.integers(1, 15))):
        at, asset, quantity = day(number), draw(ASSETS), draw(AMOUNTS)
        value = draw(st.none() | AMOUNTS)
        if draw(st.booleans()):
            basis = Basis.UNKNOWN if value is None else draw(st.sampled_from([Basis.TRADE, Basis.MARKET]))
            events.append(Acquired(at, asset, quantity, value, basis))
        else:
            events.append(Disposed(at, asset, quantity, value, draw(st.sampled_from(Kind))))
    return events


def total(rows: list[Decimal]) -> Decimal:
    with exact():
        return sum(rows, D(0))


@BOTH
@given(events=histories())
def test_quantities_costs_and_proceeds_are_conserved_to_the_last_digit(method: Method, events: list[Event]) -> None:
    report = settle(events, method)
    for asset in ("BTC", "ETH"):
        acquired = [row for row in events if isinstance(row, Acquired) and row.asset == asset]
        disposed = [row for row in events if isinstance(row, Disposed) and row.asset == asset]
        closed = [row for row in report.closed if row.asset == asset]
        kept = [lot for lot in report.open if lot.asset == asset]
        known = [row for row in closed if row.acquired_at is not None]
        assert total([row.quantity for row in closed]) == total([row.quantity for row in disposed])
        assert total([row.quantity for row in acquired]) == total([row.quantity for row in (*known, *kept)])
        assert total([row.cost or D(0) for row in acquired]) == total([row.cost or D(0) for row in (*closed, *kept)])
        value = [row.proceeds if row.kind != Kind.MOVED else row.moved_value for row in closed]
        assert total([row or D(0) for row in value]) == total([row.value or D(0) for row in disposed])
        assert all(row.quantity > 0 for row in (*closed, *kept))
        assert all(row.cost is None or row.cost >= 0 for row in (*closed, *kept))


@given(events=histories())
def test_both_methods_close_the_same_quantities_on_the_same_dates(events: list[Event]) -> None:
    def outline(rows: tuple[ClosedLot, ...]) -> list[tuple[int, Decimal, datetime | None, datetime]]:
        return [(row.lot, row.quantity, row.acquired_at, row.disposed_at) for row in rows]

    assert outline(settle(events, Method.FIFO).closed) == outline(settle(events, Method.AVERAGE).closed)


@BOTH
@given(events=histories(), cut=st.integers(0, 15))
def test_what_comes_later_does_not_change_what_went_before(method: Method, events: list[Event], cut: int) -> None:
    earlier, whole = settle(events[:cut], method).closed, settle(events, method).closed
    assert whole[: len(earlier)] == earlier


# --- Mistakes --------------------------------------------------------------------------------------------


def test_events_that_run_backwards_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="run backwards"):
        settle([bought(1, "1", "1"), bought(0, "1", "1")], Method.FIFO)


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_nothing_is_no_event(quantity: str) -> None:
    with pytest.raises(ValueError, match="a quantity of"):
        LotBook(Method.FIFO).apply(sold(0, quantity, "1"))
