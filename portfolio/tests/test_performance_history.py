"""What of a recorded history is accounted for, and what came and went at each moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.performance.figures import PeriodFigures, period_figures
from portfolio.performance.history import CameOrWent, Change, Recorded, moments_of, stretches, within
from portfolio.performance.returns import Unknown, growth_curve

D = Decimal
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def recorded(hour: int, btc_price: str = "100", **totals: str) -> Recorded:
    held = {asset: D(total) for asset, total in totals.items()}
    prices = {"USDT": D(1), "BTC": D(btc_price)}
    known = {asset: prices[asset] for asset in held if asset in prices}
    return Recorded(at(hour), sum((held[a] * known[a] for a in known), D(0)), held, known)


def fill(hour: int, **amounts: str) -> Change:
    return Change(at(hour), {asset: D(amount) for asset, amount in amounts.items()})


def flow(hour: int, asset: str, amount: str, value: str | None = None) -> CameOrWent:
    return CameOrWent(at(hour), asset, D(amount), None if value is None else D(value))


def hours(history: list[Recorded], changes: list[Change], flows: list[CameOrWent]) -> list[list[int]]:
    return [
        [(valuation.at - START) // timedelta(hours=1) for valuation in stretch.recorded]
        for stretch in stretches(history, changes, flows)
    ]


# --- Stretches -------------------------------------------------------------------------------------------


def test_what_fills_and_flows_explain_is_one_stretch() -> None:
    history = [recorded(0, USDT="1000"), recorded(2, USDT="500", BTC="5"), recorded(4, USDT="800", BTC="5")]
    assert hours(history, [fill(1, USDT="-500", BTC="5")], [flow(3, "USDT", "300")]) == [[0, 2, 4]]


def test_a_flow_that_is_noticed_late_leaves_out_the_valuations_that_had_it_already() -> None:
    history = [recorded(0, USDT="1000"), recorded(1, USDT="1300"), recorded(3, USDT="1300"), recorded(4, USDT="1300")]
    assert hours(history, [], [flow(2, "USDT", "300")]) == [[0, 3, 4]]


def test_a_flow_not_noticed_yet_leaves_the_last_valuation_out() -> None:
    history = [recorded(0, USDT="1000"), recorded(1, USDT="1000"), recorded(2, USDT="1300")]
    assert hours(history, [], []) == [[0, 1]]


def test_a_fill_recorded_before_the_balances_that_were_valued_leaves_that_valuation_out() -> None:
    history = [recorded(0, USDT="1000"), recorded(2, USDT="1000"), recorded(3, USDT="500", BTC="5")]
    assert hours(history, [fill(1, USDT="-500", BTC="5")], []) == [[0, 3]]


def test_what_nothing_explains_begins_a_stretch_and_says_by_how_much() -> None:
    # The account was started afresh between 2 and 3, though it was worth all but the same.
    history = [
        recorded(0, USDT="1000"),
        recorded(2, USDT="500", BTC="5"),
        *(recorded(h, USDT="1000") for h in (3, 4, 5)),
    ]
    before, after = stretches(history, [fill(1, USDT="-500", BTC="5")], [])
    assert ([len(before.recorded), len(after.recorded)], after.recorded[0].at) == ([2, 3], at(3))
    assert after.gap == {"BTC": D(-5), "USDT": D(500)}
    assert before.gap == {"USDT": D(1000)}


def test_what_was_there_when_recording_began_is_without_the_fills_before_it() -> None:
    (stretch,) = stretches([recorded(2, USDT="500", BTC="7")], [fill(1, USDT="-500", BTC="5")], [])
    assert stretch.gap == {"BTC": D(2), "USDT": D(1000)}


def test_dust_and_what_has_no_price_break_nothing() -> None:
    history = [recorded(0, USDT="1000"), recorded(1, USDT="1000.5", AIRDROP="9999"), recorded(2, USDT="1001")]
    assert hours(history, [], []) == [[0, 1, 2]]


def test_without_valuations_there_is_nothing() -> None:
    assert stretches([], [fill(1, USDT="5")], [flow(1, "USDT", "5")]) == ()


# --- Moments ---------------------------------------------------------------------------------------------


def moments(history: list[Recorded], flows: list[CameOrWent]) -> list[tuple[Decimal, Decimal]]:
    (stretch,) = stretches(history, [], flows)
    return [(moment.valued.nav, moment.flow) for moment in moments_of(stretch, flows)]


def test_a_flow_is_valued_at_the_first_valuation_that_has_it() -> None:
    history = [recorded(0, BTC="10"), recorded(5, "200", BTC="11"), recorded(6, "200", BTC="11")]
    assert moments(history, [flow(4, "BTC", "1", "150")]) == [(1000, 0), (2000, 200), (2200, 0)]


def test_what_left_entirely_is_valued_as_it_was_noticed() -> None:
    history = [recorded(0, BTC="10", USDT="500"), recorded(2, USDT="500"), recorded(3, USDT="500")]
    assert moments(history, [flow(1, "BTC", "-10", "-1100")]) == [(1500, 0), (1600, -1100), (500, 0)]


def test_what_never_had_a_price_counts_nothing() -> None:
    history = [recorded(0, USDT="500"), recorded(2, USDT="500", AIRDROP="5"), recorded(3, USDT="500", AIRDROP="5")]
    assert moments(history, [flow(1, "AIRDROP", "5")]) == [(500, 0), (500, 0), (500, 0)]


def test_what_came_before_the_first_moment_of_a_period_is_in_its_value() -> None:
    history = [recorded(0, USDT="500"), recorded(2, USDT="900"), recorded(3, USDT="900")]
    (stretch,) = stretches(history, [], [flow(1, "USDT", "400")])
    period = within(moments_of(stretch, [flow(1, "USDT", "400")]), at(1), None)
    assert [(moment.nav, moment.flow) for moment in period] == [(900, 0), (900, 0)]
    assert within(period, at(9), None) == ()


PRICES = st.lists(st.decimals("1", "1000", places=2), min_size=2, max_size=8)
AMOUNTS = st.lists(st.decimals("-0.9", "5", places=1), min_size=8, max_size=8)


@given(prices=PRICES, amounts=AMOUNTS, data=st.data())
def test_deposits_and_withdrawals_of_coins_leave_the_return_at_that_of_what_was_held(
    prices: list[Decimal], amounts: list[Decimal], data: st.DataObject
) -> None:
    """Of an account that only holds bitcoin, whatever comes and goes, and whenever: the return is bitcoin's."""
    held, history, flows = D(1), [], []
    for number, price in enumerate(prices):
        if number:
            amount = (held * amounts[number]).quantize(D("0.0001"))
            if amount and held + amount > 0:
                flows.append(
                    CameOrWent(
                        at(number) - data.draw(st.timedeltas(timedelta(0), timedelta(minutes=59))), "BTC", amount, None
                    )
                )
                held += amount
        history.append(recorded(number, str(price), BTC=str(held)))
    (stretch,) = stretches(history, [], flows)
    curve = growth_curve(moment.valued for moment in moments_of(stretch, flows))
    assert curve.total is not None
    assert abs(curve.total - (prices[-1] / prices[0] - 1)) < D("1e-20")


