"""Faults over HTTP: a header makes one request fail on a real connection; the books say whether it was acted on."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from botbalance.lib.clock import now_ms
from exchanges.paper import services
from exchanges.paper.tests.serving import Server, exchange, serving
from exchanges.paper.tests.support import DATABASES, Client

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)
HEADER = "X-Paper-Fault"


@pytest.fixture
def client(server: Server) -> Client:
    return Client(services.open_account("over HTTP", {"USDT": Decimal(10_000)}), server.url)


def place(client: Client, fault: Any, timeout: float = 5, client_id: str = "one") -> requests.Response:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    query = client.sign({**order, "price": "50000", "newClientOrderId": client_id, "timestamp": now_ms()})
    headers = {"X-MBX-APIKEY": client.keys.api_key, HEADER: fault if isinstance(fault, str) else json.dumps(fault)}
    return client.session.post(
        f"{client.url}/api/v3/order?{query}", headers=headers, timeout=timeout, allow_redirects=False
    )


def placed(client: Client) -> int:
    return len(client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json())


# What happens, what the client of a real connection meets, and how often the exchange has acted.
BREAKS: tuple[tuple[dict[str, Any], type[Exception], str, int], ...] = (
    ({"kind": "refuse"}, requests.exceptions.ConnectionError, "reset by peer", 0),
    ({"kind": "reset_before"}, requests.exceptions.ConnectionError, "reset by peer", 0),
    ({"kind": "reset_after"}, requests.exceptions.ConnectionError, "reset by peer", 1),
    ({"kind": "lost_before"}, requests.exceptions.ReadTimeout, "timed out", 0),
    ({"kind": "lost_after"}, requests.exceptions.ReadTimeout, "timed out", 1),
    ({"kind": "lost_after", "seconds": 0.05}, requests.exceptions.ConnectionError, "reset by peer", 1),
    ({"kind": "slow", "seconds": 2}, requests.exceptions.ReadTimeout, "timed out", 1),
    ({"kind": "cut_short"}, requests.exceptions.ChunkedEncodingError, "IncompleteRead", 1),
)
ANSWERS: tuple[tuple[dict[str, Any], int, int | None, int], ...] = (
    ({"kind": "error_before", "status": 503, "code": -1008}, 503, -1008, 0),
    ({"kind": "error_after", "status": 504}, 504, -1007, 1),
    ({"kind": "throttled", "seconds": 7}, 429, -1003, 0),
    ({"kind": "banned", "seconds": 9}, 418, -1003, 0),
    ({"kind": "clock_skew"}, 400, -1021, 0),
    ({"kind": "not_found"}, 400, -2013, 0),
    ({"kind": "geo_block"}, 451, 0, 0),
    ({"kind": "firewall"}, 403, None, 0),
    ({"kind": "html"}, 502, None, 0),
    ({"kind": "redirect"}, 302, None, 0),
    ({"kind": "truncated"}, 200, None, 1),
    ({"kind": "slow", "seconds": 0.05}, 200, None, 1),
    ({"kind": "duplicate"}, 200, None, 1),
)


def test_a_connection_breaks_before_or_after_the_exchange_has_acted(client: Client) -> None:
    expected = 0
    for number, (fault, error, text, acted) in enumerate(BREAKS):
        with pytest.raises(error, match=text):
            place(client, fault, timeout=0.5, client_id=f"broken-{number}")
        assert place(client, "", client_id=f"whole-{number}").status_code == 200, fault
        expected += acted + 1
        assert placed(client) == expected, fault


def test_an_answer_is_another_and_the_books_say_what_was_done(client: Client) -> None:
    expected = 0
    for number, (fault, status, code, acted) in enumerate(ANSWERS):
        response = place(client, fault, client_id=f"order-{number}")
        assert response.status_code == status, fault
        if code is not None:
            assert response.json()["code"] == code, fault
        if status in (418, 429):
            assert response.headers["Retry-After"] == str(fault["seconds"])
        expected += acted
        assert placed(client) == expected, fault


def test_an_answer_that_arrives_twice_is_on_the_connection_twice(client: Client, server: Server) -> None:
    twice = b'GET /api/v3/time HTTP/1.1\r\nX-Paper-Fault: {"kind": "duplicate_answer", "seconds": 0.05}\r\n\r\n'
    ping = b"GET /api/v3/ping HTTP/1.1\r\nConnection: close\r\n\r\n"
    bodies = [part.partition(b"\r\n\r\n")[2] for part in exchange(server, twice, ping).split(b"HTTP/1.1 200 OK")[1:]]
    # Who takes what comes next on the connection for the answer to the ping is told the time.
    assert (len(bodies), bodies[0], bodies[2]) == (3, bodies[1], b"{}")
    assert place(client, {"kind": "duplicate_answer"}).json()["clientOrderId"] == "one"
    assert placed(Client(client.keys)) == 1


def test_a_header_that_is_no_fault_is_refused_in_a_sentence(client: Client) -> None:
    for header, text in (
        ("{", "X-Paper-Fault: it is not JSON."),
        ("[]", 'X-Paper-Fault: a fault is an object such as {"kind": "reset_after"}.'),
        ('{"kind": "reset_after", "nth": 2}', "X-Paper-Fault: a fault of one request has only kind, seconds"),
        ('{"kind": "explode"}', "X-Paper-Fault: 'explode' is no kind of fault; there are banned,"),
    ):
        response = place(client, header)
        assert response.status_code == 400
        assert response.json()["msg"].startswith(text)
    assert placed(client) == 0


def test_a_server_may_be_started_with_a_plan_and_die_by_a_header(tmp_path: Path) -> None:
    keys = services.open_account("mortal", {"USDT": Decimal(1000)})
    plan = tmp_path / "plan.json"
    plan.write_text('[{"match": "GET /api/v3/time", "kind": "throttled", "times": 2}]')
    with serving(tmp_path, "--faults", f"@{plan}", "-v", "0") as server:
        client = Client(keys, server.url)
        assert [client.public("/api/v3/time").status_code for _ in range(3)] == [429, 429, 200]
        with pytest.raises(requests.exceptions.ConnectionError):
            place(client, {"kind": "kill_after"})
        assert server.process.wait(timeout=10) == -9
        assert server.log.read_text() == ""
    assert placed(Client(keys)) == 1


def test_on_another_venue_the_header_means_nothing(tmp_path: Path) -> None:
    keys = services.open_account("calm", {"USDT": Decimal(1000)})
    with serving(tmp_path, EXCHANGE_ENV="testnet") as server:
        client = Client(keys, server.url)
        response = place(client, {"kind": "kill_before"})
        assert response.status_code == 200, response.text + server.log.read_text()
