"""manage.py autopilot: a user's autopilots on and off from the command line."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from orders.models import Autopilot
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
Make = Callable[..., Any]


def run(*words: str) -> tuple[str, int]:
    """What it prints, and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command("autopilot", *words, "--user", "alice@example.org", stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    return out.getvalue(), code


@pytest.fixture
def both(alice: User, paper_account: Make, strategy: Make) -> tuple[Strategy, Strategy]:
    first: ExchangeAccount = paper_account(alice, {"USDT": 1000}, label="First")
    second: ExchangeAccount = paper_account(alice, {"USDT": 1000}, label="Second")
    return strategy(first, {"BTC": 40}, name="One"), strategy(second, {"ETH": 40}, name="Two")


def test_it_switches_all_on_and_off(both: tuple[Strategy, Strategy]) -> None:
    assert run("start") == ("One: autopilot on.\nTwo: autopilot on.\n", 0)
    assert run() == ("One: autopilot on.\nTwo: autopilot on.\n", 0)
    assert run("stop", "--strategy", str(both[0].pk)) == ("One: autopilot off.\n", 0)
    assert [row.is_on for row in Autopilot.objects.order_by("strategy")] == [False, True]


def test_one_that_is_refused_keeps_no_other_from_starting(both: tuple[Strategy, Strategy]) -> None:
    exchanges.mark_refused(both[0].account, "Invalid API-key.")
    text, code = run("start")
    assert code == 1
    assert "One: autopilot off. The exchange account is not usable: Invalid API-key." in text
    assert "Two: autopilot on." in text
    out, code = run("start", "--json")
    states = [(row["autopilot"], bool(row["problems"])) for row in json.loads(out)["strategies"]]
    assert (states, code) == ([("off", True), ("on", False)], 1)


def test_a_user_who_does_not_exist_is_an_error(db: None) -> None:
    with pytest.raises(CommandError, match="There is no user"):
        call_command("autopilot", "--user", "nobody@example.org")
