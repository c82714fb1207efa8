"""How all autopilots of a user stand, read in two queries for every page: the same as one by one."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from exchanges.models import ExchangeAccount
from orders.models import Autopilot, Tick, Watch
from orders.standings import standing_of, standings_of
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def strategy_of(account: ExchangeAccount, name: str, *, is_active: bool = True) -> Strategy:
    return Strategy.objects.create(user=account.user, account=account, name=name, is_active=is_active)


@pytest.fixture
def three(alice: User, paper_account: Callable[..., ExchangeAccount]) -> list[Strategy]:
    """One that is paused, one that flies and has decided something, one that was never switched on."""
    rows = [strategy_of(paper_account(alice, {"USDT": 100}, label=name), name) for name in ("A", "B", "C")]
    now = timezone.now()
    Autopilot.objects.create(
        strategy=rows[0], user=alice, is_on=True, started_at=now, paused_at=now, pause_code="kill_switch",
        pause_values={"by": "who <b>"}, failures_in_a_row=3,
    )  # fmt: skip
    Autopilot.objects.create(strategy=rows[1], user=alice, is_on=True, started_at=now)
    Watch.objects.create(
        account=rows[1].account, due_ms=5, looked_at_ms=4, quiet_looks=3, is_blind=True, hold_until_ms=9
    )
    for code in ("within_band", "price_stale"):
        Tick.objects.create(
            user=alice, strategy=rows[1], status=Tick.Status.HELD, code=code, started_at=now, ended_at=now
        )
    return rows


def values(row: object, names: tuple[str, ...]) -> list[object]:
    return [getattr(row, name) for name in names]


def test_they_are_the_same_as_one_by_one(alice: User, three: list[Strategy]) -> None:
    found = standings_of(alice)
    assert [(row.name, row.is_active, row.account_id) for row, _ in found] == [
        (row.name, True, row.account_id) for row in three[:2]
    ]
    names = ("is_on", "started_at", "paused_at", "pause_code", "pause_values", "failures_in_a_row", "is_flying")
    looks = ("due_ms", "looked_at_ms", "quiet_looks", "is_blind", "hold_until_ms")
    for row, standing in found:
        alone = standing_of(row)
        assert values(standing.autopilot, names) == values(alone.autopilot, names)
        assert (standing.watch, standing.last) == (alone.watch, alone.last)
        if alone.watch is not None:
            assert values(standing.watch, looks) == values(alone.watch, looks)
    assert found[0][1].watch is None
    assert [standing.last.code for _row, standing in found if standing.last] == ["price_stale"]


def test_they_take_two_queries_and_what_pages_use_takes_no_more(alice: User, three: list[Strategy]) -> None:
    with CaptureQueriesContext(connection) as asked:
        for row, standing in standings_of(alice):
            assert (row.name, standing.autopilot and standing.autopilot.pause_values) is not None
    assert len(asked) == 2


def test_others_and_archived_strategies_are_not_among_them(
    alice: User, bob: User, charlie: User, three: list[Strategy], paper_account: Callable[..., ExchangeAccount]
) -> None:
    other = strategy_of(paper_account(bob, {"USDT": 100}), "Bob's")
    Autopilot.objects.create(strategy=other, user=bob, is_on=True)
    Strategy.objects.filter(pk=three[0].pk).update(archived_at=timezone.now())
    assert [row.name for row, _ in standings_of(alice)] == ["B"]
    assert [row.name for row, _ in standings_of(bob)] == ["Bob's"]
    assert standings_of(charlie) == []
