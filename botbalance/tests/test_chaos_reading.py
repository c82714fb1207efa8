"""Both sides' books as they are read from their tables: after a rebalance they agree, and what is changed is found."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from botbalance.chaos.reading import balances_read_at, compare_all, conduct_of, runs_of_keys
from exchanges.models import ExchangeAccount
from exchanges.paper.models import PaperOrder, PaperTrade
from orders import selectors, services
from orders.models import Fill, Order, OrderEvent, Round, Run
from portfolio import services as portfolio
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"], transaction=True)


@pytest.fixture
def traded(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> ExchangeAccount:
    """An account after a rebalance that took what was offered."""
    with time_machine.travel("2026-03-02T10:00:00+00:00", tick=False) as traveller:
        account = paper_account(alice, {"USDT": 10_000})
        targets = strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="-0.5", order_size_pct="100")
        services.execute(alice, targets, trigger=Run.Trigger.API)
        for _look in range(20):
            if selectors.active_run(account) is None:
                break
            traveller.shift(5)
            services.track_account(account)
        portfolio.read_balances(account)
    assert Order.objects.filter(account=account, status="FILLED").count() >= 2
    return account


def counts() -> tuple[int, int, int]:
    found = compare_all()
    return len(found.duplicates), len(found.lost), len(found.mismatches)


def test_the_books_agree_after_a_rebalance(traded: ExchangeAccount) -> None:
    assert counts() == (0, 0, 0)
    balances = traded.balances  # type: ignore[attr-defined]  # the reverse of a one-to-one key
    assert balances_read_at(traded.pk) == balances.as_of
    assert balances_read_at(traded.pk + 1) is None


def test_an_order_that_the_exchange_has_twice_is_found(traded: ExchangeAccount) -> None:
    twin = PaperOrder.objects.order_by("pk")[0]
    trades = list(PaperTrade.objects.filter(symbol=twin.symbol, order_id=twin.order_id))
    twin.pk, twin.order_id = None, twin.order_id + 1_000_000
    twin.save()
    for trade in trades:
        trade.pk, trade.trade_id, trade.order_id = None, trade.trade_id + 1_000_000, twin.order_id
        trade.save()
    assert counts() == (1, 0, 0)


def test_a_row_that_is_gone_is_found(traded: ExchangeAccount) -> None:
    Order.objects.order_by("pk")[0].delete()
    assert counts() == (0, 1, 0)


def test_a_fill_that_is_gone_and_one_that_says_something_else_are_found(traded: ExchangeAccount) -> None:
    first, second, *_others = Fill.objects.order_by("pk")
    first.delete()
    second.commission += Decimal("0.00000001")
    second.save()
    assert counts() == (0, 1, 1)


def test_an_order_of_nobody_is_found(traded: ExchangeAccount) -> None:
    ExchangeAccount.objects.filter(pk=traded.pk).delete()
    assert counts() == (0, PaperOrder.objects.count(), 0)


def test_a_rebalance_that_began_before_the_one_before_had_ended_is_found(traded: ExchangeAccount, alice: User) -> None:
    first = Run.objects.get()
    ended = first.finished_at
    assert ended is not None
    services.execute(alice, first.strategy, trigger=Run.Trigger.API)
    second = Run.objects.order_by("pk")[1]
    Run.objects.filter(pk=second.pk).update(started_at=ended, finished_at=ended + timedelta(seconds=1))
    assert conduct_of(traded).is_clean
    Run.objects.filter(pk=second.pk).update(started_at=ended - timedelta(seconds=1))
    assert len(conduct_of(traded).duplicates) == 1


def test_a_round_that_was_planned_before_an_earlier_order_was_known_is_found(traded: ExchangeAccount) -> None:
    run, round_ = Run.objects.get(), Round.objects.order_by("tick_ts")[0]
    known = max(
        event.at
        for order in Order.objects.filter(round=round_)
        for event in order.events.exclude(status__in=("PENDING", "UNKNOWN")).order_by("pk")[:1]
    )
    later = Round.objects.create(
        run=run, user_id=run.user_id, number=99, tick_ts=Round.objects.order_by("-tick_ts")[0].tick_ts + 1, nav=1
    )
    Round.objects.filter(pk=later.pk).update(created_at=known)
    assert conduct_of(traded).is_clean
    OrderEvent.objects.filter(order__round=round_).exclude(status__in=("PENDING", "UNKNOWN")).delete()
    assert len(conduct_of(traded).mismatches) == round_.orders.count()


def test_keys_are_told_with_the_rebalance_that_was_made_for_each(traded: ExchangeAccount, alice: User) -> None:
    assert runs_of_keys(alice.pk) == {}
    run = Run.objects.get()
    Run.objects.update(idempotency_key="one")
    assert runs_of_keys(alice.pk) == {"one": run.pk}
    assert runs_of_keys(alice.pk + 1) == {}
