"""Telling a user: what goes where is decided here, and written down with what happened; a task sends it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Least
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from accounts.notifications import selectors
from accounts.notifications.models import ON_PAGES, Delivery, Event, Kind, Mark, Told

# A mark that cannot be told of is a mistake of ours; when it is mended later than that nobody wants to know any more.
LET_GO_AFTER = timedelta(days=1)


def notify(
    user: User, kind: Kind, title: str, text: str = "", link: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Tell a user of something, on their pages where it is of that kind, by e-mail, and through their channels.

    Words in the user's language: call it inside `accounts.services.speaking_to(user)`. `data` is for programs: money as
    strings. Only rows are written, in the caller's transaction; nothing is sent here.
    """
    now = timezone.now()
    preferences = selectors.preferences_of(user)
    channels = selectors.channels_for(user, kind)
    held_until = selectors.held_until(user, preferences, kind, now)
    is_mailed = kind in preferences.email_kinds
    with transaction.atomic():
        if is_mailed or kind in ON_PAGES:
            accounts.tell(
                user, title, text, link, is_mailed=is_mailed, mail_at=held_until, is_seen=kind not in ON_PAGES
            )
        if channels:
            event = Event.objects.create(
                user=user,
                kind=kind,
                at=now,
                title=title[:200],
                text=text[:2000],
                link=link[:200],
                data=dict(data or {}),
            )
            Delivery.objects.bulk_create(
                Delivery(event=event, channel=channel, next_try_at=held_until or now, held_until=held_until)
                for channel in channels
            )


# --- What is told when there is no more to come ----------------------------------------------------------


def mark(user_id: int, kind: Kind, subject: int, position: int = 0) -> None:
    """Note that something of a kind has happened to a subject (a run, an account), to be told when it is ripe. Many
    times before then are one. The least position is kept. Call it in the transaction of what happened.
    """
    now = timezone.now()
    rows = Mark.objects.filter(kind=kind, subject=subject)
    if rows.update(last_at=now, position=Least("position", position)):
        return
    row = Mark(user_id=user_id, kind=kind, subject=subject, position=position, first_at=now, last_at=now)
    with transaction.atomic():
        Mark.objects.bulk_create([row], ignore_conflicts=True)
    if row.pk is None:  # not every database says whether another process was first
        rows.update(last_at=now, position=Least("position", position))


def mark_everybody(user_ids: Iterable[int], kind: Kind, name: str, value: str, before: str) -> bool:
    """Mark that everybody is to be told of something of the whole server, once for each change of its value: `name` is
    what has changed, `before` what counts as known where nothing was told yet. False when it was told already.
    """
    now = timezone.now()
    with transaction.atomic():
        if not is_news(name, value, before):
            return False
        Mark.objects.bulk_create(
            (Mark(user_id=pk, kind=kind, subject=pk, first_at=now, last_at=now) for pk in user_ids),
            ignore_conflicts=True,
        )
    return True


def is_news(name: str, value: str, before: str = "") -> bool:
    """Whether something has another value than was told last; from now on it has been told. Of two processes one is
    told so. Call it in the transaction that tells.
    """
    Told.objects.bulk_create([Told(name=name, value=before)], ignore_conflicts=True)
    return bool(Told.objects.filter(name=name).exclude(value=value).update(value=value))


def take(row: Mark, last_at: datetime) -> bool:
    """Take a mark away, in the transaction that tells of it; False when another process has, or something was added."""
    return bool(Mark.objects.filter(pk=row.pk, last_at=last_at).delete()[0])


def put_back(row: Mark) -> None:
    """What could not be told of stands behind all others of its kind; a day after it happened it is let go."""
    now = timezone.now()
    rows = Mark.objects.filter(pk=row.pk, last_at=row.last_at)
    if now - row.last_at > LET_GO_AFTER:
        rows.delete()
    else:
        rows.update(first_at=now)
