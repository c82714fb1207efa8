"""The page of a rebalance: how far it is, stopping it, looking now."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import services
from orders.domain import Status
from orders.models import Order, Run
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

HTMX: dict[str, Any] = {"headers": {"HX-Request": "true"}}

ClientFor = Callable[[User], Client]
Rebalance = Callable[..., Run]


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def rebalance(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> Rebalance:
    """rebalance(order_step_pct="2"): a run of a fresh account; by default its orders take what is offered."""

    def start(targets: dict[str, int] | None = None, **limits: str) -> Run:
        account = paper_account(alice, {"USDT": 10_000, "DOGE": 100})
        limits = {"order_step_pct": "-0.5", "order_size_pct": "100", **limits}
        row = strategy(account, targets or {"BTC": 50, "ETH": 20}, **limits)
        return services.execute(alice, row, trigger=Run.Trigger.PAGE).run

    return start


def finish(run: Run) -> Run:
    for _look in range(5):
        services.track_account(run.account)
        run.refresh_from_db()
    assert not run.is_active
    return run


def test_under_way_it_shows_the_round_and_asks_for_itself_again(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance(order_step_pct="2")
    page = browser.get(f"/orders/runs/{run.pk}/").content.decode()
    assert "Round 1: waiting for 2 of 2 orders to fill." in page
    assert f'hx-get="/orders/runs/{run.pk}/" hx-trigger="live:changed"' in page
    assert "BTCUSDT" in page
    assert "Not among the targets" in page  # DOGE
    fragment = browser.get(f"/orders/runs/{run.pk}/", **HTMX)
    assert fragment.status_code == 200
    assert "<html" not in fragment.content.decode()


def test_when_it_has_ended_the_page_stops_asking(browser: Client, rebalance: Rebalance) -> None:
    run = finish(rebalance())
    answer = browser.get(f"/orders/runs/{run.pk}/", **HTMX)
    fragment = answer.content.decode()
    assert answer.status_code == 200
    assert "Every target is within its band." in fragment
    assert "data-live" not in fragment
    assert 'id="run-actions" hx-swap-oob="true"' in fragment
    page = browser.get(f"/orders/runs/{run.pk}/").content.decode()
    assert "data-live" not in page
    assert "hx-swap-oob" not in page
    assert ">Stop<" not in page


def test_an_ended_run_shows_weights_as_they_are_now(browser: Client, rebalance: Rebalance) -> None:
    run = finish(rebalance())
    answer = browser.get(f"/orders/runs/{run.pk}/")
    weights = {row.asset: row for row in answer.context["weights"]}
    assert set(weights) == {"BTC", "ETH", "USDT"}
    assert all(abs(row.now - row.target) <= 1 for row in weights.values())


def test_an_ended_run_is_shown_also_when_the_exchange_is_down(browser: Client, rebalance: Rebalance) -> None:
    run = finish(rebalance())
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        answer = browser.get(f"/orders/runs/{run.pk}/")
    assert answer.status_code == 200
    assert "Every target is within its band." in answer.content.decode()


def test_look_now_takes_it_further(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance()
    here = f"/orders/runs/{run.pk}/"
    for _look in range(5):
        answer = browser.post("/orders/refresh/", {"account": run.account_id, "next": here})
        assert answer.url == here
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETE


def test_a_passing_problem_is_told(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance()
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        answer = browser.post("/orders/refresh/", {"account": run.account_id}, follow=True)
        assert 'class="notice warning"' in answer.content.decode()
        page = browser.get(f"/orders/runs/{run.pk}/").content.decode()
    assert Run.objects.get().problem
    assert "It is tried again." in page


def test_stopping_cancels_its_open_orders(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance(order_step_pct="2")
    answer = browser.post(f"/orders/runs/{run.pk}/stop/", follow=True)
    page = answer.content.decode()
    assert "It is stopped, and its open orders are cancelled." in page
    assert "You stopped it." in page
    assert set(Order.objects.values_list("status", flat=True)) == {Status.CANCELED}
    again = browser.post(f"/orders/runs/{run.pk}/stop/", follow=True).content.decode()
    assert "It had ended already." in again


def test_stopping_while_the_exchange_is_down_says_what_is_still_open(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance(order_step_pct="2")
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        answer = browser.post(f"/orders/runs/{run.pk}/stop/", follow=True)
    assert answer.status_code == 200
    assert "could not be cancelled yet" in answer.content.decode()
    assert Run.objects.get().state == Run.State.STOPPED


def test_a_run_of_many_rounds_shows_the_newest(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance({"BTC": 60}, order_size_pct="5")
    for _look in range(30):
        services.track_account(run.account)
    page = browser.get(f"/orders/runs/{run.pk}/")
    assert len(page.context["rounds"]) == 10
    assert page.context["earlier"] > 0
    assert f'href="/orders/?run={run.pk}"' in page.content.decode()
    orders = browser.get(f"/orders/?run={run.pk}")
    assert len(orders.context["rows"]) == Order.objects.count()


def test_the_list_of_rebalances_shows_how_each_ended(browser: Client, rebalance: Rebalance) -> None:
    assert "There has been no rebalance yet." in browser.get("/orders/runs/").content.decode()
    run = finish(rebalance())
    page = browser.get("/orders/runs/").content.decode()
    assert f'href="/orders/runs/{run.pk}/"' in page
    assert "Every target is within its band." in page
    assert browser.get("/orders/runs/?before=nonsense").status_code == 200
    assert not browser.get(f"/orders/runs/?before={run.pk}").context["rows"]


def test_another_users_run_does_not_exist(charlie: User, client_for: ClientFor, rebalance: Rebalance) -> None:
    run = rebalance(order_step_pct="2")
    stranger = client_for(charlie)
    assert stranger.get(f"/orders/runs/{run.pk}/").status_code == 404
    assert stranger.get(f"/orders/runs/{run.pk}/", **HTMX).status_code == 404
    assert stranger.post(f"/orders/runs/{run.pk}/stop/").status_code == 404
    assert not stranger.get("/orders/runs/").context["rows"]
    run.refresh_from_db()
    assert run.is_active


def test_methods_are_enforced(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance(order_step_pct="2")
    assert browser.get(f"/orders/runs/{run.pk}/stop/").status_code == 405
    assert browser.post(f"/orders/runs/{run.pk}/").status_code == 405
    assert browser.get("/orders/refresh/").status_code == 405
