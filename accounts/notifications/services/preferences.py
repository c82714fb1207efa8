"""What a user is e-mailed, and when nobody is to be disturbed."""

from collections.abc import Collection
from datetime import time

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services as accounts
from accounts.models import User
from accounts.notifications import selectors
from accounts.notifications.models import Delivery, Kind, Preferences
from botbalance.lib.errors import Invalid


def known_kinds(kinds: Collection[str], field: str = "kinds") -> list[str]:
    """Kinds in the order of the list, each once. Raises Invalid for one that there is not."""
    unknown = sorted(set(kinds) - set(Kind.values))
    if unknown:
        text = _("There is no kind of notification called %(kind)s.") % {"kind": unknown[0][:40]}
        raise Invalid(_("These kinds of notifications cannot be chosen."), fields={field: [text]})
    return [kind for kind in Kind.values if kind in kinds]


def save_preferences(
    user: User,
    *,
    email_kinds: Collection[str],
    quiet_from: time | None,
    quiet_to: time | None,
    urgent_breaks_quiet: bool,
) -> Preferences:
    """Keep a user's wishes. Quiet hours are in their time zone and to the minute, both ends or none; what is held back
    now is held back by the new ones.
    """
    quiet_from, quiet_to = _to_the_minute(quiet_from), _to_the_minute(quiet_to)
    if (quiet_from is None) != (quiet_to is None):
        missing = "quiet_to" if quiet_to is None else "quiet_from"
        text = _("Give both ends of the quiet hours, or neither.")
        raise Invalid(_("The quiet hours are incomplete."), fields={missing: [text]})
    if quiet_from is not None and quiet_from == quiet_to:
        text = _("Quiet hours of no length, or of the whole day: choose another end.")
        raise Invalid(_("The quiet hours cannot be used."), fields={"quiet_to": [text]})
    values = {
        "email_kinds": known_kinds(email_kinds, "email_kinds"),
        "quiet_from": quiet_from,
        "quiet_to": quiet_to,
        "urgent_breaks_quiet": urgent_breaks_quiet,
    }
    with transaction.atomic():
        preferences, _created = Preferences.objects.update_or_create(user=user, defaults=values)
        hold_anew(user)
    return preferences


def _to_the_minute(clock: time | None) -> time | None:
    """Seconds are shown nowhere, and would make nearly a whole day of 22:00:30 to 22:00:10."""
    return None if clock is None else time(clock.hour, clock.minute)


def hold_anew(user: User) -> None:
    """What is held back now is held back by the quiet hours as they are, after a user's wishes or time zone changed."""
    now, preferences = timezone.now(), selectors.preferences_of(user)
    waiting = Delivery.objects.filter(channel__user=user, held_until__gt=now, next_try_at__gt=now)
    for delivery in waiting.select_related("event"):
        until = selectors.held_until(user, preferences, delivery.event.kind, now)
        as_it_was = Delivery.objects.filter(pk=delivery.pk, next_try_at=delivery.next_try_at)
        as_it_was.update(next_try_at=until or now, held_until=until)
    # A notice keeps no kind: none that was held is urgent, unless urgent ones are held too, and then all are alike.
    accounts.hold_notices(user, selectors.held_until(user, preferences, Kind.FILLS, now) or now)
