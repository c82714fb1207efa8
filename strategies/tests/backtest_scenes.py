"""Stored candles and back-tests for the tests of what is made of the engine."""

import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from accounts.models import User
from exchanges.candles import keeping, store
from exchanges.candles.columns import CandleColumns
from exchanges.domain import ExchangeInfo
from strategies.backtest import services
from strategies.backtest.domain import RunSettings
from strategies.backtest.engine.history import History
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.models import BacktestDetail, BacktestRun
from strategies.backtest.selectors.runs import packed
from strategies.backtest.services.reading import LIMIT_FIELDS
from strategies.backtest.services.scenarios import KnownRules, past_info
from strategies.domain import Target
from strategies.models import Strategy

D = Decimal
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
BEGIN_MS = 1_672_531_200_000


@cache
def wavy(asset: str, rows: int, *, price: str = "100", step_ms: int = HOUR_MS, quote: str = "USDT") -> CandleColumns:
    """Candles that rise and fall in long waves, other ones for each asset, with small steps between."""
    draw = random.Random(asset)
    turn, height = draw.randint(40, 90), draw.uniform(0.15, 0.4)
    found, last = [], D(price)
    for row in range(rows):
        wave = math.exp(height * math.sin(2 * math.pi * row / turn) + draw.gauss(0, 0.004))
        close = (D(price) * D(str(round(wave, 6)))).quantize(D("0.01"))
        high, low = max(last, close) + D("0.05"), min(last, close) - D("0.05")
        found.append((BEGIN_MS + row * step_ms, last, high, low, close, D("5000.00001")))
        last = close
    return CandleColumns.from_rows(f"{asset}{quote}", step_ms, found)


def priced(asset: str, closes: Sequence[Any], *, step_ms: int = HOUR_MS, first: int = 0) -> CandleColumns:
    """Candles that close at these prices and open where the last one closed; None is a candle that is not there."""
    last = next(D(str(close)) for close in closes if close is not None)
    rows = []
    for number, close in enumerate(closes, start=first):
        if close is None:
            continue
        now = D(str(close))
        rows.append((BEGIN_MS + number * step_ms, last, max(last, now), min(last, now), now, D("1000000.00001")))
        last = now
    return CandleColumns.from_rows(f"{asset}USDT", step_ms, rows)


def store_candles(settings: Any, folder: Path, *columns: CandleColumns) -> None:
    """Keep these candles, and no others, for the length of a test."""
    settings.CANDLES_DIR = folder / "candles"
    for column in columns:
        keeping.add(column, store.MARKET)


def plain_values(**more: Any) -> dict[str, Any]:
    """A back-test of BTC and ETH with a narrow band."""
    return {
        "targets": [{"asset": "BTC", "weight_pct": "50"}, {"asset": "ETH", "weight_pct": "30"}],
        "min_delta_pct": "3",
        "order_size_pct": "100",
        "spread_pct": "0.02",
        "interval": "1h",
        **more,
    }


def created(user: User, strategy: Strategy | None = None, **values: Any) -> BacktestRun:
    return services.create_run(user, plain_values(**values), strategy=strategy).run


def finished(user: User, **values: Any) -> BacktestRun:
    """A back-test that was computed."""
    run = created(user, **values)
    assert services.execute_run(run.pk)
    run.refresh_from_db()
    return run


@cache
def _one_that_is_done() -> tuple[RunSettings, services.Outcome]:
    columns = {"BTC": wavy("BTC", 72, price="20000")}
    known = services.defaults()
    settings = RunSettings(
        quote="USDT",
        targets=(Target("BTC", D(50)),),
        limits={field: known[field] for field in LIMIT_FIELDS},
        start={"USDT": D(10_000)},
        interval="1h",
        from_ms=BEGIN_MS,
        to_ms=BEGIN_MS + 72 * HOUR_MS,
    )
    info, notes = past_info(columns, "USDT", KnownRules(ExchangeInfo.of({}), ""))
    result = run_backtest(History.of("USDT", columns), services.scenario_of(settings, info))
    return settings, services.outcome_of(result, columns["BTC"], notes)


def done_run(user: User, *, strategy: Strategy | None = None, name: str = "Back-test") -> BacktestRun:
    """A back-test with an outcome, for tests that keep no candles."""
    settings, found = _one_that_is_done()
    run = BacktestRun.objects.create(
        user=user,
        strategy=strategy,
        account=None if strategy is None else strategy.account,
        name=name,
        settings=settings.to_json(),
        interval="1h",
        from_at=settings.begins,
        to_at=settings.ends,
        state=BacktestRun.State.DONE,
        summary=found.summary,
    )
    BacktestDetail.objects.create(
        run=run, series=packed(found.series), trades=packed(found.trades), trade_count=found.trade_count
    )
    return run


def later(days: int) -> datetime:
    return BEGIN + timedelta(days=days)


def stocked(settings: Any, folder: Path, rows: int = 24 * 40) -> Mapping[str, CandleColumns]:
    """Forty days of BTC, ETH and BNB by the hour."""
    columns = {
        "BTC": wavy("BTC", rows, price="20000"),
        "ETH": wavy("ETH", rows, price="1500"),
        "BNB": wavy("BNB", rows, price="250"),
    }
    store_candles(settings, folder, *columns.values())
    return columns
