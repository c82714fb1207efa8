"""The paper exchange over HTTP: what is asked arrives byte for byte, what is malformed is answered, nothing leaks."""

import json
import re
import select
import socket
from decimal import Decimal
from urllib.parse import quote, urlsplit

import pytest
import requests

from botbalance.lib.clock import now_ms
from exchanges.paper import services
from exchanges.paper.http import THREADS, PaperServer
from exchanges.paper.tests.serving import Server, exchange
from exchanges.paper.tests.support import DATABASES, Client, refused, signature

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)
D = Decimal


def client_of(server: Server, **balances: str) -> Client:
    keys = services.open_account("over HTTP", {asset: D(amount) for asset, amount in balances.items()})
    return Client(keys, server.url)


def statuses(received: bytes) -> list[int]:
    """The status of every answer in what came over a connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]


def test_an_order_is_placed_seen_and_cancelled_over_http_and_the_books_are_those_of_every_process(
    server: Server,
) -> None:
    client = client_of(server, USDT="10000")
    placed = client.order("BUY", "0.001", "50000", newClientOrderId="one")
    assert placed.status_code == 200, placed.text
    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert Client(client.keys).balances() == client.balances() == {"USDT": ("9950.00000000", "50.00000000")}
    body = f"symbol=BTCUSDT&origClientOrderId=one&timestamp={now_ms()}"
    body += f"&signature={signature(client.keys.api_secret, body)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.raw("DELETE", "/api/v3/order", body=body, **headers).json()["status"] == "CANCELED"
    assert refused(client.order("BUY", "9", "50000"))[:2] == (400, -2010)
    assert client.audit() == []


def test_a_signature_is_over_the_bytes_as_sent(server: Server) -> None:
    client = client_of(server, USDT="10")
    secret = client.keys.api_secret

    def asked(query: bytes) -> tuple[int, int]:
        head = b"GET /api/v3/openOrders?%s HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: %s\r\nConnection: close\r\n\r\n"
        received = exchange(server, head % (query, client.keys.api_key.encode()))
        return statuses(received)[0], json.loads(received.partition(b"\r\n\r\n")[2])["code"]

    unknown_symbol, bad_signature = (400, -1121), (400, -1022)
    encoded = f"symbol={quote('这是测试币456')}&timestamp={now_ms()}"
    assert asked(f"{encoded}&signature={signature(secret, encoded)}".encode()) == unknown_symbol
    other_case = encoded.replace("%E8", "%e8")
    assert asked(f"{other_case}&signature={signature(secret, encoded)}".encode()) == bad_signature
    bare = f"symbol=这是测试币456&timestamp={now_ms()}"
    assert asked(f"{bare}&signature={signature(secret, bare)}".encode()) == bad_signature


def test_a_connection_is_kept_and_serves_one_request_after_another(server: Server) -> None:
    ping = b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = exchange(server, ping, ping, ping + last)
    assert statuses(received) == [200] * 4
    assert received.count(b"Connection: close") == 1
    assert statuses(exchange(server, b"GET /api/v3/ping HTTP/1.0\r\n\r\n")) == [200]


def test_every_method_and_path_has_an_answer(server: Server) -> None:
    for method, path, status, allow in (
        ("HEAD", "/api/v3/time", 200, None),
        ("OPTIONS", "/api/v3/ping", 405, "GET"),
        ("PUT", "/api/v3/order", 405, "DELETE, GET, POST"),
        ("BREW", "/api/v3/ping", 405, "GET"),
        ("GET", "/api/v3/nothing", 404, None),
        ("GET", "/api/v1/ping", 404, None),
        ("POST", "/", 404, None),
    ):
        response = requests.request(method, server.url + path, timeout=5)
        assert (response.status_code, response.headers.get("Allow")) == (status, allow), (method, path)
        if method == "HEAD":
            assert (response.content, int(response.headers["Content-Length"]) > 10) == (b"", True)
        elif status != 200:
            assert response.json()["status"] == status


GET = b"GET /api/v3/ping HTTP/1.1\r\n"
POST = b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\n"


MALFORMED = (
    (b"\r\n" + GET + b"Connection: close\r\n\r\n", 200),
    (b"GET http://anybody.example/api/v3/ping HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
    (b"GET /api/v3/\xff\xfe?\xe2\x98\x83=\x80 HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    (b"GET //[::/api HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    (b"GET /api/v3/ping?%zz=%&&==&%00 HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    (b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    (b"GET /api/v3/ping\r\n\r\n", 400),
    (b"GET /api/v3/ping HTTP/x.y\r\n\r\n", 400),
    (b"GET /api/v3/ping HTTP/2.0\r\n\r\n", 505),
    (b"GET /api/v3/pi ng HTTP/1.1\r\n\r\n", 400),
    (b"GET /api/v3/ping#here HTTP/1.1\r\n\r\n", 400),
    (b"GET api/v3/ping HTTP/1.1\r\n\r\n", 400),
    (b"GET /api\x00/ping HTTP/1.1\r\n\r\n", 400),
    (b"get /api/v3/ping HTTP/1.1\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
    (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
    (GET + b"no colon\r\n\r\n", 400),
    (GET + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 413),
    (POST + b"Content-Length: -5\r\n\r\n", 400),
    (POST + b"Content-Length: +5\r\n\r\nhello", 400),
    (POST + b"Content-Length: many\r\n\r\n", 400),
    (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Content-Length: 100\r\n\r\nshort", 400),
    (POST + b"Content-Length: 1000001\r\n\r\n" + b"a" * 1_000_001, 413),
    (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\nabc", 413),
    (POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\na=b\r\n0\r\nT: x\r\n\r\n", 401),
    (POST + b"Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\na=b", 100),
)


def test_what_is_malformed_is_told_so_and_the_server_goes_on(server: Server) -> None:
    for sent, status in MALFORMED:
        assert statuses(exchange(server, sent, half_close=True))[:1] == [status], sent[:200]
        assert requests.get(f"{server.url}/api/v3/ping", timeout=5).status_code == 200, sent[:200]
    assert "Traceback" not in server.log.read_text()


def test_a_client_that_says_nothing_or_leaves_early_hurts_nobody(server: Server) -> None:
    waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(40)]
    for connection in waiting[:20]:
        connection.sendall(GET + b"\r\n")
        connection.close()
    assert requests.get(f"{server.url}/api/v3/ping", timeout=5).status_code == 200
    for connection in waiting[20:]:
        connection.close()
    assert "Traceback" not in server.log.read_text()


def test_clients_that_send_a_byte_at_a_time_are_cut_off_and_free_their_threads() -> None:
    heads = (POST + b"Content-Length: 1000\r\n\r\n", POST + b"X: ", POST + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n")
    server = PaperServer("127.0.0.1", 0, request_ms=200)
    server.start()
    slow = [socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5) for _ in range(THREADS)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(heads[number % len(heads)])
        waiting, told = set(slow), {}
        for _byte in range(50):  # far fewer than were announced, and far less time than a silent client has
            if not waiting:
                break
            for connection in waiting:
                connection.sendall(b"a")
            answered, _, _ = select.select(list(waiting), [], [], 0.02)
            for connection in answered:
                told[connection] = connection.recv(65_536)
                connection.close()
            waiting -= set(answered)
        assert not waiting
        assert [statuses(told[connection]) for connection in slow] == [[408]] * THREADS
        assert requests.get(f"{server.url}/api/v3/ping", timeout=5).status_code == 200
    finally:
        for connection in slow:
            connection.close()
        server.stop()


def test_every_request_is_one_line_of_the_log_without_keys_signatures_or_amounts(server: Server) -> None:
    client = client_of(server, USDT="10000")
    client.order("BUY", "0.001", "51234")
    client.raw("GET", f"/api/v3/{client.keys.api_secret}")
    log = server.log.read_text()
    assert "127.0.0.1 POST /api/v3/order 200" in log
    assert "127.0.0.1 GET (unknown path) 404" in log
    for secret in (client.keys.api_key, client.keys.api_secret, "signature", "51234"):
        assert secret not in log


def test_weight_is_counted_for_the_address_it_comes_from_and_not_for_this_process(server: Server) -> None:
    over_http = [requests.get(f"{server.url}/api/v3/ping", timeout=5) for _ in range(3)]
    assert int(over_http[-1].headers["X-MBX-USED-WEIGHT-1M"]) >= 1
    here = Client(services.PaperKeys("", "")).public("/api/v3/ping")
    assert here.headers["X-MBX-USED-WEIGHT-1M"] == "1"
