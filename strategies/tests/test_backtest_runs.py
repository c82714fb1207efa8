"""The life of a back-test: one worker computes it, whoever cancels it is heeded, and whatever ends it is said."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts.models import User
from botbalance.lib.errors import Conflict
from exchanges.candles import keeping
from exchanges.models import ExchangeAccount
from strategies.backtest import services, tasks
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.models import BacktestDetail, BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.services import outcome_of, reports
from strategies.models import Strategy
from strategies.tests.backtest_scenes import created, finished, plain_values, stocked

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
State = BacktestRun.State
LONG_AGO = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


def again(run: BacktestRun) -> BacktestRun:
    return BacktestRun.objects.get(pk=run.pk)


def stuck(run: BacktestRun, *, silent: timedelta = LONG_AGO, attempts: int = 1) -> BacktestRun:
    """As a worker leaves it that was killed in the middle."""
    BacktestRun.objects.filter(pk=run.pk).update(
        state=State.RUNNING, claim="of-a-dead-worker", beat_at=timezone.now() - silent, attempts=attempts
    )
    return again(run)


# --- from the beginning to the end ---------------------------------------------------------------------------


def test_a_run_waits_is_computed_and_has_its_figures(alice: User) -> None:
    run = created(alice)
    assert (run.state, run.summary, run.name) == (State.QUEUED, None, "Back-test")
    assert services.execute_run(run.pk)
    run = again(run)
    assert (run.state, run.problem, run.progress_pct) == (State.DONE, "", 100)
    assert run.rows_done == run.rows_total == 24 * 40
    assert run.summary is not None
    assert run.finished_at is not None


def test_the_stored_outcome_is_what_can_be_recomputed_from_the_result(alice: User) -> None:
    run = finished(alice, flows=[{"amount": "500", "every": "week"}, {"amount": "-300", "at": "2023-01-20"}])
    inputs = services.prepare(selectors.settings_of(run), run.account)
    result = run_backtest(inputs.history, inputs.scenario)
    anew = outcome_of(result, inputs.bitcoin, inputs.notes)
    assert run.summary == anew.summary
    assert selectors.series_of(run) == anew.series
    assert selectors.trades_of(run) == anew.trades
    assert D(run.summary["end_value"]) == round(result.final_nav, 8)
    assert run.summary["trades"]["fills"] == len(result.trades) == len(selectors.trades_of(run)) > 10


def test_what_has_been_computed_is_not_computed_again(alice: User) -> None:
    run = finished(alice)
    assert not services.execute_run(run.pk)
    assert again(run).finished_at == run.finished_at


def test_settings_are_kept_to_the_last_digit(alice: User) -> None:
    run = created(
        alice,
        start_cash="1234.567890123456789",
        start_holdings={"BTC": "0.123456789"},
        flows=[{"amount": "0.1", "asset": "ETH", "every": "12h"}],
        calendar="quarter",
        participation_pct=None,
    )
    settings = selectors.settings_of(again(run))
    assert settings.start == {"USDT": D("1234.567890123456789"), "BTC": D("0.123456789")}
    assert type(settings).from_json(settings.to_json()) == settings
    assert settings.fills.participation_pct is None


def test_a_new_run_of_the_same_settings_comes_to_the_same(alice: User) -> None:
    run = finished(alice)
    other = services.run_again(run)
    assert services.execute_run(other.pk)
    assert again(other).summary == run.summary


@pytest.mark.parametrize(
    "values",
    [
        {"start_cash": "0", "flows": [{"amount": "500", "every": "week"}]},
        {"to": "2023-01-01T01:00"},
        {"to": "2023-01-01T02:00"},
        {"start_cash": "0", "start_holdings": {"GHOST": "5"}},
        {"start_cash": "1"},
        {"flows": [{"amount": "-1000000", "at": "2023-01-10"}]},
        {"targets": [("BTC", "0")]},
        {"quote": "USDT", "fees_in_bnb": True, "start_holdings": {"BNB": "3"}},
    ],
)
def test_what_is_odd_has_an_outcome_all_the_same(alice: User, values: dict[str, Any]) -> None:
    run = finished(alice, **values)
    assert (run.state, run.problem) == (State.DONE, "")
    assert selectors.series_of(run)["equity"]
    assert reports.html_report(reports.report_of(run), timezone.now())


# --- what it begins with, and by whose rules ------------------------------------------------------------------


def test_it_takes_over_a_strategy(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> None:
    mine = strategy(paper_account(alice), {"BTC": 60, "ETH": 20}, name="Sixty", min_delta_pct="4", trade_to="edge")
    run = services.create_run(alice, {}, strategy=mine).run
    settings = selectors.settings_of(run)
    assert run.name == "Sixty"
    assert run.account_id == mine.account_id
    assert {target.asset: target.weight_pct for target in settings.targets} == {"BTC": 60, "ETH": 20}
    assert (settings.limits["min_delta_pct"], settings.limits["trade_to"]) == (4, "edge")


def test_it_begins_with_what_an_account_holds_exactly(
    alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    account = paper_account(alice, {"USDT": "123.45678901", "BTC": "0.00000001", "ETH": "2.5"})
    run = services.create_run(alice, plain_values(), account=account, with_holdings=True).run
    assert selectors.settings_of(run).start == {"USDT": D("123.45678901"), "BTC": D("0.00000001"), "ETH": D("2.5")}


def test_a_strategy_that_is_gone_takes_no_run_along(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> None:
    mine = strategy(paper_account(alice), {"BTC": 60})
    run = services.create_run(alice, {}, strategy=mine).run
    mine.delete()
    assert services.execute_run(run.pk)
    assert (again(run).state, again(run).strategy_id) == (State.DONE, None)


# --- one worker a run ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True, databases=["default", "paper"])
def test_two_workers_never_compute_one_run(alice: User) -> None:
    run = created(alice)
    both, computed = threading.Barrier(2), []

    def work() -> None:
        try:
            both.wait(timeout=10)
            computed.append(services.execute_run(run.pk))
        finally:
            connections.close_all()  # of this thread, the paper exchange's as well

    workers = [threading.Thread(target=work) for _worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert sorted(computed) == [False, True]
    assert (again(run).state, again(run).attempts) == (State.DONE, 1)


def test_a_run_whose_worker_was_killed_is_claimed_again(alice: User) -> None:
    run = stuck(created(alice))
    assert selectors.due_runs(timezone.now()) == [run.pk]
    assert services.execute_run(run.pk)
    assert (again(run).state, again(run).attempts) == (State.DONE, 2)


def test_a_run_whose_worker_lives_is_left_to_it(alice: User) -> None:
    run = stuck(created(alice), silent=timedelta(seconds=5))
    assert selectors.due_runs(timezone.now()) == []
    assert not services.execute_run(run.pk)
    assert again(run).claim == "of-a-dead-worker"


def test_a_run_that_kills_its_workers_is_given_up(alice: User) -> None:
    run = stuck(created(alice), attempts=3)
    assert services.execute_run(run.pk)
    run = again(run)
    assert run.state == State.FAILED
    assert "died 3 times" in run.problem


def test_a_worker_that_was_taken_over_writes_nothing(alice: User) -> None:
    run = created(alice)

    def meanwhile() -> None:
        BacktestRun.objects.filter(pk=run.pk).update(claim="of-another")

    with during(meanwhile):
        services.execute_run(run.pk)
    run = again(run)
    assert (run.state, run.claim, run.summary) == (State.RUNNING, "of-another", None)
    assert not BacktestDetail.objects.exists()


def test_only_so_many_are_computed_at_once(alice: User, settings: Any) -> None:
    settings.BACKTESTS_AT_ONCE = 1
    stuck(created(alice), silent=timedelta(0))
    waiting = created(alice)
    assert not services.execute_run(waiting.pk)
    assert again(waiting).state == State.QUEUED
    assert waiting.pk in selectors.due_runs(timezone.now())


def test_the_schedule_finds_what_a_lost_message_was_about(alice: User) -> None:
    first, second = created(alice), created(alice)
    finished(alice)
    assert tasks.resume_backtests() == 2
    assert selectors.due_runs(timezone.now()) == [first.pk, second.pk]
    assert tasks.run_backtest(first.pk)
    assert not tasks.run_backtest(first.pk)


@pytest.mark.django_db(transaction=True, databases=["default", "paper"])
def test_without_its_database_a_worker_leaves_the_run_to_the_next(alice: User) -> None:
    run = created(alice)

    def away() -> None:
        raise OperationalError("gone")

    with during(away), pytest.raises(OperationalError):
        services.execute_run(run.pk)
    assert again(run).state == State.RUNNING
    BacktestRun.objects.update(beat_at=timezone.now() - LONG_AGO)
    assert services.execute_run(run.pk)
    assert again(run).state == State.DONE


@contextmanager
def during(happens: Callable[[], None]) -> Iterator[None]:
    """Have something happen when a back-test tells for the first time how far it is."""
    has_happened = False

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal has_happened
        if not has_happened and sql.startswith("UPDATE") and '"rows_done" =' in sql:
            has_happened = True
            happens()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield
    assert has_happened


# --- cancelling ----------------------------------------------------------------------------------------------


def test_a_waiting_run_is_cancelled_at_once(alice: User) -> None:
    run = services.cancel_run(created(alice))
    assert run.state == State.CANCELLED
    assert not services.execute_run(run.pk)
    assert again(run).summary is None


@pytest.mark.django_db(transaction=True, databases=["default", "paper"])
def test_a_running_one_is_cancelled_within_a_second(alice: User, settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path / "long", rows=24 * 1200)
    # The planner is asked at every candle: there is much to do.
    run = created(alice, min_delta_pct="0.05", order_lifetime_seconds=10, order_step_pct="1")

    def work() -> None:
        try:
            services.execute_run(run.pk)
        finally:
            connections.close_all()  # of this thread, the paper exchange's as well

    worker = threading.Thread(target=work)
    worker.start()
    deadline = time.monotonic() + 30
    while not again(run).rows_done and time.monotonic() < deadline:
        time.sleep(0.01)
    begun = time.monotonic()
    services.cancel_run(again(run))
    worker.join(timeout=30)
    took = time.monotonic() - begun
    run = again(run)
    assert (run.state, run.summary, run.cancel_requested) == (State.CANCELLED, None, True)
    assert 0 < run.rows_done < run.rows_total
    assert took < 3  # a second, and the delays of a busy machine


def test_one_whose_worker_has_died_is_cancelled_at_once(alice: User) -> None:
    assert services.cancel_run(stuck(created(alice))).state == State.CANCELLED


def test_one_that_was_cancelled_and_then_lost_its_worker_is_not_begun_again(alice: User) -> None:
    run = stuck(created(alice), silent=timedelta(0))
    services.cancel_run(run)
    assert again(run).state == State.RUNNING
    BacktestRun.objects.update(beat_at=timezone.now() - LONG_AGO)
    assert not services.execute_run(run.pk)
    assert again(run).state == State.CANCELLED


def test_what_is_over_cannot_be_cancelled(alice: User) -> None:
    run = finished(alice)
    with pytest.raises(Conflict) as caught:
        services.cancel_run(run)
    assert caught.value.code == "backtest_over"
    assert again(run).state == State.DONE


def test_a_run_that_is_deleted_while_it_is_computed_stays_deleted(alice: User) -> None:
    run = created(alice)
    with during(lambda: services.delete_run(again(run))):
        services.execute_run(run.pk)
    assert not BacktestRun.objects.exists()
    assert not BacktestDetail.objects.exists()


# --- failing -------------------------------------------------------------------------------------------------


def test_candles_that_are_gone_by_then_are_said(alice: User) -> None:
    run = created(alice)
    keeping.remove("BTCUSDT", "1h")
    assert services.execute_run(run.pk)
    run = again(run)
    assert run.state == State.FAILED
    assert "BTCUSDT" in run.problem
    assert "candles fetch" in run.problem


def test_one_that_takes_too_long_is_ended(alice: User, settings: Any) -> None:
    settings.BACKTEST_MOST_SECONDS = -1
    run = created(alice)
    services.execute_run(run.pk)
    assert again(run).state == State.FAILED
    assert "longer than" in again(run).problem


def test_settings_of_another_version_are_no_riddle(alice: User) -> None:
    run = created(alice)
    BacktestRun.objects.filter(pk=run.pk).update(settings={"shape": 99})
    assert services.execute_run(run.pk)
    assert again(run).state == State.FAILED
    assert "99" in again(run).problem
