"""Versions of the API: `/api/v1/…` is the canonical address, `/api/…` the same in the present version.

There is one version today, so both lead to one URL conf; `request.path` stays what was asked for, and with it every
link of an answer.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from botbalance.lib.api import json_error

VERSIONS = ("1",)
PRESENT = VERSIONS[-1]
HEADER = "API-Version"

_ROOT = "/api/"
_VERSIONED = re.compile(r"/api/v(\d+)(/|$)", re.ASCII)


class ApiVersionMiddleware:
    """Leads `/api/v1/…` to the views, refuses versions that do not exist, and names the version in every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(_ROOT):
            return self.get_response(request)
        versioned = _VERSIONED.match(request.path_info)
        if versioned and versioned[1] not in VERSIONS:
            known = ", ".join(f"{_ROOT}v{version}/" for version in VERSIONS)
            text = _("This version of the API does not exist. There is: %(versions)s") % {"versions": known}
            response: HttpResponse = json_error(request, 404, "unknown_version", text)
        else:
            if versioned:
                request.path_info = _ROOT + request.path_info[versioned.end() :]
            response = self.get_response(request)
        response.headers[HEADER] = PRESENT
        return response


def canonical(path: str) -> str:
    """An address of the URL conf as the documentation names it."""
    return f"{_ROOT}v{PRESENT}/{path.removeprefix(_ROOT)}" if path.startswith(_ROOT) else path


def with_versions(endpoints: Iterable[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """A hook of drf-spectacular: the OpenAPI document lists canonical addresses."""
    return [(canonical(path), path_regex, method, view) for path, path_regex, method, view in endpoints]
