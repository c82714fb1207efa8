"""The autopilot through the minutes in which Ether lost a fifth of its value, and through five without any prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from pytest_django.fixtures import Settings

from exchanges.paper import faults
from exchanges.paper import services as paper
from orders import services
from orders.models import Order, Run, Tick
from orders.tests.scenes import CROSSING, Trader, beat, trader
from orders.tests.test_replay import replay
from tests.support import SHARED

pytestmark = [pytest.mark.django_db(databases=["default", "paper"]), pytest.mark.needs_shared]

BEFORE = datetime(2024, 8, 5, 0, 50, tzinfo=UTC)
NO_PRICES = [
    {"match": "GET /api/v3/ticker/bookTicker", "kind": "error_before", "status": 503, "times": 10_000},
    {"match": "GET /api/v3/ticker/price", "kind": "error_before", "status": 503, "times": 10_000},
]


@pytest.fixture
def alice(settings: Settings, clock: time_machine.Traveller) -> Trader:
    replay(settings, SHARED / "market" / "1m", BEFORE)
    settings.PRICE_JUMP_PCT = 3
    settings.PRICE_JUMP_MINUTES = 10
    clock.move_to(BEFORE)
    someone = trader(
        "alice@example.com",
        {"USDT": 20_000, "BTC": "0.7", "ETH": 15},
        {"BTC": 40, "ETH": 40},
        **CROSSING,
        min_delta_pct="0.5",
    )
    services.start_autopilot(someone.user, someone.strategy)
    return someone


def decided(since: datetime, until: datetime) -> list[tuple[str, str]]:
    rows = Tick.objects.filter(ended_at__gte=since, started_at__lt=until).order_by("id")
    return [(row.status, row.code) for row in rows]


def sent(symbol: str, since: datetime, until: datetime) -> int:
    return Order.objects.filter(symbol=symbol, created_at__gte=since, created_at__lt=until).count()


def test_both_guards_act_are_explained_and_trading_resumes(alice: Trader, clock: time_machine.Traveller) -> None:
    beat(clock, seconds=17 * 60, step=5)  # 01:07
    calm_until = datetime.now(UTC)
    assert Run.objects.filter(state="complete").exists()

    beat(clock, seconds=6 * 60, step=5)  # 01:13
    crashed_until = datetime.now(UTC)
    assert ("held", "price_jump") in decided(calm_until, crashed_until)
    jump = Tick.objects.filter(code="price_jump").order_by("id")[0]
    assert jump.values["symbol"] in ("BTCUSDT", "ETHUSDT")  # both fell; which is met first is a matter of seconds
    worst = calm_until + timedelta(minutes=1), calm_until + timedelta(minutes=4)  # 01:08 to 01:11, 7 to 14 % below
    assert sent("ETHUSDT", *worst) == 0

    beat(clock, seconds=12 * 60, step=5)  # 01:25: it has settled
    settled_until = datetime.now(UTC)
    assert sent("ETHUSDT", crashed_until, settled_until) > 0

    with faults.plan(NO_PRICES):
        beat(clock, seconds=5 * 60, step=5)
    blind_until = datetime.now(UTC)
    assert ("held", "price_stale") in decided(settled_until, blind_until)
    old_enough = settled_until + timedelta(seconds=65)
    assert Order.objects.filter(created_at__range=(old_enough, blind_until)).count() == 0

    paper.deposit(alice.account.paper_key, "USDT", Decimal(2_000))  # so that there is something to trade, if it may
    beat(clock, seconds=15 * 60, step=5)
    assert Order.objects.filter(created_at__gt=blind_until).exists()
    last = Tick.objects.order_by("-id")[0]
    assert last.status in ("idle", "acted", "waiting")
    alice.assert_books_agree()
