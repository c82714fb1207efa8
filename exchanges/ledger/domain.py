"""What may be sent to a host now, decided on what all processes have sent. Pure: time comes in, in milliseconds.

REQUEST_WEIGHT is counted per host, for one server is one address; ORDERS per account. Windows are fixed and aligned to
the exchange's clock. Orders and cancels may use all of a window and never wait. Reads leave a headroom for them; what
does not fit waits in a fair queue: every read gets a tag, its user's last tag or the queue's virtual time (whichever is
later) plus its weight, and the lowest tag goes first. So whoever asks for much waits behind whoever asks for little.
Who asks early in a minute leaves something to who asks late: while other users ask too, a user's reads of a minute may
use no more than they leave. The server's own reads, which serve everybody, go before those of users, who leave them
a part.

The functions change the state they are given; a store keeps it between calls and lets one call at a time have it.
The Redis store says the same in `ledger.lua`; a test holds the two against each other.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from exchanges.ledger.limits import DEFAULT_LIMITS, MINUTE_MS, ORDERS, WEIGHT, interval_ms
from exchanges.ledger.pause import BANNED, CLOCKS_APART_MS, SLOWED, began

TICKET_MS = 3000
"""A waiting read that has not asked again for so long belongs to a process that is gone."""
TRIAL_MS = 30_000
"""So long after a ban everybody waits for the one request that tries; then another may."""
SERVER = 0
"""The owner of what serves everybody: prices, rules, the clock."""
SERVER_TAG = -(10**12)
SERVER_PCT = 5
"""So much of what reads may use is for the server's own."""


class Answer(StrEnum):
    GO = "go"
    WAIT = "wait"
    NO = "no"


class Reason(StrEnum):
    """Why not now."""

    NONE = ""
    SLOWED = "slowed"  # the exchange asked for a pause (429)
    BANNED = "banned"  # the exchange has banned this server's address (418)
    TRIAL = "trial"  # the ban is over, and one request is trying
    WEIGHT = "weight"
    ORDERS = "orders"
    ORDERS_PAUSED = "orders_paused"  # the exchange said that this account has placed too many (-1015)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that wants to go. `orders` is how many orders it places for `account`.

    `ticket` names the read among those that wait; with `may_wait` off it does not join them. `now_ms` is on our clock,
    the exchange's is `offset_ms` ahead.
    """

    now_ms: int
    weight: int
    is_read: bool = True
    owner: int = SERVER
    account: int = 0
    orders: int = 0
    ticket: str = ""
    may_wait: bool = False
    offset_ms: int = 0
    headroom_pct: int = 10
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def window(self) -> int:
        return (self.now_ms + self.offset_ms) // MINUTE_MS


@dataclass(frozen=True, slots=True)
class Verdict:
    """`until_ms`, on our clock: when to ask again. `used` of `limit` in this minute, with this request."""

    answer: Answer
    reason: Reason = Reason.NONE
    until_ms: int = 0
    used: int = 0
    limit: int = 0
    is_trial: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one answer taught. `told` is what its headers say is used, by RateLimit.name, on the way at `sent_ms`.

    A `pause_ms` concerns everybody (`status` 429 or 418), an `orders_pause_ms` the account's orders.
    """

    now_ms: int
    sent_ms: int
    owner: int = SERVER
    account: int = 0
    weight_back: int = 0
    orders_back: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    offset_ms: int = 0
    pause_ms: int = 0
    status: int = 0
    orders_pause_ms: int = 0
    was_trial: bool = False

    @property
    def concerns_orders(self) -> bool:
        told = any(name.startswith(ORDERS) for name in self.told)
        return bool(told or self.orders_back or self.orders_pause_ms)

    def is_of_one_window(self, length_ms: int) -> bool:
        """Whether the request left and its answer came in one window: otherwise nobody knows which one it counts in."""
        return self._window(self.sent_ms, length_ms) == self._window(self.now_ms, length_ms)

    def window(self, length_ms: int = MINUTE_MS) -> int:
        return self._window(self.sent_ms, length_ms)

    def _window(self, moment_ms: int, length_ms: int) -> int:
        return (moment_ms + self.offset_ms) // length_ms


@dataclass(slots=True)
class Waiter:
    tag: int
    owner: int
    weight: int
    expires_ms: int


