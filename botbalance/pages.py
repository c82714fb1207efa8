"""The dashboard, and what needs several floors."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from botbalance.lib.api import json_error


def dashboard(request):
    return HttpResponse("")


def disconnect_account(request, account_id):
    return HttpResponse("")


def reset_paper_account(request, account_id):
    return HttpResponse("")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the shape the asker expects."""
    if request.path.startswith("/api/"):
        return json_error(request, 404, "not_found", "There is no such address.")
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 in the shape the asker expects; the error itself is logged, never shown."""
    if request.path.startswith("/api/"):
        return json_error(request, 500, "server_error", "Something went wrong here. It has been logged.")
    return render(request, "500.html", status=500)
