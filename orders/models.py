"""Runs, their rounds, and the orders that were meant, sent and filled."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from botbalance.lib.fields import MoneyField
from botbalance.lib.numbers import in_words
from exchanges.models import ExchangeAccount
from orders.domain import FINAL, LAPSED, RESTING, RUN_REASONS, STATUS_CHOICES, Status
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
        AUTOPILOT = "autopilot", _("by the autopilot")

    class Goal(models.TextChoices):
        BAND = "band", _("what is outside its band")
        TARGET = "target", _("everything to its target")
        BUY = "buy", _("invest a deposit, buying only")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="runs")
    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    goal = models.CharField(max_length=10, choices=Goal.choices, default=Goal.BAND)
    # Middle of the market when each symbol was first planned: what the worst price is measured from.
    first_prices = models.JSONField(default=dict, blank=True)
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
        return gettext(template).format(**in_words(self.reason_values)) if template else ""


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
                "reason": gettext(REASONS[row["code"]]).format(**in_words(row["values"])),
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
    # Of an order between two coins: what one of its quote asset was worth in the strategy's quote when it was planned.
    quote_price = MoneyField(null=True)
    executed_quantity = MoneyField(default=Decimal(0))
    cumulative_quote = MoneyField(default=Decimal(0))
    # Executed quantity that fill rows account for; the two differ until the fills have been read.
    recorded_quantity = MoneyField(default=Decimal(0))
    fees = models.JSONField(default=dict, blank=True)
    # The exchange has forgotten the order before its trades were read (testnet's monthly wipe): they never will be.
    trades_lost = models.BooleanField(default=False)
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
            models.Index(fields=["account", "-updated_at"]),
            models.Index(
                fields=["account"],
                condition=~models.Q(executed_quantity=models.F("recorded_quantity")) & models.Q(trades_lost=False),
                name="fills_unread",
            ),
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
    def was_cut_short(self) -> bool:
        """Whether it ended with something left to trade, by our word or nobody's. Not by a cancel elsewhere: whoever
        did that need not want it back at once. Not by a refusal, which would be repeated.
        """
        ended = self.status in LAPSED or (self.status == Status.CANCELED and self.cancel_requested)
        return ended and self.executed_quantity < self.quantity

    @property
    def is_direct(self) -> bool:
        """Whether it trades two coins for each other."""
        return self.quote_price is not None

    @property
    def was_in_vain(self) -> bool:
        """Whether it was to trade two coins for each other and has ended without: through the quote they still can."""
        return self.is_direct and self.is_final and not self.executed_quantity

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

    # The order's: the newest fills of one user among everybody's are read by it.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
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
        indexes = [models.Index(fields=["at"]), models.Index(fields=["user", "-id"])]
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


class StrangerOrder(models.Model):
    """An open order at an account that is not ours: shown, left alone, and what it locks is not free."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="stranger_orders")
    exchange_order_id = models.BigIntegerField()
    client_order_id = models.CharField(max_length=64, blank=True, default="")
    symbol = models.CharField(max_length=40)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=20)
    price = MoneyField()
    quantity = MoneyField()
    executed_quantity = MoneyField(default=Decimal(0))
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("order placed elsewhere")
        verbose_name_plural = _("orders placed elsewhere")
        ordering = ["symbol", "exchange_order_id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol", "exchange_order_id"], name="one_row_per_stranger")
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.symbol} {self.exchange_order_id}"


class Watch(models.Model):
    """When an account is looked at next, and who is looking at it now. Times in UTC milliseconds.

    `due_ms` is None while there is nothing to look for. A tick claims the account by a conditional update:
    `ticked_due_ms` says for which due time, so that no period is ticked twice, and the lease ends by itself when its
    holder dies.
    """

    account = models.OneToOneField(ExchangeAccount, on_delete=models.CASCADE, primary_key=True, related_name="watch")
    due_ms = models.BigIntegerField(null=True, blank=True, db_index=True)
    # Orders that are not fully known, or a rebalance under way: set with them, cleared under a lock by a tick.
    has_work = models.BooleanField(default=False)
    ticked_due_ms = models.BigIntegerField(default=0)
    lease_until_ms = models.BigIntegerField(default=0)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    # How often the scan found nothing to do since the last tick, and how often there was a tick at all.
    quiet_looks = models.PositiveIntegerField(default=0)
    looked_at_ms = models.BigIntegerField(default=0)
    ticks = models.BigIntegerField(default=0)
    # Its last look had no price young enough to decide by; the first that has one writes down how things are.
    is_blind = models.BooleanField(default=False)
    # Where a tick could do nothing about a drift, the drift alone is no reason for another one before this time.
    hold_until_ms = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("watch")
        verbose_name_plural = _("watches")

    def __str__(self) -> str:
        return f"{self.account_id}"


class Autopilot(models.Model):
    """Whether a strategy trades by itself, and why not when it has paused itself."""

    strategy = models.OneToOneField(Strategy, on_delete=models.CASCADE, primary_key=True, related_name="autopilot")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="autopilots")
    is_on = models.BooleanField(_("on"), default=False)
    started_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_code = models.CharField(max_length=30, blank=True, default="")
    pause_values = models.JSONField(default=dict, blank=True)
    failures_in_a_row = models.PositiveSmallIntegerField(default=0)
    # When the schedule of the modes `periodic` and `both` comes round next.
    scheduled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("autopilot")
        verbose_name_plural = _("autopilots")

    def __str__(self) -> str:
        return f"{self.strategy_id} {'on' if self.is_on else 'off'}"

    @property
    def is_flying(self) -> bool:
        """On, and not paused."""
        return self.is_on and self.paused_at is None


class Tick(models.Model):
    """What the autopilot decided and why. Ticks in a row with the same decision are one row that counts them."""

    class Status(models.TextChoices):
        IDLE = "idle", _("nothing to do")
        WAITING = "waiting", _("waiting")
        ACTED = "acted", _("traded")
        HELD = "held", _("held back")
        FAILED = "failed", _("failed")
        PAUSED = "paused", _("paused")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ticks")
    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="ticks")
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="ticks")
    status = models.CharField(max_length=10, choices=Status.choices)
    code = models.CharField(max_length=30)
    values = models.JSONField(default=dict, blank=True)
    # {"placed": 3, "cancelled": 1, "filled": 2}: what became of orders during the tick.
    actions = models.JSONField(default=dict, blank=True)
    looks = models.PositiveIntegerField(default=1)
    milliseconds = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        verbose_name = _("tick")
        verbose_name_plural = _("ticks")
        ordering = ["-id"]
        indexes = [models.Index(fields=["strategy", "-id"]), models.Index(fields=["user", "-id"])]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.status} {self.code}"
