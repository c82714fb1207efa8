"""Sweeps on workers. A task only starts the process that serves them on this machine, and does not wait for it: the
worker's threads are for trading. Whatever a message would do is due by rows as well.
"""

import logging
import os
import subprocess
from threading import Lock

from celery import shared_task
from kombu.exceptions import OperationalError

from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_processes

logger = logging.getLogger(__name__)

# What this process has started: ended ones are to be waited for, or they stay in the system's list.
_started: list["subprocess.Popen[bytes]"] = []
_starting = Lock()


@shared_task
def serve_sweeps() -> bool:
    """Start the process that serves sweeps where one waits and this machine has none; whether it was started."""
    with _starting:
        if is_serving() or selectors.next_sweep() is None or sweep_processes.is_served():
            return False
        command = sweep_processes.manage("sweep", "serve", "--parent", str(os.getpid()))
        _started.append(
            subprocess.Popen(  # noqa: S603  (our own command)
                command,
                env=sweep_processes.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        )
    return True


def is_serving() -> bool:
    """Whether a process that this one has started is still at it."""
    _started[:] = [process for process in _started if process.poll() is None]
    return bool(_started)


def begin_soon() -> None:
    """Have sweeps served that were just created. A broker that does not answer is no reason to fail."""
    try:
        serve_sweeps.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("the broker does not answer; sweeps wait for their turn: %s", error)
