"""The summary: what is held beside what is wanted, and what it says when something is missing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
URL = "/api/me/portfolio/summary"
D = Decimal


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def hold(symbol: str, price: str) -> None:
    paper.symbol_control(symbol, price=D(price))


def test_holdings_stand_beside_their_targets(
    api: APIClient, alice: User, paper_account: Callable[..., Any], strategy: Callable[..., Strategy]
) -> None:
    hold("BTCUSDT", "50000")
    account = paper_account(alice, {"USDT": 5000, "BTC": "0.1"})
    targets = strategy(account, {"BTC": 40, "ETH": "12.5"})
    body = api.get(URL).json()
    assert D(body["nav"]) == pytest.approx(D(10_000), rel=D("0.001"))
    assert (body["quote"], body["account"], body["strategy"]) == ("USDT", account.pk, targets.pk)
    assert (body["price_source"], body["problem"], body["unpriced"]) == ("mid", "", [])
    rows = {row["asset"]: row for row in body["assets"]}
    assert {asset: row["target_pct"] for asset, row in rows.items()} == {"BTC": "40", "ETH": "12.5", "USDT": "47.5"}
    assert sum(D(row["weight_pct"]) for row in rows.values()) == pytest.approx(D(100), abs=D("0.001"))
    assert (rows["ETH"]["free"], rows["ETH"]["value"], rows["ETH"]["weight_pct"]) == ("0", "0", "0")
    assert rows["USDT"]["price"] == "1"
    for row in rows.values():
        assert D(row["drift_pct"]) == D(row["weight_pct"]) - D(row["target_pct"])


def test_coins_that_are_left_alone_count_in_nav_and_not_in_drift(
    api: APIClient, alice: User, paper_account: Callable[..., Any], strategy: Callable[..., Strategy]
) -> None:
    account = paper_account(alice, {"USDT": 500, "BTC": "0.01", "DOGE": 100_000})
    strategy(account, {"BTC": 50})
    rows = {row["asset"]: row for row in api.get(URL).json()["assets"]}
    assert (rows["DOGE"]["target_pct"], rows["DOGE"]["drift_pct"]) == (None, None)
    managed = D(rows["USDT"]["value"]) + D(rows["BTC"]["value"])
    expected = D(rows["BTC"]["value"]) / managed * 100 - 50
    assert D(rows["BTC"]["drift_pct"]) == pytest.approx(expected, abs=D("0.001"))


def test_without_a_strategy_there_are_holdings_and_no_targets(
    api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    paper_account(alice, {"USDT": 100})
    body = api.get(URL).json()
    assert body["strategy"] is None
    assert [(row["asset"], row["target_pct"]) for row in body["assets"]] == [("USDT", None)]


@pytest.mark.parametrize("quote", ["USDT", "USDC", "FDUSD"])
def test_nav_is_in_the_accounts_quote(
    quote: str, api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    paper_account(alice, {quote: 100, "DOGE": 1000}, quote=quote)  # no DOGEFDUSD: its price is bridged
    body = api.get(URL).json()
    assert body["quote"] == quote
    assert D(body["nav"]) > 100
    assert body["unpriced"] == []


def test_an_empty_account_is_worth_nothing(api: APIClient, alice: User, paper_account: Callable[..., Any]) -> None:
    paper_account(alice, {"USDT": 0})
    body = api.get(URL).json()
    assert (body["nav"], body["assets"], body["unpriced"]) == ("0", [], [])


def test_what_is_locked_in_orders_is_shown_and_counts(
    api: APIClient, alice: User, paper_account: Callable[..., Any], strategy: Callable[..., Strategy]
) -> None:
    account = paper_account(alice, {"USDT": 10_000})
    targets = strategy(account, {"BTC": 40}, order_step_pct="2", order_size_pct="10")
    assert api.post("/api/me/rebalance/execute", {"strategy": targets.pk}, format="json").status_code == 201
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=6)):
        body = api.get(URL).json()
    (usdt,) = (row for row in body["assets"] if row["asset"] == "USDT")
    assert D(usdt["locked"]) > 900
    assert D(usdt["free"]) + D(usdt["locked"]) == D(usdt["value"]) == D(body["nav"]) == 10_000


def test_the_account_that_is_asked_for_is_shown(
    api: APIClient, alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    first, second = paper_account(alice, {"USDT": 1}), paper_account(alice, {"USDT": 2}, label="Second")
    assert api.get(URL).json()["account"] == first.pk
    assert api.get(URL, {"account": second.pk}).json()["nav"] == "2"
    refusal(api.get(URL, {"account": second.pk + 1000}), 404, "not_found")


def test_an_exchange_that_is_down_leaves_what_was_last_known_with_the_problem(
    api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    paper_account(alice, {"USDT": 100, "BTC": 1})
    with time_machine.travel(timezone.now(), tick=False) as clock:
        before = api.get(URL).json()
        clock.shift(300)
        with faults.plan([{"kind": "refuse", "times": 1000}]):
            after = api.get(URL, {"refresh": "true"}).json()
    assert "cannot be reached" in after.pop("problem")
    assert {**after, "problem": ""} == before, "the same numbers, with the time they are of"


def test_an_exchange_that_was_never_reached_is_said_to_be_down(
    api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    paper_account(alice, {"USDT": 100})
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        refusal(api.get(URL), 503, "exchange_unavailable")


def test_prices_fall_back_to_the_last_ones_where_the_book_cannot_be_had(
    api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    paper_account(alice, {"BTC": 1})
    with faults.plan([{"kind": "error_before", "match": "GET /api/v3/ticker/bookTicker", "times": 1000}]):
        body = api.get(URL).json()
    assert (body["price_source"], body["unpriced"]) == ("last", [])


def test_a_coin_without_a_price_is_listed_and_never_guessed(
    api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    for symbol in paper.default_market().symbols:
        if symbol.startswith("SOL"):
            hold(symbol, "0")
    paper_account(alice, {"SOL": 3, "USDT": 7})
    body = api.get(URL).json()
    assert (body["nav"], body["unpriced"]) == ("7", ["SOL"])
    (sol,) = (row for row in body["assets"] if row["asset"] == "SOL")
    assert (sol["free"], sol["price"], sol["value"], sol["weight_pct"]) == ("3", None, None, None)


def test_fifty_assets_are_all_there(api: APIClient, alice: User, paper_account: Callable[..., Any]) -> None:
    specs = paper.default_market().symbols.values()
    bases = sorted({spec.base for spec in specs if spec.quote == "USDT"})[:50]
    assert len(bases) == 50
    paper_account(alice, dict.fromkeys(bases, 1))
    body = api.get(URL).json()
    assert sorted(row["asset"] for row in body["assets"]) == bases
    assert body["unpriced"] == []
    assert sum(D(row["weight_pct"]) for row in body["assets"]) == pytest.approx(D(100), abs=D("0.01"))


def test_huge_and_tiny_amounts_are_written_in_full(
    api: APIClient, alice: User, paper_account: Callable[..., Any]
) -> None:
    huge = "99999999999999999.12345678"
    paper_account(alice, {"USDT": huge, "BTC": "0.00000001"})
    body = api.get(URL).json()
    rows = {row["asset"]: row for row in body["assets"]}
    assert rows["USDT"]["free"] == huge
    assert rows["BTC"]["free"] == "0.00000001"
    numbers = [row[name] for row in body["assets"] for name in ("free", "price", "value", "weight_pct")]
    assert not [number for number in numbers if "e" in number.lower()]
    assert D(body["nav"]) > D(huge)
