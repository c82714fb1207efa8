"""No money is made or lost in a back-test, and nothing in it knows the future."""

import random
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from botbalance.lib.money import ZERO, exact
from exchanges.candles.columns import CandleColumns
from exchanges.domain import Side
from strategies.backtest.engine.history import History
from strategies.backtest.engine.result import Result
from strategies.backtest.engine.simulation import run_backtest
from strategies.tests.backtesting import QUOTE, random_scene

seeds = st.integers(0, 2**32)


def worth(history: History, row: int, totals: dict[str, Decimal]) -> Decimal:
    closes = {series.asset: series.close(row) or ZERO for series in history.series}
    return totals[QUOTE] + sum((totals.get(asset, ZERO) * close for asset, close in closes.items()), ZERO)


def fees_of(result: Result, row: int) -> Decimal:
    """What a row's commission was worth at its closes."""
    closes = {series.asset: series.close(row) or ZERO for series in result.history.series} | {QUOTE: Decimal(1)}
    return sum((trade.fee * closes[trade.fee_asset] for trade in result.trades if trade.row == row), ZERO)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_value_is_value_before_and_price_moves_less_fees_and_with_flows(seed: int) -> None:
    """At every row, exactly: trades at other prices than the close gain or lose their distance to it, and no more."""
    history, scenario = random_scene(seed)
    result = run_backtest(history, scenario)
    totals = {QUOTE: ZERO, **{asset: amount for asset, amount in scenario.start.items() if amount}}
    with exact():
        before = worth(history, 0, totals)
        for row in range(len(history)):
            closes = {series.asset: series.close(row) or ZERO for series in history.series}
            moved = worth(history, row, totals) - before
            slipped = flowed = ZERO
            for trade in (trade for trade in result.trades if trade.row == row):
                sign = 1 if trade.side == Side.BUY else -1
                totals[trade.asset] = totals.get(trade.asset, ZERO) + sign * trade.quantity
                totals[trade.counter] = totals.get(trade.counter, ZERO) - sign * trade.paid
                totals[trade.fee_asset] -= trade.fee
                unit = closes.get(trade.counter, Decimal(1))
                slipped += sign * trade.quantity * (closes[trade.asset] - trade.price * unit)
            for flow in (flow for flow in result.flows if flow.row == row):
                totals[flow.asset] = totals.get(flow.asset, ZERO) + flow.amount
                flowed += flow.amount * (Decimal(1) if flow.asset == QUOTE else closes.get(flow.asset, ZERO))
            after = worth(history, row, totals)
            assert after == before + moved + slipped - fees_of(result, row) + flowed
            assert all(amount >= 0 for amount in totals.values())
            before = after
    assert {asset: amount for asset, amount in totals.items() if amount} == {
        asset: amount for asset, amount in result.final.items() if amount
    }
    assert result.final_nav == before


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_curves_follow_from_the_trades(seed: int) -> None:
    history, scenario = random_scene(seed)
    result = run_backtest(history, scenario)
    for checkpoint in result.checkpoints:
        exact_nav = result.nav(checkpoint.row, checkpoint.totals)
        assert abs(Decimal(float(result.equity[checkpoint.row])) - exact_nav) <= max(exact_nav, Decimal(1)) / 10**9


def happened(result: Result, row: int) -> tuple[object, ...]:
    """Everything a back-test did up to a row."""
    return (
        tuple(trade for trade in result.trades if trade.row <= row),
        tuple(flow for flow in result.flows if flow.row <= row),
        tuple(event for event in result.events if event.row <= row),
        tuple(checkpoint for checkpoint in result.checkpoints if checkpoint.row <= row),
        tuple(step for step in result.course.steps if step.row <= row),
    )


def with_other_future(history: History, row: int, seed: int) -> History:
    """The same up to a row, and after it the same candles in another order."""
    draw, first_ms = random.Random(seed), int(history.close_ms[row])

    def shuffled(columns: CandleColumns) -> CandleColumns:
        kept, future = columns.slice(None, first_ms), columns.slice(first_ms, None)
        order = list(range(len(future)))
        draw.shuffle(order)
        other = replace(
            future, **{name: getattr(future, name)[order] for name in ("open", "high", "low", "close", "volume")}
        )
        return kept.joined(other).columns if len(kept) else other

    return History.of(
        history.quote,
        {series.asset: shuffled(series.columns) for series in history.series},
        {(cross.base, cross.counter): shuffled(cross.series.columns) for cross in history.crosses},
    )


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(5, 70))
def test_cutting_the_future_off_never_changes_the_past(seed: int, row: int) -> None:
    history, scenario = random_scene(seed)
    row = min(row, len(history) - 1)
    known = history.until(int(history.close_ms[row]))
    assets = {series.asset for series in known.series}
    if {series.asset for series in history.series} - assets:
        return  # a coin that is listed later: the strategy could not name it yet
    assert happened(run_backtest(known, scenario), row) == happened(run_backtest(history, scenario), row)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(5, 70))
def test_shuffling_the_future_never_changes_the_past(seed: int, row: int) -> None:
    history, scenario = random_scene(seed)
    row = min(row, len(history) - 1)
    other = with_other_future(history, row, seed)
    assert happened(run_backtest(other, scenario), row) == happened(run_backtest(history, scenario), row)
