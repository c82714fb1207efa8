"""Market capitalisations: typed, or read at a public source where the server may; never guessed."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses

from accounts.models import User
from botbalance.lib.errors import AppError
from exchanges.models import ExchangeAccount
from strategies import market_caps, services
from strategies.tests.model_scenes import CAPS, SOURCE, D, again, coin, entries, make, source, weights

__all__ = ["source"]  # a fixture
pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


def test_typed_figures_count_before_those_of_the_source(
    account: ExchangeAccount, source: responses.RequestsMock
) -> None:
    asked = source.get(f"{SOURCE}/coins/markets", json=[coin("ethereum", "eth", 100), coin("bitcoin", "btc", 10**12)])
    row = make(account, entries(("BTC", None, 300, "bitcoin"), ("ETH", None, None, "ethereum")), **CAPS)
    assert weights(row) == {"BTC": D(75), "ETH": D(25)}
    assert asked.calls[0].request.params["ids"] == "ethereum"


def test_without_the_servers_permission_nothing_is_asked(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60, 300, "bitcoin"), ("ETH", 20, 100)), **CAPS)
    assert services.refresh(row, by_hand=True)  # a request would fail the test


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 429}, "asks for a pause"),
        ({"status": 500}, "an error (500)"),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example.org/"}}, "an error (302)"),
        ({"body": "<html>"}, "cannot be read"),
        ({"json": {"coins": []}}, "cannot be read"),
        ({"json": [1]}, "cannot be read"),
        ({"json": [{"id": 1, "symbol": "btc", "name": "Bitcoin"}]}, "cannot be read"),
        ({"json": []}, "is not known: BTC"),
        ({"json": [coin("other", "btc", 5)]}, "is not known: BTC"),
        ({"json": [coin("bitcoin", "btc", None)]}, "is not known: BTC"),
        ({"json": [coin("bitcoin", "btc", 0)]}, "is not known: BTC"),
        ({"json": [coin("bitcoin", "btc", "12")]}, "is not known: BTC"),
        ({"body": '[{"id": "bitcoin", "symbol": "btc", "name": "B", "market_cap": NaN}]'}, "is not known: BTC"),
        ({"body": '[{"id": "bitcoin", "symbol": "btc", "name": "B", "market_cap": 1e999999999}]'}, "is not known: BTC"),
        ({"body": requests.ConnectionError("away")}, "does not answer"),
    ],
)
def test_whatever_the_source_answers_the_weights_stay_and_it_is_said(
    account: ExchangeAccount, source: responses.RequestsMock, answer: dict[str, Any], said: str
) -> None:
    source.get(f"{SOURCE}/coins/markets", **answer)
    row = make(account, entries(("BTC", 60, None, "bitcoin"), ("ETH", 20, 5)), **CAPS)
    with pytest.raises(AppError) as refused:
        services.refresh(row, by_hand=True)
    assert said in refused.value.message
    assert said in again(row).model_problem
    assert weights(row) == {"BTC": D(60), "ETH": D(20)}


def test_figures_are_kept_for_a_while(account: ExchangeAccount, source: responses.RequestsMock) -> None:
    asked = source.get(f"{SOURCE}/coins/markets", json=[coin("bitcoin", "btc", "x"), coin("bitcoin", "btc", 12)])
    row = make(account, entries(("BTC", 60, None, "bitcoin")), **CAPS)
    for _time in range(2):
        services.refresh(again(row), by_hand=True)
    assert asked.call_count == 1


def test_coins_that_share_a_ticker_are_offered_the_largest_first(source: responses.RequestsMock) -> None:
    found = [
        coin("bitcoin-on-base", "BTC", None, market_cap_rank=None),
        coin("bitcoin", "btc", None, market_cap_rank=1),
        coin("bitcoin-cash", "bch", None, market_cap_rank=20),
        coin("small", "btc", None, market_cap_rank=900),
    ]
    asked = source.get(f"{SOURCE}/search", json={"coins": found, "exchanges": []})
    assert [each.id for each in market_caps.candidates("BTC")] == ["bitcoin", "small", "bitcoin-on-base"]
    assert asked.calls[0].request.params == {"query": "BTC"}


def test_the_servers_key_is_sent_where_there_is_one(source: responses.RequestsMock, settings: Any) -> None:
    asked = source.get(f"{SOURCE}/search", json={"coins": []})
    settings.MARKET_CAPS_KEY = "demo-key-of-the-server"
    market_caps.candidates("BTC")
    settings.MARKET_CAPS_KEY = ""
    market_caps.candidates("BTC")
    sent = [call.request.headers.get("x-cg-demo-api-key") for call in asked.calls]
    assert sent == ["demo-key-of-the-server", None]
