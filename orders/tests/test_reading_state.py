"""What a plan is made from: balances, and the orders that were open when they were read, at the least weight."""

import logging
from decimal import Decimal

import pytest
import time_machine

from exchanges import services as exchanges
from exchanges.domain import Balance, ExchangeInfo, Side, SymbolRules
from exchanges.errors import CredentialsRefused, Unavailable
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.models import PaperBalance
from orders import services
from orders.domain import Status, explains_locked, unexplained_locks
from orders.models import Order, Round, StrangerOrder
from orders.services.state import read_state
from orders.tests.elsewhere import calls, lose_row, place
from orders.tests.scenes import CALM, RESTING, Trader, trader
from strategies.domain import OpenOrder

D = Decimal
INFO = ExchangeInfo.of(
    {"BTCUSDT": SymbolRules("BTCUSDT", "BTC", "USDT"), "ETHBTC": SymbolRules("ETHBTC", "ETH", "BTC")}
)


# --- Locks, pure -----------------------------------------------------------------------------------------


def locked(**amounts: str) -> list[Balance]:
    return [Balance(asset, D("1"), D(amount)) for asset, amount in amounts.items()]


BUY = OpenOrder("BTCUSDT", Side.BUY, D("60000.01"), D("0.00333"))
SELL = OpenOrder("BTCUSDT", Side.SELL, D("70000"), D("0.5"))
CROSS = OpenOrder("ETHBTC", Side.BUY, D("0.05"), D("2"))


@pytest.mark.parametrize(
    ("balances", "orders", "rest"),
    [
        (locked(USDT="0", BTC="0"), [], {}),
        (locked(USDT="199.8000333", BTC="0"), [BUY], {}),
        (locked(USDT="199.8000333", BTC="0.6", ETH="0"), [BUY, SELL, CROSS], {}),
        (locked(USDT="199.8000334"), [BUY], {"USDT": D("0.0000001")}),
        (locked(USDT="0"), [BUY], {"USDT": D("-199.8000333")}),
        ([], [SELL], {"BTC": D("-0.5")}),
        (locked(ETH="3"), [], {"ETH": D("3")}),
        (locked(USDT="5"), [OpenOrder("GONEUSDT", Side.BUY, D(1), D(5))], {"GONEUSDT": D(5), "USDT": D(5)}),
    ],
)
def test_what_is_locked_is_held_against_what_orders_lock(
    balances: list[Balance], orders: list[OpenOrder], rest: dict[str, Decimal]
) -> None:
    assert unexplained_locks(balances, orders, INFO) == rest
    assert explains_locked(balances, orders, INFO) is (not rest)


# --- At an exchange --------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
CHEAP = ["GET account 20"]
WHOLE = ["GET account 20", "GET openOrders 80", "GET account 20"]


@pytest.fixture
def alice(clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture) -> Trader:
    caplog.set_level(logging.INFO)
    return trader("alice@example.org", {"USDT": 10_000, "ETH": 5}, {"BTC": 50}, **CALM, **RESTING)


