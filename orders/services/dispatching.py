"""Whose turn it is, and who of them needs a tick: the rest, nearly all, is looked at in one pass and costs little.

Looked at are the balances as last known and one snapshot of prices for everybody. A tick is needed where orders are to
be minded, a schedule is due, balances have grown old, or a weight is outside its band.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from botbalance.lib import system_settings
from botbalance.lib.away import AWAY
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from exchanges import services as exchanges
from exchanges.domain import Venue
from orders.flights import Flight, flights_at, portfolios_of
from orders.services import history, watching
from orders.services.watching import Turn
from portfolio.selectors import milliseconds
from strategies.domain import Trigger
from strategies.drift import DriftBook

logger = logging.getLogger(__name__)

MOST_READS = 9
"""Of balances, begun by one dispatch: every 2 s at 20 each they come to the 5,400 of a minute that reads may use."""
MOST_TRIED = 9
"""Of accounts that cannot be judged, ticked by one dispatch: a mistake that concerns all must not tick all at once."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# Portfolios as this process last read them, by strategy; read again when the strategy or the balances have changed.
_book = DriftBook()
_book_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Dispatch:
    """`looked`: how many accounts had their turn; `ticks`: those of them that need a tick, as (account, due_ms)."""

    looked: int
    ticks: tuple[tuple[int, int], ...]


def dispatch() -> Dispatch:
    """Take the turns that are due. Every turn is taken by one dispatcher; a tick that is not enqueued is lost, and the
    account's next turn makes up for it.
    """
    now = now_ms()
    turns = watching.take_turns(now)
    if not turns:
        return Dispatch(0, ())
    wanted = {turn.account_id for turn in turns if turn.has_work}
    by_account = {turn.account_id: turn for turn in turns}
    flights = flights_at([turn.account_id for turn in turns])
    held = _held(flights, by_account, now)
    wanted |= _due([flight for flight in flights if flight.account_id not in held])
    # Nothing flies there any more: its tick puts it to rest.
    wanted |= by_account.keys() - {flight.account_id for flight in flights}
    quiet = [flight for flight in flights if flight.account_id not in wanted]
    outside, unjudged = _judge(quiet, by_account, held, now)
    wanted |= outside
    # A tick meets the same mistake, if it is not the scan's own, tells the owner and counts a failure; those that were
    # looked at longest ago come first, and of the others nobody says that they were looked at.
    wanted |= set(sorted(unjudged, key=lambda pk: by_account[pk].looked_at_ms)[:MOST_TRIED])
    idle = [turn.account_id for turn in turns if turn.account_id not in wanted | unjudged]
    if idle:
        watching.count_quiet(idle, now)
    return Dispatch(len(turns), tuple((turn.account_id, turn.due_ms) for turn in turns if turn.account_id in wanted))


def _due(flights: Sequence[Flight]) -> set[int]:
    """Accounts whose schedule has come round, and some of those whose balances are unknown or old, the oldest first.

    Not more of these than the exchange's weight pays for until the next dispatch: after a long time off all are old.
    """
    now = timezone.now()
    oldest = now - timedelta(seconds=system_settings.current().idle_balance_seconds)
    stale = [flight for flight in flights if flight.is_usable and (flight.as_of is None or flight.as_of < oldest)]
    stale.sort(key=lambda flight: flight.as_of or LONG_AGO)
    return {flight.account_id for flight in stale[:MOST_READS]} | {
        flight.account_id
        for flight in flights
        # Of one that cannot be used nothing is read: its tick only says so.
        if not flight.is_usable
        or (flight.trigger != Trigger.THRESHOLD and (flight.scheduled_at is None or flight.scheduled_at <= now))
    }


def _held(flights: Iterable[Flight], turns: dict[int, Turn], now: int) -> set[int]:
    longest_ms = system_settings.current().idle_balance_seconds * 1000
    return {
        flight.account_id
        for flight in flights
        if turns[flight.account_id].is_held(now, milliseconds(flight.changed_at), longest_ms)
    }


