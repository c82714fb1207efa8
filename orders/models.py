"""Runs, their rounds, and the orders that were meant, sent and filled."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from botbalance.lib.fields import MoneyField
from exchanges.models import ExchangeAccount
from orders.domain import FINAL, RESTING, RUN_REASONS, STATUS_CHOICES, Status
from strategies.domain import REASONS
from strategies.models import Strategy


class TickClock(models.Model):
    """The last tick time of a user: ids are made of it, so it only ever goes up."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tick_clock")
    last_tick_ts = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.last_tick_ts}"


class Run(models.Model):
    """One rebalance: rounds of orders until every target is within its band, or a reason to stop."""

    class State(models.TextChoices):
        ACTIVE = "active", _("running")
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")

    class Trigger(models.TextChoices):
        PAGE = "page", _("by hand")
        API = "api", _("by API")
        COMMAND = "command", _("by command")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="runs")
    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    reason_code = models.CharField(max_length=30, blank=True, default="")
    reason_values = models.JSONField(default=dict, blank=True)
    problem = models.CharField(max_length=400, blank=True, default="")
    problems_in_a_row = models.PositiveSmallIntegerField(default=0)
    # After the exchange asked us to slow down: no step before this time.
    not_before = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=100, null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("rebalance")
        verbose_name_plural = _("rebalances")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(state="active"), name="one_active_run_per_account"
            ),
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_run_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.strategy}"

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    @property
    def reason(self) -> str:
        """Why it ended, in the reader's language."""
        template = RUN_REASONS.get(self.reason_code, "")
        return gettext(template).format(**self.reason_values) if template else ""


class Round(models.Model):
    """One plan of a run and the orders made of it, under a tick time of its own."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rounds")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveSmallIntegerField()
    tick_ts = models.BigIntegerField()
    nav = MoneyField()
    allocations = models.JSONField(default=list)
    skips = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="one_round_per_number"),
            models.UniqueConstraint(fields=["user", "tick_ts"], name="one_round_per_tick"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.number}"

    @property
    def readable_skips(self) -> list[dict[str, str]]:
        """What this round left alone: asset, code, and the reason in the reader's language."""
        return [
            {
                "asset": row["asset"],
                "code": row["code"],
                "reason": gettext(REASONS[row["code"]]).format(**row["values"]),
            }
            for row in self.skips
        ]


class Order(models.Model):
    """An intent to trade, and what became of it. The row is committed before anything is sent."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="orders")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="orders")
    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="orders")
    index = models.PositiveSmallIntegerField()
    client_order_id = models.CharField(max_length=36, unique=True)
    exchange_order_id = models.BigIntegerField(null=True, blank=True)
    symbol = models.CharField(max_length=40)
    base_asset = models.CharField(max_length=20)
    quote_asset = models.CharField(max_length=20)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=20, default="LIMIT")
    price = MoneyField()
    quantity = MoneyField()
    executed_quantity = MoneyField(default=Decimal(0))
    cumulative_quote = MoneyField(default=Decimal(0))
    # Executed quantity that fill rows account for; the two differ until the fills have been read.
    recorded_quantity = MoneyField(default=Decimal(0))
    fees = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=20, default=Status.PENDING, choices=STATUS_CHOICES)
    error_code = models.IntegerField(default=0)
    error = models.CharField(max_length=400, blank=True, default="")
    # Its owner, or the end of its run, asked for it to be cancelled: repeated until the exchange has confirmed.
    cancel_requested = models.BooleanField(default=False)
    missing_answers = models.PositiveSmallIntegerField(default=0)
    missing_since_ms = models.BigIntegerField(default=0)
    sent_ms = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"]),
            models.Index(fields=["account", "status"]),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.symbol} {self.client_order_id}"

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def is_resting(self) -> bool:
        return self.status in RESTING

    @property
    def notional(self) -> Decimal:
        return self.price * self.quantity

    @property
    def average_price(self) -> Decimal | None:
        """What the executed part cost on average, None where nothing was executed."""
        return self.cumulative_quote / self.executed_quantity if self.executed_quantity else None

    @property
    def executed_pct(self) -> Decimal:
        return self.executed_quantity / self.quantity * 100 if self.quantity else Decimal(0)


class Fill(models.Model):
    """One trade of an order, as the exchange reports it."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="fills")
    trade_id = models.BigIntegerField()
    price = MoneyField()
    quantity = MoneyField()
    quote_quantity = MoneyField()
    commission = MoneyField()
    commission_asset = models.CharField(max_length=20)
    is_maker = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "trade_id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "trade_id"], name="one_fill_per_trade"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.trade_id}"


class OrderEvent(models.Model):
    """One change of an order, kept for ever."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    executed_quantity = MoneyField(default=Decimal(0))
    detail = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.order_id} {self.kind} {self.status}"
