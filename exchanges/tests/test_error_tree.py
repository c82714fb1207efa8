"""Every way an exchange can refuse or fail, for a read and for a write: which error, and so whether to retry."""

import pytest

from exchanges.errors import (
    ClockSkew,
    CredentialsRefused,
    ExchangeError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)
from exchanges.tests.support import Client, new_order, refusal, reply

SERVER_SIDE = [
    (500, -1000, "An unknown error occurred while processing the request."),
    (400, -1000, "An unknown error occurred while processing the request."),
    (500, -1001, "Internal error; unable to process your request. Please try again."),
    (400, -1001, "Internal error; unable to process your request. Please try again."),
    (500, -1006, "An unexpected response was received from the message bus. Execution status unknown."),
    (400, -1006, "An unexpected response was received from the message bus. Execution status unknown."),
    (504, -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
    (400, -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
    (500, 0, ""),
    (502, 0, ""),
    (503, 0, ""),
    (504, 0, ""),
    (599, -2010, "Something new."),
]
NOT_PROCESSED = [
    (400, -1004, "Server is busy, please wait and try again"),
    (503, -1004, "Server is busy, please wait and try again"),
    (503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    (400, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
]
SLOW_DOWN = [
    (429, -1003, "Too many requests queued."),
    (418, -1003, "Way too much request weight used; IP banned until 1700000120000."),
    (429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND."),
    (400, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND."),
    (429, 0, ""),
    (418, 0, ""),
]
KEYS = [
    (401, -1002, "You are not authorized to execute this request."),
    (400, -1022, "Signature for this request is not valid."),
    (401, -2008, "Invalid Api-Key ID."),
    (400, -2014, "API-key format invalid."),
    (401, -2014, "API-key format invalid."),
    (401, -2015, "Invalid API-key, IP, or permissions for action."),
    (400, -2015, "Invalid API-key, IP, or permissions for action."),
    (401, 0, ""),
]
REFUSED = [
    (400, -1013, "Filter failure: LOT_SIZE"),
    (400, -1013, "Invalid quantity."),
    (400, -1014, "Unsupported order combination."),
    (400, -1016, "This service is no longer available."),
    (400, -1020, "This operation is not supported."),
    *[(400, code, "Refused.") for code in (-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112)],
    *[(400, code, "Refused.") for code in range(-1122, -1113)],
    *[(400, code, "Refused.") for code in (-1127, -1128, -1130, -1131, -1134, -1145, -1151, -1220)],
    (400, -2010, "Account has insufficient balance for requested action."),
    (400, -2010, "Market is closed."),
    (400, -2011, "Unknown order sent."),
    (400, -2013, "Order does not exist."),
    (400, -2016, "No trading window could be found for the symbol. Try ticker/24hrs instead."),
    (409, -2021, "Order cancel-replace partially failed."),
    (400, -2022, "Order cancel-replace failed."),
    (400, -2026, "Order was archived."),
    *[(400, code, "Refused.") for code in (-2035, -2036, -2038, -2039, -2042, -2043)],
    (451, 0, "Service unavailable from a restricted location according to 'b. Eligibility'."),
    (404, 0, ""),
    (400, -9999, "A code of 2027."),
]


def read(client: Client) -> None:
    client.adapter.get_order_status("BTCUSDT", "abc")


def place(client: Client) -> None:
    client.adapter.place_order(new_order(), 1_700_000_000_000)


def cancel(client: Client) -> None:
    client.adapter.cancel_order("BTCUSDT", "abc")


def cancel_all(client: Client) -> None:
    client.adapter.cancel_open_orders("BTCUSDT")


CALLS = [read, place, cancel, cancel_all]
WRITES = [place, cancel, cancel_all]


def error_of(call, *replies) -> tuple[ExchangeError, Client]:
    client = Client(*replies)
    with pytest.raises(ExchangeError) as caught:
        call(client)
    return caught.value, client


def carries(error: ExchangeError, status: int, code: int, text: str) -> bool:
    return (error.http_status, error.exchange_code, error.exchange_message) == (status, code, text)


@pytest.mark.parametrize(("status", "code", "text"), SERVER_SIDE)
@pytest.mark.parametrize("call", CALLS)
def test_a_problem_on_their_side_leaves_the_outcome_of_a_write_open(call, status: int, code: int, text: str) -> None:
    error, client = error_of(call, refusal(status, code, text))
    assert type(error) is (Unavailable if call is read else OutcomeUnknown)
    assert carries(error, status, code, text)
    assert len(client.sent) == (3 if call is read else 1)


@pytest.mark.parametrize(("status", "code", "text"), NOT_PROCESSED)
@pytest.mark.parametrize("call", CALLS)
def test_a_busy_exchange_has_not_processed_the_request(call, status: int, code: int, text: str) -> None:
    error, client = error_of(call, refusal(status, code, text))
    assert type(error) is Unavailable
    assert carries(error, status, code, text)
    assert len(client.sent) == (3 if call is read else 1)


@pytest.mark.parametrize(("status", "code", "text"), SLOW_DOWN)
@pytest.mark.parametrize("call", CALLS)
def test_being_throttled_says_for_how_long(call, status: int, code: int, text: str) -> None:
    error, client = error_of(call, refusal(status, code, text, Retry_After="37"))
    assert type(error) is Throttled
    assert carries(error, status, code, text)
    assert error.retry_after == (120 if "banned until" in text else 37)
    assert error.banned is (status == 418)
    assert len(client.sent) == 1


@pytest.mark.parametrize("header", ["", "soon", "Wed, 99 Oct 2026 07:28:00 GMT", "-5", "1.5", "²"])
def test_a_retry_after_that_is_neither_seconds_nor_a_date_counts_as_one(header: str) -> None:
    error, _client = error_of(place, refusal(429, -1003, Retry_After=header))
    assert isinstance(error, Throttled)
    assert error.retry_after == 1


@pytest.mark.parametrize("header", ["", "soon", "0", "Tue, 14 Nov 2023 22:13:00 GMT"])
@pytest.mark.parametrize("text", ["Way too much request weight used.", "IP banned until 1699999999000."])
def test_a_ban_that_names_no_time_to_come_is_obeyed_for_the_shortest_ban_there_is(header: str, text: str) -> None:
    error, _client = error_of(place, refusal(418, -1003, text, Retry_After=header))
    assert isinstance(error, Throttled)
    assert (error.banned, error.retry_after) == (True, 120)


def test_to_slow_down_for_no_time_at_all_is_to_slow_down_for_a_second() -> None:
    error, _client = error_of(place, refusal(429, -1003, Retry_After="0"))
    assert isinstance(error, Throttled)
    assert error.retry_after == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60),  # NOW is 22:13:20
        ("Tue, 14 Nov 2023 22:14:20", 60),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 1),
        ("Tue, 14 Nov 2034 22:13:00 GMT", 3 * 24 * 3600),
        ("99999999999999999999999999", 3 * 24 * 3600),
    ],
)
def test_a_retry_after_may_be_a_date_and_is_at_most_the_longest_ban(header: str, seconds: int) -> None:
    error, _client = error_of(place, refusal(429, -1003, Retry_After=header))
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


@pytest.mark.parametrize(("status", "code", "text"), KEYS)
@pytest.mark.parametrize("call", CALLS)
def test_a_refused_key_stops_the_account(call, status: int, code: int, text: str) -> None:
    error, client = error_of(call, refusal(status, code, text))
    assert type(error) is CredentialsRefused
    assert carries(error, status, code, text)
    assert len(client.sent) == 1


@pytest.mark.parametrize(("status", "code", "text"), REFUSED)
@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_is_final(call, status: int, code: int, text: str) -> None:
    error, client = error_of(call, refusal(status, code, text))
    # Of a write only the exchange's own code, or its word on our location, says that it was refused.
    said = code or status == 451 or call is read
    assert type(error) is (Rejected if said else OutcomeUnknown)
    assert carries(error, status, code, text)
    assert len(client.sent) == 1


@pytest.mark.parametrize("status", [100, 400, 404, 408, 409, 425, 499])
@pytest.mark.parametrize(
    "body", ["", "<html>", '{"code":-1006,"msg":"An unexpe', '{"code": "-1007"}', '{"code": true}', "{}"]
)
def test_a_write_is_refused_only_by_a_code_that_can_be_read(status: int, body: str) -> None:
    assert type(error_of(place, reply(body, status))[0]) is OutcomeUnknown


def test_the_restricted_location_is_said_although_its_code_is_zero() -> None:
    error, _client = error_of(read, refusal(451, 0, "Service unavailable from a restricted location."))
    assert "Service unavailable from a restricted location." in error.message


def test_what_a_refusal_is_about_can_be_asked() -> None:
    def rejected(code: int, text: str) -> Rejected:
        error, _client = error_of(place, refusal(400, code, text))
        assert isinstance(error, Rejected)
        return error

    assert rejected(-1013, "Filter failure: PRICE_FILTER").is_filter_failure
    assert rejected(-2010, "Filter failure: MAX_NUM_ORDERS").is_filter_failure
    assert not rejected(-1013, "Invalid price.").is_filter_failure
    assert rejected(-2010, "Duplicate order sent.").is_duplicate
    assert not rejected(-2010, "Market is closed.").is_duplicate
    assert rejected(-2013, "Order does not exist.").is_no_such_order
    assert rejected(-2011, "Unknown order sent.").is_no_such_order
    assert not rejected(-2010, "Unknown order sent.").is_no_such_order


HTML = "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"


@pytest.mark.parametrize("call", CALLS)
def test_the_firewalls_html_is_not_taken_for_an_answer(call) -> None:
    error, client = error_of(call, reply(HTML, 403, {"Content-Type": "text/html"}))
    assert type(error) is Throttled
    assert (error.http_status, error.banned, error.retry_after) == (403, False, 60)
    assert "<" not in error.message
    assert len(client.sent) == 1


def test_after_the_firewalls_refusal_the_host_is_left_alone() -> None:
    _error, client = error_of(read, reply(HTML, 403))
    with pytest.raises(Throttled) as caught:
        read(client)
    assert caught.value.not_sent
    assert 59 <= caught.value.retry_after <= 60
    assert len(client.sent) == 1


@pytest.mark.parametrize("body", [HTML, "", '{"symbol": "BTCUSDT", "orderId"', "[" * 100_000, "9" * 5000, "null"])
@pytest.mark.parametrize("call", CALLS)
def test_a_success_that_cannot_be_read_leaves_the_outcome_of_a_write_open(call, body: str) -> None:
    error, client = error_of(call, reply(body, 200))
    assert type(error) is (Unavailable if call is read else OutcomeUnknown)
    assert len(client.sent) == (3 if call is read else 1)


@pytest.mark.parametrize("body", ["{}", "[]", '{"code": 0}', '[{"orderId": NaN}]', '"text"', "7", "true"])
@pytest.mark.parametrize("call", [read, place, cancel])
def test_a_success_that_is_another_answer_leaves_the_outcome_of_a_write_open(call, body: str) -> None:
    error, _client = error_of(call, reply(body, 200))
    assert type(error) is (Unavailable if call is read else OutcomeUnknown)


@pytest.mark.parametrize("body", ['{"code": "text"}', '{"code": null, "msg": null}', "[]", "null", '"text"', "{"])
def test_an_error_without_a_proper_code_is_judged_by_its_status(body: str) -> None:
    assert type(error_of(read, reply(body, 400))[0]) is Rejected
    assert type(error_of(place, reply(body, 400))[0]) is OutcomeUnknown
    assert type(error_of(place, reply(body, 502))[0]) is OutcomeUnknown
    assert type(error_of(place, reply(body, 429))[0]) is Throttled


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_is_never_followed(call, status: int) -> None:
    error, client = error_of(call, reply("", status, {"Location": "https://elsewhere.test/api/v3/order"}))
    assert type(error) is (Unavailable if call is read else OutcomeUnknown)
    assert all(request.url.startswith("https://exchange.test/") for request in client.script.requests)
    assert len(client.sent) == (3 if call is read else 1)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_without_a_key_is_refused_before_anything_is_sent(call) -> None:
    client = Client(reply({}), api_key="", api_secret="")
    with pytest.raises(CredentialsRefused):
        call(client)
    assert client.sent == []


def test_every_error_speaks_to_people_and_to_programs() -> None:
    for error_class, status in (
        (Rejected, 422),
        (CredentialsRefused, 409),
        (Throttled, 503),
        (Unavailable, 503),
        (ClockSkew, 503),
        (OutcomeUnknown, 503),
    ):
        error = error_class("What happened.", exchange_code=-1, http_status=400)
        assert (error.status, error.message, error.exchange_code) == (status, "What happened.", -1)
        assert error.code
        assert issubclass(error_class, ExchangeError)
