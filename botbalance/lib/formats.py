"""In which format the API answers. Loaded by REST framework while its own views are."""

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request


class OneFormat(DefaultContentNegotiation):
    """An address answers in one format, whatever is asked for with `Accept` or `?format=`: nobody need be refused."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
