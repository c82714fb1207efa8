"""A real network that fails, on sockets of this machine: was the order certainly not sent, or may it exist?"""

import datetime as dt
import os
import socket
import ssl
import struct
import time
import zlib
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NameResolutionError

from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.errors import ExchangeError, OutcomeUnknown, Unavailable
from exchanges.tests.support import API_KEY, API_SECRET, NOW, Client, new_order, read_request, server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def adapter(url: str, *, verify: bool | str = True) -> BinanceAdapter:
    session = new_session()
    session.trust_env = False
    session.verify = verify
    return BinanceAdapter(
        url, api_key=API_KEY, api_secret=API_SECRET, session=session, timeout=(0.3, 0.3), sleep=lambda seconds: None
    )


def read(client: BinanceAdapter) -> None:
    client.get_order_status("BTCUSDT", "abc")


def place(client: BinanceAdapter) -> None:
    client.place_order(new_order(), NOW)


def cancel(client: BinanceAdapter) -> None:
    client.cancel_order("BTCUSDT", "abc")


CALLS = [read, place, cancel]


def error_of(call, client: BinanceAdapter) -> type[ExchangeError]:
    with pytest.raises(ExchangeError) as caught:
        call(client)
    return type(caught.value)


def silence(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)  # until the client has had enough


def reset(connection: socket.socket) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(connection: socket.socket) -> None:
    read_request(connection)


def half_an_answer(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(HEAD + b'Content-Length: 500\r\n\r\n{"symbol": "BTC')


def half_a_chunk(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(HEAD + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"symbol": "BTC')


def no_gzip(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")


def no_http(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"this is no HTTP\r\n\r\n")


@pytest.mark.parametrize("conversation", [silence, reset, hang_up, half_an_answer, half_a_chunk, no_gzip, no_http])
@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_fails_after_the_request_leaves_the_outcome_of_a_write_open(call, conversation) -> None:
    with server(conversation) as exchange:
        expected = Unavailable if call is read else OutcomeUnknown
        assert error_of(call, adapter(exchange.url)) is expected
        # A read is tried three times; one of them may meet a pooled connection that the server has closed by then.
        assert exchange.connections in ((2, 3) if call is read else (1,))


def endless(connection: socket.socket) -> None:
    """More than any answer holds, until the client hangs up."""
    read_request(connection)
    connection.sendall(HEAD + b"\r\n[")
    piece = b"1," * 500_000
    while True:
        connection.sendall(piece)


def bomb(connection: socket.socket) -> None:
    """Small on the wire, and endless when it is unpacked."""
    read_request(connection)
    connection.sendall(HEAD + b"Content-Encoding: gzip\r\n\r\n")
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    while True:
        connection.sendall(packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH))


def trickle(connection: socket.socket) -> None:
    """A whole and right answer, so slowly that no single wait is too long."""
    read_request(connection)
    body = b'{"code": 0}' + b" " * 100
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("conversation", [endless, bomb, trickle])
@pytest.mark.parametrize("call", [read, place])
def test_an_answer_that_does_not_end_is_cut_off(call, conversation) -> None:
    with server(conversation) as exchange:
        client = adapter(exchange.url)
        with pytest.raises(Unavailable if call is read else OutcomeUnknown, match="larger or slower"):
            call(client)


@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_is_not_followed_even_on_the_same_host(call) -> None:
    seen: list[bytes] = []

    def conversation(connection: socket.socket) -> None:
        request = read_request(connection)
        seen.append(request)
        connection.sendall(b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    with server(conversation) as exchange:
        assert error_of(call, adapter(exchange.url)) is (Unavailable if call is read else OutcomeUnknown)
    assert not any(b"/elsewhere" in request for request in seen)


def test_a_connection_is_used_again() -> None:
    answer = HEAD + b"Content-Length: 2\r\n\r\n{}"
    session = new_session()
    session.trust_env = False

    def conversation(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)

    with server(conversation) as exchange:
        for _number in range(5):
            BinanceAdapter(exchange.url, session=session).ping()
        session.close()
    assert exchange.connections == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_connection_has_sent_nothing(call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert error_of(call, adapter(f"http://127.0.0.1:{port}")) is Unavailable


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_host_has_sent_nothing(call) -> None:
    unknown = NameResolutionError("exchange.test", HTTPConnectionPool("exchange.test"), socket.gaierror(-2, "unknown"))
    failed = MaxRetryError(HTTPConnectionPool("exchange.test"), "/api/v3/order", unknown)
    client = Client(requests.ConnectionError(failed))
    assert error_of(call, client.adapter) is Unavailable


@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_is_never_made_has_sent_nothing(call) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    address = listener.getsockname()
    waiting = []
    try:
        # A full queue of connections: the next one is neither taken nor refused.
        for _ in range(2):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        assert error_of(call, adapter(f"http://127.0.0.1:{address[1]}")) is Unavailable
    finally:
        for one in (*waiting, listener):
            one.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("call", CALLS)
def test_a_certificate_that_is_not_trusted_has_sent_nothing(call, certificate: Path) -> None:
    seen: list[bytes] = []
    with server(lambda connection: seen.append(read_request(connection)), tls(certificate)) as exchange:
        assert error_of(call, adapter(exchange.url)) is Unavailable
    assert not any(seen)


@pytest.mark.parametrize("call", CALLS)
def test_tls_that_breaks_after_the_request_leaves_the_outcome_of_a_write_open(call, certificate: Path) -> None:
    seen: list[bytes] = []

    def garble(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        os.write(connection.fileno(), b"this is no record of TLS\r\n")
        time.sleep(0.05)

    with server(garble, tls(certificate)) as exchange:
        expected = Unavailable if call is read else OutcomeUnknown
        assert error_of(call, adapter(exchange.url, verify=str(certificate))) is expected
    assert all(b"/api/v3/order" in request for request in seen)
    assert len(seen) == (3 if call is read else 1)
