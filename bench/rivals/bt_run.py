"""bt on the prices of the bench, every case: python -m bench.rivals.bt_run FOLDER REPEATS. Prints JSON.

Timed is what has to be done for every back-test: building a Backtest and running it, its own statistics included, since
it computes them in the same call. Not timed: making a DataFrame of the prices. Only algorithms that bt brings along:
equal weights as its documentation has them (SelectAll, WeighEqually), and the quickest way there is, with weights that
are given at once, since those two cost several times as much as all the rest when they are asked in every row.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bt
import numpy as np
import pandas as pd

from bench.rivals import data
from bench.rivals.reference import BAND, CASES, FEE, INITIAL_CASH
from bench.rivals.stopwatch import fastest

FEE_RATE = float(FEE)
# The way of bt's documentation.
EQUALLY = "equally"


def ways(folder: Path, case: str) -> dict[str, Callable[[], Any]]:
    """What runs the case once and returns bt's Backtest, by the name of the way."""
    market = data.read(folder, CASES[case].walk)
    prices = pd.DataFrame(market.closes, index=pd.to_datetime(market.times, unit="ms"), columns=list(data.ASSETS))
    weights = bt.algos.WeighSpecified(**dict.fromkeys(data.ASSETS, 1 / len(data.ASSETS)))
    rebalance = bt.algos.Rebalance()
    equally = [bt.algos.SelectAll(), bt.algos.WeighEqually()]
    if not CASES[case].is_monthly:
        outside = bt.algos.RunIfOutOfBounds(float(BAND))
        return {
            EQUALLY: _runner(prices, [*equally, outside, rebalance]),
            "out_of_bounds": _runner(prices, [weights, outside, rebalance]),
        }
    due = data.month_ends(market.times)
    due[0] = True
    # The last row of both walks ends a month, which RunMonthly cannot see without the row after it.
    monthly = bt.algos.RunMonthly(run_on_first_date=True, run_on_end_of_period=True, run_on_last_date=True)
    return {
        EQUALLY: _runner(prices, [monthly, *equally, rebalance]),
        "monthly": _runner(prices, [monthly, weights, rebalance]),
        "on_date": _runner(prices, [bt.algos.RunOnDate(*prices.index[due]), weights, rebalance]),
    }


def _runner(prices: pd.DataFrame, algos: list[Any]) -> Callable[[], Any]:
    strategy = bt.Strategy("rebalancer", algos)

    def run() -> Any:
        test = bt.Backtest(
            strategy,
            prices,
            initial_capital=float(INITIAL_CASH),
            commissions=_fee,
            integer_positions=False,
            progress_bar=False,
        )
        test.run()
        return test

    return run


def first(folder: str, case: str, way: str) -> float:
    """One run, the end value in USDT."""
    return float(ways(Path(folder), case)[way]().strategy.value)


def _fee(quantity: float, price: float) -> float:
    return abs(quantity) * price * FEE_RATE


def _rebalanced_rows(test: Any) -> list[int]:
    """The rows in which anything was traded, without the empty one that bt puts before the first."""
    return list(map(int, np.flatnonzero((np.diff(test.positions.to_numpy(), axis=0) != 0).any(axis=1))))


def main(folder: Path, repeats: int) -> dict[str, Any]:
    return {case: fastest(ways(folder, case), repeats, _rebalanced_rows, _end_value) for case in CASES}


def _end_value(test: Any) -> float:
    return float(test.strategy.value)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
