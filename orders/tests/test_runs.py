"""A rebalance from start to end."""

from decimal import Decimal

import pytest
import time_machine

from accounts import services as accounts
from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict, Forbidden, Invalid
from botbalance.lib.models import SystemSettings
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import selectors, services
from orders.domain import MOST_PROBLEMS, Status
from orders.models import Order, Run
from orders.tests.scenes import CALM, CROSSING, RESTING, trader
from portfolio import services as portfolio
from portfolio.models import PortfolioSnapshot
from strategies import services as strategies
from strategies.domain import Target

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

POST = "POST /api/v3/order"


def weights(someone) -> dict[str, Decimal]:  # type: ignore[no-untyped-def]
    valuation, _known = portfolio.value_account(someone.account, trading=True)
    return {row.asset: row.weight_pct for row in valuation.holdings}


def test_it_takes_rounds_until_every_weight_is_within_the_band(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 60, "ETH": 40}, order_size_pct=Decimal(20))
    alice.execute()
    run = alice.follow(clock)
    assert (run.state, run.reason_code) == (Run.State.COMPLETE, "within_band")
    assert run.rounds.count() >= 3
    now = weights(alice)
    assert abs(now["BTC"] - 60) <= 1
    assert abs(now["ETH"] - 40) <= 1
    alice.assert_books_agree()


def test_a_portfolio_that_is_fine_is_left_alone_and_says_so(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 0})
    run = alice.execute()
    assert (run.state, run.reason_code) == (Run.State.COMPLETE, "nothing_to_do")
    assert alice.orders() == []
    assert run.reason == "Nothing to do: every target was within its band."


def test_what_cannot_be_traded_is_named_as_the_reason(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 100}, {"BTC": 2})
    run = alice.execute()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "left_over")
    assert "under the smallest BTCUSDT order" in run.reason


def test_each_round_has_a_tick_time_of_its_own_and_ids_made_of_it(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 60}, order_size_pct=Decimal(20), **CROSSING)
    alice.execute()
    alice.follow(clock)
    ticks = list(Run.objects.get().rounds.values_list("tick_ts", flat=True))
    assert ticks == sorted(set(ticks))
    assert len(ticks) >= 3
    ids = [order.client_order_id for order in alice.orders()]
    assert len(set(ids)) == len(ids)


def test_an_order_that_does_not_fill_is_priced_anew(clock: time_machine.Traveller) -> None:
    alice = trader(
        "alice@example.org", {"USDT": 10_000}, {"BTC": 50}, order_size_pct=Decimal(100), order_step_pct=Decimal("0.4")
    )
    alice.execute()
    clock.shift(59)
    services.track_account(alice.account)
    first = alice.orders()[0]
    assert first.status == Status.NEW
    clock.shift(3600)
    services.track_account(alice.account)
    orders = alice.orders()
    assert orders[0].is_final
    assert len(orders) >= 2 or orders[0].status == Status.FILLED
    alice.assert_books_agree()


def test_five_rounds_without_a_fill_are_enough(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, order_step_pct=Decimal(5))
    alice.execute()
    run = alice.follow(clock, seconds=1200, step=65)
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "no_fills")
    assert {order.status for order in alice.orders()} == {Status.CANCELED}


def test_partial_fills_carry_into_the_next_round(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 3_000_000}, {"KITE": 10}, order_size_pct=Decimal(100))
    alice.execute()
    for _look in range(20):
        clock.shift(30)
        services.track_account(alice.account)
    partial = [order for order in alice.orders() if order.is_final and 0 < order.executed_quantity < order.quantity]
    assert partial
    assert {order.status for order in partial} == {Status.CANCELED}
    alice.assert_books_agree()


