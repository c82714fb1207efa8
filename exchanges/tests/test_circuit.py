"""A host that does not answer is left alone for a while, and so is one that has banned us."""

import threading
from typing import Any

import pytest
import requests
import time_machine

from botbalance.lib.clock import now_ms
from exchanges.adapters.guard import HostGuard, forget_guards
from exchanges.errors import ExchangeError, OutcomeUnknown, Throttled, Unavailable
from exchanges.tests.support import ACCOUNT, NOW, ORDER, Client, new_order, refusal, reply

START = "2026-06-01T12:00:00Z"
BROKEN = requests.ConnectionError("reset")
TEXT = "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams."


@pytest.fixture(autouse=True)
def three_failures(settings: Any) -> None:
    settings.EXCHANGE_BREAKER_FAILURES = 3
    settings.EXCHANGE_BREAKER_SECONDS = 15


def place(client: Client) -> None:
    client.adapter.place_order(new_order(), NOW)


def break_it(client: Client) -> None:
    """As many orders as open the circuit, each told for what it is."""
    for _number in range(3):
        with pytest.raises(OutcomeUnknown):
            place(client)


def test_the_order_that_opens_the_circuit_is_still_of_unknown_outcome() -> None:
    client = Client(BROKEN)
    break_it(client)
    assert len(client.sent) == 3


@pytest.mark.parametrize(
    "call",
    [place, lambda client: client.adapter.account_info(), lambda client: client.adapter.cancel_order("BTCUSDT", "abc")],
    ids=["an order", "a read", "a cancel"],
)
def test_while_it_is_open_nothing_is_sent_and_it_is_said_until_when(call) -> None:
    with time_machine.travel(START, tick=False):
        client = Client(BROKEN)
        break_it(client)
        with pytest.raises(Unavailable, match="until 2026-06-01 12:00:15 UTC") as caught:
            call(client)
        assert caught.value.not_before_ms == now_ms() + 15_000
    assert len(client.sent) == 3
    assert client.waits == []


def test_a_read_stops_trying_when_the_circuit_opens_under_it() -> None:
    client = Client(BROKEN)
    with pytest.raises(Unavailable):
        client.adapter.account_info()
    with pytest.raises(Unavailable):
        client.adapter.account_info()
    assert len(client.sent) == 3


def test_after_the_pause_one_request_tries_and_a_success_closes_the_circuit() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = Client(BROKEN, BROKEN, BROKEN, reply(ACCOUNT))
        break_it(client)
        clock.shift(15)
        for _number in range(3):
            assert client.adapter.account_info().can_trade
    assert len(client.sent) == 6


def test_a_trial_that_fails_opens_it_again_for_as_long() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = Client(BROKEN)
        break_it(client)
        clock.shift(15)
        with pytest.raises(OutcomeUnknown):
            place(client)
        with pytest.raises(Unavailable, match="until 2026-06-01 12:00:30 UTC"):
            place(client)
    assert len(client.sent) == 4


def test_only_one_request_tries_while_the_others_wait() -> None:
    guard = HostGuard(failures=1, seconds=15)
    with time_machine.travel(START, tick=False) as clock:
        guard.report(Unavailable("down"))
        assert guard.refusal() is not None
        clock.shift(15)
        assert guard.refusal() is None
        assert isinstance(guard.refusal(), Unavailable)
        guard.let_go()
        assert guard.refusal() is None
        guard.report(None)
        assert guard.refusal() is None
        assert guard.refusal() is None


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, -2010, "Account has insufficient balance for requested action."),
        refusal(401, -2015, "Invalid API-key, IP, or permissions for action."),
        refusal(400, -1021, "Timestamp for this request is outside of the recvWindow."),
        refusal(400, -1008, "Server is currently overloaded."),
    ],
    ids=["refused", "wrong key", "skewed", "busy as a 400"],
)
def test_an_exchange_that_says_no_is_alive(answer: requests.Response) -> None:
    client = Client(answer)
    for _number in range(5):
        with pytest.raises(ExchangeError):
            place(client)
    assert len(client.sent) == 5


def test_a_success_between_failures_counts_from_the_beginning() -> None:
    client = Client(BROKEN, BROKEN, reply(ORDER), BROKEN, BROKEN, reply(ORDER))
    for fails in (True, True, False, True, True, False):
        if fails:
            with pytest.raises(OutcomeUnknown):
                place(client)
        else:
            place(client)
    assert len(client.sent) == 6


