"""GET /live/: what open pages ask again and again (see `asking`)."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.pages import signed_in
from botbalance.status import asking, remembering, selectors, words
from orders.standings import standings_of


@require_GET
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """Whether what a page has seen is still so. It sends the mark of every kind that it shows (see `marks`).

    An unchanged answer is a 204 without a body. Otherwise the header HX-Trigger says what has changed; the body is the
    status bar where that may look different.
    """
    user = signed_in(request)
    remembering.remember_reader(request.session.session_key or "", user.pk)
    news = asking.news_of(user.pk, request.GET)
    if not news.needs_bar:
        return news.answer()
    facts = selectors.facts_of(user, remembering.server_facts(), standings_of(user))
    return news.answer(render(request, "components/status.html", {"status": words.bar_of(facts)}))
