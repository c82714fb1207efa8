"""A worker that dies by SIGKILL in the middle of a tick: the account's next turn finds everything in the rows."""

import json
import signal
import time
from pathlib import Path

import pytest

from orders.tests.test_killed_process import Box

pytestmark = pytest.mark.soak


class FlyingBox(Box):
    """An installation whose demo strategy flies, looked at every second. Its workers are commands."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env["AUTOPILOT_PERIOD_SECONDS"] = "1"
        self.env["EXCHANGE_READ_TIMEOUT_SECONDS"] = "1"
        started = self.manage("autopilot", "start", "--user", "demo@example.com")
        assert started.returncode == 0, started.stderr

    def killed_tick(self, kind: str, nth: int = 1) -> None:
        fault = json.dumps([{"match": "POST /api/v3/order", "kind": kind, "nth": nth}])
        killed = self.manage("tick", "--now", PAPER_FAULTS=fault)
        assert killed.returncode == -signal.SIGKILL, killed.stderr

    def settle(self) -> None:
        """Take turns until the rebalance has ended."""
        for _look in range(4):
            done = self.manage("tick", "--now", "--seconds", "5")
            assert done.returncode == 0, done.stderr
            if self.rows("botbalance", "SELECT count(*) FROM orders_run WHERE state = 'active'") == [(0,)]:
                return
        raise AssertionError(self.rows("botbalance", "SELECT status, error FROM orders_order"))

    def cancelled_at_the_exchange(self, client_order_id: str) -> None:
        """What an owner does on the exchange's own site: no row of ours says so."""
        by_hand = (
            "from orders.models import Order; from exchanges.services import adapter_for; "
            f"row = Order.objects.get(client_order_id={client_order_id!r}); "
            "adapter_for(row.account).cancel_order(row.symbol, row.client_order_id)"
        )
        done = self.manage("shell", "-c", by_hand)
        assert done.returncode == 0, done.stderr

    def first(self) -> tuple[object, ...]:
        query = "SELECT client_order_id, status FROM orders_order ORDER BY id LIMIT 1"
        return self.rows("botbalance", query)[0]


@pytest.mark.parametrize(
    ("kind", "placed"),
    [("kill_before", 0), ("kill_after", 1)],
    ids=["during send, before it arrived", "between answer and record"],
)
def test_a_tick_killed_while_sending_leaves_one_order_or_a_declared_intent(
    kind: str, placed: int, tmp_path: Path
) -> None:
    box = FlyingBox(tmp_path)
    box.killed_tick(kind)
    assert len(box.theirs()) == placed
    client_order_id, status = box.first()
    assert status == "UNKNOWN"
    box.settle()
    assert box.first() == (client_order_id, "FILLED" if placed else "NOT_PLACED")
    assert [row[0] for row in box.theirs()].count(client_order_id) == placed
    assert box.ours() == box.theirs()


def test_a_tick_killed_between_intent_and_send_sends_each_intent_once_or_declares_it(tmp_path: Path) -> None:
    box = FlyingBox(tmp_path)
    box.killed_tick("kill_after", nth=2)  # the third is an intent, committed and never sent
    statuses = [row[0] for row in box.rows("botbalance", "SELECT status FROM orders_order ORDER BY id")]
    assert statuses[1:] == ["UNKNOWN", "PENDING"]
    (tick_ts,) = box.rows("botbalance", "SELECT tick_ts FROM orders_round")
    box.settle()
    ids = [row[0] for row in box.theirs()]
    assert len(ids) == len(set(ids))
    assert box.ours() == box.theirs()
    # Nothing was planned again under the interrupted round's time: its intents are the three it had.
    count = "SELECT count(*) FROM orders_order JOIN orders_round r ON r.id = round_id WHERE r.tick_ts = ?"
    assert box.rows("botbalance", count.replace("?", str(tick_ts[0]))) == [(3,)]


def test_after_a_restart_open_orders_are_right_within_one_period(tmp_path: Path) -> None:
    box = FlyingBox(tmp_path)
    box.rows("botbalance", "UPDATE strategies_strategy SET order_step_pct = 3, order_lifetime_seconds = 86400")
    box.killed_tick("kill_after", nth=2)
    # Meanwhile nobody looks, and the exchange cancels the first of them on its own.
    first = box.first()[0]
    box.cancelled_at_the_exchange(str(first))
    time.sleep(3)  # the dead worker's lease
    done = box.manage("tick", "--now", "--json")
    assert done.returncode == 0, done.stderr
    assert box.ours() == box.theirs()
    assert box.first() == (first, "CANCELED")
