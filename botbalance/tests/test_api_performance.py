"""GET /api/me/portfolio/performance"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.tests.recorded_scene import ago, record, valued
from exchanges.models import ExchangeAccount
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
PATH = "/api/me/portfolio/performance"


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1})


@pytest.fixture
def recorded(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> ExchangeAccount:
    record(strategy(account))
    return account


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def numbers(body: Any) -> list[Any]:
    """Every number of an answer that is not a string."""
    if isinstance(body, dict):
        return [n for value in body.values() for n in numbers(value)]
    if isinstance(body, list):
        return [n for value in body for n in numbers(value)]
    return [body] if isinstance(body, float) else []


def test_everything_that_is_recorded(api: APIClient, recorded: ExchangeAccount) -> None:
    body = api.get(PATH).json()
    assert (body["account"], body["quote"], body["start_nav"], body["put_in"]) == (recorded.pk, "USDT", "9000", "1000")
    assert D(body["earned"]) == D(body["end_nav"]) - D(body["start_nav"]) - D(body["put_in"])
    assert body["bitcoin"] == {"time_weighted_return": "0.5", "reason": ""}
    assert D(body["hold"]["time_weighted_return"]) > 0
    assert 0 < D(body["time_weighted_return"]) < D("0.5")
    assert body["money_weighted"]["reason"] == ""
    assert D(body["risk"]["max_drawdown"]) <= 0
    assert [row["asset"] for row in body["assets"]] == ["BNB", "BTC"]
    assert len(body["curve"]) == 41
    assert body["curve"][0] == {"at": "2026-04-22T12:30:00Z", "growth": "1", "hold": "9000", "bitcoin": "9000"}
    assert numbers(body) == []


def test_a_time_of_its_own(api: APIClient, recorded: ExchangeAccount) -> None:
    body = api.get(PATH, {"from": ago(8).isoformat(), "to": ago(6).isoformat()}).json()
    assert (body["start_at"], body["end_at"]) == ("2026-05-24T12:30:00Z", "2026-05-26T12:30:00Z")
    assert body["put_in"] == "0"
    assert D(body["bitcoin"]["time_weighted_return"]) == pytest.approx(D(85_500) / 84_000 - 1, abs=D("1e-8"))
    assert {row["asset"]: row["realised"] for row in body["assets"]}["BTC"] == "0"


def test_where_nothing_is_recorded_it_says_so(api: APIClient, account: ExchangeAccount) -> None:
    body = api.get(PATH).json()
    assert body["reason"] == "Nothing is recorded in this time."
    assert (body["time_weighted_return"], body["risk"], body["curve"], body["assets"]) == (None, None, [], [])


def test_figures_that_are_not_known_have_a_reason(api: APIClient, account: ExchangeAccount) -> None:
    valued(account, ago(1), {"USDT": 100}, {})
    body = api.get(PATH).json()
    assert (body["time_weighted_return"], body["reason"]) == (None, "There is only one valuation in this time.")
    assert body["bitcoin"]["time_weighted_return"] is None
    assert body["bitcoin"]["reason"].startswith("A price it takes was not recorded")
    assert (body["risk"]["sharpe"], body["money_weighted"]["annual"]) == (None, None)


def test_a_time_that_ends_before_it_begins_is_refused(api: APIClient, account: ExchangeAccount) -> None:
    answer = api.get(PATH, {"from": ago(1).isoformat(), "to": ago(2).isoformat()})
    assert set(refusal(answer, 400, "invalid")) == {"to"}
    assert set(refusal(api.get(PATH, {"from": "yesterday"}), 400, "invalid")) == {"from"}


def test_charlie_sees_nothing(recorded: ExchangeAccount, charlie: User, api_for: Callable[[User], APIClient]) -> None:
    refusal(api_for(charlie).get(PATH, {"account": recorded.pk}), 404, "not_found")
    refusal(api_for(charlie).get(PATH), 404, "no_account")
    assert APIClient().get(PATH).status_code == 401
