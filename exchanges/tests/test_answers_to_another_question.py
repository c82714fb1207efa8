"""A repeated or late answer is never taken for the answer to what was asked last."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import OrderFacts, OrderReport
from exchanges.errors import OutcomeUnknown, Unavailable
from exchanges.tests.support import NOW, ORDER, Client, new_order, reply

ANOTHER = {**ORDER, "orderId": 27, "clientOrderId": "before"}
ELSEWHERE = {**ORDER, "symbol": "ETHUSDT"}
TRADE = {
    "symbol": "BTCUSDT", "id": 5, "orderId": 28, "price": "1", "qty": "1", "quoteQty": "1", "commission": "0",
    "commissionAsset": "BTC", "time": NOW, "isBuyer": True, "isMaker": True, "isBestMatch": True,
}  # fmt: skip


@pytest.mark.parametrize("late", [ANOTHER, ELSEWHERE])
@pytest.mark.parametrize(
    "write",
    [
        lambda adapter: adapter.place_order(new_order(), NOW),
        lambda adapter: adapter.cancel_order("BTCUSDT", "abc"),
        lambda adapter: adapter.cancel_replace(new_order(client_order_id="new"), "abc", NOW),
    ],
    ids=["place_order", "cancel_order", "cancel_replace"],
)
def test_the_outcome_of_a_write_is_unknown_and_nothing_is_sent_again(
    late: dict[str, Any], write: Callable[[BinanceAdapter], object]
) -> None:
    body = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": late, "newOrderResponse": late}
    client = Client(reply({**late, **body}))
    with pytest.raises(OutcomeUnknown):
        write(client.adapter)
    assert len(client.sent) == 1


def test_the_cancelled_orders_of_another_symbol_are_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown):
        Client(reply([ELSEWHERE])).adapter.cancel_open_orders("BTCUSDT")


def test_a_read_is_made_again() -> None:
    client = Client(reply(ANOTHER), reply(ORDER))
    assert client.adapter.get_order_status("BTCUSDT", "abc").client_order_id == "abc"
    assert len(client.sent) == 2


@pytest.mark.parametrize(
    ("late", "read"),
    [
        (ANOTHER, lambda adapter: adapter.get_order_status("BTCUSDT", "abc")),
        (ELSEWHERE, lambda adapter: adapter.get_order_status("BTCUSDT", "abc")),
        ([ELSEWHERE], lambda adapter: adapter.get_open_orders("BTCUSDT")),
        ([{**TRADE, "orderId": 27}], lambda adapter: adapter.my_trades("BTCUSDT", 28)),
        ([{**TRADE, "symbol": "ETHUSDT"}], lambda adapter: adapter.my_trades("BTCUSDT", 28)),
    ],
)
def test_a_read_that_is_never_answered_has_failed(late: Any, read: Callable[[BinanceAdapter], object]) -> None:
    with pytest.raises(Unavailable):
        read(Client(reply(late)).adapter)


def test_open_orders_of_all_symbols_may_be_of_any() -> None:
    found: list[OrderReport] = Client(reply([ORDER, ELSEWHERE])).adapter.get_open_orders()
    assert [report.symbol for report in found] == ["BTCUSDT", "ETHUSDT"]


KNOWN = OrderFacts("BUY", Decimal(50_000), Decimal("0.001"), 28)
CANCELLED = {**ORDER, "status": "CANCELED", "clientOrderId": "the-cancel"}


@pytest.mark.parametrize("known", [KNOWN, replace(KNOWN, exchange_order_id=None)])
def test_a_cancelled_order_may_carry_the_id_of_its_cancel(known: OrderFacts) -> None:
    assert Client(reply(CANCELLED)).adapter.get_order_status("BTCUSDT", "abc", known).status == "CANCELED"


@pytest.mark.parametrize(("body", "known"), [
    (CANCELLED, None),
    (CANCELLED, replace(KNOWN, exchange_order_id=27)),
    (CANCELLED, replace(KNOWN, exchange_order_id=None, quantity=Decimal(1))),
    ({**CANCELLED, "status": "FILLED"}, KNOWN),
    (ORDER, replace(KNOWN, exchange_order_id=27)),
])  # fmt: skip
def test_another_order_is_not_taken_for_the_one_that_is_known(body: dict[str, Any], known: OrderFacts | None) -> None:
    with pytest.raises(Unavailable):
        Client(reply(body)).adapter.get_order_status("BTCUSDT", "abc", known)


@pytest.mark.parametrize("change", [
    {"side": "SELL"}, {"price": "49999"}, {"origQty": "9"}, {"executedQty": "-5"}, {"executedQty": "0.002"},
    {"status": ""},
])  # fmt: skip
def test_an_answer_that_is_not_of_the_order_as_it_was_sent_leaves_its_outcome_unknown(change: dict[str, str]) -> None:
    with pytest.raises(OutcomeUnknown):
        Client(reply({**ORDER, **change})).adapter.place_order(new_order(), NOW)
