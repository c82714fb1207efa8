"""What every page knows: which venue this server trades on, and whether it trades at all."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from botbalance.lib import system_settings
from exchanges.paper import services as paper

VENUES = {"mock": "PAPER", "testnet": "TESTNET", "mainnet": "LIVE"}


def venue(request: HttpRequest) -> dict[str, Any]:
    """`venue.name` in capitals, `venue.market` (the paper exchange's price source), `venue.trading_enabled`."""
    return {
        "venue": {
            "name": VENUES[settings.EXCHANGE_ENV],
            "market": market() if settings.EXCHANGE_ENV == "mock" else "",
            "trading_enabled": system_settings.trading_enabled(),
        }
    }


def market() -> str:
    """The paper exchange's price source in one line: `walk seed 1 x1`."""
    return paper.market_description()
