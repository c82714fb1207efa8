"""What an autopilot says it will do next is what its next look would do."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from orders import services
from orders.models import Autopilot
from portfolio import services as portfolio
from strategies import services as strategies
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    account = paper_account(alice, {"USDT": 5000})
    portfolio.read_balances(account)
    return account


def told(api: APIClient, strategy: Strategy) -> dict[str, Any]:
    body: dict[str, Any] = api.get(f"/api/me/strategies/{strategy.pk}/autopilot").json()
    return body


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("mode", ["periodic", "both"])
def test_a_schedule_that_has_not_begun_announces_no_trade(
    mode: str, api: APIClient, alice: User, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    row = strategy(account, {"BTC": 40}, trigger_mode=mode, interval_minutes=120)
    services.start_autopilot(alice, row)
    Autopilot.objects.update(scheduled_at=None)  # as of one that had no schedule when it looked last
    upcoming = told(api, row)["next"]
    assert "Its schedule begins at its next look, at " in upcoming
    assert upcoming.endswith("; its first time is 2 hours later.")


@pytest.mark.usefixtures("clock")
def test_a_shorter_interval_brings_the_time_of_the_schedule_nearer(
    api: APIClient, alice: User, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    row = strategy(account, {"BTC": 40}, trigger_mode="periodic", interval_minutes=40_320)
    services.start_autopilot(alice, row)
    strategies.update_strategy(row, {"interval_minutes": 30}, None)
    due = datetime.fromisoformat(told(api, row)["scheduled_at"])
    assert due == datetime.fromisoformat("2026-03-02T10:30:00+00:00")


def test_where_nothing_is_managed_no_trade_is_announced(
    api: APIClient, alice: User, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    paper.withdraw(account.paper_key, "USDT", Decimal(5000))
    portfolio.read_balances(account)
    row = strategy(account, {"BTC": 40}, trigger_mode="periodic", interval_minutes=120)
    services.start_autopilot(alice, row)
    body = told(api, row)
    assert body["largest_drift"] is None
    assert "as things stand it would trade nothing then." in body["next"]


def test_settings_are_told_as_they_were_set(
    api: APIClient, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    row = strategy(account, {"BTC": 40}, min_delta_pct="1.25", order_size_pct="12.345")
    body = told(api, row)
    assert "by more than 1.25% of the portfolio" in body["does"]
    assert "with orders of at most 12.345% of the portfolio" in body["next"]


def test_an_account_that_the_superadmin_has_paused_is_not_its_owners_to_mend(
    api: APIClient, alice: User, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    row = strategy(account, {"BTC": 40})
    services.start_autopilot(alice, row)
    ExchangeAccount.objects.update(status=ExchangeAccount.Status.PAUSED)
    body = told(api, row)
    assert (body["held"], body["hold_code"]) == (True, "account_not_ready")
    assert body["next"].startswith("Whoever runs this server has paused this account.")
    assert "key" not in body["next"]
