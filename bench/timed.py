"""The product's Celery application, with a note of what each dispatch has cost: celery -A bench.timed worker.

A note is a line of a file of the process: {pid, cpu_s, wall_s, looked}.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, task_prerun

from botbalance.celery import app

__all__ = ["app"]

DISPATCH = "orders.tasks.dispatch"
_begun: tuple[float, float] = (0, 0)


@task_prerun.connect
def _begin(task: Any = None, **_rest: Any) -> None:
    global _begun
    if task is not None and task.name == DISPATCH:
        _begun = (time.process_time(), time.perf_counter())


@task_postrun.connect
def _end(task: Any = None, retval: Any = None, **_rest: Any) -> None:
    if task is None or task.name != DISPATCH or not isinstance(retval, int):
        return
    note = {
        "pid": os.getpid(),
        "cpu_s": time.process_time() - _begun[0],
        "wall_s": time.perf_counter() - _begun[1],
        "looked": retval,
    }
    with (Path(os.environ["DATA_DIR"]) / f"dispatches-{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(note) + "\n")


def notes(folder: Path) -> list[dict[str, Any]]:
    """All notes of all processes, in the order in which each process made them."""
    found = []
    for file in sorted(folder.glob("dispatches-*.jsonl")):
        found += [json.loads(line) for line in file.read_text().splitlines()]
    return found
