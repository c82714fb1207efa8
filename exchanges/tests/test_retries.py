"""Reads are tried again, what writes is sent once, and a skewed clock is measured before anything is repeated."""

import pytest

from exchanges.errors import ClockSkew, Throttled, Unavailable
from exchanges.tests.support import ACCOUNT, NOW, ORDER, Client, new_order, refusal, reply, sent_text

SKEWED = refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")
BUSY = refusal(503, 0, "")
TEN_MINUTES = 600_000
TIME = reply({"serverTime": NOW + TEN_MINUTES})


def stamps(client: Client) -> list[int]:
    """The timestamps of the signed requests, in order."""
    found = [sent_text(request).partition("timestamp=")[2] for request in client.script.requests]
    return [int(text.partition("&")[0]) for text in found if text]


def test_a_read_is_tried_three_times_with_growing_pauses() -> None:
    client = Client(BUSY)
    with pytest.raises(Unavailable):
        client.adapter.ticker_price()
    assert client.sent == ["GET /api/v3/ticker/price"] * 3
    assert len(client.waits) == 2
    assert 0 <= client.waits[0] <= 0.5
    assert 0 <= client.waits[1] <= 1


def test_the_pauses_of_many_clients_are_spread_over_all_the_time_there_is() -> None:
    pauses = []
    for number in range(60):
        client = Client(BUSY, reply(ACCOUNT), base_url=f"https://exchange-{number}.test", backoff_seconds=4)
        client.adapter.account_info()
        pauses += client.waits
    # That 60 even draws leave a third of the time empty happens less than once in ten thousand million.
    for least, most in ((0, 4 / 3), (4 / 3, 8 / 3), (8 / 3, 4)):
        assert any(least <= pause <= most for pause in pauses)
    assert all(0 <= pause <= 4 for pause in pauses)


def test_a_read_succeeds_when_the_exchange_is_back() -> None:
    client = Client(BUSY, reply("<html>", 502), reply([{"symbol": "BTCUSDT", "price": "1"}]))
    assert client.adapter.ticker_price() == {"BTCUSDT": 1}
    assert len(client.sent) == 3


def test_a_read_waits_at_least_as_long_as_it_was_asked_to() -> None:
    client = Client(refusal(429, -1003, Retry_After="2"), refusal(429, -1003, Retry_After="5"), reply(ACCOUNT))
    client.adapter.account_info()
    assert len(client.sent) == 3
    assert client.waits[0] >= 2
    assert client.waits[1] >= 5


def test_a_long_wait_is_left_to_the_caller() -> None:
    client = Client(refusal(429, -1003, Retry_After="6"), reply(ACCOUNT))
    with pytest.raises(Throttled) as caught:
        client.adapter.account_info()
    assert caught.value.retry_after == 6
    assert (len(client.sent), client.waits) == (1, [])


def test_no_try_of_a_read_begins_after_its_time_is_up() -> None:
    client = Client(BUSY, read_seconds=0)
    with pytest.raises(Unavailable):
        client.adapter.account_info()
    assert (len(client.sent), client.waits) == (1, [])


def test_nothing_is_repeated_while_banned() -> None:
    client = Client(refusal(418, -1003, Retry_After="1"), reply(ACCOUNT))
    with pytest.raises(Throttled) as caught:
        client.adapter.account_info()
    assert caught.value.banned
    assert len(client.sent) == 1


def test_every_try_of_a_read_is_signed_afresh() -> None:
    times = iter([NOW, NOW + 700, NOW + 1900])
    client = Client(BUSY, clock=lambda: next(times))
    with pytest.raises(Unavailable):
        client.adapter.account_info()
    assert stamps(client) == [NOW, NOW + 700, NOW + 1900]


def test_the_offset_of_the_clock_is_measured_at_the_middle_of_the_request() -> None:
    times = iter([NOW, NOW + 400])
    client = Client(reply({"serverTime": NOW + 10_200}), clock=lambda: next(times))
    assert client.adapter.sync_clock() == 10_000


def test_a_read_with_a_skewed_clock_resyncs_and_retries() -> None:
    client = Client(SKEWED, TIME, reply(ACCOUNT))
    assert client.adapter.account_info().can_trade
    assert client.sent == ["GET /api/v3/account", "GET /api/v3/time", "GET /api/v3/account"]
    assert stamps(client) == [NOW, NOW + TEN_MINUTES]


