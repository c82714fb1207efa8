"""The bench runs, on sizes that say nothing, and what it writes has the shape that its readers expect.

No figure that depends on time is asserted.
"""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench import ours, rate, tables
from bench.__main__ import PARTS
from bench.grounds import unreachable
from bench.rivals import data, reference
from bench.rivals.reference import CASES
from tests.support import ROOT


def run(folder: Path, *parts: str, **environment: str) -> tuple[dict[str, Any], str]:
    """The results of these parts at their smallest, and what was printed."""
    output = folder / "results.json"
    command = [sys.executable, "-m", "bench", "--tiny", "--output", str(output), "--parts", *parts]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text()), done.stdout


@pytest.mark.django_db(databases=["default", "paper"])
def test_a_user_who_trades_costs_less_than_a_bot_that_reads_everything_at_every_tick() -> None:
    """Weights are counted, not timed: these figures are the same on every machine."""
    found = rate.measure(users=2, minutes=9, idle_minutes=3)
    naive = rate.measure_naive(users=1, minutes=2)
    assert naive["weight_per_user_minute"] == 200
    assert found["rebalances"] == found["rebalances_complete"] == 0  # a hundredth of 36 looks
    # The account, 20 of weight, every three minutes: at the first turn after they are over.
    assert 4 <= found["weight_per_user_minute"] <= 20 / 3
    assert found["by_route"]["idle"].keys() == {"GET /api/v3/account"}
    assert found["by_route"]["server"].keys() == {"GET /api/v3/ticker/bookTicker"}


@pytest.mark.soak
@pytest.mark.django_db(databases=["default", "paper"])
def test_a_tick_in_a_hundred_trades_three_legs_that_rest_for_two_minutes() -> None:
    found = rate.measure(users=9, minutes=6, idle_minutes=3)
    assert found["looks"] == 9 * 6 * 2
    assert (found["rebalances"], found["rebalances_complete"]) == (1, 1)
    assert found["legs_a_rebalance"] == 3
    assert 105 <= found["seconds_orders_rested"] <= 135


@pytest.mark.soak
def test_the_parts_without_servers_run_and_are_written_down(tmp_path: Path) -> None:
    found, printed = run(tmp_path, "planner", "http", "dispatch", DATABASE_URL="", REDIS_URL="")
    assert found["planner"].keys() == {"5", "20", "50"}
    assert [page["users"] for page in found["http"]["pages"]] == [2]
    assert all(page[name]["queries"] > 0 for page in found["http"]["pages"] for name in tables.PAGES)
    assert {row["road"] for row in found["http"]["paper_exchange"]["SQLite"]} == {"in-process", "HTTP"}
    assert found["dispatch"] == {"skipped": "DATABASE_URL is not that of a PostgreSQL server"}
    assert "dispatch: skipped, DATABASE_URL is not" in printed


@pytest.mark.soak
def test_the_memory_of_a_dispatcher_is_measured(tmp_path: Path) -> None:
    found, _printed = run(tmp_path, "memory", DATABASE_URL="", REDIS_URL="")
    assert found["memory"]["users"] == 20


@pytest.mark.soak
@pytest.mark.postgres
@pytest.mark.redis
def test_the_dispatcher_is_measured_with_beat_and_workers_of_its_own(tmp_path: Path) -> None:
    why = unreachable(os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""))
    if why:
        pytest.skip(why)
    found, _printed = run(tmp_path, "dispatch")
    (size,) = found["dispatch"]["by_strategies"]
    assert size["strategies"] == 20
    assert size["looks"] > 0
    assert size["scan_cpu_ms_per_strategy"] > 0


def test_every_part_has_a_table() -> None:
    assert PARTS.keys() == tables.TABLES.keys()


@pytest.mark.soak
def test_back_tests_are_measured_and_grow_in_rows_and_assets(tmp_path: Path) -> None:
    found, _printed = run(tmp_path, "backtest", DATABASE_URL="", REDIS_URL="")
    assert [(size["rows"], size["assets"]) for size in found["backtest"]["growth"]] == [(2000, 2), (4000, 2)]
    assert found["backtest"]["minutes"]["rebalances"] >= 1
    if "skipped" not in found["backtest"]["cases"]:
        assert set(found["backtest"]["cases"]) == set(CASES)


def test_the_walks_are_the_same_everywhere_and_traded_in_the_same_rows_as_the_reference(tmp_path: Path) -> None:
    assert {name: data.digest(data.walk(name)) for name in data.WALKS} == {
        "daily": "44e9a365ded6871a",
        "hourly": "a24b94773f48fecb",
    }
    data.write(tmp_path)
    for case, count in {"daily_band": 199, "hourly_band": 51, "daily_monthly": 61, "hourly_monthly": 13}.items():
        truth = reference.run(data.read(tmp_path, CASES[case].walk), is_monthly=CASES[case].is_monthly)
        (run_once,) = ours.ways(tmp_path, case).values()
        result = run_once()
        assert [event.row for event in result.events] == list(truth.rows)
        assert len(truth.rows) == count
        assert abs(result.final_nav / truth.end_value - 1) < Decimal("0.002")
