"""Market capitalisations from a public source, where this server is told to ask one (FETCH_MARKET_CAPS).

The source speaks CoinGecko's API (docs.coingecko.com, /coins/markets and /search). Its coins have ids of their own,
because many share a ticker: which one is meant is for the owner to say, and never guessed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

import requests
from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib import cache
from botbalance.lib.errors import Unavailable

logger = logging.getLogger(__name__)

# Seconds to connect, and between two pieces of an answer.
TIMEOUT = (3.05, 10.0)
# Figures this old are good enough for weights that are refreshed once a day at most.
LIFETIME_SECONDS = 3600
MOST_CANDIDATES = 8
_BEYOND_ALL_MONEY = Decimal(10) ** 24


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin at the source. `market_cap` in US dollars; None where the source knows none. `rank` 0 for none."""

    id: str
    symbol: str
    name: str
    market_cap: Decimal | None = None
    rank: int = 0


def read(coin_ids: Sequence[str]) -> dict[str, Coin]:
    """The coins of these ids that the source knows. Raises Unavailable."""
    found: dict[str, Coin] = {}
    missing = []
    for coin_id in coin_ids:
        known: Coin | None = cache.recall(_key(coin_id))
        if known is None:
            missing.append(coin_id)
        else:
            found[coin_id] = known
    if missing:
        rows = _ask("/coins/markets", {"vs_currency": "usd", "ids": ",".join(missing), "per_page": "250"})
        if not isinstance(rows, list):
            raise _unreadable()
        for coin in (_coin(row) for row in rows):
            if coin.id in missing:
                found[coin.id] = coin
                cache.remember(_key(coin.id), coin, LIFETIME_SECONDS)
    return found


def candidates(asset: str) -> list[Coin]:
    """Coins at the source that go by the ticker, the largest first: the owner chooses. Raises Unavailable."""
    answer = _ask("/search", {"query": asset})
    rows = answer.get("coins") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise _unreadable()
    coins = [coin for coin in (_coin(row) for row in rows) if coin.symbol.upper() == asset]
    return sorted(coins, key=lambda coin: (coin.rank == 0, coin.rank, coin.id))[:MOST_CANDIDATES]


def _ask(path: str, parameters: Mapping[str, str]) -> Any:
    headers = {"Accept": "application/json"}
    if settings.MARKET_CAPS_KEY:
        headers["x-cg-demo-api-key"] = settings.MARKET_CAPS_KEY
    try:
        response = requests.get(
            settings.MARKET_CAPS_URL.rstrip("/") + path,
            params=parameters,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        logger.warning("the source of market capitalisations does not answer: %s", type(error).__name__)
        raise Unavailable(_("The source of market capitalisations does not answer. Try again later.")) from error
    if response.status_code == 429:
        raise Unavailable(_("The source of market capitalisations asks for a pause. Try again later."))
    if response.status_code != 200:
        logger.warning("the source of market capitalisations answered %s to %s", response.status_code, path)
        raise Unavailable(
            _("The source of market capitalisations answered with an error (%(status)s).")
            % {"status": response.status_code}
        )
    try:
        return response.json(parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)
    except (requests.JSONDecodeError, InvalidOperation) as error:
        raise _unreadable() from error


def _coin(row: Any) -> Coin:
    """One coin of an answer; a figure that is none is none. Raises Unavailable for another shape."""
    if not isinstance(row, dict):
        raise _unreadable()
    coin_id, symbol, name = (row.get(field) for field in ("id", "symbol", "name"))
    if not (isinstance(coin_id, str) and isinstance(symbol, str) and isinstance(name, str) and coin_id):
        raise _unreadable()
    figure, rank = row.get("market_cap"), row.get("market_cap_rank")
    return Coin(
        coin_id[:100],
        symbol[:20],
        name[:100],
        market_cap=figure if _is_within_reason(figure) else None,
        rank=int(rank) if _is_within_reason(rank) else 0,
    )


def _is_within_reason(figure: Any) -> TypeGuard[Decimal]:
    """Above 0 and below what all money is; 1E+999999999 is a number too, and a whole one of a gigabyte."""
    return isinstance(figure, Decimal) and figure.is_finite() and 0 < figure < _BEYOND_ALL_MONEY


def _unreadable() -> Unavailable:
    return Unavailable(_("The source of market capitalisations gave an answer that cannot be read."))


def _key(coin_id: str) -> str:
    return f"market-cap:{coin_id}"
