"""What holds the autopilot back, whom it concerns, and that it goes on by itself once the cause is gone."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from pytest_django.fixtures import Settings

from botbalance.lib import system_settings
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services
from orders.models import Autopilot, Order, Run, Tick
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, beat, trader
from portfolio.models import CashFlow

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal


def flying(email: str, **limits: object) -> Trader:
    someone = trader(email, {"USDT": "10000"}, {"BTC": "50"}, **{**CROSSING, **CALM, **limits})
    services.start_autopilot(someone.user, someone.strategy)
    return someone


def last(someone: Trader) -> Tick:
    return Tick.objects.filter(strategy=someone.strategy).order_by("-id")[0]


def test_a_refused_key_stops_that_account_alone(
    clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = flying("alice@example.com"), flying("bob@example.com")
    paper.close_account(alice.account.paper_key)
    with caplog.at_level("INFO", "exchanges.adapters.wire"):
        beat(clock, seconds=300)
    alice.account.refresh_from_db()
    bob.account.refresh_from_db()
    assert (alice.account.status, bob.account.status) == (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.OK)
    codes = [row.code for row in Tick.objects.filter(strategy=alice.strategy).order_by("id")]
    assert codes == ["credentials_refused", "account_not_ready"]
    assert [run.account for run in Run.objects.all()] == [bob.account]
    refused = [record for record in caplog.records if "credentials_refused" in record.getMessage()]
    assert len(refused) == 1  # it was refused once, and not asked again


def test_a_suspended_user_is_held_back_and_goes_on_when_let(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com")
    alice.user.suspended_at = timezone.now()
    alice.user.save()
    beat(clock, seconds=120)
    assert (last(alice).status, last(alice).code) == ("held", "user_suspended")
    assert not Order.objects.exists()
    alice.user.suspended_at = None
    alice.user.save()
    beat(clock, seconds=700, step=5)
    assert Run.objects.get().state == "complete"


def test_a_paused_account_is_held_back(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com")
    ExchangeAccount.objects.update(status="paused", status_reason="Looked into by support.")
    beat(clock, seconds=120)
    assert last(alice).values == {"details": "Looked into by support."}
    assert not Order.objects.exists()


def test_an_exchange_that_is_away_is_waited_for_and_pauses_nobody(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com")
    with faults.plan([{"match": "GET /api/v3/account", "kind": "error_before", "status": 503, "times": 10_000}]):
        beat(clock, seconds=900, step=5)
    assert (last(alice).status, last(alice).code) == ("waiting", "unreachable")
    assert Autopilot.objects.get().is_flying
    beat(clock, seconds=120)
    assert Run.objects.get().state == "complete"


def test_no_order_is_larger_than_the_servers_share_of_the_portfolio(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.MAX_ORDER_NAV_PCT = D(5)
    alice = flying("alice@example.com")
    beat(clock, seconds=600)
    assert Run.objects.get().state == "complete"
    assert len(alice.orders()) >= 10
    assert all(order.notional <= D("502") for order in alice.orders())


def test_no_more_orders_are_open_than_the_server_allows(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.MAX_OPEN_ORDERS = 2
    alice = trader("alice@example.com", {"USDT": "10000"}, {"BTC": "30", "ETH": "30", "SOL": "30"}, **RESTING, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=90)
    assert len(alice.orders()) == 2
    skips = {skip["asset"]: skip["code"] for skip in Run.objects.get().rounds.get().skips}
    assert "max_open_orders" in skips.values()


def test_turnover_of_a_day_is_not_exceeded(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com", max_turnover_pct=D(20))
    beat(clock, seconds=300, step=5)
    assert sum(order.cumulative_quote for order in alice.orders()) <= D(2000)
    assert (last(alice).status, last(alice).code) == ("held", "nothing_possible")
    assert "turnover" in last(alice).values["details"]
    for _hours in range(25):
        clock.shift(3600)
        system_settings.forget()
    beat(clock, seconds=120)
    assert sum(order.cumulative_quote for order in alice.orders()) > D(2000)


def test_a_deposit_is_recorded_and_by_choice_invested_without_selling(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com", deploy_deposits=True, min_delta_pct=D(10))
    beat(clock, seconds=700, step=5)
    first = Run.objects.get()
    paper.deposit(alice.account.paper_key, "USDT", D(1000))
    beat(clock, seconds=700, step=5)
    flow = CashFlow.objects.get()
    assert (flow.kind, flow.asset, flow.amount) == ("deposit", "USDT", D(1000))
    second = Run.objects.exclude(pk=first.pk).get()
    assert (second.goal, second.state) == ("buy", "complete")
    bought = [order for order in alice.orders() if order.round.run_id == second.pk]
    assert [order.side for order in bought] == ["BUY"]
    assert D(480) < bought[0].cumulative_quote < D(520)  # half of it, by the targets; and within the band of 10 points
    alice.assert_books_agree()


def test_a_deposit_stays_where_it_is_without_that_choice(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com", min_delta_pct=D(10))
    beat(clock, seconds=700, step=5)
    paper.deposit(alice.account.paper_key, "USDT", D(1000))
    beat(clock, seconds=700, step=5)
    assert CashFlow.objects.get().amount == D(1000)
    assert Run.objects.count() == 1


def at(price: int) -> None:
    """Hold Bitcoin at a price; the market comes there in no time."""
    paper.symbol_control("BTCUSDT", price=D(price))


def test_an_order_far_from_the_market_is_priced_anew_before_its_time(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.PRICE_JUMP_PCT = D(100)
    at(60_000)
    alice = flying("alice@example.com", order_step_pct=D(1), reprice_distance_pct=D(2))
    beat(clock, seconds=60)
    at(60_500)
    beat(clock, seconds=60)
    assert [(order.price, order.status) for order in alice.orders()] == [(D(59_400), "NEW")]
    at(61_000)  # now the order is 2.6 % away from the middle
    beat(clock, seconds=60)
    assert [(order.price, order.status) for order in alice.orders()] == [(D(59_400), "CANCELED"), (D(60_390), "NEW")]


def test_an_order_is_never_posted_again_at_its_price(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.PRICE_JUMP_PCT = D(100)
    at(60_000)
    alice = flying("alice@example.com", order_step_pct=D(1), order_lifetime_seconds=10)
    beat(clock, seconds=300)
    assert [(order.price, order.status) for order in alice.orders()] == [(D(59_400), "NEW")]


def test_the_price_is_not_followed_past_the_worst_allowed(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.PRICE_JUMP_PCT = D(100)
    at(60_000)
    alice = flying("alice@example.com", order_step_pct=D("0.2"), order_lifetime_seconds=30, worst_price_pct=D(1))
    beat(clock, seconds=40)
    for price in (60_400, 60_900, 61_500, 62_000):
        at(price)
        beat(clock, seconds=90)
    prices = [order.price for order in alice.orders()]
    assert max(prices) == D(60_600)
    assert len(set(prices)) == len(prices)
    assert (last(alice).status, last(alice).code, last(alice).values) == (
        "waiting",
        "worst_price",
        {"symbol": "BTCUSDT"},
    )
    at(60_500)
    beat(clock, seconds=120)
    assert Run.objects.get().state == "complete"
    alice.assert_books_agree()


def test_orders_that_were_left_open_are_planned_anew_once_their_lifetime_is_over(
    clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.PRICE_JUMP_PCT = D(100)
    at(60_000)
    alice = flying("alice@example.com", order_step_pct=D(1), order_lifetime_seconds=300)
    beat(clock, seconds=40)
    services.switch_off(cancel=False)
    beat(clock, seconds=40)
    services.switch_on()
    at(60_300)
    beat(clock, seconds=120)
    assert [order.status for order in alice.orders()] == ["NEW"]  # within its lifetime it may still fill
    beat(clock, seconds=200)
    assert [(order.price, order.status) for order in alice.orders()] == [(D(59_400), "CANCELED"), (D(59_697), "NEW")]
    assert Tick.objects.filter(code="leftovers", values={"count": "1"}).exists()


def test_nothing_is_begun_once_it_was_switched_off(clock: time_machine.Traveller) -> None:
    """Switched off while its tick was reading the balances."""
    alice = flying("alice@example.com")

    def switch_off(_happened: object) -> None:
        services.stop_autopilot(alice.strategy)

    with faults.plan([{"match": "GET /api/v3/account", "kind": "slow", "seconds": 0}]) as plan:
        plan.happened = _Noticing(switch_off)
        beat(clock, seconds=40)
    assert not Run.objects.exists()
    assert not Order.objects.exists()


class _Noticing(list[tuple[str, str]]):
    """A list of faults that have happened, and what else happens at each."""

    def __init__(self, then: Callable[[object], None]) -> None:
        super().__init__()
        self.then = then

    def append(self, happened: tuple[str, str]) -> None:
        super().append(happened)
        self.then(happened)
