"""A host of public data on this machine, which answers from a walk of its own and fails as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from exchanges.paper import public
from exchanges.paper.market import Control, ControlledMarket, WalkMarket
from exchanges.paper.public_call import PublicCall
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.wire import ApiRefusal, Parameters, RawRequest

START_MS = 1_790_000_123_400
LISTED = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "LTCUSDT", "ADAUSDT", "BNBUSDT", "ETHBTC", "XRPBTC")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now


class Memory:
    """What processes share, by the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[Any, int | None]] = {}

    def get(self, key: str) -> Any:
        value, until = self._kept.get(key, (None, None))
        return None if until is not None and until <= self._clock() else value

    def set(self, key: str, value: Any, timeout: int | None) -> None:
        self._kept[key] = value, None if timeout is None else self._clock() + 1000 * timeout

    def add(self, key: str, value: Any, timeout: int | None) -> bool:
        if self.get(key) is not None:
            return False
        self.set(key, value, timeout)
        return True

    def delete(self, key: str) -> None:
        self._kept.pop(key, None)

    def lose_everything(self) -> None:
        self._kept.clear()


class Host:
    """`trouble` is what it does instead of answering: "drop", "malformed", "form", or a HTTP status."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self.walk = WalkMarket(9, 60, {name: SYMBOLS[name] for name in LISTED})
        self.controls: list[Control] = []
        self.trouble: str | int = ""
        self.wait = {"Retry-After": "120"}
        self.words = ""
        self.asked: list[str] = []
        self.url = ""

    @property
    def market(self) -> ControlledMarket:
        return ControlledMarket(self.walk, self.controls)

    def ask(self, path: str, query: str = "") -> Any:
        """What it answers to this request."""
        raw = RawRequest("GET", path, query.encode())
        call = PublicCall(self.market, Parameters.of(raw), self.now_ms())
        return public.ROUTES["GET", path].handler(call)

    def answer(self, address: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(address)
        self.asked.append(parts.path.removeprefix("/api/v3/"))
        if isinstance(self.trouble, int):
            return self.trouble, self.wait, json.dumps({"code": -1003, "msg": self.words}).encode()
        if self.trouble == "malformed":
            return 200, {}, b'{"symbols": ['
        if self.trouble == "form":
            return 200, {}, b'[{"symbol": "BTCUSDT", "status": 7, "price": "NaN"}, 3]'
        try:
            return 200, {}, json.dumps(self.ask(parts.path, parts.query)).encode()
        except ApiRefusal as error:
            return error.status, {}, json.dumps({"code": error.code, "msg": error.text}).encode()


@contextmanager
def hosting(host: Host) -> Iterator[Host]:
    """`host` at an address of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if host.trouble == "drop":
                self.close_connection = True
                return
            status, headers, body = host.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *parts: object) -> None:
            """Nothing: the test looks at what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
