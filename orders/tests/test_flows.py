"""Deposits and withdrawals: what an account holds beyond what its fills explain."""

import logging
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.models import PaperAccount
from orders import services
from orders.models import Fill, Order
from orders.services.flows import effect_of, note_flows
from orders.services.state import read_state
from orders.tests.elsewhere import calls, place
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, trader
from portfolio import selectors as portfolio_selectors
from portfolio import services as portfolio
from portfolio.models import CashFlow

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

D = Decimal
DEPOSIT, WITHDRAWAL, TRADE = CashFlow.Kind.DEPOSIT, CashFlow.Kind.WITHDRAWAL, CashFlow.Kind.TRADE


@pytest.fixture
def alice(clock: time_machine.Traveller) -> Trader:
    """With everything accounted for."""
    someone = trader("alice@example.org", {"USDT": 10_000, "ETH": 5}, {"BTC": 50}, **CALM, **CROSSING)
    assert look(someone.account) == []
    clock.shift(10)
    return someone


def look(account: ExchangeAccount) -> list[tuple[str, str, Decimal]]:
    """What a reading of the balances shows to have come or gone."""
    return [(flow.kind, flow.asset, flow.amount) for flow in note_flows(account, read_state(account).balances)]


def settle(someone: Trader, clock: time_machine.Traveller) -> None:
    someone.follow(clock)
    clock.shift(10)


def test_a_deposit_is_recorded_with_its_value(alice: Trader) -> None:
    paper.deposit(alice.account.paper_key, "ETH", D("0.5"))
    (flow,) = note_flows(alice.account, read_state(alice.account).balances)
    price = exchanges.market_for(alice.account, trading=True).prices.prices["ETHUSDT"].value
    assert (flow.kind, flow.asset, flow.amount, flow.value) == (DEPOSIT, "ETH", D("0.5"), price / 2)
    assert list(portfolio_selectors.cash_flows(alice.account)) == [flow]


def test_a_withdrawal_is_negative(alice: Trader) -> None:
    paper.withdraw(alice.account.paper_key, "USDT", D("1234.56789"))
    (flow,) = note_flows(alice.account, read_state(alice.account).balances)
    assert (flow.kind, flow.amount, flow.value) == (WITHDRAWAL, D("-1234.56789"), D("-1234.56789"))


def test_several_assets_in_one_direction_are_as_many_deposits(alice: Trader) -> None:
    paper.deposit(alice.account.paper_key, "USDT", D(5))
    paper.deposit(alice.account.paper_key, "SOL", D(2))
    assert look(alice.account) == [(DEPOSIT, "SOL", D(2)), (DEPOSIT, "USDT", D(5))]


def test_the_same_deposit_is_recorded_once(alice: Trader, clock: time_machine.Traveller) -> None:
    paper.deposit(alice.account.paper_key, "USDT", D(500))
    assert len(look(alice.account)) == 1
    clock.shift(600)
    assert look(alice.account) == []


def test_two_who_judge_the_same_reading_record_it_once(alice: Trader) -> None:
    paper.deposit(alice.account.paper_key, "USDT", D(500))
    known = read_state(alice.account).balances
    baseline = portfolio_selectors.explained(alice.account)
    assert len(note_flows(alice.account, known)) == 1
    assert portfolio.record_balances_explained(alice.account, known, baseline, {}, 0) == []  # judged before that
    assert note_flows(alice.account, known) == []
    assert CashFlow.objects.count() == 1


def test_a_reading_that_was_asked_for_earlier_says_nothing(alice: Trader, clock: time_machine.Traveller) -> None:
    earlier = read_state(alice.account).balances
    clock.shift(10)
    paper.deposit(alice.account.paper_key, "USDT", D(500))
    assert len(look(alice.account)) == 1
    assert note_flows(alice.account, earlier) == []


def test_what_our_orders_do_is_no_flow(alice: Trader, clock: time_machine.Traveller) -> None:
    alice.execute()
    settle(alice, clock)
    assert Fill.objects.exists()
    assert look(alice.account) == []
    baseline = portfolio_selectors.explained(alice.account)
    assert baseline is not None
    assert baseline.fills_up_to == max(Fill.objects.values_list("pk", flat=True))
    assert {asset: D(text) for asset, text in baseline.totals.items()} == {
        row.asset: row.total for row in read_state(alice.account).balances.balances
    }


def test_a_deposit_among_fills_is_told_from_them(alice: Trader, clock: time_machine.Traveller) -> None:
    alice.execute()
    paper.deposit(alice.account.paper_key, "USDT", D("77.7"))
    settle(alice, clock)
    assert look(alice.account) == [(DEPOSIT, "USDT", D("77.7"))]


def test_commission_paid_in_a_third_asset_is_no_flow(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 10_000, "BNB": 10}, {"BTC": 50, "BNB": 30}, **CALM, **CROSSING)
    PaperAccount.objects.filter(api_key=bob.account.paper_key).update(burns_bnb=True)
    look(bob.account)
    bob.execute()
    settle(bob, clock)
    assert {fill.commission_asset for fill in Fill.objects.all()} == {"BNB"}
    assert look(bob.account) == []


