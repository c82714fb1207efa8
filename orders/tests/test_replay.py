"""Rebalancing through real, rough weeks: the books add up to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from pytest_django.fixtures import Settings

from botbalance.lib.money import ZERO
from orders import selectors, services
from orders.models import Fill, Run
from orders.tests.scenes import Trader, trader
from portfolio import services as portfolio
from tests.support import SHARED, skip_or_fail

pytestmark = [pytest.mark.django_db(databases=["default", "paper"]), pytest.mark.needs_shared]

TEN = {"BTC": 20, "ETH": 20, "BNB": 10, "SOL": 10, "ADA": 8, "XRP": 8, "LTC": 6, "LINK": 6, "DOGE": 6, "DOT": 6}


def replay(settings: Settings, folder: Path, start: datetime) -> None:
    """Let the paper exchange play these candles, so that its market time is the clock's."""
    if not folder.is_dir():
        skip_or_fail("needs ../shared/market")
    settings.PAPER_MARKET = f"replay:{folder}"
    settings.PAPER_REPLAY_START = start.isoformat()
    settings.PAPER_REPLAY_EPOCH = start.isoformat()
    settings.PAPER_SPEED = Decimal(1)


def live_through(
    someone: Trader, traveller: time_machine.Traveller, *, every: timedelta, look: timedelta, until: datetime
) -> list[Run]:
    """Rebalance `every` so often, and look after open orders in between."""
    runs: list[Run] = []
    while datetime.now(UTC) < until:
        run = someone.execute()
        runs.append(run)
        next_start = datetime.now(UTC) + every
        while datetime.now(UTC) < next_start:
            traveller.shift(look)
            if selectors.active_run(someone.account) is not None:
                services.track_account(someone.account)
    active = selectors.active_run(someone.account)
    if active is not None:
        services.stop_run(active)
    return runs


def assert_adds_up(someone: Trader, start: dict[str, Decimal]) -> None:
    """What is held now is what was held at first, plus what was bought, less what was sold and the fees: exactly."""
    expected = dict(start)
    fills = Fill.objects.filter(order__account=someone.account).select_related("order")
    for fill in fills:
        order = fill.order
        sign = 1 if order.side == "BUY" else -1
        expected[order.base_asset] = expected.get(order.base_asset, ZERO) + sign * fill.quantity
        expected[order.quote_asset] = expected.get(order.quote_asset, ZERO) - sign * fill.quote_quantity
        expected[fill.commission_asset] = expected.get(fill.commission_asset, ZERO) - fill.commission
        assert fill.quote_quantity == fill.price * fill.quantity
    known = portfolio.read_balances(someone.account)
    held = {row.asset: row.total for row in known.balances}
    assert {asset: amount for asset, amount in expected.items() if amount} == held
    assert all(row.free >= 0 and row.locked >= 0 for row in known.balances)
    someone.assert_books_agree()


@pytest.mark.parametrize(
    ("begins", "ends", "orders", "rounds"),
    [pytest.param(6, 12, 30, 7, marks=pytest.mark.soak), pytest.param(1, 30, 40, 10, marks=pytest.mark.soak)],
    ids=["the days of the fall", "the whole month"],
)
def test_ten_targets_through_november_2022(
    begins: int, ends: int, orders: int, rounds: int, settings: Settings
) -> None:
    start, end = datetime(2022, 11, begins, tzinfo=UTC), datetime(2022, 11, ends, tzinfo=UTC)
    replay(settings, SHARED / "market" / "1h", start)
    with time_machine.travel(start + timedelta(hours=1), tick=False) as traveller:
        alice = trader(
            "alice@example.org",
            {"USDT": 100_000},
            TEN,
            min_delta_pct=Decimal("0.3"),
            order_lifetime_seconds=7200,
        )
        runs = live_through(alice, traveller, every=timedelta(hours=4), look=timedelta(hours=1), until=end)
        assert_adds_up(alice, {"USDT": Decimal(100_000)})
    assert len(alice.orders()) > orders
    assert sum(run.rounds.filter(orders__isnull=False).exists() for run in runs) > rounds


@pytest.mark.soak
def test_bitcoin_and_ether_through_the_crash_of_august_2024(settings: Settings) -> None:
    start, end = datetime(2024, 8, 4, 12, tzinfo=UTC), datetime(2024, 8, 6, tzinfo=UTC)
    replay(settings, SHARED / "market" / "1m", start)
    with time_machine.travel(start + timedelta(minutes=1), tick=False) as traveller:
        alice = trader(
            "alice@example.org",
            {"USDT": 100_000},
            {"BTC": 40, "ETH": 40},
            min_delta_pct=Decimal("0.5"),
            order_lifetime_seconds=300,
        )
        runs = live_through(alice, traveller, every=timedelta(minutes=20), look=timedelta(minutes=2), until=end)
        assert_adds_up(alice, {"USDT": Decimal(100_000)})
    assert len(alice.orders()) > 10
    assert {run.reason_code for run in Run.objects.filter(state=Run.State.COMPLETE)} == {"within_band", "nothing_to_do"}
    assert len(runs) > 100
