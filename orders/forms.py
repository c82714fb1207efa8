"""What the pages of orders take in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchanges.models import ExchangeAccount
from orders.domain import Status
from orders.models import Tick
from orders.presentation import STATUS_WORDS

MOST = 2**62


def _statuses() -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = [("", _("any")), ("open", _("not ended"))]
    # Two of the exchange's words are one to a reader; the rarer one is left to the API.
    rows += [(status.value, STATUS_WORDS[status].label) for status in Status if status != Status.EXPIRED_IN_MATCH]
    return rows


class ExecuteForm(forms.Form):
    """The plan that was agreed to, and a key that makes two clicks one run."""

    plan_digest = forms.CharField(max_length=20_000)
    idempotency_key = forms.CharField(max_length=100)


class AccountForm(forms.Form):
    """One account, or all of them."""

    account = forms.IntegerField(required=False, min_value=1, max_value=MOST)


class FilterForm(forms.Form):
    account = forms.IntegerField(label=_("Account"), required=False, min_value=1, max_value=MOST)
    status = forms.ChoiceField(label=_("State"), required=False, choices=_statuses)
    side = forms.ChoiceField(
        label=_("Side"), required=False, choices=[("", _("any")), ("BUY", _("buy")), ("SELL", _("sell"))]
    )
    symbol = forms.CharField(
        label=_("Symbol"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off", "spellcheck": "false"}),
    )
    run = forms.IntegerField(required=False, min_value=1, max_value=MOST, widget=forms.HiddenInput)
    before = forms.IntegerField(required=False, min_value=1, max_value=MOST, widget=forms.HiddenInput)

    def __init__(self, accounts: list[ExchangeAccount], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[Any, Any]] = [("", _("all")), *((account.pk, account.label) for account in accounts)]
        self.fields["account"].widget = forms.Select(choices=choices)

    @property
    def shown(self) -> list[forms.BoundField]:
        return [self[name] for name in ("account", "status", "side", "symbol")]


class TickFilterForm(forms.Form):
    """Which ticks: of one status, older than one."""

    status = forms.ChoiceField(required=False, choices=[("", ""), *Tick.Status.choices])
    before = forms.IntegerField(required=False, min_value=1, max_value=MOST)
