"""The prices every back-tester of the bench reads: a seeded random walk, written as .npy files, so that separate
processes and virtual environments read the same bytes. Needs nothing but NumPy.

By hand: python -m bench.rivals.data FOLDER
"""

import hashlib
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# Starts in USDT, far apart as prices of coins are.
STARTS = {
    "BTC": 29_000.0,
    "ETH": 740.0,
    "BNB": 38.0,
    "LTC": 125.0,
    "SOL": 1.5,
    "LINK": 11.3,
    "DOT": 8.3,
    "XRP": 0.22,
    "ADA": 0.175,
    "DOGE": 0.0047,
}
ASSETS = tuple(STARTS)
DECIMALS = 8
DAILY_VOLATILITY = 0.04


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk: so many rows, one every `step_ms`, from `start` (UTC) on."""

    name: str
    start: str
    step_ms: int
    rows: int
    seed: int


class Market(NamedTuple):
    """Closes in USDT, rows x assets in the order of ASSETS, and the open time of each row in ms UTC."""

    times: Times
    closes: Floats


# The seeds are chosen, of the first 3,000: every tool pays the fee out of something else, so that weights after a
# rebalance differ by hundredths of a percent, and with most seeds some close lies so near the edge of the band that one
# tool trades there and another a row later; from then on they trade at different prices, and their end values tell
# nothing. With these two the reference, bt and vectorbt trade in the very same rows.
WALKS = {
    walk.name: walk
    for walk in (
        Walk("daily", "2021-01-01", DAY_MS, 1_826, 423),  # 2021 up to and including 2025
        Walk("hourly", "2025-01-01", HOUR_MS, 8_760, 1_364),  # 2025
    )
}


def walk(name: str) -> Market:
    """The walk of that name, drawn anew: log steps, normal, independent, of 4 % a day whatever the step.

    Closes are rounded to 8 decimals, which a float of these sizes carries exactly (see `decimals`).
    """
    shape = WALKS[name]
    draw = np.random.Generator(np.random.PCG64(shape.seed))
    steps = draw.standard_normal((shape.rows, len(ASSETS))) * DAILY_VOLATILITY * np.sqrt(shape.step_ms / DAY_MS)
    steps[0] = 0  # the first close is the start
    closes = np.round(np.array(list(STARTS.values())) * np.exp(np.cumsum(steps, axis=0)), DECIMALS)
    first = np.datetime64(shape.start, "ms").astype(np.int64)
    return Market(first + np.arange(shape.rows, dtype=np.int64) * shape.step_ms, closes)


def write(folder: Path) -> None:
    """Write every walk to `folder`, as NAME_times.npy and NAME_closes.npy."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in WALKS:
        market = walk(name)
        np.save(folder / f"{name}_times.npy", market.times)
        np.save(folder / f"{name}_closes.npy", market.closes)


def read(folder: Path, name: str) -> Market:
    """A walk as `write` left it; FileNotFoundError where it has not."""
    return Market(np.load(folder / f"{name}_times.npy"), np.load(folder / f"{name}_closes.npy"))


def digest(market: Market) -> str:
    """What tells whether two processes have read the same bytes."""
    return hashlib.sha256(market.times.tobytes() + market.closes.tobytes()).hexdigest()[:16]


def decimals(closes: Floats) -> list[list[Decimal]]:
    """The closes as exact decimals, row by row."""
    return [[Decimal(f"{close:.{DECIMALS}f}") for close in row] for row in closes.tolist()]


def month_ends(times: Times) -> npt.NDArray[np.bool_]:
    """Which rows are the last of their calendar month (UTC, by open time), the last row of all among them."""
    months = times.astype("datetime64[ms]").astype("datetime64[M]")
    return np.append(months[1:] != months[:-1], True)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
