"""What an owner wants: targets and the limits within which they may be traded towards."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchanges.models import ExchangeAccount


class PercentField(models.DecimalField):
    """A percentage with four decimals; small enough a number for SQLite to keep exactly."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_digits", 8)
        kwargs.setdefault("decimal_places", 4)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]


class Strategy(models.Model):
    """Targets of one account. At most one strategy of an account is active."""

    class Band(models.TextChoices):
        ABSOLUTE = "absolute", _("points of the portfolio")
        RELATIVE = "relative", _("percent of the target")

    class Goal(models.TextChoices):
        TARGET = "target", _("to the target")
        EDGE = "edge", _("to the edge of the band")

    class Trigger(models.TextChoices):
        THRESHOLD = "threshold", _("when a weight leaves its band")
        PERIODIC = "periodic", _("on schedule, to the targets")
        BOTH = "both", _("on schedule, when a weight is outside its band")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="strategies")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="strategies")
    name = models.CharField(_("name"), max_length=60)
    quote = models.CharField(_("quote stablecoin"), max_length=10, default="USDT")
    order_size_pct = PercentField(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% o" is no placeholder)
        _("order size, % of portfolio"),
        default=25,
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(100)],
        help_text=_("Largest single order. Smaller orders move the market less and take more rounds."),
    )
    min_delta_pct = PercentField(
        _("band, %"),
        default=1,
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(50)],
        help_text=_("How far a weight may drift from its target before it is traded."),
    )
    band_type = models.CharField(_("band measured in"), max_length=10, choices=Band.choices, default=Band.ABSOLUTE)
    order_step_pct = PercentField(
        _("price step, %"),
        default=0,
        validators=[MinValueValidator(-5), MaxValueValidator(5)],
        help_text=_(
            "Buy below and sell above the middle of the market by this much. 0 fills soon; more is cheaper and slower; "
            "a negative step takes what is offered at once."
        ),
    )
    trade_to = models.CharField(_("trade"), max_length=10, choices=Goal.choices, default=Goal.TARGET)
    quote_reserve_pct = PercentField(
        _("quote reserve, %"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Share of the portfolio in the quote stablecoin that buys never touch."),
    )
    max_orders = models.PositiveSmallIntegerField(
        _("most orders a round"), default=20, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    max_turnover_pct = PercentField(
        _("most turnover a day, %"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("Bought and sold together within 24 hours, in percent of the portfolio. Empty: no limit."),
    )
    sell_unlisted = models.BooleanField(
        _("sell coins that are not in the list"),
        default=False,
        help_text=_("Off: coins without a target are left alone and do not count. On: they are sold."),
    )
    order_lifetime_seconds = models.PositiveIntegerField(
        _("order lifetime, seconds"),
        default=60,
        validators=[MinValueValidator(10), MaxValueValidator(86_400)],
        help_text=_("An order that has not filled by then is cancelled and priced anew."),
    )
    trigger_mode = models.CharField(
        _("the autopilot acts"), max_length=10, choices=Trigger.choices, default=Trigger.THRESHOLD
    )
    interval_minutes = models.PositiveIntegerField(
        _("interval, minutes"),
        default=1440,
        validators=[MinValueValidator(30), MaxValueValidator(40_320)],
        help_text=_("From 30 minutes to 28 days (40320). Only for the modes with a schedule."),
    )
    reprice_distance_pct = PercentField(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% f" is no placeholder)
        _("reprice beyond, % from the middle"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(50)],
        help_text=_(
            "An open order further from the middle of the market is priced anew before its lifetime is over. "
            "Empty: only its lifetime counts."
        ),
    )
    worst_price_pct = PercentField(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% f" is no placeholder)
        _("worst price, % from the first"),
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(50)],
        help_text=_(
            "Within one rebalance no order is priced worse than this against the price at its start: "
            "it rests there and waits. Empty: the price is followed."
        ),
    )
    deploy_deposits = models.BooleanField(
        _("invest deposits"),
        default=False,
        help_text=_("On: the autopilot buys with what was paid in, without selling anything."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("strategy")
        verbose_name_plural = _("strategies")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(is_active=True), name="one_active_strategy_per_account"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Allocation(models.Model):
    """Target weight of one asset."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="allocations")
    asset = models.CharField(max_length=20)
    weight_pct = PercentField(validators=[MinValueValidator(0), MaxValueValidator(100)])

    class Meta:
        ordering = ["-weight_pct", "asset"]
        constraints = [models.UniqueConstraint(fields=["strategy", "asset"], name="one_weight_per_asset")]

    def __str__(self) -> str:
        return f"{self.asset} {self.weight_pct} %"
