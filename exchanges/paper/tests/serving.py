"""The paper exchange as its own process over the database of the test, and bytes sent to it by hand."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connections

from exchanges.paper.wire import Answer, RawRequest

ROOT = Path(__file__).resolve().parents[3]


def database_url() -> str:
    """The paper database of this test, for another process."""
    config = connections["paper"].settings_dict
    if config["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{config['NAME']}"
    place = f"{config['HOST'] or 'localhost'}:{config['PORT'] or 5432}"
    return f"postgres://{config['USER']}:{config['PASSWORD']}@{place}/{config['NAME']}"


def environment(**more: str) -> dict[str, str]:
    """What a process needs to work on the database of this test."""
    settings = {"DJANGO_SETTINGS_MODULE": "botbalance.settings_test", "PAPER_DATABASE_URL": database_url()}
    return {**os.environ, **settings, **more}


@dataclass(frozen=True)
class Server:
    """Where it is, what it said on starting, its process, and the file of its log."""

    url: str
    announcement: str
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@contextmanager
def serving(folder: Path, *options: str, **variables: str) -> Iterator[Server]:
    """`manage.py paperexchange` on a free port until the block ends."""
    log = folder / "paperexchange.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "paperexchange", "--port", "0", *options],
            cwd=ROOT,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Paper exchange is at http://"), line + log.read_text()
        yield Server(line.split()[4], line.strip(), process, log)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def over_http(url: str, request: RawRequest) -> Answer:
    """The answer to a request that is sent as it is, right or wrong, from the address it says (127.…)."""
    target = request.path.encode() + (b"?" + request.query if request.query else b"")
    lines = [request.method.encode() + b" " + target + b" HTTP/1.1", b"Host: paper", b"Connection: close"]
    lines += [f"{name}: {value}".encode() for name, value in request.headers.items()]
    if request.body:
        lines.append(b"Content-Length: %d" % len(request.body))
    place = urlsplit(url)
    with socket.create_connection(
        (str(place.hostname), place.port or 0), timeout=10, source_address=(request.address, 0)
    ) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + request.body)
        response = HTTPResponse(connection, method=request.method)
        response.begin()
        return Answer(response.status, dict(response.getheaders()), response.read())


def exchange(server: Server, *pieces: bytes, half_close: bool = False) -> bytes:
    """What comes back on one connection for these bytes, until the server closes it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
        return received
