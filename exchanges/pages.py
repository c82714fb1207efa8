"""The pages of exchange accounts: the list, connecting, renaming, checking the key."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.web import add_errors, back
from exchanges import selectors, services
from exchanges.forms import ConnectForm, RenameForm
from exchanges.models import ExchangeAccount
from exchanges.verdicts import Verdict

# The key of a session under which the list finds what was just asked.
VERDICT = "exchanges_verdict"
STATUS_BADGES = {
    ExchangeAccount.Status.OK: "ok",
    ExchangeAccount.Status.UNCHECKED: "",
    ExchangeAccount.Status.REFUSED: "bad",
    ExchangeAccount.Status.PAUSED: "warn",
}


@require_GET
@login_required
@never_cache
def account_list(request: HttpRequest) -> HttpResponse:
    asked = request.session.pop(VERDICT, {})
    rows = [
        {
            "account": account,
            "badge": STATUS_BADGES[ExchangeAccount.Status(account.status)],
            "is_paper": account.venue == ExchangeAccount.Venue.PAPER,
            "verdict": Verdict.from_json(asked["checks"]) if asked.get("account") == account.pk else None,
        }
        for account in selectors.accounts_of(signed_in(request))
    ]
    return render(request, "exchanges/list.html", {"rows": rows, "most": services.MAX_ACCOUNTS_PER_USER})


@sensitive_post_parameters("api_key", "api_secret")
@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def connect(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _connect_page(request, ConnectForm())
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return _connect_page(request, form, status=400)
    user, verdict = signed_in(request), Verdict()
    try:
        account = services.connect_account(user, **form.cleaned_data, verdict=verdict)
    except AppError as error:
        add_errors(form, error)
        # Of a paper account, or a form that nobody could be asked with, there is nothing to say.
        return _connect_page(request, form, verdict if len(verdict.found) > 1 else None, status=error.status)
    if account.status == ExchangeAccount.Status.OK:
        messages.success(request, _("%(label)s is connected.") % {"label": account.label})
        if account.status_reason:
            messages.warning(request, account.status_reason)
    else:
        messages.info(request, f"{account.label}: {account.status_reason or account.get_status_display()}")
    if account.has_own_keys:
        request.session[VERDICT] = {"account": account.pk, "checks": verdict.as_json()}
        return back(request, reverse("exchanges:list"))
    if user.is_guided and selectors.accounts_of(user).count() == 1:
        return back(request, reverse("guide_next"))
    return back(request, f"{reverse('dashboard')}?account={account.pk}")


def _connect_page(
    request: HttpRequest, form: ConnectForm, verdict: Verdict | None = None, *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "verdict": verdict,
        "environment": settings.EXCHANGE_ENV,
        "server_addresses": settings.SERVER_PUBLIC_IP,
    }
    return render(request, "exchanges/connect.html", context, status=status)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def rename(request: HttpRequest, account_id: int) -> HttpResponse:
    account = selectors.account_of(signed_in(request), account_id)
    form = RenameForm(request.POST or None, initial={"label": account.label})
    status = 200
    if request.method == "POST":
        status = 400
        form = RenameForm(request.POST)
        if form.is_valid():
            try:
                services.rename_account(account, form.cleaned_data["label"])
            except AppError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("It is called %(label)s now.") % {"label": form.cleaned_data["label"]})
                return redirect("exchanges:list")
    return render(request, "exchanges/rename.html", {"form": form, "account": account}, status=status)


@require_POST
@login_required
def check(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask the exchange whether the account's key works."""
    verdict = Verdict()
    account = services.check_account(selectors.account_of(signed_in(request), account_id), verdict)
    if account.has_own_keys and verdict.found:
        request.session[VERDICT] = {"account": account.pk, "checks": verdict.as_json()}
    if account.status == ExchangeAccount.Status.PAUSED:
        paused = _("%(label)s is paused: whoever runs this server has paused it, and only they can let it go on.")
        messages.error(request, f"{paused % {'label': account.label}} {account.status_reason}".strip())
    elif account.status == ExchangeAccount.Status.OK and not account.status_reason:
        messages.success(request, _("%(label)s works: the exchange answered.") % {"label": account.label})
    else:
        reason = account.status_reason or account.get_status_display()
        say = messages.warning if account.status == ExchangeAccount.Status.OK else messages.error
        say(request, _("%(label)s: %(reason)s") % {"label": account.label, "reason": reason})
    return back(request, reverse("exchanges:list"))
