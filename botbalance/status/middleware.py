"""The marks of a page are read before its view: what changes while it is made has another mark then, and the open page
asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from botbalance.status import marks, selectors
from botbalance.status.domain import ServerFacts
from orders.standings import Standing, standings_of
from strategies.models import Strategy

NO_PAGES = ("/api/", "/admin/", "/static/", "/health/", "/metrics", "/live/", "/language/")


@dataclass(frozen=True)
class Known:
    """What is known of a reader for one request, each thing read once, when it is first asked for."""

    user: User

    @cached_property
    def server(self) -> ServerFacts:
        return selectors.server_facts()

    @cached_property
    def marks(self) -> dict[str, str]:
        return marks.marks_of(self.user, self.server)

    @cached_property
    def standings(self) -> list[tuple[Strategy, Standing]]:
        return standings_of(self.user)


class KnownBeforeTheView:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> None:
        is_part = getattr(request, "htmx", False)
        if request.method == "GET" and not is_part and not request.path.startswith(NO_PAGES):
            known = known_for(request)
            if known is not None:
                known.marks  # noqa: B018  (read now)


def known_for(request: HttpRequest) -> Known | None:
    """What is known of the reader; None of somebody who is not signed in."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None
    known: Known | None = getattr(request, "known", None)
    if known is None or known.user is not user:
        known = Known(user)
        request.known = known  # type: ignore[attr-defined]
    return known