@dataclass(slots=True)
class Host:
    """What is known of one host. Times in ms on our clock; `window` is the minute on the exchange's.

    `asker` is the user who asked for a read last, in the minute `asked`; the last other one did in `other_asked`.
    """

    window: int = 0
    used: int = 0
    users: dict[str, int] = field(default_factory=dict)
    asker: int = SERVER
    asked: int = 0
    other_asked: int = 0
    virtual: int = 0
    tags: dict[str, int] = field(default_factory=dict)
    queue: dict[str, Waiter] = field(default_factory=dict)
    paused_since: int = 0
    paused_until: int = 0
    paused_status: int = 0
    trial_until: int = 0
    limits: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    told_ms: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def limit(self) -> int:
        return (self.limits or DEFAULT_LIMITS).get(WEIGHT, DEFAULT_LIMITS[WEIGHT])

    @property
    def order_limits(self) -> dict[str, int]:
        """By interval: {"10S": 100}."""
        known = self.limits or DEFAULT_LIMITS
        return {name.removeprefix(ORDERS): limit for name, limit in known.items() if name.startswith(ORDERS)}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Host":
        known = dict(given)
        known["queue"] = {ticket: Waiter(**waiter) for ticket, waiter in known.get("queue", {}).items()}
        return cls(**known)


@dataclass(slots=True)
class Orders:
    """What one account has placed, by interval: the window's number and the orders in it."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    paused_since: int = 0
    paused_until: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def used(self, interval: str, window: int) -> int:
        """How many in this window. A process whose clock is a little behind counts in the window that has begun."""
        at, used = self.counts.get(interval, (window, 0))
        return used if at in (window, window + 1) else 0

    def count(self, interval: str, window: int, change: int) -> None:
        at = self.counts.get(interval, [window])[0]
        used = self.used(interval, window)
        self.counts[interval] = [at if at == window + 1 else window, max(0, used + change)]


# --- before a request ------------------------------------------------------------------------------------


def reserve(host: Host, orders: Orders, ask: Ask) -> Verdict:
    """May it go? What goes is counted here and now; what waits keeps its place as long as it asks again in time."""
    _roll(host, ask.window)
    _bury_the_dead(host, ask.now_ms)
    for outcome, number in ask.outcomes.items():
        host.outcomes[outcome] = host.outcomes.get(outcome, 0) + number
    is_trial = False
    if began(host.paused_since, ask.now_ms) and host.paused_until:
        if ask.now_ms < host.paused_until:
            reason = Reason.BANNED if host.paused_status == BANNED else Reason.SLOWED
            return _no(host, ask, reason, host.paused_until)
        if host.paused_status == BANNED:
            if ask.now_ms < host.trial_until <= ask.now_ms + TRIAL_MS:
                return _no(host, ask, Reason.TRIAL, min(host.trial_until, ask.now_ms + 1000))
            is_trial = True
    if ask.orders:
        refused = _too_many_orders(host, orders, ask)
        if refused is not None:
            return refused
    minute_ends = (host.window + 1) * MINUTE_MS - ask.offset_ms
    if not ask.is_read:
        if host.used + ask.weight > host.limit:
            return _no(host, ask, Reason.WEIGHT, minute_ends)
    elif not _is_its_turn(host, ask):
        if not ask.may_wait:
            leave(host, ask.ticket)
            return _no(host, ask, Reason.WEIGHT, minute_ends)
        return Verdict(Answer.WAIT, Reason.WEIGHT, minute_ends, host.used, host.limit)
    if is_trial:
        host.trial_until = ask.now_ms + TRIAL_MS
    host.used += ask.weight
    _count_user(host, ask.owner, ask.weight)
    if ask.orders:
        for interval in host.order_limits:
            orders.count(interval, (ask.now_ms + ask.offset_ms) // interval_ms(interval), ask.orders)
    return Verdict(Answer.GO, used=host.used, limit=host.limit, is_trial=is_trial)


def leave(host: Host, ticket: str) -> None:
    """A read waits no longer."""
    host.queue.pop(ticket, None)
    if not host.queue:
        host.tags.clear()


def _no(host: Host, ask: Ask, reason: Reason, until_ms: int) -> Verdict:
    return Verdict(Answer.NO, reason, until_ms, host.used, host.limit)


def _roll(host: Host, window: int) -> None:
    """Begin a new minute. Whoever's clock is a little behind counts in the one that has begun."""
    if window not in (host.window, host.window - 1):
        host.window, host.used = window, 0
        host.users.clear()


def _bury_the_dead(host: Host, now_ms: int) -> None:
    for ticket, waiter in list(host.queue.items()):
        if not now_ms < waiter.expires_ms <= now_ms + TICKET_MS + CLOCKS_APART_MS:
            leave(host, ticket)


def _too_many_orders(host: Host, orders: Orders, ask: Ask) -> Verdict | None:
    if began(orders.paused_since, ask.now_ms) and ask.now_ms < orders.paused_until:
        return _no(host, ask, Reason.ORDERS_PAUSED, orders.paused_until)
    until = 0
    for interval, limit in host.order_limits.items():
        length = interval_ms(interval)
        window = (ask.now_ms + ask.offset_ms) // length
        if orders.used(interval, window) + ask.orders > limit:
            until = max(until, (window + 1) * length - ask.offset_ms)
    return _no(host, ask, Reason.ORDERS, until) if until else None


