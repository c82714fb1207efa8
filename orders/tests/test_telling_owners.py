"""What owners are told of afterwards: a mark that must wait, or that cannot be told of, holds up nobody else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from accounts.notifications import services as notifications
from accounts.notifications.models import Kind, Mark
from exchanges.models import ExchangeAccount
from orders.models import Run
from orders.tasks import tell_owners
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def ended(paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> Callable[..., list[Run]]:
    """ended(user, count=2): rebalances of the user that have ended, or say otherwise, and are still to be told of."""

    def create(user: User, count: int = 1, **more: object) -> list[Run]:
        notifications.save_preferences(
            user, email_kinds=["rebalance_done"], quiet_from=None, quiet_to=None, urgent_breaks_quiet=True
        )
        account = paper_account(user, {"USDT": 1000})
        targets = strategy(account, {"BTC": 50})
        values = {"state": Run.State.COMPLETE, "finished_at": timezone.now(), "trigger": Run.Trigger.API, **more}
        runs = Run.objects.bulk_create(
            [Run(user=user, account=account, strategy=targets, **values) for _number in range(count)]
        )
        for run in runs:
            notifications.mark(user.pk, Kind.REBALANCE, run.pk)
        return runs

    return create


def told(user: User) -> int:
    return user.notices.count()


def broken(ended: Callable[..., list[Run]], user: User, count: int = 1) -> list[Run]:
    """Rebalances whose reason lacks its words, as after a mistake of ours."""
    return ended(user, count, state=Run.State.STOPPED, reason_code="left_over", reason_values={})


def test_what_cannot_be_told_of_holds_up_nobody_else(
    alice: User, bob: User, ended: Callable[..., list[Run]], caplog: pytest.LogCaptureFixture
) -> None:
    broken(ended, alice, 201)
    ended(bob)
    assert tell_owners() == 1
    assert (told(alice), told(bob)) == (0, 1)
    assert "cannot be told of" in caplog.text


def test_what_must_wait_holds_up_nobody_else(alice: User, bob: User, ended: Callable[..., list[Run]]) -> None:
    running, *_others = ended(alice, 1, state=Run.State.ACTIVE, finished_at=None)
    ended(bob, 201)
    assert tell_owners() == 201
    assert (told(alice), told(bob)) == (0, 201)
    Run.objects.filter(pk=running.pk).update(state=Run.State.COMPLETE, finished_at=timezone.now())
    assert tell_owners() == 1


def test_it_is_tried_again_behind_the_others_and_let_go_after_a_day(
    alice: User, bob: User, ended: Callable[..., list[Run]]
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first, second = broken(ended, alice)[0], ended(bob, 1, state=Run.State.ACTIVE, finished_at=None)[0]
        clock.shift(1)
        tell_owners()
        assert list(Mark.objects.order_by("first_at").values_list("subject", flat=True)) == [second.pk, first.pk]
        clock.shift(timedelta(days=1))
        tell_owners()
        assert [mark.subject for mark in Mark.objects.all()] == [second.pk]


def test_it_is_told_when_the_mistake_is_mended(alice: User, ended: Callable[..., list[Run]]) -> None:
    (run,) = broken(ended, alice)
    assert tell_owners() == 0
    Run.objects.filter(pk=run.pk).update(reason_code="stopped_by_owner")
    assert tell_owners() == 1
