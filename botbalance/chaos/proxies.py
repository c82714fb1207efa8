"""TCP proxies on this machine that can be cut: who is connected is reset, who comes meanwhile is refused."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_RESET = struct.pack("ii", 1, 0)  # closing a socket that lingers for no time resets the connection
_WAIT_SECONDS = 10


class Proxies:
    """All proxies of a drill, in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._proxies: list[_Proxy] = []
        self._thread.start()

    def add(self, host: str, port: int) -> "Line":
        """A proxy in front of a server, open at a free port of this machine."""
        proxy = _Proxy(host, port)
        self._run(proxy.open())
        self._proxies.append(proxy)
        return Line(proxy, self._run)

    def close(self) -> None:
        """Cut all of them for good."""
        for proxy in self._proxies:
            self._run(proxy.cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_SECONDS)


class Line:
    """One proxy, for whoever cuts and mends it."""

    def __init__(self, proxy: "_Proxy", run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._proxy = proxy
        self._run = run

    @property
    def port(self) -> int:
        return self._proxy.port

    @property
    def connections(self) -> int:
        return len(self._proxy.ends)

    def aim(self, port: int) -> None:
        """Lead to another port from now on."""
        self._proxy.target_port = port

    def cut(self) -> None:
        """Stop listening and reset every connection."""
        self._run(self._proxy.cut())

    def mend(self) -> None:
        """Listen again, at the same port. Nothing where it was not cut."""
        self._run(self._proxy.open())


class _Proxy:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.target_port = host, port
        self.port = 0
        self.ends: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Near(self), "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self.ends):
            reset(transport)
        await asyncio.sleep(0)  # transports close in the next turn of the loop


def reset(transport: asyncio.Transport) -> None:
    """End a connection as a broken network does."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class _End(asyncio.Protocol):
    """One end of a connection; what it hears its peer says. A peer that is slow to listen slows this end down."""

    def __init__(self, proxy: _Proxy) -> None:
        self.proxy = proxy
        self.transport: asyncio.Transport | None = None
        self.peer: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.proxy.ends.add(transport)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self.proxy.ends.discard(self.transport)
        peer = self.peer.transport if self.peer is not None else None
        if peer is None or peer.is_closing():
            return
        if error is not None:
            reset(peer)
        else:
            peer.close()


class _Near(_End):
    """The client's end. Nothing is read of it until the server's end is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        assert self.transport is not None
        try:
            _transport, far = await asyncio.get_running_loop().create_connection(
                lambda: _End(self.proxy), self.proxy.host, self.proxy.target_port
            )
        except OSError:
            reset(self.transport)
            return
        self.peer, far.peer = far, self
        if self.transport.is_closing():
            _transport.abort()
        else:
            self.transport.resume_reading()
