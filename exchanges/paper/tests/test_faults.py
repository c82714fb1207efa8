"""Every kind of fault: what the client meets, and whether the exchange has acted."""

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from exchanges.paper import faults, services
from exchanges.paper.faults import plan
from exchanges.paper.tests.serving import ROOT, environment
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused
from exchanges.paper.transport import PaperTransport

pytestmark = pytest.mark.django_db(databases=DATABASES)

ORDER = "POST /api/v3/order"


@pytest.fixture
def client() -> Client:
    return client_with(USDT="10000")


def place(client: Client, client_id: str = "one") -> requests.Response:
    return client.order("BUY", "0.001", "50000", newClientOrderId=client_id)


def placed(client: Client) -> int:
    return len(client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json())


@pytest.mark.parametrize(
    ("kind", "error", "acted"),
    [
        ("refuse", requests.exceptions.ConnectionError, 0),
        ("lost_before", requests.exceptions.ReadTimeout, 0),
        ("lost_after", requests.exceptions.ReadTimeout, 1),
        ("reset_before", requests.exceptions.ConnectionError, 0),
        ("reset_after", requests.exceptions.ConnectionError, 1),
    ],
)
def test_a_broken_connection(client: Client, kind: str, error: type[Exception], acted: int) -> None:
    with plan([{"match": ORDER, "kind": kind}]) as given:
        with pytest.raises(error):
            place(client)
        assert given.happened == [(kind, ORDER)]
        assert placed(client) == acted
        assert place(client, "two").status_code == 200


@pytest.mark.parametrize(
    ("fault", "answer", "acted"),
    [
        ({"kind": "error_before", "code": -1000, "status": 500}, (500, -1000), 0),
        ({"kind": "error_before", "code": -1008, "status": 503}, (503, -1008), 0),
        ({"kind": "error_after", "code": -1006, "status": 502}, (502, -1006), 1),
        ({"kind": "error_after"}, (504, -1007), 1),
        ({"kind": "throttled", "seconds": 7}, (429, -1003), 0),
        ({"kind": "banned", "seconds": 120}, (418, -1003), 0),
        ({"kind": "clock_skew"}, (400, -1021), 0),
        ({"kind": "geo_block"}, (451, 0), 0),
    ],
)
def test_an_answer_that_is_an_error(client: Client, fault: dict[str, Any], answer: tuple[int, int], acted: int) -> None:
    with plan([{"match": ORDER, **fault}]):
        response = place(client)
    assert refused(response)[:2] == answer
    if answer[0] in (418, 429):
        assert response.headers["Retry-After"] == str(fault["seconds"])
    assert placed(client) == acted


def test_a_truncated_answer_is_not_json_though_the_order_is_placed(client: Client) -> None:
    with plan([{"match": ORDER, "kind": "truncated"}]):
        response = place(client)
    assert response.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()
    assert placed(client) == 1


def test_a_connection_that_breaks_inside_the_answer_though_the_order_is_placed(client: Client) -> None:
    with plan([{"match": ORDER, "kind": "cut_short"}]), pytest.raises(requests.exceptions.ChunkedEncodingError):
        place(client)
    assert placed(client) == 1


@pytest.mark.parametrize(
    ("fault", "status"), [({"kind": "html"}, 502), ({"kind": "html", "status": 503}, 503), ({"kind": "firewall"}, 403)]
)
def test_a_page_instead_of_an_answer(client: Client, fault: dict[str, Any], status: int) -> None:
    with plan([{"match": ORDER, **fault}]):
        response = place(client)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html")
    assert placed(client) == 0


def test_a_redirect_leads_nowhere(client: Client) -> None:
    with plan([{"match": ORDER, "kind": "redirect"}]):
        response = place(client)
    assert [each.status_code for each in response.history] == [302]
    assert response.status_code == 404
    assert placed(client) == 0


def test_a_request_that_the_network_delivers_twice_is_processed_twice(client: Client) -> None:
    with plan([{"match": ORDER, "kind": "duplicate", "times": 2}]):
        resting = place(client)
        taking = client.order("BUY", "0.001", "200000", newClientOrderId="taking")
    assert (resting.status_code, taking.status_code) == (200, 200)
    # The id of an open order protects it ("Duplicate order sent."); one that was filled at once does not.
    orders = client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    assert [order["clientOrderId"] for order in orders] == ["one", "taking", "taking"]


def test_an_answer_that_arrives_twice_is_one_answer_where_there_is_no_connection(client: Client) -> None:
    with plan([{"match": ORDER, "kind": "duplicate_answer"}]):
        assert place(client).json()["clientOrderId"] == "one"
    assert placed(client) == 1


