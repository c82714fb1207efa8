"""What every page knows: which venue this server trades on, and whether it trades at all."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from botbalance import guide
from botbalance.lib import system_settings
from exchanges import traffic
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.selectors import accounts_of

VENUES = {"mock": "PAPER", "testnet": "TESTNET", "mainnet": "LIVE"}


def venue(request: HttpRequest) -> dict[str, Any]:
    """`venue.name` in capitals, `venue.market` (the paper exchange's price source, where it concerns the reader),
    `venue.trading_enabled`, and `venue.standstill`: why nothing is sent to the exchange now, "" when it is.
    """
    return {
        "venue": {
            "name": VENUES[settings.EXCHANGE_ENV],
            "market": market() if settings.EXCHANGE_ENV == "mock" or _trades_paper(request) else "",
            "trading_enabled": system_settings.trading_enabled(),
            "standstill": traffic.standstill(),
        }
    }


def steps(request: HttpRequest) -> dict[str, Any]:
    """`guide`: the first steps of a reader who is led through them, None for everybody else. Read when it is shown."""
    return {"guide": SimpleLazyObject(lambda: guide.for_request(request))}


def _trades_paper(request: HttpRequest) -> bool:
    """Whether the reader has paper accounts, which trade at the paper exchange whatever the server's venue is."""
    user = getattr(request, "user", None)
    return isinstance(user, User) and accounts_of(user).filter(venue=ExchangeAccount.Venue.PAPER).exists()


def market() -> str:
    """The paper exchange's price source in one line: `walk seed 1 x1`."""
    return paper.market_description()
