"""How late accounts are looked at, and what a look costs: beat and two workers, processes of their own, on PostgreSQL
and Redis; then the dispatcher flat out in this process. Nobody has anything to do, as is nearly always so.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Value

from bench import crowd, timed
from bench.grounds import ROOT
from botbalance.lib.clock import now_ms
from orders import services as orders
from orders.models import Watch
from orders.services import watching

WORKERS = 2
SAMPLES_A_PERIOD = 6
START_SECONDS = 90
END_SECONDS = 10
FLAT_OUT_PASSES = 3


def measure(*, strategies: int, seconds: int, warm_seconds: int) -> dict[str, Any]:
    """The findings for so many strategies, over `seconds` that begin `warm_seconds` after the start."""
    crowd.populate(strategies)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    flat_out = _flat_out(strategies)
    _leave_no_turn_overdue()
    with _running():
        _await_first_dispatch()
        time.sleep(warm_seconds)
        known = timed.notes(settings.DATA_DIR)
        lateness, missed = _watch(seconds)
        notes = timed.notes(settings.DATA_DIR)
    return {
        "strategies": strategies,
        "seconds": seconds,
        "looks": len(lateness),
        "missed_turns": missed,
        "p50_lateness_s": _percentile(lateness, 50) / 1000,
        "p95_lateness_s": _percentile(lateness, 95) / 1000,
        "max_lateness_s": max(lateness, default=0) / 1000,
        "processes": len({note["pid"] for note in notes}),
        "scan_cpu_ms_per_strategy": _cpu_ms(_since(notes, known)),
        "first_scan_cpu_ms_per_strategy": _cpu_ms(known),
        **flat_out,
    }


def _flat_out(strategies: int) -> dict[str, Any]:
    """Everybody's turn at once, again and again: the first pass reads every portfolio, the others know them."""
    costs = []
    for _pass in range(1 + FLAT_OUT_PASSES):
        # A whole period earlier everybody is due, and keeps the phase.
        Watch.objects.update(due_ms=F("due_ms") - watching.period_ms())
        cpu, wall, looked = time.process_time(), time.perf_counter(), 0
        while looked < strategies:  # and not until nobody is due: meanwhile it is the first ones' turn again
            looked += orders.dispatch().looked
        costs.append(((time.process_time() - cpu) * 1000 / looked, looked / (time.perf_counter() - wall)))
    first, *others = costs
    return {
        "flat_out_per_second": round(sum(rate for _cpu, rate in others) / len(others)),
        "flat_out_cpu_ms_per_strategy": round(sum(cpu for cpu, _rate in others) / len(others), 4),
        "flat_out_first_pass_cpu_ms_per_strategy": round(first[0], 4),
    }


def _leave_no_turn_overdue() -> None:
    """What was missed while the dispatcher was flat out is nobody's lateness."""
    period, now = watching.period_ms(), now_ms()
    after = Value(now) - (Value(now) - F("due_ms")) % Value(period) + Value(period)
    Watch.objects.filter(due_ms__lte=now).update(due_ms=after)


def _await_first_dispatch() -> None:
    """Until beat and a worker are up, which is no part of what is measured."""
    end = time.monotonic() + START_SECONDS
    while not timed.notes(settings.DATA_DIR):
        if time.monotonic() > end:
            raise RuntimeError(f"nothing was dispatched within {START_SECONDS} s of the start")
        time.sleep(0.2)


def _watch(seconds: int) -> tuple[list[int], int]:
    """How late each look was, in ms, and how many turns nobody had."""
    period = watching.period_ms()
    seen: dict[int, dict[int, int]] = {}
    begin = now_ms()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(period / 1000 / SAMPLES_A_PERIOD)
        for account_id, due_ms, looked_at_ms in Watch.objects.values_list("account_id", "due_ms", "looked_at_ms"):
            turn = (due_ms or 0) - period
            if turn >= begin and looked_at_ms >= turn:
                seen.setdefault(account_id, {})[turn] = looked_at_ms - turn
    # Between the first and the last turn that were had there is one in every period.
    missed = sum((max(turns) - min(turns)) // period + 1 - len(turns) for turns in seen.values())
    missed += Watch.objects.count() - len(seen)
    return [late for turns in seen.values() for late in turns.values()], missed


@contextmanager
def _running() -> Iterator[None]:
    """Beat and the workers, until the block ends."""
    celery = [sys.executable, "-m", "celery", "-A", "bench.timed"]
    workers = [[*celery, "worker", "-n", f"bench{number}@localhost", "-l", "ERROR"] for number in range(WORKERS)]
    commands = [*workers, [*celery, "beat", "-l", "ERROR", "--pidfile="]]
    log = Path(settings.DATA_DIR) / "celery.log"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("ab") as output:
            for command in commands:
                processes.append(
                    subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=output, stderr=output)  # noqa: S603
                )
        yield
        if any(process.poll() is not None for process in processes):
            raise RuntimeError(f"beat or a worker has ended:\n{log.read_text(errors='replace')[-2000:]}")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _since(notes: list[dict[str, Any]], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The notes that were not known then."""
    before = {(note["pid"], note["cpu_s"], note["wall_s"]) for note in known}
    return [note for note in notes if (note["pid"], note["cpu_s"], note["wall_s"]) not in before]


def _cpu_ms(notes: list[dict[str, Any]]) -> float:
    looked = sum(note["looked"] for note in notes)
    return round(sum(note["cpu_s"] for note in notes) * 1000 / looked, 4) if looked else 0


def _percentile(values: list[int], percent: int) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0
