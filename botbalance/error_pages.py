"""What is answered when no view could: JSON under /api/, a page elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.translation import gettext as _

from botbalance.lib.api import json_error


def _answer(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return json_error(request, status, code, message)
    if status == 500:
        # Without context processors: they ask the database, which may be what failed.
        return HttpResponse(get_template("500.html").render(), status=status)
    return render(request, f"{status}.html", status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, "bad_request", _("This request could not be understood."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404, "not_found", _("There is no such address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """The error itself is logged, never shown."""
    return _answer(request, 500, "server_error", _("Something went wrong here. It has been logged."))
