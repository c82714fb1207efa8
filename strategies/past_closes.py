"""Daily closing prices of the past, read once a day for all strategies of a venue."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from botbalance.lib import cache
from exchanges import services as exchanges
from exchanges.adapters.base import ExchangeAdapter
from exchanges.models import ExchangeAccount
from strategies.target_models.history import Floats, matrix_of

DAY_MS = 86_400_000
# Days that are over do not change; a venue that is wiped or replaced is noticed within a day.
LIFETIME_SECONDS = 86_400
EPOCH = date(1970, 1, 1)


class PastCloses(NamedTuple):
    """`matrix` is days x assets, oldest first, NaN where there is no close; `last_day` (UTC) its last row."""

    matrix: Floats
    last_day: date


def read(account: ExchangeAccount, quote: str, assets: Sequence[str], days: int, now: datetime) -> PastCloses:
    """Closes in `quote` of the last `days` days that are over at `now`, at the venue of the account, asked on behalf of
    its user. Raises an ExchangeError, or Conflict where the venue is not contacted.
    """
    venue, _source = exchanges.venue_of(account)
    adapter = exchanges.adapter_for(account)
    info = exchanges.exchange_info_for(account)
    last = int(now.timestamp()) * 1000 // DAY_MS - 1
    known: list[Mapping[int, Decimal]] = []
    for asset in assets:
        rules = info.pair(asset, quote)
        known.append({} if rules is None else _closes(venue, adapter, rules.symbol, last, days))
    return PastCloses(matrix_of(known, last, days), EPOCH + timedelta(days=last))


def _closes(venue: str, adapter: ExchangeAdapter, symbol: str, last: int, days: int) -> Mapping[int, Decimal]:
    """Closes by the number of their day since 1970."""
    key = f"closes:{venue}:{symbol}:{last}:{days}"
    found: dict[int, Decimal] | None = cache.recall(key)
    if found is None:
        end_ms = (last + 1) * DAY_MS - 1
        candles = adapter.klines(symbol, "1d", start_ms=(last - days + 1) * DAY_MS, end_ms=end_ms, limit=days)
        found = {candle.open_time_ms // DAY_MS: candle.close for candle in candles if candle.close_time_ms <= end_ms}
        cache.remember(key, found, LIFETIME_SECONDS)
    return found
