"""manage.py chaos: its options, and a small drill whose books agree, and whose sabotages are caught."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from botbalance.chaos.launch import launch
from botbalance.chaos.plan import SABOTAGES, Options


@pytest.fixture
def alone() -> Iterator[None]:
    """Drills of several test workers run one after the other: each wants the whole machine."""
    with (Path(tempfile.gettempdir()) / "botbalance-drills.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


KEYS = {
    "seed", "ticks", "orders", "faults", "faults_by_kind", "kills", "duplicates", "lost", "mismatches", "settle_s",
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--ticks", "0"], "--ticks is a whole number from 1 to 1000000"),
        (["--ticks", "many"], "--ticks is a whole number from 1 to 1000000"),
        (["--users", "201"], "--users is a whole number from 1 to 200"),
        (["--seed", "-1"], "--seed is a whole number from 0 to 999999999"),
        (["--sabotage", "everything"], "invalid choice: 'everything'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(options: list[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        call_command("chaos", *options)


# Whoever finds a sabotage looks at rows, whatever keeps them: these drills are always of the embedded default.
EMBEDDED = {"DATABASE_URL": "sqlite:////nonexistent/botbalance.sqlite3", "REDIS_URL": ""}


def drill(*options: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "chaos", "--json", *options],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "botbalance.settings_test", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts() -> None:
    """What runs in the background of a shell ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def verdict(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    """Exit code, the last line, and what was said meanwhile."""
    out, said = process.communicate(timeout=600)
    assert out, said
    return process.returncode, json.loads(out.splitlines()[-1]), said


def folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("botbalance_chaos_*")}


@pytest.mark.soak
@pytest.mark.processes
def test_a_small_drill_ends_with_equal_books(alone: None) -> None:
    code, told, said = verdict(drill("--seed", "7", "--ticks", "80"))
    assert (told["duplicates"], told["lost"], told["mismatches"]) == (0, 0, 0), said
    assert code == 0, said
    assert set(told) == KEYS
    assert told["seed"] == 7
    assert told["ticks"] >= 80
    assert told["faults"] == sum(told["faults_by_kind"].values()) >= 15
    assert told["kills"] >= 2
    assert told["orders"] >= 15


@pytest.mark.soak
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_every_sabotage_is_caught(sabotage: str, alone: None) -> None:
    code, told, said = verdict(drill("--seed", "3", "--ticks", "100", "--sabotage", sabotage, **EMBEDDED))
    assert code == 1, said
    assert told["duplicates"] + told["lost"] > 0, said
    assert "problem" not in told, said


@pytest.mark.soak
@pytest.mark.processes
def test_a_build_that_never_asks_what_became_of_an_order_is_caught_before_anybody_helps(
    alone: None, capfd: pytest.CaptureFixture[str]
) -> None:
    told = launch(Options(seed=3, ticks=100, users=12, sabotage="never-ask"))
    said = capfd.readouterr().err
    assert told["mismatches"] > 0, said
    assert "nobody has found that out by itself" in said


@pytest.mark.soak
@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_nothing_is_left(number: signal.Signals, alone: None) -> None:
    before = folders()
    process = drill("--seed", "5", "--ticks", "100000")
    assert process.stderr is not None
    for line in process.stderr:
        if "have connected their accounts" in line:
            break
    (mine,) = folders() - before
    assert children_of(mine)
    try:
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.terminate()
    assert process.returncode not in (0, None)
    assert folders() == before
    assert children_of(mine) == []


def children_of(folder: str) -> list[int]:
    """Processes whose environment names a drill's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if folder.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found
