"""Forms of the account pages. Labels instead of placeholders: a placeholder is gone once one types."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from allauth.account import forms as allauth_forms
from allauth.account.models import EmailAddress
from allauth.account.utils import setup_user_email
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import first_visit, services
from accounts.models import User, languages
from botbalance.lib.moments import UTC_NAME, zones_by_region

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as StrOrPromise


class Plain(forms.BaseForm):
    labels: Mapping[str, "StrOrPromise"] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)


class SignInForm(Plain, allauth_forms.LoginForm):
    labels = {"login": _("E-mail"), "password": _("Password")}


class SignUpForm(Plain, allauth_forms.SignupForm):
    labels = {"email": _("E-mail"), "password1": _("Password")}

    def save(self, request: HttpRequest) -> User:
        """Raises botbalance.lib.errors.Invalid when the address was taken meanwhile."""
        user = services.sign_up(self.cleaned_data["email"], self.cleaned_data["password1"])
        services.guide(user, on=True)
        setup_user_email(request, user, [EmailAddress(email=user.email)])
        return user


class SetUpForm(Plain, allauth_forms.SignupForm):
    """The first account of a server; with the set-up code where the visitor is not at the machine itself."""

    labels = {"email": _("E-mail"), "password1": _("Password")}

    code = forms.CharField(
        label=_("Set-up code"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_("The server prints it where it starts: <code>manage.py prepare</code> and its log show it."),
    )

    def __init__(self, *args: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not first_visit.is_code(code):
            raise forms.ValidationError(_("This is not the set-up code of this server."))
        return code

    def make(self, request: HttpRequest) -> User:
        """The superadmin. Raises Invalid, or Conflict where somebody else was first."""
        user = services.set_up(self.cleaned_data["email"], self.cleaned_data["password1"])
        services.guide(user, on=True)
        setup_user_email(request, user, [EmailAddress(email=user.email)])
        return user


class PasswordChangeForm(Plain, allauth_forms.ChangePasswordForm):
    labels = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("New password, again"),
    }


class PasswordSetForm(Plain, allauth_forms.SetPasswordForm):
    labels = {"password1": _("Password"), "password2": _("Password, again")}


class PasswordResetForm(Plain, allauth_forms.ResetPasswordForm):
    labels = {"email": _("E-mail")}


class PasswordResetKeyForm(Plain, allauth_forms.ResetPasswordKeyForm):
    labels = {"password1": _("New password"), "password2": _("New password, again")}


class LanguageForm(forms.Form):
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=lambda: [("", _("As in the browser")), *languages()],
    )


class TimeZoneForm(forms.Form):
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [
            (UTC_NAME, UTC_NAME),
            *((region, [(name, name) for name in names]) for region, names in zones_by_region()),
        ],
    )


class BeforeForm(forms.Form):
    """Which page of a list: rows older than this one."""

    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)
