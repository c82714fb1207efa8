"""The document, made once a process: it depends on nothing but the program."""

from functools import cache
from typing import Any

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, in English whoever asks first."""
    with translation.override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made
