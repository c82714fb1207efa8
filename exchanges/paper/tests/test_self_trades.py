"""An order never trades with one of its own account: the mode of the order that comes says which of them expires."""

from dataclasses import replace

import pytest

from exchanges.paper.engine import Account, Book, Outcome, Refused
from exchanges.paper.tests.scenes import D, account, book, market, place, request

NOTHING = book()


def waiting(side: str, quantity: str, price: str, state: Account | None = None, client_id: str = "own") -> Account:
    start = state or account(USDT="100000", BTC="2")
    return place(start, request(side, quantity, price, client_id=client_id)).account


def meet(state: Account, side: str, quantity: str, price: str, mode: str, offered: Book = NOTHING) -> Outcome:
    return place(state, replace(request(side, quantity, price, client_id="new"), stp_mode=mode), offered)


def statuses(outcome: Outcome) -> dict[str, str]:
    return {order.client_order_id: order.status for order in outcome.orders}


@pytest.mark.parametrize(("mode", "expected"), [
    ("EXPIRE_MAKER", {"new": "NEW", "own": "EXPIRED_IN_MATCH"}),
    ("EXPIRE_TAKER", {"new": "EXPIRED_IN_MATCH"}),
    ("EXPIRE_BOTH", {"new": "EXPIRED_IN_MATCH", "own": "EXPIRED_IN_MATCH"}),
])  # fmt: skip
@pytest.mark.parametrize(("first", "second", "price"), [("SELL", "BUY", "50100"), ("BUY", "SELL", "49900")])
def test_the_mode_decides_who_expires(mode: str, expected: dict[str, str], first: str, second: str, price: str) -> None:
    outcome = meet(waiting(first, "0.1", "50000"), second, "0.1", price, mode)
    assert statuses(outcome) == expected
    assert outcome.trades == ()
    locked = {asset for asset, balance in outcome.account.balances.items() if balance.locked}
    assert len(locked) == len(outcome.account.open_orders)


def test_the_market_comes_first_at_the_same_price_and_may_leave_nothing_to_meet() -> None:
    offered = book(asks=[("50000", "0.1"), ("50050", "1")])
    outcome = meet(waiting("SELL", "0.1", "50000"), "BUY", "0.1", "50100", "EXPIRE_TAKER", offered)
    assert statuses(outcome) == {"new": "FILLED"}
    assert len(outcome.account.open_orders) == 1


def test_a_taker_keeps_what_it_got_before_it_met_its_own() -> None:
    offered = book(asks=[("49990", "0.04"), ("50050", "1")])
    outcome = meet(waiting("SELL", "0.1", "50000"), "BUY", "0.1", "50100", "EXPIRE_TAKER", offered)
    (order,) = outcome.orders
    assert (order.status, order.executed) == ("EXPIRED_IN_MATCH", D("0.04"))


def test_a_taker_goes_on_behind_the_makers_that_expire() -> None:
    offered = book(asks=[("49990", "0.04"), ("50050", "1")])
    state = waiting("SELL", "0.1", "50000")
    state = waiting("SELL", "0.1", "50080", state, client_id="further")
    outcome = meet(state, "BUY", "0.1", "50100", "EXPIRE_MAKER", offered)
    assert statuses(outcome) == {"new": "FILLED", "own": "EXPIRED_IN_MATCH"}
    assert [trade.price for trade in outcome.trades] == [D("49990"), D("50050")]


def test_a_market_order_meets_every_own_order_on_its_way() -> None:
    offered = book(asks=[("50000", "0.05")])
    state = waiting("SELL", "0.1", "60000")
    outcome = place(state, replace(market("BUY", "0.1"), stp_mode="EXPIRE_MAKER"), offered)
    assert statuses(outcome) == {"m": "EXPIRED", "own": "EXPIRED_IN_MATCH"}


def test_a_limit_maker_is_refused_where_it_would_meet_its_own() -> None:
    with pytest.raises(Refused, match="immediately match"):
        place(waiting("SELL", "0.1", "50000"), request("BUY", "0.1", "50000", client_id="new", type="LIMIT_MAKER"))


def test_a_fok_that_is_not_filled_makes_nobody_expire() -> None:
    wanted = replace(request("BUY", "1", "50100", client_id="new", time_in_force="FOK"), stp_mode="EXPIRE_MAKER")
    outcome = place(waiting("SELL", "0.1", "50000"), wanted, book(asks=[("50000", "0.5")]))
    assert statuses(outcome) == {"new": "EXPIRED"}
