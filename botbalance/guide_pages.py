"""The page of the first steps, the way to the next one, and leaving or resuming them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import services as accounts
from accounts.pages import signed_in
from botbalance.guide import guide_of
from botbalance.lib.web import back


@require_GET
@login_required
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """All steps with what they are about."""
    return render(request, "guide.html", {"steps": guide_of(signed_in(request))})


@require_GET
@login_required
@never_cache
def following(request: HttpRequest) -> HttpResponse:
    """To the page of the first step that is not done."""
    step = guide_of(signed_in(request)).following
    if step is None or not step.view:
        return redirect("guide" if step else "dashboard")
    return redirect(reverse(step.view, args=[] if step.pk is None else [step.pk]))


@require_POST
@login_required
def switch(request: HttpRequest) -> HttpResponse:
    """Be led from page to page (`on` is 1), or not any more."""
    is_on = request.POST.get("on") == "1"
    accounts.guide(signed_in(request), on=is_on)
    return back(request, reverse("guide_next" if is_on else "dashboard"))
