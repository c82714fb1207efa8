"""One back-test: what was asked for, how far it is, what came out."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchanges.models import ExchangeAccount
from strategies.backtest.models.jobs import Job
from strategies.models import Strategy


class BacktestRun(Job):
    """A back-test of one user.

    While it runs, `claim` is the mark of the worker that has it and `beat_at` when that worker was last heard of: one
    that is silent for too long is taken to be dead, and its run is claimed by another. The large part of its outcome is
    in BacktestDetail.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backtests")
    # Where it was begun from, as long as that is there: by then its settings are its own.
    strategy = models.ForeignKey(Strategy, on_delete=models.SET_NULL, null=True, blank=True, related_name="backtests")
    # Whose venue's symbol rules count, and whose holdings it began with where it did.
    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="backtests"
    )
    interval = models.CharField(_("candles"), max_length=5)
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("to"))
    rows_done = models.PositiveIntegerField(default=0)
    rows_total = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    claim = models.CharField(max_length=32, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    beat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(Job.Meta):
        verbose_name = _("back-test")
        verbose_name_plural = _("back-tests")
        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_backtest_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["state", "id"], name="backtest_by_state")]

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
