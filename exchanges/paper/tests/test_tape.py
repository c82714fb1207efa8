"""One tape: candles are the sums of its trades, long candles those of short ones, whatever the operator does."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper.market import Bar, Control, ControlledMarket, Market, Tape, TapeTrade, WalkMarket
from exchanges.paper.market.base import AVERAGE_MS
from tests.support import examples

D = Decimal
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NOW = 1_795_000_000_000
BEGAN = 1_767_225_600_000
SPEEDS = [Fraction(1), Fraction(60), Fraction(1, 100), Fraction(7, 3), Fraction(1_000_000)]
WALKS = {speed: WalkMarket(1, speed) for speed in SPEEDS}
HAND = (
    Control("ETHUSDT", NOW - 3 * HOUR - 7, "HALT"),
    Control("ETHUSDT", NOW - 2 * HOUR + 12_345, "TRADING"),
    Control("ETHUSDT", NOW - HOUR, "TRADING", D("2000.00")),
    Control("ETHUSDT", NOW - 20 * MINUTE - 1, "TRADING", D(0)),
    Control("ETHUSDT", NOW - 5 * MINUTE, "TRADING"),
    Control("SOLUSDT", NOW - 40 * DAY, "BREAK"),
)


def tape(market: Market, *, now: int = NOW, hand: tuple[Control, ...] = ()) -> Tape:
    return Tape(ControlledMarket(market, hand), now)


def summed(trades: list[TapeTrade]) -> Bar:
    """The bar of these trades, added up one by one."""
    if not trades:
        return Bar(0, 0, 0, 0, 0, 0, 0, -1, -1, 0, 0)
    prices = [trade.ticks for trade in trades]
    taken = [trade for trade in trades if not trade.buyer_is_maker]
    return Bar(
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.lots for trade in trades),
        sum(trade.ticks * trade.lots for trade in trades),
        len(trades),
        trades[0].id,
        trades[-1].id,
        sum(trade.lots for trade in taken),
        sum(trade.ticks * trade.lots for trade in taken),
    )


def traded(book: Tape, symbol: str, begin: int, end: int) -> list[TapeTrade]:
    return book.following(symbol, 10**9, since_ms=begin, until_ms=end - 1)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.sampled_from(SPEEDS[:4]),
    st.sampled_from(["BTCUSDT", "ETHUSDT", "XRPBTC"]),
    st.integers(0, 4 * HOUR),
    st.integers(1, 3 * HOUR),
    st.booleans(),
)
def test_a_window_is_the_sum_of_its_trades(
    speed: Fraction, symbol: str, ago: int, length: int, controlled: bool
) -> None:
    book = tape(WALKS[speed], hand=HAND if controlled else ())
    end = NOW + 1 - ago
    assert book.window(symbol, end - length, end) == summed(traded(book, symbol, end - length, end))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(SPEEDS[:4]),
    st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    st.integers(0, 60),
    st.sampled_from([(MINUTE, SECOND), (HOUR, MINUTE), (DAY, HOUR), (15 * MINUTE, MINUTE)]),
    st.booleans(),
)
def test_a_long_candle_is_the_merge_of_its_short_ones(
    speed: Fraction, symbol: str, back: int, lengths: tuple[int, int], controlled: bool
) -> None:
    long, short = lengths
    book = tape(WALKS[speed], hand=HAND if controlled else ())
    opens = NOW // long * long - back * long
    edges = list(range(opens, opens + long + 1, short))
    whole = book.candles(symbol, [opens, opens + long])
    parts = [candle.bar for candle in book.candles(symbol, edges)]
    filled = [bar for bar in parts if bar.trades]
    merged = whole[0].bar
    assert merged.trades == sum(bar.trades for bar in filled)
    assert merged.lots == sum(bar.lots for bar in filled)
    assert merged.quote == sum(bar.quote for bar in filled)
    assert merged.taker_lots == sum(bar.taker_lots for bar in filled)
    assert merged.taker_quote == sum(bar.taker_quote for bar in filled)
    shown = filled or parts
    assert (merged.open, merged.close) == (shown[0].open, shown[-1].close)
    assert (merged.high, merged.low) == (max(bar.high for bar in shown), min(bar.low for bar in shown))


def test_a_window_of_weeks_is_the_sum_of_its_days() -> None:
    book = tape(WALKS[SPEEDS[1]], hand=HAND)
    begin = NOW - 24 * DAY + 4321
    cuts = [begin + number * DAY for number in range(25)]
    whole = book.window("ETHUSDT", begin, NOW + 1)
    days = [book.window("ETHUSDT", start, min(stop, NOW + 1)) for start, stop in pairwise([*cuts[:-1], NOW + 1])]
    assert whole.quote == sum(day.quote for day in days)
    assert whole.trades == sum(day.trades for day in days)
    assert whole.last_id == max(day.last_id for day in days)


def test_what_a_process_has_kept_changes_nothing() -> None:
    old = tape(WALKS[SPEEDS[0]], now=NOW + DAY)
    edges = list(range(NOW // HOUR * HOUR - 30 * HOUR, NOW + DAY, HOUR))
    kept = old.candles("LTCUSDT", edges)
    assert old.candles("LTCUSDT", edges) == kept
    assert tape(WalkMarket(1), now=NOW + DAY).candles("LTCUSDT", edges) == kept


def test_the_running_candle_grows_into_the_closed_one() -> None:
    opens = NOW // HOUR * HOUR
    early = tape(WALKS[SPEEDS[0]], now=opens + 10 * MINUTE + 1).candles("ADAUSDT", [opens, opens + HOUR])[0].bar
    late = tape(WALKS[SPEEDS[0]], now=opens + 3 * HOUR).candles("ADAUSDT", [opens, opens + HOUR])[0].bar
    assert (early.open, early.first_id) == (late.open, late.first_id)
    assert early.trades == 601
    assert late.trades == 3600
    assert early.high <= late.high


@pytest.mark.parametrize("speed", SPEEDS, ids=str)
def test_every_step_of_the_walk_is_a_trade_and_ids_have_no_gaps(speed: Fraction) -> None:
    book = tape(WALKS[speed])
    found = book.latest("DOGEBTC", 700)
    assert [trade.id for trade in found] == list(range(found[-1].id - 699, found[-1].id + 1))
    assert all(first.time_ms <= second.time_ms for first, second in pairwise(found))
    assert found[-1].time_ms <= NOW
    assert all(trade.lots >= 1 for trade in found)
    bar = book.window("DOGEBTC", found[0].time_ms, NOW + 1)
    assert bar.trades == bar.last_id - bar.first_id + 1


def test_two_processes_would_number_a_trade_alike() -> None:
    first, second = tape(WalkMarket(1)), tape(WalkMarket(1), now=NOW + HOUR)
    assert first.latest("BTCUSDT", 50) == second.latest("BTCUSDT", 50, until_ms=NOW)
    newest = first.latest("BTCUSDT", 1)[0]
    assert second.trade("BTCUSDT", newest.id) == newest
    assert first.trade("BTCUSDT", newest.id + 1) is None


def test_a_rise_was_bought_and_a_fall_was_sold() -> None:
    found = tape(WALKS[SPEEDS[0]]).latest("USDCUSDT", 1000)
    for earlier, later in pairwise(found):
        if later.ticks != earlier.ticks:
            assert later.buyer_is_maker is (later.ticks < earlier.ticks)
    still = [later.buyer_is_maker for earlier, later in pairwise(found) if later.ticks == earlier.ticks]
    assert 0.4 < sum(still) / len(still) < 0.6


def test_nothing_was_traded_before_history_began() -> None:
    book = tape(WALKS[SPEEDS[0]], now=BEGAN + HOUR)
    first = book.following("BTCUSDT", 1)[0]
    assert first.time_ms == BEGAN
    assert book.following("BTCUSDT", 1, from_id=0) == [first]
    assert book.window("BTCUSDT", 0, BEGAN).trades == 0
    assert book.window("BTCUSDT", 0, BEGAN + HOUR).trades == 3600
    assert book.last_before("BTCUSDT", BEGAN) == 0
    assert [candle.open_ms for candle in book.candles("BTCUSDT", [BEGAN - DAY, BEGAN, BEGAN + DAY])] == [BEGAN]
    assert len(book.latest("BTCUSDT", 10_000)) == 3601


class TestUnderAnOperatorsHand:
    def test_nothing_is_traded_in_a_halt_and_its_candles_are_flat(self) -> None:
        book = tape(WALKS[SPEEDS[0]], hand=HAND)
        opens = (NOW - 3 * HOUR) // MINUTE * MINUTE + MINUTE
        candles = book.candles("ETHUSDT", list(range(opens, opens + 30 * MINUTE, MINUTE)))
        close = book.latest("ETHUSDT", 1, until_ms=opens)[0].ticks
        assert {candle.bar for candle in candles} == {Bar(close, close, close, close, 0, 0, 0, -1, -1, 0, 0)}

    def test_the_last_price_of_a_halt_is_that_of_the_last_trade(self) -> None:
        market = ControlledMarket(WALKS[SPEEDS[0]], HAND)
        book = Tape(market, NOW)
        for symbol, ago in (("ETHUSDT", 150 * MINUTE), ("SOLUSDT", 0), ("SOLUSDT", 39 * DAY)):
            quote = market.quote(symbol, NOW - ago)
            last = book.latest(symbol, 1, until_ms=NOW - ago)[0]
            assert quote.last == last.ticks * market.symbols[symbol].tick
            assert (quote.bid, quote.ask) == (0, 0)
            assert market.depth(symbol, NOW - ago).bids == ()

    def test_a_held_price_is_what_is_traded(self) -> None:
        book = tape(WALKS[SPEEDS[0]], hand=HAND)
        bar = book.window("ETHUSDT", NOW - HOUR, NOW - 21 * MINUTE)
        assert {bar.open, bar.high, bar.low, bar.close} == {200_000}
        assert bar.trades == 39 * 60

    def test_where_there_is_no_price_the_candles_keep_the_last_one(self) -> None:
        book = tape(WALKS[SPEEDS[0]], hand=HAND)
        opens = (NOW - 15 * MINUTE) // MINUTE * MINUTE
        assert [candle.bar.close for candle in book.candles("ETHUSDT", [opens, opens + MINUTE])] == [200_000]
        assert book.last_before("ETHUSDT", NOW - 5 * MINUTE) == 200_000
        assert book.market.average("ETHUSDT", NOW - 5 * MINUTE - 1) == 0

    def test_a_price_held_later_does_not_touch_what_was_kept(self) -> None:
        market = WalkMarket(4)
        opens = NOW // HOUR * HOUR - 5 * HOUR
        before = tape(market).candles("BTCUSDT", [opens, opens + HOUR])
        held = (Control("BTCUSDT", opens + 30 * MINUTE, "TRADING", D(1)),)
        under = tape(market, hand=held).candles("BTCUSDT", [opens, opens + HOUR])
        assert under[0].bar.low == 100
        assert tape(market).candles("BTCUSDT", [opens, opens + HOUR]) == before

    def test_a_book_that_only_takes_cancels_stands_still(self) -> None:
        hand = (Control("BTCUSDT", NOW - HOUR, "CANCEL_ONLY"),)
        market = ControlledMarket(WALKS[SPEEDS[0]], hand)
        assert market.quote("BTCUSDT", NOW) == market.quote("BTCUSDT", NOW - HOUR - 1)
        assert market.depth("BTCUSDT", NOW).asks == market.depth("BTCUSDT", NOW - HOUR - 1).asks
        assert Tape(market, NOW).window("BTCUSDT", NOW - HOUR + SECOND, NOW).trades == 0


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(SPEEDS[:4]), st.sampled_from(["BTCUSDT", "PEPEUSDT", "ETHUSDT"]), st.integers(0, 4 * HOUR))
def test_the_average_price_is_that_of_the_tapes_last_five_minutes(speed: Fraction, symbol: str, ago: int) -> None:
    market = ControlledMarket(WALKS[speed], HAND)
    now = NOW - ago
    bar = summed(traded(Tape(market, now), symbol, now - AVERAGE_MS + 1, now + 1))
    average = market.average(symbol, now)
    if bar.trades:
        exact = Fraction(bar.quote, bar.lots) * Fraction(market.symbols[symbol].tick)
        assert abs(Fraction(average) - exact) <= Fraction(1, 2 * 10**8)
    else:
        assert average == market.quote(symbol, now).last


def test_sums_beyond_sixty_four_bits_are_exact() -> None:
    hand = (Control("BTCUSDT", NOW - 30 * DAY, "TRADING", D(10) ** 13),)
    book = tape(WALKS[SPEEDS[0]], hand=hand)
    bar = book.window("BTCUSDT", NOW - 29 * DAY, NOW)
    assert bar.quote == bar.lots * 10**15 > 1 << 63
