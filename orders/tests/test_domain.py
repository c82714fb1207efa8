"""What may happen to an order and to a run: the rules, without a database."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.domain import OrderReport
from orders.domain import (
    FINAL,
    RESTING,
    RUN_REASONS,
    Missing,
    OrderState,
    RoundView,
    Status,
    Step,
    client_order_id,
    judge_missing,
    merge,
    next_step,
    next_tick_ts,
)

D = Decimal


def report(status: str, executed: str = "0", quote: str = "0") -> OrderReport:
    return OrderReport("BTCUSDT", 7, "abc", "BUY", "LIMIT", status, D(100), D(1), D(executed), D(quote), 0)


def state(status: Status, executed: str = "0", quote: str = "0") -> OrderState:
    return OrderState(status, D(executed), D(quote))


def test_the_client_order_id_is_the_documented_hash() -> None:
    # printf '1:BTCUSDT:BUY:1700000000000:0' | sha1sum | cut -c1-20
    assert client_order_id(1, "BTCUSDT", "BUY", 1_700_000_000_000, 0) == "2a5f9ead4eeeb00da126"


def test_ids_differ_in_every_part() -> None:
    ids = {
        client_order_id(user, symbol, side, tick, index)
        for user in (1, 2)
        for symbol in ("BTCUSDT", "ETHUSDT")
        for side in ("BUY", "SELL")
        for tick in (1, 2)
        for index in (0, 1)
    }
    assert len(ids) == 32


@given(last=st.integers(0, 2**50), now=st.integers(0, 2**50))
def test_tick_times_only_ever_go_up(last: int, now: int) -> None:
    assert next_tick_ts(last, now) > last
    assert next_tick_ts(last, now) >= now


def test_a_report_moves_an_order_on() -> None:
    assert merge(state(Status.UNKNOWN), report("NEW")) == state(Status.NEW)
    assert merge(state(Status.NEW), report("PARTIALLY_FILLED", "0.4", "40")) == state(
        Status.PARTIALLY_FILLED, "0.4", "40"
    )
    assert merge(state(Status.PARTIALLY_FILLED, "0.4", "40"), report("FILLED", "1", "100")) == state(
        Status.FILLED, "1", "100"
    )


def test_a_late_answer_takes_nothing_back() -> None:
    assert merge(state(Status.PARTIALLY_FILLED, "0.4", "40"), report("NEW")) is None


def test_the_same_report_twice_is_no_news() -> None:
    assert merge(state(Status.NEW), report("NEW")) is None


def test_a_word_that_is_new_to_us_keeps_an_open_order_open() -> None:
    assert merge(state(Status.NEW), report("SOMETHING_ELSE")) is None
    assert merge(state(Status.UNKNOWN), report("SOMETHING_ELSE")) == state(Status.NEW)


orders = st.builds(
    lambda status, executed: report(status, str(executed), str(executed * 100)),
    st.sampled_from([*Status, "PENDING_NEW", "PENDING_CANCEL", "NOVELTY"]),
    st.integers(0, 5),
)


@given(reports=st.lists(orders, max_size=12))
def test_executed_quantity_never_falls_and_final_states_never_change(reports: list[OrderReport]) -> None:
    known = state(Status.UNKNOWN)
    for each in reports:
        merged = merge(known, each) or known
        assert merged.executed_quantity >= known.executed_quantity
        if known.status in FINAL:
            assert merged == known
        known = merged


@pytest.mark.parametrize(
    ("seconds_after_sending", "answers", "verdict"),
    [
        (1, 1, Missing.ASK_AGAIN),
        (1, 50, Missing.ASK_AGAIN),
        (9.9, 50, Missing.ASK_AGAIN),
        (10.1, 1, Missing.ASK_AGAIN),
        (10.1, 2, Missing.NOT_PLACED),
    ],
)
def test_an_order_is_declared_not_placed_only_past_the_window_and_after_asking_twice(
    seconds_after_sending: float, answers: int, verdict: Missing
) -> None:
    now = int(seconds_after_sending * 1000)
    assert (
        judge_missing(
            seen_before=False,
            missing_answers=answers,
            missing_since_ms=0,
            sent_ms=0,
            now_ms=now,
            recv_window_ms=5000,
        )
        == verdict
    )


@pytest.mark.parametrize(
    ("seconds_missing", "answers", "verdict"),
    [(0, 3, Missing.ASK_AGAIN), (59, 50, Missing.ASK_AGAIN), (60, 2, Missing.ASK_AGAIN), (60, 3, Missing.VANISHED)],
)
def test_an_order_that_was_known_once_vanishes_only_after_a_minute_of_asking(
    seconds_missing: int, answers: int, verdict: Missing
) -> None:
    since = 1_000_000
    found = judge_missing(
        seen_before=True,
        missing_answers=answers,
        missing_since_ms=since,
        sent_ms=0,
        now_ms=since + seconds_missing * 1000,
        recv_window_ms=5000,
    )
    assert found == verdict


LIFETIME_MS = 60_000
PLANNED_MS = 1_000_000


def view(
    *statuses: Status,
    filled: bool = False,
    recorded: bool = True,
    refusals: tuple[str, ...] = (),
    rested_ms: int = 0,
    cut_ms: int | None = None,
) -> RoundView:
    """A round planned at PLANNED_MS. Its resting orders were sent then: `rested_ms` ago. One was cut short `cut_ms`
    after it was planned.
    """
    reached = any(status != Status.NOT_PLACED for status in statuses)
    return RoundView(
        statuses,
        recorded,
        filled,
        reached,
        refusals,
        planned_ms=PLANNED_MS,
        resting_since_ms=tuple(PLANNED_MS - rested_ms for status in statuses if status in RESTING),
        cut_short_ms=() if cut_ms is None else (PLANNED_MS + cut_ms,),
    )


OLD, YOUNG = LIFETIME_MS, LIFETIME_MS - 1


@pytest.mark.parametrize(
    ("rounds", "step"),
    [
        ([view(Status.PENDING, Status.NEW)], (Step.SEND, "")),
        ([view(Status.NEW, Status.FILLED, filled=True)], (Step.WAIT, "")),
        ([view(Status.UNKNOWN)], (Step.WAIT, "")),
        # What rests is waited for while it is young, and planned around when it has kept its place for its lifetime.
        ([view(Status.NEW, Status.FILLED, filled=True, rested_ms=YOUNG)], (Step.WAIT, "")),
        ([view(Status.NEW, Status.FILLED, filled=True, rested_ms=OLD)], (Step.PLAN, "")),
        ([view(Status.NEW, rested_ms=OLD), view(Status.NEW, rested_ms=YOUNG)], (Step.WAIT, "")),
        ([view(Status.NEW, rested_ms=OLD), view(Status.UNKNOWN)], (Step.WAIT, "")),
        ([view(Status.NEW, rested_ms=OLD), view(Status.PENDING)], (Step.SEND, "")),
        ([view(Status.PARTIALLY_FILLED, recorded=False, rested_ms=OLD), view(Status.FILLED)], (Step.WAIT, "")),
        # What was cut short is not left off the market for as long as others rest; a plan since then has seen to it.
        ([view(Status.NEW, Status.CANCELED, rested_ms=YOUNG, cut_ms=0)], (Step.PLAN, "")),
        ([view(Status.NEW, Status.CANCELED, rested_ms=YOUNG, cut_ms=-1)], (Step.WAIT, "")),
        # A round that still rests is none without a fill.
        ([*[view(Status.CANCELED)] * 4, view(Status.NEW, rested_ms=OLD)], (Step.PLAN, "")),
        ([view(Status.NEW, rested_ms=OLD), *[view(Status.CANCELED)] * 5], (Step.PLAN, "")),
        ([view(Status.FILLED, filled=True, recorded=False)], (Step.WAIT, "")),
        ([view(Status.FILLED, filled=True)], (Step.PLAN, "")),
        ([view(Status.CANCELED)] * 4, (Step.PLAN, "")),
        ([view(Status.CANCELED)] * 5, (Step.STOP, "no_fills")),
        ([view(Status.FILLED, filled=True), *[view(Status.CANCELED)] * 4], (Step.PLAN, "")),
        ([view(Status.NOT_PLACED)] * 9, (Step.PLAN, "")),
        ([view(Status.REJECTED, refusals=("no",))], (Step.PLAN, "")),
        ([view(Status.REJECTED, refusals=("no",))] * 2, (Step.STOP, "orders_refused")),
        ([view(Status.FILLED, filled=True)] * 200, (Step.STOP, "too_many_rounds")),
    ],
)
def test_the_next_step_of_a_run(rounds: list[RoundView], step: tuple[Step, str]) -> None:
    assert next_step(rounds, PLANNED_MS, LIFETIME_MS) == step
    assert step[1] in RUN_REASONS
