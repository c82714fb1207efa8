"""The plan of a strategy: from what the exchange says or its caller has just read, within the server's limits."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.errors import Unavailable
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from portfolio import services as portfolio
from strategies import services
from strategies.domain import Goal, OpenOrder
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
SILENT = [
    {"match": "GET /api/v3/account", "kind": "refuse", "times": 1000},
    {"match": "GET /api/v3/openOrders", "kind": "refuse", "times": 1000},
]


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


MakeStrategy = Callable[..., Strategy]


def set_limits(**values: Any) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults=values)
    system_settings.forget()


def assets(made: services.Preview) -> list[str]:
    return [leg.asset for leg in made.plan.legs]


def test_what_its_caller_has_just_read_is_not_asked_for_again(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 50, "ETH": 25}, order_size_pct="100")
    known = portfolio.read_balances(account)
    asked = services.plan_strategy(row)
    with faults.plan(SILENT):
        given = services.plan_strategy(row, open_orders=[], balances=known)
        with pytest.raises(Unavailable):
            services.plan_strategy(row, balances=known)
        with pytest.raises(Unavailable):
            services.plan_strategy(row, open_orders=[])
    assert [(leg.side, leg.asset) for leg in given.plan.legs] == [(Side.BUY, "BTC"), (Side.BUY, "ETH")]
    assert assets(asked) == assets(given)
    assert (given.drift.asset, given.drift.is_outside) == ("USDT", True)


def test_open_orders_that_are_given_are_not_ordered_twice(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 50})
    known = portfolio.read_balances(account)
    mid = exchanges.market_for(account, trading=True).prices.prices["BTCUSDT"].value
    resting = OpenOrder("BTCUSDT", Side.BUY, mid, D(5_000) / mid)
    made = services.plan_strategy(row, balances=known, open_orders=[resting])
    assert made.plan.legs == ()
    assert [skip.code for skip in made.plan.skips] == ["covered"]
    assert made.open_orders == (resting,)


def test_the_first_prices_of_a_rebalance_are_those_of_its_first_plan(
    account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 50, "ETH": 0}, worst_price_pct="1")
    first = services.plan_strategy(row)
    mids = exchanges.market_for(account, trading=True).prices.prices
    assert first.first_prices["BTCUSDT"] == pytest.approx(mids["BTCUSDT"].value, rel=D("0.05"))
    assert first.symbols == ("BTCUSDT", "ETHUSDT")
    assert set(first.first_prices) == {"BTCUSDT"}  # nothing is sought of the other
    lower = {"BTCUSDT": first.first_prices["BTCUSDT"] * D("0.9")}
    later = services.plan_strategy(row, first_prices=lower)
    assert later.first_prices["BTCUSDT"] == lower["BTCUSDT"]
    (leg,) = later.plan.legs
    assert leg.price <= lower["BTCUSDT"] * D("1.01") < first.plan.legs[0].price


def test_the_price_of_an_open_order_is_held_at_the_same_worst_price_as_a_new_one(
    account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 50}, worst_price_pct="0.7777", order_step_pct="0.1")
    market = exchanges.market_for(account, trading=True)
    rules, mid = market.info.rules["BTCUSDT"], market.prices.prices["BTCUSDT"].value
    first = {"BTCUSDT": mid * D("0.9123456789")}
    (leg,) = services.plan_strategy(row, first_prices=first).plan.legs
    assert services.limit_price(row, rules, Side.BUY, mid, first) == leg.price
    assert services.limit_price(row, rules, Side.BUY, mid) > leg.price


def test_the_goal_of_a_plan_is_its_callers(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 3}, min_delta_pct="5")
    assert services.plan_strategy(row).plan.is_settled
    for goal in (Goal.TARGET, Goal.BUY):
        made = services.plan_strategy(row, goal=goal)
        assert made.plan.goal == goal
        assert assets(made) == ["BTC"]
        assert not made.drift.is_outside  # of the owner's band, whatever the goal


def test_the_servers_settings_cap_every_order_and_how_many_are_open(
    account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 40, "ETH": 30, "SOL": 20}, order_size_pct="100")
    set_limits(max_order_nav_pct=D(5), max_open_orders=2)
    made = services.plan_strategy(row)
    assert assets(made) == ["BTC", "ETH"]
    assert all(D(400) < leg.notional <= made.plan.nav / 20 for leg in made.plan.legs)
    assert "max_open_orders" in {skip.code for skip in made.plan.skips}
    assert assets(services.plan_strategy(row, open_slots=3)) == ["BTC", "ETH", "SOL"]
    crowd = [OpenOrder("XRPUSDT", Side.BUY, D(1), D(10))] * 3
    assert assets(services.plan_strategy(row, open_orders=crowd)) == []


def test_a_coin_that_has_jumped_leaves_its_money_to_the_others(
    account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 60, "ETH": 20})
    made = services.plan_strategy(row, jumps={"BTCUSDT": D(5)})
    assert assets(made) == ["ETH"]
    assert {skip.asset: skip.code for skip in made.plan.skips} == {"BTC": "price_jump"}


def test_a_first_price_is_kept_until_its_coin_has_arrived(account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 3, "ETH": 40}, min_delta_pct="5")
    first = {"BTCUSDT": D(1), "ETHUSDT": D(2)}
    made = services.plan_strategy(row, first_prices=first)
    assert assets(made) == ["ETH"]
    assert made.first_prices["ETHUSDT"] == D(2)
    assert "BTCUSDT" not in made.first_prices  # within its band: measured anew when it has left that
    waiting = [OpenOrder("BTCUSDT", Side.BUY, D(1), D("0.0001"))]
    around = services.plan_strategy(row, first_prices=first, open_orders=waiting, occupied=frozenset({"BTCUSDT"}))
    assert around.first_prices["BTCUSDT"] == D(1)
    strangers = services.plan_strategy(row, first_prices=first, open_orders=waiting)
    assert "BTCUSDT" not in strangers.first_prices
