"""Figures of a back-test say what happened: they add up exactly, and agree with the long way round."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Side
from portfolio.performance.returns import Unknown
from strategies.backtest.engine.book import Trade
from strategies.backtest.engine.history import History
from strategies.backtest.engine.result import Result
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Flow, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.figures import Figures, figures_of, happenings_of, profits_of, study_of
from strategies.backtest.figures.curves import curves_of, rows_to_draw
from strategies.backtest.figures.ideal import ideal_of
from strategies.backtest.figures.performance import daily_growth
from strategies.backtest.figures.study import last_rows_of_days, totals_at
from strategies.domain import Limits, Target
from strategies.tests.backtest_scenes import BEGIN_MS, HOUR_MS, priced, wavy
from strategies.tests.backtesting import random_scene, rules_for

D = Decimal
FREE = Fees(D(0), D(0))
AT_CLOSE = Fills(mode=FillMode.CLOSE, participation_pct=None)
seeds = st.integers(0, 10**6)


def tried(
    history: History,
    targets: dict[str, int],
    *,
    start: dict[str, str] | None = None,
    fees: Fees = FREE,
    fills: Fills = AT_CLOSE,
    flows: tuple[Flow, ...] = (),
    band: str = "0.05",
) -> Result:
    scenario = Scenario(
        quote="USDT",
        targets=tuple(Target(asset, D(weight)) for asset, weight in targets.items()),
        limits=Limits(min_delta_pct=D(band), order_size_pct=D(100), fee_rate=fees.taker),
        info=rules_for(*(series.asset for series in history.series), minimum="0.01"),
        start={asset: D(amount) for asset, amount in (start or {"USDT": "1000"}).items()},
        fees=fees,
        fills=fills,
        flows=flows,
    )
    return run_backtest(history, scenario)


def found(result: Result) -> Figures:
    return figures_of(study_of(result))


def of(**closes: list[object]) -> History:
    return History.of("USDT", {asset: priced(asset, prices) for asset, prices in closes.items()})


# --- by hand -------------------------------------------------------------------------------------------------


def test_a_coin_that_doubles_doubles_what_was_put_into_it() -> None:
    result = tried(of(BTC=[100, 120, 200]), {"BTC": 50}, band="49")
    figures = found(result)
    assert (figures.start_nav, figures.end_nav, figures.earned) == (1000, 1500, 500)
    assert figures.time_weighted == D("0.5")
    assert figures.hold_targets.time_weighted == D("0.5")
    assert figures.hold.time_weighted == 0  # what was held at the start was cash
    assert figures.bitcoin.time_weighted == 1
    assert figures.turnover == 500


def test_the_first_orders_cost_counts() -> None:
    figures = found(tried(of(BTC=[100, 100]), {"BTC": 100}, fees=Fees(D("0.01"), D("0.01")), band="20"))
    assert figures.time_weighted is not None
    assert D("-0.0101") < figures.time_weighted < D("-0.0098")
    assert figures.earned == -figures.fees < 0


def test_what_is_paid_in_is_not_earned() -> None:
    flow = Flow(BEGIN_MS + 2 * HOUR_MS, "USDT", D(700))
    figures = found(tried(of(BTC=[100, 100, 100, 100]), {"BTC": 50}, flows=(flow,)))
    assert (figures.put_in, figures.earned, figures.end_nav) == (700, 0, 1700)
    assert figures.time_weighted == 0
    assert figures.money_weighted.period == pytest.approx(0, abs=1e-9)


def test_what_comes_in_with_the_first_row_is_what_it_began_with() -> None:
    figures = found(tried(of(BTC=[100, 100, 100]), {"BTC": 50}, flows=(Flow(BEGIN_MS, "USDT", D(500)),)))
    assert (figures.start_nav, figures.put_in) == (1500, 0)


def test_the_spread_paid_is_half_the_spread_of_what_was_taken() -> None:
    fills = Fills(mode=FillMode.CLOSE, participation_pct=None, spread_pct=D(2))
    history = of(BTC=[100, 100])
    scenario_step = Limits(min_delta_pct=D(1), order_size_pct=D(100), order_step_pct=D(-2), fee_rate=D(0))
    scenario = Scenario(
        "USDT", (Target("BTC", D(50)),), scenario_step, rules_for("BTC"), {"USDT": D(1000)}, fees=FREE, fills=fills
    )
    figures = found(run_backtest(history, scenario))
    assert figures.trades.fills == 1
    # Bought at 101 with the middle at 100: one in a hundred and one of what was paid.
    assert figures.spread_paid == (figures.turnover / 101).quantize(D("1e-8"))


def test_trades_are_counted_by_order_and_fills_apart() -> None:
    # Half of what is wanted is offered in each candle.
    history = of(BTC=[100, 99, 98, 97, 96])
    fills = Fills(participation_pct=D("0.0002"))  # of 1,000,000 a candle: 2 BTC
    scenario = Scenario(
        "USDT",
        (Target("BTC", D(50)),),
        Limits(min_delta_pct=D(1), order_size_pct=D(100), fee_rate=D(0)),
        rules_for("BTC"),
        {"USDT": D(1000)},
        fees=FREE,
        fills=fills,
        order_lifetime_seconds=86_400,
    )
    result = run_backtest(history, scenario)
    trades = found(result).trades
    assert trades.fills > trades.orders_filled > 0
    by_order: dict[int, Decimal] = {}
    for trade in result.trades:
        by_order[trade.order] = by_order.get(trade.order, D(0)) + trade.notional
    assert trades.largest == max(by_order.values())
    assert trades.mean == sum(by_order.values()) / len(by_order)


def test_a_portfolio_restored_at_every_row_for_nothing_is_hardly_behind_the_ideal() -> None:
    history = History.of("USDT", {asset: wavy(asset, 300) for asset in ("BTC", "ETH")})
    figures = found(tried(history, {"BTC": 50, "ETH": 30}))
    assert figures.costs.behind == pytest.approx(0, abs=2e-4)
    assert figures.targets.tracking_error == pytest.approx(0, abs=2e-3)


def test_fees_are_the_cost_of_trading() -> None:
    history = History.of("USDT", {asset: wavy(asset, 300) for asset in ("BTC", "ETH")})
    free = found(tried(history, {"BTC": 50, "ETH": 30}, band="2"))
    dear = found(tried(history, {"BTC": 50, "ETH": 30}, band="2", fees=Fees(D("0.002"), D("0.002"))))
    assert free.costs.trading == 0
    assert dear.costs.trading == pytest.approx(float(dear.fees / dear.end_nav))
    assert free.costs.behind is not None
    assert dear.costs.behind is not None
    assert dear.costs.behind > free.costs.behind


# --- the long way round --------------------------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=25)
def test_the_exact_walk_ends_where_the_engine_ended(seed: int) -> None:
    result = run_backtest(*random_scene(seed))
    last = len(result.history) - 1
    (held,) = totals_at(result, [last])
    final = {asset: amount for asset, amount in result.final.items() if amount}
    assert {asset: amount for asset, amount in held.items() if amount} == final
    study = study_of(result)
    assert study.moments[-1].nav == result.final_nav


@given(seed=seeds)
@settings(max_examples=25)
def test_values_are_those_of_the_curve(seed: int) -> None:
    result = run_backtest(*random_scene(seed))
    study = study_of(result)
    for row, moment in zip(study.rows, study.moments[1:], strict=True):
        assert float(moment.nav) == pytest.approx(result.equity[row], rel=1e-9, abs=1e-6)


@given(seed=seeds)
@settings(max_examples=25)
def test_what_the_assets_earned_is_what_the_portfolio_earned(seed: int) -> None:
    result = run_backtest(*random_scene(seed))
    figures, profits = found(result), profits_of(result)
    if any(row.earned is None for row in profits.assets):
        return  # coins that had no price when they came: their gain is not known, and not made up
    assert sum((row.earned or D(0) for row in profits.assets), D(0)) == pytest.approx(figures.earned, abs=D("1e-9"))
    assert sum((row.profit.fees for row in profits.assets), D(0)) == pytest.approx(figures.fees, abs=D("1e-9"))
    assert sum((row.traded for row in profits.assets), D(0)) == figures.turnover


@given(seed=seeds)
@settings(max_examples=20)
def test_gains_by_year_are_the_realised_gains_of_all_assets(seed: int) -> None:
    result = run_backtest(*random_scene(seed))
    profits = profits_of(result)
    by_years = sum((year.gain_fifo for year in profits.years), D(0))
    assert by_years == sum((row.profit.realised for row in profits.assets), D(0))


def test_what_was_bought_first_is_sold_first_or_at_the_average_cost() -> None:
    result = replace(tried(of(BTC=[100, 200, 300]), {"BTC": 50}), trades=tuple(_trades("BBS", 100, 200, 300)))
    (year,) = profits_of(result).years
    assert (year.year, year.disposals, year.proceeds) == (2023, 1, 300)
    assert (year.gain_fifo, year.gain_average) == (200, 150)


def test_a_lot_of_the_start_costs_what_it_was_worth_then() -> None:
    scene = tried(of(BTC=[100, 200, 300]), {"BTC": 50}, start={"BTC": "1"})
    result = replace(scene, trades=tuple(_trades("..S", 0, 0, 300)))
    (year,) = profits_of(result).years
    assert (year.gain_fifo, year.has_unknown) == (200, False)


def _trades(sides: str, *prices: int) -> Iterator[Trade]:
    """One BTC bought (B) or sold (S) for nothing more than its price, in the row of its place."""
    for row, (side, price) in enumerate(zip(sides, prices, strict=True)):
        if side != ".":
            bought = Side.BUY if side == "B" else Side.SELL
            yield Trade(row, row, "BTCUSDT", "BTC", bought, D(price), D(1), D(0), "USDT", False, "USDT")


@given(seed=seeds)
@settings(max_examples=25)
def test_the_ideal_portfolio_is_that_of_a_plain_loop(seed: int) -> None:
    history, scenario = random_scene(seed)
    result = run_backtest(history, scenario)
    ideal = ideal_of(result)
    values = _ideal_by_loop(result)
    if ideal is None:
        assert min(values) <= 1e-6
        return
    assert ideal.values == pytest.approx(values, rel=1e-9)


def _ideal_by_loop(result: Result) -> list[float]:
    history, scenario = result.history, result.scenario
    steps = dict(result.course.steps)
    weights = {target.asset: float(target.weight_pct) / 100 for target in steps[0]}
    flows: dict[int, list[tuple[str, float]]] = {}
    for flow in result.flows:
        flows.setdefault(flow.row, []).append((flow.asset, float(flow.amount)))
    closes = {series.asset: history.closes[place] for series, place in zip(history.series, range(99), strict=False)}
    apart: dict[str, float] = {}
    managed = 0.0
    values: list[float] = []
    for row in range(len(history)):
        came = [(asset, float(amount)) for asset, amount in scenario.start.items()] if row == 0 else []
        if row:
            grown = 0.0
            if row - 1 in steps:
                weights = {target.asset: float(target.weight_pct) / 100 for target in steps[row - 1]}
            for asset, weight in weights.items():
                before = closes[asset][row - 1]
                grown += weight * (closes[asset][row] / before - 1) if before > 0 else 0.0
            managed *= 1 + grown
        for asset, amount in [*came, *flows.get(row, [])]:
            is_apart = asset not in weights and asset != scenario.quote and not scenario.limits.sell_unlisted
            if is_apart:
                apart[asset] = apart.get(asset, 0.0) + amount
            else:
                managed += amount * (1.0 if asset == scenario.quote else float(closes[asset][row]))
        values.append(managed + sum(amount * float(closes[asset][row]) for asset, amount in apart.items()))
    return values


@given(seed=seeds)
@settings(max_examples=15)
def test_costs_are_split_without_a_rest(seed: int) -> None:
    costs = found(run_backtest(*random_scene(seed))).costs
    if costs.behind is not None:
        assert costs.trading is not None
        assert costs.drift is not None
        assert costs.behind == pytest.approx(costs.trading + costs.drift)


# --- days ----------------------------------------------------------------------------------------------------


def test_what_ends_at_midnight_is_of_the_day_it_ends() -> None:
    close_ms = BEGIN_MS + HOUR_MS * np.arange(1, 50)
    assert last_rows_of_days(close_ms).tolist() == [23, 47, 48]


def test_hourly_values_become_one_a_day_with_the_start_before_the_first() -> None:
    history = History.of("USDT", {"BTC": wavy("BTC", 24 * 5)})
    study = study_of(tried(history, {"BTC": 60}))
    factors = {row: point.factor for row, point in zip(study.rows, study.growth.points[1:], strict=True)}
    days, values = daily_growth(study, factors)
    assert days[0] == datetime(2022, 12, 31, tzinfo=UTC)
    assert [later - earlier for earlier, later in pairwise(days)] == [timedelta(days=1)] * 5
    assert values[0] == 1
    assert values[-1] == factors[24 * 5 - 1]


def test_a_fall_from_the_very_beginning_has_no_date_before_it() -> None:
    risk = found(tried(of(BTC=[100 - row for row in range(72)]), {"BTC": 100})).risk
    assert (risk.peak_at, risk.trough_at) == (datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 1, 3, tzinfo=UTC))


def test_daily_values_begin_with_the_first_day() -> None:
    history = History.of("USDT", {"BTC": wavy("BTC", 10, step_ms=24 * HOUR_MS)})
    study = study_of(tried(history, {"BTC": 60}, fees=Fees(D("0.01"), D("0.01")), band="20"))
    factors = {row: point.factor for row, point in zip(study.rows, study.growth.points[1:], strict=True)}
    days, values = daily_growth(study, factors)
    assert len(days) == 10
    assert values[0] == 1
    assert values[1] < factors[0] or values[1] > factors[0]  # the first trades' cost is part of the second day


def test_ratios_are_those_of_the_daily_values() -> None:
    history = History.of("USDT", {asset: wavy(asset, 24 * 60) for asset in ("BTC", "ETH")})
    result = tried(history, {"BTC": 50, "ETH": 30}, band="5")
    risk = found(result).risk
    daily = np.concatenate(([1000.0], result.equity[23::24]))
    earned = np.diff(daily) / daily[:-1]
    assert risk.sharpe == pytest.approx(earned.mean() / earned.std(ddof=1) * np.sqrt(365))
    assert risk.volatility == pytest.approx(earned.std(ddof=1) * np.sqrt(365))
    assert risk.max_drawdown == pytest.approx(float((daily / np.maximum.accumulate(daily) - 1).min()))
    assert risk.cagr == pytest.approx(float(daily[-1] / daily[0]) ** (365 / 60) - 1)


# --- what the candles were like ------------------------------------------------------------------------------


def test_halts_gaps_late_listings_and_early_ends_are_said() -> None:
    history = of(BTC=[100, 101, None, None, 102, 103, 104], ETH=[None, 10, None, None, None, 11, None])
    found = happenings_of(history)
    assert [(halt.candles, halt.from_at.hour, halt.to_at.hour) for halt in found.halts] == [(2, 2, 4)]
    btc, eth = found.assets
    assert (btc.missing, btc.came_late, btc.ended_early) == (0, False, False)
    assert (eth.missing, eth.came_late, eth.ended_early) == (1, True, True)


def test_a_coin_that_is_listed_later_leaves_its_share_of_the_held_targets_in_the_quote() -> None:
    history = of(BTC=[100, 100, 200], ETH=[None, 10, 20])
    result = tried(history, {"BTC": 50, "ETH": 50}, band="50")
    assert study_of(result).hold_targets.time_weighted == D("0.5")


def test_without_bitcoins_candles_there_is_no_comparison_with_it() -> None:
    figures = found(tried(of(ETH=[10, 11, 12]), {"ETH": 50}))
    assert (figures.bitcoin.time_weighted, figures.bitcoin.unknown) == (None, Unknown.PRICE_MISSING)


def test_bitcoin_is_compared_with_by_candles_of_its_own() -> None:
    result = tried(of(ETH=[10, 11, 12]), {"ETH": 50})
    figures = figures_of(study_of(result, priced("BTC", [100, 100, 150])))
    assert figures.bitcoin.time_weighted == D("0.5")


def test_withdrawals_that_could_not_be_paid_are_said() -> None:
    flow = Flow(BEGIN_MS + 3 * HOUR_MS, "USDT", D(-5000))
    figures = found(tried(of(BTC=[100, 100, 100, 100, 100]), {"BTC": 50}, flows=(flow,)))
    assert figures.owed > 3900
    assert figures.put_in == figures.owed - 5000


# --- curves --------------------------------------------------------------------------------------------------


def test_thinned_curves_keep_the_highest_and_the_lowest_value() -> None:
    history = History.of("USDT", {"BTC": wavy("BTC", 5000)})
    result = tried(history, {"BTC": 90}, band="5")
    rows = rows_to_draw(result, 200)
    assert len(rows) <= 200
    assert {0, 4999, int(result.equity.argmax()), int(result.equity.argmin())} <= set(rows)


def test_weights_add_up_and_drawdown_is_never_above_nothing() -> None:
    history = History.of("USDT", {asset: wavy(asset, 400) for asset in ("BTC", "ETH")})
    result = tried(history, {"BTC": 50, "ETH": 30}, band="5", fees=Fees(D("0.001"), D("0.001")))
    rows = rows_to_draw(result)
    curves = curves_of(study_of(result, None, rows), rows)
    assert curves.weights.sum(axis=0) == pytest.approx(np.ones(400))
    assert curves.drawdown.max() <= 0
    assert curves.assets == ("BTC", "ETH", "USDT")
    assert curves.hold_targets[0] == 1000
