"""Saying what changes."""

import time
from datetime import UTC, datetime
from itertools import islice

from botbalance_client.command.codes import Exit
from botbalance_client.command.looking import state_of
from botbalance_client.command.screen import clean
from botbalance_client.command.task import Task
from botbalance_client.errors import BotBalanceError, Refused
from botbalance_client.shapes import Strategy


def watch(task: Task) -> Exit:
    """A line whenever something is different. A server that is away is said once, and asked on."""
    strategy = task.strategy()
    started, before = time.monotonic(), ""
    while True:
        try:
            seen = _look(task, strategy)
            text = _sentence(seen)
        except BotBalanceError as error:
            if isinstance(error, Refused) and error.status < 500 and error.status != 429:
                raise
            seen, text = {"problem": str(error)}, clean(error)
        if text != before:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            task.screen.show({"at": now, **seen}, [f"{now}  {text}"])
            before = text
        left = task.options.seconds - (time.monotonic() - started)
        if task.options.seconds and left <= 0:
            return Exit.DONE
        time.sleep(min(task.options.every, left) if task.options.seconds else task.options.every)


def _look(task: Task, strategy: Strategy) -> dict[str, object]:
    autopilot = task.client.autopilot(strategy["id"])
    run = next(
        (row for row in islice(task.client.runs(), 50) if row["strategy"] == strategy["id"]),
        None,
    )
    open_orders = list(islice(task.client.orders(account=strategy["account"], status="open"), 200))
    return {
        "strategy": strategy["id"],
        "autopilot": state_of(autopilot),
        "reason": autopilot["pause_reason"] or autopilot["hold_reason"],
        "run": None if run is None else {name: run[name] for name in ("id", "state", "reason", "problem")},
        "open_orders": [
            {name: order[name] for name in ("id", "side", "symbol", "quantity", "executed_quantity", "status")}
            for order in open_orders
        ],
        "problem": autopilot["problem"],
    }


def _sentence(seen: dict[str, object]) -> str:
    run, orders = seen["run"], seen["open_orders"]
    parts = [f"autopilot {seen['autopilot']}"]
    if seen["reason"]:
        parts.append(clean(seen["reason"]))
    if isinstance(run, dict):
        parts.append(f"rebalance {run['id']} {clean(run['state'])} {clean(run['reason'] or run['problem'])}".rstrip())
    assert isinstance(orders, list)
    filled = ", ".join(f"{row['side']} {row['symbol']} {row['executed_quantity']}/{row['quantity']}" for row in orders)
    parts.append(f"{len(orders)} open" + (f": {clean(filled)}" if filled else ""))
    if seen["problem"]:
        parts.append(clean(seen["problem"]))
    return "; ".join(parts)
