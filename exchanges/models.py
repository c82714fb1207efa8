"""Where a user's money is: an account at an exchange, or at the paper exchange."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from fernet_fields import EncryptedCharField


class ExchangeAccount(models.Model):
    """One account of one user. Keys are encrypted at rest and shown back as their last four characters."""

    class Venue(models.TextChoices):
        PAPER = "paper", _("Paper (no real money)")
        BINANCE = "binance", _("Binance Spot")

    class Status(models.TextChoices):
        UNCHECKED = "unchecked", _("not checked yet")
        OK = "ok", _("working")
        REFUSED = "refused", _("refused by the exchange")
        PAUSED = "paused", _("paused")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exchange_accounts")
    label = models.CharField(_("label"), max_length=40)
    venue = models.CharField(_("venue"), max_length=10, choices=Venue.choices, default=Venue.PAPER)
    quote = models.CharField(_("quote stablecoin"), max_length=10, default="USDT")
    api_key = EncryptedCharField(max_length=300, blank=True, default="")
    api_secret = EncryptedCharField(max_length=4000, blank=True, default="")
    key_tail = models.CharField(max_length=4, blank=True, default="")
    # The exchange's own number of the account, as it said last: an answer with another is somebody else's.
    exchange_uid = models.BigIntegerField(null=True, blank=True, editable=False)
    # Keys of the paper exchange, apart from the real ones: they must never be sent to a real exchange, or the reverse.
    paper_key = EncryptedCharField(max_length=100, blank=True, default="")
    paper_secret = EncryptedCharField(max_length=100, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.UNCHECKED)
    status_reason = models.CharField(max_length=400, blank=True, default="")
    checked_at = models.DateTimeField(null=True, blank=True)
    # Whether the account pays commission in BNB, as the exchange said last; None before anybody has asked.
    pays_in_bnb = models.BooleanField(null=True, editable=False)
    fee_asset_read_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("exchange account")
        verbose_name_plural = _("exchange accounts")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "label"], condition=models.Q(archived_at=None), name="one_label_per_user"
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def has_own_keys(self) -> bool:
        return bool(self.api_key and self.api_secret)


class TrafficState(models.Model):
    """The ledger of requests where there is no Redis: what is known of one host, or of one account's orders there.

    Nothing here has to outlive a crash: the exchange's next answer tells what is used, and bans are TrafficPauses.
    """

    key = models.CharField(primary_key=True, max_length=300)
    state = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("exchange traffic")
        verbose_name_plural = _("exchange traffic")

    def __str__(self) -> str:
        return self.key


class TrafficPause(models.Model):
    """The last long pause, or ban, that a host has asked for: what the ledger's store may lose, and must not forget.

    Times in ms on our clock; `status` is the HTTP status that began it.
    """

    host = models.CharField(primary_key=True, max_length=300)
    since_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    status = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = _("traffic pause")
        verbose_name_plural = _("traffic pauses")

    def __str__(self) -> str:
        return self.host
