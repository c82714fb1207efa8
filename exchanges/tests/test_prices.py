"""Prices: mid from the book, one call and one flight for everybody, and never traded on when they are old."""

import threading
import time
from decimal import Decimal

import pytest
import time_machine
from django.db import connections

from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges import markets
from exchanges.domain import BookTicker, ExchangeInfo, SymbolRules, Venue
from exchanges.errors import ExchangeError, Rejected, Throttled, Unavailable
from exchanges.tests.support import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
START = "2026-06-01T12:00:00Z"


class FakeMarket:
    """The market data of an exchange: what it has, what it lacks, and how often it was asked."""

    def __init__(self, delay: float = 0) -> None:
        self.books = [BookTicker("BTCUSDT", Decimal("99"), Decimal("101"))]
        self.last = {"BTCUSDT": Decimal("100.5")}
        self.rules = {"BTCUSDT": SymbolRules("BTCUSDT", "BTC", "USDT")}
        self.book_error: ExchangeError | None = None
        self.last_error: ExchangeError | None = None
        self.asked: list[str] = []
        self._delay = delay

    def book_ticker(self) -> list[BookTicker]:
        self.asked.append("book")
        time.sleep(self._delay)
        if self.book_error:
            raise self.book_error
        return self.books

    def ticker_price(self) -> dict[str, Decimal]:
        self.asked.append("last")
        if self.last_error:
            raise self.last_error
        return self.last

    def exchange_info(self) -> ExchangeInfo:
        self.asked.append("rules")
        return ExchangeInfo.of(self.rules)


def down() -> Unavailable:
    return Unavailable("The exchange is down.")


def tune(**columns: object) -> None:
    SystemSettings.objects.update_or_create(pk=SystemSettings.singleton_instance_id, defaults=columns)
    system_settings.forget()


# --- mid, last, and what is wrong with a book ----------------------------------------------------------------


def test_a_price_is_the_middle_of_the_book() -> None:
    market = FakeMarket()
    snapshot = markets.prices(Venue.PAPER, market)
    price = snapshot.price("BTCUSDT")
    assert (snapshot.source, price.value, price.bid, price.ask, price.problem) == ("mid", 100, 99, 101, "")
    assert market.asked == ["book"]


def test_without_a_book_it_is_the_last_price() -> None:
    market = FakeMarket()
    market.book_error = down()
    snapshot = markets.prices(Venue.PAPER, market)
    assert (snapshot.source, snapshot.price("BTCUSDT").value) == ("last", Decimal("100.5"))
    assert market.asked == ["book", "last"]


def test_without_both_the_error_is_told() -> None:
    market = FakeMarket()
    market.book_error = market.last_error = down()
    with pytest.raises(Unavailable):
        markets.prices(Venue.PAPER, market)


@pytest.mark.parametrize("error", [Throttled("Slow down."), Rejected("No.")])
def test_an_exchange_that_says_no_is_not_asked_another_way(error: ExchangeError) -> None:
    market = FakeMarket()
    market.book_error = error
    with pytest.raises(type(error)):
        markets.prices(Venue.PAPER, market)
    assert market.asked == ["book"]


def test_an_operator_may_choose_the_last_price() -> None:
    tune(pricing_source="last")
    market = FakeMarket()
    assert markets.prices(Venue.PAPER, market).price("BTCUSDT").value == Decimal("100.5")
    assert market.asked == ["last"]


@pytest.mark.parametrize(
    ("bid", "ask", "problem"),
    [("101", "99", "crossed"), ("0", "101", "empty"), ("99", "0", "empty"), ("0", "0", "empty"), ("100", "100", "")],
)
def test_a_crossed_or_empty_book_says_so(bid: str, ask: str, problem: str) -> None:
    market = FakeMarket()
    market.books = [BookTicker("BTCUSDT", Decimal(bid), Decimal(ask)), BookTicker("ETHUSDT", Decimal(9), Decimal(11))]
    snapshot = markets.prices(Venue.PAPER, market)
    assert snapshot.price("BTCUSDT").problem == problem
    assert snapshot.price("ETHUSDT").problem == ""


def test_a_last_price_of_zero_says_so() -> None:
    tune(pricing_source="last")
    market = FakeMarket()
    market.last = {"BTCUSDT": Decimal(0)}
    assert markets.prices(Venue.PAPER, market).price("BTCUSDT").problem == "empty"


# --- the cache -----------------------------------------------------------------------------------------------


def test_prices_are_shared_until_they_are_too_old() -> None:
    tune(pricing_ttl_seconds=3)
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        first = markets.prices(Venue.PAPER, market)
        clock.shift(2.999)
        assert markets.prices(Venue.PAPER, market) == first
        assert market.asked == ["book"]
        clock.shift(0.002)
        assert markets.prices(Venue.PAPER, market).at_ms == first.at_ms + 3001
        assert market.asked == ["book", "book"]


def test_prices_of_a_future_that_was_taken_back_are_not_used() -> None:
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        markets.prices(Venue.PAPER, market)
        clock.shift(-3600)
        markets.prices(Venue.PAPER, market)
    assert market.asked == ["book", "book"]


def test_without_the_cache_every_read_asks() -> None:
    tune(pricing_use_cache=False)
    market = FakeMarket()
    markets.prices(Venue.PAPER, market)
    markets.prices(Venue.PAPER, market)
    assert market.asked == ["book", "book"]


