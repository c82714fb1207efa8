"""The pages of notifications: what is e-mailed, quiet hours, channels, and what went through each."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.notifications import forms, selectors, services
from accounts.notifications.models import Channel, Kind
from accounts.pages import signed_in
from botbalance.lib.errors import AppError, Invalid
from botbalance.lib.web import add_errors, say

DELIVERIES_SHOWN = 20


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """Wishes and channels; a POST saves the wishes."""
    user = signed_in(request)
    if request.method == "GET":
        known = selectors.preferences_of(user)
        names = ("email_kinds", "quiet_from", "quiet_to", "urgent_breaks_quiet")
        return _overview(request, forms.PreferencesForm(initial={name: getattr(known, name) for name in names}))
    form = forms.PreferencesForm(request.POST)
    if not form.is_valid():
        return _overview(request, form, status=400)
    try:
        services.save_preferences(user, **form.cleaned_data)
    except AppError as error:
        add_errors(form, error)
        return _overview(request, form, status=error.status)
    messages.success(request, _("Saved."))
    return redirect("notifications:overview")


def _overview(request: HttpRequest, form: forms.PreferencesForm, status: int = 200) -> HttpResponse:
    user = signed_in(request)
    context = {
        "form": form,
        "channels": selectors.channels_of(user),
        "kinds": dict(Kind.choices),
        "has_mail": selectors.mail_reaches_people(),
        "is_told": selectors.has_working_channel(user),
    }
    return render(request, "accounts/notifications/overview.html", context, status=status)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Choose a sort of channel, then its form: `?sort=`. The secret of a webhook is shown in the answer, this once."""
    sort = request.GET.get("sort", "")
    if sort not in forms.FORMS:
        choices = [(name, form.heading) for name, form in forms.FORMS.items()]
        return render(request, "accounts/notifications/choose.html", {"choices": choices})
    form = forms.FORMS[sort](request.POST if request.method == "POST" else None)
    context = {"form": form, "sort": sort}
    if request.method == "GET":
        return render(request, "accounts/notifications/add.html", context)
    if form.is_valid():
        values = form.cleaned_data
        try:
            channel, secret = services.create_channel(
                signed_in(request),
                type_=form.type_,
                name=values["name"],
                address=form.made_address(),
                kinds=values["kinds"],
                enabled=values["enabled"],
            )
        except AppError as error:
            _add_errors(form, error)
        else:
            messages.success(request, _("%(name)s is saved. Try whether it works.") % {"name": channel.name})
            if secret:
                return _show(request, channel, new_secret=secret)
            return redirect("notifications:channel", channel.pk)
    return render(request, "accounts/notifications/add.html", context, status=400)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """One channel: its settings, and what went through it."""
    row = selectors.channel_of(signed_in(request), channel_id)
    if request.method == "GET":
        return _show(request, row)
    form = _form_of(row, request.POST)
    status = 400
    if form.is_valid():
        values = form.cleaned_data
        try:
            services.change_channel(
                row,
                name=values["name"],
                address=form.made_address(),
                kinds=values["kinds"],
                enabled=values["enabled"],
            )
        except AppError as error:
            _add_errors(form, error)
            status = error.status
            row.refresh_from_db()
        else:
            messages.success(request, _("Saved."))
            return redirect("notifications:channel", row.pk)
    return _show(request, row, form=form, status=status)


def _form_of(row: Channel, data: Any = None) -> forms.ChannelForm:
    form = forms.WebhookForm if row.type == Channel.Type.WEBHOOK else forms.AppriseForm
    return form(data, is_new=False, initial={"name": row.name, "kinds": row.kinds, "enabled": row.enabled})


def _add_errors(form: forms.ChannelForm, error: AppError) -> None:
    """What is wrong with an address belongs to the field that its form has for it."""
    fields = {form.address_field if name == "address" else name: texts for name, texts in error.fields.items()}
    add_errors(form, Invalid(error.message, fields=fields))


def _show(request: HttpRequest, row: Channel, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "channel": row,
        "form": _form_of(row),
        "deliveries": selectors.deliveries_of(row)[:DELIVERIES_SHOWN],
        **more,
    }
    return render(request, "accounts/notifications/channel.html", context, status=status)


@require_POST
@login_required
def test(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Send a trial now, and say how it went."""
    row = selectors.channel_of(signed_in(request), channel_id)
    try:
        problem = services.test_channel(row)
    except AppError as error:
        say(request, error)
    else:
        if problem:
            values = {"name": row.name, "problem": problem}
            messages.error(request, _("The trial through %(name)s did not arrive: %(problem)s") % values)
        else:
            messages.success(request, _("The trial through %(name)s arrived.") % {"name": row.name})
    return redirect("notifications:channel", row.pk)


@require_POST
@login_required
@never_cache
def rotate(request: HttpRequest, channel_id: int) -> HttpResponse:
    """A new secret of a webhook, shown in the answer itself, this once."""
    row = selectors.channel_of(signed_in(request), channel_id)
    try:
        secret = services.rotate_secret(row)
    except AppError as error:
        say(request, error)
        return redirect("notifications:channel", row.pk)
    return _show(request, row, new_secret=secret)


@require_POST
@login_required
def delete(request: HttpRequest, channel_id: int) -> HttpResponse:
    row = selectors.channel_of(signed_in(request), channel_id)
    services.delete_channel(row)
    messages.success(request, _("%(name)s is removed.") % {"name": row.name})
    return redirect("notifications:overview")
