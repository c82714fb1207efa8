"""Balances as last read, and the value of an account over time."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from botbalance.lib.fields import MoneyField
from exchanges.models import ExchangeAccount


class AccountBalances(models.Model):
    """The balances an exchange last told us: {"BTC": ["free", "locked"]}, decimals as strings."""

    account = models.OneToOneField(ExchangeAccount, on_delete=models.CASCADE, related_name="balances")
    as_of = models.DateTimeField()
    balances = models.JSONField(default=dict)
    maker_rate = MoneyField(default=0)
    taker_rate = MoneyField(default=0)

    class Meta:
        verbose_name = _("account balances")
        verbose_name_plural = _("account balances")

    def __str__(self) -> str:
        return f"{self.account_id} at {self.as_of:%Y-%m-%d %H:%M:%S}"


class PortfolioSnapshot(models.Model):
    """NAV and holdings of an account at one moment."""

    class Reason(models.TextChoices):
        HOURLY = "hourly", _("hourly")
        FILL = "fill", _("after fills")

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="snapshots")
    at = models.DateTimeField()
    reason = models.CharField(max_length=10, choices=Reason.choices)
    quote = models.CharField(max_length=10)
    nav = MoneyField()
    holdings = models.JSONField(default=list)
    # Of one bitcoin, held or not, in the quote: what performance is measured by. None where there was none, and in rows
    # from before it was recorded.
    bitcoin_price = MoneyField(null=True, blank=True)

    class Meta:
        verbose_name = _("portfolio snapshot")
        verbose_name_plural = _("portfolio snapshots")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["account", "-at"])]

    def __str__(self) -> str:
        return f"{self.account_id} {self.nav} {self.quote}"


class ExplainedBalances(models.Model):
    """What an account held when everything was last accounted for: {"BTC": "0.5"}, free and locked together.

    What it holds later, less this and the fills since (`fills_up_to` is the last one counted), came or went without us.
    """

    account = models.OneToOneField(ExchangeAccount, on_delete=models.CASCADE, related_name="explained_balances")
    at = models.DateTimeField()
    totals = models.JSONField(default=dict)
    fills_up_to = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("explained balances")
        verbose_name_plural = _("explained balances")

    def __str__(self) -> str:
        return f"{self.account_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class CashFlow(models.Model):
    """What came into an account or left it without an order of ours. `amount` is negative for what left."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit", _("deposit")
        WITHDRAWAL = "withdrawal", _("withdrawal")
        TRADE = "trade", _("traded elsewhere")

    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="cash_flows")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    asset = models.CharField(max_length=20)
    amount = MoneyField()
    # In the account's quote when it was noticed; None where the asset had no price.
    value = MoneyField(null=True, blank=True)

    class Meta:
        verbose_name = _("cash flow")
        verbose_name_plural = _("cash flows")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["account", "-at"])]

    def __str__(self) -> str:
        return f"{self.account_id} {self.amount} {self.asset}"
