"""One back-test: what was asked for, how far it is, what came out."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchanges.models import ExchangeAccount
from strategies.models import Strategy


class BacktestRun(models.Model):
    """A back-test of one user.

    `settings` is RunSettings as JSON, with decimals as strings. While it runs, `claim` is the mark of the worker that
    has it and `beat_at` when that worker was last heard of: one that is silent for too long is taken to be dead, and
    its run is claimed by another. `summary` is written once it is done, the rest of the outcome is in BacktestDetail.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backtests")
    # Where it was begun from, as long as that is there: by then its settings are its own.
    strategy = models.ForeignKey(Strategy, on_delete=models.SET_NULL, null=True, blank=True, related_name="backtests")
    # Whose venue's symbol rules count, and whose holdings it began with where it did.
    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="backtests"
    )
    name = models.CharField(_("name"), max_length=80)
    settings = models.JSONField()
    interval = models.CharField(_("candles"), max_length=5)
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("to"))
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    rows_done = models.PositiveIntegerField(default=0)
    rows_total = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    problem = models.TextField(blank=True, default="")
    idempotency_key = models.CharField(max_length=100, null=True, blank=True)
    claim = models.CharField(max_length=32, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    beat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = _("back-test")
        verbose_name_plural = _("back-tests")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_backtest_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["state", "id"], name="backtest_by_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def progress_pct(self) -> int:
        """Whole percent, 100 only when it is done."""
        if self.state == self.State.DONE:
            return 100
        return min(99, self.rows_done * 100 // self.rows_total) if self.rows_total else 0


class BacktestDetail(models.Model):
    """The large part of an outcome, compressed JSON: curves for charts, and every trade. In the database, since web
    servers and workers may be different machines.
    """

    run = models.OneToOneField(BacktestRun, on_delete=models.CASCADE, related_name="detail")
    series = models.BinaryField()
    trades = models.BinaryField()
    trade_count = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("outcome of a back-test")
        verbose_name_plural = _("outcomes of back-tests")

    def __str__(self) -> str:
        return f"{self.run_id}: {self.trade_count}"
