"""How long a plan takes: portfolios at random, on the rules and prices of the paper exchange."""

import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from bench.crowd import QUOTE
from botbalance.lib.money import floor_to_step
from exchanges import services as exchanges
from exchanges.domain import Balance, Venue
from portfolio.domain import value_portfolio
from strategies.domain import Limits, Plan, Target
from strategies.planner import plan_rebalance

ASSETS = (5, 20, 50)
NAV = Decimal(100_000)  # so that most legs are above their least notional


def measure(*, portfolios: int, repeats: int) -> dict[str, Any]:
    """Median microseconds of one plan, and how many legs it has on average, by number of assets."""
    found: dict[str, Any] = {}
    for assets in ASSETS:
        planners = [_planner(assets, seed) for seed in range(portfolios)]
        legs = [len(plan().legs) for plan in planners]
        spent = []
        for plan in planners:
            for _repeat in range(repeats):
                begun = time.perf_counter_ns()
                plan()
                spent.append(time.perf_counter_ns() - begun)
        found[str(assets)] = {"us": round(statistics.median(spent) / 1000), "legs": round(statistics.fmean(legs), 1)}
    return found


def _planner(assets: int, seed: int) -> Callable[[], Plan]:
    """A plan for so many assets, held at random and all wanted alike; a fifth is in the quote."""
    draw = random.Random(seed)  # noqa: S311  (a bench that repeats, no secret)
    market = exchanges.shared_market(Venue.PAPER)
    priced = {
        rules.base: price.value
        for symbol, rules in sorted(market.info.rules.items())
        if rules.quote == QUOTE and (price := market.prices.price(symbol)) is not None and price.value > 0
    }
    chosen = draw.sample(list(priced), assets)
    shares = [draw.randint(1, 100) for _asset in chosen]
    balances = [Balance(QUOTE, NAV / 5, Decimal(0))]
    for asset, share in zip(chosen, shares, strict=True):
        amount = NAV * share / sum(shares) * 4 / 5 / priced[asset]
        balances.append(Balance(asset, floor_to_step(amount, Decimal("0.00000001")), Decimal(0)))
    targets = [Target(asset, floor_to_step(Decimal(95) / assets, Decimal("0.0001"))) for asset in chosen]
    valuation = value_portfolio(balances, QUOTE, market.prices, market.info)
    limits = Limits(min_delta_pct=Decimal("0.1"), max_orders=50)
    return partial(plan_rebalance, valuation, targets, limits, market.info, market.prices)
