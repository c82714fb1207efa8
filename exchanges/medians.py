"""Whether a price has jumped: how far it is from the median of its last minutes.

The minutes are the closes of one-minute candles, so the guard knows them from the first moment of a process on. One
read of a symbol serves every user for a while.
"""

from collections.abc import Iterable
from decimal import Decimal

from botbalance.lib import cache
from botbalance.lib.clock import now_ms
from botbalance.lib.money import HUNDRED
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import PriceSnapshot, Venue

LIFETIME_SECONDS = 20


def jumps(
    venue: Venue,
    adapter: ExchangeAdapter,
    prices: PriceSnapshot,
    symbols: Iterable[str],
    *,
    most_pct: Decimal,
    minutes: int,
) -> dict[str, Decimal]:
    """By how many percent prices have jumped: those of the symbols further than `most_pct` from their recent median.

    A price without a comparison is taken for one that has jumped by nothing; one that must not be traded on anyway is
    not compared. Raises an ExchangeError where the minutes
    cannot be had.
    """
    found: dict[str, Decimal] = {}
    for symbol in symbols:
        price = prices.price(symbol)
        if price is None or price.problem or price.value <= 0:
            continue
        middle = recent_median(venue, adapter, symbol, minutes)
        if middle is None or middle <= 0:
            continue
        pct = (price.value - middle) / middle * HUNDRED
        if abs(pct) > most_pct:
            found[symbol] = pct
    return found


def recent_median(venue: Venue, adapter: ExchangeAdapter, symbol: str, minutes: int) -> Decimal | None:
    """Median close of the symbol's last minutes, the one under way included; None for one that has never traded."""
    key = f"median:{venue}:{symbol}:{minutes}"
    known: tuple[int, Decimal | None] | None = cache.recall(key)
    if known is not None and abs(now_ms() - known[0]) < LIFETIME_SECONDS * 1000:
        return known[1]
    at_ms = now_ms()
    candles = adapter.klines(symbol, "1m", limit=minutes)
    closes = sorted(candle.close for candle in candles)
    middle = closes[len(closes) // 2] if closes else None
    cache.remember(key, (at_ms, middle), LIFETIME_SECONDS)
    return middle
