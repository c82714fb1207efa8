"""Two sides' books of one account: what is the same is clean, and every difference is found under its right name."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from botbalance.chaos.comparison import Findings, OurOrder, Ours, TheirOrder, Theirs, Trade, compare
from orders.domain import Status, client_order_id

D = Decimal
ID = client_order_id(1, "BTCUSDT", "BUY", 1000, 0)
TRADE = Trade(7, D(100), D("0.2"), D(20), D("0.0002"), "BTC", is_maker=True)
THEIRS = TheirOrder("BTCUSDT", 5, ID, "BUY", D(100), D("0.5"), D("0.2"), D(20), "CANCELED", (TRADE,))
OURS = OurOrder(
    user_id=1,
    tick_ts=1000,
    index=0,
    symbol="BTCUSDT",
    order_id=5,
    client_order_id=ID,
    side="BUY",
    price=D(100),
    quantity=D("0.5"),
    executed=D("0.2"),
    quote_executed=D(20),
    recorded=D("0.2"),
    fees={"BTC": D("0.0002")},
    status=Status.CANCELED,
    trades=(TRADE,),
)
BALANCES = {"BTC": (D("0.1998"), D(0)), "USDT": (D(980), D(0))}


def found(
    theirs: list[TheirOrder] | None = None, ours: list[OurOrder] | None = None, **more: Any
) -> tuple[int, int, int]:
    """How many duplicates, lost ones and mismatches there are."""
    findings = compare(
        Theirs([THEIRS] if theirs is None else theirs, more.get("their_balances", BALANCES), more.get("problems", ())),
        Ours(
            [OURS] if ours is None else ours,
            more.get("our_balances", BALANCES),
            more.get("loose_ends", ()),
            more.get("flows", ()),
        ),
    )
    assert findings.is_clean == (not any(counts(findings)))
    return counts(findings)


def counts(findings: Findings) -> tuple[int, int, int]:
    return len(findings.duplicates), len(findings.lost), len(findings.mismatches)


def test_books_that_say_the_same_are_clean() -> None:
    assert found() == (0, 0, 0)
    unplaced = replace(
        OURS,
        index=1,
        client_order_id=client_order_id(1, "BTCUSDT", "BUY", 1000, 1),
        order_id=None,
        status=Status.NOT_PLACED,
        executed=D(0),
        recorded=D(0),
        trades=(),
        fees={},
    )
    assert found(ours=[OURS, unplaced]) == (0, 0, 0)


def test_an_order_that_was_placed_twice_is_a_duplicate() -> None:
    assert found(theirs=[THEIRS, replace(THEIRS, order_id=6)]) == (1, 0, 0)


def test_two_orders_of_one_intent_are_a_duplicate_also_under_two_ids() -> None:
    other = replace(OURS, client_order_id="0123456789", order_id=6)
    duplicates, _lost, mismatches = found(
        theirs=[THEIRS, replace(THEIRS, order_id=6, client_order_id="0123456789")], ours=[OURS, other]
    )
    assert (duplicates, mismatches) == (1, 1)


def test_an_order_of_which_there_is_no_row_is_lost() -> None:
    assert found(ours=[]) == (0, 1, 0)


@pytest.mark.parametrize("status", [Status.NOT_PLACED, Status.REJECTED])
def test_an_order_that_is_said_not_to_be_placed_is_lost(status: Status) -> None:
    assert found(ours=[replace(OURS, status=status)]) == (0, 1, 0)


def test_an_order_that_only_we_know_is_lost() -> None:
    assert found(theirs=[]) == (0, 1, 0)


def test_a_trade_without_a_row_is_lost_and_so_is_a_row_without_a_trade() -> None:
    assert found(ours=[replace(OURS, trades=())]) == (0, 1, 0)
    assert found(ours=[replace(OURS, trades=(TRADE, replace(TRADE, trade_id=8)))]) == (0, 1, 0)


def test_a_trade_that_is_recorded_twice_is_a_duplicate() -> None:
    assert found(ours=[replace(OURS, trades=(TRADE, TRADE))]) == (1, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda row: replace(row, order_id=9),
        lambda row: replace(row, price=D("100.00000001")),
        lambda row: replace(row, quantity=D("0.50000001")),
        lambda row: replace(row, status=Status.FILLED),
        lambda row: replace(row, executed=D("0.3")),
        lambda row: replace(row, quote_executed=D("20.1")),
        lambda row: replace(row, recorded=D("0.1")),
        lambda row: replace(row, fees={"BNB": D("0.0002")}),
        lambda row: replace(row, trades=(replace(TRADE, commission=D("0.0003")),)),
        lambda row: replace(row, trades=(replace(TRADE, is_maker=False),)),
        lambda row: replace(row, tick_ts=1001),
    ],
)
def test_whatever_else_differs_is_one_mismatch(change: Callable[[OurOrder], OurOrder]) -> None:
    assert found(ours=[change(OURS)]) == (0, 0, 1)


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.NEW, Status.PARTIALLY_FILLED, Status.VANISHED])
def test_what_has_not_come_to_its_end_is_a_mismatch(status: Status) -> None:
    # Its status differs from the exchange's as well.
    assert found(ours=[replace(OURS, status=status)]) == (0, 0, 2)


def test_balances_are_compared_to_the_last_digit() -> None:
    assert found(our_balances={**BALANCES, "USDT": (D("980.00000001"), D(0))}) == (0, 0, 1)
    assert found(our_balances={**BALANCES, "USDT": (D(900), D(80))}) == (0, 0, 1)
    assert found(their_balances={**BALANCES, "ETH": (D(1), D(0))}) == (0, 0, 1)


def test_audits_loose_ends_and_imagined_deposits_are_mismatches() -> None:
    assert found(problems=["BTC total"], loose_ends=["rebalance 3"], flows=["deposit of 1 USDT"]) == (0, 0, 3)
