"""Faults drawn by lot, for long drills: which request meets which is a function of a seed, so that a drill can be
repeated.

    {"seed": 7, "writes": 150, "asks": 90, "reads": 30, "timeout_ms": 500}

Of a thousand requests that place or cancel orders (`writes`), ask about one (`asks`) or are anything else (`reads`) so
many fail. `timeout_ms` is the patience of the clients: some answers come just after it. The n-th request of a group
draws the same fault in every run of the same seed. Beside the kinds of `faults` there are three that need a memory:

    out_of_order   an order's question gets the answer that it got the time before, older than what the client knows
    late_answer    the answer comes late, but within the client's patience: other processes hear newer ones first
    not_found_yet  an order is placed, the connection is reset, and for a while -2013 is all that is heard of it

A `duplicate_answer` comes again when the next request may have been written to the same connection, whose answer it is
then taken for. After a `banned` it is counted how many requests come although the ban still runs.
"""

import json
import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import parse_qsl

from botbalance.lib.clock import now_ms
from exchanges.paper.faults import Fault, Outcome, happen
from exchanges.paper.wire import Answer, RawRequest

_MOST_REMEMBERED = 2_000
# So long after a ban was announced requests may be on their way, and so long before its end our clocks may differ.
BAN_GRACE_MS = 1_500
BAN_END_MS = 300
_BANS_AT_ONCE = 10
PLACE = ("POST", "/api/v3/order")
WRITES = frozenset({PLACE, ("DELETE", "/api/v3/order"), ("DELETE", "/api/v3/openOrders")})
ASKS = frozenset({("GET", "/api/v3/order"), ("GET", "/api/v3/myTrades")})
NOT_FOUND_YET = "not_found_yet"
OUT_OF_ORDER = "out_of_order"
LATE_ANSWER = "late_answer"

