"""What every page knows: which venue this server trades on, whether it trades at all, and whether all is well."""

import json
import re
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance import guide
from botbalance.lib import system_settings
from botbalance.status import selectors, words
from botbalance.status.middleware import known_for
from botbalance.status.selectors import SERVER_VENUES
from exchanges import traffic
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.selectors import accounts_of

# What operators know by its seed and speed, readers know by what it is.
_WALK = re.compile(r"walk seed \S+ x\S+")


class VenueOf:
    """The server's venue as a reader sees it; parts of pages ask for nothing of it, and nothing is read for them."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.name = SERVER_VENUES[settings.EXCHANGE_ENV]

    @cached_property
    def market(self) -> str:
        """The paper exchange's price source, "" where it does not concern the reader: who has paper accounts trades
        there, whatever the server's venue is.
        """
        if settings.EXCHANGE_ENV != "mock" and not self._is_on_paper():
            return ""
        return _WALK.sub(_("made-up prices"), paper.market_description())

    def _is_on_paper(self) -> bool:
        user = getattr(self._request, "user", None)
        return isinstance(user, User) and accounts_of(user).filter(venue=ExchangeAccount.Venue.PAPER).exists()

    @cached_property
    def trading_enabled(self) -> bool:
        known = known_for(self._request)
        return known.server.trading_enabled if known else system_settings.trading_enabled()

    @cached_property
    def standstill(self) -> str:
        """Why nothing is sent to the exchange now, "" when it is."""
        return traffic.standstill()


def venue(request: HttpRequest) -> dict[str, Any]:
    """`venue`: a VenueOf."""
    return {"venue": VenueOf(request)}


def steps(request: HttpRequest) -> dict[str, Any]:
    """`guide`: the first steps of a reader who is led through them, None for everybody else. Read when it is shown."""
    return {"guide": SimpleLazyObject(lambda: guide.for_request(request))}


def status(request: HttpRequest) -> dict[str, Any]:
    """`status_bar` of every page, where many have a `status` of their own, and `live_marks`, by which an open page asks
    whether anything has changed.
    """

    def bar() -> words.Bar | None:
        known = known_for(request)
        return words.bar_of(selectors.facts_of(known.user, known.server, known.standings)) if known else None

    def marks() -> str:
        known = known_for(request)
        return json.dumps(known.marks) if known else ""

    return {"status_bar": SimpleLazyObject(bar), "live_marks": SimpleLazyObject(marks)}
