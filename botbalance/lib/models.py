"""SystemSettings: what an operator tunes without a restart."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from solo.models import SingletonModel

from botbalance.lib.fields import MoneyField


class SystemSettings(SingletonModel):
    """One row, typed columns. An empty column means the environment's default; `system_settings.current()` resolves."""

    class PricingSource(models.TextChoices):
        MID = "mid", _("mid: middle of best bid and ask")
        LAST = "last", _("last: last traded price")

    pricing_source = models.CharField(
        _("pricing source"),
        max_length=4,
        choices=PricingSource.choices,
        blank=True,
        help_text=_("Price that values portfolios and plans orders. Empty: PRICING_SOURCE of the environment."),
    )
    pricing_use_cache = models.BooleanField(
        _("share prices through the cache"),
        null=True,
        blank=True,
        help_text=_("Off: every read asks the exchange. Empty: PRICING_USE_CACHE of the environment."),
    )
    pricing_ttl_seconds = models.PositiveIntegerField(
        _("price lifetime, seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(300)],
        help_text=_("How long a cached price serves. Empty: PRICING_TTL_SECONDS of the environment."),
    )
    exchange_info_ttl_seconds = models.PositiveIntegerField(
        _("symbol rules lifetime, seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(3600), MaxValueValidator(21_600)],
        help_text=_(
            "How long the exchange's symbol rules serve, 3600 to 21600. Empty: EXCHANGE_INFO_TTL_SECONDS of the "
            "environment."
        ),
    )
    paper_start_balance = MoneyField(
        _("paper start balance, USDT"),
        null=True,
        blank=True,
        validators=[MinValueValidator(10), MaxValueValidator(1_000_000_000)],
        help_text=_("What a new paper account begins with. Empty: PAPER_START_BALANCE of the environment."),
    )
    trading_enabled = models.BooleanField(
        _("trading enabled"),
        null=True,
        blank=True,
        help_text=_("Off: no order leaves this server, at once. Empty: TRADING_ENABLED of the environment."),
    )

    class Meta:
        verbose_name = _("system settings")
        verbose_name_plural = _("system settings")

    def __str__(self) -> str:
        return "System settings"
