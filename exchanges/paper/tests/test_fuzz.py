"""Whatever is asked: an answer of the protocol, never a 5xx, and a refused request changes nothing.

The same seed makes the same requests. `make soak` asks more of them.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
import time_machine

from exchanges.paper import services
from exchanges.paper.http import PaperServer
from exchanges.paper.models import PaperAccount, PaperBalance, PaperLedger, PaperOrder, PaperTrade
from exchanges.paper.rest import handle
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.fuzzing import Fuzz, broken_bytes
from exchanges.paper.tests.serving import Server, exchange, over_http
from exchanges.paper.tests.support import DATABASES
from exchanges.paper.wire import Answer, RawRequest

pytestmark = pytest.mark.django_db(databases=DATABASES)
MOMENT = 1_790_000_000
A_ROUND = 100  # requests of one account: no more than may be orders in ten seconds
ONE_ADDRESS = 20  # requests of one network address: no more than any sequence of them may weigh in a minute
STATUSES = {200, 400, 401, 404, 405, 409, 429}


def books(api_key: str) -> list[list[tuple[Any, ...]]]:
    """Everything that a request could change of an account."""
    return [
        list(model.objects.filter(account__api_key=api_key).order_by("pk").values_list())
        for model in (PaperBalance, PaperOrder, PaperTrade, PaperLedger)
    ]


def strangers() -> list[tuple[Any, ...]]:
    return list(PaperAccount.objects.order_by("pk").values_list("pk", "api_key", "is_closed", "maker_rate"))


def check(request: RawRequest, given: Answer, *, through_a_door: bool) -> None:
    """`through_a_door`: over HTTP, where a request that cannot be read gets code 0."""
    assert given.status in STATUSES, (request, given)
    if through_a_door and request.method == "HEAD":
        assert given.body == b""
        return
    assert int(given.headers["Content-Length"]) == len(given.body)
    if given.headers["Content-Type"].startswith("text/html"):
        assert given.status in (404, 405), (request, given)
        return
    body = given.json()
    if given.status in (404, 405):
        assert body["status"] == given.status
    elif given.status != 200:
        assert body["code"] <= -1000 or (through_a_door and body["code"] == 0), (request, body)
        assert body["msg"], (request, body)


Send = Callable[[RawRequest], Answer]


def ask(seed: int, rounds: int, send: Send) -> Iterator[tuple[RawRequest, Answer]]:
    """Ask, and check every answer and the books after it."""
    with time_machine.travel(MOMENT, tick=False):
        for number in range(rounds):
            balances = {"USDT": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100), "BNB": Decimal(5)}
            keys = services.open_account("fuzz", balances, burns_bnb=number % 2 == 1)
            place = f"127.{number // 200 + 1}.{number % 200 + 1}"
            yield from _round(Fuzz(seed + number, MOMENT * 1000, keys), keys, place, send)
            assert services.audit_account(keys.api_key) == []


def _round(fuzz: Fuzz, keys: PaperKeys, place: str, send: Send) -> Iterator[tuple[RawRequest, Answer]]:
    before, known = books(keys.api_key), strangers()
    for number in range(A_ROUND):
        request = fuzz.request(f"{place}.{number // ONE_ADDRESS + 1}")
        given = send(request)
        check(request, given, through_a_door=send is not handle)
        if request.method != "GET" or given.status != 200:
            after = books(keys.api_key)
            if given.status >= 400 and given.status != 409:  # a replacement that is half done says so with a 409
                assert after == before, (request, given)
            before = after
        if given.status == 200 and (request.method, request.path) == ("POST", "/api/v3/order"):
            placed = given.json()
            fuzz.seen.append((placed["symbol"], str(placed["orderId"]), placed["clientOrderId"]))
        yield request, given
    assert strangers() == known


def counts(seed: int, rounds: int, send: Send = handle) -> dict[str, int]:
    """How often each kind of request ended in each status: a fuzz that is refused at the door finds nothing."""
    found: dict[str, int] = {}
    for request, given in ask(seed, rounds, send):
        kind = f"{request.method} {request.path} {given.status}"
        found[kind] = found.get(kind, 0) + 1
    return found


def test_no_request_breaks_the_exchange_or_changes_anything_by_being_refused() -> None:
    found = counts(seed=11, rounds=5)
    for reached in (
        "POST /api/v3/order 200",
        "POST /api/v3/order 400",
        "DELETE /api/v3/order 200",
        "GET /api/v3/myTrades 200",
        "GET /api/v3/klines 200",
        "PUT /api/v3/order/amend/keepPriority 400",
        "POST /api/v3/order/cancelReplace 400",
    ):
        assert found.get(reached, 0) >= 1, found


@pytest.mark.soak
@pytest.mark.parametrize(("seed", "rounds"), [(1_000, 100), (2_000, 90)])
def test_nineteen_thousand_requests_in_two_halves(seed: int, rounds: int) -> None:
    found = counts(seed, rounds)
    assert sum(found.values()) == rounds * A_ROUND
    assert found["POST /api/v3/order/cancelReplace 409"] > 0


@pytest.mark.soak
@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_a_thousand_requests_over_http() -> None:
    server = PaperServer("127.0.0.1", 0)  # in this process, which has the moment of these requests
    server.start()
    try:
        found = counts(3_000, rounds=10, send=lambda request: over_http(server.url, request))
    finally:
        server.stop()
    assert sum(found.values()) == 1_000
    for reached, least in (
        ("POST /api/v3/order 200", 10),
        ("POST /api/v3/order 400", 10),
        ("DELETE /api/v3/order 200", 1),
        ("POST /api/v3/order/cancelReplace 409", 1),
    ):
        assert found.get(reached, 0) >= least, found


def broken(server: Server, seed: int, count: int) -> None:
    for raw in broken_bytes(seed, count):
        received = exchange(server, raw, half_close=True)
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]
        assert bool(statuses) == bool(received), raw
        assert not {status for status in statuses if status >= 500} - {501, 505}, raw
    assert requests.get(f"{server.url}/api/v3/ping", timeout=5).status_code == 200
    assert "Traceback" not in server.log.read_text()


@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_no_bytes_break_the_server(server: Server) -> None:
    broken(server, seed=1, count=60)


@pytest.mark.soak
@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_five_hundred_broken_requests_as_bytes(server: Server) -> None:
    broken(server, seed=1_000, count=500)
