"""Helpers of the server-rendered pages."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from botbalance.lib.api import json_error
from botbalance.lib.errors import AppError


class ErrorPageMiddleware:
    """Turn our errors into a page (or JSON under /api/) with the right status instead of a 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, AppError):
            return None
        if request.path.startswith("/api/"):
            return json_error(request, error.status, error.code, error.message)
        return render(request, "error.html", {"error": error, "status": error.status}, status=error.status)


def template_for(request: HttpRequest, template: str, fragment: str) -> str:
    """The whole page, or only its fragment when htmx asks: one view serves both."""
    return fragment if getattr(request, "htmx", False) else template


def back(request: HttpRequest, fallback: str) -> HttpResponseRedirect:
    """Redirect to the `next` of the form when it stays on this site, else to `fallback`."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(target if safe else fallback)


def say(request: HttpRequest, error: AppError) -> None:
    """Show an error as a message on the next page."""
    texts = [text for texts in error.fields.values() for text in texts]
    messages.error(request, " ".join([error.message, *texts]))


def add_errors(form: Any, error: AppError) -> None:
    """Put a service's refusal where it belongs on a form: on its fields, or above them."""
    for field, texts in error.fields.items():
        for text in texts:
            form.add_error(field if field in form.fields else None, text)
    if not error.fields:
        form.add_error(None, error.message)


__all__ = [
    "ErrorPageMiddleware",
    "add_errors",
    "back",
    "say",
    "template_for",
]
