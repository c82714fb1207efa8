"""What an owner sets to trade less: kept coins, everything at once, the calendar, hysteresis, the cost test."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies import selectors, services
from strategies.domain import Target
from strategies.models import Strategy
from strategies.presentation import when_it_acts
from strategies.schedules import Calendar, coming_time, next_time, time_after

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

MakeStrategy = Callable[..., Strategy]


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1000, "BTC": "0.5"})


def test_what_is_kept_is_typed_with_its_asset_and_no_plan_sells_it(
    alice: User, account: ExchangeAccount, strategy: MakeStrategy, api_for: Callable[[User], APIClient]
) -> None:
    row = strategy(account, {"BTC": 10}, order_size_pct="100")
    api = api_for(alice)
    allocations = [{"asset": "BTC", "weight_pct": "10", "keep": "0.45"}]
    answer = api.patch(f"/api/me/strategies/{row.pk}/", {"allocations": allocations}, format="json")
    assert answer.json()["allocations"][0]["keep"] == "0.45"
    (order,) = api.get(f"/api/me/strategies/{row.pk}/plan").json()["orders"]
    assert (order["side"], Decimal(order["quantity"])) == ("SELL", Decimal("0.05"))


def test_weights_alone_leave_what_is_kept_as_it_was(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 10})
    services.update_strategy(row, {}, [services.Entry("BTC", Decimal(10), keep=Decimal("0.2"))])
    changed = services.update_strategy(row, {}, [Target("BTC", Decimal(20)), Target("ETH", Decimal(5))])
    assert {target.asset: target.keep for target in selectors.targets(changed)} == {"BTC": Decimal("0.2"), "ETH": 0}
    rows = [services.Entry("BTC", None), services.Entry("ETH", None, keep=Decimal(3))]
    services.update_strategy(row, {"target_model": "equal"}, rows)
    weighed = selectors.strategy_of(row.user, row.pk)
    assert [(target.weight_pct, target.keep) for target in selectors.targets(weighed)] == [
        (50, Decimal("0.2")),
        (50, 3),
    ]


def test_nothing_below_zero_is_kept(
    alice: User, account: ExchangeAccount, strategy: MakeStrategy, api_for: Callable[[User], APIClient]
) -> None:
    row = strategy(account, {"BTC": 10})
    wrong = {"allocations": [{"asset": "BTC", "weight_pct": "10", "keep": "-1"}]}
    answer = api_for(alice).patch(f"/api/me/strategies/{row.pk}/", wrong, format="json")
    assert answer.status_code == 400
    assert "keep" in str(answer.json()["error"]["fields"])


def test_the_form_takes_and_shows_what_is_kept(
    alice: User, account: ExchangeAccount, strategy: MakeStrategy, client_for: Callable[[User], Client]
) -> None:
    row = strategy(account, {"BTC": 10})
    browser, address = client_for(alice), reverse("strategies:edit", args=[row.pk])
    page = browser.get(address)
    data: dict[str, Any] = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    data = {name: value for name, value in data.items() if value not in (None, False)}
    data |= {
        "targets-TOTAL_FORMS": 1,
        "targets-INITIAL_FORMS": 0,
        "targets-0-asset": "BTC",
        "targets-0-weight_pct": "10",
        "targets-0-keep": "0.125",
        "calendar": "month",
        "whole_portfolio": "on",
        "hysteresis_pct": "40",
        "cost_horizon_days": "30",
        "direct_pairs": "on",
        "bnb_for_fees": "12,50",
    }
    assert browser.post(address, data).status_code == 302
    row.refresh_from_db()
    assert (row.calendar, row.whole_portfolio, row.hysteresis_pct, row.cost_horizon_days) == ("month", True, 40, 30)
    assert row.direct_pairs
    assert row.bnb_for_fees == Decimal("12.5")
    assert 'value="0.125"' in browser.get(address).content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"whole_portfolio": True}, "Whenever a weight leaves its band, everything to its target."),
        ({"trigger_mode": "periodic", "calendar": "month"}, "By the calendar, the first of every month: everything"),
        ({"trigger_mode": "both", "calendar": "week"}, "By the calendar, every Monday: what is outside its band."),
    ],
)
def test_it_is_put_into_words(
    changes: dict[str, Any], sentence: str, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    assert when_it_acts(strategy(account, {"BTC": 10}, **changes)).startswith(sentence)


def test_a_calendar_takes_the_place_of_the_interval(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 10}, trigger_mode="periodic", calendar="month")
    assert selectors.every_of(row) is Calendar.MONTH


def test_a_fee_that_is_more_than_it_is_worth_is_not_paid(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    """The test reads the daily closes of the venue; a horizon of a day makes nearly any trade too dear."""
    row = strategy(account, {"BTC": 90}, order_size_pct="100", min_delta_pct="0.05", cost_horizon_days=1)
    made = services.plan_strategy(row)
    free = services.plan_strategy(strategy(account, {"BTC": 90}, order_size_pct="100", min_delta_pct="0.05"))
    assert free.plan.legs
    assert not made.plan.legs
    assert [skip.code for skip in made.plan.skips if skip.asset == "BTC"] == ["not_worth"]


def test_schedules_turn_with_the_calendar() -> None:
    now = datetime(2024, 2, 28, 13, 30, tzinfo=UTC)
    turns = {turn: next_time(now, turn).isoformat()[:10] for turn in Calendar}
    assert turns == {
        Calendar.DAY: "2024-02-29",
        Calendar.WEEK: "2024-03-04",
        Calendar.MONTH: "2024-03-01",
        Calendar.QUARTER: "2024-04-01",
    }
    december = datetime(2024, 12, 31, 23, 59, tzinfo=UTC)
    assert {next_time(december, turn).isoformat()[:10] for turn in (Calendar.MONTH, Calendar.QUARTER)} == {"2025-01-01"}
    midnight = datetime(2024, 3, 1, tzinfo=UTC)
    assert time_after(midnight, midnight, Calendar.MONTH) == datetime(2024, 4, 1, tzinfo=UTC)
    assert coming_time(datetime(2025, 1, 1, tzinfo=UTC), now, Calendar.MONTH) == midnight  # chosen since
