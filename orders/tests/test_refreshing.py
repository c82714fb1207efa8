"""Asking now instead of waiting: often enough for a person, and never so often that others go short."""

from collections.abc import Callable

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import User
from orders.services import refresh_account
from orders.services.tracking import REFRESH_SECONDS, REFRESHES
from orders.tests.elsewhere import calls
from orders.tests.scenes import CALM, RESTING, Trader, trader

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
LIST, ORDER = "GET openOrders 80", "GET order 4"


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    someone = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    someone.execute()
    return someone


def test_the_list_of_everything_is_read_once_in_a_while(
    alice: Trader, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    calls(caplog)
    assert refresh_account(alice.account) == []
    assert calls(caplog) == [LIST]
    assert refresh_account(alice.account) == []
    assert calls(caplog) == [ORDER]
    clock.shift(REFRESH_SECONDS + 1)
    assert refresh_account(alice.account) == []
    assert calls(caplog) == [LIST]


def test_who_asks_too_often_is_told_and_costs_nothing(
    alice: Trader,
    clock: time_machine.Traveller,
    caplog: pytest.LogCaptureFixture,
    api_for: Callable[[User], APIClient],
) -> None:
    bob = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    api = api_for(alice.user)
    body = {"account": alice.account.pk}
    answers = [api.post("/api/me/orders/refresh", body, format="json").json() for _time in range(REFRESHES)]
    assert not any(answer["problems"] for answer in answers)
    calls(caplog)
    refused = api.post("/api/me/orders/refresh", body, format="json").json()
    assert refused["problems"] == ["You have asked often: ask again in 30 s."]
    assert len(refused["open_orders"]) == 1
    assert calls(caplog) == []
    assert refresh_account(bob.account) == [], "others may"
    clock.shift(REFRESH_SECONDS + 1)
    assert refresh_account(alice.account) == []
