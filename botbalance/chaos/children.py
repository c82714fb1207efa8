"""The processes of a drill: started, killed, and started again, as an operator's supervisor would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from django.conf import settings

_END_SECONDS = 10
_LEAST_LIFE_SECONDS = 1  # what dies at once is not started again and again at full speed


class Child:
    """One process and its log. It belongs to the director's group, which the command ends as a whole."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.deaths = 0
        self._command = [sys.executable, "-m", "botbalance.chaos.child", *command]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (our own commands)
                self._command,
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._started = time.monotonic_ns()

    def kill(self) -> bool:
        """SIGKILL, in the middle of whatever it does; False when it was dead already."""
        was_alive = self.is_alive
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        return was_alive

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def revive(self) -> None:
        """Start it again when it is dead. A death that nobody caused is counted."""
        if not self.is_alive and time.monotonic_ns() - self._started > _LEAST_LIFE_SECONDS * 1_000_000_000:
            self.deaths += 1
            self.start()

    def await_end(self) -> None:
        """It has been asked to end; when it takes too long it is made to."""
        if self._process is None:
            return
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def end_all(children: Iterable[Child]) -> None:
    """Ask all of them to end, and see to it that they do."""
    known = list(children)
    for child in known:
        child.send(signal.SIGTERM)
    for child in known:
        child.await_end()


def end_group(leader: int) -> None:
    """Kill every process of a group; nothing where there is none left."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
