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


class WriteOnlyTextarea(forms.Textarea):
    """Room for a private key of several lines; what was typed is never sent back to the browser."""

    def __init__(self) -> None:
        super().__init__(
            attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "class": "mono"}
        )

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


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
    api_secret = forms.CharField(
        label=_("API secret, or private key"),
        required=False,
        widget=WriteOnlyTextarea,
        help_text=_("For an RSA or Ed25519 key: the private key, from BEGIN to END."),
    )

    @property
    def key_fields(self) -> list[Any]:
        return [self["api_key"], self["api_secret"]]


class RenameForm(forms.Form):
    label = forms.CharField(label=_("Label"), max_length=40)
