"""A stored event as the message that leaves."""

from django.conf import settings

from accounts.notifications.door import Message
from accounts.notifications.models import URGENT, Event


def absolute(path: str) -> str:
    """A path of this site as an address where the server knows its own; else the path alone."""
    return f"{settings.SITE_URL}{path}"


def message_of(event: Event) -> Message:
    return Message(
        id=str(event.pk),
        kind=event.kind,
        created=event.at.isoformat(),
        title=event.title,
        text=event.text,
        link=absolute(event.link) if event.link else "",
        is_urgent=event.kind in URGENT,
        data=event.data,
    )
