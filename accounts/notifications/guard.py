"""The one way out for what users tell this server to reach: where it may connect to, and for how long.

Nothing here is global. Whoever sends opens an `Attempt` and uses `http` or `smtp` inside it; both make their
connections through `Attempt.connect`, which resolves a name once, refuses it when any of its addresses is not of the
open Internet, and connects to the very addresses it has looked at. Redirects are not followed, and proxies of the
environment are not used: both would connect elsewhere. Without an attempt nothing is sent at all.
"""

import io
import ipaddress
import smtplib
import socket
import ssl
import time
from contextvars import ContextVar
from threading import Timer
from types import TracebackType
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from accounts.notifications.domain import Address, is_among, is_port_allowed, is_public

CONNECT_SECONDS = 5
READ_SECONDS = 10
# For all that one delivery takes, however slowly its target drips. Looking up a name has the system's own limits.
ATTEMPT_SECONDS = 20
MOST_ANSWER_BYTES = 64 * 1024
# Replies of mail servers to an account or a password that they do not know (RFC 4954).
WRONG_PASSWORD = frozenset({530, 534, 535})


class Blocked(OSError):
    """This target is not reached from here. `code` says why: a key of `wording.PROBLEMS`."""

    def __init__(self, code: str, host: str) -> None:
        super().__init__(code)
        self.code = code
        self.host = host


class Rehearsed(OSError):
    """A rehearsal has got as far as connecting."""


_current: ContextVar["Attempt | None"] = ContextVar("attempt", default=None)


class Attempt:
    """One try to send something. What went wrong is in `problem`, a key of `wording.PROBLEMS`, with `values`.

    A rehearsal looks where it would connect to, and does not.
    """

    def __init__(self, *, is_rehearsal: bool = False) -> None:
        self.is_rehearsal = is_rehearsal
        self.hosts: list[str] = []
        self.problem = ""
        self.values: dict[str, str] = {}
        self._sockets: list[socket.socket] = []
        self._ends = time.monotonic() + ATTEMPT_SECONDS
        self._timer = Timer(ATTEMPT_SECONDS, self._hang_up)
        self._timer.daemon = True

    def __enter__(self) -> "Attempt":
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._token)
        self._timer.cancel()
        for connection in self._sockets:
            connection.close()

    def note(self, problem: str, **values: str) -> None:
        """Remember why it failed. What the guard has refused is not outdone by what the refusal led to."""
        if self.problem not in REFUSALS:
            self.problem, self.values = problem, values

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to a host, at one of the addresses that were looked at. Raises Blocked, or another OSError."""
        host = host.strip("[]").rstrip(".")
        self.hosts.append(host)
        try:
            addresses = allowed_addresses(host, port)
        except Blocked as blocked:
            self.note(blocked.code, host=host, port=str(port))
            raise
        if self.is_rehearsal:
            raise Rehearsed
        problem: OSError = TimeoutError()
        for family, kind, protocol, _name, address in addresses:
            left = self._ends - time.monotonic()
            if left <= 0:
                break
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(min(CONNECT_SECONDS, left))
                connection.connect(address)
            except OSError as error:
                problem = error
                connection.close()
                continue
            connection.settimeout(READ_SECONDS)
            # A second handle of the same connection: TLS takes the first one away.
            self._sockets.append(connection.dup())
            return connection
        self.note("timeout" if isinstance(problem, TimeoutError) else "unreachable", host=host)
        raise problem

    def _hang_up(self) -> None:
        self.note("timeout", host=self.hosts[-1] if self.hosts else "")
        for connection in self._sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already, which is all that is wanted


# Problems that no later try can get rid of by itself.
REFUSALS = frozenset({"internal_address", "port_refused", "redirect"})


def current() -> Attempt:
    """The attempt that this thread makes. Raises RuntimeError outside one: nothing leaves unguarded."""
    attempt = _current.get()
    if attempt is None:
        raise RuntimeError("a notification is sent inside an Attempt only")
    return attempt


def allowed_addresses(host: str, port: int) -> list[Any]:
    """What a host resolves to, as getaddrinfo says it. Raises Blocked when one of the addresses must not be reached: a
    name that leads inside only sometimes is refused always.
    """
    if not is_port_allowed(port) and not _is_free(host):
        raise Blocked("port_refused", host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Blocked("not_found", host) from None
    if not found:
        raise Blocked("not_found", host)
    if not _is_free(host):
        for _family, _kind, _protocol, _name, address in found:
            if not _may_reach(ipaddress.ip_address(str(address[0]).partition("%")[0])):
                raise Blocked("internal_address", host)
    return found


def _is_free(host: str) -> bool:
    """Whether the operator lets everybody reach this host, whatever its address."""
    return settings.NOTIFY_ALLOW_PRIVATE_TARGETS or host.lower() in settings.NOTIFY_ALLOWED_HOSTS


def _may_reach(address: Address) -> bool:
    return is_public(address) or is_among(address, settings.NOTIFY_ALLOWED_NETWORKS)


# --- HTTP ------------------------------------------------------------------------------------------------


class _Guarded(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        try:
            return current().connect(self._dns_host, int(self.port))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, type(error).__name__) from error


class _GuardedTLS(HTTPSConnection, _Guarded):
    """TLS over a guarded connection; the certificate is checked against the name, not the address."""


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _GuardedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTLSPool}

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        """Whatever the caller asked for: certificates are checked, no proxy, our times, and a little of the answer."""
        answer = super().send(request, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), verify=True, proxies={})
        raw = answer.raw
        try:
            # A little is enough to see what became of it, and no target fills our memory.
            answer.raw = io.BytesIO(raw.read(MOST_ANSWER_BYTES, decode_content=True) or b"")
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(request=request) from error
        except HTTPError as error:
            raise requests.ConnectionError(type(error).__name__, request=request) from error
        finally:
            raw.close()
        return answer


class GuardedRequests:
    """Speaks as the module `requests` does, as far as Apprise asks. What it has not, nobody may use."""

    RequestException = requests.RequestException
    ConnectionError = requests.ConnectionError
    Timeout = requests.Timeout
    exceptions = requests.exceptions
    codes = requests.codes
    auth = requests.auth
    Response = requests.Response

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        attempt = current()
        kept = {name: options[name] for name in ("params", "data", "json", "headers", "auth") if name in options}
        try:
            with requests.Session() as session:
                session.trust_env = False
                for scheme in ("http://", "https://"):
                    session.mount(scheme, _Adapter())
                answer = session.request(method, url, allow_redirects=False, **kept)
        except requests.exceptions.SSLError:
            attempt.note("bad_certificate", host=attempt.hosts[-1] if attempt.hosts else "")
            raise
        except (requests.ReadTimeout, requests.ConnectTimeout):
            attempt.note("timeout", host=attempt.hosts[-1] if attempt.hosts else "")
            raise
        except (OSError, ValueError) as error:  # requests' own errors are of these kinds
            if not attempt.problem and not attempt.is_rehearsal:
                attempt.note("unreachable", host=attempt.hosts[-1] if attempt.hosts else "")
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(type(error).__name__) from None
        if answer.is_redirect or 300 <= answer.status_code < 400:
            attempt.note("redirect", status=str(answer.status_code))
        elif answer.status_code >= 400:
            attempt.note("status", status=str(answer.status_code))
        return answer

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:
        return self.request("PUT", url, **options)


# --- SMTP ------------------------------------------------------------------------------------------------


class _FewReplies:
    """The replies of a mail server, line by line, until they are more than any honest one has to say."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MOST_ANSWER_BYTES

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("too many replies")
        return line

    def close(self) -> None:
        self._file.close()


