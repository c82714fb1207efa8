"""Conversions of small balances to BNB, each meant, sent once, and what became of it."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from botbalance.lib.fields import MoneyField
from exchanges.models import ExchangeAccount


class DustSweep(models.Model):
    """One request to convert. The row is committed before anything is sent.

    `lines` are [{"asset", "amount", "received", "charge"}] once it is done, decimals as strings; `received` is BNB
    after the charge.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("to be sent")
        UNKNOWN = "unknown", _("being looked up")
        DONE = "done", _("converted")
        FAILED = "failed", _("not converted")

    UNRESOLVED = (State.PENDING, State.UNKNOWN)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="dust_sweeps")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="dust_sweeps")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    assets = models.JSONField(default=list)
    idempotency_key = models.CharField(max_length=100, null=True, blank=True)
    # When it was sent, on our clock in UTC milliseconds; 0 where it was not.
    sent_ms = models.BigIntegerField(default=0)
    transaction_id = models.BigIntegerField(null=True, blank=True)
    lines = models.JSONField(default=list, blank=True)
    received = MoneyField(default=Decimal(0))
    charge = MoneyField(default=Decimal(0))
    # What one BNB was worth in the account's quote when it was planned; None where that was not known.
    bnb_price = MoneyField(null=True, blank=True)
    # Why it was not done, or is not known, in its owner's language.
    problem = models.CharField(max_length=400, blank=True, default="")
    executed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # When what became of it was known here.
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("conversion of small balances")
        verbose_name_plural = _("conversions of small balances")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(state__in=("pending", "unknown")),
                name="one_unresolved_sweep_per_account",
            ),
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_dust_sweep_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.state}"

    @property
    def is_resolved(self) -> bool:
        return self.state not in self.UNRESOLVED
