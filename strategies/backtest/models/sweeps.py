"""A sweep: many settings of one back-test, and the pieces its work is cut into."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from strategies.backtest.models.jobs import Job
from strategies.models import Strategy


class Sweep(Job):
    """A sweep of one user; of nobody when it was begun on the command line.

    `space` is what is varied, `rules` the symbol rules it is tried under: with them every worker computes the same,
    whenever it does. `fingerprint` is of the candles; where they have changed since, the sweep fails rather than mix
    two pasts.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="sweeps"
    )
    # Where it was begun from, as long as that is there: its settings are its own.
    strategy = models.ForeignKey(Strategy, on_delete=models.SET_NULL, null=True, blank=True, related_name="sweeps")
    space = models.JSONField()
    rules = models.JSONField()
    notes = models.JSONField()
    fingerprint = models.CharField(max_length=64)
    objective = models.CharField(max_length=10)
    held_out_ms = models.BigIntegerField()  # candles that end after it are not looked at before the choice is made
    windows = models.PositiveSmallIntegerField()
    paths = models.PositiveIntegerField()
    seed = models.PositiveIntegerField()
    settings_total = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta(Job.Meta):
        verbose_name = _("sweep")
        verbose_name_plural = _("sweeps")
        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_sweep_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["state", "id"], name="sweep_by_state")]


class SweepChunk(models.Model):
    """A piece of a sweep's work, for one worker. The pieces of a stage may be done at the same time; a stage begins
    when all before it are done.

    `claim` is the mark of the worker that has it, until `lease_until`: one that is silent for longer is taken to be
    dead, and its piece is claimed by another. `result` is compressed, "" where nothing is left of it to keep.
    """

    class Stage(models.IntegerChoices):
        SETTINGS = 0, _("settings are tried")
        JUDGE = 1, _("the best is judged")
        PATHS = 2, _("other pasts are tried")
        FINISH = 3, _("the result is put together")

    sweep = models.ForeignKey(Sweep, on_delete=models.CASCADE, related_name="chunks")
    stage = models.PositiveSmallIntegerField(choices=Stage.choices)
    first = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    is_done = models.BooleanField(default=False)
    claim = models.CharField(max_length=40, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    result = models.BinaryField(default=b"")

    class Meta:
        verbose_name = _("piece of a sweep")
        verbose_name_plural = _("pieces of sweeps")
        ordering = ["stage", "first"]
        constraints = [models.UniqueConstraint(fields=["sweep", "stage", "first"], name="one_piece_of_a_sweep")]

    def __str__(self) -> str:
        return f"{self.sweep_id} {self.get_stage_display()} {self.first}"
