"""What this release does not have is refused with a sentence, and nothing is sent."""

from typing import Any

import pytest

from exchanges.adapters.base import ExchangeAdapter
from exchanges.adapters.features import NoEarnNoFutures
from exchanges.adapters.okx import OKXAdapter
from exchanges.errors import ExchangeError, NotAvailable
from exchanges.tests.methods import METHODS, Method
from exchanges.tests.support import NOW, Client, reply

EARN = [
    lambda adapter: adapter.earn_positions(),
    lambda adapter: adapter.earn_subscribe("BTC001", "1"),
    lambda adapter: adapter.earn_redeem("BTC001", "1"),
]
FUTURES = [
    lambda adapter: adapter.futures_positions(),
    lambda adapter: adapter.futures_place_order("BTCUSDT", "BUY", "1"),
]


@pytest.mark.parametrize("is_on", [False, True])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_okx_refuses_every_method_of_an_adapter(method: Method, is_on: bool, settings: Any) -> None:
    settings.ENABLE_OKX = is_on
    with pytest.raises(NotAvailable, match="OKX") as caught:
        method.call(OKXAdapter(), NOW)  # type: ignore[arg-type]  # that it can be asked like any other is the point
    assert "ENABLE_OKX" in caught.value.message
    assert ("is off on this server" in caught.value.message) is not is_on


def test_okx_has_the_names_of_an_adapter() -> None:
    named = {name for name in vars(ExchangeAdapter) if not name.startswith("_")}
    assert all(hasattr(OKXAdapter(), name) for name in named)


@pytest.mark.parametrize("is_on", [False, True])
@pytest.mark.parametrize(
    ("calls", "variable", "name"), [(EARN, "ENABLE_EARN", "Simple Earn"), (FUTURES, "ENABLE_FUTURES", "Futures")]
)
def test_earn_and_futures_are_refused_on_or_off(
    calls: list[Any], variable: str, name: str, is_on: bool, settings: Any
) -> None:
    setattr(settings, variable, is_on)
    client = Client(reply({}))
    for adapter in (client.adapter, OKXAdapter()):
        for call in calls:
            with pytest.raises(NotAvailable, match=name) as caught:
                call(adapter)
            assert "not part of this release" in caught.value.message
            assert (caught.value.status, caught.value.code) == (501, "not_available")
            assert not isinstance(caught.value, ExchangeError), "no exchange has said anything"
    assert client.sent == []


def test_every_such_method_is_tried_above() -> None:
    named = {name for name in vars(NoEarnNoFutures) if not name.startswith("_")}
    assert named == {"earn_positions", "earn_subscribe", "earn_redeem", "futures_positions", "futures_place_order"}
