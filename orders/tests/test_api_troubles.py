"""What users are told when the exchange, the market or the account is not as it should be: a clear answer, and nothing
half done.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.lib.clock import now_ms
from exchanges import markets
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.models import PaperOrder
from exchanges.services import BinanceAdapter
from orders.models import Order, Run
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = [pytest.mark.django_db(databases=["default", "paper"]), pytest.mark.usefixtures("clock")]
EXECUTE = "/api/me/rebalance/execute"
ALWAYS = 10_000


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


@pytest.fixture
def targets(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(account, {"BTC": 40, "ETH": 30}, order_step_pct="2", order_size_pct="10")


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def plan(api: APIClient, targets: Strategy) -> Any:
    return api.get(f"/api/me/strategies/{targets.pk}/plan")


def execute(api: APIClient, targets: Strategy) -> Any:
    return api.post(EXECUTE, {"strategy": targets.pk}, format="json")


def nothing_happened() -> bool:
    return not (Run.objects.exists() or Order.objects.exists() or PaperOrder.objects.exists())


# --- an exchange that does not answer --------------------------------------------------------------------

DOWN: dict[str, tuple[dict[str, Any], int, str]] = {
    "it refuses connections": ({"kind": "refuse"}, 503, "exchange_unavailable"),
    "it never answers": ({"kind": "lost_before"}, 503, "exchange_unavailable"),
    "it breaks connections": ({"kind": "reset_before"}, 503, "exchange_unavailable"),
    "it answers 5xx": ({"kind": "error_before"}, 503, "exchange_unavailable"),
    "it answers web pages": ({"kind": "html"}, 503, "exchange_unavailable"),
    "it answers half": ({"kind": "truncated"}, 503, "exchange_unavailable"),
    "it wants us to slow down": ({"kind": "throttled", "seconds": 60}, 503, "exchange_throttled"),
    "it has banned us": ({"kind": "banned"}, 503, "exchange_throttled"),
    "it finds our clock wrong for ever": (
        {"kind": "clock_skew", "match": "GET /api/v3/account"},
        503,
        "clock_skew",
    ),
}


@pytest.mark.parametrize("case", DOWN)
def test_an_exchange_that_is_down_is_said_to_be_and_nothing_is_done(
    case: str, api: APIClient, targets: Strategy, clock: time_machine.Traveller
) -> None:
    fault, status, code = DOWN[case]
    with faults.plan([{"times": ALWAYS, **fault}]):
        refusal(plan(api, targets), status, code)
        refusal(execute(api, targets), status, code)
    assert nothing_happened()
    clock.shift(121)  # nothing is sent before a ban has ended
    assert execute(api, targets).status_code == 201, "when it is back, all goes on"


def test_an_exchange_that_is_slow_is_waited_for(api: APIClient, targets: Strategy) -> None:
    with faults.plan([{"kind": "slow", "seconds": 0.05, "times": ALWAYS}]):
        answer = execute(api, targets)
    assert answer.status_code == 201
    assert {order["status"] for order in answer.json()["orders"]} == {"NEW"}


def test_an_exchange_that_is_too_slow_is_given_up(api: APIClient, targets: Strategy, settings: Any) -> None:
    settings.EXCHANGE_READ_TIMEOUT_SECONDS = 0.05
    with faults.plan([{"kind": "slow", "seconds": 1, "times": ALWAYS}]):
        refusal(execute(api, targets), 503, "exchange_unavailable")
    assert nothing_happened()


def test_an_exchange_that_takes_reads_but_no_orders_leaves_no_order(api: APIClient, targets: Strategy) -> None:
    with faults.plan([{"kind": "error_before", "code": -1008, "match": "POST", "times": ALWAYS}]):
        answer = execute(api, targets)
    assert answer.status_code == 201
    assert {order["status"] for order in answer.json()["orders"]} == {"NOT_PLACED"}
    assert not PaperOrder.objects.exists()
    errors = [order["error"] for order in api.get("/api/me/orders").json()["results"]]
    assert all(errors), "every order says why it was not placed"


def test_looking_while_the_exchange_is_down_says_so_and_loses_nothing(
    api: APIClient, targets: Strategy, clock: time_machine.Traveller
) -> None:
    run = execute(api, targets).json()["run"]
    clock.shift(10)
    with faults.plan([{"kind": "refuse", "times": ALWAYS}]):
        answer = api.post("/api/me/orders/refresh")
        assert answer.status_code == 200
        assert answer.json()["problems"]
        assert len(answer.json()["open_orders"]) == 2
        order = answer.json()["open_orders"][0]["id"]
        refusal(api.post(f"/api/me/orders/{order}/cancel"), 503)
    assert api.post("/api/me/orders/refresh").json()["problems"] == []
    assert api.get(f"/api/me/runs/{run}").json()["problem"] == ""


def test_what_cannot_be_cancelled_is_said_and_followed_up(api: APIClient, targets: Strategy) -> None:
    execute(api, targets)
    with faults.plan([{"kind": "refuse", "match": "DELETE", "times": ALWAYS}]):
        answer = api.post("/api/me/orders/cancel").json()
    assert answer["cancelled"] == 0
    assert len(answer["problems"]) == 2
    assert api.post("/api/me/orders/cancel").json() == {"cancelled": 2, "problems": [], "autopilot_paused": False}


def test_an_account_whose_orders_cannot_be_cancelled_is_not_disconnected(
    api: APIClient, targets: Strategy, account: ExchangeAccount
) -> None:
    execute(api, targets)
    with faults.plan([{"kind": "refuse", "match": "DELETE", "times": ALWAYS}]):
        refusal(api.delete(f"/api/me/accounts/{account.pk}/"), 409, "orders_open")
    assert api.get(f"/api/me/accounts/{account.pk}/").status_code == 200
    assert api.get(f"/api/me/strategies/{targets.pk}/").status_code == 200
    assert api.delete(f"/api/me/accounts/{account.pk}/").status_code == 204


# --- keys and clocks -------------------------------------------------------------------------------------


def test_a_wrong_key_stops_the_account_and_says_so(api: APIClient, targets: Strategy, account: ExchangeAccount) -> None:
    row = ExchangeAccount.objects.get(pk=account.pk)
    row.paper_secret = "w" * 64
    row.save()
    refusal(execute(api, targets), 409, "credentials_refused")
    assert nothing_happened()
    refusal(execute(api, targets), 409)
    shown = api.get(f"/api/me/accounts/{account.pk}/").json()
    assert row.paper_secret not in str(shown)


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_ten_minutes_off_is_measured_and_allowed_for(
    minutes: int, api: APIClient, targets: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = timedelta(minutes=minutes) // timedelta(milliseconds=1)
    made = BinanceAdapter.__init__

    def with_wrong_clock(self: BinanceAdapter, *args: Any, **options: Any) -> None:
        made(self, *args, clock=lambda: now_ms() + off, **options)

    monkeypatch.setattr(BinanceAdapter, "__init__", with_wrong_clock)
    monkeypatch.setattr("orders.services.sending.now_ms", lambda: now_ms() + off)
    monkeypatch.setattr("orders.services.rounds.now_ms", lambda: now_ms() + off)
    right_now = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: right_now() + timedelta(minutes=minutes))
    answer = execute(api, targets)
    assert answer.status_code == 201, answer.json()
    assert {order["status"] for order in answer.json()["orders"]} == {"NEW"}
    assert PaperOrder.objects.count() == 2


# --- symbols and prices ----------------------------------------------------------------------------------


def reasons(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.json()
    return {skip["asset"]: skip["code"] for skip in answer.json()["skips"]}


@pytest.mark.parametrize(
    ("control", "code"),
    [({"status": "HALT"}, "not_trading"), ({"price": Decimal(0)}, "no_price")],
    ids=["halted", "without a price"],
)
def test_a_symbol_that_cannot_be_traded_is_left_alone_and_the_others_are_not(
    control: dict[str, Any], code: str, api: APIClient, targets: Strategy, clock: time_machine.Traveller
) -> None:
    paper.symbol_control("BTCUSDT", **control)
    clock.shift(4000)  # past the hour for which rules are kept
    forget_the_rules()
    answer = plan(api, targets)
    assert reasons(answer)["BTC"] == code
    assert [order["symbol"] for order in answer.json()["orders"]] == ["ETHUSDT"]
    run = execute(api, targets).json()
    assert [order["symbol"] for order in run["orders"]] == ["ETHUSDT"]


def forget_the_rules() -> None:
    """As after five minutes in this process and an hour in the cache."""
    markets.forget_rules()
    cache.clear()


def test_a_delisted_symbol_is_left_alone_and_refused_as_a_new_target(
    api: APIClient, targets: Strategy, account: ExchangeAccount, clock: time_machine.Traveller
) -> None:
    paper.symbol_control("BTCUSDT", status=paper.DELISTED)
    clock.shift(4000)
    forget_the_rules()
    answer = plan(api, targets)
    assert reasons(answer)["BTC"] == "no_pair"
    assert [order["symbol"] for order in answer.json()["orders"]] == ["ETHUSDT"]
    rows = [{"asset": "BTC", "weight_pct": "10"}]
    new = {"name": "New", "account": account.pk, "allocations": rows}
    assert set(refusal(api.post("/api/me/strategies/", new, format="json"), 400)) == {"allocations"}


def test_a_symbol_delisted_behind_our_back_is_refused_and_nothing_is_stuck(
    api: APIClient, targets: Strategy, clock: time_machine.Traveller
) -> None:
    assert plan(api, targets).status_code == 200  # rules and prices are remembered
    paper.symbol_control("BTCUSDT", status=paper.DELISTED)
    answer = execute(api, targets)
    assert answer.status_code == 201
    statuses = {order["symbol"]: order["status"] for order in answer.json()["orders"]}
    assert statuses["ETHUSDT"] == "NEW"
    assert statuses["BTCUSDT"] in ("REJECTED", "NOT_PLACED")
    assert set(PaperOrder.objects.values_list("symbol", flat=True)) == {"ETHUSDT"}


def test_a_coin_without_a_price_is_listed_and_never_guessed(
    api: APIClient,
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    clock: time_machine.Traveller,
) -> None:
    account = paper_account(alice, {"USDT": 1000, "SOL": 5}, label="With SOL")
    targets = strategy(account, {"SOL": 50, "ETH": 20})
    for symbol in paper.default_market().symbols:
        if symbol.startswith("SOL"):
            paper.symbol_control(symbol, price=Decimal(0))
    clock.shift(10)
    summary = api.get(f"/api/me/portfolio/summary?account={account.pk}").json()
    assert (summary["unpriced"], summary["nav"]) == (["SOL"], "1000")
    assert reasons(plan(api, targets))["SOL"] == "no_price"


def test_an_empty_account_has_nothing_to_divide(
    api: APIClient, alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> None:
    account = paper_account(alice, {"USDT": 0}, label="Empty")
    targets = strategy(account, {"BTC": 60})
    summary = api.get(f"/api/me/portfolio/summary?account={account.pk}").json()
    assert (summary["nav"], [row["asset"] for row in summary["assets"]]) == ("0", ["BTC", "USDT"])
    answer = plan(api, targets)
    assert reasons(answer) == {"BTC": "nothing_to_manage"}
    assert answer.json()["orders"] == []
    run = execute(api, targets).json()
    assert (run["state"], run["orders"]) == ("stopped", [])
    assert "nothing to divide" in run["reason"]
    assert not PaperOrder.objects.exists()


def test_old_prices_are_shown_but_not_traded_on(
    api: APIClient, targets: Strategy, account: ExchangeAccount, clock: time_machine.Traveller
) -> None:
    assert api.get("/api/me/portfolio/summary").status_code == 200
    clock.shift(120)
    prices = [{"kind": "refuse", "match": f"GET /api/v3/ticker/{name}", "times": ALWAYS} for name in ("book", "price")]
    with faults.plan(prices):
        shown = api.get("/api/me/portfolio/summary")
        assert shown.status_code == 200, "the last known prices, with their time"
        assert shown.json()["prices_at_ms"] < now_ms() - 100_000
        refusal(plan(api, targets), 503, "stale_prices")
        refusal(execute(api, targets), 503, "stale_prices")
    assert nothing_happened()


def test_every_order_that_was_refused_says_why(api: APIClient, targets: Strategy, account: ExchangeAccount) -> None:
    assert plan(api, targets).status_code == 200
    paper.withdraw(account.paper_key, "USDT", Decimal(9_999))
    before = Order.objects.count()
    answer = plan(api, targets)
    assert answer.json()["orders"] == [], "a plan is made of what is free now"
    assert all(skip["reason"] for skip in answer.json()["skips"])
    run = execute(api, targets).json()
    assert run["state"] == "stopped"
    assert Order.objects.count() == before
    assert not Order.objects.exclude(executed_quantity=F("recorded_quantity")).exists()
