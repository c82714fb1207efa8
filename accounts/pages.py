"""Signing in and out, passwords (allauth's views, in our words), and the Account page."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account import views
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import first_visit, forms, selectors, services
from accounts.models import User
from accounts.notifications.services import hold_anew
from accounts.tokens.selectors import live_tokens
from accounts.tokens.services import revoke_tokens
from botbalance.lib.errors import AppError, Conflict
from botbalance.lib.moments import UTC_NAME
from botbalance.lib.web import add_errors, back, say

logger = logging.getLogger(__name__)

# What fails when a mail cannot be handed over: no route, no server, a refusal, a time-out.
MAIL_FAILURES = (OSError, SMTPException)


def remember_language(response: HttpResponseBase, language: str) -> None:
    """Make this browser speak the user's language, as Django's own language switch does; empty forgets it."""
    if not language:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


# --- Signing in and up ------------------------------------------------------------------------------------


class _NotBeforeSetUp:
    """On a server without users there is nobody to sign in: whoever comes is led to making the first account."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if selectors.is_unused():
            return redirect("set_up")
        response: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response


class SignInView(_NotBeforeSetUp, views.LoginView):
    form_class = forms.SignInForm

    def form_valid(self, form: forms.SignInForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        user = self.request.user
        if user.is_authenticated and user.language:
            remember_language(response, user.language)
        return response


class SignUpView(_NotBeforeSetUp, views.SignupView):
    form_class = forms.SignUpForm

    def form_valid(self, form: forms.SignUpForm) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except AppError as error:
            add_errors(form, error)
            response = self.form_invalid(form)
        return response


@sensitive_post_parameters("password1", "code")
@require_http_methods(["GET", "POST"])
@never_cache
def set_up(request: HttpRequest) -> HttpResponse:
    """The first visitor of a server that has never had a user makes its superadmin, and is signed in."""
    if not selectors.is_unused():
        return redirect("account_login")
    needs_code = not first_visit.is_at_this_machine(request)
    form = forms.SetUpForm(request.POST or None, needs_code=needs_code)
    if request.method == "POST" and form.is_valid():
        try:
            user = form.make(request)
        except Conflict as error:
            say(request, error)
            return redirect("account_login")
        except AppError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("This server is yours: you are its superadmin."))
            response: HttpResponse = perform_login(request, user, email_verification="none")
            return response
    status = 400 if form.errors else 200
    return render(request, "account/set_up.html", {"form": form, "needs_code": needs_code}, status=status)


# --- Passwords --------------------------------------------------------------------------------------------


class PasswordChangeView(views.PasswordChangeView):
    """Django signs out the other browsers; whoever holds an API token must not stay in either."""

    form_class = forms.PasswordChangeForm

    def get_default_success_url(self) -> str:
        return reverse("accounts:settings")

    def form_valid(self, form: forms.PasswordChangeForm) -> HttpResponse:
        revoke_tokens(form.user)
        response: HttpResponse = super().form_valid(form)
        return response


class PasswordSetView(views.PasswordSetView):
    form_class = forms.PasswordSetForm

    def get_default_success_url(self) -> str:
        return reverse("accounts:settings")


class PasswordResetView(views.PasswordResetView):
    form_class = forms.PasswordResetForm
    success_url = reverse_lazy("account_reset_password_done")

    def form_valid(self, form: forms.PasswordResetForm) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except MAIL_FAILURES:
            # A mail goes out for unknown addresses too, so this refusal tells nothing about the address.
            logger.exception("the password reset mail could not be sent")
            form.add_error(None, _("The mail could not be sent. Try again later, or ask whoever runs this server."))
            response = self.render_to_response(self.get_context_data(form=form), status=503)
        return response


class PasswordResetFromKeyView(views.PasswordResetFromKeyView):
    form_class = forms.PasswordResetKeyForm

    def form_valid(self, form: forms.PasswordResetKeyForm) -> HttpResponse:
        revoke_tokens(self.reset_user)
        response: HttpResponse = super().form_valid(form)
        return response


# --- The Account page -------------------------------------------------------------------------------------


def signed_in(request: HttpRequest) -> User:
    """The user of a page behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def _show(request: HttpRequest, **more: Any) -> HttpResponse:
    user = signed_in(request)
    context = {
        "language_form": forms.LanguageForm(initial={"language": user.language}),
        "time_zone_form": forms.TimeZoneForm(initial={"time_zone": user.time_zone or UTC_NAME}),
        "live_tokens": live_tokens(user).count(),
        **more,
    }
    status = more.get("status", 200)
    return render(request, "accounts/settings.html", context, status=status)


@require_GET
@login_required
@never_cache
def account_settings(request: HttpRequest) -> HttpResponse:
    return _show(request)


@require_POST
@login_required
@never_cache
def set_language(request: HttpRequest) -> HttpResponse:
    form = forms.LanguageForm(request.POST)
    if not form.is_valid():
        return _show(request, language_form=form, status=400)
    user = services.set_language(signed_in(request), form.cleaned_data["language"])
    response = redirect("accounts:settings")
    remember_language(response, user.language)
    return response


@require_POST
@login_required
@never_cache
def set_time_zone(request: HttpRequest) -> HttpResponse:
    """Chosen on the Account page, or offered by a script where the browser is in another zone than the pages are."""
    form = forms.TimeZoneForm(request.POST)
    if not form.is_valid():
        return _show(request, time_zone_form=form, status=400)
    user = services.set_time_zone(signed_in(request), form.cleaned_data["time_zone"])
    hold_anew(user)
    messages.success(request, _("Times are shown in %(zone)s from now on.") % {"zone": user.time_zone})
    return back(request, reverse("accounts:settings"))


# --- Notices ----------------------------------------------------------------------------------------------

NOTICES_SHOWN = 50


@require_GET
@login_required
@never_cache
def notice_list(request: HttpRequest) -> HttpResponse:
    """Everything the user was told, newest first."""
    form = forms.BeforeForm(request.GET)
    rows = selectors.notices_of(signed_in(request))
    before = form.cleaned_data["before"] if form.is_valid() else None
    if before:
        rows = rows.filter(pk__lt=before)
    page = list(rows[: NOTICES_SHOWN + 1])
    shown = page[:NOTICES_SHOWN]
    context = {
        "notices": shown,
        "any_unseen": any(notice.seen_at is None for notice in shown),
        "is_first": not before,
        "older": f"?before={shown[-1].pk}" if len(page) > NOTICES_SHOWN else "",
    }
    return render(request, "accounts/notices.html", context)


@require_POST
@login_required
def dismiss(request: HttpRequest, notice_id: int) -> HttpResponse:
    services.dismiss(selectors.notice_of(signed_in(request), notice_id))
    return back(request, reverse("accounts:notices"))


@require_POST
@login_required
def dismiss_all(request: HttpRequest) -> HttpResponse:
    services.dismiss_all(signed_in(request))
    return back(request, reverse("accounts:notices"))
