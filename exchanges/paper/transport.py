"""The paper exchange behind `requests`: mounted on a session, it answers in-process what a network would carry.

    session.mount("https://paper.botbalance.invalid", PaperTransport())

The client is the same as against the real exchange; faults of a plan happen here, where a network would fail. The
header X-Paper-Fault is obeyed only where `obey_header` says so, and the product never does.
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
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError

from exchanges.paper import faults
from exchanges.paper.market import Market
from exchanges.paper.rest import handle
from exchanges.paper.wire import Answer, RawRequest

_HOST = "paper.botbalance.invalid"


class PaperTransport(BaseAdapter):
    """Answers every request it is given; `market` is by default the one of the settings."""

    def __init__(self, market: Market | None = None, *, obey_header: bool = False) -> None:
        super().__init__()
        self._market = market
        self._obey_header = obey_header

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
        try:
            fault = self._fault(raw)
        except ValueError as error:
            return _response(request, faults.malformed(error))
        if fault is None:
            given = handle(raw, self._market)
        else:
            outcome = faults.happen(fault, lambda: handle(raw, self._market))
            given = _meet(outcome, request, _read_timeout(timeout))
        response = _response(request, given)
        response.elapsed = timedelta(seconds=time.perf_counter() - begun)
        if not stream:
            _ = response.content
        return response

    def close(self) -> None:
        """Nothing is held open."""

    def _fault(self, raw: RawRequest) -> faults.Fault | None:
        text = raw.header(faults.HEADER) if self._obey_header and faults.are_allowed() else ""
        return faults.parse_header(text) if text else faults.next_fault(raw.method, raw.path)


def _meet(outcome: faults.Outcome, request: requests.PreparedRequest, wait: float | None) -> Answer:
    """The answer of an outcome, or the exception by which `requests` tells of a failure. `wait` is the client's read
    timeout in seconds: nobody waits longer than that, and a test need not wait at all.
    """
    if outcome.failure == "refused":
        refused = NewConnectionError(HTTPConnection(_HOST), "Connection refused")
        failed = MaxRetryError(HTTPConnectionPool(_HOST), request.url or "", refused)
        raise requests.exceptions.ConnectionError(failed, request=request)
    if outcome.failure == "reset":
        raise requests.exceptions.ConnectionError(
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            request=request,
        )
    if outcome.answer is not None and outcome.is_repeated:
        return outcome.answer  # the second one would arrive on a connection, and there is none
    if outcome.answer is None or (wait is not None and outcome.seconds > wait):
        time.sleep(outcome.seconds if wait is None else min(outcome.seconds, wait))
        raise requests.exceptions.ReadTimeout(f"Read timed out. (read timeout={wait})", request=request)
    time.sleep(outcome.seconds)
    return outcome.answer


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
