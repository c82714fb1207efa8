"""Sweeps for tests: small ones on ninety days of candles, worked on in this process or in others."""

from pathlib import Path
from typing import Any

from django.db import connections

from accounts.models import User
from exchanges.candles.columns import CandleColumns
from strategies.backtest import services
from strategies.backtest.models import Sweep, SweepChunk
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_work, sweeps
from strategies.backtest.services.sweeps import Plan
from strategies.backtest.sweeping.spaces import Search, read_search
from strategies.tests.backtest_scenes import plain_values, store_candles, wavy

VARIED = {"min_delta_pct": "2:8:1", "interval_minutes": "1440,4320,10080"}
ROWS = 24 * 90


def market(rows: int = ROWS) -> list[CandleColumns]:
    return [wavy("BTC", rows, price="20000"), wavy("ETH", rows, price="1500")]


def stocked(settings: Any, folder: Path, rows: int = ROWS) -> list[CandleColumns]:
    """Ninety days of BTC and ETH by the hour."""
    columns = market(rows)
    store_candles(settings, folder, *columns)
    return columns


def search(count: int | None = None, **varied: str) -> Search:
    return read_search(varied or VARIED, count=count, seed=7)


def broad_search() -> Search:
    """60 settings."""
    return search(min_delta_pct="2:9:0.5", interval_minutes="1440,2880,4320,10080")


def summary(sweep: Sweep) -> dict[str, Any]:
    assert sweep.summary is not None
    return dict(sweep.summary)


def plan(**more: Any) -> Plan:
    return Plan(**{"search": search(), "windows": 0, "paths": 0, **more})


def created(user: User | None, **more: Any) -> Sweep:
    """A sweep that waits: 21 settings unless others are varied."""
    settings = services.read(plain_values(trigger_mode="both"))
    return sweeps.create_sweep(user, settings, plan(**more)).sweep


def done(user: User | None, **more: Any) -> Sweep:
    """A sweep that was worked on by one worker, in this process."""
    sweep = created(user, **more)
    sweep_work.work(sweep.pk, "alone")
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.DONE, sweep.problem
    return sweep


def work_on_one_piece(sweep: Sweep, worker: str) -> int:
    """Until one more piece is done, however often a slow machine asks meanwhile; how many were done."""
    pieces = SweepChunk.objects.filter(sweep=sweep, is_done=True)
    before = pieces.count()
    return sweep_work.work(sweep.pk, worker, is_wanted=lambda: _is_active(sweep) and pieces.count() == before)


def _is_active(sweep: Sweep) -> bool:
    return Sweep.objects.get(pk=sweep.pk).is_active


def figures(sweep: Sweep) -> dict[str, dict[str, Any]]:
    """What was found of every setting, by its key."""
    table = selectors.tried_of(sweep)
    found = {row.setting.key: row.figures for row in table}
    assert len(found) == len(table)
    return found


def database_url() -> str:
    """The main database of this test, for other processes."""
    config = connections["default"].settings_dict
    if config["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{config['NAME']}"
    place = f"{config['HOST'] or 'localhost'}:{config['PORT'] or 5432}"
    return f"postgres://{config['USER']}:{config['PASSWORD']}@{place}/{config['NAME']}"
