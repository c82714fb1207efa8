"""Reads of API tokens. Only `token_behind` finds one without knowing whose it is."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.tokens.domain import digest_of
from accounts.tokens.models import ApiToken
from botbalance.lib.errors import NotFound


def token_behind(text: str) -> ApiToken | None:
    """The row of a token that was presented, with its user; None when there is none. It may have expired."""
    return ApiToken.objects.select_related("user").filter(digest=digest_of(text)).first()


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens, newest first; also those that have expired."""
    return ApiToken.objects.filter(user=user)


def live_tokens(user: User, now: datetime | None = None) -> QuerySet[ApiToken]:
    """The user's tokens that still open the door, newest first."""
    return tokens_of(user).filter(Q(expires_at=None) | Q(expires_at__gt=now or timezone.now()))


def token_of(user: User, key: str) -> ApiToken:
    """One of the user's tokens by its public beginning. Raises NotFound, also for another user's token."""
    token = tokens_of(user).filter(key=key).first()
    if token is None:
        raise NotFound(_("There is no such token, or it was revoked already."))
    return token
