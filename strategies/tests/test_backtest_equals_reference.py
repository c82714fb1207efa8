"""The fast back-test trades what the slow one trades, which asks the planner at every candle: to the last digit."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.backtest.engine.scenario import Fills, Flow, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.domain import BandType, Limits, Target, TradeTo, Trigger
from strategies.schedules import Calendar
from strategies.tests.backtest_reference import as_rows, same_totals, slow_backtest
from strategies.tests.backtesting import random_scene, rules_for
from strategies.tests.planning import D
from strategies.tests.real_windows import WINDOWS


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_trades_and_balances_are_identical_on_random_markets(seed: int) -> None:
    compare(seed)


@pytest.mark.soak
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_trades_and_balances_are_identical_on_many_random_markets(seed: int) -> None:
    compare(seed)


def compare(seed: int) -> None:
    history, scenario = random_scene(seed)
    slow = slow_backtest(history, scenario)
    fast = run_backtest(history, scenario)
    assert as_rows(fast) == slow.trades
    assert same_totals(fast.final, slow.totals)
    assert [(event.row, event.code) for event in fast.events] == slow.begun
    assert [(step.row, step.targets) for step in fast.course.steps] == slow.steps


@pytest.mark.parametrize("seed", range(3))
def test_looking_at_every_row_gives_the_same(seed: int) -> None:
    history, scenario = random_scene(seed)
    every, some = run_backtest(history, scenario, stepwise=True), run_backtest(history, scenario)
    assert every.trades == some.trades
    assert every.final == some.final
    assert every.plans >= some.plans


STYLES: dict[str, dict[str, Any]] = {
    "absolute band to its edge": {"limits": {"min_delta_pct": D(2), "trade_to": TradeTo.EDGE}},
    "relative band, everything": {
        "limits": {"min_delta_pct": D(10), "band_type": BandType.RELATIVE},
        "whole_portfolio": True,
    },
    "every day": {"limits": {"min_delta_pct": D(1)}, "trigger": Trigger.PERIODIC, "every": Calendar.DAY},
}


# The slow one takes seconds for a month; the first style over the shortest window stands for all of them by default.
AT_ONCE = {("absolute band to its edge", "2023-03-24")}
EVERY_WINDOW = [
    pytest.param(style, name, id=f"{style}-{name}", marks=[] if (style, name) in AT_ONCE else pytest.mark.soak)
    for style in STYLES
    for name in WINDOWS
]


@pytest.mark.needs_shared
@pytest.mark.parametrize(("style", "name"), EVERY_WINDOW)
def test_trades_and_balances_are_identical_on_real_candles(shared: Path, name: str, style: str) -> None:
    window, changes = WINDOWS[name], dict(STYLES[style])
    share = D(90) / len(window.assets)
    scenario = Scenario(
        "USDT",
        tuple(Target(asset, share.quantize(D("0.01"))) for asset in window.assets),
        Limits(order_size_pct=D(25), **changes.pop("limits")),
        rules_for(*window.assets, tick="0.00001", step="0.00001"),
        {"USDT": D(25_000)},
        fills=Fills(participation_pct=D(5), spread_pct=D("0.02")),
        flows=(Flow(int(window.since.timestamp() * 1000) + 86_400_000, "USDT", D(-1_500)),),
        **changes,
    )
    history = window.history(shared)
    slow, fast = slow_backtest(history, scenario), run_backtest(history, scenario)
    assert as_rows(fast) == slow.trades
    assert same_totals(fast.final, slow.totals)
    assert len(fast.trades) > len(window.assets)
    assert fast.plans < slow.plans or fast.plans < len(history)


@pytest.mark.needs_shared
def test_nothing_is_traded_while_the_exchange_stands_still(shared: Path) -> None:
    history = WINDOWS["2023-03-24"].history(shared)
    steps = history.close_ms[1:] - history.close_ms[:-1]
    assert int(steps.max()) > 80 * 60_000  # the halt is no row, so nothing is decided or filled in it
