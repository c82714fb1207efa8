"""What is going on between this server and its exchanges, for people and programs that look: reads of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib.clock import now_ms
from exchanges.adapters.clocks import offset_ms
from exchanges.domain import Venue
from exchanges.ledger import domain, limits, refusals
from exchanges.ledger import services as ledger
from exchanges.ledger.domain import Host, Orders
from exchanges.ledger.pause import BANNED, SLOWED
from exchanges.ledger.store import StoreDown
from exchanges.services import base_url_of

VENUES = {"mock": (Venue.PAPER,), "testnet": (Venue.TESTNET, Venue.PAPER), "mainnet": (Venue.MAINNET, Venue.PAPER)}


@dataclass(frozen=True, slots=True)
class OrdersOf:
    """How many orders an account has placed in the window of an interval (10S, 1D) that lasts now."""

    account: int
    interval: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """One host in the minute of `at_ms` (our clock). Weights are REQUEST_WEIGHT; users by number, 0 is the server.

    `problem` says why nothing is known; then the rest is empty.
    """

    host: str
    at_ms: int
    problem: str = ""
    used: int = 0
    limit: int = 0
    limit_of_reads: int = 0
    users: Mapping[int, int] = field(default_factory=dict)
    waiting: Mapping[int, int] = field(default_factory=dict)
    held: int = 0
    held_until_ms: int = 0
    orders: tuple[OrdersOf, ...] = ()
    told: Mapping[str, int] = field(default_factory=dict)
    told_ms: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_banned(self) -> bool:
        return self.held == BANNED

    @property
    def held_seconds(self) -> int:
        """Until when nothing is sent: in so many seconds, rounded up."""
        return -((self.at_ms - self.held_until_ms) // 1000) if self.held else 0


def hosts_in_use() -> list[str]:
    """The base URLs this server sends to."""
    return [base_url_of(venue) for venue in VENUES[settings.EXCHANGE_ENV]]


def traffic_of(host: str) -> Traffic:
    """All that is known of one host. Never raises: what cannot be read is a problem, in words."""
    now = now_ms()
    door = ledger.current()
    try:
        known, accounts = door.store.look(host)
    except StoreDown as error:
        return Traffic(host, now, _("The ledger of exchange traffic cannot be read: %(error)s") % {"error": error})
    offset = offset_ms(host)
    known = domain.as_of(known, (now + offset) // limits.MINUTE_MS, now)
    waiting: dict[int, int] = {}
    for waiter in known.queue.values():
        waiting[waiter.owner] = waiting.get(waiter.owner, 0) + 1
    held = domain.held(known, now)
    return Traffic(
        host,
        now,
        used=known.used,
        limit=known.limit,
        limit_of_reads=known.limit * (100 - door.headroom_pct) // 100,
        users=dict(sorted(((int(owner), used) for owner, used in known.users.items()), key=lambda row: -row[1])),
        waiting=waiting,
        held=held,
        held_until_ms=known.paused_until if held else 0,
        orders=_orders(known, accounts, now + offset),
        told=known.told,
        told_ms=known.told_ms,
        outcomes=known.outcomes,
    )


def _orders(known: Host, accounts: Mapping[int, Orders], theirs_ms: int) -> tuple[OrdersOf, ...]:
    return tuple(
        OrdersOf(account, interval, orders.used(interval, theirs_ms // limits.interval_ms(interval)), limit)
        for account, orders in sorted(accounts.items())
        for interval, limit in known.order_limits.items()
    )


@dataclass(frozen=True, slots=True)
class Standstill:
    """Why nothing is sent to the exchange: 418 a ban, 429 a pause, 0 that the ledger cannot be read; and until when."""

    status: int
    until_ms: int = 0


def standing_still() -> Standstill | None:
    """Why nothing is sent to an exchange now, the ban before the pause; None when all is well."""
    try:
        known = ledger.current().store.pauses(hosts_in_use())
    except StoreDown:
        return Standstill(0)
    now = now_ms()
    for status in (BANNED, SLOWED):
        until = [host.paused_until for host in known.values() if domain.held(host, now) == status]
        if until:
            return Standstill(status, max(until))
    return None


def standstill() -> str:
    """The same in one sentence; "" when all is well."""
    found = standing_still()
    if found is None:
        return ""
    if not found.status:
        return _("The ledger of exchange traffic cannot be read; nothing is sent to the exchange until it can.")
    return refusals.held_sentence(found.status) % {"time": refusals.clock_time(found.until_ms)}
