"""A sweep spread over processes: the same numbers on one and two, and through a kill -9 in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from strategies.backtest import sweep_tasks
from strategies.backtest.models import Sweep, SweepChunk
from strategies.backtest.services import sweep_processes, sweeps
from strategies.tests import sweep_scenes as scenes
from tests.support import ROOT

pytestmark = pytest.mark.django_db(databases=["default", "paper"], transaction=True)

PATIENCE_SECONDS = 120


@pytest.fixture(autouse=True)
def _ground(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candles and a database that other processes see as well."""
    scenes.stocked(settings, tmp_path)
    settings.DATA_DIR = tmp_path
    for name, value in (
        ("DATABASE_URL", scenes.database_url()),
        ("CANDLES_DIR", str(settings.CANDLES_DIR)),
        ("DJANGO_SETTINGS_MODULE", "botbalance.settings_test"),
        ("DATA_DIR", str(tmp_path)),
    ):
        monkeypatch.setenv(name, value)
    settings.SETTINGS_MODULE = "botbalance.settings_test"


def worker(sweep: Sweep, name: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "manage.py", "sweep", "work", str(sweep.pk), "--name", name]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))


def looks(seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
    raise AssertionError("it takes too long")


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(alice: User) -> None:
    alone = scenes.done(alice, search=scenes.broad_search(), paths=4)
    sweep = scenes.created(alice, search=scenes.broad_search(), paths=4)
    killed: list[str] = []

    def kill_one() -> None:
        """Once something is done, the worker that has a piece in hand."""
        chunks = SweepChunk.objects.filter(sweep=sweep)
        held = chunks.filter(is_done=False).exclude(claim="").values_list("claim", flat=True).first()
        if killed or held is None or not chunks.filter(is_done=True).exists():
            return
        for pid in processes_with(held):
            os.kill(pid, signal.SIGKILL)
            killed.append(held)

    sweep_processes.run_sweep(sweep.pk, processes=2, on_look=kill_one)
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.DONE, sweep.problem
    assert len(killed) == 1
    assert scenes.figures(sweep) == scenes.figures(alone)
    assert len(scenes.figures(sweep)) == 60
    assert sweep.summary == alone.summary


def test_a_cancelled_sweep_lets_go_of_its_processes_within_seconds(alice: User) -> None:
    sweep = scenes.created(alice, search=scenes.search(min_delta_pct="2:30:0.05"))
    process = worker(sweep, "to be cancelled")
    try:
        for _look in looks():
            if SweepChunk.objects.filter(sweep=sweep, is_done=True).exists():
                break
        sweeps.cancel_sweep(sweep)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert not SweepChunk.objects.filter(sweep=sweep).exists()
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.CANCELLED


def test_a_worker_that_is_told_to_end_gives_its_piece_back(alice: User) -> None:
    sweep = scenes.created(alice, search=scenes.search(min_delta_pct="2:30:0.05"))
    process = worker(sweep, "polite")
    try:
        for _look in looks():
            if SweepChunk.objects.filter(sweep=sweep, is_done=False, claim="polite").exists():
                break
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert not SweepChunk.objects.filter(sweep=sweep).exclude(claim="").exists()


@pytest.mark.soak
def test_a_message_has_waiting_sweeps_served_by_a_process_of_their_own(alice: User) -> None:
    sweep = scenes.created(alice, search=scenes.search(min_delta_pct="3,4"))
    assert sweep_tasks.serve_sweeps()
    assert not sweep_tasks.serve_sweeps()  # one process of this machine is enough
    for _look in looks():
        if not sweep_tasks.is_serving():
            break
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.DONE, sweep.problem
    assert not sweep_tasks.serve_sweeps()  # nothing waits any more


def test_candles_that_cannot_be_read_end_the_sweep_and_say_so(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = scenes.created(alice)
    monkeypatch.setenv("CANDLES_DIR", "/nonexistent/nowhere")
    sweep_processes.run_sweep(sweep.pk, processes=1)
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.FAILED
    assert "candles" in sweep.problem


@pytest.mark.soak
def test_processes_that_end_again_and_again_end_the_sweep(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = scenes.created(alice)
    monkeypatch.setenv("DATA_DIR", "/dev/null/nowhere")
    sweep_processes.run_sweep(sweep.pk, processes=2)
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.FAILED
    assert "again and again" in sweep.problem


def test_the_command_lines_sweeps_are_left_to_it() -> None:
    scenes.created(None)
    assert not sweep_tasks.serve_sweeps()


def processes_with(argument: str) -> list[int]:
    """This machine's processes that were started with this argument."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            if argument.encode() in words:
                found.append(int(entry.name))
    return found
