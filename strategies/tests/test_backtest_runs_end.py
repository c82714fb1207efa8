"""A rebalance ends with what it was planned for; where prices have gone meanwhile is for the next look."""

import random
from datetime import timedelta

from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Fills, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.domain import Limits, Target, Trigger
from strategies.tests.backtesting import QUOTE, rules_for, walk
from strategies.tests.planning import D


def test_a_scheduled_rebalance_is_over_within_a_few_candles_though_prices_move_in_each() -> None:
    draw = random.Random(5)
    history = History.of(
        QUOTE, {asset: walk(draw, asset, 400, tick=D("0.0001"), is_calm=True) for asset in ("BTC", "ETH")}
    )
    scenario = Scenario(
        QUOTE,
        (Target("BTC", D(50)), Target("ETH", D(40))),
        Limits(order_size_pct=D(100)),
        rules_for("BTC", "ETH", tick="0.0001", step="0.00001"),
        {QUOTE: D(10_000)},
        trigger=Trigger.PERIODIC,
        every=timedelta(days=2),
        fills=Fills(participation_pct=None),
    )
    result = run_backtest(history, scenario)
    begun = [event.row for event in result.events]
    assert len(begun) > 6
    rows = {trade.row for trade in result.trades}
    for row in begun:
        last = max(at for at in rows if row <= at < row + 48)
        assert last - row <= 3, f"the rebalance of row {row} traded until row {last}"