def test_a_read_whose_clock_stays_skewed_gives_up_after_three_tries() -> None:
    client = Client(SKEWED, TIME, SKEWED, TIME, SKEWED, TIME)
    with pytest.raises(ClockSkew):
        client.adapter.account_info()
    assert client.sent.count("GET /api/v3/account") == 3


def test_a_clock_that_refuses_to_tell_the_time_ends_after_three_tries() -> None:
    client = Client(SKEWED)
    with pytest.raises(ClockSkew):
        client.adapter.sync_clock()
    assert client.sent == ["GET /api/v3/time"] * 3


def test_a_measured_offset_serves_every_adapter_of_that_exchange_and_no_other() -> None:
    Client(TIME).adapter.sync_clock()
    same = Client(reply(ACCOUNT))
    same.adapter.account_info()
    assert stamps(same) == [NOW + TEN_MINUTES]
    other = Client(reply(ACCOUNT), base_url="https://other.test")
    other.adapter.account_info()
    assert stamps(other) == [NOW]


TEN_MINUTES_ON = 600_000


@pytest.mark.parametrize(
    ("shift_ms", "is_stale"),
    [(0, False), (TEN_MINUTES_ON - 1, False), (TEN_MINUTES_ON, True), (-1, True), (10**10, True)],
    ids=["fresh", "almost old", "old", "a clock set back", "a clock set far ahead"],
)
def test_an_offset_that_may_be_wrong_by_now_is_measured_again_before_a_read(shift_ms: int, is_stale: bool) -> None:
    Client(TIME).adapter.sync_clock()
    later = NOW + shift_ms
    client = Client(*([reply({"serverTime": later + 7})] if is_stale else []), reply(ACCOUNT), clock=lambda: later)
    client.adapter.account_info()
    assert client.sent == (["GET /api/v3/time"] if is_stale else []) + ["GET /api/v3/account"]
    assert stamps(client) == [later + (7 if is_stale else TEN_MINUTES)]


def test_an_old_offset_does_not_delay_an_order() -> None:
    Client(TIME).adapter.sync_clock()
    client = Client(reply(ORDER), clock=lambda: NOW + TEN_MINUTES_ON)
    client.adapter.place_order(new_order(), NOW + TEN_MINUTES_ON)
    assert client.sent == ["POST /api/v3/order"]


def test_an_order_goes_out_with_the_given_timestamp_on_the_exchanges_clock() -> None:
    client = Client(reply(ORDER))
    client.adapter.place_order(new_order(), 1_699_999_999_123)
    Client(TIME).adapter.sync_clock()
    client.adapter.place_order(new_order(), 1_699_999_999_123)
    assert stamps(client) == [1_699_999_999_123, 1_699_999_999_123 + TEN_MINUTES]


def test_an_order_refused_for_its_time_is_not_sent_again_and_asks_for_no_clock() -> None:
    client = Client(SKEWED, TIME, reply(ORDER))
    with pytest.raises(ClockSkew):
        client.adapter.place_order(new_order(), NOW)
    assert client.sent == ["POST /api/v3/order"]


@pytest.mark.parametrize(
    ("call", "body", "path"),
    [
        (lambda adapter: adapter.cancel_order("BTCUSDT", "abc"), ORDER, "DELETE /api/v3/order"),
        (lambda adapter: adapter.cancel_open_orders("BTCUSDT"), [ORDER], "DELETE /api/v3/openOrders"),
    ],
)
def test_a_cancel_refused_for_its_time_is_sent_once_more_with_the_right_one(call, body, path: str) -> None:
    client = Client(SKEWED, TIME, reply(body))
    call(client.adapter)
    assert client.sent == [path, "GET /api/v3/time", path]
    assert stamps(client) == [NOW, NOW + TEN_MINUTES]
    client = Client(SKEWED, TIME, SKEWED, TIME)
    with pytest.raises(ClockSkew):
        call(client.adapter)
    assert client.sent.count(path) == 2


def test_a_cancel_whose_clock_cannot_be_measured_has_not_been_executed() -> None:
    client = Client(SKEWED, BUSY)
    with pytest.raises(Unavailable):
        client.adapter.cancel_order("BTCUSDT", "abc")
    assert client.sent.count("DELETE /api/v3/order") == 1


def test_the_time_an_order_can_still_be_accepted_is_known() -> None:
    client = Client(reply(ORDER), recv_window_ms=2500)
    assert client.adapter.recv_window_ms == 2500
    client.adapter.place_order(new_order(), NOW)
    assert "recvWindow=2500&" in sent_text(client.script.requests[0])
