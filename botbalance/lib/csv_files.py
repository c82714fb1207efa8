"""Rows as a CSV file (RFC 4180), written while it is read: memory does not grow with the file.

Amounts are exact and plain, times ISO 8601 in UTC. Text that a spreadsheet would take for a formula gets an apostrophe
in front; numbers, also those below zero, are left as they are.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from botbalance.lib.money import plain

CONTENT_TYPE = "text/csv"
A_CHUNK = 1000  # rows read at once
A_WRITE = 200  # lines written at once
# What spreadsheets begin a formula with; the wide forms are read like the narrow ones by some.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Columns = Mapping[str, Callable[[Any], Any]]
"""The header of every column, and how its value is read from a row."""


def cell(value: Any) -> str:
    """A value as it stands in the file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return safe(str(value))


def safe(text: str) -> str:
    """A text that no spreadsheet computes."""
    return f"'{text}" if text.startswith(FORMULA) else text


class _Line:
    """What csv.writer writes a line to."""

    def write(self, line: str) -> str:
        return line


def lines(columns: Columns, rows: Iterable[Any]) -> Iterator[str]:
    """The file line by line, its header first. Lines end with CR LF."""
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(read(row)) for read in columns.values()])


def in_chunks(rows: QuerySet[Any], *, oldest_first: bool = False) -> Iterator[Any]:
    """All rows, newest first by their number or oldest first by `at`, read a chunk at a time.

    Each chunk is a query of its own: no cursor stays open in the database while somebody's slow line takes the file.
    """
    rows = rows.order_by("at", "pk") if oldest_first else rows.order_by("-pk")
    chunk = list(rows[:A_CHUNK])
    while chunk:
        yield from chunk
        if len(chunk) < A_CHUNK:
            return
        last = chunk[-1]
        later = Q(at__gt=last.at) | Q(at=last.at, pk__gt=last.pk) if oldest_first else Q(pk__lt=last.pk)
        chunk = list(rows.filter(later)[:A_CHUNK])


def answer(name: str, columns: Columns, rows: Iterable[Any]) -> StreamingHttpResponse:
    """The file as an attachment of this name."""
    language = translation.get_language()

    def content() -> Iterator[str]:
        source = lines(columns, rows)
        while True:
            # Sentences are read row by row, when the language of the request is long forgotten.
            with translation.override(language):
                batch = "".join(islice(source, A_WRITE))
            if not batch:
                return
            yield batch

    return StreamingHttpResponse(
        content(),
        content_type=f"{CONTENT_TYPE}; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or "",
            "Cache-Control": "no-store",
        },
    )


def file_name(kind: str, whose: str, start: datetime | None, end: datetime | None) -> str:
    """orders-paper-3-2026-11-01-2026-11-22.csv: what, of whom, from and to which day by UTC; to today where no end is
    asked for, and all until then where no beginning is.
    """

    def day(moment: datetime) -> date:
        return moment.astimezone(UTC).date()

    last = day(end or timezone.now())
    days = f"{day(start)}-{last}" if start is not None else f"until-{last}"
    return f"{kind}-{slugify(whose, allow_unicode=True) or 'account'}-{days}.csv"
