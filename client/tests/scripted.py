"""A server that answers what a test tells it to, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """`lost`: the connection ends without one."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False


Tell = Callable[[Asked], Answer]


@dataclass
class Scripted:
    url: str
    asked: list[Asked]
    tell: Tell


def refused(status: int, code: str, message: str = "No.") -> Answer:
    return Answer(status, {"error": {"code": code, "message": message, "fields": {}}})


@contextmanager
def scripted(tell: Tell) -> Iterator[Scripted]:
    """Serve on a port of its own; `tell` may be replaced meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            asked = Asked(self.command, self.path, dict(self.headers), json.loads(text) if text else None)
            here.asked.append(asked)
            answer = here.tell(asked)
            if answer.lost:
                self.close_connection = True
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests read what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Scripted(f"http://127.0.0.1:{server.server_address[1]}", [], tell)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
