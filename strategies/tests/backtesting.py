"""Markets and scenarios for the back-test's tests. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

from exchanges.candles.columns import CandleColumns
from exchanges.domain import ExchangeInfo, SymbolRules
from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Flow, Reach, Scenario, TargetModel
from strategies.domain import BandType, Limits, Target, TradeTo, Trigger
from strategies.schedules import Calendar
from strategies.target_models import ModelKind, ModelSettings
from strategies.tests.planning import D, rules_of

QUOTE = "USDT"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = 1_700_000_000_000 // DAY_MS * DAY_MS
CROSS_TICK = Decimal("0.00000001")
ASSETS = ("ADA", "BNB", "BTC", "DOGE", "ETH")


def candles(
    asset: str, rows: Mapping[int, tuple[Any, Any, Any, Any, Any]], interval_ms: int = HOUR_MS
) -> CandleColumns:
    """Candles by row number: (open, high, low, close, volume)."""
    return CandleColumns.from_rows(
        f"{asset}{QUOTE}",
        interval_ms,
        [(START_MS + row * interval_ms, *(str(value) for value in rows[row])) for row in sorted(rows)],
    )


def closes(asset: str, *prices: Any, interval_ms: int = HOUR_MS) -> CandleColumns:
    """Candles that open where the last closed, with a little room above and below and plenty of volume."""
    rows = {}
    before = D(str(prices[0]))
    for row, price in enumerate(prices):
        close = D(str(price))
        rows[row] = (before, max(before, close), min(before, close), close, 1_000_000)
        before = close
    return candles(asset, rows, interval_ms)


def walk(
    draw: random.Random,
    asset: str,
    rows: int,
    *,
    tick: Decimal,
    interval_ms: int = HOUR_MS,
    volatility: float = 0.03,
    is_calm: bool = False,
) -> CandleColumns:
    """A random walk with holes: it may be listed late, end early, stand still, or trade nothing for a while; a calm one
    has a candle in every row.
    """
    price = D(draw.choice(["0.0713", "1.337", "94.2", "2711.5"]))
    first = draw.choice([0, 0, 0, rows // 4]) * (not is_calm)
    last = rows if is_calm else draw.choice([rows, rows, rows, rows - rows // 5])
    found: dict[int, tuple[Any, Any, Any, Any, Any]] = {}
    for row in range(rows):
        moves = [D(str(round(draw.gauss(0, volatility), 5))) for _step in range(3)]
        path = [price]
        for move in moves:
            path.append(max(tick, (path[-1] * (1 + move) / tick).to_integral_value() * tick))
        price = path[-1]
        is_there = is_calm or (first <= row < last and draw.random() > 0.03)
        if is_there:
            volume = draw.choice([0, 5, 400, 100_000])
            found[row] = (path[0], max(path), min(path), price, volume)
    if not found:
        found[first] = (price, price, price, price, 1)
    return candles(asset, found, interval_ms)


def random_scene(seed: int, rows: int = 80) -> tuple[History, Scenario]:
    """A market and a strategy at random, with everything that can be set set to something now and then. Every third
    is plain, so that nothing is in the way of its rounds (strategies.planner.plain).
    """
    draw = random.Random(seed)
    is_plain = draw.random() < 0.34
    assets = draw.sample(ASSETS, draw.randint(1, len(ASSETS)))
    ticks = {asset: D(draw.choice(["0.0001", "0.01"])) for asset in assets}
    interval_ms = draw.choice([HOUR_MS, HOUR_MS, DAY_MS])
    columns = {
        asset: walk(draw, asset, rows, tick=ticks[asset], interval_ms=interval_ms, is_calm=is_plain) for asset in assets
    }
    crosses = random_crosses(random.Random(seed), columns) if seed % 3 == 0 else {}
    rules = {
        asset: rules_of(asset, tick=str(ticks[asset]), step=draw.choice(["0.00001", "0.1"]), minimum="5")
        for asset in assets
    }
    weights = [draw.randint(0, 30) for _asset in assets]
    keeps = [draw.choice([D(0), D(0), D(not is_plain)]) for _asset in assets]
    targets = [Target(asset, D(weight), keep) for asset, weight, keep in zip(assets, weights, keeps, strict=True)]
    unlisted = draw.random() < 0.3 and len(targets) > 1
    if unlisted:
        targets.pop()
    limits = Limits(
        min_delta_pct=D(draw.choice(["0.5", "2", "5", "20"])),
        order_size_pct=D(draw.choice([5, 25, 100])),
        order_step_pct=D(draw.choice(["0", "0", "0.3", "-0.2"])),
        band_type=draw.choice(list(BandType)),
        trade_to=draw.choice(list(TradeTo)),
        quote_reserve_pct=D(draw.choice([0, 0, 10])),
        max_orders=draw.choice([2, 20]),
        sell_unlisted=draw.random() < 0.5,
        worst_price_pct=draw.choice([None, None, D(1)]),
        max_order_nav_pct=draw.choice([None, D(30)]),
        hysteresis_pct=draw.choice([D(0), D(0), D(60)]),
        cost_horizon_days=draw.choice([None, None, D(1), D(20)]),
        fee_rate=D("0.001"),
        direct_pairs=bool(crosses),
        maker_rate=D("0.0008"),
    )
    flows = [
        Flow(
            START_MS + draw.randint(0, rows) * interval_ms,
            draw.choice([QUOTE, QUOTE, assets[0]]),
            D(draw.choice([-300, 250, 900])),
        )
        for _flow in range(draw.choice([0, 0, 3]))
    ]
    start = {QUOTE: D(draw.choice([0, 60, 10_000]))}
    for asset in assets:
        if draw.random() < 0.5:
            start[asset] = D(draw.choice(["0.5", "3", "120"]))
    if is_plain:
        limits = replace(
            limits, order_step_pct=D(0), worst_price_pct=None, max_order_nav_pct=None, cost_horizon_days=None
        )
    if "BNB" in assets and draw.random() < 0.5:
        limits = replace(limits, bnb_for_fees=D(draw.choice([7, 40, 900])))
    scenario = Scenario(
        QUOTE,
        tuple(targets),
        limits,
        ExchangeInfo.of({rule.symbol: rule for rule in (*rules.values(), *map(cross_rules, crosses))}),
        start,
        trigger=draw.choice(list(Trigger)),
        every=draw.choice([timedelta(hours=5), timedelta(days=1), Calendar.DAY]),
        whole_portfolio=draw.random() < 0.4,
        fills=Fills(
            mode=FillMode.CLOSE if is_plain else draw.choice([FillMode.RANGE, FillMode.RANGE, FillMode.CLOSE]),
            reach=draw.choice(list(Reach)),
            participation_pct=draw.choice([None, D(1), D(30)]),
            spread_pct=D(draw.choice(["0", "0.1"])),
        ),
        fees=Fees(D("0.0008"), D("0.001"), in_bnb=draw.random() < 0.3),
        flows=tuple(flows),
        deploy_deposits=draw.random() < 0.5,
        order_lifetime_seconds=draw.choice([60, 3 * 3600]),
        reprice_distance_pct=draw.choice([None, D(1)]),
        max_turnover_pct=None if is_plain else draw.choice([None, None, D(40)]),
        begins_by_hand=draw.random() < 0.7,
        model=random_model(draw, [target.asset for target in targets], interval_ms) if draw.random() < 0.5 else None,
    )
    return History.of(QUOTE, columns, crosses), scenario


def cross_rules(pair: tuple[str, str]) -> SymbolRules:
    """Rules of the symbol that trades two coins for each other."""
    return SymbolRules(
        "".join(pair), *pair,
        tick_size=CROSS_TICK, min_price=CROSS_TICK, step_size=D("0.01"), min_quantity=D("0.01"),
        min_notional=D("0.0001"),
    )  # fmt: skip


def cross_candles(
    base: CandleColumns, counter: CandleColumns, rows: Mapping[int, tuple[Any, Any, Any, Any, Any]], symbol: str
) -> CandleColumns:
    """Candles of a symbol between two coins, by row number."""
    at = [(START_MS + row * base.interval_ms, *(str(value) for value in rows[row])) for row in sorted(rows)]
    assert base.interval_ms == counter.interval_ms
    return CandleColumns.from_rows(symbol, base.interval_ms, at)


def random_crosses(draw: random.Random, columns: Mapping[str, CandleColumns]) -> dict[tuple[str, str], CandleColumns]:
    """Markets between coins, near what their prices in the quote make them, with holes and little volume at times."""
    found = {}
    for base, counter in combinations(sorted(columns), 2):
        if draw.random() < 0.3:
            continue
        closes = {
            asset: dict(zip(one.open_time_ms.tolist(), one.close.tolist(), strict=True))
            for asset, one in ((base, columns[base]), (counter, columns[counter]))
        }
        scale = D(10) ** (columns[counter].price_places - columns[base].price_places)
        rows, before = {}, None
        for ms in sorted(closes[base].keys() & closes[counter].keys()):
            middle = D(closes[base][ms]) / D(closes[counter][ms]) * scale * D(str(round(draw.gauss(1, 0.001), 6)))
            close = max((middle / CROSS_TICK).to_integral_value() * CROSS_TICK, CROSS_TICK)
            opened, before = before or close, close
            if draw.random() < 0.9:
                row = (ms - START_MS) // columns[base].interval_ms
                rows[row] = (opened, max(opened, close), min(opened, close), close, draw.choice([0, 3, 500, 10**6]))
        if rows:
            found[base, counter] = cross_candles(columns[base], columns[counter], rows, base + counter)
    return found


def random_model(draw: random.Random, assets: Sequence[str], interval_ms: int) -> TargetModel:
    """A model that looks back over few days, so that a short history is enough for it, if only after a while."""
    return TargetModel(
        ModelSettings(
            draw.choice([kind for kind in ModelKind if kind != ModelKind.FIXED]),
            total_pct=D(draw.choice([100, 100, 60])),
            lookback_days=2 if interval_ms < DAY_MS else draw.choice([2, 10, 30]),
            cap_pct=draw.choice([None, D(60)]),
            square_root=draw.random() < 0.5,
            top_k=draw.choice([1, 2]),
            skip_days=draw.choice([0, 1]),
            volatility_scaled=draw.random() < 0.5,
            negative_to_quote=draw.random() < 0.5,
        ),
        timedelta(days=draw.choice([1, 1, 2, 7])),
        tuple((asset, D(draw.randint(1, 10**9))) for asset in assets),
    )


def rules_for(*assets: str, **more: Any) -> ExchangeInfo:
    rules: dict[str, SymbolRules] = {f"{asset}{QUOTE}": rules_of(asset, **more) for asset in assets}
    return ExchangeInfo.of(rules)
