"""A repeated or late answer is never taken for the answer to what was asked last."""

from collections.abc import Callable
from typing import Any

import pytest

from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import OrderReport
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


def test_a_cancelled_order_may_carry_the_id_of_its_cancel() -> None:
    client = Client(reply({**ORDER, "status": "CANCELED", "clientOrderId": "the-cancel"}))
    assert client.adapter.get_order_status("BTCUSDT", "abc").status == "CANCELED"
