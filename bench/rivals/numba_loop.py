"""The rule of the bench as a bare compiled loop of floats: no framework, no records, the least that can be done."""

import numba
import numpy as np

from bench.rivals.data import Floats

SEARCH_STEPS = 8


@numba.njit
def run(
    closes: Floats, month_end: np.ndarray, is_monthly: bool, cash: float, fee: float, band: float
) -> tuple[np.ndarray, float]:
    """The rows in which everything went back to equal shares, the first purchase too, and the value at the last close.

    `closes` are rows x assets, `month_end` says which rows end a month, `fee` and `band` are fractions.
    """
    rows, assets = closes.shape
    units = np.zeros(assets)
    values = np.empty(assets)
    rebalanced, count, whole = np.empty(rows, np.int64), 0, cash
    for row in range(rows):
        whole = cash
        lowest, highest = np.inf, -np.inf
        for asset in range(assets):
            value = units[asset] * closes[row, asset]
            values[asset] = value
            whole += value
            lowest, highest = min(lowest, value), max(highest, value)
        share = whole / assets
        if row > 0:
            if is_monthly:
                if not month_end[row]:
                    continue
            elif highest < share * (1 + band) and lowest > share * (1 - band):
                continue
        before = whole
        for _step in range(SEARCH_STEPS):
            traded = 0.0
            for asset in range(assets):
                traded += abs(share - values[asset])
            whole = before - fee * traded
            share = whole / assets
        for asset in range(assets):
            units[asset] = share / closes[row, asset]
        cash = 0.0
        rebalanced[count] = row
        count += 1
    return rebalanced[:count], whole
