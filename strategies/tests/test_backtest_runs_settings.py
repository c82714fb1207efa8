"""What is asked for becomes a scenario: the strategy's own limits, past rules, and candles of all that is held."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from botbalance.lib.errors import Invalid
from botbalance.lib.money import ZERO
from exchanges.candles import keeping
from exchanges.domain import ExchangeInfo
from exchanges.models import ExchangeAccount
from strategies import services as strategy_services
from strategies.backtest import services
from strategies.backtest.domain import (
    PlannedFlow,
    RunSettings,
    default_rules,
    every_of,
    every_text,
    rules_for_the_past,
)
from strategies.backtest.services.reading import LIMIT_FIELDS
from strategies.backtest.services.scenarios import KnownRules, past_info
from strategies.domain import Target
from strategies.models import Strategy
from strategies.schedules import Calendar
from strategies.tests.backtest_scenes import BEGIN_MS, DAY_MS, HOUR_MS, plain_values, priced, stocked, wavy
from strategies.tests.planning import rules_of

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
Account = Callable[..., ExchangeAccount]
Strategies = Callable[..., Strategy]


@pytest.fixture
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


def refused(strategy: Strategy | None = None, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as caught:
        services.read(plain_values(**values), strategy)
    return caught.value.fields


# --- a strategy's own limits ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("candles")
def test_the_planner_gets_the_limits_that_the_autopilot_gives_it(
    alice: User, paper_account: Account, strategy: Strategies
) -> None:
    mine = strategy(
        paper_account(alice), {"BTC": 60, "ETH": 20}, min_delta_pct="3.5", order_size_pct="40", trade_to="edge",
        band_type="relative", quote_reserve_pct="4", max_orders=7, worst_price_pct="2", sell_unlisted=True,
        trigger_mode="both", interval_minutes=720, reprice_distance_pct="1.5", max_turnover_pct="80",
        order_lifetime_seconds=120, deploy_deposits=True, whole_portfolio=True,
        hysteresis_pct="50", cost_horizon_days=30, direct_pairs=True, bnb_for_fees=D(25),
    )  # fmt: skip
    mine.account.pays_in_bnb = True
    inputs = services.prepare(services.read({"fees_in_bnb": True}, mine), mine.account)
    scenario = inputs.scenario
    live = strategy_services.limits_of(mine, D("0.001"), D(0), ZERO)
    assert (scenario.limits.turnover_left, scenario.limits.maker_rate) == (None, D("0.001"))
    for name in live.__slots__:
        if name not in ("turnover_left", "maker_rate", "price_grid", "max_order_nav_pct"):
            assert getattr(scenario.limits, name) == getattr(live, name), name
    assert (scenario.trigger, scenario.every) == ("both", timedelta(hours=12))
    assert (scenario.max_turnover_pct, scenario.reprice_distance_pct) == (80, D("1.5"))
    assert (scenario.order_lifetime_seconds, scenario.deploy_deposits, scenario.whole_portfolio) == (120, True, True)
    assert inputs.notes.rules_source == "paper"


@pytest.mark.usefixtures("candles")
def test_the_strategys_values_are_taken_over_one_and_all(
    alice: User, paper_account: Account, strategy: Strategies
) -> None:
    mine = strategy(paper_account(alice), {"BTC": 60})
    settings = services.read({}, mine)
    assert set(settings.limits) == set(LIMIT_FIELDS)
    assert {name: getattr(mine, name) for name in LIMIT_FIELDS} == dict(settings.limits)


@pytest.mark.usefixtures("candles")
def test_a_calendar_stands_in_place_of_the_interval_until_another_interval_is_tried() -> None:
    settings = services.read(plain_values(trigger_mode="periodic", calendar="month"))
    assert services.scenario_of(settings, ExchangeInfo.of({})).every is Calendar.MONTH
    other = settings.with_limits({"interval_minutes": 120})
    assert services.scenario_of(other, ExchangeInfo.of({})).every == timedelta(hours=2)
    with pytest.raises(KeyError):
        settings.with_limits({"no_such_limit": 1})


@pytest.mark.usefixtures("candles")
def test_values_of_settings_read_back_are_the_same_settings() -> None:
    settings = services.read(
        plain_values(
            start_holdings={"ETH": "1.5"},
            flows=[{"amount": "-20", "every": "14d"}, {"amount": "1", "asset": "BTC", "at": "2023-01-05T06:00"}],
            maker_fee_pct="0.075",
            participation_pct="",
            whole_portfolio=True,
            bnb_for_fees="12.5",
        )
    )
    assert services.read(services.values_of(settings)) == settings
    assert RunSettings.from_json(settings.to_json()) == settings


@pytest.mark.usefixtures("candles")
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"flows": [{"amount": "5", "every": "1000000w"}]}, "'1000000w' is no schedule"),
        ({"start_cash": "1e999999999"}, "1e999999999 is too long a number."),
        ({"start_cash": "1e-999999999"}, "1e-999999999 is too long a number."),
        ({"targets": [("BTC", 1)] * 20_000}, "20000 assets are too many"),
    ],
)
def test_what_is_beyond_all_bounds_is_refused_at_once(values: dict[str, Any], sentence: str) -> None:
    (name,) = values
    (said,) = refused(**values)[name]
    assert said.startswith(sentence)


@pytest.mark.usefixtures("candles")
def test_unknown_names_are_refused() -> None:
    assert list(refused(no_such="1")) == ["no_such"]


@pytest.mark.usefixtures("candles")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"targets": "BTC"}, "targets"),
        ({"targets": ["BTC"]}, "targets"),
        ({"targets": [("USDT", 50)]}, "targets"),
        ({"targets": [("BTC", 50), ("btc", 20)]}, "targets"),
        ({"targets": [("../etc", 50)]}, "targets"),
        ({"targets": [Target("BTC", D(50), D(-1))]}, "targets"),
        ({"quote": "../x"}, "quote"),
        ({"start_holdings": ["BTC"]}, "start_holdings"),
        ({"start_holdings": {"BTC": "-1"}}, "start_holdings"),
        ({"start_cash": "NaN"}, "start_cash"),
        ({"start_cash": "1e30"}, "start_cash"),
        ({"flows": [{"amount": "5", "every": "month", "asset": "DOGE"}]}, "flows"),
        ({"flows": [{"amount": "5", "every": "1m"}], "from": "2023-01-01"}, "flows"),
        ({"reprice_distance_pct": "0.1", "order_step_pct": "0.2"}, "reprice_distance_pct"),
        ({"fees_in_bnb": "yes"}, "fees_in_bnb"),
        ({"maker_fee_pct": "-0.1"}, "maker_fee_pct"),
    ],
)
def test_nonsense_is_said_at_its_field(values: dict[str, Any], field: str) -> None:
    assert field in refused(**values)


# --- the time ------------------------------------------------------------------------------------------------


def test_left_out_it_is_the_time_of_which_there_are_all_candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path, rows=48)
    keeping.add(priced("SOL", [10] * 24, first=36), "market")
    found = services.read(plain_values(targets=[("BTC", 50), ("SOL", 20)]))
    assert (found.from_ms, found.to_ms) == (BEGIN_MS + 36 * HOUR_MS, BEGIN_MS + 48 * HOUR_MS)


@pytest.mark.usefixtures("candles")
def test_finer_candles_count_as_those_that_are_made_of_them() -> None:
    found = services.read(plain_values(interval="4h"))
    assert (found.from_ms, found.to_ms) == (BEGIN_MS, BEGIN_MS + 40 * DAY_MS)
    assert len(services.prepare(found).history) == 40 * 6


@pytest.mark.usefixtures("candles")
def test_too_many_candles_are_refused(settings: Any) -> None:
    settings.BACKTEST_MOST_CANDLES = 1000
    assert list(refused()) == ["interval"]


# --- symbol rules --------------------------------------------------------------------------------------------


def test_a_symbol_the_exchange_does_not_know_has_default_rules_and_it_is_said() -> None:
    columns = {"BTC": wavy("BTC", 5), "OLD": wavy("OLD", 5)}
    known = ExchangeInfo.of({"BTCUSDT": rules_of("BTC")})
    info, notes = past_info(columns, "USDT", KnownRules(known, "paper"))
    assert notes.default_rules == ("OLDUSDT",)
    old = info.pair("OLD", "USDT")
    assert old == default_rules("OLD", "USDT", columns["OLD"].price_places, columns["OLD"].volume_places, D(100))
    assert old is not None
    assert (old.tick_size, old.step_size, old.min_notional) == (D("0.01"), D("0.00001"), 5)


@pytest.mark.parametrize(
    ("first_price", "step"), [("60000", "0.0000001"), ("1", "0.001"), ("0.5", "0.01"), ("0.00001", "1"), ("0", "1")]
)
def test_volumes_in_whole_coins_make_no_steps_of_whole_coins(first_price: str, step: str) -> None:
    assert default_rules("OLD", "USDT", 2, 0, D(first_price)).step_size == D(step)


def test_the_tick_is_as_fine_as_prices_were() -> None:
    coarse = rules_of("SOL", tick="0.01")
    past = rules_for_the_past(coarse, 4)
    assert (past.tick_size, past.min_price, past.price_grid) == (D("0.0001"), D("0.0001"), D("0.0001"))
    assert rules_for_the_past(coarse, 1).tick_size == D("0.01")


def test_what_does_not_trade_today_could_be_traded_then() -> None:
    halted = rules_of("LUNA", status="BREAK", limit_orders_allowed=False)
    assert rules_for_the_past(halted, 2).is_trading


# --- what is held and paid in --------------------------------------------------------------------------------


@pytest.mark.usefixtures("candles")
def test_what_is_held_without_candles_is_said_and_counts_nothing() -> None:
    inputs = services.prepare(services.read(plain_values(start_holdings={"GHOST": "5", "BNB": "2"})))
    assert inputs.notes.unvalued == ("GHOST",)
    assert set(inputs.history.places) == {"BTC", "ETH", "BNB"}


@pytest.mark.usefixtures("candles")
def test_bnb_is_there_where_it_pays_the_fees() -> None:
    assert "BNB" not in services.prepare(services.read(plain_values())).history.places
    assert "BNB" in services.prepare(services.read(plain_values(fees_in_bnb=True))).history.places


@pytest.mark.usefixtures("candles")
def test_bitcoin_is_loaded_beside_for_comparison() -> None:
    inputs = services.prepare(services.read(plain_values(targets=[("ETH", 50)])))
    assert inputs.bitcoin is not None
    assert set(inputs.history.places) == {"ETH"}


@pytest.mark.usefixtures("candles")
def test_candles_that_are_no_markets_are_said(settings: Any, tmp_path: Path) -> None:
    settings.CANDLES_DIR = tmp_path / "paper"
    keeping.add(wavy("BTC", 48), "paper walk seed 1 x1")
    inputs = services.prepare(services.read(plain_values(targets=[("BTC", 50)])))
    assert inputs.notes.candle_sources == {"BTCUSDT": "paper walk seed 1 x1"}


# --- schedules of payments -----------------------------------------------------------------------------------


def test_payments_are_due_at_turns_after_the_beginning() -> None:
    begins, ends = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 4, 1, tzinfo=UTC)
    monthly = PlannedFlow("USDT", D(500), every=Calendar.MONTH)
    assert [moment.strftime("%m-%d") for moment in monthly.moments(begins, ends)] == ["02-01", "03-01"]
    every_month = PlannedFlow("USDT", D(500), every=timedelta(days=30))
    assert [moment.strftime("%m-%d") for moment in every_month.moments(begins, ends)] == ["01-31", "03-02"]
    once = PlannedFlow("USDT", D(-1), at=begins)
    assert list(once.moments(begins, ends)) == [begins]
    assert list(once.moments(begins + timedelta(days=1), ends)) == []


def test_a_payment_has_one_kind_of_time() -> None:
    with pytest.raises(ValueError, match="either once"):
        PlannedFlow("USDT", D(1))


@given(minutes=st.integers(1, 1_000_000))
def test_schedules_are_read_as_they_are_written(minutes: int) -> None:
    every = timedelta(minutes=minutes)
    assert every_of(every_text(every)) == every


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1y", "1.5d", "٣d", "fortnight"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no schedule"):
        every_of(text)
