"""The marks of a page are read before its view: what changes while it is made has another mark then, and the open page
asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from botbalance.status import marks, selectors
from botbalance.status.domain import ServerFacts

NO_PAGES = ("/api/", "/admin/", "/static/", "/health/", "/metrics", "/live/", "/language/")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a reader when a page begins to be made."""

    user: User
    server: ServerFacts
    marks: dict[str, str]


class KnownBeforeTheView:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> None:
        is_part = getattr(request, "htmx", False)
        if request.method == "GET" and not is_part and not request.path.startswith(NO_PAGES):
            known_for(request)


def known_for(request: HttpRequest) -> Known | None:
    """What is known of the reader, read once for a request; None of somebody who is not signed in."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None
    known: Known | None = getattr(request, "known", None)
    if known is None:
        server = selectors.server_facts()
        known = Known(user, server, marks.marks_of(user, server))
        request.known = known  # type: ignore[attr-defined]
    return known
