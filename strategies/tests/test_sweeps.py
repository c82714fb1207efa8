"""Sweeps: created within quotas, refused with reasons per field, and judged by what no choice has seen."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounts.models import User
from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges.candles.columns import CandleColumns
from strategies.backtest import services
from strategies.backtest.domain import RunSettings
from strategies.backtest.models import Sweep
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_work, sweeps
from strategies.backtest.sweep_meaning import meanings
from strategies.backtest.sweeping.judging import Objective
from strategies.backtest.sweeping.parameters import SpaceError
from strategies.backtest.sweeping.trying import DAY_MS
from strategies.tests import sweep_scenes as scenes
from strategies.tests.backtest_scenes import plain_values, store_candles

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def candles(settings: Any, tmp_path: Path) -> list[CandleColumns]:
    return scenes.stocked(settings, tmp_path)


def base(**more: Any) -> RunSettings:
    return services.read(plain_values(trigger_mode="both", **more))


def shuffled(columns: CandleColumns, after_ms: int) -> CandleColumns:
    """The same candles, but those that close after `after_ms` in another order."""
    begins = int(np.searchsorted(columns.open_time_ms, after_ms))
    order = np.arange(len(columns))
    np.random.default_rng(9).shuffle(order[begins:])
    parts = (columns.open, columns.high, columns.low, columns.close, columns.volume)
    return CandleColumns(
        columns.symbol,
        columns.interval_ms,
        columns.price_places,
        columns.volume_places,
        columns.open_time_ms,
        *(part[order] for part in parts),
    )


def test_what_is_held_out_never_influences_the_choice(
    alice: User, candles: list[CandleColumns], settings: Any, tmp_path: Path
) -> None:
    sweep = scenes.done(alice, windows=2, paths=5)
    store_candles(settings, tmp_path / "shuffled", *(shuffled(column, sweep.held_out_ms) for column in candles))
    other = scenes.done(alice, windows=2, paths=5)
    assert other.fingerprint != sweep.fingerprint
    assert other.held_out_ms == sweep.held_out_ms
    before, after = scenes.summary(sweep), scenes.summary(other)
    assert before.pop("held_out") != after.pop("held_out")
    # Nothing else knows of it: neither the ranking nor the walk forward, the other pasts or any figure.
    assert before == after
    assert scenes.figures(sweep) == scenes.figures(other)


@pytest.mark.parametrize("flows", [[], [{"amount": "700", "every": "week"}, {"amount": "-450", "every": "10d"}]])
@pytest.mark.parametrize("fill_mode", ["range", "close"])
def test_a_setting_has_the_figures_of_the_back_test_it_is_opened_as(
    alice: User, candles: list[CandleColumns], flows: list[dict[str, str]], fill_mode: str
) -> None:
    one = scenes.plan(search=scenes.search(min_delta_pct="4"), held_out_pct=0)
    sweep = sweeps.create_sweep(alice, base(flows=flows, fill_mode=fill_mode), one).sweep
    sweep_work.work(sweep.pk, "alone")
    sweep.refresh_from_db()
    (row,) = selectors.tried_of(sweep)
    settings = selectors.settings_of(sweep).with_limits(row.setting.values)
    run = services.create_run(alice, services.values_of(settings)).run
    services.execute_run(run.pk)
    run.refresh_from_db()
    assert run.summary is not None
    told = {**run.summary, "total_return": run.summary["time_weighted_return"]}
    for name in ("total_return", "sharpe", "volatility", "calmar", "max_drawdown"):
        assert row.figures[name] == pytest.approx(float(told[name]), abs=2e-8, rel=1e-9), name
    for name in ("end_value", "fees", "turnover"):
        assert Decimal(row.figures[name]).quantize(Decimal("1e-8")) == Decimal(told[name]).quantize(Decimal("1e-8"))
    assert row.figures["trades"] > 5


def test_what_is_held_out_begins_where_the_choice_ends_at_the_end_of_a_day(
    alice: User, candles: list[CandleColumns]
) -> None:
    sweep = scenes.done(alice, held_out_pct=20)
    summary = scenes.summary(sweep)
    held_out = summary["held_out"]
    assert sweep.held_out_ms % DAY_MS == 0
    assert held_out["at_ms"][0] == summary["at_ms"][-1] == sweep.held_out_ms
    assert len(held_out["best"]["growth"]) == 90 // 5 + 1
    assert held_out["best"]["growth"][0] == held_out["base"]["growth"][0] == 1
    assert scenes.summary(scenes.done(alice, held_out_pct=0))["held_out"] is None


def test_settings_are_ranked_by_the_objective_that_was_asked_for(alice: User, candles: list[CandleColumns]) -> None:
    for objective, name in (
        (Objective.SHARPE, "sharpe"),
        (Objective.RETURN, "total_return"),
        (Objective.CALMAR, "calmar"),
    ):
        table = selectors.tried_of(scenes.done(alice, objective=objective, search=scenes.search(min_delta_pct="2:9:1")))
        found = [row.figures[name] for row in table]
        assert found == sorted(found, reverse=True)


def test_a_random_search_tries_so_many_different_settings_of_the_space(
    alice: User, candles: list[CandleColumns]
) -> None:
    sweep = scenes.done(alice, search=scenes.search(count=5))
    assert sweep.settings_total == 5
    assert len(scenes.figures(sweep)) == 5
    assert set(scenes.figures(sweep)) < set(scenes.figures(scenes.done(alice)))


def test_a_done_sweep_says_what_its_figures_mean(alice: User, candles: list[CandleColumns]) -> None:
    said = " ".join(meanings(scenes.done(alice, windows=2, paths=5)))
    assert "independent ones, would show about" in said
    assert "ways to halve the time" in said
    assert "Chosen anew 2 times" in said
    assert "which no choice has seen" in said
    assert "5 other pasts" in said


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("held_out_pct", {"held_out_pct": 51}),
        ("windows", {"windows": 13}),
        ("windows", {"windows": 1}),
        ("paths", {"paths": 1001}),
        ("seed", {"seed": -1}),
        ("parameters", {"search": scenes.search(min_delta_pct="1:50:0.1", order_size_pct="1:100:1")}),
        ("count", {"search": scenes.search(count=22)}),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_at_its_field(
    alice: User, candles: list[CandleColumns], field: str, more: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as caught:
        scenes.created(alice, **more)
    assert list(caught.value.fields) == [field]
    assert not Sweep.objects.exists()


def test_varying_what_the_autopilot_does_not_read_is_refused(alice: User, candles: list[CandleColumns]) -> None:
    threshold = services.read(plain_values(trigger_mode="threshold"))
    with pytest.raises(Invalid) as caught:
        sweeps.create_sweep(alice, threshold, scenes.plan())
    assert list(caught.value.fields) == ["interval_minutes"]
    varied = scenes.search(trigger_mode="threshold,both", interval_minutes="1440,2880")
    assert sweeps.create_sweep(alice, threshold, scenes.plan(search=varied)).created


def test_settings_no_strategy_could_have_are_refused(alice: User, candles: list[CandleColumns]) -> None:
    with pytest.raises(Invalid) as caught:
        scenes.created(alice, search=scenes.search(reprice_distance_pct="0.5,1", order_step_pct="0,0.5"))
    assert list(caught.value.fields) == ["reprice_distance_pct"]


def test_too_short_a_time_to_choose_on_is_refused(alice: User, settings: Any, tmp_path: Path) -> None:
    scenes.stocked(settings, tmp_path, rows=24 * 35)
    with pytest.raises(Invalid) as caught:
        scenes.created(alice)
    assert list(caught.value.fields) == ["from"]


def test_what_cannot_be_varied_is_named() -> None:
    with pytest.raises(SpaceError, match="hodl cannot be tried"):
        scenes.search(hodl="1,2")


def test_a_user_has_so_many_sweeps_at_a_time(
    alice: User, bob: User, candles: list[CandleColumns], settings: Any
) -> None:
    settings.SWEEPS_WAITING_PER_USER = 2
    settings.SWEEPS_KEPT_PER_USER = 3
    first = scenes.created(alice)
    scenes.created(alice)
    with pytest.raises(Conflict, match="waiting or running"):
        scenes.created(alice)
    scenes.created(bob)
    sweeps.cancel_sweep(first)
    sweeps.cancel_sweep(scenes.created(alice))
    with pytest.raises(Conflict, match="are kept"):
        scenes.created(alice)
    sweeps.delete_sweep(first)
    waiting = scenes.created(alice)
    Sweep.objects.filter(user=alice).exclude(pk=waiting.pk).update(state=Sweep.State.FAILED)
    failed, other = Sweep.objects.filter(user=alice, state=Sweep.State.FAILED)
    sweeps.take_up(failed)
    with pytest.raises(Conflict, match="waiting or running"):
        sweeps.take_up(other)


def test_the_same_key_gives_the_same_sweep(alice: User, bob: User, candles: list[CandleColumns]) -> None:
    first = sweeps.create_sweep(alice, base(), scenes.plan(), idempotency_key="k")
    again = sweeps.create_sweep(alice, base(), scenes.plan(), idempotency_key="k")
    assert (first.created, again.created) == (True, False)
    assert again.sweep.pk == first.sweep.pk
    assert sweeps.create_sweep(bob, base(), scenes.plan(), idempotency_key="k").created


def test_nobody_sees_anothers_sweep(alice: User, charlie: User, candles: list[CandleColumns]) -> None:
    sweep = scenes.created(alice)
    nobodys = scenes.created(None)
    assert list(selectors.sweeps_of(charlie)) == []
    for pk in (sweep.pk, nobodys.pk):
        with pytest.raises(NotFound):
            selectors.sweep_of(charlie, pk)
    assert selectors.next_sweep() == sweep.pk


def test_sweeps_have_their_turns_one_after_the_other(alice: User, bob: User, candles: list[CandleColumns]) -> None:
    first, second = scenes.created(alice), scenes.created(bob)
    assert selectors.next_sweep() == first.pk
    assert selectors.next_sweep(first.pk) == second.pk
    assert selectors.next_sweep(second.pk) == first.pk
    sweeps.cancel_sweep(second)
    assert selectors.next_sweep(first.pk) == first.pk


def test_an_estimate_counts_settings_and_begins_nothing(alice: User, candles: list[CandleColumns]) -> None:
    found = sweeps.estimate(base(), scenes.plan(), processes=2)
    assert (found.settings, found.processes) == (21, 2)
    assert found.rows == 90 * 24 * 4 // 5
    assert 0 < found.seconds < 120
    assert not Sweep.objects.exists()


def test_candles_of_one_sweep_at_a_time_are_looked_at(alice: User, candles: list[CandleColumns]) -> None:
    with sweeps.one_at_a_time(), pytest.raises(Conflict, match="candles of another sweep"):
        sweeps.estimate(base(), scenes.plan())
    assert sweeps.estimate(base(), scenes.plan()).settings == 21


def test_a_sweep_that_has_failed_can_be_taken_up_again(alice: User, candles: list[CandleColumns]) -> None:
    sweep = scenes.created(alice)
    Sweep.objects.filter(pk=sweep.pk).update(state=Sweep.State.FAILED, problem="for want of memory")
    sweeps.take_up(sweep)
    sweep_work.work(sweep.pk, "again")
    sweep.refresh_from_db()
    assert (sweep.state, sweep.problem) == (Sweep.State.DONE, "")
    with pytest.raises(Conflict):
        sweeps.take_up(sweep)
    with pytest.raises(Conflict):
        sweeps.cancel_sweep(sweep)


def test_what_is_deleted_at_the_same_time_is_not_there_to_be_cancelled(
    alice: User, candles: list[CandleColumns]
) -> None:
    sweep = scenes.created(alice)
    sweeps.delete_sweep(Sweep.objects.get(pk=sweep.pk))
    with pytest.raises(NotFound):
        sweeps.cancel_sweep(sweep)


def test_a_sweep_ends_with_the_user(alice: User, candles: list[CandleColumns]) -> None:
    scenes.created(alice)
    alice.delete()
    assert not Sweep.objects.exists()
