"""`manage.py rebalance` and `manage.py track`, for operators and for scripts."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from orders.models import Order, Run
from strategies import selectors, services

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
DEMO = "demo@example.com"


@pytest.fixture
def demo(settings, tmp_path: Path) -> User:
    settings.DATA_DIR = tmp_path
    call_command("seed", "--demo", stdout=io.StringIO())
    return User.objects.get(email=DEMO)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def last_line(said: str) -> dict[str, Any]:
    return json.loads(said.splitlines()[-1])


def test_a_dry_run_shows_the_plan_and_sends_nothing(demo: User) -> None:
    plan = last_line(run("rebalance", "--user", DEMO, "--dry-run", "--json"))
    assert plan["orders"]
    for order in plan["orders"]:
        assert {"symbol", "side", "price", "quantity", "notional"} <= set(order)
        assert all(isinstance(order[name], str) for name in ("price", "quantity", "notional"))
    assert isinstance(plan["nav"], str)
    assert not Order.objects.exists()
    assert not Run.objects.exists()


def test_a_dry_run_can_be_read_by_people(demo: User) -> None:
    said = run("rebalance", "--user", "Demo@Example.com", "--dry-run")
    assert "USDT" in said.splitlines()[0]
    assert "SELL" in said or "BUY" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rebalance", "--user", "nobody@example.com", "--dry-run"), "no user nobody@example.com"),
        (("track", "--user", "nobody@example.com"), "no user nobody@example.com"),
        (("rebalance", "--user", DEMO, "--strategy", "999999", "--dry-run"), "."),
    ],
)
def test_what_does_not_exist_is_said_in_one_line(arguments: tuple[str, ...], message: str, demo: User) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


def test_without_an_active_strategy_it_asks_for_one(demo: User) -> None:
    (strategy,) = selectors.strategies_of(demo)
    services.deactivate(strategy)
    with pytest.raises(CommandError, match="--strategy; active: none"):
        run("rebalance", "--user", DEMO, "--dry-run")
    assert last_line(run("rebalance", "--user", DEMO, "--strategy", str(strategy.pk), "--dry-run", "--json"))["orders"]


@pytest.mark.django_db(databases=["default", "paper"], transaction=True)
def test_a_rebalance_places_the_planned_orders_and_tracking_finds_them(demo: User) -> None:
    planned = last_line(run("rebalance", "--user", DEMO, "--dry-run", "--json"))["orders"]
    placed = last_line(run("rebalance", "--user", DEMO, "--json"))
    assert {(order["symbol"], order["side"]) for order in placed["orders"]} == {
        (order["symbol"], order["side"]) for order in planned
    }
    assert Run.objects.get().pk == placed["run"]
    (tracked,) = last_line(run("track", "--json", "--user", DEMO))["accounts"]
    assert tracked["problems"] == []


def test_tracking_reports_every_account_with_work(demo: User) -> None:
    assert last_line(run("track", "--json")) == {"accounts": []}
    assert run("track").strip() == "Nothing to track."
    tracked = last_line(run("track", "--json", "--user", DEMO))["accounts"]
    assert [(row["open_orders"], row["run"], row["problems"]) for row in tracked] == [(0, None, [])]
