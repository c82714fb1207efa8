"""Cancelling and replacing in one request: each half is told apart, and what may have happened is not called failed."""

from decimal import Decimal
from typing import Any

import pytest

from exchanges.domain import CancelReplaceMode, CancelReplaceReport, RateLimitMode, StepResult
from exchanges.errors import ClockSkew, OutcomeUnknown, Rejected, Throttled
from exchanges.tests.methods import CANCELLED, REPLACED
from exchanges.tests.support import NOW, ORDER, Client, new_order, refusal, reply, sent_text

NOT_FOUND = {"code": -2011, "msg": "Unknown order sent."}
CROSSING = {"code": -2010, "msg": "Order would immediately match and take."}
NEW = {**ORDER, "orderId": 29, "clientOrderId": "new"}


def replace(client: Client, **options: Any) -> CancelReplaceReport:
    return client.adapter.cancel_replace(new_order(client_order_id="new"), "abc", NOW, **options)


def failure(status: int, code: int, **data: Any) -> Any:
    return reply({"code": code, "msg": "Order cancel-replace failed.", "data": data}, status)


def test_it_goes_out_once_with_both_ids_and_what_to_do_about_failures() -> None:
    client = Client(reply(REPLACED))
    report = replace(client, mode=CancelReplaceMode.ALLOW_FAILURE, rate_limit_mode=RateLimitMode.CANCEL_ONLY)
    (request,) = client.script.requests
    assert sent_text(request).startswith(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&newClientOrderId=new"
        "&newOrderRespType=RESULT&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=abc"
        "&orderRateLimitExceededMode=CANCEL_ONLY&recvWindow=5000&timestamp=1700000000000&signature="
    )
    assert report.cancel.result == report.new_order.result == StepResult.SUCCESS
    assert report.cancel.order is not None
    assert report.new_order.order is not None
    assert (report.cancel.order.client_order_id, report.cancel.order.status) == ("abc", "CANCELED")
    assert (report.new_order.order.client_order_id, report.new_order.order.price) == ("new", Decimal(50_000))


def test_by_default_nothing_is_placed_where_nothing_could_be_cancelled() -> None:
    client = Client(reply(REPLACED))
    replace(client)
    text = sent_text(client.script.requests[0])
    assert "cancelReplaceMode=STOP_ON_FAILURE" in text
    assert "orderRateLimitExceededMode=DO_NOTHING" in text


def test_a_cancel_that_failed_with_no_order_tried() -> None:
    answer = failure(
        400, -2022, cancelResult="FAILURE", newOrderResult="NOT_ATTEMPTED", cancelResponse=NOT_FOUND,
        newOrderResponse=None,
    )  # fmt: skip
    report = replace(Client(answer))
    assert (report.cancel.result, report.cancel.exchange_code) == (StepResult.FAILURE, -2011)
    assert report.cancel.exchange_message == "Unknown order sent."
    assert (report.new_order.result, report.new_order.order) == (StepResult.NOT_ATTEMPTED, None)


def test_a_cancel_that_was_done_with_an_order_that_was_not() -> None:
    answer = failure(
        409,
        -2021,
        cancelResult="SUCCESS",
        newOrderResult="FAILURE",
        cancelResponse=CANCELLED,
        newOrderResponse=CROSSING,
    )
    report = replace(Client(answer))
    assert report.cancel.order is not None
    assert report.cancel.order.status == "CANCELED"
    assert (report.new_order.result, report.new_order.exchange_code) == (StepResult.FAILURE, -2010)


def test_an_order_that_was_placed_although_nothing_was_cancelled() -> None:
    answer = failure(
        409, -2021, cancelResult="FAILURE", newOrderResult="SUCCESS", cancelResponse=NOT_FOUND, newOrderResponse=NEW
    )
    report = replace(Client(answer))
    assert report.cancel.result == StepResult.FAILURE
    assert report.new_order.order is not None
    assert report.new_order.order.exchange_order_id == 29


def test_both_halves_that_failed() -> None:
    answer = failure(
        400,
        -2022,
        cancelResult="FAILURE",
        newOrderResult="FAILURE",
        cancelResponse=NOT_FOUND,
        newOrderResponse=CROSSING,
    )
    report = replace(Client(answer))
    assert (report.cancel.exchange_code, report.new_order.exchange_code) == (-2011, -2010)


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007])
@pytest.mark.parametrize("half", ["cancel", "newOrder"])
def test_a_half_whose_execution_is_unknown_makes_the_whole_unknown(code: int, half: str) -> None:
    data: dict[str, Any] = {
        "cancelResult": "SUCCESS",
        "cancelResponse": CANCELLED,
        "newOrderResult": "SUCCESS",
        "newOrderResponse": NEW,
    }
    data |= {f"{half}Result": "FAILURE", f"{half}Response": {"code": code, "msg": "Execution status unknown."}}
    with pytest.raises(OutcomeUnknown) as caught:
        replace(Client(failure(409, -2021, **data)))
    assert caught.value.exchange_code == code


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"cancelResult": "SUCCESS"},
        {"cancelResult": "MAYBE", "newOrderResult": "SUCCESS", "newOrderResponse": NEW},
        {"cancelResult": "SUCCESS", "cancelResponse": CANCELLED, "newOrderResult": "SUCCESS", "newOrderResponse": None},
        {"cancelResult": "SUCCESS", "cancelResponse": {}, "newOrderResult": "NOT_ATTEMPTED"},
        {"cancelResult": 7, "newOrderResult": "NOT_ATTEMPTED"},
    ],
)
def test_half_done_without_saying_which_half_is_unknown(data: dict[str, Any]) -> None:
    client = Client(failure(409, -2021, **data))
    with pytest.raises(OutcomeUnknown):
        replace(client)
    assert len(client.sent) == 1


def test_half_done_without_any_word_of_it_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        replace(Client(refusal(409, -2021, "Order cancel-replace partially failed.")))


def test_what_was_refused_before_either_was_tried_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        replace(Client(refusal(400, -1013, "Filter failure: LOT_SIZE")))
    assert caught.value.is_filter_failure


def test_too_many_orders_is_known_to_have_done_nothing_unless_the_cancel_is_tried_all_the_same() -> None:
    full = refusal(429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND.")
    with pytest.raises(Throttled):
        replace(Client(full))
    with pytest.raises(OutcomeUnknown):
        replace(Client(full), rate_limit_mode=RateLimitMode.CANCEL_ONLY)
    with pytest.raises(Throttled):
        replace(Client(refusal(429, -1003, "Too many requests.")), rate_limit_mode=RateLimitMode.CANCEL_ONLY)


def test_a_refused_clock_is_left_to_the_caller_as_with_an_order() -> None:
    client = Client(refusal(400, -1021))
    with pytest.raises(ClockSkew):
        replace(client)
    assert client.sent == ["POST /api/v3/order/cancelReplace"]


@pytest.mark.parametrize(("status", "body"), [
    (409, '{"code":-2021,"msg":"Order canc'), (429, '{"code":-2021,"msg":"Order canc'), (409, "{}"), (400, ""),
])  # fmt: skip
def test_half_an_answer_leaves_both_halves_open(status: int, body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        Client(reply(body, status)).adapter.cancel_replace(new_order(client_order_id="new"), "abc", NOW)
