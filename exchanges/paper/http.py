"""The paper exchange as an HTTP/1.1 server, for clients in other processes and other languages.

cheroot carries connections and threads; what is the exchange's own is here: the target of a request reaches it byte for
byte (a signature is over these bytes), every malformed request has an answer, and a fault breaks the connection itself.
One line is logged for each request, without its query, its headers or its body.
"""

import ipaddress
import logging
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Literal

from cheroot.errors import MaxSizeExceeded
from cheroot.makefile import StreamReader, StreamWriter
from cheroot.server import Gateway, HTTPConnection, HTTPRequest, HTTPServer
from django.db import connections

from exchanges.paper import drawn_faults, faults, store
from exchanges.paper.market import Market
from exchanges.paper.rest import ROUTES, handle
from exchanges.paper.wire import Answer, ApiRefusal, RawRequest, answer, refusal

logger = logging.getLogger(__name__)

THREADS = 16
MOST_BODY_BYTES = 1_000_000
MOST_HEADER_BYTES = 64_000
REQUEST_MS = 20_000
"""So long a whole request may take to arrive, and so long its answer to be taken: each holds a thread meanwhile."""
IDLE_SECONDS = 30
"""A connection on which nothing is asked for so long is closed."""
SILENT_SECONDS = 60
"""How long a fault without `seconds` keeps a client waiting that never gives up."""
LINGER_SECONDS = 2
_MOST_LINGERED_BYTES = 10 * MOST_BODY_BYTES

_METHOD = re.compile(rb"[A-Z]{1,20}")
_VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_LENGTH = re.compile(rb"[0-9]{1,12}")
_CONTROL = re.compile(rb"[\x00-\x20\x7f]")


class _Malformed(Exception):
    """A request that cannot be read: its status and why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class _Request(HTTPRequest):
    """Reads the head of a request as it is, in bytes; cheroot's own parser would decode its path and stumble over what
    is not ASCII.
    """

    def read_request_line(self) -> bool:
        line = self.rfile.readline()
        self.started_request = True
        if line == b"\r\n":  # an empty line before a request is forgiven, one only
            line = self.rfile.readline()
        if not line:
            return False
        try:
            self._parse(line)
        except _Malformed as error:
            self.refuse(error)
            return False
        return True

    def _parse(self, line: bytes) -> None:
        parts = line.removesuffix(b"\r\n").split(b" ")
        if not line.endswith(b"\r\n") or len(parts) != 3:
            raise _Malformed(400, "malformed request line")
        self.method, target, self.request_protocol = parts
        version = _VERSION.fullmatch(self.request_protocol)
        if version is None:
            raise _Malformed(400, "malformed version of HTTP")
        if version[1] != b"1":
            raise _Malformed(505, "HTTP/1.1 is spoken here")
        self.response_protocol = "HTTP/1.0" if version[2] == b"0" else "HTTP/1.1"
        if not _METHOD.fullmatch(self.method):
            raise _Malformed(400, "malformed method")
        target = target if target.startswith(b"/") else _ABSOLUTE.sub(b"", target, count=1) or b"/"
        if (not target.startswith(b"/") and target != b"*") or b"#" in target or _CONTROL.search(target):
            raise _Malformed(400, "malformed request target")
        self.uri, self.authority = target, b""
        self.path, _, self.qs = target.partition(b"?")

    def read_request_headers(self) -> bool:
        if not super().read_request_headers():
            return False
        length, coding = self.inheaders.get(b"Content-Length"), self.inheaders.get(b"Transfer-Encoding")
        if length is not None and (coding is not None or not _LENGTH.fullmatch(length)):
            self.refuse(_Malformed(400, "malformed Content-Length"))
            return False
        return True

    def simple_response(self, status: Any, msg: Any = "") -> None:
        """What cheroot itself answers, in the form of everything else here."""
        self.refuse(_Malformed(int(str(status)[:3]), str(msg) or str(status)[4:]))

    def refuse(self, error: _Malformed) -> None:
        """Answer a request that cannot be read; the connection ends, since nobody knows where the next one begins."""
        self.close_connection = True
        given = answer({"code": 0, "msg": error.text[:200]}, error.status)
        try:
            send(self, given, getattr(self, "method", b""))
            self._linger()
        except OSError:
            logger.info("a client was gone before it was told: %s", error.text)

    def _linger(self) -> None:
        """Take in what is still being sent, within bounds: with unread bytes the connection would end in a reset, and
        the answer might be lost in it.
        """
        connection = self.conn.socket
        connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + LINGER_SECONDS
        taken = 0
        with suppress(TimeoutError):
            while taken < _MOST_LINGERED_BYTES and (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                chunk = connection.recv(65_536)
                if not chunk:
                    return
                taken += len(chunk)


class _TimedSocket(socket.SocketIO):
    """A socket's bytes until a deadline, however few of them come at a time; then TimeoutError."""

    def __init__(self, connection: socket.socket, mode: Literal["r", "w"], milliseconds: int) -> None:
        super().__init__(connection, mode)
        self._connection = connection
        self._milliseconds = milliseconds
        self.begin()

    def begin(self) -> None:
        """The time runs from now on."""
        self._until = time.monotonic_ns() + self._milliseconds * 1_000_000

    def readinto(self, buffer: Any) -> int | None:
        self._limit()
        return super().readinto(buffer)

    def write(self, data: Any) -> int | None:
        self._limit()
        return super().write(data)

    def _limit(self) -> None:
        left = self._until - time.monotonic_ns()
        if left <= 0:
            raise TimeoutError("timed out")  # the words by which cheroot knows that a 408 is due
        self._connection.settimeout(left / 1_000_000_000)


