"""The page of API tokens."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.tokens import selectors, services
from accounts.tokens.forms import TokenForm
from botbalance.lib.errors import AppError
from botbalance.lib.web import add_errors

HERE = "accounts:tokens"


def _owner(request: HttpRequest) -> User:
    """The user of a page behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def _show(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    now = timezone.now()
    rows = [(token, token.is_expired(now)) for token in selectors.tokens_of(_owner(request))]
    context = {
        "form": TokenForm(),
        "rows": rows,
        "api_address": request.build_absolute_uri("/api/v1/auth/me"),
        **more,
    }
    return render(request, "accounts/tokens.html", context, status=status)


@require_GET
@login_required
@never_cache
def token_list(request: HttpRequest) -> HttpResponse:
    return _show(request)


@require_POST
@login_required
@never_cache
def create_token(request: HttpRequest) -> HttpResponse:
    """Shows the new token in the answer itself: it is stored nowhere in plain text, so it cannot be shown again."""
    form = TokenForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            row, plain_text = services.create_token(
                _owner(request), name=values["name"], scope=values["scope"], days=values["expires"]
            )
        except AppError as error:
            add_errors(form, error)
            return _show(request, status=error.status, form=form)
        return _show(request, new_token=plain_text, new_row=row)
    return _show(request, status=400, form=form)


@require_POST
@login_required
def revoke_token(request: HttpRequest, key: str) -> HttpResponse:
    services.revoke_token(_owner(request), key)
    messages.success(request, _("The token is revoked."))
    return redirect(HERE)


@require_POST
@login_required
def revoke_all_tokens(request: HttpRequest) -> HttpResponse:
    services.revoke_tokens(_owner(request))
    messages.success(request, _("All tokens are revoked."))
    return redirect(HERE)
