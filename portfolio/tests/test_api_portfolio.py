"""/api/me/balances and /api/me/portfolio/history."""

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.lib import system_settings
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from portfolio import services, tasks
from portfolio.models import AccountBalances, PortfolioSnapshot
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
BALANCES, HISTORY = "/api/me/balances", "/api/me/portfolio/history"
DOWN = [{"kind": "refuse", "times": 1000}]


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": "123.45678901", "BTC": "0.00000001"})


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def test_balances_are_exact_and_plain(api: APIClient, account: ExchangeAccount) -> None:
    body = api.get(BALANCES).json()
    assert body["account"] == account.pk
    assert body["problem"] == ""
    assert body["balances"] == [
        {"asset": "BTC", "free": "0.00000001", "locked": "0"},
        {"asset": "USDT", "free": "123.45678901", "locked": "0"},
    ]
    assert body["as_of"].endswith("Z")


def test_without_an_account_one_is_told_to_connect_one(api: APIClient) -> None:
    for path in (BALANCES, HISTORY, "/api/me/portfolio/summary"):
        refusal(api.get(path), 404, "no_account")


@pytest.mark.parametrize("wrong", ["mine", "-1", "0", "1.5", "1e400", "NaN", str(2**63), "9" * 400, "\x00"])
@pytest.mark.parametrize("path", [BALANCES, HISTORY, "/api/me/portfolio/summary"])
def test_an_account_that_is_no_number_is_refused(path: str, wrong: str, api: APIClient) -> None:
    assert set(refusal(api.get(path, {"account": wrong}), 400, "invalid")) == {"account"}


def test_balances_last_known_are_shown_when_the_exchange_is_down(api: APIClient, account: ExchangeAccount) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        fresh = api.get(BALANCES).json()
        clock.shift(60)
        paper.deposit(account.paper_key, "USDT", paper.Decimal(1))
        with faults.plan(DOWN):
            known = api.get(BALANCES, {"refresh": "true"}).json()
        assert (known["balances"], known["as_of"]) == (fresh["balances"], fresh["as_of"])
        assert "cannot be reached" in known["problem"]
        again = api.get(BALANCES, {"refresh": "true"}).json()
        assert (again["problem"], again["balances"][1]["free"]) == ("", "124.45678901")


def test_balances_are_read_again_when_they_are_old_or_when_asked_to(api: APIClient, account: ExchangeAccount) -> None:
    def usdt(**query: str) -> str:
        free: str = api.get(BALANCES, query).json()["balances"][1]["free"]
        return free

    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert usdt() == "123.45678901"
        paper.deposit(account.paper_key, "USDT", paper.Decimal(1))
        clock.shift(60)
        assert usdt() == "123.45678901"
        assert usdt(refresh="true") == "124.45678901"
        paper.deposit(account.paper_key, "USDT", paper.Decimal(1))
        clock.shift(system_settings.current().idle_balance_seconds + 1)
        assert usdt() == "125.45678901"
    refusal(api.get(BALANCES, {"refresh": "perhaps"}), 400, "invalid")


def test_balances_never_read_cannot_be_shown_when_the_exchange_is_down(
    api: APIClient, account: ExchangeAccount
) -> None:
    with faults.plan(DOWN):
        refusal(api.get(BALANCES), 503, "exchange_unavailable")
    assert not AccountBalances.objects.exists()


def test_history_is_told_oldest_first_and_within_its_bounds(api: APIClient, account: ExchangeAccount) -> None:
    start = timezone.now()
    for hours in (0, 1, 2):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            services.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
    rows = api.get(HISTORY).json()["results"]
    assert [row["reason"] for row in rows] == ["hourly"] * 3
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert {holding["asset"] for holding in rows[0]["holdings"]} == {"BTC", "USDT"}
    middle = rows[1]["at"]
    assert len(api.get(HISTORY, {"from": middle}).json()["results"]) == 2
    assert len(api.get(HISTORY, {"to": middle}).json()["results"]) == 2
    assert len(api.get(HISTORY, {"from": middle, "to": middle}).json()["results"]) == 1
    assert set(refusal(api.get(HISTORY, {"from": rows[2]["at"], "to": rows[0]["at"]}), 400, "invalid")) == {"to"}


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("wrong", ["yesterday", "2026-13-01T00:00:00Z", "1", "0000-00-00", "\x00", "9" * 400])
def test_a_time_that_is_none_is_refused(name: str, wrong: str, api: APIClient, account: ExchangeAccount) -> None:
    assert set(refusal(api.get(HISTORY, {name: wrong}), 400, "invalid")) == {name}


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_times_at_the_edge_of_the_calendar_are_answered(edge: str, api: APIClient, account: ExchangeAccount) -> None:
    for name in ("from", "to"):
        assert api.get(HISTORY, {name: edge}).status_code in (200, 400)


@pytest.mark.parametrize(
    "position",
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "7", ""],
)
def test_a_cursor_that_somebody_has_made_up_is_refused(position: str, api: APIClient, account: ExchangeAccount) -> None:
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    assert set(refusal(api.get(HISTORY, {"cursor": cursor}), 400, "invalid")) == {"cursor"}


def test_a_snapshot_is_taken_once_an_hour_and_the_trouble_of_one_account_is_its_own(
    account: ExchangeAccount, bob: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    broken = paper_account(bob)
    broken.paper_secret = "x" * 64
    broken.save()
    assert tasks.snapshot_accounts() == 1
    assert tasks.snapshot_accounts() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert tasks.snapshot_accounts() == 1
    assert set(PortfolioSnapshot.objects.values_list("account", flat=True)) == {account.pk}


def test_a_snapshot_is_not_taken_of_prices_that_cannot_be_had(account: ExchangeAccount) -> None:
    with faults.plan(DOWN):
        assert tasks.snapshot_accounts() == 0
    assert not PortfolioSnapshot.objects.exists()


def test_history_keeps_what_had_no_price(api: APIClient, account: ExchangeAccount) -> None:
    for symbol in paper.default_market().symbols:
        if symbol.startswith("BTC") or symbol.endswith("BTC"):
            paper.symbol_control(symbol, price=paper.Decimal(0))
    services.take_snapshot(account, PortfolioSnapshot.Reason.FILL)
    holdings: list[dict[str, Any]] = api.get(HISTORY).json()["results"][0]["holdings"]
    assert {"asset": "BTC", "total": "0.00000001", "value": None} in holdings
