"""How users wish to be told: their channels, quiet hours, and what is on its way."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from fernet_fields import EncryptedTextField


class Kind(models.TextChoices):
    """What there is to tell. The values are part of the API."""

    FILLS = "fills", _("Orders filled (one digest per rebalance)")
    REBALANCE = "rebalance_done", _("A rebalance has ended")
    PAUSED = "autopilot_paused", _("The autopilot has paused")
    KEY_REFUSED = "key_refused", _("The exchange refuses a key")
    KILL_SWITCH = "kill_switch", _("Trading is switched off, or on again")
    WEIGHTS = "new_weights", _("New weights of a target model")
    SUMMARY = "daily_summary", _("Daily summary")


# What must not wait until somebody looks.
URGENT = frozenset({Kind.PAUSED, Kind.KEY_REFUSED, Kind.KILL_SWITCH})
# What stands on every page until it is dismissed.
ON_PAGES = URGENT | {Kind.WEIGHTS}


def told_by_default() -> list[str]:
    """Kinds that are e-mailed to somebody who has chosen nothing, in the order of the list."""
    return [kind.value for kind in Kind if kind in ON_PAGES]


class Preferences(models.Model):
    """One user's wishes; no row: the defaults. Quiet hours are in the user's time zone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notification_preferences"
    )
    email_kinds = models.JSONField(default=told_by_default)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    urgent_breaks_quiet = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("notification preferences")
        verbose_name_plural = _("notification preferences")

    def __str__(self) -> str:
        return str(self.user_id)


class Channel(models.Model):
    """A way to reach a user besides e-mail to their own address. Its address holds secrets: encrypted, never shown."""

    class Type(models.TextChoices):
        APPRISE = "apprise", _("Service")
        WEBHOOK = "webhook", _("Webhook")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_channels")
    type = models.CharField(max_length=10, choices=Type.choices)
    name = models.CharField(_("name"), max_length=40)
    address = EncryptedTextField()
    # Of webhooks only: what their bodies are signed with.
    secret = EncryptedTextField(blank=True, default="")
    # What may be shown of the address: the service, and its host where users choose one.
    hint = models.CharField(max_length=300)
    kinds = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=400, blank=True, default="")
    failed_at = models.DateTimeField(null=True, blank=True)
    worked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("notification channel")
        verbose_name_plural = _("notification channels")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_channel_per_name")]

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """Something that was told. Its id is the same in every try, so that a receiver knows what it has already."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=2000, blank=True, default="")
    link = models.CharField(max_length=200, blank=True, default="")
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """One event on its way through one channel. Written together with the event; sent by a task, at least once."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    tries = models.PositiveSmallIntegerField(default=0)
    # None when it has arrived, or was tried often enough.
    next_try_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    # Quiet hours keep it back until then.
    held_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["event", "channel"], name="one_delivery_per_channel")]
        indexes = [models.Index(fields=["next_try_at"], condition=Q(next_try_at__isnull=False), name="deliveries_due")]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.channel_id}"


class Mark(models.Model):
    """Something happened that is to be told when there is no more to come: what it is about, and since when.

    `position`: what the app that marks it needs to find the beginning.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    subject = models.BigIntegerField()
    position = models.BigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_mark_per_subject")]
        indexes = [models.Index(fields=["kind", "first_at"], name="marks_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Told(models.Model):
    """What everybody was told last of something that concerns the whole server."""

    name = models.CharField(max_length=40, primary_key=True)
    value = models.CharField(max_length=40)

    class Meta:
        verbose_name = _("last told")
        verbose_name_plural = _("last told")

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
