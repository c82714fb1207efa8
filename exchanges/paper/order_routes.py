"""Routes that change an account's orders: place, try, cancel, replace, amend."""

from collections.abc import Callable
from typing import Any

from exchanges.paper import engine, order_counts
from exchanges.paper.account_routes import commission_rates
from exchanges.paper.bodies import amend_answer, cancel_answer, order_answer
from exchanges.paper.calls import PrivateCall, new_client_id, refusal_of
from exchanges.paper.engine import UNKNOWN_ORDER, Order, Refused
from exchanges.paper.order_parameters import COMMISSION_FLAG, ORDER_PARAMETERS, read_order, response_type
from exchanges.paper.routing import Route, Routes
from exchanges.paper.wire import CLIENT_ORDER_ID, ApiRefusal, Json, Parameters

_CLOSED = "Market is closed."
_RESTRICTIONS = ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")


def new_order(call: PrivateCall) -> Json | ApiRefusal:
    request, response = _read(call)
    limit = order_counts.exceeded(call.account.row, call.now_ms)
    late = _late(call)
    if late is not None:
        return late
    _check_open(call, request.symbol)
    if limit is not None:
        raise limit
    _count(call)
    return _place(call, request, response)


def test_order(call: PrivateCall) -> Json:
    """Everything that is checked before the matching engine, and nothing is placed."""
    request, _ = _read(call)
    call.check_deadline(call.account.clock_ms)
    call.account.check(request)
    if call.parameters.flag(COMMISSION_FLAG, default=False):
        return commission_rates(call.account.row, "ForOrder")
    return {}


def _read(call: PrivateCall) -> tuple[engine.Request, str]:
    """The order that is asked for, and how much of it the answer is to tell."""
    symbol = call.listed_symbol()
    request = read_order(call.parameters, symbol)
    return request, response_type(call.parameters, request.type)


def _late(call: PrivateCall) -> ApiRefusal | None:
    """The -1021 of an order that reaches the matching engine too late. It counts, as no earlier refusal does."""
    try:
        call.check_deadline(call.account.clock_ms)
    except ApiRefusal as error:
        _count(call)
        return error
    return None


def _count(call: PrivateCall) -> None:
    order_counts.add(call.account.row, call.now_ms)
    call.account.touch()


def _check_open(call: PrivateCall, symbol: str) -> None:
    if call.account.market.status(symbol, call.now_ms) != "TRADING":
        raise ApiRefusal(-2010, _CLOSED)


def _place(call: PrivateCall, request: engine.Request, response: str) -> Json:
    """Place an order that has been counted: what its own first fill gives back comes after that."""
    outcome = call.account.place(request)
    call.headers.update(order_counts.headers(call.account.row, call.now_ms))
    return order_answer(outcome.orders[0], outcome.trades, response)


# --- Cancelling ------------------------------------------------------------------------------------------


def cancel_order(call: PrivateCall) -> Json:
    order = call.find_order(-2011, UNKNOWN_ORDER)
    restriction = _restriction(call.parameters)
    new_id = call.parameters.text("newClientOrderId", CLIENT_ORDER_ID) or new_client_id()
    call.check_deadline(call.account.clock_ms)
    return _cancel(call, order, restriction, new_id)


def _restriction(parameters: Parameters) -> str | None:
    restriction = parameters.text("cancelRestrictions")
    if restriction is not None and restriction not in _RESTRICTIONS:
        raise ApiRefusal(-1145, "Invalid cancelRestrictions")
    return restriction


def _cancel(call: PrivateCall, order: Order, restriction: str | None, new_id: str) -> Json:
    if order.is_open and restriction and restriction.removeprefix("ONLY_") != order.status:
        raise ApiRefusal(-2011, "Order was not canceled due to cancel restrictions.")
    return cancel_answer(call.account.cancel(order.symbol, order.order_id), new_id)


def cancel_open_orders(call: PrivateCall) -> list[Json]:
    symbol = call.one_symbol()
    call.check_deadline(call.account.clock_ms)
    mine = [order for order in call.account.state.open_orders.values() if order.symbol == symbol]
    if not mine:
        raise ApiRefusal(-2011, UNKNOWN_ORDER)
    return [cancel_answer(call.account.cancel(symbol, order.order_id), new_client_id()) for order in mine]


# --- Replacing and amending ------------------------------------------------------------------------------


