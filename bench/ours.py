"""This project's back-test on the prices of the rivals: the same interface as theirs (bench.rivals).

By hand: python -m bench.ours FOLDER REPEATS, where `python -m bench.rivals.data FOLDER` has written the walks.
"""

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bench.rivals import data
from bench.rivals.reference import BAND, CASES, FEE, INITIAL_CASH
from bench.rivals.stopwatch import fastest
from exchanges.candles.columns import CandleColumns
from exchanges.domain import ExchangeInfo, SymbolRules
from strategies.backtest.engine.history import History
from strategies.backtest.engine.result import Result
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.domain import BandType, Limits, Target, Trigger
from strategies.schedules import Calendar

QUOTE = "USDT"
UNIT = Decimal(1).scaleb(-data.DECIMALS)


def rules_of(assets: tuple[str, ...]) -> ExchangeInfo:
    """Rules of a symbol an asset, with every filter that Binance sets, as wide as the walk needs."""
    rules = {
        f"{asset}{QUOTE}": SymbolRules(
            f"{asset}{QUOTE}",
            asset,
            QUOTE,
            tick_size=UNIT,
            min_price=UNIT,
            max_price=Decimal(10**9),
            step_size=UNIT,
            min_quantity=UNIT,
            max_quantity=Decimal(10**12),
            min_notional=Decimal(5),
            bid_multiplier_up=Decimal(5),
            bid_multiplier_down=Decimal("0.2"),
            ask_multiplier_up=Decimal(5),
            ask_multiplier_down=Decimal("0.2"),
        )
        for asset in assets
    }
    return ExchangeInfo.of(rules)


def history_of(market: data.Market, step_ms: int, assets: tuple[str, ...] = data.ASSETS) -> History:
    """Candles that only have a close: all four prices are that."""
    wholes = np.round(market.closes * 10**data.DECIMALS).astype(np.int64)
    volume = np.full(len(wholes), 10**12)
    times = np.ascontiguousarray(market.times)
    columns = {}
    for number, asset in enumerate(assets):
        close = np.ascontiguousarray(wholes[:, number])
        symbol = f"{asset}{QUOTE}"
        columns[asset] = CandleColumns(symbol, step_ms, data.DECIMALS, 0, times, close, close, close, close, volume)
    return History.of(QUOTE, columns)


def scenario_of(*, is_monthly: bool, assets: tuple[str, ...] = data.ASSETS) -> Scenario:
    """Equal weights; as soon as a weight is off by the relative band, or at the ends of months, everything goes back to
    its target, at the close and for the fee.
    """
    share = Decimal(100) / len(assets)
    return Scenario(
        QUOTE,
        tuple(Target(asset, share) for asset in assets),
        Limits(
            min_delta_pct=BAND * 100,
            band_type=BandType.RELATIVE,
            order_size_pct=Decimal(100),
            max_orders=len(assets),
            fee_rate=FEE,
        ),
        rules_of(assets),
        {QUOTE: INITIAL_CASH},
        trigger=Trigger.PERIODIC if is_monthly else Trigger.THRESHOLD,
        every=Calendar.MONTH,
        whole_portfolio=True,
        fills=Fills(FillMode.CLOSE),
        fees=Fees(FEE, FEE),
    )


def ways(folder: Path, case: str) -> dict[str, Callable[[], Result]]:
    """What runs the case once, by the name of the way."""
    shape = data.WALKS[CASES[case].walk]
    history = history_of(data.read(folder, shape.name), shape.step_ms)
    scenario = scenario_of(is_monthly=CASES[case].is_monthly)
    return {"planner": lambda: run_backtest(history, scenario)}


def first(folder: str, case: str, way: str) -> None:
    """One run, from the prices on the disk."""
    ways(Path(folder), case)[way]()


def measure(folder: Path, repeats: int) -> dict[str, Any]:
    """Every case: ms (median), best_ms, rebalances with their rows, end value."""
    return {
        case: fastest(
            ways(folder, case),
            repeats,
            lambda result: [event.row for event in result.events],
            lambda result: float(result.final_nav),
        )
        for case in CASES
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
