"""How many back-tests a user may have, which of them are the same, and whose they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges.models import ExchangeAccount
from strategies.backtest import services
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.models import Strategy
from strategies.tests.backtest_scenes import created, finished, plain_values, stocked

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


def again(run: BacktestRun) -> BacktestRun:
    return BacktestRun.objects.get(pk=run.pk)


def test_only_so_many_of_a_user_wait(alice: User, bob: User, settings: Any) -> None:
    settings.BACKTESTS_WAITING_PER_USER = 2
    created(alice)
    last = created(alice)
    with pytest.raises(Conflict) as caught:
        created(alice)
    assert caught.value.code == "too_many_backtests"
    created(bob)
    services.cancel_run(last)
    created(alice)


def test_only_so_many_of_a_user_are_kept(alice: User, settings: Any) -> None:
    settings.BACKTESTS_KEPT_PER_USER = 1
    run = finished(alice)
    with pytest.raises(Conflict, match="Delete some"):
        created(alice)
    services.delete_run(run)
    created(alice)


def test_the_same_key_gives_the_same_run(alice: User, bob: User) -> None:
    first = services.create_run(alice, plain_values(), idempotency_key="k")
    second = services.create_run(alice, plain_values(), idempotency_key="k")
    assert (first.created, second.created, second.run.pk) == (True, False, first.run.pk)
    assert services.create_run(bob, plain_values(), idempotency_key="k").created


def test_a_key_of_another_strategy_is_refused(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> None:
    account = paper_account(alice)
    one, other = strategy(account, {"BTC": 60}), strategy(account, {"ETH": 50}, name="Other")
    services.create_run(alice, {}, strategy=one, idempotency_key="k")
    with pytest.raises(Conflict) as caught:
        services.create_run(alice, {}, strategy=other, idempotency_key="k")
    assert caught.value.code == "idempotency_key_reused"


def test_a_name_has_its_length(alice: User) -> None:
    with pytest.raises(Invalid) as caught:
        services.create_run(alice, plain_values(), name="x" * 81)
    assert list(caught.value.fields) == ["name"]
    run = services.create_run(alice, plain_values(), name="  Mine ").run
    assert services.rename_run(run, "Yours").name == again(run).name == "Yours"
    for refused in (" ", "no\0name"):
        with pytest.raises(Invalid):
            services.rename_run(run, refused)


def test_a_key_that_a_database_cannot_keep_is_refused(alice: User) -> None:
    for key in ("x" * 101, "\0"):
        with pytest.raises(Invalid, match="idempotency key"):
            services.create_run(alice, plain_values(), idempotency_key=key)


def test_what_is_deleted_at_the_same_time_is_not_there_to_be_cancelled(alice: User) -> None:
    run = created(alice)
    services.delete_run(again(run))
    with pytest.raises(NotFound):
        services.cancel_run(run)


def test_a_run_is_its_owners_alone(alice: User, bob: User, charlie: User) -> None:
    run = created(alice)
    for other in (bob, charlie):
        with pytest.raises(NotFound):
            selectors.run_of(other, run.pk)
        assert not selectors.runs_of(other).exists()
    assert selectors.run_of(alice, run.pk) == run
