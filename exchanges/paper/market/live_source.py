"""Which prices the live market trades at, live ones or the walk's, decided alike for all processes.

The decision is a list of moments from each of which on one source holds. It lives in a memory that the processes share,
is only ever added to, and a switch is written down a little before it happens, so that nobody is late. What the host
did lately is remembered there too: it takes a while of nothing but failures to leave live prices, and a while of
nothing but answers to come back. In between nothing is traded.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

logger = logging.getLogger(__name__)

LIVE, WALK, NONE = "live", "walk", "none"
SUSTAINED_MS = 30_000
"""So long it must fail, or answer, before prices come from elsewhere."""
NOTICE_MS = 2000
"""A switch is decided so long before it happens; every process reads the decision within half of it."""
PROBE_MS = 10_000
"""While the walk rules, the host is tried so often, by one process."""
_READ_MS = 1000
_MOST_SWITCHES = 200
_KEY = "paper-live"


class SharedMemory(Protocol):
    """What Django's cache offers, and what is needed of it."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: Any, timeout: int | None) -> None: ...

    def add(self, key: str, value: Any, timeout: int | None) -> bool: ...

    def delete(self, key: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Switch:
    """From `since_ms` on prices come from `source`."""

    since_ms: int
    source: str


@dataclass(frozen=True, slots=True)
class _State:
    switches: tuple[Switch, ...] = (Switch(0, LIVE),)
    failing_since_ms: int = 0
    answering_since_ms: int = 0
    answered_once: bool = False


class Source:
    """The decision as this process sees it; `walk_name` is for the log."""

    def __init__(self, memory: SharedMemory, now_ms: Callable[[], int], walk_name: str) -> None:
        self._memory = memory
        self._now_ms = now_ms
        self._walk_name = walk_name
        self._state = _State()
        self._read_at_ms = -_READ_MS

    def switches(self) -> tuple[Switch, ...]:
        """All that was decided, oldest first; the first holds since ever."""
        return self._current().switches

    def at(self, moment_ms: int) -> str:
        """The source at a moment: while live prices fail, and the walk has not yet taken over, there is none."""
        state = self._current()
        source = next(switch.source for switch in reversed(state.switches) if switch.since_ms <= max(moment_ms, 0))
        if source == LIVE and state.failing_since_ms and moment_ms >= state.failing_since_ms:
            return NONE
        return source

    def fails(self) -> bool:
        """Whether the last that was heard of the host is that it failed."""
        return self._current().failing_since_ms > 0

    def may_probe(self) -> bool:
        """Whether it is this process's turn to see if the host is back."""
        return self._memory.add(f"{_KEY}:probe", 1, PROBE_MS // 1000)

    def report(self, problem: str | None) -> None:
        """The host answered (None), or did not, and why."""
        now = self._now_ms()
        change = self._answered if problem is None else self._failed
        if change(self._current(), now) == self._state or not self._memory.add(f"{_KEY}:lock", 1, 5):
            return  # nothing new; or another process is writing down what it found out, which is as good
        try:
            self._load(now)
            before, self._state = self._state, change(self._state, now)
            if self._state != before:
                self._memory.set(f"{_KEY}:state", self._state, None)
        finally:
            self._memory.delete(f"{_KEY}:lock")
        if self._state.failing_since_ms and not before.failing_since_ms:
            logger.warning("live prices cannot be reached: %s", problem)
        if self._state.switches[-1] != before.switches[-1]:
            names = {LIVE: "live prices", WALK: self._walk_name}
            logger.warning("the paper exchange's prices jump: from now on %s", names[self._state.switches[-1].source])

    @staticmethod
    def _answered(state: _State, now: int) -> _State:
        if state.switches[-1].source == LIVE:
            return _State(state.switches, answered_once=True)
        since, switches = state.answering_since_ms or now, state.switches
        if now - since >= SUSTAINED_MS:
            return _State(_with(switches, Switch(now + NOTICE_MS, LIVE)), answered_once=True)
        return _State(switches, answering_since_ms=since, answered_once=True)

    @staticmethod
    def _failed(state: _State, now: int) -> _State:
        since, switches = state.failing_since_ms or now, state.switches
        if switches[-1].source == LIVE and not state.answered_once:
            # Nobody has seen a live price yet, so nothing jumps and there is nothing to wait for.
            switches = _with(switches, Switch(now, WALK))
        elif switches[-1].source == LIVE and now - since >= SUSTAINED_MS:
            pause = Switch(max(since, switches[-1].since_ms), NONE)
            switches = _with(switches, pause, Switch(now + NOTICE_MS, WALK))
        return _State(switches, failing_since_ms=since, answered_once=state.answered_once)

    def _current(self) -> _State:
        now = self._now_ms()
        if not 0 <= now - self._read_at_ms < _READ_MS:
            self._load(now)
        return self._state

    def _load(self, now: int) -> None:
        kept = self._memory.get(f"{_KEY}:state")
        if isinstance(kept, _State):
            self._state = kept
        elif len(self._state.switches) > 1 or self._state.answered_once:
            self._memory.add(f"{_KEY}:state", self._state, None)  # it was lost there, and is still known here
        self._read_at_ms = now


def _with(switches: tuple[Switch, ...], *more: Switch) -> tuple[Switch, ...]:
    """The newest of them; the oldest that is kept holds since ever."""
    kept = (*switches, *more)[-_MOST_SWITCHES:]
    return (Switch(0, kept[0].source), *kept[1:])
