"""Live, paper and back-test plan the same orders from the same state, to the last digit."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import responses
from pytest_django.fixtures import Settings

from accounts.models import User
from exchanges import services as exchanges
from exchanges.candles.columns import CandleColumns
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.paper.rest import handle
from exchanges.paper.wire import RawRequest
from portfolio import services as portfolio
from strategies import selectors, services
from strategies.backtest.engine.book import Book
from strategies.backtest.engine.history import History
from strategies.backtest.engine.outlook import Outlook
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import Goal, Leg
from strategies.models import Strategy
from strategies.tests.planning import D

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

TESTNET = "https://testnet.binance.vision"
PRICES = {"BTC": D("64213.57"), "ETH": D("2911.04"), "SOL": D("143.21")}
HELD = {"USDT": D("4250.5"), "BTC": D("0.1"), "ETH": D("0.4"), "SOL": D("31.5")}
WEIGHTS = {"BTC": 40, "ETH": 35, "SOL": 15}
CROSSES = {("ETH", "BTC"): D("0.04533"), ("SOL", "BTC"): D("0.0022303")}
HOUR_MS = 3_600_000


def answer_as_the_paper_exchange(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(request.url or "")
    headers = {str(name): str(value) for name, value in request.headers.items()}
    answer = handle(RawRequest(str(request.method), str(parts.path), str(parts.query).encode(), b"", headers))
    return answer.status, dict(answer.headers), answer.body


@pytest.fixture
def live(settings: Settings) -> Iterator[Callable[[], None]]:
    """From its call on, the server is on the test network, which answers as the paper exchange would."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as network:

        def switch() -> None:
            settings.EXCHANGE_ENV = "testnet"
            for path in ("time", "exchangeInfo", "ticker/bookTicker", "account", "openOrders"):
                network.add_callback(responses.GET, f"{TESTNET}/api/v3/{path}", answer_as_the_paper_exchange)

        yield switch


def pinned(account: ExchangeAccount) -> None:
    for asset, price in PRICES.items():
        paper.symbol_control(f"{asset}USDT", price=price)
    for (base, counter), price in CROSSES.items():
        paper.symbol_control(f"{base}{counter}", price=price)


def backtested(strategy: Strategy, account: ExchangeAccount, goal: Goal) -> tuple[Leg, ...]:
    """The same state as a back-test meets it: one candle that closes in the middle of the market."""
    market = exchanges.market_for(account, trading=True)
    info = market.info

    def candle(symbol: str) -> CandleColumns:
        price = market.prices.prices[symbol].value
        return CandleColumns.from_rows(symbol, HOUR_MS, [(0, price, price, price, price, D(1))])

    rows = {asset: candle(f"{asset}USDT") for asset in PRICES}
    crosses = {pair: candle("".join(pair)) for pair in CROSSES} if strategy.direct_pairs else {}
    fee_rate = portfolio.read_balances(account).fee_rate
    scenario = Scenario(
        "USDT",
        tuple(selectors.targets(strategy)),
        services.limits_of(strategy, fee_rate, Decimal(0), Decimal(0)),
        info,
        HELD,
    )
    history = History.of("USDT", rows, crosses)
    book = Book("USDT", HELD, scenario.fees)
    return Outlook(history, scenario, book).plan(0, goal, Decimal(0), {}).legs


def _order(leg: Leg) -> tuple[object, ...]:
    return leg if leg.direct is None else (*leg[:-1], leg.direct.counter, leg.direct.counter_price)


@pytest.mark.parametrize("goal", [Goal.BAND, Goal.TARGET, Goal.BUY])
@pytest.mark.parametrize(
    "settings_of_strategy",
    [
        {},
        {"order_size_pct": "100", "order_step_pct": "0.13", "trade_to": "edge", "hysteresis_pct": "25"},
        {"order_size_pct": "100", "direct_pairs": True, "min_delta_pct": "0.5"},
        {"band_type": "relative", "min_delta_pct": "12", "order_step_pct": "-0.2", "quote_reserve_pct": "7"},
    ],
)
def test_the_same_state_gives_the_same_plan(
    goal: Goal,
    settings_of_strategy: dict[str, Any],
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    live: Callable[[], None],
) -> None:
    account = paper_account(alice, HELD)
    row = strategy(account, WEIGHTS, **settings_of_strategy)
    pinned(account)
    on_paper = services.plan_strategy(row, goal=goal).plan
    simulated = backtested(row, account, goal)

    key, secret = account.paper_key, account.paper_secret
    live()
    other = exchanges.connect_account(
        alice, label="Live", venue="binance", quote="USDT", api_key=key, api_secret=secret
    )
    copy = strategy(other, WEIGHTS, **settings_of_strategy)
    in_earnest = services.plan_strategy(copy, goal=goal).plan

    assert on_paper.legs == in_earnest.legs
    # What the way there costs is known of the book, and of candles only assumed.
    assert [_order(leg) for leg in on_paper.legs] == [_order(leg) for leg in simulated]
    assert on_paper.legs
    is_direct = any(leg.direct for leg in on_paper.legs)
    assert is_direct == (bool(settings_of_strategy.get("direct_pairs")) and goal is not Goal.BUY)
    assert [(skip.asset, skip.code) for skip in on_paper.skips] == [
        (skip.asset, skip.code) for skip in in_earnest.skips
    ]
