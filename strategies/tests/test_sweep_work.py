"""A sweep's pieces: claimed, done once each, judged, and put together."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from botbalance.lib.errors import Conflict
from strategies.backtest import services
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.models import Sweep, SweepChunk
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_claims, sweep_work, sweeps
from strategies.tests import sweep_scenes as scenes
from strategies.tests.backtest_scenes import plain_values, store_candles, wavy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture(autouse=True)
def _candles(settings: Any, tmp_path: Path) -> None:
    scenes.stocked(settings, tmp_path)


def test_every_setting_is_tried_and_has_the_figures_of_a_back_test_of_its_own(alice: User) -> None:
    sweep = scenes.done(alice)
    table = selectors.tried_of(sweep)
    assert len(table) == 21
    assert [row.rank for row in table] == list(range(1, 22))
    ends = [row.figures["sharpe"] for row in table]
    assert ends == sorted(ends, reverse=True)
    chosen = table[4]
    base = selectors.settings_of(sweep).with_limits(chosen.setting.values)
    inputs = services.prepare(base)
    alone = run_backtest(inputs.history.until(sweep.held_out_ms), inputs.scenario)
    assert chosen.figures["end_value"] == str(alone.final_nav.normalize())
    assert chosen.figures["trades"] == len(alone.trades)


def test_two_workers_in_turn_find_what_one_finds(alice: User) -> None:
    one = scenes.done(alice, windows=2, paths=6)
    both = scenes.created(alice, windows=2, paths=6)
    turns = iter(range(1000))
    while Sweep.objects.get(pk=both.pk).is_active:
        scenes.work_on_one_piece(both, f"worker {next(turns) % 2}")
    both.refresh_from_db()
    assert scenes.figures(both) == scenes.figures(one)
    assert both.summary == one.summary


def test_a_piece_is_claimed_by_one_worker_alone(alice: User) -> None:
    sweep = scenes.created(alice)
    first, second = sweep_claims.claim(sweep.pk, "a"), sweep_claims.claim(sweep.pk, "b")
    assert first is not None
    assert second is not None
    assert {first.first, second.first} == {0, 10}


def test_a_later_stage_waits_for_the_one_before(alice: User) -> None:
    sweep = scenes.created(alice)
    stages = [sweep_claims.claim(sweep.pk, f"worker {number}") for number in range(4)]
    assert [chunk.stage for chunk in stages if chunk] == [SweepChunk.Stage.SETTINGS] * 3
    assert stages[3] is None


def test_a_piece_whose_worker_is_silent_is_claimed_again_and_the_late_result_is_not_taken(alice: User) -> None:
    sweep = scenes.created(alice)
    dead = sweep_claims.claim(sweep.pk, "dead")
    assert dead is not None
    SweepChunk.objects.filter(pk=dead.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    heir = sweep_claims.claim(sweep.pk, "heir")
    assert heir is not None
    assert heir.pk == dead.pk
    assert not sweep_claims.renew(dead, "dead")
    assert not sweep_claims.complete(dead, "dead", b"late")
    assert sweep_claims.complete(heir, "heir", b"in time")
    assert bytes(SweepChunk.objects.get(pk=dead.pk).result) == b"in time"


def test_a_piece_that_ends_every_worker_ends_the_sweep_and_says_where(alice: User) -> None:
    sweep = scenes.created(alice)
    for number in range(sweep_claims.MOST_ATTEMPTS):
        assert sweep_claims.claim(sweep.pk, f"worker {number}") is not None
        sweep_claims.release(sweep.pk, f"worker {number}", has_died=True)
    assert sweep_claims.claim(sweep.pk, "the next") is None
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.FAILED
    assert "settings 1 to 10" in sweep.problem


def test_a_worker_that_is_told_to_stop_gives_its_piece_back_without_a_mark(alice: User) -> None:
    sweep = scenes.created(alice)
    sweep_claims.claim(sweep.pk, "polite")
    sweep_claims.release(sweep.pk, "polite", has_died=False)
    assert set(SweepChunk.objects.filter(sweep=sweep).values_list("attempts", "claim")) == {(0, "")}


def test_a_cancelled_sweep_has_no_work_and_keeps_no_result(alice: User) -> None:
    sweep = scenes.created(alice)
    chunk = sweep_claims.claim(sweep.pk, "busy")
    assert chunk is not None
    sweeps.cancel_sweep(sweep)
    assert not sweep_claims.renew(chunk, "busy")
    assert not sweep_claims.complete(chunk, "busy", b"late")
    assert sweep_claims.claim(sweep.pk, "busy") is None
    assert sweep_work.work(sweep.pk, "late") == 0
    assert Sweep.objects.get(pk=sweep.pk).state == Sweep.State.CANCELLED
    with pytest.raises(Conflict):
        selectors.tried_of(sweep)


def test_a_sweep_that_was_interrupted_goes_on_where_it_was(alice: User) -> None:
    sweep = scenes.created(alice)
    assert scenes.work_on_one_piece(sweep, "first") == 1
    before = SweepChunk.objects.get(sweep=sweep, stage=0, first=0)
    assert before.is_done
    sweeps.take_up(sweep)
    assert sweep_work.work(sweep.pk, "second") == 4  # the other settings, the verdict, the end
    assert SweepChunk.objects.get(pk=before.pk).attempts == 1
    sweep.refresh_from_db()
    assert scenes.figures(sweep) == scenes.figures(scenes.done(alice))


def test_candles_that_have_changed_since_end_the_sweep(alice: User, settings: Any, tmp_path: Path) -> None:
    sweep = scenes.created(alice)
    store_candles(settings, tmp_path / "others", wavy("BTC", scenes.ROWS, price="20001"), wavy("ETH", scenes.ROWS))
    assert sweep_work.work(sweep.pk, "late") == 0
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.FAILED
    assert "candles have changed" in sweep.problem


def test_the_progress_counts_what_is_done(alice: User) -> None:
    sweep = scenes.created(alice, paths=10)
    chunk = sweep_claims.claim(sweep.pk, "one")
    assert chunk is not None
    sweep_claims.complete(chunk, "one", b"")
    found = selectors.progress_of(sweep, timezone.now())
    assert (found.settings_done, found.settings_total, found.paths_done, found.paths_total) == (10, 21, 0, 10)
    assert found.percent == 32
    assert found.stage == "settings are tried"
    sweep_done = scenes.done(alice)
    assert selectors.progress_of(sweep_done, timezone.now()).percent == 100


def test_symbol_rules_are_those_of_the_beginning(alice: User) -> None:
    settings = services.read(plain_values(trigger_mode="both"))
    sweep = sweeps.create_sweep(alice, settings, scenes.plan(search=scenes.search(min_delta_pct="5"))).sweep
    rules = {row["symbol"]: row for row in sweep.rules}
    assert set(rules) == {"BTCUSDT", "ETHUSDT"}
    for row in sweep.rules:
        row["min_notional"] = "100000000"
    sweep.save()
    sweep_work.work(sweep.pk, "one")
    sweep.refresh_from_db()
    # Orders that large are never placed: what the row says counts, not what the exchange says now.
    assert {figures["trades"] for figures in scenes.figures(sweep).values()} == {0}


def test_how_far_many_sweeps_are_is_asked_at_once(
    alice: User, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    one, other, cancelled = scenes.created(alice), scenes.done(alice), scenes.created(alice)
    sweeps.cancel_sweep(cancelled)
    with django_assert_num_queries(1):
        found = selectors.progress_of_all([one, other, cancelled], timezone.now())
    assert [found[sweep.pk].percent for sweep in (one, other, cancelled)] == [0, 100, 0]
    assert found[cancelled.pk].settings_total == 21