def test_an_account_at_rest_costs_one_reading(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    state = read_state(alice.account)
    assert calls(caplog) == CHEAP
    assert state.open_orders == ()
    assert {row.asset: row.free for row in state.balances.balances} == {"USDT": 10_000, "ETH": 5}


def test_orders_of_ours_that_explain_what_is_locked_are_the_open_ones(
    alice: Trader, caplog: pytest.LogCaptureFixture
) -> None:
    alice.execute()
    calls(caplog)
    state = read_state(alice.account)
    assert calls(caplog) == CHEAP
    order = alice.orders()[0]
    assert state.open_orders == (OpenOrder(order.symbol, Side.BUY, order.price, order.quantity),)


def test_a_strangers_order_is_found_by_what_it_locks_and_then_known(
    alice: Trader, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    read_state(alice.account)
    placed = place(alice.account, "ETHUSDT", Side.SELL)
    calls(caplog)
    state = read_state(alice.account)
    assert calls(caplog) == WHOLE
    assert state.open_orders == (OpenOrder("ETHUSDT", Side.SELL, placed.price, placed.quantity),)
    assert StrangerOrder.objects.count() == 1
    assert {row.asset: row.free for row in state.balances.balances}["ETH"] == 5 - placed.quantity
    clock.shift(30)
    assert read_state(alice.account).open_orders == state.open_orders
    assert calls(caplog) == CHEAP
    exchanges.adapter_for(alice.account).cancel_order("ETHUSDT", "web_1")
    assert read_state(alice.account).open_orders == ()
    assert not StrangerOrder.objects.exists()


def test_an_order_that_filled_since_it_was_heard_of_is_not_taken_for_open(
    clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bob = trader("bob@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    bob.execute()
    clock.shift(60)
    calls(caplog)
    state = read_state(bob.account)
    assert calls(caplog) == WHOLE
    placed = bob.at_exchange()[0]
    assert state.open_orders == (OpenOrder("KITEUSDT", Side.BUY, placed.price, placed.quantity - placed.executed),)
    assert bob.orders()[0].executed_quantity == placed.executed > 0  # and its row knows now


def test_one_that_ended_since_is_asked_for(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    alice.execute()
    order = alice.orders()[0]
    exchanges.adapter_for(alice.account).cancel_order(order.symbol, order.client_order_id)
    calls(caplog)
    assert read_state(alice.account).open_orders == ()
    assert calls(caplog) == ["GET account 20", "GET openOrders 80", "GET order 4", "GET account 20"]
    assert alice.orders()[0].status == Status.CANCELED


def test_an_order_without_a_row_is_adopted_on_the_way(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    alice.execute()
    lost = lose_row(Round.objects.get(), 1)
    assert len(read_state(alice.account).open_orders) == 2
    assert alice.orders()[1].client_order_id == lost.client_order_id
    calls(caplog)
    assert len(read_state(alice.account).open_orders) == 2
    assert calls(caplog) == CHEAP


def lock_elsewhere(account: ExchangeAccount, asset: str, amount: str) -> None:
    """Funds in another product of the exchange: locked, and no order says so."""
    row = PaperBalance.objects.get(account__api_key=account.paper_key, asset=asset)
    row.free, row.locked = row.free - D(amount), row.locked + D(amount)
    row.save()


def test_what_no_order_explains_is_looked_into_once_in_ten_minutes(
    alice: Trader, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    lock_elsewhere(alice.account, "ETH", "2")
    calls(caplog)
    read_state(alice.account)
    assert calls(caplog) == WHOLE
    clock.shift(590)
    state = read_state(alice.account)
    assert calls(caplog) == CHEAP
    assert {row.asset: row.free for row in state.balances.balances}["ETH"] == 3
    clock.shift(20)
    read_state(alice.account)
    assert calls(caplog) == WHOLE


def test_and_again_when_it_changes(
    alice: Trader, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    lock_elsewhere(alice.account, "ETH", "2")
    read_state(alice.account)
    place(alice.account)
    calls(caplog)
    clock.shift(30)
    assert len(read_state(alice.account).open_orders) == 1
    assert calls(caplog) == WHOLE
    clock.shift(30)
    assert len(read_state(alice.account).open_orders) == 1
    assert calls(caplog) == CHEAP


def test_no_state_is_made_up_when_the_list_cannot_be_read(alice: Trader) -> None:
    place(alice.account)
    with (
        faults.plan([{"match": "GET /api/v3/openOrders", "kind": "error_before", "times": 9}]),
        pytest.raises(Unavailable),
    ):
        read_state(alice.account)


def test_a_refused_key_stops_the_account(alice: Trader) -> None:
    paper.close_account(alice.account.paper_key)
    with pytest.raises(CredentialsRefused):
        read_state(alice.account)
    assert ExchangeAccount.objects.get().status == ExchangeAccount.Status.REFUSED


def test_the_next_plan_does_not_order_again_what_rests(alice: Trader) -> None:
    alice.execute()
    services.track_account(alice.account)
    assert Order.objects.count() == 1
    assert len(alice.at_exchange()) == 1
