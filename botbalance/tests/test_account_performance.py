"""How a live account has done, out of its valuations, flows and fills."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from botbalance.account_performance import figures
from botbalance.account_performance.tax_lots import account_lots
from botbalance.tests.recorded_scene import NOW, ago, came, filled, record, valued
from exchanges.models import ExchangeAccount
from orders import services as trading
from orders.tests.scenes import CALM, CROSSING, START, Trader
from portfolio import services as portfolio
from portfolio.models import PortfolioSnapshot
from portfolio.performance.lots import Basis, Kind, Method
from portfolio.performance.returns import Unknown
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal

PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture
def account(alice: User, paper_account: PaperAccount) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1})


@pytest.fixture
def recorded(account: ExchangeAccount, strategy: MakeStrategy) -> ExchangeAccount:
    record(strategy(account))
    return account


def profit(account: ExchangeAccount, asset: str) -> tuple[Decimal, Decimal | None, Decimal]:
    """(realised, unrealised, fees)"""
    row = next(row for row in figures.profits(account_lots(account, Method.FIFO)) if row.asset == asset)
    return row.realised, row.unrealised, row.fees


# --- Returns ---------------------------------------------------------------------------------------------


def test_the_return_leaves_the_deposit_out(recorded: ExchangeAccount) -> None:
    found = figures.periods(recorded, NOW).row("all").figures
    assert found is not None
    assert (found.start_nav, found.put_in) == (9_000, 1_000)
    assert found.end_nav == found.start_nav + found.put_in + found.earned
    # By hand: four stretches between what was bought, paid in and sold, each on what was there.
    factor = D(1)
    for start, end, holdings in (
        (40, 19, ("5000", "0.05", "2")),
        (19, 9, ("2000", "0.09", "1.996")),
        (9, 4, ("3000", "0.09", "1.996")),
        (4, 0, ("4723.275", "0.07", "1.996")),
    ):
        navs = [
            D(holdings[0]) + D(holdings[1]) * (60_000 + (40 - day) * 750) + D(holdings[2]) * 500 for day in (start, end)
        ]
        factor *= navs[1] / navs[0]
    # The purchase cost 750 less a coin, and its fee 2; the sale brought 750 less a coin, and its fee took 1.725.
    assert found.time_weighted == pytest.approx(factor - 1, abs=D("0.01"))
    assert found.money_weighted.period == pytest.approx(float(found.earned) / 9_500, abs=0.03)


def test_bitcoin_and_holding_earn_what_their_prices_did(recorded: ExchangeAccount) -> None:
    found = figures.periods(recorded, NOW).row("all").figures
    assert found is not None
    assert found.bitcoin.time_weighted == pytest.approx(D("0.5"), abs=D("1e-20"))
    without_flow = figures.periods(recorded, NOW).row("7d").figures
    assert without_flow is not None
    assert without_flow.hold.time_weighted == pytest.approx(
        (D("0.09") * D(90_000 - 84_750)) / (3_000 + D("0.09") * 84_750 + D("1.996") * 500), abs=D("1e-12")
    )


def test_a_period_that_the_record_does_not_reach_has_no_figures(recorded: ExchangeAccount) -> None:
    rows = {row.name: row.figures is not None for row in figures.periods(recorded, NOW).rows}
    assert rows == {"7d": True, "30d": True, "90d": False, "1y": False, "all": True}


def test_an_account_without_valuations_has_none(account: ExchangeAccount) -> None:
    found = figures.periods(account, NOW)
    assert (found.begins_at, [row.figures for row in found.rows]) == (None, [None] * 5)
    assert figures.curves(account, None, NOW) is None


def test_one_valuation_is_too_short(account: ExchangeAccount) -> None:
    valued(account, ago(0), {"USDT": 100}, {})
    found = figures.periods(account, NOW).row("all").figures
    assert found is not None
    assert (found.time_weighted, found.growth.unknown) == (None, Unknown.TOO_SHORT)


def test_an_account_without_bitcoin_knows_its_price_from_when_it_was_recorded(account: ExchangeAccount) -> None:
    prices = {8: None, 7: 50_000, 3: 60_000, 0: 65_000}
    for day, price in prices.items():
        row = valued(account, ago(day), {"USDT": 100}, {})
        PortfolioSnapshot.objects.filter(pk=row.pk).update(bitcoin_price=price)
    week = figures.periods(account, NOW).row("7d").figures
    assert week is not None
    assert week.bitcoin.time_weighted == pytest.approx(D("0.3"), abs=D("1e-20"))
    found = figures.periods(account, NOW).row("all").figures
    assert found is not None
    assert (found.bitcoin.time_weighted, found.bitcoin.unknown) == (None, Unknown.PRICE_MISSING)


def test_a_paper_account_started_afresh_begins_a_new_history(recorded: ExchangeAccount) -> None:
    for hour in (5, 4, 3):
        valued(recorded, ago(0) + timedelta(hours=6 - hour), {"USDT": 10_000}, {})
    found = figures.periods(recorded, NOW + timedelta(hours=6))
    assert (found.begins_at, found.broken) == (ago(0) + timedelta(hours=1), True)
    everything = found.row("all").figures
    assert everything is not None
    assert everything.time_weighted == 0
    moved = [line for line in account_lots(recorded, Method.FIFO).closed if line.kind == Kind.MOVED]
    assert {(line.asset, line.reference, line.gain) for line in moved} == {
        ("BTC", "unexplained", None),
        ("BNB", "unexplained", None),
    }


def test_a_rebalance_and_a_reset_of_a_real_paper_account(
    alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    """Through the services, as it happens: nothing is made up for these rows."""
    with time_machine.travel(START, tick=False) as clock:
        account = paper_account(alice, {"USDT": 10_000})
        trader = Trader(alice, account, strategy(account, {"BTC": 50}, **CALM, **CROSSING))
        portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
        clock.shift(5)
        trader.execute()
        trader.follow(clock)
        for _hour in range(3):
            clock.shift(3600)
            trading.track_account(account)
            portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
        now = PortfolioSnapshot.objects.filter(account=account).latest("at").at
        found = figures.periods(account, now).row("all").figures
        assert found is not None
        assert found.put_in == 0
        assert found.time_weighted == pytest.approx(found.end_nav / 10_000 - 1, abs=D("1e-15"))
        # Every digit of what was earned is somebody's: realised or not, of some asset.
        gains = figures.profits(account_lots(account, Method.FIFO))
        total = sum((row.realised + (row.unrealised or D(0)) for row in gains), D(0))
        assert total == pytest.approx(found.earned, abs=D("1e-9"))
        assert next(row for row in gains if row.asset == "BTC").fees > 0
        trading.reset_paper_account(account)
        for _hour in range(3):
            clock.shift(3600)
            portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
        after = figures.periods(account, PortfolioSnapshot.objects.latest("at").at)
    everything = after.row("all").figures
    assert everything is not None
    assert (after.broken, everything.start_nav, everything.time_weighted) == (True, 10_000, 0)


def test_curves_begin_together_and_follow_the_flows(recorded: ExchangeAccount) -> None:
    curves = figures.curves(recorded, ago(30), NOW)
    assert curves is not None
    assert curves.nav[0] == curves.hold[0] == curves.bitcoin[0]
    assert curves.had_flows
    in_bitcoin = dict(curves.bitcoin)
    bought = curves.nav[0][1] / 67_500
    assert in_bitcoin[ago(10)] == pytest.approx(bought * 82_500, abs=D("1e-15"))
    assert in_bitcoin[ago(9)] == pytest.approx(bought * 83_250 + 1_000, abs=D("1e-15"))


def test_remembered_curves_are_the_same_until_something_is_recorded(recorded: ExchangeAccount) -> None:
    first = figures.remembered_curves(recorded, ago(30), NOW, "one")
    assert first == figures.curves(recorded, ago(30), NOW)
    with CaptureQueriesContext(connection) as asked:
        assert figures.remembered_curves(recorded, ago(30), NOW, "one") == first
    assert not [query for query in asked if "portfolio_" in query["sql"]]
    PortfolioSnapshot.objects.filter(account=recorded).order_by("-at")[0].delete()
    changed = figures.remembered_curves(recorded, ago(30), NOW, "two")
    assert changed == figures.curves(recorded, ago(30), NOW) != first


def test_that_nothing_is_recorded_is_remembered_as_well(account: ExchangeAccount) -> None:
    assert figures.remembered_curves(account, ago(30), NOW, "one") is None
    with CaptureQueriesContext(connection) as asked:
        assert figures.remembered_curves(account, ago(30), NOW, "one") is None
    assert not [query for query in asked if "portfolio_" in query["sql"]]


# --- Profit ----------------------------------------------------------------------------------------------


def test_profit_by_asset_has_fees_in_it_and_beside_it(recorded: ExchangeAccount) -> None:
    realised, unrealised, fees = profit(recorded, "BTC")
    # Sold are 0.02 of those held at the start, at the market value of then.
    assert realised == D("0.02") * 86_250 - D("1.725") - D("0.02") * 60_000
    assert unrealised == D("0.07") * 90_000 - D("0.03") * 60_000 - (D("0.04") * 75_000 + 2)
    assert fees == D("1.725") + 2
    assert profit(recorded, "BNB") == (0, 0, 0)


def test_profits_of_a_period_are_those_realised_in_it(recorded: ExchangeAccount) -> None:
    lots = account_lots(recorded, Method.FIFO)
    rows = {row.asset: row for row in figures.profits(lots, ago(4))}
    assert (rows["BTC"].realised, rows["BTC"].fees) == (0, 0)


def test_all_gains_together_are_what_the_account_earned(recorded: ExchangeAccount) -> None:
    found = figures.periods(recorded, NOW).row("all").figures
    assert found is not None
    rows = figures.profits(account_lots(recorded, Method.AVERAGE))
    total = sum((row.realised + row.moved_gain + (row.unrealised or D(0)) for row in rows), D(0))
    assert total == pytest.approx(found.earned, abs=D("1e-12"))


# --- Lots ------------------------------------------------------------------------------------------------


def test_what_was_held_at_the_start_is_a_lot_at_the_market_value_of_then(recorded: ExchangeAccount) -> None:
    first = account_lots(recorded, Method.FIFO).open[0]
    assert (first.asset, first.basis, first.reference) == ("BNB", Basis.MARKET, "held at the start")
    assert (first.quantity, first.cost, first.acquired_at) == (D("1.996"), 998, ago(40))


def test_deposited_coins_are_a_lot_and_withdrawn_ones_leave_without_a_gain(account: ExchangeAccount) -> None:
    came(account, ago(9), "ETH", 2, 5_000)
    came(account, ago(8), "SOL", 5)
    came(account, ago(7), "ETH", -1, -2_600, kind="withdrawal")
    lots = account_lots(account, Method.FIFO)
    assert [(lot.asset, lot.quantity, lot.cost, lot.basis) for lot in lots.open] == [
        ("ETH", 1, 2_500, Basis.MARKET),
        ("SOL", 5, None, Basis.UNKNOWN),
    ]
    (gone,) = lots.closed
    assert (gone.kind, gone.gain, gone.moved_value) == (Kind.MOVED, None, 2_600)


def test_what_was_traded_elsewhere_is_sold_and_bought_at_market_values(account: ExchangeAccount) -> None:
    came(account, ago(9), "ETH", 2, 5_000)
    came(account, ago(8), "ETH", -2, -5_400, kind="trade")
    came(account, ago(8), "SOL", 36, 5_400, kind="trade")
    lots = account_lots(account, Method.FIFO)
    assert [(line.kind, line.gain, line.is_estimated) for line in lots.closed] == [(Kind.SALE, 400, True)]
    assert [(lot.asset, lot.cost) for lot in lots.open] == [("SOL", 5_400)]


def test_a_fee_in_a_coin_without_a_recorded_price_is_counted_as_unvalued(
    account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    filled(strategy(account), ago(3), "BUY", "BTC/USDT", "0.01", 60_000, "0.001", "BNB")
    lots = account_lots(account, Method.FIFO)
    assert lots.unvalued_fees == 1
    assert lots.open[0].fee_unvalued
    (fee,) = lots.closed
    assert (fee.asset, fee.kind, fee.cost, fee.proceeds) == ("BNB", Kind.FEE, None, None)


def test_a_pair_of_two_coins_is_valued_by_the_nearest_record(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    valued(account, ago(3), {"BTC": "0.1"}, {"BTC": 60_000})
    filled(strategy(account), ago(3) + timedelta(minutes=5), "BUY", "ETH/BTC", 1, "0.05")
    valued(account, ago(3) + timedelta(minutes=6), {"BTC": "0.05", "ETH": 1}, {"BTC": 61_000, "ETH": 3_000}, "fill")
    lots = account_lots(account, Method.FIFO)
    assert [(lot.asset, lot.cost) for lot in lots.open] == [("BTC", 3_000), ("ETH", 3_050)]
    assert lots.closed[0].gain == 50


def test_users_have_lots_of_their_own_accounts_only(
    recorded: ExchangeAccount, bob: User, paper_account: PaperAccount
) -> None:
    theirs = paper_account(bob, {"USDT": 1})
    assert account_lots(theirs, Method.FIFO).closed == ()
    assert figures.periods(theirs, NOW).begins_at is None