def _is_its_turn(host: Host, ask: Ask) -> bool:
    """Whether a read fits behind those before it. It joins the queue where it does not, and leaves where it does."""
    room = room_of_reads(host, ask)
    is_within_share = _is_within_share(host, ask, room)
    if not host.queue and ask.weight <= room and is_within_share:
        return True
    known = host.queue.get(ask.ticket)
    owner = str(ask.owner)
    first = SERVER_TAG if ask.owner == SERVER else host.virtual
    tag = known.tag if known else max(first, host.tags.get(owner, first)) + ask.weight
    ahead = sum(waiter.weight for ticket, waiter in host.queue.items() if (waiter.tag, ticket) < (tag, ask.ticket))
    if ahead + ask.weight > room or not is_within_share:
        host.queue[ask.ticket] = Waiter(tag, ask.owner, ask.weight, ask.now_ms + TICKET_MS)
        host.tags[owner] = max(tag, host.tags.get(owner, tag))
        return False
    if ask.owner != SERVER:
        host.virtual = max(host.virtual, tag)
    host.tags[owner] = max(tag, host.tags.get(owner, tag))
    leave(host, ask.ticket)
    return True


def room_of_reads(host: Host, ask: Ask) -> int:
    """What is left of the minute for reads: users leave the server its part."""
    most = host.limit * (100 - ask.headroom_pct) // 100
    return (most if ask.owner == SERVER else most * (100 - SERVER_PCT) // 100) - host.used


def _is_within_share(host: Host, ask: Ask, room: int) -> bool:
    """Whether a user who is not alone leaves at least as much as they use; the first of a minute always does.

    Others count who have asked for a read in this minute or the one before, whether or not it could go.
    """
    if ask.owner == SERVER:
        return True
    if ask.owner != host.asker:
        host.asker, host.other_asked = ask.owner, host.asked
    host.asked = host.window
    used = host.users.get(str(ask.owner), 0)
    is_alone = not host.window - 1 <= host.other_asked <= host.window
    return is_alone or used == 0 or used + ask.weight <= room - ask.weight


def _count_user(host: Host, owner: int, change: int) -> None:
    host.users[str(owner)] = max(0, host.users.get(str(owner), 0) + change)


# --- after it --------------------------------------------------------------------------------------------


def settle(host: Host, orders: Orders, found: Settlement) -> None:
    """Take in what an answer taught: upwards only what is used, and pauses only for longer.

    What was reserved and not charged is given back while its window lasts.
    """
    if host.window == found.window() and found.weight_back:
        host.used = max(0, host.used - found.weight_back)
        _count_user(host, found.owner, -found.weight_back)
    if WEIGHT in found.told and found.is_of_one_window(MINUTE_MS):
        _roll_forward(host, found.window())
        if host.window == found.window():
            host.used = max(host.used, found.told[WEIGHT])
    for interval in host.order_limits:
        length = interval_ms(interval)
        window = found.window(length)
        at = orders.counts.get(interval, [window])[0]
        if at > window:
            continue  # a new window has begun meanwhile
        if found.orders_back and at == window:
            orders.count(interval, window, -found.orders_back)
        told = found.told.get(ORDERS + interval, 0)
        if told and found.is_of_one_window(length):
            orders.count(interval, window, max(0, told - orders.used(interval, window)))
    if found.told:
        host.told.update(found.told)
        host.told_ms = found.now_ms
    if found.was_trial:
        host.trial_until = 0
        if found.status and found.status != BANNED:
            host.paused_since = host.paused_until = host.paused_status = 0
    if found.pause_ms:
        _pause(host, found)
    if found.orders_pause_ms:
        orders.paused_since = found.now_ms
        orders.paused_until = max(orders.paused_until, found.now_ms + found.orders_pause_ms)


def _roll_forward(host: Host, window: int) -> None:
    if window > host.window:
        _roll(host, window)


def _pause(host: Host, found: Settlement) -> None:
    """A pause never shortens one that lasts, and nothing but a trial ends a ban."""
    lasts = began(host.paused_since, found.now_ms) and found.now_ms < host.paused_until
    untried = host.paused_status == BANNED and began(host.paused_since, found.now_ms)
    host.paused_until = max(host.paused_until if lasts else 0, found.now_ms + found.pause_ms)
    host.paused_since = found.now_ms
    host.paused_status = BANNED if untried or found.status == BANNED else SLOWED
    host.trial_until = 0


# --- to look at ------------------------------------------------------------------------------------------


def as_of(host: Host, window: int, now_ms: int) -> Host:
    """The state as it is at this moment: of a minute that is over nothing is used."""
    _roll(host, window)
    _bury_the_dead(host, now_ms)
    return host


def held(host: Host, now_ms: int) -> int:
    """429 or 418 while nothing may be sent for that reason; 0 otherwise. A ban that is over waits for its trial."""
    if host.paused_until and began(host.paused_since, now_ms) and now_ms < host.paused_until:
        return host.paused_status
    return 0
