"""Forms of exchange accounts. What the service refuses is added to the field it is about."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchanges.models import ExchangeAccount

QUOTES = ("USDT", "USDC", "FDUSD")


class WriteOnlyInput(forms.PasswordInput):
    """Shown while it is typed, never sent back to the browser."""

    input_type = "text"

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "class": "mono"})


class HiddenTypingInput(WriteOnlyInput):
    input_type = "password"

    def __init__(self) -> None:
        super().__init__()
        self.attrs["autocomplete"] = "new-password"  # or browsers fill in the password of this site


class ConnectForm(forms.Form):
    """A paper account needs a label; a Binance account a key as well."""

    venue = forms.ChoiceField(
        label=_("Where"),
        choices=ExchangeAccount.Venue.choices,
        widget=forms.RadioSelect,
        initial=ExchangeAccount.Venue.PAPER,
    )
    label = forms.CharField(
        label=_("Label"), max_length=40, help_text=_("Your name for it, up to 40 characters: Paper, Main, Savings …")
    )
    quote = forms.ChoiceField(
        label=_("Quote stablecoin"),
        choices=[(quote, quote) for quote in QUOTES],
        initial="USDT",
        help_text=_("What the account is valued in and what coins are bought with. It stays with the account."),
    )
    api_key = forms.CharField(label=_("API key"), max_length=200, required=False, widget=WriteOnlyInput)
    api_secret = forms.CharField(label=_("API secret"), max_length=200, required=False, widget=HiddenTypingInput)

    @property
    def key_fields(self) -> list[Any]:
        return [self["api_key"], self["api_secret"]]


class RenameForm(forms.Form):
    label = forms.CharField(label=_("Label"), max_length=40)