def test_venues_and_sources_do_not_share_prices() -> None:
    market = FakeMarket()
    markets.prices(Venue.PAPER, market)
    markets.prices(Venue.TESTNET, market)
    tune(pricing_source="last")
    markets.prices(Venue.PAPER, market)
    assert market.asked == ["book", "book", "last"]


def test_a_failed_flight_leaves_the_next_one_free_to_start() -> None:
    market = FakeMarket()
    market.book_error = market.last_error = down()
    with pytest.raises(Unavailable):
        markets.prices(Venue.PAPER, market)
    market.book_error = None
    started = time.monotonic()
    assert markets.prices(Venue.PAPER, market).source == "mid"
    assert time.monotonic() - started < 1


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_ten_readers_at_once_make_one_flight() -> None:
    market = FakeMarket(delay=0.2)
    start = threading.Barrier(10)
    seen: list[object] = []

    def look() -> None:
        try:
            start.wait(10)
            seen.append(markets.prices(Venue.PAPER, market))
        except Exception as error:  # noqa: BLE001  (shown by the assertion below, in the test's own thread)
            seen.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert market.asked == ["book"]
    assert len(seen) == 10
    assert all(snapshot == seen[0] for snapshot in seen), seen


# --- old prices ----------------------------------------------------------------------------------------------


def test_the_last_known_prices_are_shown_with_their_age_and_not_traded_on() -> None:
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        markets.prices(Venue.PAPER, market)
        market.book_error = market.last_error = down()
        clock.shift(90)
        shown = markets.prices_for_display(Venue.PAPER, market)
        assert shown.price("BTCUSDT").value == 100
        assert shown.age_seconds(shown.at_ms + 90_000) == 90
        with pytest.raises(Unavailable):
            markets.prices_for_trading(Venue.PAPER, market)


@pytest.mark.parametrize("error", [down(), Throttled("Slow down."), Rejected("No.")])
def test_one_failed_read_does_not_make_young_prices_old(error: ExchangeError) -> None:
    tune(pricing_ttl_seconds=3, stale_price_seconds=60)
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        known = markets.prices(Venue.PAPER, market)
        market.book_error = market.last_error = error
        clock.shift(59.999)
        assert markets.prices_for_trading(Venue.PAPER, market) == known
        clock.shift(0.001)
        with pytest.raises(ExchangeError):
            markets.prices_for_trading(Venue.PAPER, market)


def test_prices_that_grow_old_in_a_pause_say_how_long_it_lasts() -> None:
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        markets.prices(Venue.PAPER, market)
        slow = Throttled("Slow down.")
        slow.retry_after = 37
        market.book_error = slow
        clock.shift(90)
        with pytest.raises(Throttled) as caught:
            markets.prices_for_trading(Venue.PAPER, market)
        assert caught.value.retry_after == 37


def test_prices_of_a_future_that_was_taken_back_are_not_traded_on() -> None:
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        markets.prices(Venue.PAPER, market)
        market.book_error = market.last_error = down()
        clock.shift(-90)
        with pytest.raises(Unavailable):
            markets.prices_for_trading(Venue.PAPER, market)


def test_with_nothing_ever_known_there_is_nothing_to_show() -> None:
    market = FakeMarket()
    market.book_error = market.last_error = down()
    with pytest.raises(Unavailable):
        markets.prices_for_display(Venue.PAPER, market)


def test_prices_older_than_a_minute_are_read_anew_for_trading_however_long_they_may_live() -> None:
    tune(pricing_ttl_seconds=300)
    market = FakeMarket()
    with time_machine.travel(START, tick=False) as clock:
        asked_ms = markets.prices(Venue.PAPER, market).at_ms
        clock.shift(59)
        assert markets.prices_for_trading(Venue.PAPER, market).at_ms == asked_ms
        clock.shift(2)
        assert markets.prices_for_display(Venue.PAPER, market).at_ms == asked_ms
        assert markets.prices_for_trading(Venue.PAPER, market).at_ms == asked_ms + 61_000
    assert market.asked == ["book", "book"]


# --- rules ---------------------------------------------------------------------------------------------------


def test_rules_are_read_once_and_again_when_asked_to() -> None:
    market = FakeMarket()
    assert markets.rules(Venue.PAPER, market).pair("BTC", "USDT") is not None
    markets.rules(Venue.PAPER, market)
    assert market.asked == ["rules"]
    market.rules = {}
    assert markets.rules(Venue.PAPER, market).rules
    assert not markets.refresh_rules(Venue.PAPER, market).rules
    assert not markets.rules(Venue.PAPER, market).rules
    assert market.asked == ["rules", "rules"]


def test_another_process_takes_the_rules_from_the_cache() -> None:
    market = FakeMarket()
    known = markets.rules(Venue.PAPER, market)
    markets.forget_rules()  # as a process that has just started
    assert markets.rules(Venue.PAPER, market) == known
    assert market.asked == ["rules"]


def test_every_venue_has_rules_of_its_own() -> None:
    market = FakeMarket()
    markets.rules(Venue.PAPER, market)
    markets.rules(Venue.TESTNET, market)
    assert market.asked == ["rules", "rules"]
