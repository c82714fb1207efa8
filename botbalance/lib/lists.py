"""Lists of the API: `{results, next}` in pages that stay what they are while rows are added, filters that say what is
wrong with them, and the same rows as a CSV file.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from botbalance.lib.api import OldestLast

MOST_ID = 2**62


class IdField(serializers.IntegerField):
    """A number of a row, as the database can hold it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MOST_ID, **kwargs)


class OldestFirst(OldestLast):
    """Rows of a time series, oldest first, by the moment `at`."""

    ordering = ("at", "id")
    page_size = 500
    max_page_size = 2000

    def position_is_possible(self, position: str) -> bool:
        try:
            moment = parse_datetime(position)
            return moment is not None and moment.tzinfo is not None and bool(moment.astimezone(UTC))
        except (ValueError, OverflowError):  # no date, or one that UTC has not
            return False


class AllInOne(OldestLast):
    """What a user has few of, oldest first: a page takes as many as one may ask for."""

    ordering = "id"
    page_size = 200


class Window(serializers.Serializer[Any]):
    """`from` and `to`: both inclusive, each a time with its zone such as 2026-11-01T00:00:00Z."""

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language and cannot be written as a class attribute.
        text = "Not {} this moment: ISO 8601; UTC where it names no zone."
        times = {
            "from": serializers.DateTimeField(required=False, help_text=text.format("before")),
            "to": serializers.DateTimeField(required=False, help_text=text.format("after")),
        }
        return {**super().get_fields(), **times}

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        start, end = given.get("from"), given.get("to")
        if start is not None and end is not None and end < start:
            raise serializers.ValidationError({"to": [_("This is before “from”.")]})
        return given


class _PageQuery(serializers.Serializer[Any]):
    cursor = serializers.CharField(required=False, help_text="Of the address in `next`; take it as it is.")


def page_query(pages: type[OldestLast] = OldestLast) -> type[serializers.Serializer[Any]]:
    """The parameters of a list, `limit` and `cursor`, for the API's document."""
    most, usual = pages.max_page_size, pages.page_size
    text = f"Rows a page, 1 to {most}; {usual} when left out."
    fields = {"limit": serializers.IntegerField(required=False, min_value=1, max_value=most, help_text=text)}
    return type(f"{pages.__name__}Query", (_PageQuery,), fields)


PAGE = page_query()


def list_of(serializer: type[serializers.Serializer[Any]], **head: serializers.Field[Any, Any, Any, Any]) -> Any:
    """How the answer of a list looks, for the API's document: `{results, next}`, and what stands before them."""
    name = serializer.__name__.removesuffix("Serializer").removesuffix("Out")
    return inline_serializer(
        f"{name}List",
        {
            **head,
            "results": serializer(many=True),
            "next": serializers.URLField(allow_null=True, help_text="Address of the next page; null on the last one."),
        },
    )


def asked(query: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The filters of a request, or a refusal that names those that make no sense."""
    given = query(data=request.query_params)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def within(rows: QuerySet[Any], column: str, wanted: Mapping[str, Any]) -> QuerySet[Any]:
    """Rows of which a moment lies within [from, to], where these are asked for."""
    start: datetime | None = wanted.get("from")
    end: datetime | None = wanted.get("to")
    if start is not None:
        rows = rows.filter(**{f"{column}__gte": start})
    if end is not None:
        rows = rows.filter(**{f"{column}__lte": end})
    return rows


def page(
    request: Request,
    rows: QuerySet[Any],
    serializer: type[serializers.BaseSerializer[Any]],
    *,
    pages: type[OldestLast] = OldestLast,
    **head: Any,
) -> Response:
    """One page of rows as the API answers it: `{**head, results, next}`."""
    paginator = pages()
    shown: list[Model] = list(paginator.paginate_queryset(rows, request) or [])
    results = serializer(shown, many=True).data
    return Response({**head, "results": results, "next": paginator.get_next_link()})
