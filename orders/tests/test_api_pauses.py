"""What an owner does by hand pauses the autopilot, and the API says so; so it does of orders that stay open then."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges.models import ExchangeAccount
from orders import services
from orders.models import Autopilot, Order, Run
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


@pytest.fixture
def run(alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> Run:
    """A rebalance of an autopilot that is on; its two orders rest."""
    SystemSettings.objects.create(price_jump_pct=100)
    system_settings.forget()
    account = paper_account(alice, {"USDT": 10_000})
    row = strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="2", order_size_pct="100")
    services.start_autopilot(alice, row)
    return services.execute(alice, row, trigger=Run.Trigger.AUTOPILOT).run


@pytest.mark.parametrize("path", ["/api/me/runs/{run}/stop", "/api/me/orders/{order}/cancel", "/api/me/orders/cancel"])
def test_whoever_cancels_by_hand_learns_whether_the_autopilot_has_paused(path: str, api: APIClient, run: Run) -> None:
    first, second = Order.objects.order_by("pk")
    answer = api.post(path.format(run=run.pk, order=first.pk))
    assert (answer.status_code, answer.json()["autopilot_paused"]) == (200, True)
    answer = api.post(path.format(run=run.pk, order=second.pk))
    assert (answer.status_code, answer.json()["autopilot_paused"]) == (200, False)  # it had paused already


def test_cancelling_all_where_nothing_was_open_pauses_nothing(api: APIClient, run: Run) -> None:
    services.stop_run(run)
    Autopilot.objects.update(paused_at=None)
    assert api.post("/api/me/orders/cancel").json() == {"cancelled": 0, "problems": [], "autopilot_paused": False}
    assert Autopilot.objects.get().is_flying


def test_orders_that_its_ended_rebalances_have_left_open_are_counted(api: APIClient, run: Run) -> None:
    url = f"/api/me/strategies/{run.strategy_id}/autopilot"
    assert api.get(url).json()["open_orders"] == 0  # the rebalance minds them
    Run.objects.filter(pk=run.pk).update(state=Run.State.STOPPED, reason_code="no_fills", finished_at=timezone.now())
    Autopilot.objects.update(paused_at=timezone.now(), pause_code="repeated_failures", pause_values={})
    body = api.get(url).json()
    assert body["open_orders"] == 2
    assert "2 orders of its rebalances are still open at the exchange and may fill." in body["next"]
    body = api.post(f"/api/me/strategies/{run.strategy_id}/stop").json()
    assert (body["open_orders"], body["problems"]) == (0, [])
