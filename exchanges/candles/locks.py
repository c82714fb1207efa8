"""One writer at a time, over processes: a lock of the operating system, which ends with the process that holds it.

The files that are locked stay where they are: deleting one while somebody waits for it would let two in.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE_SECONDS = 0.05


class Busy(Exception):
    """Another process, or another thread of this one, holds the lock."""


@contextmanager
def hold(path: Path, wait_seconds: int) -> Iterator[None]:
    """Hold the lock at `path` for a while. Busy when it is not free within `wait_seconds`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise Busy(str(path))
            time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)  # which lets go of the lock


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
