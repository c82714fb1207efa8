"""A proxy carries bytes both ways until it is cut; then connections break, and new ones are refused."""

import socket
import threading
from collections.abc import Iterator

import pytest

from botbalance.chaos.proxies import Line, Proxies


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says what it hears: its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while heard := connection.recv(65_536):
                    connection.sendall(heard)
            except ConnectionError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.fixture
def line(echo: int) -> Iterator[Line]:
    proxies = Proxies()
    yield proxies.add("127.0.0.1", echo)
    proxies.close()


def connected(line: Line) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=5)


def said(connection: socket.socket, text: bytes) -> bytes:
    """What comes back for `text`, as long as it."""
    sender = threading.Thread(target=connection.sendall, args=(text,))
    sender.start()
    heard = b""
    while len(heard) < len(text) and (piece := connection.recv(65_536)):
        heard += piece
    sender.join(5)
    return heard


def test_it_carries_bytes_both_ways_also_many(line: Line) -> None:
    with connected(line) as connection:
        assert said(connection, b"hello") == b"hello"
        much = b"0123456789abcdef" * 500_000
        assert said(connection, much) == much


def test_a_cut_resets_who_is_connected_and_refuses_who_comes(line: Line) -> None:
    with connected(line) as connection:
        assert said(connection, b"hello") == b"hello"
        line.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(10)
    with pytest.raises(ConnectionRefusedError):
        connected(line)


def test_mended_it_listens_at_the_same_port_again(line: Line) -> None:
    port = line.port
    line.cut()
    line.mend()
    line.mend()
    assert line.port == port
    with connected(line) as connection:
        assert said(connection, b"again") == b"again"


def test_the_end_of_a_client_ends_the_connection_to_the_server(line: Line) -> None:
    with connected(line) as connection:
        assert said(connection, b"hello") == b"hello"
    for _attempt in range(500):
        if not line.connections:
            return
        threading.Event().wait(0.01)
    pytest.fail("both ends are still there")


def test_a_server_that_is_not_there_resets_the_client(echo: int) -> None:
    proxies = Proxies()
    line = proxies.add("127.0.0.1", 0)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            line.aim(listener.getsockname()[1])
        with pytest.raises(ConnectionResetError), connected(line) as connection:
            connection.recv(10)
        line.aim(echo)
        with connected(line) as connection:
            assert said(connection, b"there") == b"there"
    finally:
        proxies.close()
