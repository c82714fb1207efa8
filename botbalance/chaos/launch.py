"""Starting a director on fresh grounds, and seeing to it that nothing of a drill is left, however it ends."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from botbalance.chaos import director, grounds
from botbalance.chaos.children import end_group
from botbalance.chaos.plan import Options
from botbalance.chaos.settling import MOST_SECONDS as SETTLING_SECONDS

_SPARE_SECONDS = 180  # to set up, to compare and to clear up


class NoVerdict(Exception):
    """The drill has ended without one."""


def launch(options: Options, keep_logs: Path | None = None) -> dict[str, Any]:
    """Carry a drill through: its verdict. Raises NoVerdict when there is none. `keep_logs`: where the logs go."""
    with grounds.made(options.seed) as made:
        process = subprocess.Popen(
            [sys.executable, "-m", "botbalance.chaos.director"],
            cwd=settings.BASE_DIR,
            env=made.of_director(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            seconds = options.deadline_seconds + SETTLING_SECONDS + _SPARE_SECONDS
            out, _ = process.communicate(director.order(options, made), timeout=seconds)
        except subprocess.TimeoutExpired:
            raise NoVerdict(f"It was not over after {seconds} seconds.") from None
        finally:
            end_group(process.pid)
            process.wait()
            if keep_logs is not None:
                shutil.copytree(made.logs, keep_logs, dirs_exist_ok=True)
    lines = out.splitlines()
    if process.returncode or not lines:
        raise NoVerdict("Its director has failed; what it said is above.")
    verdict: dict[str, Any] = json.loads(lines[-1])
    return verdict
