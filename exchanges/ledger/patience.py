"""Whether somebody waits for what this thread asks the exchange: background work comes round again by itself.

A worker that waits for one account holds up the turns and cancels of all others behind it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_in_background: ContextVar[bool] = ContextVar("is_in_background", default=False)


def is_in_background() -> bool:
    return _is_in_background.get()


def enter_background(*_args: object, **_more: object) -> None:
    """From now on nobody waits for this thread."""
    _is_in_background.set(True)


def leave_background(*_args: object, **_more: object) -> None:
    """Somebody may wait for this thread again."""
    _is_in_background.set(False)


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """Inside, reads wait their turn no longer than background work does: better an early no than a late yes."""
    token = _is_in_background.set(True)
    try:
        yield
    finally:
        _is_in_background.reset(token)
