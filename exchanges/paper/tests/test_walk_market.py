"""The seeded market: the same everywhere, continuous, correlated, and bounded in the long run."""

import json
import math
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper.market import MarketClock, WalkMarket
from exchanges.paper.symbols import SYMBOLS
from tests.support import examples

D = Decimal
NOW = 1_795_000_000_000
DAY = 86_400_000
ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import json
from exchanges.paper.market import WalkMarket
market = WalkMarket(5, 7)
quotes = [market.quote(symbol, 1_795_000_000_000) for symbol in market.symbols]
path = market.path("SOLETH", 1_795_000_000_000, 1_795_000_900_000)
print(json.dumps([[str(q.last), str(q.bid_quantity)] for q in quotes] + [path.ticks.tolist(), path.lots.tolist()]))
"""


@pytest.mark.processes
def test_two_processes_see_the_same_market() -> None:
    def ask() -> list:
        done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    first = ask()
    assert first == ask()
    assert len(first) == len(SYMBOLS) + 2


def test_another_seed_is_another_market() -> None:
    assert WalkMarket(1).quote("BTCUSDT", NOW) != WalkMarket(2).quote("BTCUSDT", NOW)


def test_every_symbol_has_a_tick_sized_price_and_a_spread() -> None:
    market = WalkMarket(1)
    for symbol, spec in SYMBOLS.items():
        quote = market.quote(symbol, NOW)
        assert quote.last > 0
        assert quote.last % spec.tick == 0
        assert quote.bid <= quote.last <= quote.ask
        assert quote.ask - quote.bid >= spec.tick
        assert quote.ask - quote.bid <= max(spec.tick, quote.last / 10_000)
        assert quote.bid_quantity % spec.step == 0
        depth = market.depth(symbol, NOW)
        assert depth.bids[0] == (quote.bid, quote.bid_quantity)
        assert depth.asks[0] == (quote.ask, quote.ask_quantity)
        assert list(depth.asks) == sorted(depth.asks)
        assert abs(market.average(symbol, NOW) / quote.last - 1) < D("0.05")


def test_a_cross_is_the_ratio_of_its_two_sides() -> None:
    market = WalkMarket(1)
    for cross, base, quote in (("ETHBTC", "ETHUSDT", "BTCUSDT"), ("SOLUSDC", "SOLUSDT", "USDCUSDT")):
        ratio = market.quote(base, NOW).last / market.quote(quote, NOW).last
        assert abs(market.quote(cross, NOW).last - ratio) <= SYMBOLS[cross].tick * 2


def test_prices_never_run_away_and_stablecoins_hold_their_peg() -> None:
    market = WalkMarket(3)
    moments = [NOW + day * DAY for day in range(0, 20 * 365, 29)]
    bitcoin = [float(market.quote("BTCUSDT", moment).last) for moment in moments]
    assert max(bitcoin) / min(bitcoin) < 8
    assert min(bitcoin) < 89_902 < max(bitcoin)
    for symbol, parity in (("USDCUSDT", 0.9998), ("FDUSDUSDT", 0.9985)):
        away = [abs(float(market.quote(symbol, moment).last) - parity) for moment in moments]
        assert max(away) < 0.006
        assert sum(away) / len(away) < 0.0012


def test_coins_move_like_the_real_ones() -> None:
    market = WalkMarket(1)
    returns = {}
    for symbol in ("BTCUSDT", "ETHUSDT", "PAXGUSDT"):
        prices = [math.log(market.quote(symbol, NOW + day * DAY).last) for day in range(730)]
        returns[symbol] = np.diff(prices)
    volatility = returns["BTCUSDT"].std() * math.sqrt(365)
    assert 0.36 < volatility < 0.48
    assert np.corrcoef(returns["BTCUSDT"], returns["ETHUSDT"])[0, 1] > 0.7
    assert abs(np.corrcoef(returns["BTCUSDT"], returns["PAXGUSDT"])[0, 1]) < 0.2


def test_a_path_is_continuous_across_its_blocks() -> None:
    path = WalkMarket(1).path("BTCUSDT", NOW, NOW + 3 * 4096 * 1000)
    jumps = np.abs(np.diff(np.log(path.ticks)))
    assert jumps.max() < 0.001


def test_the_usual_volume_is_traded_in_a_day() -> None:
    market = WalkMarket(1)
    for symbol in ("BTCUSDT", "BARDUSDT", "DOGEBTC"):
        spec = SYMBOLS[symbol]
        path = market.path(symbol, NOW, NOW + DAY)
        quote_usd = 1.0 if spec.quote == "USDT" else 89_902.17
        traded = float((path.ticks * path.lots).sum()) * float(spec.tick) * float(spec.step) * quote_usd
        assert 0.9 < traded / spec.daily_usd < 1.1


def test_a_faster_market_moves_further_and_trades_more_in_the_same_wall_time() -> None:
    slow, fast = WalkMarket(1), WalkMarket(1, 60)
    spread = {}
    for name, market in (("slow", slow), ("fast", fast)):
        path = market.path("ETHUSDT", NOW, NOW + DAY)
        hourly = np.log(path.ticks[:: max(1, len(path) // 24)])
        spread[name] = np.diff(hourly).std(), float(path.lots.sum())
    assert 4 < spread["fast"][0] / spread["slow"][0] < 15
    assert 50 < spread["fast"][1] / spread["slow"][1] < 75
    assert fast.description == "walk seed 1 x60"


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 10**7), st.integers(0, 10**7), st.sampled_from([Fraction(1), Fraction(60), Fraction(1, 3)]))
def test_two_stretches_hold_the_steps_of_the_whole(first: int, second: int, speed: Fraction) -> None:
    market = WalkMarket(1, speed)
    middle, end = NOW + first, NOW + first + second
    whole = market.path("ADAUSDT", NOW, end)
    left, right = market.path("ADAUSDT", NOW, middle), market.path("ADAUSDT", middle, end)
    assert whole.ticks.tolist() == [*left.ticks.tolist(), *right.ticks.tolist()]
    assert whole.lots.tolist() == [*left.lots.tolist(), *right.lots.tolist()]
    if len(whole):
        assert NOW < whole.at(0).time_ms <= whole.at(len(whole) - 1).time_ms <= end


@settings(max_examples=examples(200))
@given(
    st.integers(-(10**13), 10**13),
    st.fractions(min_value=Fraction(1, 100), max_value=100_000),
    st.sampled_from([1000, 60_000, 2_048_000]),
)
def test_a_step_has_come_at_its_own_time_and_not_before(step: int, speed: Fraction, step_ms: int) -> None:
    clock = MarketClock(NOW, speed, step_ms, 12_345)
    assert clock.step_at(clock.wall_of(step)) >= step
    assert clock.step_at(clock.wall_of(step) - 1) < step


def test_a_path_finds_the_first_step_that_reaches_a_price() -> None:
    market = WalkMarket(1)
    path = market.path("BTCUSDT", NOW, NOW + DAY)
    prices = [path.at(index).price for index in range(len(path))]
    low = min(prices)
    assert path.next_touch(0, low, None, 0) == prices.index(low)
    assert path.next_touch(0, low - SYMBOLS["BTCUSDT"].tick, None, 0) is None
    assert path.next_touch(prices.index(low) + 1, None, prices[0], 0) == next(
        index for index in range(prices.index(low) + 1, len(prices)) if prices[index] >= prices[0]
    )


def test_two_days_of_five_symbols_are_walked_in_well_under_a_second() -> None:
    market = WalkMarket(9)
    begun = time.perf_counter()
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"):
        path = market.path(symbol, NOW, NOW + 2 * DAY)
        assert path.next_touch(0, D("0.0001"), None, 10) is None
    assert time.perf_counter() - begun < 1


def test_a_market_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        WalkMarket(1, 0)
