"""Two identical requests at the same moment, from two threads, make one run and one set of orders."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper.models import PaperOrder
from orders.models import Order, Round, Run
from orders.tests.test_hard_moments import meanwhile
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "paper"])
THREADS = 4


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """`work(0)`, `work(1)` … in threads that begin together; what each returned, or the exception it ended with."""
    results: list[Any] = [None] * THREADS
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=20)
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001  (shown by the assertion)
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return results


@pytest.mark.parametrize("key", ["", "the-same-key"])
@pytest.mark.parametrize("price_step", ["2", "-0.5"], ids=["orders rest", "orders fill at once"])
def test_identical_requests_at_once_make_one_run(
    key: str,
    price_step: str,
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    api_for: Callable[[User], APIClient],
) -> None:
    account = paper_account(alice, {"USDT": 10_000})
    targets = strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct=price_step, order_size_pct="100")
    clients = [api_for(alice) for _ in range(THREADS)]
    headers = {"Idempotency-Key": key} if key else {}

    def execute(number: int) -> tuple[int, dict[str, Any]]:
        body = {"strategy": targets.pk}
        answer = clients[number].post("/api/me/rebalance/execute", body, format="json", headers=headers)
        return answer.status_code, answer.json()

    answers = at_once(execute)
    assert all(isinstance(answer, tuple) for answer in answers), answers
    statuses = Counter(status for status, _body in answers)
    assert statuses == {201: 1, 200: THREADS - 1}, answers
    assert len({body["run"] for _status, body in answers}) == 1
    assert (Run.objects.count(), Round.objects.count()) == (1, 1)
    ours = set(Order.objects.values_list("client_order_id", flat=True))
    assert len(ours) == Order.objects.count() == 2
    theirs = list(PaperOrder.objects.values_list("client_order_id", flat=True))
    assert sorted(theirs) == sorted(ours), "each intent is at the exchange, exactly once"


def test_looking_at_orders_from_several_threads_counts_every_fill_once(
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    api_for: Callable[[User], APIClient],
) -> None:
    account = paper_account(alice, {"USDT": 10_000})
    targets = strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="-0.5", order_size_pct="10")
    clients = [api_for(alice) for _ in range(THREADS)]
    started = clients[0].post("/api/me/rebalance/execute", {"strategy": targets.pk}, format="json")
    assert started.status_code == 201, started.json()

    def look(number: int) -> list[int]:
        return [clients[number].post("/api/me/orders/refresh", format="json").status_code for _ in range(3)]

    assert at_once(look) == [[200, 200, 200]] * THREADS
    orders = list(Order.objects.all())
    assert {order.client_order_id for order in orders} == set(
        PaperOrder.objects.values_list("client_order_id", flat=True)
    )
    assert len({(order.round_id, order.symbol) for order in orders}) == len(orders)
    for order in orders:
        fills = list(order.fills.all())
        assert sum(fill.quantity for fill in fills) == order.recorded_quantity <= order.executed_quantity


def test_two_accounts_with_one_label_at_once_make_one(alice: User, api_for: Callable[[User], APIClient]) -> None:
    clients = [api_for(alice) for _ in range(THREADS)]

    def connect(number: int) -> int:
        return clients[number].post("/api/me/accounts/", {"label": "Same"}, format="json").status_code

    assert Counter(at_once(connect)) == {201: 1, 400: THREADS - 1}
    assert ExchangeAccount.objects.count() == 1


def test_two_strategies_at_once_leave_one_active(
    alice: User, paper_account: Callable[..., ExchangeAccount], api_for: Callable[[User], APIClient]
) -> None:
    account = paper_account(alice)
    clients = [api_for(alice) for _ in range(THREADS)]

    def create(number: int) -> int:
        rows = [{"asset": "BTC", "weight_pct": "10"}]
        body = {"name": f"Number {number}", "account": account.pk, "allocations": rows, "is_active": True}
        return clients[number].post("/api/me/strategies/", body, format="json").status_code

    assert at_once(create) == [201] * THREADS
    assert Strategy.objects.filter(is_active=True).count() == 1


@pytest.mark.usefixtures("in_use")
def test_a_repeated_registration_at_once_makes_one_user() -> None:
    who = {"email": "twin@example.org", "password": "correct-horse-9"}

    def register(_number: int) -> int:
        return APIClient().post("/api/auth/register", who, format="json").status_code

    assert Counter(at_once(register)) == {201: 1, 400: THREADS - 1}
    assert User.objects.filter(email=who["email"]).count() == 1


def test_a_plan_made_before_another_run_began_and_ended_is_not_sent(
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    api_for: Callable[[User], APIClient],
    settings: Settings,
) -> None:
    """The slower of two requests has read its balances; before it has its prices the faster one trades and ends."""
    settings.PRICING_USE_CACHE = False
    account = paper_account(alice, {"USDT": 10_000})
    targets = strategy(account, {"BTC": 40}, order_step_pct="-0.5", order_size_pct="100")
    slow, fast = api_for(alice), api_for(alice)
    body = {"strategy": targets.pk}

    def trade_faster() -> None:
        run = fast.post("/api/me/rebalance/execute", body, format="json").json()["run"]
        while fast.get(f"/api/me/runs/{run}").json()["state"] == "active":
            fast.post("/api/me/orders/refresh", format="json")

    with meanwhile({"match": "GET /api/v3/ticker/bookTicker", "kind": "slow", "seconds": 0.01}, trade_faster):
        answer = slow.post("/api/me/rebalance/execute", body, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "plan_changed")
    assert Run.objects.count() == 1
    assert Order.objects.count() == PaperOrder.objects.count() == 1
