"""The exchange is never called inside a transaction: a rollback could forget an order that exists."""

import pytest
from django.db import transaction

from exchanges.adapters.binance import InsideTransaction
from exchanges.errors import ExchangeError
from exchanges.tests.support import DATABASES, NOW, ORDER, Client, new_order, reply

pytestmark = pytest.mark.django_db(databases=DATABASES)

CALLS = [
    lambda adapter: adapter.place_order(new_order(), NOW),
    lambda adapter: adapter.cancel_order("BTCUSDT", "abc"),
    lambda adapter: adapter.get_order_status("BTCUSDT", "abc"),
    lambda adapter: adapter.ticker_price(),
]


@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_sent_inside_atomic(call) -> None:
    client = Client(reply(ORDER))
    with pytest.raises(InsideTransaction), transaction.atomic():
        call(client.adapter)
    with pytest.raises(InsideTransaction), transaction.atomic(), transaction.atomic():
        call(client.adapter)
    assert client.sent == []
    assert not issubclass(InsideTransaction, ExchangeError)


def test_after_the_transaction_it_is_sent() -> None:
    client = Client(reply(ORDER))
    with transaction.atomic():
        pass
    client.adapter.place_order(new_order(), NOW)
    assert client.sent == ["POST /api/v3/order"]


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_real_transaction_is_refused_as_well() -> None:
    client = Client(reply(ORDER))
    with pytest.raises(InsideTransaction), transaction.atomic():
        client.adapter.place_order(new_order(), NOW)
    assert client.sent == []
    client.adapter.place_order(new_order(), NOW)
    assert client.sent == ["POST /api/v3/order"]
