"""/api/schema/ and /api/docs/: the document for programs and for people."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from botbalance.openapi import refusals
from botbalance.openapi.document import document
from botbalance.openapi.reading import groups

# By media type: it takes seconds, and never changes while the program runs.
_rendered: dict[str, bytes] = {}


class DocumentView(SpectacularAPIView):
    """The OpenAPI document as YAML, or as JSON with `?format=json`."""

    content_negotiation_class = DefaultContentNegotiation
    schema = None  # it does not describe itself

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        media_type = str(renderer.media_type)
        if media_type not in _rendered:
            text = renderer.render(document(), renderer_context={})
            _rendered[media_type] = text if isinstance(text, bytes) else text.encode()
        return HttpResponse(_rendered[media_type], content_type=media_type)


@cache
def _operations(language: str) -> tuple[int, str]:
    """How many operations there are, and all of them as a part of the page: it is long, and never changes."""
    found = groups(document())
    text = render_to_string("openapi/_groups.html", {"groups": found, "LANGUAGE_CODE": language})
    return sum(len(group.operations) for group in found), text


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document for people, without a script and from this server alone."""
    codes = [(status, code, text.replace("`", "")) for code, (status, text) in refusals.CODES.items()]
    count, operations = _operations(get_language() or "en")
    context = {
        "operations": operations,
        "count": count,
        "codes": codes,
        "root": request.build_absolute_uri("/api/"),
    }
    return render(request, "openapi/docs.html", context)