def test_the_same_key_is_the_same_run_also_after_it_ended(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    first = alice.execute(key="one")
    again = alice.execute(key="one")
    alice.follow(clock)
    after = alice.execute(key="one")
    assert first.pk == again.pk == after.pk
    assert Run.objects.count() == 1


def test_while_one_is_under_way_there_is_no_second(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    assert alice.execute(key="one").pk == alice.execute(key="two").pk
    assert len(alice.at_exchange()) == 1


def test_the_plan_that_was_agreed_to_is_the_plan_that_is_sent(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM)
    seen = services.preview(alice.strategy)
    run = alice.execute(digest=seen.digest)
    sent = [(order.symbol, order.side, order.price, order.quantity) for order in selectors.orders_of_run(run)]
    assert sent == [(leg.symbol, leg.side.value, leg.price, leg.quantity) for leg in seen.plan.legs]


def test_a_plan_that_has_changed_is_not_sent(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM)
    seen = services.preview(alice.strategy)
    paper.withdraw(alice.account.paper_key, "USDT", Decimal(500))
    with pytest.raises(Conflict) as refused:
        alice.execute(digest=seen.digest)
    assert refused.value.code == "plan_changed"
    assert Run.objects.count() == 0
    with pytest.raises(Invalid):
        alice.execute(digest="made-up")


def test_a_refused_order_is_recorded_with_the_exchanges_words_and_ends_the_run(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50, "ETH": 0}, **CALM)
    prepared = services.preview(alice.strategy)
    assert prepared.plan.legs
    paper.symbol_control("BTCUSDT", status="HALT")  # our copy of the rules still says TRADING
    run = alice.execute()
    clock.shift(5)
    services.track_account(alice.account)
    run.refresh_from_db()
    rejected = alice.orders()[0]
    assert rejected.status == Status.REJECTED
    assert rejected.error_code == -2010
    assert "Market is closed." in rejected.error
    assert run.state == Run.State.STOPPED
    assert "BTC" in run.reason


def test_a_key_that_is_refused_stops_the_account(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    run = alice.execute()
    paper.close_account(alice.account.paper_key)
    services.track_account(alice.account)
    alice.account.refresh_from_db()
    run.refresh_from_db()
    assert alice.account.status == ExchangeAccount.Status.REFUSED
    assert run.state == Run.State.STOPPED
    alice.strategy.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        alice.execute()
    assert refused.value.code == "account_not_ready"


def test_switching_trading_off_stops_everything_at_once(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    run = alice.execute()
    SystemSettings.objects.update_or_create(pk=1, defaults={"trading_enabled": False})
    services.track_account(alice.account)
    run.refresh_from_db()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "trading_off")
    assert [order.status for order in alice.orders()] == [Status.CANCELED]
    with pytest.raises(Conflict) as refused:
        alice.execute()
    assert refused.value.code == "trading_off"
    system_settings.forget()


def test_a_suspended_user_does_not_trade(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    run = alice.execute()
    accounts.suspend(alice.user)
    services.track_account(alice.account)
    run.refresh_from_db()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "user_suspended")
    with pytest.raises(Forbidden):
        alice.execute()


def test_deleting_the_strategy_ends_its_run(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    run = alice.execute()
    strategies.delete_strategy(alice.strategy)
    services.track_account(alice.account)
    run.refresh_from_db()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "strategy_gone")
    assert [order.status for order in alice.orders()] == [Status.CANCELED]


def test_an_exchange_that_is_down_is_waited_for_and_in_the_end_given_up(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    with faults.plan([{"match": POST, "kind": "throttled", "seconds": 1}]):
        run = alice.execute()
    with faults.plan([{"match": "GET", "kind": "throttled", "seconds": 60, "times": 10_000}]):
        services.track_account(alice.account)
        run.refresh_from_db()
        assert run.is_active
        assert run.problem
        for _look in range(MOST_PROBLEMS):
            clock.shift(61)
            services.track_account(alice.account)
    run.refresh_from_db()
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "unreachable")


def test_stopping_cancels_what_is_open(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 40, "ETH": 40}, **CALM, **RESTING)
    run = alice.execute()
    assert services.stop_run(run) == []
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "stopped_by_owner")
    assert {order.status for order in alice.orders()} == {Status.CANCELED}
    alice.assert_books_agree()


def test_turnover_is_limited_over_a_day(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 80}, max_turnover_pct=Decimal(30), **CALM, **CROSSING)
    alice.execute()
    run = alice.follow(clock)
    assert (run.state, run.reason_code) == (Run.State.STOPPED, "left_over")
    assert "turnover limit" in run.reason
    assert selectors.turnover_since(alice.account) <= 3_000
    clock.shift(25 * 3600)
    alice.execute()
    alice.follow(clock)
    assert selectors.turnover_since(alice.account) > 0


def test_a_snapshot_is_taken_after_fills(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **CROSSING)
    alice.execute()
    alice.follow(clock)
    snapshot = PortfolioSnapshot.objects.filter(reason="fill").first()
    assert snapshot is not None
    assert 9_900 < snapshot.nav < 10_100


def test_coins_bought_elsewhere_are_not_sold_unasked(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000, "BNB": 5}, {"BTC": 50}, **CALM, **CROSSING)
    alice.execute()
    alice.follow(clock)
    assert {order.symbol for order in alice.orders()} == {"BTCUSDT"}
    assert weights(alice)["BNB"] > 0


def test_new_targets_are_followed_by_the_next_round(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.org", {"USDT": 10_000}, {"BTC": 50}, **CALM, **RESTING)
    run = alice.execute()
    strategies.update_strategy(alice.strategy, CROSSING, [Target("ETH", Decimal(50))])
    order = alice.orders()[0]
    services.cancel_all(alice.account)
    run.refresh_from_db()
    assert run.reason_code == "all_cancelled"
    order.refresh_from_db()
    assert order.status == Status.CANCELED
    alice.strategy.refresh_from_db()
    alice.execute()
    alice.follow(clock)
    assert {order.symbol for order in Order.objects.filter(status=Status.FILLED)} == {"ETHUSDT"}
