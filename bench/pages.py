"""What a look costs a user: queries and milliseconds of the summary endpoint and of the pages, in this process,
without a network. Balances have just been read, as they have for whoever keeps a page open.
"""

import statistics
import time
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import crowd
from exchanges.models import ExchangeAccount
from portfolio.models import AccountBalances
from strategies.models import Strategy

ADDRESSES = {
    "summary": "/api/me/portfolio/summary",
    "dashboard": "/",
    "orders": "/orders/",
    "strategies": "/strategies/",
    "strategy": "/strategies/{strategy}/",
    "autopilot": "/orders/autopilot/{strategy}/",
    "unchanged": "/live/",  # what open pages ask; without marks, which says as much: nothing has changed
}
WARM_REQUESTS = 2


def measure(*, users: int, orders: int, requests: int) -> dict[str, Any]:
    """Every address as the first of `users` sees them, with `orders` orders in the table, spread over all users."""
    accounts = crowd.populate(users)
    crowd.write_orders(accounts, orders)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(SERVER_NAME="localhost")
    client.force_login(accounts[0].user)
    found: dict[str, Any] = {"users": users, "orders_stored": orders}
    strategy = Strategy.objects.get(account=accounts[0]).pk
    for name, template in ADDRESSES.items():
        address = template.format(strategy=strategy)
        for _request in range(WARM_REQUESTS):
            _look(client, accounts[0], address)
        spent = [_look(client, accounts[0], address) for _request in range(requests)]
        _read_now(accounts[0])
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        slowest = max(captured.captured_queries, key=lambda query: float(query["time"]))
        found[name] = {
            "queries": len(captured),
            "ms": round(statistics.median(spent), 1),
            "slowest_query_ms": float(slowest["time"]) * 1000,
            "slowest_query": slowest["sql"][:200],
        }
    return found


def _look(client: Client, account: ExchangeAccount, address: str) -> float:
    """Milliseconds of one request; RuntimeError where it is not answered."""
    _read_now(account)
    begun = time.perf_counter()
    response = client.get(address)
    spent = (time.perf_counter() - begun) * 1000
    if response.status_code not in (200, 204):
        raise RuntimeError(f"{address} answered {response.status_code}")
    return spent


def _read_now(account: ExchangeAccount) -> None:
    """Balances that need no reading."""
    AccountBalances.objects.filter(account=account).update(as_of=timezone.now())
