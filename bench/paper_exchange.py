"""How many requests a second the paper exchange answers.

In-process is the transport that the product uses; HTTP is `manage.py paperexchange` in a process of its own. Clients
are threads, each with an account of its own.
"""

import hashlib
import hmac
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import requests
from django.db import connections

from bench.grounds import ROOT
from exchanges.paper import services
from exchanges.paper.models import PaperAccount, RequestWeight
from exchanges.paper.transport import PaperTransport

CLIENTS = (1, 4)


def measure(*, seconds: float) -> list[dict[str, Any]]:
    """Requests a second by job, road and number of clients, each measured for so long."""
    keys = [services.open_account(f"bench {number}", {"USDT": Decimal(10_000)}) for number in range(max(CLIENTS))]
    found: list[dict[str, Any]] = []
    with _serving() as url:
        for job, act in JOBS.items():
            for road, address in (("in-process", ""), ("HTTP", url)):
                for count in CLIENTS:
                    clients = [Client(address, each.api_key, each.api_secret) for each in keys[:count]]
                    with _unlimited():
                        rate = _per_second(act, clients, seconds)
                    found.append({"job": job, "road": road, "clients": count, "per_second": round(rate)})
    return found


class Client:
    """Signs what it sends; `session` is a requests.Session with or without a network."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self.url, self.secret = url or services.BASE_URL, api_secret
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-MBX-APIKEY"] = api_key
        if not url:
            self.session.mount(services.BASE_URL, PaperTransport())

    def ask(self, method: str, path: str, *, signed: bool = False, **parameters: object) -> dict[str, object]:
        if signed:
            parameters["timestamp"] = time.time_ns() // 1_000_000
        text = urlencode(parameters)
        if signed:
            text += "&signature=" + hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        response = self.session.request(method, f"{self.url}{path}" + (f"?{text}" if text else ""), timeout=30)
        if response.status_code != 200:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()


def _place_and_cancel(client: Client) -> int:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    placed = client.ask("POST", "/api/v3/order", signed=True, **order, price="50000")
    client.ask("DELETE", "/api/v3/order", signed=True, symbol="BTCUSDT", orderId=placed["orderId"])
    return 2


def _one(method: str, path: str, *, signed: bool = False) -> Callable[[Client], int]:
    def act(client: Client) -> int:
        client.ask(method, path, signed=signed)
        return 1

    return act


JOBS: dict[str, Callable[[Client], int]] = {
    "ping": _one("GET", "/api/v3/ping"),
    "bookTicker of all symbols": _one("GET", "/api/v3/ticker/bookTicker"),
    "account": _one("GET", "/api/v3/account", signed=True),
    "order placed and cancelled": _place_and_cancel,
}


def _per_second(act: Callable[[Client], int], clients: list[Client], seconds: float) -> float:
    """Requests a second by all clients together."""
    done = [0] * len(clients)
    failed: list[BaseException] = []
    begun = time.perf_counter()

    def work(position: int) -> None:
        try:
            while time.perf_counter() - begun < seconds:
                done[position] += act(clients[position])
        except Exception as error:  # noqa: BLE001  (raised below, by the main thread)
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(position,)) for position in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) / (time.perf_counter() - begun)


def _without_limits() -> None:
    """A bench asks for more than an address or an account may: forget what was used."""
    RequestWeight.objects.update(used=0, raw_requests=0)
    PaperAccount.objects.update(orders_10s=0, orders_1d=0)


@contextmanager
def _unlimited() -> Iterator[None]:
    """Keep forgetting, twenty times a second, while the block runs."""
    ended = threading.Event()

    def forget() -> None:
        while not ended.wait(0.05):
            _without_limits()
        connections.close_all()

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _serving() -> Iterator[str]:
    """The paper exchange over HTTP, on a free port."""
    command = [sys.executable, "manage.py", "paperexchange", "--port", "0", "-v", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603  (our own command)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[4]
    finally:
        process.terminate()
        process.wait(timeout=20)
