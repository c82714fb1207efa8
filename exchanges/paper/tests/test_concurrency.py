"""Several threads and processes over one store: no lost update, no deadlock, and the books add up."""

import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from django.db import connections

from exchanges.paper import services
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.serving import ROOT, environment
from exchanges.paper.tests.support import DATABASES, Client

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)
D = Decimal
ROUNDS = 12


def trade(keys: PaperKeys, name: str, errors: list[str]) -> None:
    """Place and cancel around the market, as fast as it goes."""
    client = Client(keys)
    try:
        for number in range(ROUNDS):
            book = client.book("ETHUSDT")
            taker = client.order("BUY", "0.01", f"{book['askPrice'] * D('1.01'):.2f}", "ETHUSDT")
            resting = client.order(
                "BUY", "0.01", f"{book['bidPrice'] * D('0.9'):.2f}", "ETHUSDT", newClientOrderId=f"{name}-{number}"
            )
            cancelled = client.send("DELETE", "/api/v3/order", symbol="ETHUSDT", origClientOrderId=f"{name}-{number}")
            for response in (taker, resting, cancelled):
                if response.status_code != 200:
                    errors.append(response.text)
    except Exception as error:  # noqa: BLE001  (a thread's failure is reported by the test)
        errors.append(repr(error))
    finally:
        connections.close_all()


def expected_base(client: Client) -> Decimal:
    trades = client.send("GET", "/api/v3/myTrades", symbol="ETHUSDT", limit=1000).json()
    assert len({trade["id"] for trade in trades}) == len(trades)
    return sum((D(trade["qty"]) - D(trade["commission"]) for trade in trades), D(0))


def test_threads_on_one_account_lose_nothing() -> None:
    keys = services.open_account("busy", {"USDT": D(100_000)})
    errors: list[str] = []
    threads = [threading.Thread(target=trade, args=(keys, f"t{number}", errors)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = Client(keys)
    assert errors == []
    assert len(client.send("GET", "/api/v3/allOrders", symbol="ETHUSDT").json()) == 3 * ROUNDS * 2
    assert D(client.balances()["ETH"][0]) == expected_base(client)
    assert client.audit() == []


PROCESS = """
import sys, django
django.setup()
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.test_concurrency import trade
errors = []
trade(PaperKeys(*sys.argv[1:3]), sys.argv[3], errors)
print(errors)
"""


def test_processes_on_one_account_lose_nothing() -> None:
    keys = services.open_account("busy", {"USDT": D(100_000)})
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, keys.api_key, keys.api_secret, f"p{number}"],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert out.strip() == "[]", err
    client = Client(keys)
    assert len(client.send("GET", "/api/v3/allOrders", symbol="ETHUSDT").json()) == 2 * ROUNDS * 2
    assert D(client.balances()["ETH"][0]) == expected_base(client)
    assert client.audit() == []