# How often each kind is drawn, against the others. "slow" is the answer after the client has given up.
_EVERYWHERE = {
    "reset_before": 4, "lost_before": 2, "error_before": 4, "html": 2, "truncated": 3, "cut_short": 3, "slow": 3,
    "duplicate_answer": 3, LATE_ANSWER: 6, "throttled": 2, "banned": 1,
}  # fmt: skip
_OF_WRITES = {
    **_EVERYWHERE, "reset_after": 8, "lost_after": 6, "error_after": 8, "clock_skew": 4, NOT_FOUND_YET: 8,
}  # fmt: skip
_OF_ASKS = {**_EVERYWHERE, "clock_skew": 3, OUT_OF_ORDER: 10}
_WEIGHTS: Mapping[str, Mapping[str, int]] = {"writes": _OF_WRITES, "asks": _OF_ASKS, "reads": _EVERYWHERE}
_CODES_BEFORE = (-1000, -1001, -1006, -1007, -1008)
_CODES_AFTER = (-1000, -1001, -1006, -1007)
_STATUSES = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Lot:
    """What is drawn: `writes`, `asks` and `reads` of a thousand requests each fail."""

    seed: int
    writes: int
    asks: int
    reads: int
    timeout_ms: int

    @classmethod
    def parse(cls, text: str) -> "Lot":
        """The lot of a JSON object; ValueError, with a sentence, when it is none."""
        names = [each.name for each in fields(cls)]
        wanted = f"faults drawn by lot are an object with the whole numbers {', '.join(names)}"
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None
        if not isinstance(given, dict) or set(given) != set(names):
            raise ValueError(wanted)
        if not all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in given.values()):
            raise ValueError(wanted)
        if max(given["writes"], given["asks"], given["reads"]) > 1000 or not 10 <= given["timeout_ms"] <= 60_000:
            raise ValueError("shares are of a thousand, timeout_ms is from 10 to 60000")
        return cls(**given)

    def draw(self, group: str, number: int) -> "Drawn | None":
        """What the `number`-th request of a group meets."""
        chance = random.Random(f"{self.seed}:{group}:{number}")  # noqa: S311  (a drill that repeats, no secret)
        if chance.randrange(1000) >= getattr(self, group):
            return None
        weights = _WEIGHTS[group]
        kind = chance.choices(list(weights), list(weights.values()))[0]
        if kind == "throttled":
            return Drawn(kind, Fault(kind, seconds=chance.choice((1, 1, 2))))
        if kind == "banned":  # the longest is long enough to see who asks in it
            return Drawn(kind, Fault(kind, seconds=chance.choice((1, 1, 1, 3))))
        if kind in ("error_before", "error_after"):
            codes = _CODES_BEFORE if kind == "error_before" else _CODES_AFTER
            return Drawn(kind, Fault(kind, status=chance.choice(_STATUSES), code=chance.choice(codes)))
        return Drawn(kind, Fault(_AS_KNOWN.get(kind, kind), seconds=self._seconds(kind, chance)))

    def _seconds(self, kind: str, chance: random.Random) -> float:
        patience = self.timeout_ms / 1000
        if kind == LATE_ANSWER:
            return patience * chance.randint(20, 70) / 100
        if kind == "duplicate_answer":
            return patience * chance.randint(5, 60) / 100
        if kind in ("slow", "lost_before", "lost_after"):
            return patience * chance.randint(110, 170) / 100
        if kind == NOT_FOUND_YET:
            return patience * chance.randint(100, 400) / 100
        return 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A kind, perhaps one of this module, and the fault by which it happens."""

    kind: str
    fault: Fault


# Kinds of this module by the fault by which they happen.
_AS_KNOWN = {LATE_ANSWER: "slow", OUT_OF_ORDER: "slow", NOT_FOUND_YET: "reset_after"}


@dataclass(slots=True)
class Ban:
    """A 418 with Retry-After, in UTC ms, and how many requests came while it ran; those are not counted that came when
    not everybody could know of it, or when it was about to end.
    """

    since_ms: int
    until_ms: int
    requests: int = 0

    @property
    def is_watched(self) -> bool:
        """Whether it is long enough for a request in it to be counted."""
        return self.until_ms - self.since_ms > BAN_GRACE_MS + BAN_END_MS

    def meet(self, now_ms: int) -> None:
        if self.since_ms + BAN_GRACE_MS <= now_ms < self.until_ms - BAN_END_MS:
            self.requests += 1


class DrawnPlan:
    """A lot at work: what each request meets, and what has happened so far. Safe in many threads. `clock` is UTC ms."""

    def __init__(self, lot: Lot, clock: Callable[[], int] = now_ms) -> None:
        self.lot = lot
        self.is_on = True
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._happened: Counter[str] = Counter()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._clock = clock
        self._bans: list[Ban] = []
        self._hidden: dict[str, int] = {}  # client order ids that cannot be found until then, in monotonic ns

    @property
    def happened(self) -> dict[str, Any]:
        """How often each kind; and under "bans", if there were any, each ban."""
        with self._lock:
            bans = {"bans": [asdict(ban) for ban in self._bans]} if self._bans else {}
            return {**self._happened, **bans}

    def outcome(self, raw: RawRequest, process: Callable[[], Answer]) -> Outcome:
        """What the client of this request meets; `process` is the exchange answering it as ever."""
        self._note_bans()
        drawn = self._drawn(raw)
        if drawn is None:
            given = process()
            self._remember(raw, given)
            return Outcome(given)
        if drawn.kind == OUT_OF_ORDER:
            older = self._older(raw)
            if older is None:  # the first time it is asked
                return Outcome(process())
            self._count(drawn.kind)
            return Outcome(older)
        self._count(drawn.kind)
        if drawn.kind == NOT_FOUND_YET:
            self._hide(raw, drawn.fault.seconds)
        if drawn.kind == "banned":
            now = self._clock()
            with self._lock:
                self._bans.append(Ban(now, now + int(drawn.fault.seconds) * 1000))
        return happen(drawn.fault, process)

    def _drawn(self, raw: RawRequest) -> Drawn | None:
        if not self.is_on:
            return None
        route = (raw.method, raw.path)
        group = "writes" if route in WRITES else "asks" if route in ASKS else "reads"
        if route == ("GET", "/api/v3/order") and self._is_hidden(raw):
            return Drawn("not_found", Fault("not_found"))
        with self._lock:
            self._seen[group] += 1
            number = self._seen[group]
        drawn = self.lot.draw(group, number)
        if drawn is not None and drawn.kind == NOT_FOUND_YET and route != PLACE:
            return Drawn("reset_after", Fault("reset_after"))  # what is cancelled has been found before
        return drawn

    def _note_bans(self) -> None:
        """A request has come: count it where none should."""
        now = self._clock()
        with self._lock:
            for ban in self._bans[-_BANS_AT_ONCE:]:
                ban.meet(now)

    def _count(self, kind: str) -> None:
        with self._lock:
            self._happened[kind] += 1

    def _remember(self, raw: RawRequest, given: Answer) -> None:
        if (raw.method, raw.path) in ASKS and given.status == 200:
            with self._lock:
                self._answers[_question(raw)] = given
                self._answers.move_to_end(_question(raw))
                if len(self._answers) > _MOST_REMEMBERED:
                    self._answers.popitem(last=False)

    def _older(self, raw: RawRequest) -> Answer | None:
        with self._lock:
            return self._answers.get(_question(raw))

    def _hide(self, raw: RawRequest, seconds: float) -> None:
        client_id = _parameters(raw).get("newClientOrderId", "")
        with self._lock:
            self._hidden[client_id] = time.monotonic_ns() + int(seconds * 1_000_000_000)

    def _is_hidden(self, raw: RawRequest) -> bool:
        client_id = _parameters(raw).get("origClientOrderId", "")
        with self._lock:
            until = self._hidden.get(client_id)
            if until is not None and time.monotonic_ns() >= until:
                del self._hidden[client_id]
                return False
            return until is not None


def _parameters(raw: RawRequest) -> dict[str, str]:
    return dict(parse_qsl((raw.query + b"&" + raw.body).decode("latin-1")))


def _question(raw: RawRequest) -> str:
    """The same for the same question of the same account, whenever it is asked."""
    asked = {name: value for name, value in _parameters(raw).items() if name not in ("timestamp", "signature")}
    return f"{raw.path} {raw.header('X-MBX-APIKEY')} {sorted(asked.items())}"


_plan: DrawnPlan | None = None


def set_plan(plan: DrawnPlan | None) -> None:
    """Let a plan decide what every request of this process over HTTP meets; None: none does."""
    global _plan
    _plan = plan


def current() -> DrawnPlan | None:
    """The plan of this process."""
    return _plan
