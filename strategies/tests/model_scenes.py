"""Strategies with a target model, and a source of market capitalisations to ask."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses
from django.utils import timezone

from exchanges.models import ExchangeAccount
from strategies import selectors, services
from strategies.models import Strategy
from strategies.services import Entry

D = Decimal
SOURCE = "https://caps.example.org/api"
# The paper exchange answers with daily candles slowly; a week of them is enough to weigh by.
WEEK: dict[str, Any] = {"target_model": "inverse_volatility", "model_lookback_days": 7}
CAPS: dict[str, Any] = {"target_model": "market_cap"}
NO_KLINES = [{"match": "GET /api/v3/klines", "kind": "refuse", "times": 1000}]


def entries(*rows: tuple[Any, ...]) -> list[Entry]:
    """("BTC", 50) or ("BTC", 50, 1000) or ("BTC", None, None, "bitcoin")."""
    made = []
    for asset, weight, *figures in rows:
        market_cap = D(figures[0]) if figures and figures[0] is not None else None
        made.append(
            Entry(asset, None if weight is None else D(weight), market_cap, figures[1] if len(figures) > 1 else "")
        )
    return made


def make(account: ExchangeAccount, rows: list[Entry], **values: Any) -> Strategy:
    return services.create_strategy(account.user, account, {"name": "Modelled", **values}, rows)


def make_due(strategy: Strategy) -> Strategy:
    """Its time has come."""
    Strategy.objects.filter(pk=strategy.pk).update(model_due_at=timezone.now() - timedelta(seconds=1))
    return again(strategy)


def again(strategy: Strategy) -> Strategy:
    return selectors.strategy_of(strategy.user, strategy.pk)


def weights(strategy: Strategy) -> dict[str, Decimal]:
    return {target.asset: target.weight_pct for target in selectors.targets(again(strategy))}


@pytest.fixture
def source(settings: Any) -> Iterator[responses.RequestsMock]:
    """The source of market capitalisations, which this server is told to ask."""
    settings.FETCH_MARKET_CAPS = True
    settings.MARKET_CAPS_URL = SOURCE
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def coin(coin_id: str, symbol: str, market_cap: Any, **more: Any) -> dict[str, Any]:
    return {"id": coin_id, "symbol": symbol, "name": coin_id.title(), "market_cap": market_cap, **more}


MakeAccount = Callable[..., ExchangeAccount]
