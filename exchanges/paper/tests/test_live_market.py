"""PAPER_MARKET=live: the prices, books, trades and candles of a live exchange's public data."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from exchanges.paper.market import Control, ControlledMarket, LiveMarket, Tape
from exchanges.paper.market.live_host import HostFailure, LiveHost
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.live_host import LISTED, Clock, Host, Memory, hosting
from exchanges.paper.tests.live_host import START_MS as NOW

D = Decimal
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
LAG = 3 * SECOND
RECORDED = Path(django_settings.BASE_DIR).parent / "shared" / "binance" / "exchange_info"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory:
    return Memory(clock)


@pytest.fixture
def host(clock: Clock) -> Iterator[Host]:
    with hosting(Host(clock)) as running:
        yield running


@pytest.fixture
def market(host: Host, clock: Clock, memory: Memory) -> LiveMarket:
    return LiveMarket(host.url, 1, memory, clock)


class TestLivePrices:
    def test_quotes_and_last_prices_are_the_hosts(self, market: LiveMarket, host: Host) -> None:
        assert market.description == "live prices"
        for symbol in ("BTCUSDT", "XRPBTC"):
            assert market.quote(symbol, NOW) == host.market.quote(symbol, NOW)
            assert market.status(symbol, NOW) == "TRADING"

    def test_the_book_is_the_hosts_under_the_hosts_number(self, market: LiveMarket, host: Host) -> None:
        assert market.depth("ETHUSDT", NOW) == host.market.depth("ETHUSDT", NOW)

    def test_all_who_ask_within_a_second_share_one_answer(self, market: LiveMarket, host: Host, clock: Clock) -> None:
        for symbol in market.symbols:
            market.quote(symbol, NOW)
            market.status(symbol, NOW)
        assert sorted(host.asked) == ["exchangeInfo", "ticker/bookTicker", "ticker/price"]
        clock.now += SECOND
        market.quote("BTCUSDT", clock.now)
        assert host.asked.count("ticker/bookTicker") == 2
        assert host.asked.count("exchangeInfo") == 1

    def test_the_symbols_are_ours_that_trade_there_with_the_hosts_numbers(
        self, host: Host, clock: Clock, memory: Memory
    ) -> None:
        changes = {"LOT_SIZE": {"stepSize": "0.00100000"}, "NOTIONAL": {"minNotional": "10.00000000"}}
        host.controls = [
            Control("ADAUSDT", 0, "DELISTED"),
            Control("LTCUSDT", 0, "HALT"),
            Control("BTCUSDT", 0, "TRADING", filters=changes),
        ]
        symbols = LiveMarket(host.url, 1, memory, clock).symbols
        assert set(LISTED) - set(symbols) == {"ADAUSDT", "LTCUSDT"}
        assert set(symbols) <= set(LISTED)
        assert (symbols["BTCUSDT"].step, symbols["BTCUSDT"].min_notional) == (D("0.001"), D(10))
        assert symbols["ETHUSDT"] == SYMBOLS["ETHUSDT"]

    def test_a_symbol_without_a_book_is_in_a_break(self, market: LiveMarket, host: Host, clock: Clock) -> None:
        assert market.status("LTCUSDT", NOW) == "TRADING"
        host.controls = [Control("LTCUSDT", NOW, "HALT")]
        clock.now += SECOND
        assert market.status("LTCUSDT", clock.now) == "BREAK"
        assert market.status("BTCUSDT", clock.now) == "TRADING"


class TestWhatIsTraded:
    def test_each_closed_second_is_played_in_four_steps_three_seconds_later(
        self, market: LiveMarket, host: Host
    ) -> None:
        second = NOW // SECOND * SECOND - 10 * SECOND
        row = host.ask("/api/v3/klines", f"symbol=BTCUSDT&interval=1s&startTime={second}&limit=1")[0]
        path = market.path("BTCUSDT", second + LAG - 1, second + LAG + SECOND - 1)
        prices = [path.at(index).price for index in range(len(path))]
        opened, high, low, close = (D(price) for price in row[1:5])
        assert prices[0] == opened
        assert prices[3] == close
        assert sorted(prices[1:3]) == [low, high]
        assert prices[1] == (high if high - opened <= opened - low else low)
        assert int(path.lots.sum()) * SYMBOLS["BTCUSDT"].step == D(row[5])
        assert [path.at(index).time_ms for index in range(4)] == [second + LAG + 250 * index for index in range(4)]

    @pytest.mark.parametrize("cut", [1, 250, 999, 40_000, 2 * MINUTE + 77])
    def test_two_stretches_hold_the_steps_of_the_whole_in_every_process(
        self, market: LiveMarket, host: Host, clock: Clock, memory: Memory, cut: int
    ) -> None:
        begin = NOW - 5 * MINUTE
        other = LiveMarket(host.url, 1, memory, clock)
        whole = market.path("ETHBTC", begin, NOW)
        left, right = other.path("ETHBTC", begin, begin + cut), other.path("ETHBTC", begin + cut, NOW)
        assert whole.ticks.tolist() == [*left.ticks.tolist(), *right.ticks.tolist()]
        assert whole.lots.tolist() == [*left.lots.tolist(), *right.lots.tolist()]
        assert len(whole) == 5 * 60 * 4
        assert whole.known

    def test_what_is_traded_now_does_not_change_later(self, market: LiveMarket, clock: Clock) -> None:
        early = market.path("BTCUSDT", NOW - MINUTE, NOW)
        clock.now += 90 * SECOND
        late = market.path("BTCUSDT", NOW - MINUTE, NOW)
        assert early.ticks.tolist() == late.ticks.tolist()
        assert (early.ticks > 0).all()

    def test_a_long_absence_is_walked_in_minutes_with_few_requests(self, market: LiveMarket, host: Host) -> None:
        begin = NOW // HOUR * HOUR - 20 * HOUR
        path = market.path("SOLUSDT", begin + LAG - 1, NOW)
        rows = host.ask("/api/v3/klines", f"symbol=SOLUSDT&interval=1m&startTime={begin}&limit=600")
        ten_hours = 10 * HOUR // 250
        ticks, lots = path.ticks[:ten_hours], path.lots[:ten_hours]
        assert int(ticks.max()) * path.unit == max(D(row[2]) for row in rows)
        assert int(ticks[ticks > 0].min()) * path.unit == min(D(row[3]) for row in rows)
        assert int(lots.sum()) * SYMBOLS["SOLUSDT"].step == sum(D(row[5]) for row in rows)
        assert host.asked.count("klines") <= 9

    def test_candles_of_closed_minutes_and_hours_are_the_hosts(self, market: LiveMarket, host: Host) -> None:
        tape = Tape(ControlledMarket(market, []), NOW)
        spec = SYMBOLS["BTCUSDT"]
        for unit, name, count in ((MINUTE, "1m", 90), (HOUR, "1h", 30)):
            opens = NOW // unit * unit - count * unit
            rows = host.ask("/api/v3/klines", f"symbol=BTCUSDT&interval={name}&startTime={opens}&limit={count}")
            candles = tape.candles("BTCUSDT", [opens + number * unit for number in range(count + 1)])
            for row, candle in zip(rows, candles, strict=True):
                bar = candle.bar
                prices = [bar.open * spec.tick, bar.high * spec.tick, bar.low * spec.tick, bar.close * spec.tick]
                assert [candle.open_ms, *prices] == [row[0], *(D(price) for price in row[1:5])]
                assert bar.lots * spec.step == D(row[5])
                assert bar.trades == row[8]
        assert host.asked.count("klines") <= 6

    def test_the_running_minute_is_made_of_the_tape(self, market: LiveMarket) -> None:
        tape = Tape(ControlledMarket(market, []), NOW)
        opens = NOW // MINUTE * MINUTE
        bar = tape.candles("BTCUSDT", [opens, opens + MINUTE])[0].bar
        trades = tape.following("BTCUSDT", 10_000, since_ms=opens)
        assert (bar.open, bar.close, bar.trades) == (trades[0].ticks, trades[-1].ticks, len(trades))

    def test_the_last_24_hours_are_the_hosts_own_count(self, market: LiveMarket, host: Host) -> None:
        day = market.day("ETHUSDT", NOW)
        row = host.ask("/api/v3/ticker/24hr", "symbol=ETHUSDT")
        spec = SYMBOLS["ETHUSDT"]
        assert day is not None
        assert day.bar.high * spec.tick == D(row["highPrice"])
        assert day.bar.lots * spec.step == D(row["volume"])
        assert day.previous_close * spec.tick == D(row["prevClosePrice"])
        for symbol in market.symbols:
            market.day(symbol, NOW)
        assert host.asked.count("ticker/24hr") == 1

    def test_the_average_price_is_that_of_the_last_five_minutes(self, market: LiveMarket) -> None:
        trades = Tape(ControlledMarket(market, []), NOW).following("BTCUSDT", 10_000, since_ms=NOW - 5 * MINUTE + 1)
        exact = D(sum(trade.ticks * trade.lots for trade in trades)) / sum(trade.lots for trade in trades)
        assert abs(market.average("BTCUSDT", NOW) - exact * D("0.01")) <= D("1e-8")


@pytest.mark.needs_shared
@pytest.mark.skipif(not RECORDED.is_dir(), reason="../shared/binance is not there")
def test_real_rules_are_understood(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.loads((RECORDED / "binance_com_exchangeInfo_TSLABUSDT_2026.json").read_text())
    row = body["symbols"][0] | {"symbol": "SOLUSDT", "baseAsset": "SOL", "quoteAsset": "USDT"}
    host = Host(clock)
    monkeypatch.setattr(host, "ask", lambda path, query: {"symbols": [row]})
    with hosting(host):
        found = LiveHost(host.url, clock, lambda problem: None).rules(SYMBOLS)
    assert set(found) == {"SOLUSDT"}
    assert (found["SOLUSDT"].tick, found["SOLUSDT"].step) == (D("0.01"), D("0.001"))
    assert (found["SOLUSDT"].max_price, found["SOLUSDT"].max_quantity) == (D(100_000), D(922_327))


@pytest.mark.parametrize(
    "change",
    [
        {"filters": []},
        {"baseAsset": "BCH"},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0"}, {"filterType": "LOT_SIZE", "stepSize": "1"}]},
    ],
)
def test_rules_that_make_no_sense_are_a_failure(clock: Clock, monkeypatch: pytest.MonkeyPatch, change: dict) -> None:
    host = Host(clock)
    row = host.ask("/api/v3/exchangeInfo", "symbol=BTCUSDT")["symbols"][0] | change
    monkeypatch.setattr(host, "ask", lambda path, query: {"symbols": [row]})
    problems: list[str | None] = []
    with hosting(host), pytest.raises(HostFailure, match="exchangeInfo"):
        LiveHost(host.url, clock, problems.append).rules(SYMBOLS)
    assert len(problems) == 1
