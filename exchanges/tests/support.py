"""An exchange made of a script, and an exchange made of sockets, for tests of the client."""

import io
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.domain import NewOrder, Side
from exchanges.tests.ledgers import Naps, meter

DATABASES = ["default", "paper"]
SHARED = Path(settings.BASE_DIR).parent / "shared" / "binance"
needs_shared = [
    pytest.mark.needs_shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/binance is not there"),
]

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
API_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BASE_URL = "https://exchange.test"
NOW = 1_700_000_000_000

ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": "abc",
    "transactTime": NOW,
    "price": "50000.00000000",
    "origQty": "0.00100000",
    "executedQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
}
ACCOUNT = {
    "makerCommission": 10,
    "takerCommission": 10,
    "canTrade": True,
    "balances": [{"asset": "USDT", "free": "10000.00000000", "locked": "0.00000000"}],
}


def new_order(**changes: Any) -> NewOrder:
    fields = {
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "price": Decimal("50000"),
        "quantity": Decimal("0.001"),
        "client_order_id": "abc",
    }
    return NewOrder(**{**fields, **changes})


Reply = requests.Response | Exception | Callable[[requests.PreparedRequest], requests.Response]


def reply(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> requests.Response:
    """An HTTP answer; `body` is JSON unless it is text."""
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers or {})
    response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    return response


def refusal(status: int, code: int, text: str = "Refused.", **headers: str) -> requests.Response:
    return reply(
        {"code": code, "msg": text}, status, {name.replace("_", "-"): value for name, value in headers.items()}
    )


class Script(BaseAdapter):
    """A transport that answers from a list, the last one for ever, and keeps every request as it was prepared."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__()
        self.replies = list(replies)
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.requests.append(request)
        given = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(given, Exception):
            raise given
        response = given(request) if callable(given) and not isinstance(given, requests.Response) else given
        return _as_from_a_network(response, request)

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def sent(self) -> list[str]:
        """What was asked for, in order: `GET /api/v3/time`."""
        return [f"{request.method} {urlsplit(request.url or '').path}" for request in self.requests]


def _as_from_a_network(given: requests.Response, request: requests.PreparedRequest) -> requests.Response:
    """A copy whose body has yet to be read."""
    response = requests.Response()
    response.status_code, response.headers = given.status_code, given.headers
    response.request, response.url = request, request.url or ""
    response.raw = HTTPResponse(
        io.BytesIO(given.content), headers=dict(given.headers), status=given.status_code, preload_content=False
    )
    return response


class Client:
    """A BinanceAdapter over a script; `waits` are the seconds it would have slept.

    Each has a ledger of its own, unless it shares another's.
    """

    def __init__(
        self,
        *replies: Reply,
        base_url: str = BASE_URL,
        shared_with: "Client | None" = None,
        account: int = 1,
        **options: Any,
    ) -> None:
        self.script = Script(*replies)
        naps = Naps()
        self.waits = naps.seconds
        session = new_session()
        session.trust_env = False
        session.mount(base_url, self.script)
        options = {"api_key": API_KEY, "api_secret": API_SECRET, "clock": lambda: NOW, **options}
        known = shared_with.meter if shared_with else meter(naps.now_ms)
        self.meter = replace(known, account=account)
        self.adapter = BinanceAdapter(base_url, session=session, meter=self.meter, sleep=naps.sleep, **options)

    @property
    def sent(self) -> list[str]:
        return self.script.sent


def sent_text(request: requests.PreparedRequest) -> str:
    """The signed text of a request exactly as it goes on the wire: its query, or its body."""
    query = urlsplit(request.url or "").query
    body = request.body or ""
    assert isinstance(body, str)
    return query + body


Conversation = Callable[[socket.socket], None]


class SocketServer:
    """A server on this machine that treats every connection as told."""

    def __init__(self, conversation: Conversation, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._conversation = conversation
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            if self._closed.is_set():
                connection.close()
                return
            self.connections += 1
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self._conversation(connection)
            except OSError:
                pass  # the client has gone, which some of these conversations are about
            finally:
                connection.close()

    def close(self) -> None:
        self._closed.set()
        # A connection of our own wakes the accept() that closing alone would leave waiting.
        with socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join(5)
        self._listener.close()


@contextmanager
def server(conversation: Conversation, tls: ssl.SSLContext | None = None) -> Iterator[SocketServer]:
    made = SocketServer(conversation, tls)
    try:
        yield made
    finally:
        made.close()


def read_request(connection: socket.socket) -> bytes:
    """The whole request: its head, and as much body as the head announces."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
