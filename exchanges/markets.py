"""Shared market data: prices and symbol rules of a venue, read once for all users.

Prices: one all-symbol call, kept in the cache for `pricing_ttl_seconds`, one flight at a time. Rules: kept for
`exchange_info_ttl_seconds`, and read again at once after the exchange has refused an order for a filter.
"""

import logging
import time
from dataclasses import dataclass, replace
from threading import Lock

from django.utils.translation import gettext as _

from botbalance.lib import cache, system_settings
from botbalance.lib.clock import now_ms
from botbalance.lib.money import ZERO
from botbalance.lib.numbers import count
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import BookTicker, ExchangeInfo, Price, PriceSnapshot, Venue
from exchanges.errors import ExchangeError, StalePrices, Throttled, Unavailable

logger = logging.getLogger(__name__)

RULES_PROCESS_SECONDS = 300
LAST_KNOWN_SECONDS = 3600
FLIGHT_SECONDS = 15
FAILURE_SECONDS = 2

# This process's copy: when it was made (monotonic seconds), when the rules were read (ms), and the rules.
_rules: dict[Venue, tuple[float, int, ExchangeInfo]] = {}
_rules_lock = Lock()


def prices(venue: Venue, adapter: ExchangeAdapter, most_seconds: int = 300) -> PriceSnapshot:
    """Prices no older than the settings and `most_seconds` allow. Raises an ExchangeError when they cannot be had."""
    effective = system_settings.current()
    key = _prices_key(venue)
    ttl_seconds = min(effective.pricing_ttl_seconds, most_seconds)
    if not effective.pricing_use_cache:
        return _fly(key, venue, adapter, effective.pricing_source)
    while True:
        known = _fresh(key, ttl_seconds)
        if known is not None:
            return known
        if cache.first(f"{key}:flight", FLIGHT_SECONDS):
            try:
                # It may have landed between our look and our turn.
                return _fresh(key, ttl_seconds) or _fly(key, venue, adapter, effective.pricing_source)
            finally:
                cache.forget(f"{key}:flight")
        landed = _await_flight(key, ttl_seconds)
        if landed is not None:
            return landed
        failure: str | None = cache.recall(f"{key}:failed")
        if failure is not None:
            raise Unavailable(failure)  # all who waited for it share its fate, instead of asking one after another


def _fly(key: str, venue: Venue, adapter: ExchangeAdapter, source: str) -> PriceSnapshot:
    """Fetch and remember; what went wrong is remembered for those who are waiting."""
    try:
        snapshot = _fetch(venue, adapter, source)
    except ExchangeError as error:
        cache.remember(f"{key}:failed", error.message, FAILURE_SECONDS)
        cache.remember(_age_key(key), replace(_age(key), failed_ms=now_ms()), LAST_KNOWN_SECONDS)
        raise
    cache.forget(f"{key}:failed")
    cache.remember(key, snapshot.packed(), LAST_KNOWN_SECONDS)
    cache.remember(_age_key(key), PriceAge(snapshot.at_ms), LAST_KNOWN_SECONDS)
    return snapshot


@dataclass(frozen=True, slots=True)
class PriceAge:
    """When a venue last gave prices, and when it last gave none where none have come since; ms, 0: not known."""

    at_ms: int = 0
    failed_ms: int = 0


def price_age(venue: Venue) -> PriceAge:
    """The age of the prices without the prices: for what looks often."""
    return _age(_prices_key(venue))


def _age(key: str) -> PriceAge:
    return cache.recall(_age_key(key)) or PriceAge()


def _age_key(key: str) -> str:
    return f"{key}:age"


def prices_for_display(venue: Venue, adapter: ExchangeAdapter) -> PriceSnapshot:
    """Prices, or the last known ones with their age when the exchange does not answer. Not for trading."""
    try:
        return prices(venue, adapter)
    except ExchangeError:
        known: PriceSnapshot | None = cache.recall(_prices_key(venue))
        if known is None:
            raise
        return known


def prices_for_trading(venue: Venue, adapter: ExchangeAdapter) -> PriceSnapshot:
    """Prices that may be traded on, read now or known from a moment ago; StalePrices when only old ones are known.

    Throttled when they are old because the exchange asks for a pause, another ExchangeError when none are known.
    """
    most_seconds = system_settings.current().stale_price_seconds
    try:
        snapshot = prices(venue, adapter, most_seconds=most_seconds)
    except ExchangeError as error:
        usable = _fresh(_prices_key(venue), most_seconds)
        if usable is not None:
            return usable
        known: PriceSnapshot | None = cache.recall(_prices_key(venue))
        if known is None or isinstance(error, Throttled):
            raise
        raise _stale(known) from None
    if snapshot.age_seconds(now_ms()) > most_seconds:
        raise _stale(snapshot)
    return snapshot


