"""Processes that work on a sweep. Threads of one process would share one processor: plans are made by Python.

A machine has one process that serves sweeps, held to one by a lock of the operating system; it starts workers, sees to
it that one that has died is replaced and its piece given back, and ends with whoever has started it. Workers on other
machines take pieces of the same sweeps.
"""

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from exchanges.candles import locks
from exchanges.candles.locks import Busy
from strategies.backtest import sweep_quotas
from strategies.backtest.models.sweeps import Sweep
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_claims

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
# A worker that is told to stop does so after the setting in hand; then it is ended.
STOP_SECONDS = 10
# So many workers that end in a row without having done anything are enough.
MOST_DEATHS = 5
LOCK = "sweeps.lock"

Wanted = Callable[[], bool]


def serve(*, is_wanted: Wanted = lambda: True) -> int:
    """Work on users' sweeps in turns until none is left; how many turns there were.

    Busy where another process of this machine does so already.
    """
    turns = last = 0
    with locks.hold(Path(settings.DATA_DIR) / LOCK, 0):
        while is_wanted() and (sweep_id := selectors.next_sweep(last)) is not None:
            turn = _Turn(sweep_id, is_wanted)
            run_sweep(sweep_id, processes=sweep_quotas.processes(), is_wanted=turn.goes_on)
            turns, last = turns + 1, sweep_id
    return turns


class _Turn:
    """A sweep's turn: over when its time is, and another sweep waits."""

    def __init__(self, sweep_id: int, is_wanted: Wanted) -> None:
        self.sweep_id, self.is_wanted = sweep_id, is_wanted
        self.ends = time.monotonic() + sweep_quotas.turn_seconds()

    def goes_on(self) -> bool:
        is_over = time.monotonic() >= self.ends and selectors.next_sweep(self.sweep_id) != self.sweep_id
        return self.is_wanted() and not is_over


def is_served() -> bool:
    """Whether a process of this machine serves sweeps."""
    try:
        with locks.hold(Path(settings.DATA_DIR) / LOCK, 0):
            return False
    except Busy:
        return True


def run_sweep(
    sweep_id: int,
    *,
    processes: int,
    is_wanted: Wanted = lambda: True,
    on_look: Callable[[], None] = lambda: None,
) -> None:
    """Work on a sweep with so many processes until it ends, or `is_wanted` says no; then it can be taken up again.

    `on_look` is called several times a second, from this process.
    """
    with _crew(sweep_id) as crew:
        while Sweep.objects.filter(pk=sweep_id, state__in=Sweep.ACTIVE).exists():
            if not is_wanted():
                return
            crew.replace_the_dead()
            if crew.deaths >= MOST_DEATHS:
                text = _("Processes that should work on it end again and again; the server's log says why.")
                sweep_claims.fail(sweep_id, text)
                return
            crew.fill_up(processes)
            on_look()
            time.sleep(LOOK_SECONDS)


def worker_name(number: int) -> str:
    """A name no other worker has, on whatever machine."""
    return f"{socket.gethostname()[:12]}-{uuid4().hex[:16]}-{number}"


class Crew:
    """The worker processes of one sweep. `deaths` counts those that have died since one has done something."""

    def __init__(self, sweep_id: int) -> None:
        self.sweep_id = sweep_id
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths = 0
        self._started = 0
        self._left = self._pieces_left()

    def fill_up(self, processes: int) -> None:
        while len(self.workers) < processes:
            self._started += 1
            name = worker_name(self._started)
            self.workers[name] = subprocess.Popen(  # noqa: S603  (our own command)
                manage("sweep", "work", str(self.sweep_id), "--name", name, "--parent", str(os.getpid())),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def replace_the_dead(self) -> None:
        for name, process in list(self.workers.items()):
            code = process.poll()
            if code is None:
                continue
            del self.workers[name]
            sweep_claims.release(self.sweep_id, name, has_died=True)
            left = self._pieces_left()
            self.deaths = self.deaths + 1 if left == self._left else 1
            self._left = left
            if code:
                logger.warning("a process that worked on sweep %s has ended with %s", self.sweep_id, code)

    def stop(self) -> None:
        """Ask all to stop, and end those that do not; what they had in hand is anybody's."""
        for process in self.workers.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, process in self.workers.items():
            try:
                process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            sweep_claims.release(self.sweep_id, name, has_died=False)
        self.workers.clear()

    def _pieces_left(self) -> int:
        return selectors.pieces_left(self.sweep_id)


@contextmanager
def _crew(sweep_id: int) -> Iterator[Crew]:
    crew = Crew(sweep_id)
    try:
        yield crew
    finally:
        crew.stop()


def manage(*arguments: str) -> list[str]:
    """A management command of this installation, by the Python that runs it."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def environment() -> dict[str, str]:
    """This process's, with the settings it has."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE}
