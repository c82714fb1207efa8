"""What is done before a page's view. Its marks are read, so that what changes while it is made has another mark, and
the open page asks for it. And open pages that ask whether anything has changed are answered with as little as possible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from botbalance.status import asking, marks, remembering, selectors
from botbalance.status.domain import ServerFacts
from orders.standings import Standing, standings_of
from strategies.models import Strategy

LIVE = "/live/"
NO_PAGES = ("/api/", "/admin/", "/static/", "/health/", "/metrics", LIVE, "/language/")


@dataclass(frozen=True)
class Known:
    """What is known of a reader for one request, each thing read once, when it is first asked for."""

    user: User

    @cached_property
    def server(self) -> ServerFacts:
        return selectors.server_facts()

    @cached_property
    def marks(self) -> dict[str, str]:
        return marks.marks_of(self.user.pk, self.server)

    @cached_property
    def standings(self) -> list[tuple[Strategy, Standing]]:
        return standings_of(self.user)


class OpenPages:
    """Answers the question of an open page (status.pages.live) before a session, a user or a view is asked for, where
    this process knows from its last questions whose session it is and the status bar is not part of the answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        if request.method != "GET":
            response = self.get_response(request)
            remembering.forget_reader(session)  # it may have ended with this: by signing out, or a new password
            return response
        if request.path == LIVE:
            reader = remembering.reader(session)
            news = asking.news_of(reader, request.GET) if reader is not None else None
            if news is not None and not news.needs_bar:
                return news.answer()
        return self.get_response(request)


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
