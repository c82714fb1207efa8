"""What the autopilot decides at one look, by the band, the schedule and deposits; and when an order is repriced."""

import string
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.domain import Side
from strategies.domain import BandType, Goal, Limits, Trigger
from strategies.models import Strategy
from strategies.tests.planning import Scene
from strategies.ticks import (
    TICK_REASONS,
    Act,
    Decision,
    LargestDrift,
    decide_tick,
    largest_drift,
    order_wants_new_price,
)

D = Decimal
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSIDE = LargestDrift("SOL", D("1.2"), is_outside=False)
OUTSIDE = LargestDrift("BTC", D("4.004"), is_outside=True)


def decide(trigger: Trigger, drift: LargestDrift = INSIDE, **changes: Any) -> Decision:
    return decide_tick(**{"trigger": trigger, "now": NOON, "drift": drift, "interval": HOUR, **changes})


# --- by the band -----------------------------------------------------------------------------------------


def test_it_leaves_alone_what_is_within_its_band_and_says_how_far_it_is() -> None:
    decision = decide(Trigger.THRESHOLD)
    assert decision.act == Act.IDLE
    assert decision.reason == "Within the band; the largest drift is SOL, 1.2 points."
    assert decision.next_scheduled_at is None
    assert decision.act.goal is None


def test_it_rebalances_what_is_outside_its_band_at_any_look() -> None:
    decision = decide(Trigger.THRESHOLD, OUTSIDE)
    assert decision.act.goal == Goal.BAND
    assert decision.reason == "Outside the band: BTC is 4 points from its target."


# --- by the schedule -------------------------------------------------------------------------------------


def test_by_schedule_everything_goes_to_its_target_whatever_the_band() -> None:
    decision = decide(Trigger.PERIODIC, INSIDE, scheduled_at=NOON)
    assert decision.act.goal == Goal.TARGET
    assert decision.code == "scheduled"
    assert decision.next_scheduled_at == NOON + HOUR


@pytest.mark.parametrize("trigger", [Trigger.PERIODIC, Trigger.BOTH])
def test_between_the_times_of_the_schedule_nothing_is_done_however_far_off_it_is(trigger: Trigger) -> None:
    later = NOON + timedelta(minutes=20)
    decision = decide(trigger, OUTSIDE, scheduled_at=later)
    assert decision.act == Act.IDLE
    assert decision.reason == "The next look by schedule is at 2026-03-01T12:20:00+00:00."
    assert decision.next_scheduled_at == later


def test_with_both_the_schedule_says_when_and_the_band_whether() -> None:
    assert decide(Trigger.BOTH, OUTSIDE, scheduled_at=NOON).act.goal == Goal.BAND
    inside = decide(Trigger.BOTH, INSIDE, scheduled_at=NOON)
    assert (inside.act, inside.code, inside.next_scheduled_at) == (Act.IDLE, "within_band", NOON + HOUR)


def test_a_schedule_that_begins_trades_nothing_before_its_first_time() -> None:
    decision = decide(Trigger.PERIODIC, OUTSIDE, scheduled_at=None)
    assert (decision.act, decision.next_scheduled_at) == (Act.IDLE, NOON + HOUR)


def test_a_schedule_keeps_its_rhythm_and_makes_up_for_nothing() -> None:
    missed = NOON - 5 * HOUR - timedelta(minutes=10)
    decision = decide(Trigger.PERIODIC, scheduled_at=missed)
    assert decision.act == Act.REBALANCE_TO_TARGET
    assert decision.next_scheduled_at == NOON + timedelta(minutes=50)
    again = decide(Trigger.PERIODIC, now=NOON + timedelta(seconds=30), scheduled_at=decision.next_scheduled_at)
    assert again.act == Act.IDLE


def test_a_schedule_made_shorter_does_not_wait_for_the_old_time() -> None:
    decision = decide(Trigger.BOTH, scheduled_at=NOON + timedelta(days=20))
    assert decision.act == Act.IDLE
    assert decision.next_scheduled_at == NOON + HOUR


@given(
    late=st.integers(0, 10**7), seconds=st.integers(30 * 60, 28 * 86_400), trigger=st.sampled_from(["periodic", "both"])
)
def test_the_next_time_is_a_whole_number_of_intervals_on_and_in_the_future(
    late: int, seconds: int, trigger: str
) -> None:
    interval, scheduled_at = timedelta(seconds=seconds), NOON - timedelta(seconds=late)
    coming = decide(Trigger(trigger), interval=interval, scheduled_at=scheduled_at).next_scheduled_at
    assert coming is not None
    assert NOON < coming <= NOON + interval
    assert (coming - scheduled_at) % interval == timedelta()


# --- deposits, holds, nothing there ----------------------------------------------------------------------


