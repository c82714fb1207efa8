"""Making, noting and revoking API tokens."""

import enum
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.tokens import selectors
from accounts.tokens.domain import digest_of, is_worth_noting, key_of
from accounts.tokens.models import ApiToken
from botbalance.lib.errors import Conflict, Forbidden, Invalid

# A script that asks for a new token at every start would otherwise leave thousands of working keys behind.
MAX_LIVE_TOKENS = 100
DEFAULT_DAYS = 90
MOST_DAYS = 3650
# An expired token stays on the list for so long, so that one sees why a program has stopped.
EXPIRED_KEPT = timedelta(days=30)


class Lifetime(enum.Enum):
    """How long a token works when nobody says: DEFAULT_DAYS, or as long as the token that asks for it."""

    USUAL = enum.auto()


def create_token(
    user: User,
    *,
    name: str = "",
    scope: str = ApiToken.Scope.TRADE,
    days: int | Lifetime | None = Lifetime.USUAL,
    by: ApiToken | None = None,
) -> tuple[ApiToken, str]:
    """A new token, as its row and in plain text: this is the only time the text can be seen.

    It works for `days` days, None: until it is revoked. `by` is the token that asks for it, None where the user does: a
    token makes none that may do more, or works longer, than itself (Forbidden). Raises Invalid, and Conflict when the
    user has too many.
    """
    now = timezone.now()
    name = " ".join(name.split())
    expires_at = _end(days, by, now)
    _refuse_more_than(by, scope, expires_at)
    public = secrets.token_hex(6)
    plain_text = f"{key_of(public)}_{secrets.token_hex(24)}"
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two at once count one after the other
        _forget_expired(now, user)
        if selectors.live_tokens(user, now).count() >= MAX_LIVE_TOKENS:
            raise Conflict(
                _("You have %(count)s working tokens: revoke those you no longer need.") % {"count": MAX_LIVE_TOKENS},
                code="too_many_tokens",
            )
        row = ApiToken.objects.create(
            user=user,
            name=name[:60],
            scope=ApiToken.Scope(scope),
            key=key_of(public),
            digest=digest_of(plain_text),
            created_at=now,
            expires_at=expires_at,
        )
    return row, plain_text


def issue_token(user: User, scope: str = ApiToken.Scope.TRADE) -> str:
    """A new token in plain text."""
    return create_token(user, scope=scope)[1]


def _end(days: int | Lifetime | None, by: ApiToken | None, now: datetime) -> datetime | None:
    if days is None:
        return None
    if isinstance(days, Lifetime):
        usual = now + timedelta(days=DEFAULT_DAYS)
        return usual if by is None or by.expires_at is None else min(usual, by.expires_at)
    if not 1 <= days <= MOST_DAYS:
        text = _("Choose between 1 and %(most)s days, or no end.") % {"most": MOST_DAYS}
        raise Invalid(_("Some fields need your attention."), fields={"expires_in_days": [text]})
    return now + timedelta(days=days)


def _refuse_more_than(by: ApiToken | None, scope: str, expires_at: datetime | None) -> None:
    if by is None:
        return
    if scope == ApiToken.Scope.TRADE and not by.may_trade:
        raise Forbidden(_("This token may only read, and makes none that may trade."), code="token_scope")
    if by.expires_at is not None and (expires_at is None or expires_at > by.expires_at):
        until = by.expires_at.strftime("%Y-%m-%d %H:%M")
        raise Forbidden(
            _("This token works until %(until)s UTC, and makes none that works longer.") % {"until": until},
            code="token_lifetime",
        )


def note_use(token: ApiToken, now: datetime) -> None:
    """Remember when a token was last used, to the minute. Of requests at once one writes it."""
    if is_worth_noting(token.last_used_at, now):
        ApiToken.objects.filter(pk=token.pk, last_used_at=token.last_used_at).update(last_used_at=now)
        token.last_used_at = now


def revoke_token(user: User, key: str) -> None:
    """Revoke one token by its public beginning. Raises NotFound when the user has no such token."""
    selectors.token_of(user, key).delete()


def revoke_tokens(user: User) -> int:
    """Revoke every API token of the user; how many there were."""
    count, _per_model = selectors.tokens_of(user).delete()
    return count


def forget_expired() -> int:
    """Delete the rows of tokens that expired long ago; how many there were."""
    return _forget_expired(timezone.now())


def _forget_expired(now: datetime, user: User | None = None) -> int:
    rows = ApiToken.objects.filter(expires_at__lte=now - EXPIRED_KEPT)
    count, _per_model = (rows if user is None else rows.filter(user=user)).delete()
    return count
