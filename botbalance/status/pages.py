"""What open pages ask again and again: has anything changed?

An unchanged answer is a 204 without a body. Otherwise the header HX-Trigger says what has changed and how to ask next
time, for static/live.js; the body is the status bar where that may look different.
"""

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.pages import signed_in
from botbalance.status import marks, remembering, selectors, words
from orders.standings import standings_of

# Of what the bar tells; how much the money is worth, it does not.
OF_THE_BAR = frozenset({"orders", "looks"})


@require_GET
@login_required
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Whether what a page has seen is still so. It sends the mark of every kind that it shows (see `marks`)."""
    user = signed_in(request)
    server = remembering.server_facts()
    found = {name: mark for name, mark in marks.marks_of(user, server).items() if name in request.GET}
    if "jobs" in request.GET:
        found["jobs"] = marks.mark_of_jobs(user)
    changed = [name for name, mark in found.items() if request.GET[name] != mark]
    if not changed:
        return HttpResponse(status=204)
    if OF_THE_BAR.isdisjoint(changed):
        response = HttpResponse(status=204)
    else:
        facts = selectors.facts_of(user, server, standings_of(user))
        response = render(request, "components/status.html", {"status": words.bar_of(facts)})
    told: dict[str, object] = {"changed": changed, "marks": found}
    if "worth" in changed:
        told["worth"] = selectors.worth_of(user, request.GET.get("account", ""))
    response["HX-Trigger"] = json.dumps({"live": told})
    return response
