"""What back-tests and sweeps have in common: work that users ask for, and that workers do in their own time."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """What was asked for (`settings` is RunSettings as JSON, with decimals as strings), and what became of it.

    `problem` says why it has failed, `summary` is written once it is done. Of a user only one has an `idempotency_key`.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    # States of which something is still to come.
    ACTIVE = (State.QUEUED, State.RUNNING)

    name = models.CharField(_("name"), max_length=80)
    settings = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    problem = models.TextField(blank=True, default="")
    idempotency_key = models.CharField(max_length=100, null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in self.ACTIVE
