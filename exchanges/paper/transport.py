"""The paper exchange behind `requests`: mounted on a session, it answers in-process what a network would carry.

    session.mount("https://paper.botbalance.invalid", PaperTransport())

The client is the same as against the real exchange; faults of a plan happen here, where a network would fail.
"""

import io
import time
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPResponse

from exchanges.paper import faults
from exchanges.paper.market import Market
from exchanges.paper.rest import handle
from exchanges.paper.wire import Answer, RawRequest


class PaperTransport(BaseAdapter):
    """Answers every request it is given; `market` is by default the one of the settings."""

    def __init__(self, market: Market | None = None) -> None:
        super().__init__()
        self._market = market

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        begun = time.perf_counter()
        raw = _raw(request)
        fault = faults.next_fault(raw.method, raw.path)
        if fault is None:
            given = handle(raw, self._market)
        else:
            given = faults.perform(fault, raw, lambda: handle(raw, self._market), request, _read_timeout(timeout))
        response = _response(request, given)
        response.elapsed = timedelta(seconds=time.perf_counter() - begun)
        if not stream:
            _ = response.content
        return response

    def close(self) -> None:
        """Nothing is held open."""


def _raw(request: requests.PreparedRequest) -> RawRequest:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        raise TypeError("the paper exchange reads form bodies, not streams")
    headers = {str(name): _text(value) for name, value in request.headers.items()}
    return RawRequest((request.method or "GET").upper(), parts.path, parts.query.encode(), body, headers)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _read_timeout(timeout: float | tuple[float | None, float | None] | None) -> float | None:
    """Seconds the client waits for an answer; None: for ever."""
    return timeout[1] if isinstance(timeout, tuple) else timeout


def _response(request: requests.PreparedRequest, given: Answer) -> requests.Response:
    try:
        reason = HTTPStatus(given.status).phrase
    except ValueError:
        reason = ""
    response = requests.Response()
    response.status_code = given.status
    response.reason = reason
    response.headers = CaseInsensitiveDict(given.headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.url = request.url or ""
    response.request = request
    response.raw = HTTPResponse(
        body=io.BytesIO(given.body),
        headers=dict(given.headers),
        status=given.status,
        reason=reason,
        preload_content=False,
    )
    return response
