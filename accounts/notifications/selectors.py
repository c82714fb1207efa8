"""Reads. Every door to a row that belongs to somebody takes that somebody as its first argument."""

from datetime import datetime, tzinfo

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.notifications.domain import PATIENCE, quiet_until
from accounts.notifications.models import URGENT, Channel, Delivery, Kind, Mark, Preferences, told_by_default
from botbalance.lib.errors import NotFound
from botbalance.lib.many import among
from botbalance.lib.moments import zone
from botbalance.lib.prepared import NOBODY, Prepared

# Mails go nowhere that somebody looks.
_MUTE_BACKENDS = (".console.EmailBackend", ".dummy.EmailBackend", ".filebased.EmailBackend")


def zone_of(user: User) -> tzinfo:
    """The time zone a user's quiet hours are in."""
    return zone(user.time_zone)


def preferences_of(user: User) -> Preferences:
    """A user's wishes, or the defaults in a row that is not saved."""
    return Preferences.objects.filter(user=user).first() or Preferences(user=user)


def held_until(user: User, preferences: Preferences, kind: str, now: datetime) -> datetime | None:
    """When the quiet hours end that hold back this kind of notification; None where nothing does."""
    if kind in URGENT and preferences.urgent_breaks_quiet:
        return None
    return quiet_until(now, preferences.quiet_from, preferences.quiet_to, zone_of(user))


def channels_of(user: User) -> QuerySet[Channel]:
    """A user's channels, oldest first."""
    return Channel.objects.filter(user=user).order_by("id")


def channel_of(user: User, channel_id: int) -> Channel:
    """One of the user's channels. Raises NotFound, also for another user's."""
    channel = channels_of(user).filter(pk=channel_id).first()
    if channel is None:
        raise NotFound(_("There is no such channel."))
    return channel


def channels_for(user: User, kind: str) -> list[Channel]:
    """The user's channels that are on and want this kind."""
    return [channel for channel in channels_of(user).filter(enabled=True) if kind in channel.kinds]


def is_wanted(user: User, kind: str) -> bool:
    """Whether anybody would be told: by e-mail, or through a channel."""
    return kind in preferences_of(user).email_kinds or bool(channels_for(user, kind))


def who_wants(kind: str) -> list[User]:
    """Users who may sign in and want this kind, by e-mail or through a channel that is on."""
    mailed = Preferences.objects.values_list("user_id", "email_kinds")
    channels = Channel.objects.filter(enabled=True).values_list("user_id", "kinds")
    wanting = {user_id for user_id, kinds in [*mailed, *channels] if kind in kinds}
    return list(User.objects.filter(pk__in=among(wanting), is_active=True).order_by("pk"))


def deliveries_of(channel: Channel) -> QuerySet[Delivery]:
    """What went through a channel, or is to, newest first."""
    return Delivery.objects.filter(channel=channel).select_related("event").order_by("-id")


def deliveries_due(now: datetime, most: int) -> list[Delivery]:
    """One due delivery of each channel, of those users who may sign in: the one that waits longest, and those last that
    have failed repeatedly.
    """
    stands_back = ExpressionWrapper(Q(tries__gte=PATIENCE), BooleanField())
    turn = Window(RowNumber(), partition_by=F("channel_id"), order_by=[stands_back, F("next_try_at"), F("id")])
    rows = (
        Delivery.objects.filter(next_try_at__lte=now, channel__user__is_active=True)
        .annotate(place=turn)
        .filter(place=1)
        .select_related("event", "channel", "channel__user")
        .order_by("next_try_at", "id")
    )
    return list(rows[:most])


def marks(kind: Kind) -> QuerySet[Mark]:
    """What of a kind is to be told when it is ripe, the oldest first."""
    return Mark.objects.filter(kind=kind).select_related("user").order_by("first_at", "id")


def mail_reaches_people() -> bool:
    """Whether the operator has set up mail that goes somewhere."""
    return not settings.EMAIL_BACKEND.endswith(_MUTE_BACKENDS)


_CHANNELS = Prepared(
    lambda: User.objects.filter(pk=NOBODY).values_list(
        "notification_preferences__email_kinds",
        "notification_channels__enabled",
        "notification_channels__failures_in_a_row",
        "notification_channels__kinds",
    )
)


def has_working_channel(user: User) -> bool:
    """Whether the user would be told of everything that must not wait, by e-mail or through channels that are on and
    did not fail last time. One query.
    """
    told: set[str] = set()
    for email_kinds, enabled, failures, kinds in _CHANNELS.rows(user.pk):
        if mail_reaches_people():
            told.update(told_by_default() if email_kinds is None else email_kinds)
        if enabled and not failures:
            told.update(kinds)
    return told >= URGENT
