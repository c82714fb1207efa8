"""The site's addresses, and some that break, so that the pages of errors can be looked at."""

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.csrf import csrf_failure

from botbalance import urls
from botbalance.lib.errors import AppError

handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500


def broken(request: HttpRequest, status: int) -> HttpResponse:
    if status == 400:
        raise BadRequest
    if status == 403:
        raise PermissionDenied
    if status == 429:
        return render(request, "429.html", status=429)
    if status == 500:
        raise ZeroDivisionError
    error = AppError("The account Wohnungseigentumsgemeinschaftsversammlung is busy: a rebalance is under way.")
    error.status = status
    raise error


urlpatterns = [path("broken/csrf/", csrf_failure), path("broken/<int:status>/", broken), *urls.urlpatterns]
