"""What is withdrawn is paid: where the free quote is not enough, coins are sold for it, all of them if need be."""

import pytest

from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Flow, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.domain import Limits, Target
from strategies.tests.backtesting import HOUR_MS, QUOTE, START_MS, closes, rules_for
from strategies.tests.planning import D


@pytest.mark.parametrize("amount", [9_000, 10_000, 50_000])
def test_a_withdrawal_of_nearly_all_or_more_sells_what_there_is(amount: int) -> None:
    history = History.of(QUOTE, {"BTC": closes("BTC", *[100] * 40)})
    scenario = Scenario(
        QUOTE,
        (Target("BTC", D(50)),),
        Limits(order_size_pct=D(100)),
        rules_for("BTC", tick="0.01", step="0.0001"),
        {QUOTE: D(10_000)},
        flows=(Flow(START_MS + 5 * HOUR_MS, QUOTE, D(-amount)),),
    )
    result = run_backtest(history, scenario)
    paid = -sum((flow.amount for flow in result.flows), D(0))
    assert paid >= min(amount, 9_985)  # less fees of both ways
    assert result.owed == amount - paid
    if amount >= 10_000:
        assert result.final["BTC"] * 100 < 10