def _stale(snapshot: PriceSnapshot) -> StalePrices:
    age = snapshot.age_seconds(now_ms())
    text = _("The latest prices are %(age)s seconds old; nothing is traded on them.")
    return StalePrices(text % {"age": count(age)}, age)


def _prices_key(venue: Venue) -> str:
    return f"prices:{venue}:{system_settings.current().pricing_source}"


def _fresh(key: str, ttl_seconds: int) -> PriceSnapshot | None:
    """The cached prices unless they are too old, or from a future that a clock set back has left behind."""
    known: PriceSnapshot | None = cache.recall(key)
    return known if known is not None and abs(now_ms() - known.at_ms) < ttl_seconds * 1000 else None


def _await_flight(key: str, ttl_seconds: int) -> PriceSnapshot | None:
    """What another process or thread is fetching, or None when it does not land."""
    deadline = time.monotonic() + FLIGHT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
        known = _fresh(key, ttl_seconds)
        if known is not None:
            return known
        if cache.recall(f"{key}:flight") is None:
            return _fresh(key, ttl_seconds)
    return None


def _fetch(venue: Venue, adapter: ExchangeAdapter, source: str) -> PriceSnapshot:
    """One call for all symbols: mid from the book, falling back to the last price when the book cannot be had."""
    at_ms = now_ms()
    if source == "mid":
        try:
            books = adapter.book_ticker()
            return PriceSnapshot(venue.value, "mid", at_ms, {book.symbol: _from_book(book) for book in books})
        except Unavailable:
            pass  # the other route may work; if it does not, its error is the one to show
    last = adapter.ticker_price()
    rows = {
        symbol: Price(symbol, value, value, value, problem="" if value > 0 else "empty")
        for symbol, value in last.items()
    }
    return PriceSnapshot(venue.value, "last", at_ms, rows)


def _from_book(book: BookTicker) -> Price:
    if book.bid <= 0 or book.ask <= 0:
        return Price(book.symbol, ZERO, book.bid, book.ask, problem="empty")
    return Price(book.symbol, book.mid, book.bid, book.ask, problem="" if book.is_usable else "crossed")


def rules(venue: Venue, adapter: ExchangeAdapter) -> ExchangeInfo:
    """Symbol rules no older than the settings allow (five minutes more in a process that holds its own copy)."""
    known = _rules.get(venue)
    if known is not None and time.monotonic() - known[0] < RULES_PROCESS_SECONDS:
        return known[2]
    shared: tuple[int, ExchangeInfo] | None = cache.recall(_rules_key(venue))
    ttl_ms = system_settings.current().exchange_info_ttl_seconds * 1000
    if shared is None or not 0 <= now_ms() - shared[0] < ttl_ms:
        return refresh_rules(venue, adapter)
    return _remember_rules(venue, *shared)


def refresh_rules(venue: Venue, adapter: ExchangeAdapter) -> ExchangeInfo:
    """Read the rules again, now: after a filter failure the exchange's rules are not the ones we know."""
    at_ms = now_ms()
    info = adapter.exchange_info()
    if info.passed_over:
        logger.warning(
            "exchange_info venue=%s passed_over=%s: %s", venue, len(info.passed_over), "; ".join(info.passed_over[:10])
        )
    cache.remember(_rules_key(venue), (at_ms, info), system_settings.current().exchange_info_ttl_seconds)
    return _remember_rules(venue, at_ms, info)


def rules_age_seconds(venue: Venue) -> int | None:
    """How long ago the rules in use were read from the exchange; None where none are kept."""
    known = _rules.get(venue)
    shared: tuple[int, ExchangeInfo] | None = cache.recall(_rules_key(venue))
    moments = [at_ms for at_ms in (known and known[1], shared and shared[0]) if at_ms is not None]
    return max(0, (now_ms() - max(moments)) // 1000) if moments else None


def _rules_key(venue: Venue) -> str:
    """Numbered by the shape of what is kept under it: an older shape is not found."""
    return f"rules:3:{venue}"


def _remember_rules(venue: Venue, at_ms: int, info: ExchangeInfo) -> ExchangeInfo:
    with _rules_lock:
        _rules[venue] = (time.monotonic(), at_ms, info)
    return info


def forget_rules() -> None:
    """Drop this process's copy of the rules."""
    with _rules_lock:
        _rules.clear()