def _judge(flights: Sequence[Flight], turns: dict[int, Turn], held: set[int], now: int) -> tuple[set[int], set[int]]:
    """Accounts with a weight outside its band that a tick may act upon, and those that can be judged again; beside
    them those that a mistake keeps from being judged.
    """
    venues: dict[Venue, list[Flight]] = {}
    for flight in flights:
        venue = exchanges.venue_by(on_paper=flight.on_paper, has_own_keys=flight.has_own_keys)
        if venue is not None:
            venues.setdefault(venue, []).append(flight)
    found: set[int] = set()
    unjudged: set[int] = set()
    for venue, some in venues.items():
        market = _market(venue)
        age = market.prices.age_seconds(now) if market is not None else None
        if market is None or age is None or age > system_settings.current().stale_price_seconds:
            _note_blindness(some, turns, age)
            continue
        found |= {flight.account_id for flight in some if turns[flight.account_id].is_blind}
        judged = [flight for flight in some if flight.trigger == Trigger.THRESHOLD and flight.account_id not in held]
        outside, broken = _outside(judged, market)
        found |= outside
        unjudged |= broken
    return found, unjudged


def _market(venue: Venue) -> exchanges.Market | None:
    try:
        return exchanges.shared_market(venue)
    except AppError as error:
        logger.warning("no prices of %s to look by: %s", venue, error.message)
    except AWAY:
        raise
    except Exception:  # nor are there any where they cannot be understood
        logger.exception("no prices of %s to look by", venue)
    return None


def _outside(flights: Sequence[Flight], market: exchanges.Market) -> tuple[set[int], set[int]]:
    """Accounts with a weight outside its band, and those that cannot be judged: one that breaks the scan is found by
    halves, and keeps no other from being judged.
    """
    outside: set[int] = set()
    broken: set[int] = set()
    judged = 0
    parts = [flights]
    while parts:
        part = parts.pop()
        try:
            outside |= _scan(part, market)
            judged += len(part)
        except AWAY:
            raise
        except Exception as error:  # logged once, below
            half = len(part) // 2
            if half and (judged or len(broken) < MOST_TRIED):  # otherwise it is no single account's fault
                parts += [part[half:], part[:half]]
                continue
            if not broken:
                logger.error("accounts cannot be judged; the first of them", exc_info=error)
            broken |= {flight.account_id for flight in part}
    if broken:
        logger.error("%s of %s accounts cannot be judged: %s", len(broken), len(flights), sorted(broken)[:MOST_TRIED])
    return outside, broken


def _scan(flights: Sequence[Flight], market: exchanges.Market) -> set[int]:
    with _book_lock:
        _refresh(flights)
        drifts = _book.scan([flight.strategy_id for flight in flights], market.prices, market.info)
    return {flight.account_id for flight, drift in zip(flights, drifts, strict=True) if drift.is_outside}


def _note_blindness(flights: Sequence[Flight], turns: dict[int, Turn], age: int | None) -> None:
    """Nobody can be judged without a price that is young enough: said once in each history until there is one."""
    flights = [flight for flight in flights if not turns[flight.account_id].is_blind]
    if not flights:
        return
    code, values = ("price_stale", {"age": str(age)}) if age is not None else ("no_prices", {})
    seen_since = {flight.strategy_id for flight in flights if turns[flight.account_id].quiet_looks}
    history.record_held(flights, code, values, seen_since)
    watching.mark_blind([flight.account_id for flight in flights])


def _refresh(flights: Iterable[Flight]) -> None:
    """Bring the book's portfolios up to date. Those of strategies that are gone are left: they are small, and few."""
    changed = [flight for flight in flights if _book.version(flight.strategy_id) != flight.version]
    for portfolio in portfolios_of(changed):
        _book.put(
            portfolio.flight.strategy_id,
            portfolio.flight.version,
            targets=portfolio.targets,
            quote=portfolio.quote,
            band_pct=portfolio.band_pct,
            band_type=portfolio.band_type,
            sell_unlisted=portfolio.sell_unlisted,
            reserve_pct=portfolio.reserve_pct,
            bnb_for_fees=portfolio.bnb_for_fees,
            holdings=portfolio.holdings,
        )
