"""API tokens: what lets a program act as a user, and how far."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiToken(models.Model):
    """Of the token itself only a hash is kept; `key` is its beginning, which names it and opens nothing."""

    class Scope(models.TextChoices):
        READ = "read", _("read")
        TRADE = "trade", _("read and trade")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60, blank=True, default="")
    scope = models.CharField(max_length=5, choices=Scope.choices)
    key = models.CharField(max_length=25, unique=True)
    digest = models.CharField(max_length=128, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or self.key

    @property
    def may_trade(self) -> bool:
        return self.scope == self.Scope.TRADE

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now
