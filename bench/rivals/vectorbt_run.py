"""vectorbt on the prices of the bench, every case: python -m bench.rivals.vectorbt_run FOLDER REPEATS. Prints JSON.

Timed, warm, is one simulation that leaves a Portfolio. Not timed: its statistics, which it computes when asked, and
making a DataFrame of the prices. Every way vectorbt has for a case is run, and the quickest is its figure:

- monthly: `from_orders` with target percents in the rows that trade, on its numba and its Rust engine; and
  `from_order_func` on those rows alone;
- band: `from_order_func`, flexible, since what is traded hangs on what is held; it exists for numba only.

Beside it the same rule as a bare numba loop.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb
from vectorbt.portfolio.enums import Direction, NoOrder, SizeType

from bench.rivals import data, numba_loop
from bench.rivals.reference import BAND, CASES, FEE, INITIAL_CASH
from bench.rivals.stopwatch import fastest, timed

CASH, FEE_RATE, BAND_SHARE = float(INITIAL_CASH), float(FEE), float(BAND)
SHARE = 1 / len(data.ASSETS)


@njit
def _buffers(c: Any) -> tuple[Any, ...]:
    """Before a group: what its orders are sorted with, reused in every row."""
    return np.empty(c.group_len), np.empty(c.group_len, np.int64)


@njit
def _plan(
    c: Any, order_value: Any, sequence: Any, size: Any, size_type: Any, direction: Any, band: float
) -> tuple[Any, ...]:
    """Before a row: whether it trades (outside the band, or at once where the band is none), and sells first."""
    for column in range(c.from_col, c.to_col):
        c.last_val_price[column] = c.close[c.i, column]
    if band > 0 and c.i > 0:
        share = nb.get_group_value_ctx_nb(c) / c.group_len
        is_outside = False
        for column in range(c.from_col, c.to_col):
            away = c.last_position[column] * c.last_val_price[column] / share - 1
            if away >= band or away <= -band:
                is_outside = True
                break
        if not is_outside:
            return sequence, False
    for column in range(c.group_len):
        sequence[column] = column
    nb.sort_call_seq_out_nb(c, size, size_type, direction, order_value, sequence)
    return sequence, True


@njit
def _order(c: Any, sequence: Any, is_due: bool, share: float, fee: float) -> tuple[int, Any]:
    """One order after the other, back to the target."""
    if not is_due or c.call_idx >= c.group_len:
        return -1, NoOrder
    column = c.from_col + sequence[c.call_idx]
    order = nb.order_nb(
        share, c.close[c.i, column], size_type=SizeType.TargetPercent, direction=Direction.LongOnly, fees=fee
    )
    return column, order


def _from_orders(prices: pd.DataFrame, month_end: Any, engine: str) -> Callable[[], Any]:
    size = np.full(prices.shape, np.nan)
    size[month_end] = size[0] = SHARE

    def run() -> Any:
        return vbt.Portfolio.from_orders(
            prices,
            size,
            size_type="targetpercent",
            direction="longonly",
            fees=FEE_RATE,
            init_cash=CASH,
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            engine=engine,
        )

    return run


def _from_order_func(prices: pd.DataFrame, month_end: Any, *, is_monthly: bool) -> Callable[[], Any]:
    segments: Any = True
    if is_monthly:
        segments = month_end[:, np.newaxis].copy()
        segments[0] = True
    sizes = np.array([SHARE]), np.array([SizeType.TargetPercent]), np.array([Direction.LongOnly])
    band = -1.0 if is_monthly else BAND_SHARE

    def run() -> Any:
        return vbt.Portfolio.from_order_func(
            prices,
            _order,
            SHARE,
            FEE_RATE,
            flexible=True,
            segment_mask=segments,
            pre_group_func_nb=_buffers,
            pre_segment_func_nb=_plan,
            pre_segment_args=(*sizes, band),
            init_cash=CASH,
            group_by=True,
            cash_sharing=True,
            fill_pos_record=False,
        )

    return run


def ways(folder: Path, case: str) -> dict[str, Callable[[], Any]]:
    """What runs the case once and returns a Portfolio, by the name of the way."""
    market = data.read(folder, CASES[case].walk)
    prices = pd.DataFrame(market.closes, index=pd.to_datetime(market.times, unit="ms"), columns=list(data.ASSETS))
    month_end, is_monthly = data.month_ends(market.times), CASES[case].is_monthly
    found = {"order_func": _from_order_func(prices, month_end, is_monthly=is_monthly)}
    if is_monthly:
        found["orders_numba"] = _from_orders(prices, month_end, "numba")
        found["orders_rust"] = _from_orders(prices, month_end, "rust")
    return found


def first(folder: str, case: str, way: str) -> float:
    """One run, the end value in USDT."""
    return float(ways(Path(folder), case)[way]().final_value())


def _bare(folder: Path, case: str) -> Callable[[], tuple[list[int], float]]:
    market = data.read(folder, CASES[case].walk)
    month_end, is_monthly = data.month_ends(market.times), CASES[case].is_monthly
    return lambda: numba_loop.run(market.closes, month_end, is_monthly, CASH, FEE_RATE, BAND_SHARE)


def _rebalanced_rows(portfolio: Any) -> list[int]:
    """The rows in which anything was traded."""
    return list(map(int, np.unique(portfolio.order_records["idx"])))


def _end_value(portfolio: Any) -> float:
    return float(portfolio.final_value())


def main(folder: Path, repeats: int) -> dict[str, Any]:
    found = {}
    for case in CASES:
        found[case] = fastest(ways(folder, case), repeats, _rebalanced_rows, _end_value)
        spent, (rows, end_value) = timed(_bare(folder, case), repeats)
        found[case]["bare_loop"] = {**spent._asdict(), "rebalances": len(rows), "end_value": end_value}
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
