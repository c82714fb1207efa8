"""Two processes with four threads each trade on the same accounts for a while: no 5xx, no deadlock, exact books.

`make soak` trades for thirty seconds.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.db import connections

from exchanges.paper import services
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.serving import ROOT, environment
from exchanges.paper.tests.support import DATABASES, Client

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)
D = Decimal
PROCESSES, THREADS, ACCOUNTS = 2, 4, 16
# What an honest client may meet when others use its account: too little is left, the order is gone, too many orders.
EXPECTED = {"200", "400 -2010", "400 -2011", "429 -1015"}


class Patient(Client):
    """Its requests may wait for as long as the exchange allows: the machine is busy on purpose."""

    def send(self, method: str, path: str, **parameters: Any) -> requests.Response:
        return super().send(method, path, recvWindow=60_000, **parameters)


def trade(everybody: list[PaperKeys], seed: int, deadline: float, met: Counter[str]) -> None:
    """Buy and sell at the market, leave orders waiting and cancel them, on any of the accounts."""
    chance = random.Random(seed)
    clients = [Patient(keys) for keys in everybody]
    try:
        book = clients[0].book("ETHUSDT")
        low = f"{book['bidPrice'] * D('0.8'):.2f}"
        while time.monotonic() < deadline:
            client, side = chance.choice(clients), chance.choice(("BUY", "SELL"))
            market = {"symbol": "ETHUSDT", "side": side, "type": "MARKET", "quantity": "0.01"}
            sent = [client.send("POST", "/api/v3/order", **market), client.order("BUY", "0.01", low, "ETHUSDT")]
            if sent[-1].status_code == 200 and chance.random() < 0.8:
                order_id = sent[-1].json()["orderId"]
                sent.append(client.send("DELETE", "/api/v3/order", symbol="ETHUSDT", orderId=order_id))
            elif chance.random() < 0.3:
                sent.append(client.send("DELETE", "/api/v3/openOrders", symbol="ETHUSDT"))
            for response in sent:
                code = "" if response.status_code == 200 else f" {response.json()['code']}"
                met[f"{response.status_code}{code}"] += 1
    except Exception as error:  # noqa: BLE001  (a thread's failure is reported by the test)
        met[repr(error)] += 1
    finally:
        connections.close_all()


def trade_in_threads(everybody: list[PaperKeys], seed: int, seconds: int) -> Counter[str]:
    met: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    threads = [
        threading.Thread(target=trade, args=(everybody, seed + number, deadline, met)) for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return met


PROCESS = """
import json, sys, django
django.setup()
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.test_busy_hours import trade_in_threads
everybody = [PaperKeys(*pair) for pair in json.loads(sys.argv[1])]
print(json.dumps(trade_in_threads(everybody, int(sys.argv[2]), int(sys.argv[3]))))
"""


def trade_in_processes(seconds: int) -> Counter[str]:
    """What the clients met; afterwards the books of every account add up."""
    balances = {"USDT": D(100_000), "ETH": D(10)}
    everybody = [services.open_account(f"busy {number}", balances) for number in range(ACCOUNTS)]
    pairs = json.dumps([(keys.api_key, keys.api_secret) for keys in everybody])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, pairs, str(100 * number), str(seconds)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    met: Counter[str] = Counter()
    for process in running:
        try:
            out, err = process.communicate(timeout=seconds + 60)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"a process is stuck: {process.communicate()[1]}")
        assert process.returncode == 0, err
        met += Counter(json.loads(out))
    for keys in everybody:
        assert services.audit_account(keys.api_key) == []
        client = Client(keys)
        waiting = client.send("GET", "/api/v3/openOrders", symbol="ETHUSDT").json()
        locked = sum((D(order["price"]) * D(order["origQty"]) for order in waiting), D(0))
        assert D(client.balances()["USDT"][1]) == locked
    return met


def test_for_three_seconds() -> None:
    met = trade_in_processes(3)
    assert set(met) <= EXPECTED
    assert met["200"] > 50


@pytest.mark.soak
def test_for_thirty_seconds() -> None:
    met = trade_in_processes(30)
    print(dict(met))  # noqa: T201  (how much was done, with -s)
    assert set(met) <= EXPECTED
    assert met["200"] > 500
