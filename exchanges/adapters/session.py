"""The HTTP session of one thread: pooled connections, verified TLS, a last question before the first byte, an end to
every answer, and no redirect, ever.
"""

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_auth_from_url
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from exchanges.adapters.answers import ANSWER_TIMEOUTS, AnswerTooLong
from exchanges.errors import ExchangeError

# Hosts an adapter talks to from one thread (mainnet or testnet, paper), and connections to each of them.
POOLED_HOSTS = 4
POOLED_CONNECTIONS = 2


_Question = Callable[[], ExchangeError | None]
_question: ContextVar[_Question | None] = ContextVar("asked_before_sending", default=None)


class HeldBack(Exception):
    """Nothing of the request was sent, for the reason in `error`."""

    def __init__(self, error: ExchangeError) -> None:
        super().__init__()
        self.error = error


@contextmanager
def asked_before_sending(question: _Question) -> Iterator[None]:
    """Ask when a connection has been made and nothing is sent yet; what is answered is raised as HeldBack.

    A timeout bounds the connecting to one of a host's addresses, and nothing the look-up of their names.
    """
    token = _question.set(question)
    try:
        yield
    finally:
        _question.reset(token)


class _AsksBeforeSending(PlainConnection):
    def endheaders(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        question = _question.get()
        error = question() if question is not None else None
        if error is not None:
            raise HeldBack(error)
        super().endheaders(*args, **options)


class _BoundedReader(io.RawIOBase):
    """The bytes of one answer as they arrive; AnswerTooLong where they still come after ANSWER_TIMEOUTS timeouts.

    The timeout of a socket bounds the wait for the next byte only: a status line or headers sent byte by byte, or
    `100 Continue` again and again, would keep a request waiting for ever.
    """

    def __init__(self, raw: io.RawIOBase, connection: socket.socket) -> None:
        super().__init__()
        self._raw = raw
        self._connection = connection
        self._timeout = connection.gettimeout()
        self._deadline = time.monotonic() + ANSWER_TIMEOUTS * self._timeout if self._timeout is not None else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self._timeout is None or self._deadline is None:
            return self._raw.readinto(buffer)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise AnswerTooLong
        self._connection.settimeout(min(self._timeout, left))
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            if left < self._timeout:
                raise AnswerTooLong from None
            raise

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    """An answer of http.client, head and body, that comes to an end."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        assert isinstance(self.fp, io.BufferedReader)
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock))


class _Connection(_AsksBeforeSending, HTTPConnection):
    response_class = _BoundedResponse


class _TlsConnection(_AsksBeforeSending, HTTPSConnection):
    response_class = _BoundedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _BoundedTransport(HTTPAdapter):
    """What `requests` sends with, directly or through a proxy, with answers that come to an end."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        # The connections of a SOCKS proxy are of a kind of their own, in a library that is not installed here.
        if not proxy.lower().startswith("socks"):
            _bound(manager)
        return manager


def _bound(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _OnlyFromTheAddress(AuthBase):
    """Authorization as the base URL spells it out, and none otherwise.

    `requests` would look for the host in ~/.netrc, and send a password that was never meant for this.
    """

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        user, password = get_auth_from_url(request.url or "")
        return HTTPBasicAuth(user, password)(request) if user or password else request


class NoRedirectSession(requests.Session):
    """A signed address must not be sent anywhere else: a redirect is an answer like any other, and never followed."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def new_session() -> requests.Session:
    """A session for one thread; requests' retries are off, ours know which requests may be repeated.

    Proxies come from the environment (HTTPS_PROXY and so on), passwords do not.
    """
    session = NoRedirectSession()
    session.auth = _OnlyFromTheAddress()
    for scheme in ("https://", "http://"):
        session.mount(
            scheme, _BoundedTransport(pool_connections=POOLED_HOSTS, pool_maxsize=POOLED_CONNECTIONS, max_retries=0)
        )
    return session
