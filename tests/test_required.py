"""A build that must run everything fails when something was skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import required
from tests.support import ROOT

TESTS = """
import pytest
from tests.support import skip_or_fail

@pytest.mark.needs_shared
@pytest.mark.skipif(True, reason="the shelf is empty")
def test_marked(): pass

@pytest.mark.redis
def test_skips_itself(): pytest.skip("no Redis here")

def test_asks(): skip_or_fail("no such file")

@pytest.mark.e2e
@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail(): assert False

@pytest.mark.skip(reason="for a reason of its own")
def test_skipped_for_good(): pass

def test_passes(): pass
"""


def run(directory: Path, wanted: str) -> str:
    (directory / "test_some.py").write_text(TESTS)
    plugins = ["-p", "tests.required", "-p", "no:django", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--strict-markers", *plugins, str(directory)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "REQUIRE_ALL": wanted}, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.processes
def test_without_being_told_skips_are_skips(tmp_path: Path) -> None:
    assert "1 passed, 4 skipped, 1 xfailed" in run(tmp_path, "")


@pytest.mark.processes
def test_told_to_run_all_a_skip_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    output = run(tmp_path, "1")
    assert "2 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in output
    for reason in ("the shelf is empty", "no Redis here", "no such file"):
        assert reason in output


@pytest.mark.processes
def test_told_to_meet_some_needs_only_those_are_required(tmp_path: Path) -> None:
    output = run(tmp_path, "redis, e2e")
    assert "1 failed, 1 passed, 3 skipped, 1 xfailed" in output


@pytest.mark.processes
def test_a_module_that_skips_itself_is_a_failure_too(tmp_path: Path) -> None:
    (tmp_path / "test_all.py").write_text("import pytest\npytest.skip('no browser', allow_module_level=True)\n")
    assert "no browser" in run(tmp_path, "1").split("short test summary")[0]


@pytest.mark.parametrize(
    ("wanted", "met"),
    [("", []), ("0", []), ("1", ["e2e", "redis"]), ("redis", ["redis"]), ("postgres, e2e", ["e2e"])],
)
def test_needs_are_named(wanted: str, met: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_ALL", wanted)
    assert required.must_not_skip(["redis", "e2e", "parametrize"]) == met


def test_a_need_that_does_not_exist_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_ALL", "browsers")
    with pytest.raises(pytest.UsageError, match="REQUIRE_ALL names browsers"):
        required.required()
