"""Reads. Every door to a row that belongs to somebody takes that somebody as its first argument."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Notice, Role, SetUp, User, normalise_email
from botbalance.lib.errors import NotFound
from botbalance.lib.prepared import NOBODY, Prepared, row_of


def is_unused() -> bool:
    """Whether this server has never had a user: then, and only then, its first visitor makes the superadmin."""
    return not (SetUp.objects.exists() or User.objects.exists())


def user_by_email(email: str) -> User:
    """The user with this address in any case. Raises NotFound."""
    try:
        return User.objects.get(email=normalise_email(email))
    except User.DoesNotExist:
        raise NotFound(_("There is no user with this e-mail address.")) from None


def is_last_superadmin(user: User) -> bool:
    """Whether nobody could enter the admin any more without this user."""
    if not (user.is_superadmin and user.is_active):
        return False
    return not User.objects.filter(role=Role.SUPERADMIN, is_active=True).exclude(pk=user.pk).exists()


def notices_of(user: User) -> QuerySet[Notice]:
    """What the user was told, newest first."""
    return Notice.objects.filter(user=user)


def unseen_notices(user: User) -> QuerySet[Notice]:
    """What the user was told and has not dismissed, newest first."""
    return notices_of(user).filter(seen_at=None)


_SHOWN = ("id", "at", "title", "text", "link")
MOST_NEWS = 4
_NEWS = Prepared(
    lambda: Notice.objects.filter(user=NOBODY, seen_at=None).order_by("-id").values_list(*_SHOWN)[:MOST_NEWS]
)


def news_of(user: User) -> list[Notice]:
    """The newest few of them, for every page."""
    return [row_of(Notice, _SHOWN, row) for row in _NEWS.rows(user.pk)]


def notice_of(user: User, notice_id: int) -> Notice:
    """One of the user's notices. Raises NotFound, also for another user's."""
    notice = notices_of(user).filter(pk=notice_id).first()
    if notice is None:
        raise NotFound(_("There is no such notice."))
    return notice


def notices_to_send(now: datetime) -> QuerySet[Notice]:
    """Notices whose e-mail is due, the longest waiting first. Whoever may not sign in gets no mail either."""
    rows = Notice.objects.filter(next_try_at__lte=now, user__is_active=True)
    return rows.select_related("user").order_by("next_try_at", "id")
