"""The last candles of a symbol, to look at: read once for everybody who looks within half a minute."""

from botbalance.lib import cache
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import Candle, Venue
from exchanges.errors import ExchangeError, Unavailable

KEPT_SECONDS = 30
FAILURE_SECONDS = 10


def recent_candles(
    venue: Venue, adapter: ExchangeAdapter, symbol: str, interval: str, count: int
) -> tuple[Candle, ...]:
    """The last `count` candles, the one under way included, oldest first. Raises an ExchangeError; who asks again soon
    after is told the same without the exchange being asked.
    """
    key = f"candles:{venue}:{symbol}:{interval}:{count}"
    known: tuple[Candle, ...] | str | None = cache.recall(key)
    if isinstance(known, str):
        raise Unavailable(known)
    if known is not None:
        return known
    try:
        found = tuple(adapter.klines(symbol, interval, limit=count))
    except ExchangeError as error:
        cache.remember(key, error.message, FAILURE_SECONDS)
        raise
    cache.remember(key, found, KEPT_SECONDS)
    return found
