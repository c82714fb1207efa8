"""Forms of the account pages. Labels instead of placeholders: a placeholder is gone once one types."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from allauth.account import forms as allauth_forms
from allauth.account.models import EmailAddress
from allauth.account.utils import setup_user_email
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.models import User, languages

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
        user = services.register(self.cleaned_data["email"], self.cleaned_data["password1"])
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


class BeforeForm(forms.Form):
    """Which page of a list: rows older than this one."""

    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)