def test_what_was_traded_elsewhere_is_said_to_be(alice: Trader, clock: time_machine.Traveller) -> None:
    placed = place(alice.account, away_pct="-1")
    assert placed.status == "FILLED"
    flows = look(alice.account)
    assert [(kind, asset) for kind, asset, _amount in flows] == [(TRADE, "BTC"), (TRADE, "USDT")]
    assert flows[1][2] == -placed.cumulative_quote


def test_a_strangers_order_that_only_rests_is_no_flow(alice: Trader) -> None:
    place(alice.account)
    place(alice.account, "ETHUSDT", Side.SELL, client_id="web_2")
    assert look(alice.account) == []


# --- When nothing is judged ------------------------------------------------------------------------------


def test_nothing_is_judged_while_fills_are_unread(alice: Trader, clock: time_machine.Traveller) -> None:
    with faults.plan([{"match": "GET /api/v3/myTrades", "kind": "refuse", "times": 100}]):
        alice.execute()
        clock.shift(60)
        assert look(alice.account) == []
    settle(alice, clock)
    assert look(alice.account) == []


def test_nothing_is_judged_while_an_outcome_is_unknown(alice: Trader, clock: time_machine.Traveller) -> None:
    with faults.plan(
        [
            {"match": "POST /api/v3/order", "kind": "lost_after"},
            {"match": "GET /api/v3/order", "kind": "refuse", "times": 100},
        ]
    ):
        alice.execute()
        clock.shift(60)
        assert look(alice.account) == []
    settle(alice, clock)
    assert look(alice.account) == []


def test_nothing_is_judged_on_balances_from_before_a_change(alice: Trader, clock: time_machine.Traveller) -> None:
    before = read_state(alice.account).balances
    clock.shift(1)
    alice.execute()
    settle(alice, clock)
    assert note_flows(alice.account, before) == []
    assert look(alice.account) == []


def test_nothing_is_judged_in_the_moment_of_a_change(alice: Trader, clock: time_machine.Traveller) -> None:
    """Two reads of one exchange may lag behind each other by a moment."""
    alice.execute()
    services.track_account(alice.account)
    assert Order.objects.get().recorded_quantity == Order.objects.get().quantity
    paper.deposit(alice.account.paper_key, "USDT", D(500))
    assert look(alice.account) == []
    clock.shift(timedelta(seconds=3))
    assert look(alice.account) == [(DEPOSIT, "USDT", D(500))]


@pytest.fixture
def patient(clock: time_machine.Traveller) -> Trader:
    """With an order that rests."""
    someone = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    look(someone.account)
    clock.shift(10)
    someone.execute()
    clock.shift(10)
    return someone


def test_a_deposit_is_seen_while_an_order_rests(patient: Trader) -> None:
    paper.deposit(patient.account.paper_key, "USDT", D(500))
    assert look(patient.account) == [(DEPOSIT, "USDT", D(500))]


def test_an_order_that_trades_unseen_is_no_flow(clock: time_machine.Traveller) -> None:
    """Its trades are known to nobody yet, and the balances show them: what is locked gives it away."""
    bob = trader("bob@example.org", {"USDT": 3_000_000}, {"KITE": 10}, **CALM)
    look(bob.account)
    clock.shift(10)
    bob.execute()
    for _look in range(5):
        clock.shift(30)
        known = portfolio.read_balances(bob.account)
        assert note_flows(bob.account, known) == []
    assert Order.objects.get().executed_quantity == 0
    services.track_account(bob.account)
    assert Order.objects.get().executed_quantity > 0
    clock.shift(10)
    services.cancel_all(bob.account)
    services.track_account(bob.account)
    clock.shift(10)
    assert look(bob.account) == []
    bob.assert_books_agree()


# --- Beginnings ------------------------------------------------------------------------------------------


def test_the_first_reading_only_says_what_there_is(clock: time_machine.Traveller) -> None:
    bob = trader("bob@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    bob.execute()
    settle(bob, clock)
    assert look(bob.account) == []
    paper.deposit(bob.account.paper_key, "USDT", D(1))
    clock.shift(1)
    assert look(bob.account) == [(DEPOSIT, "USDT", D(1))]


def test_after_a_reset_everything_begins_anew(alice: Trader, clock: time_machine.Traveller) -> None:
    services.reset_paper_account(alice.account)
    assert portfolio_selectors.known_balances(alice.account) is None
    clock.shift(1)
    assert look(alice.account) == []
    assert not CashFlow.objects.exists()


def test_judging_asks_the_exchange_nothing(alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    paper.deposit(alice.account.paper_key, "USDT", D(500))
    known = read_state(alice.account).balances
    caplog.set_level(logging.INFO)
    calls(caplog)
    assert len(note_flows(alice.account, known)) == 1
    assert calls(caplog) == []


def test_a_fill_changes_three_assets() -> None:
    order = Order(side="SELL", base_asset="BTC", quote_asset="USDT")
    fill = Fill(
        order=order, quantity=D("0.5"), quote_quantity=D("30000.005"), commission=D("0.01"), commission_asset="BNB"
    )
    assert effect_of([fill, fill]) == {"BTC": D(-1), "USDT": D("60000.01"), "BNB": D("-0.02")}
