"""Filtering by many numbers at once."""

import json
from collections.abc import Iterable

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.expressions import RawSQL


def among(numbers: Iterable[int], using: str = DEFAULT_DB_ALIAS) -> RawSQL:
    """For a filter such as `pk__in=among(ids)`: one parameter, however many numbers there are.

    A parameter each costs more time than the query itself once there are hundreds.
    """
    known = list(numbers)
    if connections[using].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [known])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(known)])
