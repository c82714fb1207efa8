"""When live prices cannot be reached: no market at once, the walk after a while, and every page says so."""

import html
import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client as BrowserClient

from botbalance.lib.clock import now_ms
from exchanges.paper import services
from exchanges.paper.market import Control, ControlledMarket, LiveMarket, Tape, TapeUnknown, WalkMarket
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.live_host import Clock, Host, Memory, hosting
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

D = Decimal
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


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


def wait(market: LiveMarket, clock: Clock, seconds: int) -> None:
    """Time passes, and somebody looks at a price every second."""
    for _ in range(seconds):
        clock.now += SECOND
        market.quote("BTCUSDT", clock.now)


class TestTheMarket:
    def test_the_first_look_tells_that_nobody_answers(self, host: Host, clock: Clock, memory: Memory) -> None:
        def ticking() -> int:  # a look takes a while, also a vain one
            clock.now += 1
            return clock.now

        host.trouble = "drop"
        market = LiveMarket(host.url, 1, memory, ticking)
        assert market.description == "walk seed 1 x1 (live prices cannot be reached)"

    @pytest.mark.parametrize("trouble", ["drop", "malformed", "form", 500, 451, 429, 418])
    def test_there_is_no_market_at_once_and_the_walk_after_half_a_minute(
        self,
        market: LiveMarket,
        host: Host,
        clock: Clock,
        trouble: str | int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        wait(market, clock, 1)
        last = market.quote("BTCUSDT", clock.now).last
        host.trouble = trouble
        wait(market, clock, 5)
        quote = market.quote("BTCUSDT", clock.now)
        assert (quote.last, quote.bid, quote.ask) == (last, 0, 0)
        assert market.status("BTCUSDT", clock.now) == "BREAK"
        assert market.depth("BTCUSDT", clock.now).bids == ()
        assert market.description == "no prices (live prices cannot be reached)"
        wait(market, clock, 35)
        assert market.description == "walk seed 1 x1 (live prices cannot be reached)"
        assert market.quote("BTCUSDT", clock.now) == WalkMarket(1).quote("BTCUSDT", clock.now)
        assert market.status("BTCUSDT", clock.now) == "TRADING"
        said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert sum("live prices cannot be reached" in text for text in said) == 1
        assert [text for text in said if "jump" in text] == [
            "the paper exchange's prices jump: from now on walk seed 1 x1"
        ]

    def test_nothing_is_traded_between_live_prices_and_the_walk(
        self, market: LiveMarket, host: Host, clock: Clock
    ) -> None:
        wait(market, clock, 10)
        host.trouble = "drop"
        broke = clock.now
        wait(market, clock, 60)
        host.trouble = ""
        path = market.path("BTCUSDT", broke + 2 * SECOND, clock.now)
        walk = WalkMarket(1).path("BTCUSDT", clock.now - 10 * SECOND, clock.now)
        traded = [path.at(index) for index in range(len(path)) if path.ticks[index]]
        assert traded[0].time_ms >= broke + 30 * SECOND
        assert [(step.time_ms, step.price, step.lots) for step in traded[-10:]] == [
            (walk.at(index).time_ms, walk.at(index).price, walk.at(index).lots) for index in range(10)
        ]

    def test_a_short_failure_changes_no_prices(self, market: LiveMarket, host: Host, clock: Clock) -> None:
        wait(market, clock, 3)
        for _ in range(4):
            host.trouble = "drop"
            wait(market, clock, 20)
            host.trouble = ""
            wait(market, clock, 4)
            assert market.description == "live prices"
            assert market.status("BTCUSDT", clock.now) == "TRADING"

    def test_live_prices_come_back_after_a_while_of_nothing_but_answers_and_the_page_says_so(
        self, market: LiveMarket, host: Host, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        wait(market, clock, 1)
        host.trouble = "drop"
        wait(market, clock, 60)
        host.trouble = ""
        wait(market, clock, 20)
        assert market.description == "walk seed 1 x1 (live prices cannot be reached)"
        wait(market, clock, 40)
        assert market.description.startswith("live prices (since ")
        assert market.description.endswith(" UTC; walk seed 1 x1 before)")
        assert market.quote("BTCUSDT", clock.now) == host.market.quote("BTCUSDT", clock.now)
        assert "prices jump: from now on live prices" in caplog.text
        wait(market, clock, 1)
        clock.now += HOUR
        wait(market, clock, 1)
        assert market.description == "live prices"

    def test_all_processes_switch_at_one_moment(
        self, market: LiveMarket, host: Host, clock: Clock, memory: Memory
    ) -> None:
        other = LiveMarket(host.url, 1, memory, clock)
        wait(market, clock, 1)
        wait(other, clock, 1)
        host.trouble = 500
        seen = []
        for _ in range(60):
            clock.now += SECOND
            seen.append([each.quote("ETHUSDT", clock.now) for each in (market, other)])
        late = LiveMarket(host.url, 1, memory, clock)
        assert late.quote("ETHUSDT", clock.now) == seen[-1][0]
        # The first second of a failure is known only to who met it.
        assert sum(first.bid != second.bid for first, second in seen) <= 1
        begin = clock.now - MINUTE
        assert market.path("ETHUSDT", begin, clock.now).ticks.tolist() == (
            late.path("ETHUSDT", begin, clock.now).ticks.tolist()
        )

    def test_down_at_the_start_it_is_the_walk_at_once(self, clock: Clock, memory: Memory) -> None:
        market = LiveMarket("http://127.0.0.1:9", 1, memory, clock)
        wait(market, clock, 2)
        assert market.description == "walk seed 1 x1 (live prices cannot be reached)"
        assert set(market.symbols) == set(SYMBOLS)
        assert market.status("BTCUSDT", clock.now) == "TRADING"

    def test_a_process_that_starts_in_the_outage_knows_the_rules_of_the_others(
        self, market: LiveMarket, host: Host, clock: Clock, memory: Memory
    ) -> None:
        host.controls = [Control("ADAUSDT", 0, "DELISTED")]
        wait(market, clock, 1)
        host.trouble = "drop"
        wait(market, clock, 60)
        assert "ADAUSDT" not in LiveMarket(host.url, 1, memory, clock).symbols

    def test_a_decision_survives_the_loss_of_the_shared_memory(
        self, market: LiveMarket, host: Host, clock: Clock, memory: Memory
    ) -> None:
        wait(market, clock, 1)
        host.trouble = "drop"
        wait(market, clock, 60)
        memory.lose_everything()
        wait(market, clock, 2)
        other = LiveMarket(host.url, 1, memory, clock)
        assert other.description == market.description == "walk seed 1 x1 (live prices cannot be reached)"

    @pytest.mark.parametrize("status", [429, 418])
    def test_a_host_that_wants_to_be_left_alone_is_left_alone(
        self, market: LiveMarket, host: Host, clock: Clock, status: int
    ) -> None:
        wait(market, clock, 1)
        host.trouble = status
        wait(market, clock, 1)
        asked = len(host.asked)
        host.trouble = ""
        wait(market, clock, 118)
        assert len(host.asked) == asked
        assert market.description == "walk seed 1 x1 (live prices cannot be reached)"
        wait(market, clock, 60)
        assert len(host.asked) > asked
        assert market.description.startswith("live prices")

    def test_a_failing_host_is_not_asked_all_the_time(self, market: LiveMarket, host: Host, clock: Clock) -> None:
        wait(market, clock, 1)
        host.trouble = 500
        asked = len(host.asked)
        for symbol in market.symbols:
            market.quote(symbol, clock.now + SECOND)
            market.path(symbol, clock.now - MINUTE, clock.now)
        assert len(host.asked) - asked <= 1
        wait(market, clock, 60)
        assert len(host.asked) - asked <= 25

    def test_what_is_not_known_is_not_shown_as_nothing(self, market: LiveMarket, host: Host, clock: Clock) -> None:
        wait(market, clock, 1)
        host.trouble = "drop"
        wait(market, clock, 2)
        tape = Tape(ControlledMarket(market, []), clock.now)
        opens = clock.now // MINUTE * MINUTE - 10 * MINUTE
        with pytest.raises(TapeUnknown):
            tape.candles("BTCUSDT", [opens, opens + MINUTE])
        with pytest.raises(TapeUnknown):
            tape.latest("BTCUSDT", 5)
        host.trouble = ""
        wait(market, clock, 3)
        assert tape.candles("BTCUSDT", [opens, opens + MINUTE])[0].bar.trades > 0


class TestThroughTheExchange:
    pytestmark = pytest.mark.django_db(databases=DATABASES)

    @pytest.fixture
    def client(self, settings: Any) -> Iterator[tuple[Client, Host]]:
        cache.clear()
        with hosting(Host(now_ms)) as host:
            settings.PAPER_MARKET, settings.PAPER_LIVE_URL = "live", host.url
            yield client_with(USDT="10000"), host
        cache.clear()

    def test_an_order_is_filled_at_the_live_books_price(self, client: tuple[Client, Host]) -> None:
        trader, host = client
        assert services.market_description() == "live prices"
        order = trader.order("BUY", "0.01", "300000").json()
        asks = {price for price, _ in host.ask("/api/v3/depth", "symbol=BTCUSDT")["asks"]}
        assert order["status"] == "FILLED"
        best = D(order["fills"][0]["price"])
        assert abs(best / min(D(price) for price in asks) - 1) < D("0.01")
        assert trader.audit() == []

    def test_when_the_host_dies_orders_and_history_are_refused_and_balances_remain(
        self, client: tuple[Client, Host]
    ) -> None:
        trader, host = client
        price = f"{trader.book()['bidPrice'] * D('0.5'):.2f}"
        assert trader.order("BUY", "0.01", price, newClientOrderId="low").json()["status"] == "NEW"
        host.trouble = "drop"
        path = "/api/v3/klines"
        text = "Internal error; unable to process your request. Please try again."
        assert refused(trader.public(path, symbol="ETHUSDT", interval="1m", limit=3)) == (503, -1001, text)
        assert refused(trader.order("BUY", "0.01", price)) == (400, -2010, "Market is closed.")
        assert D(trader.balances()["USDT"][1]) == D(price) / 100
        assert trader.send("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="low").status_code == 200
        assert services.market_description() == "no prices (live prices cannot be reached)"
        assert trader.audit() == []

    def test_every_page_says_which_prices_these_are(self, client: tuple[Client, Host]) -> None:
        def page() -> str:
            return html.unescape(BrowserClient().get("/accounts/login/").content.decode())

        client[0].book()
        assert "(live prices)" in page()
        client[1].trouble = 500
        assert client[0].public("/api/v3/depth", symbol="BTCUSDT").json()["bids"] == []
        assert "(no prices (live prices cannot be reached))" in page()