class _Reader(StreamReader):
    """cheroot's reader over a socket with a deadline, which its own constructor does not take."""

    def __init__(self, raw: _TimedSocket, size: int) -> None:
        super(StreamReader, self).__init__(raw, size)
        self.bytes_read = 0


class _Writer(StreamWriter):
    """The same for its writer."""

    def __init__(self, raw: _TimedSocket, size: int) -> None:
        super(StreamWriter, self).__init__(raw, size)
        self.bytes_written = 0


_STREAMS: dict[str, Any] = {"rb": _Reader, "wb": _Writer}


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request
    is_reset = False
    """End with a RST, as a broken network does, instead of a FIN."""
    has_waited = False

    def __init__(self, server: "_Server", connection: socket.socket, _make_file: object) -> None:
        self._incoming = _TimedSocket(connection, "r", server.request_ms)
        self._outgoing = _TimedSocket(connection, "w", server.request_ms)

        raw = {"rb": self._incoming, "wb": self._outgoing}
        super().__init__(server, connection, lambda _connection, mode, size: _STREAMS[mode](raw[mode], size))

    def communicate(self) -> bool:
        """One request. Something of it is there already, so its time begins now."""
        self._incoming.begin()
        return bool(super().communicate())

    def begin_answer(self) -> None:
        """What is written from now on has its own time."""
        self._outgoing.begin()

    def _close_kernel_socket(self) -> None:
        if self.is_reset:
            # Closing a socket that lingers for no time throws away what is unsent and resets the connection.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            super()._close_kernel_socket()  # type: ignore[misc]  # absent from cheroot's own types


class _Server(HTTPServer):
    ConnectionClass = _Connection
    max_request_body_size = MOST_BODY_BYTES
    max_request_header_size = MOST_HEADER_BYTES
    request_queue_size = 128
    keep_alive_conn_limit = 10_000
    timeout = IDLE_SECONDS
    shutdown_timeout = 5
    expiration_interval = 0.1  # seconds; also how soon it notices that it shall stop

    def __init__(self, host: str, port: int, market: Market | None, request_ms: int) -> None:
        self.request_ms = request_ms
        super().__init__((host, port), _Gateway, minthreads=THREADS, maxthreads=THREADS, server_name="paper")
        self.market = market
        self.stopping = threading.Event()

    def process_conn(self, conn: _Connection) -> None:
        """Give a connection to a thread when something arrives on it; cheroot gives it one as soon as it is there."""
        if conn.has_waited:
            super().process_conn(conn)
        else:
            conn.has_waited = True
            self._connections.put(conn)  # type: ignore[attr-defined]  # absent from cheroot's own types

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        logger.log(level, "%s", msg, exc_info=traceback)


