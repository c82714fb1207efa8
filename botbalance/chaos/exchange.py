"""The exchange of a drill: `manage.py paperexchange` in a process of its own, with faults drawn by lot."""

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from botbalance.chaos import bans
from botbalance.chaos.plan import ASKS_PER_MILLE, READS_PER_MILLE, Options
from exchanges.paper.drawn_faults import Ban

_WAIT_SECONDS = 60


class Exchange:
    """It survives the drill: nobody kills it."""

    def __init__(self, environment: Mapping[str, str], options: Options, timeout_ms: int, log: Path) -> None:
        lot = {
            "seed": options.seed,
            "writes": options.writes_per_mille,
            "asks": ASKS_PER_MILLE,
            "reads": READS_PER_MILLE,
            "timeout_ms": timeout_ms,
        }
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(  # noqa: S603  (our own command)
                [sys.executable, "manage.py", "paperexchange", "--port", "0", "-v", "0", "--faults", json.dumps(lot)],
                cwd=settings.BASE_DIR,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
            )
        self._log = log
        self.port = 0
        self.bans: list[Ban] = []

    def await_start(self) -> None:
        """Wait until it listens, at `port`."""
        self.port = urlsplit(self._line("Paper exchange is at ").split()[0]).port or 0

    def toggle_faults(self) -> dict[str, int]:
        """Let the faults rest, or go on: what has happened so far, by kind. `bans` are those of them so far."""
        self._process.send_signal(signal.SIGUSR1)
        said = self._line("Faults ")
        happened = json.loads(said.partition(": ")[2])
        self.bans = bans.read(happened.pop("bans", []))
        by_kind: dict[str, int] = happened
        return by_kind

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _line(self, beginning: str) -> str:
        """The rest of the next line that begins so."""
        assert self._process.stdout is not None
        until = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < until:
            ready, _, _ = select.select([self._process.stdout], [], [], 1)
            line = self._process.stdout.readline() if ready else ""
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
            if self._process.poll() is not None:
                break
        raise RuntimeError(f"The exchange does not answer: {self._log.read_text(errors='replace')[-2000:]}")
