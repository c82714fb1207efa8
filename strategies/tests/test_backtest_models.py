"""A back-test of a strategy with a target model holds at every time the weights that the model would have given."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from accounts.models import User
from botbalance.lib.errors import Invalid
from exchanges.candles.columns import CandleColumns
from exchanges.domain import ExchangeInfo
from exchanges.models import ExchangeAccount
from strategies.backtest import services
from strategies.backtest.domain import RunSettings
from strategies.backtest.engine.history import History
from strategies.backtest.engine.result import Result
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Scenario, TargetModel
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.engine.targets import Problem, Silence, course_of
from strategies.backtest.figures import study_of
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.domain import Limits, Target
from strategies.models import Strategy
from strategies.target_models import ModelKind, ModelSettings, weights_of
from strategies.tests.backtest_scenes import DAY_MS, plain_values, stocked, wavy
from strategies.tests.backtesting import rules_for
from strategies.tests.model_scenes import entries, make

D = Decimal
WEEK = ModelSettings(ModelKind.INVERSE_VOLATILITY, lookback_days=7)
Account = Callable[..., ExchangeAccount]


# --- the engine ----------------------------------------------------------------------------------------------


def days(rows: int = 30, **ends: int) -> History:
    """Daily candles of BTC and ETH; one that is named ends after so many."""
    found: Mapping[str, CandleColumns] = {
        asset: wavy(asset, ends.get(asset, rows), step_ms=DAY_MS) for asset in ("BTC", "ETH")
    }
    return History.of("USDT", found)


def scenario(model: ModelSettings, every: int = 10) -> Scenario:
    """Everything is brought to its target at every close, for nothing."""
    return Scenario(
        "USDT",
        (Target("BTC", D(70)), Target("ETH", D(20))),
        Limits(min_delta_pct=D("0.05"), order_size_pct=D(100), fee_rate=D(0)),
        rules_for("BTC", "ETH", minimum="0.01", step="0.00000001"),
        {"USDT": D(10_000)},
        fills=Fills(mode=FillMode.CLOSE, participation_pct=None),
        fees=Fees(D(0), D(0)),
        model=TargetModel(model, timedelta(days=every)),
    )


def weights(result: Result, row: int) -> dict[str, Decimal]:
    """What is held after a row, in percent."""
    worth = result.values[:, row] / result.equity[row] * 100
    return dict(zip(("BTC", "ETH"), (round(D(float(share)), 1) for share in worth), strict=False))


def test_weights_are_given_on_schedule_from_days_that_are_over_and_held_until_there_are_enough() -> None:
    history = days()
    result = run_backtest(history, scenario(WEEK))
    # Eight closes are needed for seven returns: the eighth is known at the end of row 7.
    assert [step.row for step in result.course.steps] == [0, 7, 17, 27]
    assert result.course.steps[0].targets == (Target("BTC", D(70)), Target("ETH", D(20)))
    for step in result.course.steps[1:]:
        closes = np.ascontiguousarray(history.closes[:, step.row - 7 : step.row + 1].T)
        given = weights_of(WEEK, ["BTC", "ETH"], closes).weights
        assert {target.asset: target.weight_pct for target in step.targets} == given
        assert weights(result, step.row) == {asset: round(weight, 1) for asset, weight in given.items()}
    assert weights(result, 6) == {"BTC": 70, "ETH": 20}
    assert result.course.silences == (Silence(0, 7, (Problem("", "too_little_history", {"needed": "8"}),)),)


def test_a_model_that_needs_no_past_gives_the_weights_of_the_first_row() -> None:
    result = run_backtest(days(), scenario(ModelSettings(ModelKind.EQUAL, total_pct=D(80))))
    assert [step.row for step in result.course.steps] == [0]
    assert weights(result, 0) == {"BTC": 40, "ETH": 40}
    assert study_of(result).hold_targets.time_weighted is not None


def test_what_cannot_be_measured_any_more_is_not_sold_for_it() -> None:
    result = run_backtest(days(ETH=20), scenario(WEEK))
    assert [step.row for step in result.course.steps] == [0, 7, 17]
    last = result.course.silences[-1]
    assert (last.row, last.until) == (27, None)
    assert {(problem.asset, problem.code) for problem in last.problems} == {("ETH", "no_history")}


def test_all_settings_of_a_sweep_share_what_the_model_said() -> None:
    history, tried = days(), scenario(WEEK)
    other = replace(tried, limits=replace(tried.limits, min_delta_pct=D(5)))
    assert course_of(history, tried) is course_of(history, other)
    assert course_of(history, tried) is not course_of(history, scenario(WEEK, every=5))


# --- what is asked for ---------------------------------------------------------------------------------------

stored = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


@pytest.fixture
def modelled(alice: User, paper_account: Account) -> Strategy:
    values = {"target_model": "momentum", "model_lookback_days": 7, "model_top_k": 1, "model_refresh_days": 3}
    return make(paper_account(alice), entries(("BTC", 50), ("ETH", 30)), **values)


def refused(**values: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as caught:
        services.read(plain_values(**values))
    return caught.value.fields


def scenario_of(settings: RunSettings) -> Scenario:
    return services.scenario_of(settings, ExchangeInfo.of({}))


@stored
@pytest.mark.usefixtures("candles")
def test_a_strategys_model_is_taken_over_and_may_be_left_out(modelled: Strategy) -> None:
    mine = services.read({}, modelled)
    weighs = ModelSettings(ModelKind.MOMENTUM, lookback_days=7, top_k=1)
    assert scenario_of(mine).model == TargetModel(weighs, timedelta(days=3))
    assert scenario_of(mine.with_limits({"min_delta_pct": D(7)})).model == scenario_of(mine).model
    assert services.read(services.values_of(mine)) == mine
    assert RunSettings.from_json(mine.to_json()) == mine
    assert scenario_of(services.read({"target_model": "fixed"}, modelled)).model is None
    assert RunSettings.from_json({**mine.to_json(), "model": {}}).model == {}


@stored
@pytest.mark.usefixtures("candles")
def test_market_capitalisations_count_only_where_all_are_typed() -> None:
    rows = [{"asset": "BTC", "weight_pct": "50", "market_cap": "3000"}, {"asset": "ETH"}]
    some = services.prepare(services.read(plain_values(target_model="market_cap", targets=rows)))
    assert (some.scenario.model, some.notes.without_figures) == (None, ("ETH",))
    rows[1]["market_cap"] = "1000"
    settings = services.read(plain_values(target_model="market_cap", targets=rows))
    every = services.prepare(settings)
    assert every.notes.figures_of_today
    assert every.scenario.model is not None
    assert dict(every.scenario.model.figures) == {"BTC": 3000, "ETH": 1000}
    assert services.read(services.values_of(settings)) == settings
    shares = {one.asset: one.weight_pct for one in course_of(every.history, every.scenario).steps[0].targets}
    assert shares == {"BTC": 75, "ETH": 25}


@stored
@pytest.mark.usefixtures("candles")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"target_model": "none"}, "target_model"),
        ({"target_model": "momentum", "model_top_k": 3}, "model_top_k"),
        ({"target_model": "equal", "model_lookback_days": 30}, "model_lookback_days"),
        ({"model_total_pct": "50"}, "model_total_pct"),
        ({"target_model": "risk_parity", "interval": "3d"}, "interval"),
        ({"targets": [{"asset": "BTC", "weight_pct": "5", "market_cap": "1"}]}, "targets"),
        ({"targets": [{"asset": "BTC"}]}, "targets"),
        ({"max_order_nav_pct": "0"}, "max_order_nav_pct"),
    ],
)
def test_what_does_not_go_with_the_model_is_said_at_its_field(values: dict[str, Any], field: str) -> None:
    assert field in refused(**values)


@stored
@pytest.mark.usefixtures("candles")
def test_no_order_is_larger_than_the_server_allows(settings: Any, alice: User) -> None:
    settings.MAX_ORDER_NAV_PCT = D(4)
    run = services.create_run(alice, plain_values()).run
    assert services.execute_run(run.pk)
    run.refresh_from_db()
    highest = max(selectors.series_of(run)["equity"])
    assert D("0.03") < D(run.summary["trades"]["largest"]) / D(highest) < D("0.041")
    assert services.read(plain_values(max_order_nav_pct=None)).max_order_nav_pct is None


# --- what is told --------------------------------------------------------------------------------------------


@stored
@pytest.mark.usefixtures("candles")
def test_page_api_and_report_list_the_weights_and_when_there_was_no_answer(
    alice: User, client_for: Callable[[User], Client], modelled: Strategy
) -> None:
    browser = client_for(alice)
    form = browser.get(f"/backtests/new/?strategy={modelled.pk}")
    assert form.context["model_form"]["model_top_k"].value() == 1
    other = browser.post("/backtests/new/", {"target_model": "equal", "shown_model": "momentum", "quote": "USDT"})
    assert "model_top_k" not in other.context["model_form"].fields
    answer = browser.post("/api/me/backtests/", {"strategy": modelled.pk}, content_type="application/json")
    assert answer.status_code == 201
    assert services.execute_run(answer.json()["id"])
    run = BacktestRun.objects.get()
    assert run.summary is not None
    assert run.summary["model"]["changes"] > 2
    changes = selectors.series_of(run)["target_changes"]
    assert changes[0]["weights"] == {"BTC": "50", "ETH": "30"}
    assert {weight for row in changes[1:] for weight in row["weights"].values()} == {"100", "0"}
    said = ("Until 2023-01-09 the model had no answer", "BTC 100%, ETH 0%, USDT 0%")
    for url in (f"/backtests/{run.pk}/", f"/api/me/backtests/{run.pk}/report.html"):
        page = browser.get(url).content.decode()
        assert all(text in page for text in said), url
    assert "momentum: the best of late" in browser.get(f"/backtests/{run.pk}/").content.decode()
