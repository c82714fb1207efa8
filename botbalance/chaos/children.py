"""The processes of a drill: started, killed, and started again, as an operator's supervisor would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from django.conf import settings

_END_SECONDS = 10
# So long a start may take. Who finds a server away meanwhile may give up: that is what a supervisor is for.
_START_SECONDS = 20
_LEAST_LIFE_SECONDS = 1  # what dies at once is not started again and again at full speed


class Child:
    """One process and its log. It belongs to the director's group, which the command ends as a whole."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self.log = log
        self.deaths = 0
        self.failed_starts = 0
        self._command = [sys.executable, "-m", "botbalance.chaos.child", *command]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0
        self._clock_ns = clock_ns

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
        self._started = self._clock_ns()

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

    def revive(self, outage_ns: int = 0) -> None:
        """Start it again when it is dead. A death that nobody caused is counted; apart from these, one in a start that
        met an outage: `outage_ns` is when the last one was or is, by the monotonic clock.
        """
        lived_ns = self._clock_ns() - self._started
        if self.is_alive or lived_ns <= _LEAST_LIFE_SECONDS * 1_000_000_000:
            return
        if outage_ns >= self._started and lived_ns < _START_SECONDS * 1_000_000_000:
            self.failed_starts += 1
        else:
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


def deaths_of(children: Iterable[Child]) -> list[str]:
    """Processes that ended although nobody had killed them, as sentences."""
    return [
        f"{child.name} ended by itself {child.deaths} times, and was started again"
        for child in children
        if child.deaths
    ]


def end_group(leader: int) -> None:
    """Kill every process of a group; nothing where there is none left."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