def test_an_order_is_not_found_for_a_while(client: Client) -> None:
    place(client)
    with plan([{"match": "GET /api/v3/order", "kind": "not_found", "times": 2}]):
        answers = [
            client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="one").status_code for _ in range(3)
        ]
    assert answers == [400, 400, 200]


def test_a_slow_answer_comes_late_or_is_given_up_by_the_client(client: Client) -> None:
    with plan([{"match": "GET /api/v3/time", "kind": "slow", "seconds": 0.2, "times": 2}]):
        response = client.public("/api/v3/time")
        assert response.elapsed.total_seconds() >= 0.2
        begun = time.perf_counter()
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.session.get(services.BASE_URL + "/api/v3/time", timeout=(1, 0.05))
        assert time.perf_counter() - begun < 0.15


def test_a_fault_begins_with_its_nth_request_and_lasts_for_its_times(client: Client) -> None:
    with plan([{"match": "GET /api/v3/ping", "kind": "throttled", "nth": 2, "times": 2}]):
        statuses = [client.public("/api/v3/ping").status_code for _ in range(5)]
    assert statuses == [200, 429, 429, 200, 200]


def test_a_plan_ends_with_its_block(client: Client) -> None:
    with plan([{"kind": "refuse", "times": 1000}]), pytest.raises(requests.exceptions.ConnectionError):
        client.public("/api/v3/ping")
    assert client.public("/api/v3/ping").status_code == 200


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "explode"}, "no kind of fault"),
        ({"kind": "refuse", "nth": 0}, "begin at 1"),
        ({"kind": "refuse", "times": True}, "whole numbers"),
        ({"kind": "refuse", "match": 5}, "is text"),
        ({"kind": "slow", "seconds": -1}, "from 0 to 600"),
        ({"kind": "slow", "seconds": 601}, "from 0 to 600"),
        ({"kind": "slow", "seconds": "1"}, "from 0 to 600"),
        ({"kind": "slow", "seconds": True}, "from 0 to 600"),
        ({"kind": "html", "status": 200}, "from 300 to 599"),
        ({"kind": "error_after", "code": -2013}, "one of the server's side"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(fault: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why), plan([fault]):
        pass


@pytest.mark.parametrize("text", ["{", "{}", "[[]]", '[{"match": ""}]', '[{"kind": 1}]', '[{"kind": "html", "x": 1}]'])
def test_a_text_that_is_no_plan_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(it is not JSON|a plan is|a fault (is|has)|kind of a fault)"):
        faults.parse_plan(text)


def test_a_header_makes_a_request_fail_only_where_that_is_enabled(client: Client, settings: Any) -> None:
    header = {faults.HEADER: '{"kind": "throttled"}'}

    def ping(*, obey: bool) -> requests.Response:
        with requests.Session() as session:
            session.mount(services.BASE_URL, PaperTransport(obey_header=obey))
            return session.get(services.BASE_URL + "/api/v3/ping", headers=header, timeout=5)

    assert ping(obey=False).status_code == 200
    assert ping(obey=True).status_code == 429
    settings.EXCHANGE_ENV = "testnet"
    assert ping(obey=True).status_code == 200


PROCESS = """
import django, sys
django.setup()
from exchanges.paper.tests.support import Client
from exchanges.paper.services import PaperKeys
client = Client(PaperKeys(*sys.argv[1:3]))
if len(sys.argv) > 3:
    print(client.order("BUY", "0.001", "50000", newClientOrderId="killed").status_code)
else:
    print(client.public("/api/v3/time").status_code)
"""


def run_process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROCESS, *arguments],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("venue", "printed"), [("mock", "429"), ("testnet", "200")])
@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_a_process_reads_its_plan_from_the_environment_on_the_mock_venue_only(venue: str, printed: str) -> None:
    done = run_process("a" * 64, "b" * 64, PAPER_FAULTS=json.dumps([{"kind": "throttled"}]), EXCHANGE_ENV=venue)
    assert done.stdout.strip() == printed, done.stderr


@pytest.mark.parametrize(("kind", "acted"), [("kill_before", 0), ("kill_after", 1)])
@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_a_process_dies_before_or_after_the_exchange_has_acted(kind: str, acted: int) -> None:
    keys = services.open_account("mortal", {"USDT": Decimal(1000)})
    done = run_process(
        keys.api_key, keys.api_secret, "order", PAPER_FAULTS=json.dumps([{"match": ORDER, "kind": kind}])
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert placed(Client(keys)) == acted


def test_every_kind_of_fault_is_tried_above() -> None:
    source = Path(__file__).read_text()
    assert [kind for kind in faults.KINDS if f'"{kind}"' not in source] == []
