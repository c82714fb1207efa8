"""SystemSettings: what an operator tunes without a restart."""

from decimal import Decimal

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

    kill_switch_cancels = models.BooleanField(
        _("switching trading off cancels open orders"),
        null=True,
        blank=True,
        help_text=_("Off: open orders stay at the exchange. Empty: KILL_SWITCH_CANCELS of the environment."),
    )
    idle_balance_seconds = models.PositiveIntegerField(
        _("balance lifetime of idle accounts, seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(60), MaxValueValidator(3600)],
        help_text=_(
            "How long balances serve the autopilot while nothing of ours can have changed them. Shorter notices "
            "deposits sooner and costs more of the exchange's request weight. Empty: IDLE_BALANCE_SECONDS of the "
            "environment."
        ),
    )
    stale_price_seconds = models.PositiveIntegerField(
        _("oldest price to trade on, seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(5), MaxValueValidator(600)],
        help_text=_("Nothing is traded on older prices. Empty: STALE_PRICE_SECONDS of the environment."),
    )
    price_jump_pct = models.DecimalField(
        _("price jump that stops trading, %"),
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(100)],
        help_text=_(
            "A coin whose price is further than this from its recent median is not traded. Empty: PRICE_JUMP_PCT of "
            "the environment."
        ),
    )
    price_jump_minutes = models.PositiveIntegerField(
        _("minutes of the recent median"),
        null=True,
        blank=True,
        validators=[MinValueValidator(3), MaxValueValidator(60)],
        help_text=_("Empty: PRICE_JUMP_MINUTES of the environment."),
    )
    max_order_nav_pct = models.DecimalField(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% o" is no placeholder)
        _("largest order, % of the portfolio"),
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(100)],
        help_text=_("Whatever a strategy says, no order is larger. Empty: MAX_ORDER_NAV_PCT of the environment."),
    )
    max_open_orders = models.PositiveIntegerField(
        _("most open orders of an account"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text=_("No order is sent beyond it. Empty: MAX_OPEN_ORDERS of the environment."),
    )
    failures_before_pause = models.PositiveIntegerField(
        _("failures before the autopilot pauses a strategy"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Counted in a row. Empty: FAILURES_BEFORE_PAUSE of the environment."),
    )

    class Meta:
        verbose_name = _("system settings")
        verbose_name_plural = _("system settings")

    def __str__(self) -> str:
        return "System settings"