class _SMTP(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        return current().connect(host, port)

    def getreply(self) -> tuple[int, bytes]:
        """The library keeps a reply of any number of lines in memory, and no target fills ours."""
        if self.file is None and self.sock is not None:
            self.file = _FewReplies(self.sock.makefile("rb"))
        code, text = super().getreply()
        if code >= 400:
            # Its words are left out: they may hold parts of the address.
            current().note("mail_password" if code in WRONG_PASSWORD else "mail_refused", status=str(code))
        return code, text


class _SMTPOverTLS(smtplib.SMTP_SSL, _SMTP):
    """Its own connection comes from the class behind it, which is ours, and it wraps TLS around it."""


class GuardedSMTP:
    """Speaks as the module `smtplib` does, as far as Apprise asks."""

    SMTPException = smtplib.SMTPException

    def SMTP(self, *args: Any, **options: Any) -> smtplib.SMTP:
        return self._open(_SMTP, *args, **options)

    def SMTP_SSL(self, *args: Any, **options: Any) -> smtplib.SMTP:
        return self._open(_SMTPOverTLS, *args, **options)

    def _open(self, kind: type[smtplib.SMTP], *args: Any, **options: Any) -> smtplib.SMTP:
        attempt = current()
        try:
            return kind(*args, **options)
        except ssl.SSLError:
            attempt.note("bad_certificate", host=attempt.hosts[-1] if attempt.hosts else "")
            raise
        except (OSError, smtplib.SMTPException):
            if not attempt.problem and not attempt.is_rehearsal:
                attempt.note("unreachable", host=attempt.hosts[-1] if attempt.hosts else "")
            raise


http, smtp = GuardedRequests(), GuardedSMTP()