# --- Figures of a period ---------------------------------------------------------------------------------


def figures(history: list[Recorded], flows: list[CameOrWent], changes: list[Change] | None = None) -> PeriodFigures:
    (stretch,) = stretches(history, changes or [], flows)
    found = period_figures(within(moments_of(stretch, flows), None, None), "USDT")
    assert found is not None
    return found


def test_figures_stand_beside_what_holding_and_bitcoin_made_of_the_same_money() -> None:
    history = [
        recorded(0, USDT="1000", BTC="10"),
        recorded(24, "150", USDT="1500", BTC="10"),
        recorded(48, "200", USDT="1500", BTC="10"),
    ]
    found = figures(history, [flow(20, "USDT", "500")])
    assert (found.start_nav, found.end_nav, found.put_in, found.earned) == (2000, 3500, 500, 1000)
    # 2,000 became 2,500 (the 500 that came apart), and these 3,000 became 3,500.
    assert found.time_weighted == pytest.approx(D("1.25") * 3500 / 3000 - 1, abs=D("1e-25"))
    assert found.bitcoin.time_weighted == 1
    # Held: half in BTC at the start, and half of what came.
    assert [point.after for point in found.hold.benchmark.points][:2] == [2000, 3000]
    assert found.risk.max_drawdown == 0


def test_bitcoin_that_was_not_held_has_no_recorded_price_and_no_figure() -> None:
    found = figures([recorded(0, USDT="1000"), recorded(24, USDT="1000")], [])
    assert (found.bitcoin.time_weighted, found.bitcoin.unknown) == (None, Unknown.PRICE_MISSING)
    assert found.hold.time_weighted == 0


def test_a_benchmark_that_cannot_be_valued_at_the_end_has_no_return_of_the_period() -> None:
    history = [recorded(0, BTC="10"), recorded(24, BTC="10"), recorded(48, USDT="1000")]
    found = figures(history, [], [fill(30, BTC="-10", USDT="1000")])
    assert (found.hold.time_weighted, found.hold.unknown) == (None, Unknown.PRICE_MISSING)
    assert found.time_weighted == 0


def test_nothing_has_no_figures() -> None:
    assert period_figures((), "USDT") is None
