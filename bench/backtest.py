"""Back-tests side by side: this project's, bt's and vectorbt's on the same prices; and what rows and assets cost."""

import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import ours
from bench.rivals import data
from bench.rivals import measure as rivals
from bench.rivals.reference import CASES
from strategies.backtest.engine.history import History
from strategies.backtest.engine.simulation import run_backtest

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MINUTES_OF_A_YEAR = 525_600


def measure(*, python: str, own_python: str, folder: str, repeats: int, fresh_repeats: int) -> dict[str, Any]:
    """By case: ours_ms, bt_ms, vectorbt_ms (medians, warm), how often ours fits into theirs, the same in fresh
    processes, and by how much end values differ from ours (fractions). `python` runs the rivals.

    bt_ms is with equal weights as bt's documentation has them, bt_quickest_ms its quickest way; of vectorbt, and in
    fresh processes of both, only the quickest counts.
    """
    place = Path(folder)
    data.write(place)
    mine = ours.measure(place, repeats)
    theirs = rivals.measure(Path(python), place, repeats=repeats, fresh_repeats=fresh_repeats)
    found: dict[str, Any] = {}
    for case in CASES:
        fresh = rivals.start_afresh(Path(own_python), "bench.ours", place, case, "planner", fresh_repeats)
        rows, own, bt, vectorbt = theirs[case], mine[case], theirs[case]["bt"], theirs[case]["vectorbt"]
        found[case] = {
            "ours_ms": own["ms"],
            "bt_ms": bt["ways_ms"]["equally"],
            "bt_quickest_ms": bt["ms"],
            "vectorbt_ms": vectorbt["ms"],
            "times_faster_than_bt": round(bt["ways_ms"]["equally"] / own["ms"], 1),
            "times_faster_than_bt_quickest": round(bt["ms"] / own["ms"], 1),
            "times_faster_than_vectorbt": round(vectorbt["ms"] / own["ms"], 2),
            "end_value_difference": {
                rival: rows[rival]["end_value"] / own["end_value"] - 1 for rival in ("reference", "bt", "vectorbt")
            },
            "rebalances": {"ours": own["rebalances"], **{name: rows[name]["rebalances"] for name in rows}},
            "fresh_ms": {
                "ours": fresh["fresh_ms"], "bt": bt["fresh_ms"], "vectorbt": vectorbt["fresh_ms"],
            },
            "fresh_times_faster_than_vectorbt": round(vectorbt["fresh_ms"] / fresh["fresh_ms"], 1),
            "best_ms": {"ours": own["best_ms"], "bt": bt["best_ms"], "vectorbt": vectorbt["best_ms"]},
        }  # fmt: skip
    return found


def measure_size(*, rows: int, assets: int, step_ms: int, repeats: int) -> dict[str, Any]:
    """One size, the band: ms of a run (median; the history is made of its columns anew each time), the same in
    microseconds for each asset of each rebalance (with more assets one of them is outside more often), and the
    process's peak memory.
    """
    market = _walk(rows, assets, step_ms)
    names = tuple(f"C{number:02}" for number in range(assets))
    scenario = ours.scenario_of(is_monthly=False, assets=names)
    columns = {series.asset: series.columns for series in ours.history_of(market, step_ms, names).series}
    del market
    spent, result = [], None
    for _repeat in range(repeats + 1):
        begun = time.perf_counter_ns()
        result = run_backtest(History.of(ours.QUOTE, columns), scenario)
        spent.append(time.perf_counter_ns() - begun)
    assert result is not None
    return {
        "rows": rows,
        "assets": assets,
        "ms": round(statistics.median(spent[1:]) / 1e6, 1),
        "rebalances": len(result.events),
        "us_each": round(statistics.median(spent[1:]) / 1e3 / max(len(result.events) * assets, 1), 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _walk(rows: int, assets: int, step_ms: int) -> data.Market:
    """A seeded random walk of any size, of 4 % a day."""
    draw = np.random.Generator(np.random.PCG64(7))
    steps = draw.standard_normal((rows, assets)) * data.DAILY_VOLATILITY * np.sqrt(step_ms / data.DAY_MS)
    steps[0] = 0
    closes = np.round(100 * np.exp(np.cumsum(steps, axis=0)), data.DECIMALS)
    return data.Market(np.arange(rows, dtype=np.int64) * step_ms, np.maximum(closes, 10.0**-4))
