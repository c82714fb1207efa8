"""What the product's own symbol rules let pass the engine accepts, and what they refuse it refuses with the same
filter: for every symbol of a whole recorded exchangeInfo.
"""

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from botbalance.lib.money import floor_to_step
from exchanges import schemas
from exchanges.domain import Side, SymbolRules
from exchanges.paper import engine
from exchanges.paper.engine import Account, Balance, Book, Refused, Request, Rules
from exchanges.paper.exchange_info import symbol_info
from exchanges.paper.symbols import SYMBOLS

RECORDED = settings.BASE_DIR.parent / "shared/binance/exchange_info/testnet_2024-09-08_1248symbols.json.gz"
RANDOM_ORDERS = 25
D = Decimal
Case = tuple[Side, Decimal, Decimal]


def cases(rules: SymbolRules, reference: Decimal, draw: random.Random) -> Iterator[Case]:
    """Orders at the edges of every filter, and random ones around the market."""
    tick, step = rules.tick_size, rules.step_size
    enough = rules.ceil_quantity(rules.min_notional * 2 / reference)
    for side in Side:
        up = rules.bid_multiplier_up if side == Side.BUY else rules.ask_multiplier_up
        down = rules.bid_multiplier_down if side == Side.BUY else rules.ask_multiplier_down
        highest, lowest = rules.floor_price(reference * up), rules.ceil_price(reference * down)
        prices = [
            reference, rules.min_price, rules.min_price - tick / 2, rules.max_price, rules.max_price + tick,
            reference + tick / 2, highest, highest + tick, lowest, lowest - tick,
        ]  # fmt: skip
        for price in prices:
            yield side, price, enough
        least = rules.ceil_quantity(rules.min_notional / reference)
        most = floor_to_step(rules.max_notional / reference, step)
        quantities = [
            rules.min_quantity, rules.min_quantity / 2, rules.max_quantity, rules.max_quantity + step,
            enough + step / 2, least, least - step, most, most + step,
        ]  # fmt: skip
        for quantity in quantities:
            yield side, reference, quantity
    for _ in range(RANDOM_ORDERS):
        price = rules.floor_price(reference * D(draw.randrange(1, 800)) / 100)
        yield draw.choice(list(Side)), price, rules.floor_quantity(enough * draw.randrange(1, 400) / 100)


def refused_by_engine(rules: Rules, case: Case, reference: Decimal) -> str:
    """The filter by which the engine refuses an order of somebody with money enough; "" when it takes it."""
    side, price, quantity = case
    plenty = D(10) ** 24
    rich = Account(1, {rules.base: Balance(plenty), rules.quote: Balance(plenty)})
    wanted = Request(rules.symbol, side.value, quantity, price, "one")
    try:
        engine.place(rich, wanted, rules, Book(1, (), ()), reference, 0)
    except Refused as error:
        return error.text.removeprefix("Filter failure: ")
    return ""


def disagreements(entry: Mapping[str, Any], reference: Decimal, draw: random.Random) -> tuple[int, list[str]]:
    """How many orders of one symbol were compared, and about which the two disagree."""
    ours, theirs = schemas.symbol_rules(entry), Rules.of(entry, D(0))
    found, compared = [], 0
    for case in cases(ours, reference, draw):
        side, price, quantity = case
        if price <= 0 or quantity <= 0:
            continue
        compared += 1
        mine, engines = ours.failure(side, price, quantity, reference), refused_by_engine(theirs, case, reference)
        if mine != engines:
            found.append(
                f"{ours.symbol} {side} {quantity} at {price}: {mine or 'passes'}, engine {engines or 'passes'}"
            )
    return compared, found


def reference_of(rules: SymbolRules) -> Decimal:
    """A price somewhere in the middle of what the symbol's filters allow."""
    cheapest = max(rules.min_price * 100, rules.min_notional / rules.max_quantity * 10)
    dearest = rules.max_price / 10 if rules.max_price else cheapest * 1000
    return rules.floor_price(min(max(cheapest, D(1)), dearest)) or rules.tick_size


@pytest.mark.needs_shared
@pytest.mark.skipif(not RECORDED.is_file(), reason="../shared/binance is not there")
def test_every_trading_symbol_of_a_recorded_exchange_is_judged_alike() -> None:
    entries = [
        row for row in json.loads(gzip.decompress(RECORDED.read_bytes()))["symbols"] if row["status"] == "TRADING"
    ]
    draw = random.Random(7)
    compared, found, passed_by = 0, [], 0
    for entry in entries:
        count, differing = disagreements(entry, reference_of(schemas.symbol_rules(entry)), draw)
        compared += count
        found += differing
        passed_by += 1
    assert found == []
    assert passed_by == 1248
    assert compared > 40 * 1248


@pytest.mark.parametrize("symbol", sorted(SYMBOLS))
def test_every_symbol_of_the_paper_exchange_is_judged_alike(symbol: str) -> None:
    entry = symbol_info(SYMBOLS[symbol], "TRADING")
    compared, found = disagreements(entry, reference_of(schemas.symbol_rules(entry)), random.Random(7))
    assert found == []
    assert compared > 40


def test_an_older_filter_is_named_by_its_own_name() -> None:
    filters = [
        row for row in symbol_info(SYMBOLS["BTCUSDT"], "TRADING")["filters"]
        if row["filterType"] not in ("NOTIONAL", "PERCENT_PRICE_BY_SIDE")
    ]  # fmt: skip
    filters += [
        {"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": True, "avgPriceMins": 5},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5},
    ]
    entry = {**symbol_info(SYMBOLS["BTCUSDT"], "TRADING"), "filters": filters}
    compared, found = disagreements(entry, D(50_000), random.Random(7))
    assert found == []
    assert compared > 40
    failure = schemas.symbol_rules(entry).failure
    assert failure(Side.BUY, D(50_000), D("0.00019"), D(50_000)) == "MIN_NOTIONAL"
    assert failure(Side.BUY, D(9_999), D("0.1"), D(50_000)) == "PERCENT_PRICE"