def cancel_replace(call: PrivateCall) -> Json | ApiRefusal:
    """Cancel one order and place another, in this order and not as one act: what was done stays done."""
    parameters, account = call.parameters, call.account
    request, response = _read(call)
    mode = parameters.choice("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), "")
    when_exceeded = parameters.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"), "DO_NOTHING")
    restriction = _restriction(parameters)
    new_id = parameters.text("cancelNewClientOrderId", CLIENT_ORDER_ID) or new_client_id()
    if not account.rules(request.symbol).cancel_replace_allowed:
        raise ApiRefusal(-2010, "Order cancel-replace is not supported for this symbol.")
    account.check(request)
    late = _late(call)
    if late is not None:
        return late
    limit = order_counts.exceeded(account.row, call.now_ms)
    if limit is not None and when_exceeded == "DO_NOTHING":
        raise limit
    if limit is None:
        _count(call)  # also where the order is refused, or not tried at all

    def cancel() -> Json:
        order = call.find_order(-2011, UNKNOWN_ORDER, "cancelOrderId", "cancelOrigClientOrderId")
        return _cancel(call, order, restriction, new_id)

    def place() -> Json:
        if limit is not None:
            raise limit
        _check_open(call, request.symbol)
        return _place(call, request, response)

    cancelled, cancel_result = _attempt(cancel)
    if cancel_result == "FAILURE" and mode == "STOP_ON_FAILURE":
        placed, place_result = None, "NOT_ATTEMPTED"
    else:
        placed, place_result = _attempt(place)
    call.headers.update(order_counts.headers(account.row, call.now_ms))
    data = {
        "cancelResult": cancel_result,
        "newOrderResult": place_result,
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }
    if cancel_result == place_result == "SUCCESS":
        return data
    both_failed = "SUCCESS" not in (cancel_result, place_result)
    code, status = (-2022, 400) if both_failed else (-2021, 409)
    text = "Order cancel-replace failed." if both_failed else "Order cancel-replace partially failed."
    if limit is not None and mode == "STOP_ON_FAILURE":
        return ApiRefusal(code, text, 429, limit.headers, data)
    return ApiRefusal(code, text, status, data=data)


def _attempt(act: Callable[[], Json]) -> tuple[Json, str]:
    """What one half of a cancel-replace answers, and whether it succeeded."""
    try:
        return act(), "SUCCESS"
    except (ApiRefusal, Refused) as error:
        refusal = error if isinstance(error, ApiRefusal) else refusal_of(error)
        return {"code": refusal.code, "msg": refusal.text}, "FAILURE"


def amend_order(call: PrivateCall) -> Json:
    """Make an order smaller; it keeps its id and its turn."""
    parameters = call.parameters
    order = call.find_order(-2038, UNKNOWN_ORDER)
    quantity = parameters.amount("newQty")
    new_id = parameters.text("newClientOrderId", CLIENT_ORDER_ID) or new_client_id()
    call.check_deadline(call.account.clock_ms)
    if call.account.market.status(order.symbol, call.now_ms) != "TRADING":
        raise ApiRefusal(-2038, _CLOSED)
    amended = call.account.amend(order.symbol, order.order_id, quantity, new_id)
    return amend_answer(amended, order.client_order_id)


_ONE_ORDER = ("orderId", "origClientOrderId")
_NEW_ORDER = ("symbol", "side", "type")


def _order_route(handler: Callable[[PrivateCall], Any], *mandatory: str, optional: tuple[str, ...]) -> Route:
    return Route(handler, 1, (*_NEW_ORDER, *mandatory), optional, signed=True, free=True)


def _test_weight(parameters: Parameters) -> int:
    return 20 if (parameters.text(COMMISSION_FLAG) or "").lower() == "true" else 1


ROUTES: Routes = {
    ("POST", "/api/v3/order"): _order_route(new_order, optional=ORDER_PARAMETERS),
    ("POST", "/api/v3/order/test"): Route(
        test_order, _test_weight, _NEW_ORDER, (*ORDER_PARAMETERS, COMMISSION_FLAG), signed=True
    ),
    ("POST", "/api/v3/order/cancelReplace"): _order_route(
        cancel_replace,
        "cancelReplaceMode",
        optional=(
            *ORDER_PARAMETERS,
            *("cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId", "cancelRestrictions"),
            "orderRateLimitExceededMode",
        ),
    ),
    ("DELETE", "/api/v3/order"): Route(
        cancel_order, 1, ("symbol",), (*_ONE_ORDER, "newClientOrderId", "cancelRestrictions"), signed=True, free=True
    ),
    ("DELETE", "/api/v3/openOrders"): Route(cancel_open_orders, 1, ("symbol",), signed=True, free=True),
    ("PUT", "/api/v3/order/amend/keepPriority"): Route(
        amend_order, 4, ("symbol", "newQty"), (*_ONE_ORDER, "newClientOrderId"), signed=True
    ),
}
