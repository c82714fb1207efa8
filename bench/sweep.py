"""How long a sweep takes: settings of a band and an interval on a seeded walk by the hour, from stored candles, through
the database, by processes, as `manage.py sweep` does it.
"""

import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from exchanges.candles import keeping, store
from exchanges.candles.columns import CandleColumns
from strategies.backtest import services
from strategies.backtest.models import Sweep
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_processes, sweeps
from strategies.backtest.sweeping.spaces import read_search

QUOTE = "USDT"
HOUR_MS = 3_600_000
BEGIN_MS = int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()) * 1000
PLACES = 4
VOLUME = 10**12
# The spread of a step of the walk, and of a candle around it.
STEP, RANGE = 0.008, 0.002


def measure(
    *, assets: int, rows: int, settings: int, bands: str, intervals: str, processes: list[int], seed: int
) -> dict[str, Any]:
    """Seconds of the same sweep by number of processes, and whether all found the same of every setting."""
    names = [f"A{number}" for number in range(assets)]
    for number, name in enumerate(names):
        keeping.add(walk(name, rows, seed + number), store.MARKET)
    weight = str(Decimal(100) / assets)
    base = services.read(
        {
            "targets": [(name, weight) for name in names],
            "trigger_mode": "both",
            "start_cash": "100000",
            "interval": "1h",
        }
    )
    search = read_search({"min_delta_pct": bands, "interval_minutes": intervals}, count=settings, seed=seed)
    plan = sweeps.Plan(search=search, held_out_pct=0, windows=5, paths=0, seed=seed)
    found: list[dict[str, Any]] = []
    tables = []
    for count in processes:
        begun = time.perf_counter_ns()
        sweep = sweeps.create_sweep(None, base, plan, name=f"{count} processes").sweep
        sweep_processes.run_sweep(sweep.pk, processes=count)
        seconds = (time.perf_counter_ns() - begun) / 10**9
        sweep.refresh_from_db()
        if sweep.state != Sweep.State.DONE:
            raise RuntimeError(f"the sweep is {sweep.state}: {sweep.problem}")
        table = selectors.tried_of(sweep)
        tables.append({row.setting.key: row.figures for row in table})
        trades = statistics.fmean(row.figures["trades"] for row in table)
        found.append({"processes": count, "seconds": round(seconds, 1), "trades_a_setting": round(trades, 1)})
    return {
        "settings": settings,
        "assets": assets,
        "rows": rows,
        "runs": found,
        "same_numbers": all(table == tables[0] for table in tables),
    }


def walk(asset: str, rows: int, seed: int) -> CandleColumns:
    """A seeded random walk of an asset by the hour; every candle opens where the last one closed."""
    draw = np.random.default_rng(seed)
    unit = 10**PLACES
    close = np.rint(100 * unit * np.exp(np.cumsum(draw.normal(0, STEP, rows)))).astype(np.int64)
    open_ = np.append(close[:1], close[:-1])
    high = np.rint(np.maximum(open_, close) * (1 + RANGE)).astype(np.int64)
    low = np.rint(np.minimum(open_, close) * (1 - RANGE)).astype(np.int64)
    times = BEGIN_MS + np.arange(rows, dtype=np.int64) * HOUR_MS
    volume = np.full(rows, VOLUME, np.int64)
    return CandleColumns(f"{asset}{QUOTE}", HOUR_MS, PLACES, PLACES, times, open_, high, low, close, volume)
