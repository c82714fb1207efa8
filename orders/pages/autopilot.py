"""The autopilot's page: the switch, what it will do, what holds it back, and what it decided."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import signed_in
from botbalance.lib.errors import AppError
from botbalance.lib.web import back, say, template_for
from orders import services, telling
from orders.forms import TickFilterForm
from orders.outlook import outlook
from orders.standings import ticks_of
from strategies import selectors as strategies

PAGE = 50


@require_GET
@login_required
@never_cache
def autopilot(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """How the strategy's autopilot stands; htmx asks for the moving part again and again."""
    strategy = strategies.strategy_of(signed_in(request), strategy_id)
    form = TickFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = ticks_of(strategy).select_related("run")
    if wanted.get("status"):
        rows = rows.filter(status=wanted["status"])
    if wanted.get("before"):
        rows = rows.filter(pk__lt=wanted["before"])
    page = list(rows[: PAGE + 1])
    status = wanted.get("status", "")
    filters = {"status": status} if status else {}
    context: dict[str, Any] = {
        "strategy": strategy,
        "rows": telling.tick_rows(page[:PAGE]),
        "chosen": status,
        "statuses": telling.TICK_WORDS.items(),
        "is_first": not wanted.get("before"),
        "first": "?" + urlencode(filters),
        "older": "?" + urlencode({**filters, "before": page[PAGE - 1].pk}) if len(page) > PAGE else "",
        "files": [(_("decisions (CSV)"), f"{reverse('ticks_csv', args=[strategy.pk])}?{urlencode(filters)}")],
        "here": request.get_full_path(),
    }
    if not wanted.get("before"):
        view = outlook(strategy)
        context |= {
            "outlook": view,
            "words": telling.STATE_WORDS[view.state],
            "hold": telling.sentence(view.hold) if view.hold else "",
            "habit": telling.habit(strategy),
            "now": telling.now_line(view),
            "next": telling.next_line(view),
            "guards": telling.guards(view),
            "last_look": telling.relative(view.last_look_at) if view.last_look_at else "",
            "by_schedule": telling.upcoming(view.scheduled_at) if view.scheduled_at else "",
            "next_look": telling.upcoming(view.next_look_at) if view.next_look_at else "",
        }
    return render(request, template_for(request, "orders/autopilot.html", "orders/_autopilot.html"), context)


@require_POST
@login_required
def start(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Switch it on, or let a paused one go on."""
    user = signed_in(request)
    strategy = strategies.strategy_of(user, strategy_id)
    try:
        services.start_autopilot(user, strategy)
    except AppError as error:
        say(request, error)
    else:
        messages.success(request, _("The autopilot of %(name)s is on.") % {"name": strategy.name})
    return back(request, reverse("orders:autopilot", args=[strategy.pk]))


@require_POST
@login_required
def stop_autopilot(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Switch it off; a rebalance it has begun stops."""
    strategy = strategies.strategy_of(signed_in(request), strategy_id)
    try:
        _autopilot, problems = services.stop_autopilot(strategy)
    except AppError as error:
        say(request, error)
        return back(request, reverse("orders:autopilot", args=[strategy.pk]))
    if problems:
        text = _(
            "The autopilot of %(name)s is off. These orders could not be cancelled yet, and are followed up: "
            "%(problems)s"
        )
        messages.warning(request, text % {"name": strategy.name, "problems": " ".join(problems)})
    else:
        messages.success(request, _("The autopilot of %(name)s is off.") % {"name": strategy.name})
    return back(request, reverse("orders:autopilot", args=[strategy.pk]))
