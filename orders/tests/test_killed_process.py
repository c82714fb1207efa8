"""A process that dies by SIGKILL in the middle: the next one finds everything in the rows, and doubles nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orders.domain import MISSING_MARGIN_MS
from tests.server import environment, install, rows
from tests.support import ROOT

pytestmark = pytest.mark.soak


class Box:
    """An installation of its own, driven by its commands in processes of their own."""

    def __init__(self, folder: Path) -> None:
        install(folder)
        self.folder = folder
        self.env = {**environment(folder), "LOG_LEVEL": "WARNING", "EXCHANGE_RECV_WINDOW_MS": "1000"}
        # Take what is offered: the test is about processes, not about waiting for the market.
        self.rows("botbalance", "UPDATE strategies_strategy SET order_step_pct = -0.5, order_size_pct = 100")

    def manage(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def killed_rebalance(self, kind: str, nth: int) -> None:
        fault = json.dumps([{"match": "POST /api/v3/order", "kind": kind, "nth": nth}])
        killed = self.manage("rebalance", "--user", "demo@example.com", PAPER_FAULTS=fault)
        assert killed.returncode == -signal.SIGKILL, killed.stderr

    def track(self) -> list[object]:
        """Look once; the accounts that needed it."""
        tracked = self.manage("track", "--json")
        assert tracked.returncode == 0, tracked.stderr
        accounts: list[object] = json.loads(tracked.stdout.splitlines()[-1])["accounts"]
        return accounts

    def grow_old(self) -> None:
        """Time passes until a request whose outcome is open can no longer arrive."""
        too_late = int(self.env["EXCHANGE_RECV_WINDOW_MS"]) + MISSING_MARGIN_MS
        self.rows("botbalance", "UPDATE orders_order SET sent_ms = sent_ms - ? WHERE status = 'UNKNOWN'", too_late)

    def finish(self) -> None:
        for _look in range(40):
            if not self.track():
                return
        raise AssertionError(self.rows("botbalance", "SELECT status, error FROM orders_order"))

    def rows(self, database: str, query: str, *values: object) -> list[tuple[object, ...]]:
        return rows(self.folder, query, *values, database=database)

    def ours(self) -> list[tuple[object, ...]]:
        query = "SELECT client_order_id, status, executed_quantity FROM orders_order WHERE exchange_order_id NOTNULL"
        return sorted(self.rows("botbalance", query))

    def theirs(self) -> list[tuple[object, ...]]:
        return sorted(self.rows("paper", "SELECT client_order_id, status, executed FROM paper_paperorder"))


@pytest.mark.parametrize(
    ("kind", "at_exchange"),
    [("kill_before", 0), ("kill_after", 1)],
    ids=["between intent and send", "between answer and record"],
)
def test_a_run_killed_while_sending_is_finished_by_the_next_process(
    kind: str, at_exchange: int, tmp_path: Path
) -> None:
    box = Box(tmp_path)
    box.killed_rebalance(kind, nth=1)
    intents = box.rows("botbalance", "SELECT client_order_id, status FROM orders_order ORDER BY id")
    assert [status for _id, status in intents] == ["UNKNOWN", "PENDING", "PENDING"]
    assert len(box.theirs()) == at_exchange
    box.track()
    box.grow_old()
    box.finish()
    assert box.ours() == box.theirs()
    assert len({row[0] for row in box.theirs()}) == len(box.theirs())
    (state,) = box.rows("botbalance", "SELECT state FROM orders_run")
    assert state == ("complete",)
    first = box.rows("botbalance", "SELECT status FROM orders_order ORDER BY id LIMIT 1")[0]
    assert first == (("NOT_PLACED",) if kind == "kill_before" else ("FILLED",))
