"""Random portfolios on the rules of real symbols: of the 1,248 of a recorded exchangeInfo where ../shared is present,
and of the paper exchange's table always. Pure.
"""

import gzip
import json
import math
import random
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from botbalance.lib.money import HUNDRED, ZERO
from exchanges import schemas
from exchanges.domain import ExchangeInfo, Price, PriceSnapshot, Side
from exchanges.paper.exchange_info import symbol_info
from exchanges.paper.symbols import SYMBOLS
from strategies.domain import BandType, Limits, OpenOrder, Plan, Target, TradeTo
from strategies.tests.planning import QUOTE, D, Scene
from tests.support import SHARED

RECORDED = SHARED / "binance" / "exchange_info" / "testnet_2024-09-08_1248symbols.json.gz"
FEE = D("0.001")


@cache
def symbols(path: Path | None) -> dict[str, dict[str, Any]]:
    """Every TRADING symbol against USDT, as exchangeInfo gives it, by base asset."""
    if path:
        rows = json.loads(gzip.decompress(path.read_bytes()))["symbols"]
    else:
        rows = [symbol_info(spec, "TRADING") for spec in SYMBOLS.values()]
    return {row["baseAsset"]: row for row in rows if row["quoteAsset"] == QUOTE and row["status"] == "TRADING"}


@cache
def info_of(path: Path | None) -> ExchangeInfo:
    rules = [schemas.symbol_rules(row) for row in symbols(path).values()]
    return ExchangeInfo.of({rule.symbol: rule for rule in rules})


def random_price(draw: random.Random, rules: Any) -> Decimal:
    """A price on half ticks (a mid), somewhere between ten thousand ticks and the price filter's top."""
    ticks = int(10 ** draw.uniform(3, 7)) + draw.choice([D(0), D("0.5")])
    price = ticks * rules.tick_size
    # As on the real exchange, a lot is worth a fraction of the smallest order.
    dearest = rules.min_notional / 5 / rules.ceil_quantity(ZERO)
    return max(min(price, rules.max_price / 2, dearest), rules.min_price)


def scene_of(seed: int, assets: int, nav_exponent: float, source: Path | None, *, tame: bool) -> Scene:
    """A random scene. `tame`: a band wide enough for the convergence bound, no open orders, no caps."""
    draw = random.Random(seed)
    info = info_of(source)
    known = sorted(symbols(source))
    chosen = draw.sample(known, min(assets, len(known)))
    prices: dict[str, Price] = {}
    for asset in chosen:
        rules = info.rules[f"{asset}{QUOTE}"]
        value = random_price(draw, rules)
        problem = ""
        if not tame and draw.random() < 0.1:
            problem, value = draw.choice([("empty", ZERO), ("crossed", value)])
        prices[rules.symbol] = Price(rules.symbol, value, value, value, problem)
    nav = D(str(round(10**nav_exponent, 2)))
    parts = [draw.random() ** 3 for _ in range(len(chosen) + 1)]
    held: dict[str, Decimal] = {QUOTE: (nav * D(str(parts[-1] / sum(parts)))).quantize(D("0.00000001"))}
    locked: dict[str, Decimal] = {}
    for asset, part in zip(chosen, parts, strict=False):
        price = prices[f"{asset}{QUOTE}"].value
        if draw.random() < 0.3 or price == 0:
            continue
        held[asset] = (nav * D(str(part / sum(parts))) / price).quantize(D("0.00000001"))
        if not tame and draw.random() < 0.2:
            locked[asset] = (held[asset] * D(str(draw.random()))).quantize(D("0.00000001"))
            held[asset] -= locked[asset]
    wanted = draw.sample(chosen, draw.randint(1, len(chosen)))
    shares = [draw.random() for _ in wanted]
    total = D(draw.choice(["100", "100", "95", "60"]))
    weights = [(total * D(str(share / sum(shares)))).quantize(D("0.0001"), rounding="ROUND_FLOOR") for share in shares]
    open_orders: list[OpenOrder] = []
    if not tame:
        for asset in wanted:
            if draw.random() < 0.15 and prices[f"{asset}{QUOTE}"].value:
                price = prices[f"{asset}{QUOTE}"].value
                side = draw.choice(list(Side))
                amount = (nav * D(str(draw.random() / 10)) / price).quantize(D("0.00000001"))
                open_orders.append(OpenOrder(f"{asset}{QUOTE}", side, price, amount))
    step = D(draw.choice(["0", "0.1", "0.5", "-0.2"]))
    if tame:
        minimum = max(info.rules[symbol].min_notional + lot_value(info, prices, symbol) for symbol in prices)
        costs = nav * (FEE * 2 + abs(step) / HUNDRED)
        band = ((minimum * 2 + costs) / nav * HUNDRED).quantize(D("0.01"), rounding="ROUND_CEILING")
        limits = Limits(
            min_delta_pct=max(band, D("0.1")),
            order_size_pct=D(draw.choice(["5", "10", "25", "100"])),
            order_step_pct=step,
            sell_unlisted=draw.random() < 0.5,
            max_orders=1000,
            fee_rate=FEE,
        )
    else:
        limits = Limits(
            min_delta_pct=D(str(round(draw.uniform(0.05, 10), 2))),
            order_size_pct=D(str(round(draw.uniform(0.1, 100), 2))),
            order_step_pct=step,
            band_type=draw.choice(list(BandType)),
            trade_to=draw.choice(list(TradeTo)),
            quote_reserve_pct=D(draw.choice(["0", "0", "5", "50"])),
            max_orders=draw.choice([1, 5, 1000]),
            turnover_left=draw.choice([None, None, nav / 10]),
            sell_unlisted=draw.random() < 0.5,
            fee_rate=FEE,
        )
    targets = tuple(Target(asset, weight) for asset, weight in zip(wanted, weights, strict=True))
    return Scene(info, PriceSnapshot("paper", "mid", 0, prices), held, targets, limits, locked, tuple(open_orders))


def lot_value(info: ExchangeInfo, prices: dict[str, Price], symbol: str) -> Decimal:
    return info.rules[symbol].ceil_quantity(ZERO) * prices[symbol].value


def most_rounds(scene: Scene, plan: Plan) -> int:
    """How many rounds of ideal fills a rebalance from this first plan may take at most."""
    # What an order can come to: the order size, or the exchange's largest, less the lot it is rounded down to.
    lot = max(lot_value(scene.info, dict(scene.prices.prices), symbol) for symbol in scene.prices.prices)
    smallest = min(scene.info.rules[symbol].min_notional for symbol in scene.prices.prices)
    largest = min(scene.info.rules[symbol].max_quantity * price.value for symbol, price in scene.prices.prices.items())
    size = max(min(plan.managed * scene.limits.order_size_pct / HUNDRED, largest) - lot, smallest)
    moves = sum((abs(row.target_pct - row.weight_pct) for row in plan.allocations if row.asset != QUOTE), ZERO)
    return math.ceil(plan.managed * moves / HUNDRED / size) + 3
