"""What every page knows of its reader: what they were told and have not dismissed."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import selectors
from accounts.models import Notice, User

MOST_SHOWN = selectors.MOST_NEWS - 1


@dataclass(frozen=True, slots=True)
class Unseen:
    """The newest notices, and whether there are more than are shown."""

    shown: list[Notice]
    has_more: bool


def notices(request: HttpRequest) -> dict[str, Any]:
    """`unseen.shown` and `unseen.has_more`; read when a template asks, which parts of pages never do."""
    return {"unseen": SimpleLazyObject(lambda: _unseen(request))}


def _unseen(request: HttpRequest) -> Unseen:
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return Unseen([], has_more=False)
    rows = selectors.news_of(user)
    return Unseen(rows[:MOST_SHOWN], has_more=len(rows) > MOST_SHOWN)
