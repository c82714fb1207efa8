"""One shape for every API error, and fields that keep money exact on the wire.

{"error": {"code": "...", "message": "...", "fields": {"name": ["..."]}}}
"""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, serializers
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from botbalance.lib.away import AWAY
from botbalance.lib.errors import AppError
from botbalance.lib.money import plain

logger = logging.getLogger(__name__)

AWAY_SECONDS = 5


class Away(exceptions.APIException):
    status_code = 503
    default_detail = gettext_lazy("This server cannot reach its database or cache. Try again in a moment.")
    default_code = "away"
    wait = AWAY_SECONDS


class TooLarge(exceptions.APIException):
    status_code = 413
    default_detail = gettext_lazy("This request is too large.")
    default_code = "too_large"


def error_body(code: str, message: str, fields: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """The JSON body of every refused API request."""
    return {"error": {"code": code, "message": message, "fields": dict(fields or {})}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: our errors and DRF's in one shape. Anything else stays a 500 and is reported as such."""
    if isinstance(error, Http404):
        error = exceptions.NotFound(_("There is no such thing here."))
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge()
    elif isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError(_("This request cannot be read."))
    elif isinstance(error, AWAY):
        logger.error("database or cache away", exc_info=error)
        error = Away()
    elif isinstance(error, RecursionError):
        logger.warning("a request was nested too deeply", exc_info=error)
        error = exceptions.ParseError(_("This request is nested too deeply."))
    if isinstance(error, AppError):
        set_rollback()
        return Response(error_body(error.code, error.message, error.fields), status=error.status)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    headers: dict[str, str] = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(error.detail)
        return Response(error_body("invalid", _("Some fields need your attention."), fields), error.status_code)
    code = error.get_codes()
    return Response(
        error_body(code if isinstance(code, str) else "error", str(error.detail)), error.status_code, headers=headers
    )


def _flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Nested validation errors as dotted field names: {"allocations.1.weight_pct": ["..."]}."""
    if isinstance(detail, Mapping):
        flat: dict[str, list[str]] = {}
        for name, value in detail.items():
            flat.update(_flatten(value, f"{path}.{name}" if path else str(name)))
        return flat
    if isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        flat = {}
        for index, item in enumerate(detail):
            if item:
                flat.update(_flatten(item, f"{path}.{index}" if path else str(index)))
        return flat
    texts = detail if isinstance(detail, list) else [detail]
    return {path or "non_field_errors": [str(text) for text in texts]}


def json_error(request: HttpRequest, status: int, code: str, message: str) -> JsonResponse:
    """The same shape for what fails before DRF is reached: unknown paths, bad hosts, server errors."""
    return JsonResponse(error_body(code, message), status=status)


class OldestLast(CursorPagination):
    """Pages of rows, newest first, that stay what they are while rows are added: `limit` and `cursor`. A size or a
    cursor that is none is refused, not replaced by another.
    """

    ordering: str | tuple[str, ...] = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        try:
            size: int = serializers.IntegerField(min_value=1, max_value=self.max_page_size).run_validation(given)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({self.page_size_query_param: error.detail}) from None
        return size

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor = super().decode_cursor(request)
        except exceptions.NotFound:
            raise self._no_cursor() from None
        if cursor is not None and cursor.position is not None and not self.position_is_possible(str(cursor.position)):
            raise self._no_cursor()
        return cursor

    def _no_cursor(self) -> exceptions.ValidationError:
        text = _("This is no cursor of this list: take the address in “next” as it is.")
        return exceptions.ValidationError({self.cursor_query_param: [text]})

    def position_is_possible(self, position: str) -> bool:
        """Whether the text of a cursor can be a place in this list."""
        return position.isascii() and position.isdigit() and len(position) <= 18


class AmountField(serializers.DecimalField):
    """An amount: exact in and out, a plain string on the wire, refused when not finite or too long."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 38)
        kwargs.setdefault("decimal_places", 18)
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> str:
        return plain(Decimal(value))
