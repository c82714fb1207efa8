"""The dispatcher where it cannot judge: portfolios that cannot be read, and hours without a price."""

from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from exchanges.paper import faults
from orders import services
from orders.models import Autopilot, Run, Tick, Watch
from orders.tests.scenes import CALM, CROSSING, Trader, beat, trader
from portfolio import services as portfolio
from portfolio.models import AccountBalances
from strategies import services as strategies
from strategies.domain import Target

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal

NO_PRICES = [
    {"match": "GET /api/v3/ticker/bookTicker", "kind": "error_before", "status": 503, "times": 100_000},
    {"match": "GET /api/v3/ticker/price", "kind": "error_before", "status": 503, "times": 100_000},
]
NOTHING = [{"match": "", "kind": "error_before", "status": 503, "times": 100_000}]


def flying(email: str) -> Trader:
    """All in the quote, as wanted; the balances are known."""
    someone = trader(email, {"USDT": "10000"}, {"BTC": "0"}, **CROSSING, **CALM)
    services.start_autopilot(someone.user, someone.strategy)
    portfolio.read_balances(someone.account)
    return someone


def break_balances(*some: Trader) -> None:
    """What no code of ours writes, and none can read."""
    rows = AccountBalances.objects.filter(account__in=[one.account for one in some])
    rows.update(balances={"USDT": ["a thousand", "0"]}, as_of=timezone.now())


def everybodys_turn(clock: time_machine.Traveller) -> list[tuple[int, int]]:
    clock.shift(30)
    services.let_all_look()
    return list(services.dispatch().ticks)


def codes(someone: Trader) -> list[tuple[str, str]]:
    return [(row.status, row.code) for row in Tick.objects.filter(strategy=someone.strategy).order_by("id")]


# --- portfolios that cannot be judged --------------------------------------------------------------------


def test_one_that_cannot_be_judged_is_ticked_and_told_and_the_others_are_judged(clock: time_machine.Traveller) -> None:
    alice, bob, carol = (flying(f"{name}@example.com") for name in ("alice", "bob", "carol"))
    clock.shift(5)
    break_balances(alice)
    strategies.update_strategy(bob.strategy, {}, [Target("BTC", D(50))])
    turns = everybodys_turn(clock)
    assert {account_id for account_id, _due in turns} == {alice.account.pk, bob.account.pk}
    looks = dict(Watch.objects.values_list("account_id", "quiet_looks"))
    assert looks == {alice.account.pk: 0, bob.account.pk: 0, carol.account.pk: 1}
    for turn in turns:
        services.tick(*turn)
    assert codes(alice) == [("failed", "failed")]
    assert Run.objects.get().account == bob.account


def test_one_that_can_never_be_judged_pauses_as_after_any_mistake(clock: time_machine.Traveller) -> None:
    alice, bob = flying("alice@example.com"), flying("bob@example.com")
    clock.shift(5)
    break_balances(alice)
    beat(clock, seconds=240, step=30)
    assert Autopilot.objects.get(strategy=alice.strategy).pause_code == "repeated_failures"
    assert Autopilot.objects.get(strategy=bob.strategy).is_flying
    assert not Tick.objects.filter(strategy=bob.strategy, status="failed").exists()


def test_many_that_cannot_be_judged_are_ticked_a_few_at_a_time_and_each_in_its_turn(
    clock: time_machine.Traveller,
) -> None:
    some = [flying(f"user{number}@example.com") for number in range(12)]
    clock.shift(5)
    break_balances(*some)
    first = everybodys_turn(clock)
    assert len(first) == 9
    untold = {one.account.pk for one in some} - {account_id for account_id, _due in first}
    # Nobody has looked there, and nobody says so.
    assert set(Watch.objects.filter(account__in=untold).values_list("quiet_looks", "looked_at_ms")) == {(0, 0)}
    for turn in first:
        services.tick(*turn)
    second = everybodys_turn(clock)
    assert len(second) == 9
    assert untold < {account_id for account_id, _due in second}


# --- what is never sold ----------------------------------------------------------------------------------


def test_what_is_never_sold_brings_nobody_a_tick(clock: time_machine.Traveller) -> None:
    clock.shift(11)  # this process remembers portfolios of other tests by number and time
    alice, bob = (
        trader(f"{name}@example.com", {"BTC": "1"}, {"BTC": "50"}, **CROSSING, **CALM) for name in ("alice", "bob")
    )
    strategies.update_strategy(alice.strategy, {}, [strategies.Entry("BTC", D(50), keep=D(1))])
    for someone in (alice, bob):
        services.start_autopilot(someone.user, someone.strategy)
        portfolio.read_balances(someone.account)
    assert [account_id for account_id, _due in everybodys_turn(clock)] == [bob.account.pk]


# --- one outage, one row ---------------------------------------------------------------------------------


def test_an_outage_of_the_prices_is_one_row_however_often_balances_are_read_meanwhile(
    clock: time_machine.Traveller,
) -> None:
    alice = flying("alice@example.com")
    beat(clock, seconds=60, step=30)
    known = AccountBalances.objects.get().as_of
    before = len(codes(alice))
    with faults.plan(NO_PRICES):
        beat(clock, seconds=25 * 60, step=30)
    assert AccountBalances.objects.get().as_of > known  # they were read, by ticks that then had no price
    assert codes(alice)[before:] == [("held", "price_stale")]
    row = Tick.objects.get(code="price_stale")
    assert row.looks > 30
    assert (timezone.now() - row.ended_at).total_seconds() < 660
    beat(clock, seconds=120, step=30)
    assert codes(alice)[before:] == [("held", "price_stale"), ("idle", "within_band")]


def test_a_second_outage_is_a_second_row(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com")
    beat(clock, seconds=60, step=30)
    before = len(codes(alice))
    for _outage in range(2):
        with faults.plan(NO_PRICES):
            beat(clock, seconds=180, step=30)
        beat(clock, seconds=180, step=30)
    outage = [("held", "price_stale"), ("idle", "within_band")]
    assert codes(alice)[before:] == outage * 2


def test_a_row_of_an_outage_that_looks_have_outlived_is_left_as_it_was(clock: time_machine.Traveller) -> None:
    alice = flying("alice@example.com")
    beat(clock, seconds=60, step=30)
    with faults.plan(NO_PRICES):
        beat(clock, seconds=180, step=30)
    # The tick that would have told of its end has died; looks that found nothing to do followed.
    Watch.objects.update(is_blind=False, quiet_looks=0)
    beat(clock, seconds=60, step=30)
    assert Watch.objects.get().quiet_looks == 2
    with faults.plan(NO_PRICES):
        beat(clock, seconds=180, step=30)
    assert codes(alice)[-2:] == [("held", "price_stale")] * 2


def test_an_exchange_that_is_wholly_away_does_not_fill_the_history(clock: time_machine.Traveller) -> None:
    some = [flying("alice@example.com"), flying("bob@example.com")]
    beat(clock, seconds=60, step=30)
    before = {one.account.pk: len(codes(one)) for one in some}
    with faults.plan(NOTHING):
        beat(clock, seconds=15 * 60, step=30)
    for one in some:
        assert codes(one)[before[one.account.pk] :] == [("held", "price_stale"), ("waiting", "unreachable")]