class PaperServer:
    """The paper exchange at an address. `port` 0 takes a free one; `market` is by default the one of the settings.

    A request that has not arrived in `request_ms` milliseconds is answered with 408, and the connection ends.
    """

    def __init__(self, host: str, port: int, market: Market | None = None, *, request_ms: int = REQUEST_MS) -> None:
        self._server = _Server(host, port, market, request_ms)
        self._thread = threading.Thread(target=self._server.serve, name="paper exchange", daemon=True)

    def start(self) -> None:
        """Listen, and serve in threads of this process; OSError when the address cannot be had."""
        self._server.prepare()
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.bind_addr
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the requests in hand, for some seconds at most, and close everything."""
        self._server.stopping.set()
        self._server.stop()
        self._thread.join()


class _Gateway(Gateway):
    """One request: read it, let the exchange answer it, let faults happen, write."""

    def respond(self) -> None:
        try:
            raw = self._read()
        except _Malformed as error:
            self.req.refuse(error)
            return
        begun = time.perf_counter_ns()
        try:
            outcome = self._outcome(raw)
        finally:
            # A thread serves for as long as the process lives: its connection is as old as the settings allow.
            connections[store.ALIAS].close_if_unusable_or_obsolete()
        milliseconds = (time.perf_counter_ns() - begun) // 1_000_000
        shown = outcome.answer.status if outcome.answer else outcome.failure
        # A path that is unknown may be anything, also a key that somebody put in the wrong place.
        path = raw.path if any(path == raw.path for _, path in ROUTES) else "(unknown path)"
        logger.info("%s %s %s %s %d ms", raw.address, raw.method, path, shown, milliseconds)
        self._meet(outcome)

    def _outcome(self, raw: RawRequest) -> faults.Outcome:
        try:
            fault = self._fault(raw)
        except ValueError as error:
            return faults.Outcome(faults.malformed(error))
        if fault is None:
            drawn = drawn_faults.current()
            return faults.Outcome(self._answer(raw)) if drawn is None else drawn.outcome(raw, lambda: self._answer(raw))
        logger.info("a fault: %s", fault.kind)
        return faults.happen(fault, lambda: self._answer(raw))

    def _read(self) -> RawRequest:
        req = self.req
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in req.inheaders.items()}
        # A HEAD is a GET whose body stays here.
        method = "GET" if req.method == b"HEAD" else req.method.decode("ascii")
        path = req.path.decode("latin-1")
        return RawRequest(method, path, req.qs, self._body(), headers, req.conn.remote_addr or "unknown")

    def _body(self) -> bytes:
        req = self.req
        try:
            body = bytes(req.rfile.read())
            if req.chunked_read:
                for _ in req.rfile.read_trailer_lines():
                    pass
        except MaxSizeExceeded:
            raise _Malformed(413, "the body is too large") from None
        except ValueError:
            raise _Malformed(400, "malformed chunked body") from None
        except OSError as error:
            if error.errno is None and not isinstance(error, TimeoutError):  # cheroot's, not the network's
                raise _Malformed(413, "the body is too large") from None
            raise
        if not req.chunked_read and len(body) != int(req.inheaders.get(b"Content-Length", 0)):
            raise _Malformed(400, "the body is shorter than announced")
        return body

    def _answer(self, raw: RawRequest) -> Answer:
        try:
            return handle(raw, self.req.server.market)
        except Exception:
            # A mistake of ours must not look like an answer of the exchange that means something else.
            logger.exception("the paper exchange failed on %s %s", raw.method, raw.path)
            return refusal(ApiRefusal(-1000, faults.UNKNOWN[-1000], 500))

    @staticmethod
    def _fault(raw: RawRequest) -> faults.Fault | None:
        text = raw.header(faults.HEADER)
        if not text or not faults.are_allowed():
            return faults.next_fault(raw.method, raw.path)
        fault = faults.parse_header(text)
        if fault.kind in faults.KILLS and not _is_here(raw.address):
            raise ValueError("only a client on the same machine may end the server")
        return fault

    def _meet(self, outcome: faults.Outcome) -> None:
        """Write the answer, or break the connection."""
        req, given = self.req, outcome.answer
        if outcome.failure == "silent" and not outcome.seconds:
            req.server.stopping.wait(SILENT_SECONDS)
        elif not outcome.is_repeated:
            req.server.stopping.wait(outcome.seconds)
        if given is None:
            req.conn.is_reset = req.close_connection = req.sent_headers = True
            return
        send(req, given, req.method)
        if outcome.is_repeated:
            req.server.stopping.wait(outcome.seconds)
            send(req, given, req.method)
        if len(given.body) != int(given.headers["Content-Length"]):
            req.close_connection = True  # the rest never comes


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def send(req: HTTPRequest, given: Answer, method: bytes) -> None:
    """Write one whole answer; to a HEAD only its head."""
    try:
        phrase = HTTPStatus(given.status).phrase
    except ValueError:
        phrase = "Unknown"
    req.status = f"{given.status} {phrase}".encode()  # type: ignore[assignment]  # cheroot's types say str
    req.outheaders = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.headers.items()]
    req.sent_headers = True
    req.conn.begin_answer()
    req.send_headers()
    if method != b"HEAD":
        req.conn.wfile.write(given.body)