@pytest.mark.parametrize("trigger", list(Trigger))
def test_a_deposit_is_invested_at_any_look(trigger: Trigger) -> None:
    decision = decide(trigger, has_deposit=True, scheduled_at=NOON + HOUR)
    assert decision.act.goal == Goal.BUY
    assert decision.code == "deposit"


def test_a_rebalance_that_is_due_anyway_takes_the_deposit_along() -> None:
    assert decide(Trigger.THRESHOLD, OUTSIDE, has_deposit=True).act == Act.REBALANCE
    assert decide(Trigger.PERIODIC, has_deposit=True, scheduled_at=NOON).act == Act.REBALANCE_TO_TARGET
    # Between the times of the schedule the band does not speak, but the deposit does.
    assert decide(Trigger.BOTH, OUTSIDE, has_deposit=True, scheduled_at=NOON + HOUR).act == Act.INVEST


def test_an_empty_account_is_left_alone() -> None:
    decision = decide(Trigger.PERIODIC, LargestDrift("", D(0), is_outside=False), scheduled_at=NOON)
    assert (decision.act, decision.code) == (Act.IDLE, "nothing_to_manage")


# --- the exact drift -------------------------------------------------------------------------------------


def drift_of(held: dict[str, Any], targets: dict[str, Any], **limits: Any) -> LargestDrift:
    scene = Scene.of(prices={"BTC": 50_000, "ETH": 2_000, "SOL": 100}, held=held, targets=targets, **limits)
    return largest_drift(scene.valuation(), scene.targets, scene.limits)


def test_the_drift_is_exact_at_the_edge_of_the_band() -> None:
    held = {"USDT": 4_900, "BTC": "0.102"}
    assert drift_of(held, {"BTC": 50}, min_delta_pct="1") == LargestDrift("BTC", D(1), is_outside=False)
    assert drift_of(held, {"BTC": 50}, min_delta_pct="0.9999").is_outside


def test_what_is_outside_its_band_comes_before_what_has_only_moved_further() -> None:
    held = {"USDT": 3_700, "BTC": "0.126"}
    drift = drift_of(held, {"BTC": 60, "SOL": 2}, band_type=BandType.RELATIVE, min_delta_pct="10")
    assert drift == LargestDrift("SOL", D(2), is_outside=True)


def test_the_quote_has_a_band_in_points() -> None:
    held, targets = {"USDT": 3_300, "BTC": "0.042", "ETH": "1.05", "SOL": 25}, {"BTC": 22, "ETH": 22, "SOL": 26}
    assert drift_of(held, targets, min_delta_pct="2") == LargestDrift("USDT", D(3), is_outside=True)
    assert not drift_of(held, targets, min_delta_pct="20", band_type=BandType.RELATIVE).is_outside


def test_there_is_no_drift_where_nothing_is_held() -> None:
    assert drift_of({}, {"BTC": 50}) == LargestDrift("", D(0), is_outside=False)


# --- repricing -------------------------------------------------------------------------------------------


def wants(**changes: Any) -> bool:
    order = {
        "order_price": D(100),
        "side": Side.BUY,
        "sent_ms": 0,
        "now_ms": 59_999,
        "mid": D(103),
        "new_limit_price": D(103),
        "lifetime_ms": 60_000,
        "reprice_distance_pct": None,
    }
    return order_wants_new_price(**{**order, **changes})


def test_an_order_is_repriced_once_its_lifetime_is_over() -> None:
    assert not wants()
    assert wants(now_ms=60_000)


def test_an_order_is_repriced_once_the_market_is_too_far_away() -> None:
    assert not wants(reprice_distance_pct=D(3))  # 2.91 % from 103
    assert wants(reprice_distance_pct=D("2.9"))
    assert wants(side=Side.SELL, mid=D(97), new_limit_price=D(97), reprice_distance_pct=D(3))
    assert not wants(side=Side.SELL, reprice_distance_pct=D("0.05"))  # the market is past it: it is about to fill


@given(st.integers(0, 10**9), st.sampled_from([None, D("0.05")]), st.sampled_from(list(Side)))
def test_an_order_is_never_posted_again_at_the_price_it_has(now_ms: int, distance: Decimal | None, side: Side) -> None:
    assert not wants(new_limit_price=D("100.00"), now_ms=now_ms, reprice_distance_pct=distance, side=side)


# --- reasons ---------------------------------------------------------------------------------------------


def test_every_reason_is_a_sentence_with_named_places() -> None:
    for code, text in TICK_REASONS.items():
        places = {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}
        assert all(places), code
        assert text[0].isupper() or text.startswith("{"), code
        assert text.endswith((".", "}")), code


def test_the_models_triggers_are_those_that_are_decided_by() -> None:
    assert {str(choice) for choice in Strategy.Trigger.values} == {str(trigger) for trigger in Trigger}
    assert Limits().goal == Goal.BAND
