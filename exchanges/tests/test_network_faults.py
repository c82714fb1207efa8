"""A real network that fails, on sockets of this machine: was the order certainly not sent, or may it exist?"""

import datetime as dt
import json
import os
import socket
import ssl
import struct
import time
import zlib
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import chain, islice, repeat
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NameResolutionError

from exchanges.adapters.answers import MOST_BYTES
from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.errors import ExchangeError, OutcomeUnknown, Unavailable
from exchanges.tests.ledgers import meter
from exchanges.tests.support import API_KEY, API_SECRET, NOW, ORDER, Client, new_order, read_request, server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def adapter(
    url: str, *, verify: bool | str = True, proxy: str = "", timeout: tuple[float, float] = (0.3, 0.3)
) -> BinanceAdapter:
    session = new_session()
    session.trust_env = False
    session.verify = verify
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
    return BinanceAdapter(
        url,
        api_key=API_KEY,
        api_secret=API_SECRET,
        session=session,
        meter=meter(),
        timeout=timeout,
        sleep=lambda seconds: None,
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


@pytest.mark.parametrize(("call", "conversation"), [(read, trickle), (place, endless), (place, bomb), (place, trickle)])
def test_an_answer_that_does_not_end_is_cut_off(call, conversation) -> None:
    with server(conversation) as exchange:
        client = adapter(exchange.url)
        with pytest.raises(Unavailable if call is read else OutcomeUnknown, match="larger or slower"):
            call(client)


def drip(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    """Each piece comes well before the wait for it is too long. Ends when the client hangs up, or after two seconds."""
    read_request(connection)
    for piece in islice(pieces, 100):
        connection.sendall(piece)
        time.sleep(0.02)


def status_line_byte_by_byte(connection: socket.socket) -> None:
    drip(connection, (bytes([byte]) for byte in b"HTTP/1.1 200 " + b"O" * 1000))


def headers_one_by_one(connection: socket.socket) -> None:
    drip(connection, chain([HEAD], (b"X-Number-%d: 1\r\n" % number for number in range(90))))


def one_header_byte_by_byte(connection: socket.socket) -> None:
    drip(connection, chain([HEAD, b"X-Long: "], repeat(b"1")))


def continue_for_ever(connection: socket.socket) -> None:
    drip(connection, repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def continue_for_ever_without_a_pause(connection: socket.socket) -> None:
    read_request(connection)
    ends = time.monotonic() + 2
    while time.monotonic() < ends:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def length_of_a_chunk_byte_by_byte(connection: socket.socket) -> None:
    drip(connection, chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], repeat(b"0")))


SLOW = [
    status_line_byte_by_byte,
    headers_one_by_one,
    one_header_byte_by_byte,
    continue_for_ever,
    continue_for_ever_without_a_pause,
    length_of_a_chunk_byte_by_byte,
]


@pytest.mark.parametrize(
    ("call", "conversation"), [(read, one_header_byte_by_byte), *((place, conversation) for conversation in SLOW)]
)
def test_an_answer_whose_head_does_not_end_is_cut_off(call, conversation) -> None:
    with server(conversation) as exchange:
        client = adapter(exchange.url, timeout=(0.3, 0.3))
        with pytest.raises(Unavailable if call is read else OutcomeUnknown, match="larger or slower"):
            call(client)


@pytest.mark.parametrize("conversation", SLOW)
def test_no_slow_head_holds_a_connection_with_tls_either(conversation, certificate: Path) -> None:
    with server(conversation, tls(certificate)) as exchange:
        client = adapter(exchange.url, verify=str(certificate), timeout=(0.3, 0.3))
        with pytest.raises(OutcomeUnknown, match="larger or slower"):
            place(client)


def test_a_proxy_that_is_slow_to_open_the_way_is_given_up() -> None:
    with server(headers_one_by_one) as proxy:
        client = adapter("https://exchange.test", proxy=proxy.url, timeout=(0.3, 0.3))
        with pytest.raises(OutcomeUnknown, match="larger or slower"):
            place(client)


def test_a_head_that_takes_a_while_is_an_answer_like_any_other() -> None:
    body = json.dumps(ORDER).encode()

    def slowly(connection: socket.socket) -> None:
        head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)
        drip(connection, [b"HTTP/1.1 100 Continue\r\n\r\n", head[:5], head[5:30], head[30:], body])

    with server(slowly) as exchange:
        place(adapter(exchange.url, timeout=(5, 5)))


def test_an_answer_that_is_right_but_larger_than_any_is_refused_for_its_size_alone() -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = packer.compress(json.dumps(ORDER).encode().ljust(MOST_BYTES + 1)) + packer.flush()

    def whole(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    with server(whole) as exchange, pytest.raises(OutcomeUnknown, match="larger or slower"):
        place(adapter(exchange.url, timeout=(5, 30)))


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
            BinanceAdapter(exchange.url, session=session, meter=meter()).ping()
        session.close()
    assert exchange.connections == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_connection_has_sent_nothing(call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert error_of(call, adapter(f"http://127.0.0.1:{port}")) is Unavailable


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("call", CALLS)
def test_a_proxy_that_cannot_be_reached_has_sent_nothing(call, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = adapter(f"{scheme}://exchange.test", proxy=f"http://127.0.0.1:{port}")
    assert error_of(call, client) is Unavailable


@pytest.mark.parametrize("call", CALLS)
def test_a_proxy_that_hangs_up_after_the_request_leaves_the_outcome_of_a_write_open(call) -> None:
    with server(reset) as proxy:
        client = adapter("http://exchange.test", proxy=proxy.url)
        assert error_of(call, client) is (Unavailable if call is read else OutcomeUnknown)


def test_a_proxy_of_the_environment_is_used_and_a_password_of_netrc_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def conversation(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    (tmp_path / "netrc").write_text("machine exchange.test login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with server(conversation) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        for address in ("http://exchange.test", "http://name:word@exchange.test"):
            BinanceAdapter(address, session=new_session(), meter=meter()).ping()
    without, spelt_out = seen
    assert without.startswith(b"GET http://exchange.test/api/v3/ping ")
    assert b"authorization" not in without.lower()
    assert b"Authorization: Basic bmFtZTp3b3Jk\r\n" in spelt_out


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
