"""The form of a new token."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.tokens.models import ApiToken

UNTIL_REVOKED = "never"
EXPIRIES = [
    ("7", _("in a week")),
    ("30", _("in 30 days")),
    ("90", _("in 90 days")),
    ("365", _("in a year")),
    (UNTIL_REVOKED, _("never: until you revoke it")),
]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("Which program it is for, so that you know it later.")
    )
    scope = forms.ChoiceField(
        label=_("It may"),
        choices=[
            (ApiToken.Scope.READ, _("read: see accounts, plans and orders, and change nothing")),
            (ApiToken.Scope.TRADE, _("read and trade: everything you may do yourself")),
        ],
        initial=ApiToken.Scope.READ,
        widget=forms.RadioSelect,
    )
    expires = forms.ChoiceField(label=_("It expires"), choices=EXPIRIES, initial="90")

    def clean_expires(self) -> int | None:
        """In so many days; None: never."""
        chosen: Any = self.cleaned_data["expires"]
        return None if chosen == UNTIL_REVOKED else int(chosen)