def test_every_host_has_a_circuit_of_its_own() -> None:
    break_it(Client(BROKEN))
    place(Client(reply(ORDER), base_url="https://other.test"))


def test_a_circuit_is_shared_by_every_adapter_of_the_host_until_it_is_forgotten() -> None:
    break_it(Client(BROKEN))
    other = Client(reply(ORDER))
    with pytest.raises(Unavailable):
        place(other)
    forget_guards()
    place(other)
    assert len(other.sent) == 1


def test_requests_of_one_host_do_not_wait_for_each_other() -> None:
    both_under_way = threading.Barrier(2, timeout=10)

    def meet(request: requests.PreparedRequest) -> requests.Response:
        both_under_way.wait()
        return reply(ORDER)

    clients = [Client(meet), Client(meet)]
    threads = [threading.Thread(target=place, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(client.sent) for client in clients] == [1, 1]
    assert not both_under_way.broken


# --- bans ------------------------------------------------------------------------------------------------


def test_until_a_ban_ends_nothing_more_is_sent_by_anybody() -> None:
    with time_machine.travel(START, tick=False) as clock:
        banned = Client(refusal(418, -1003, TEXT, Retry_After="120"))
        with pytest.raises(Throttled):
            banned.adapter.ticker_price()
        other = Client(reply(ORDER), reply(ACCOUNT), shared_with=banned)
        clock.shift(119)
        for call in (place, lambda client: client.adapter.account_info()):
            with pytest.raises(Throttled, match="until 2026-06-01 12:02:00 UTC") as caught:
                call(other)
            assert caught.value.banned
            assert caught.value.retry_after == 1
        assert other.sent == []
        clock.shift(1)
        place(other)


def test_the_end_of_a_ban_is_the_later_of_what_header_and_text_say() -> None:
    text = TEXT.format(until=NOW + 300_000)
    with time_machine.travel(START, tick=False) as clock:
        client = Client(refusal(418, -1003, text, Retry_After="120"), reply(ORDER))
        with pytest.raises(Throttled) as caught:
            place(client)
        assert caught.value.retry_after == 300
        clock.shift(299)
        with pytest.raises(Throttled):
            place(client)
        clock.shift(1)
        place(client)
    assert len(client.sent) == 2


def test_a_host_that_asks_for_a_long_pause_is_left_alone_until_it_is_over() -> None:
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False) as clock:
        client = Client(refusal(429, -1003, Retry_After="60"), reply(ORDER))
        for _number in range(3):
            with pytest.raises(Throttled) as caught:
                place(client)
            assert not caught.value.banned
        assert (len(client.sent), caught.value.retry_after) == (1, 60)
        clock.shift(60)
        place(client)
        assert len(client.sent) == 2


def test_a_short_pause_holds_up_everybody_as_well() -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = Client(refusal(429, -1003, Retry_After="5"), reply(ORDER))
        other = Client(reply(ORDER), shared_with=client)
        with pytest.raises(Throttled):
            place(client)
        clock.shift(4)
        with pytest.raises(Throttled, match="slow down; nothing is sent to it until 2026-06-01 12:00:05 UTC") as caught:
            place(other)
        assert (caught.value.not_sent, caught.value.retry_after, other.sent) == (True, 1, [])
        clock.shift(1)
        place(other)


def test_an_accounts_own_limit_holds_up_its_orders_and_nothing_else() -> None:
    refused = refusal(429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND.", Retry_After="7")
    with time_machine.travel(START, tick=False) as clock:
        client = Client(refused, reply(ORDER), reply(ORDER))
        for _number in range(2):
            with pytest.raises(Throttled):
                place(client)
        assert len(client.sent) == 1
        client.adapter.cancel_order("BTCUSDT", "abc")
        neighbour = Client(reply(ORDER), shared_with=client, account=2)
        place(neighbour)
        clock.shift(10)
        place(client)
    assert client.sent == ["POST /api/v3/order", "DELETE /api/v3/order", "POST /api/v3/order"]


@pytest.mark.parametrize("answer", [refusal(418, -1003, Retry_After="120"), BROKEN], ids=["banned", "broken"])
def test_a_clock_that_is_set_back_does_not_make_a_pause_longer(answer: requests.Response) -> None:
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False) as clock:
        client = Client(answer, answer, answer, reply(ORDER))
        for _number in range(3):
            with pytest.raises(ExchangeError):
                place(client)
        clock.shift(-86_400)
        held = len(client.sent)
        client.script.replies = [reply(ORDER)]
        place(client)
        assert len(client.sent) == held + 1
