"""What an owner wants: targets and the limits within which they may be traded towards."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from botbalance.lib.fields import MoneyField
from botbalance.lib.numbers import amount
from exchanges.models import ExchangeAccount


class PercentField(models.DecimalField):
    """A percentage with four decimals; small enough a number for SQLite to keep exactly."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_digits", 8)
        kwargs.setdefault("decimal_places", 4)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def run_validators(self, value: Any) -> None:
        """Limits are told as the reader's language writes them."""
        try:
            super().run_validators(value)
        except ValidationError as error:
            for one in error.error_list:
                if one.params and isinstance(one.params.get("limit_value"), Decimal):
                    one.params = {**one.params, "limit_value": amount(one.params["limit_value"])}
            raise


class Strategy(models.Model):
    """Targets of one account. At most one strategy of an account is active."""

    class Band(models.TextChoices):
        ABSOLUTE = "absolute", _("points of the portfolio")
        RELATIVE = "relative", _("percent of the target")

    class Goal(models.TextChoices):
        TARGET = "target", _("to the target")
        EDGE = "edge", _("to the edge of the band")

    class Calendar(models.TextChoices):
        NONE = "", _("none: the interval counts")
        DAY = "day", _("every day")
        WEEK = "week", _("every Monday")
        MONTH = "month", _("the first of every month")
        QUARTER = "quarter", _("the first of every quarter")

    class Trigger(models.TextChoices):
        THRESHOLD = "threshold", _("when a weight leaves its band")
        PERIODIC = "periodic", _("on schedule, to the targets")
        BOTH = "both", _("on schedule, when a weight is outside its band")

    class Model(models.TextChoices):
        FIXED = "fixed", _("fixed, as typed")
        EQUAL = "equal", _("equal weights")
        MARKET_CAP = "market_cap", _("by market capitalisation")
        INVERSE_VOLATILITY = "inverse_volatility", _("inverse volatility: the calmer, the more")
        RISK_PARITY = "risk_parity", _("risk parity: equal shares of the risk")
        MINIMUM_VARIANCE = "minimum_variance", _("minimum variance: the calmest whole")
        MOMENTUM = "momentum", _("momentum: the best of late")

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
    calendar = models.CharField(
        _("calendar"),
        max_length=10,
        choices=Calendar.choices,
        default=Calendar.NONE,
        blank=True,
        help_text=_("In place of the interval: at midnight UTC, at turns of the calendar."),
    )
    whole_portfolio = models.BooleanField(
        _("then move everything"),
        default=False,
        help_text=_("Off: only what is outside its band is traded. On: once one weight is, all go to their targets."),
    )
    hysteresis_pct = PercentField(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% o" is no placeholder)
        _("inside the edge, % of the band"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("How far inside the edge a trade to the edge ends. 0 is the edge, 100 the target."),
    )
    cost_horizon_days = models.PositiveSmallIntegerField(
        _("cost test, days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_(
            "Trades a coin only where the fee is less than what being off its target would cost over so many days, by "
            "how much its price has moved lately. Empty: no such test."
        ),
    )
    direct_pairs = models.BooleanField(
        _("use direct pairs"),
        default=False,
        help_text=_(
            "On: of one coin too much and of another too little are traded for each other by one order, where that is "
            "cheaper than selling the one and buying the other. Off: everything goes through the quote stablecoin."
        ),
    )
    bnb_for_fees = models.DecimalField(
        _("BNB kept for fees, worth"),
        max_digits=10,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100_000)],
        help_text=_(
            "In the quote stablecoin, where the account pays its fees in BNB. So much is not sold and does not count "
            "towards the targets; when less than half of it is left it is bought again. 0: none."
        ),
    )
    deploy_deposits = models.BooleanField(
        _("invest deposits"),
        default=False,
        help_text=_("On: the autopilot buys with what was paid in, without selling anything."),
    )
    target_model = models.CharField(
        _("weights"),
        max_length=20,
        choices=Model.choices,
        default=Model.FIXED,
        help_text=_("Fixed: you type them. Otherwise a model gives them to the assets of the list, and you confirm."),
    )
    model_total_pct = PercentField(
        _("divided by the model, %"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Share of the portfolio the model divides; the rest stays in the quote stablecoin."),
    )
    model_lookback_days = models.PositiveSmallIntegerField(
        _("days looked back"),
        default=90,
        validators=[MinValueValidator(7), MaxValueValidator(365)],
        help_text=_("Over how many daily closing prices it measures, from 7 to 365."),
    )
    model_refresh_days = models.PositiveSmallIntegerField(
        _("new weights every … days"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("How often new weights are worked out and proposed."),
    )
    model_cap_pct = PercentField(
        _("most for one asset, %"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("In percent of the portfolio. What it cuts off goes to the others. Empty: no limit."),
    )
    model_square_root = models.BooleanField(
        _("weigh by the square root"),
        default=False,
        help_text=_("Evens out: an asset a hundred times as large as another weighs ten times as much."),
    )
    model_top_k = models.PositiveSmallIntegerField(
        _("how many are held"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("The ones whose price has risen most."),
    )
    model_skip_days = models.PositiveSmallIntegerField(
        _("last days left out"),
        default=0,
        validators=[MaxValueValidator(30)],
        help_text=_("Up to 30. What has just jumped often falls back, so some leave out the last week."),
    )
    model_volatility_scaled = models.BooleanField(
        _("the calmer of them weigh more"),
        default=False,
        help_text=_("On: by the inverse of their volatility. Off: equally."),
    )
    model_negative_to_quote = models.BooleanField(
        _("stay out of what has fallen"),
        default=False,
        help_text=_("On: the share of one whose price has fallen stays in the quote stablecoin."),
    )
    model_auto_apply = models.BooleanField(
        _("apply new weights without asking"),
        default=False,
        help_text=_("Off: new weights are proposed, and nothing changes until you apply them."),
    )
    # How its refreshing stands; None, 0 and "" where nothing is known or the weights are fixed.
    model_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    model_refreshed_at = models.DateTimeField(null=True, blank=True)
    model_failures = models.PositiveSmallIntegerField(default=0)
    model_problem = models.TextField(blank=True, default="")
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
    """Target weight of one asset. `market_cap` is a figure its owner typed, `coin_id` where else to read it."""

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="allocations")
    asset = models.CharField(max_length=20)
    weight_pct = PercentField(validators=[MinValueValidator(0), MaxValueValidator(100)])
    keep = MoneyField(_("never sell below"), default=0, validators=[MinValueValidator(0)])
    market_cap = MoneyField(null=True, blank=True, decimal_places=2)
    coin_id = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("target weight")
        verbose_name_plural = _("target weights")
        ordering = ["-weight_pct", "asset"]
        constraints = [models.UniqueConstraint(fields=["strategy", "asset"], name="one_weight_per_asset")]

    def __str__(self) -> str:
        return f"{self.asset} {self.weight_pct} %"


class TargetProposal(models.Model):
    """New weights a model gives to a strategy's assets, and what became of them. At most one of a strategy is open."""

    class State(models.TextChoices):
        OPEN = "open", _("proposed")
        APPLIED = "applied", _("applied")
        DISMISSED = "dismissed", _("dismissed")
        SUPERSEDED = "superseded", _("out of date")

    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="proposals")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    target_model = models.CharField(max_length=20, choices=Strategy.Model.choices)
    # The last day whose closing prices were looked at; None for a model that looks at none.
    closes_until = models.DateField(null=True, blank=True)
    is_automatic = models.BooleanField(default=False)  # applied without asking
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("proposal of a target model")
        verbose_name_plural = _("proposals of target models")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy"], condition=models.Q(state="open"), name="one_open_proposal_per_strategy"
            )
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.created_at:%Y-%m-%d %H:%M} {self.state}"


class ProposedWeight(models.Model):
    """Weight of one asset before and after a proposal, and why: a code of MODEL_REASONS with its values."""

    proposal = models.ForeignKey(TargetProposal, on_delete=models.CASCADE, related_name="rows")
    asset = models.CharField(max_length=20)
    before_pct = PercentField()
    after_pct = PercentField()
    code = models.CharField(max_length=40)
    values = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("proposed weight")
        verbose_name_plural = _("proposed weights")
        ordering = ["-after_pct", "-before_pct", "asset"]
        constraints = [models.UniqueConstraint(fields=["proposal", "asset"], name="one_proposed_weight_per_asset")]

    def __str__(self) -> str:
        return f"{self.asset} {self.before_pct} -> {self.after_pct} %"
