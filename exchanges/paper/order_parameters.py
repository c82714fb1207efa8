"""The parameters of an order, read into what the engine is asked for, each with its own refusal."""

from decimal import Decimal

from exchanges.paper.calls import new_client_id
from exchanges.paper.engine import Request
from exchanges.paper.exchange_info import STP_MODES
from exchanges.paper.wire import CLIENT_ORDER_ID, INTEGER, ApiRefusal, Parameters, missing, neither

TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
LEAST_STRATEGY_TYPE = 1_000_000
COMMISSION_FLAG = "computeCommissionRates"

# What a type of order needs, and what of the rest it may carry; anything else is "sent when not required".
_ORDER_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "LIMIT": (("timeInForce", "quantity", "price"), ("icebergQty",)),
    "MARKET": ((), ("quantity", "quoteOrderQty")),
    "LIMIT_MAKER": (("quantity", "price"), ("icebergQty",)),
    "STOP_LOSS": (("quantity",), ("stopPrice", "trailingDelta")),
    "TAKE_PROFIT": (("quantity",), ("stopPrice", "trailingDelta")),
    "STOP_LOSS_LIMIT": (("timeInForce", "quantity", "price"), ("stopPrice", "trailingDelta", "icebergQty")),
    "TAKE_PROFIT_LIMIT": (("timeInForce", "quantity", "price"), ("stopPrice", "trailingDelta", "icebergQty")),
}
_TRIGGERED = ("STOP_LOSS", "TAKE_PROFIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_CONDITIONAL = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")
_PEGGED = ("pegPriceType", "pegOffsetValue", "pegOffsetType")
ORDER_PARAMETERS = (
    *_CONDITIONAL,
    *_PEGGED,
    *("strategyId", "strategyType", "newClientOrderId", "newOrderRespType", "selfTradePreventionMode"),
)


def read_order(parameters: Parameters, symbol: str) -> Request:
    """The order of `side`, `type` and what goes with them; ApiRefusal names the first parameter that is wrong."""
    side = parameters.required("side")
    if side not in ("BUY", "SELL"):
        raise ApiRefusal(-1117, "Invalid side.")
    kind = parameters.required("type")
    if kind not in _ORDER_FIELDS:
        raise ApiRefusal(-1116, "Invalid orderType.")
    _check_fields(parameters, kind)
    time_in_force = parameters.text("timeInForce") or "GTC"
    if time_in_force not in TIMES_IN_FORCE:
        raise ApiRefusal(-1115, "Invalid timeInForce.")
    amounts = {
        name: parameters.amount(name)
        for name in ("quantity", "price", "quoteOrderQty", "stopPrice", "icebergQty")
        if name in parameters
    }
    nothing = Decimal(0)
    if kind == "MARKET" and "quoteOrderQty" in amounts and not amounts["quoteOrderQty"]:
        raise ApiRefusal(-1013, "Invalid quote order quantity.")
    if amounts.get("icebergQty") and time_in_force != "GTC":
        raise ApiRefusal(-1014, "Unsupported order combination.")
    request = Request(
        symbol=symbol,
        side=side,
        quantity=amounts.get("quantity", nothing),
        price=amounts.get("price", nothing),
        client_order_id=parameters.text("newClientOrderId", CLIENT_ORDER_ID) or new_client_id(),
        type=kind,
        time_in_force=time_in_force,
        stp_mode=parameters.choice("selfTradePreventionMode", STP_MODES, "EXPIRE_MAKER"),
        quote_order_quantity=amounts.get("quoteOrderQty", nothing),
        iceberg_quantity=amounts.get("icebergQty", nothing),
        strategy_id=parameters.integer("strategyId"),
        strategy_type=_strategy_type(parameters),
    )
    _check_not_allowed(parameters)
    return request


def _check_fields(parameters: Parameters, kind: str) -> None:
    mandatory, allowed = _ORDER_FIELDS[kind]
    for name in mandatory:
        if name not in parameters:
            raise missing(name)
    for name in _CONDITIONAL:
        if name in parameters and name not in mandatory and name not in allowed:
            raise ApiRefusal(-1106, f"Parameter '{name}' sent when not required.")
    if kind == "MARKET" and "quantity" in parameters and "quoteOrderQty" in parameters:
        raise ApiRefusal(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    for kinds, first, second in (
        (("MARKET",), "quantity", "quoteOrderQty"),
        (_TRIGGERED, "stopPrice", "trailingDelta"),
    ):
        if kind in kinds and first not in parameters and second not in parameters:
            raise neither(first, second)


def _strategy_type(parameters: Parameters) -> int | None:
    value = parameters.integer("strategyType")
    if value is not None and value < LEAST_STRATEGY_TYPE:
        raise ApiRefusal(-1134, f"strategyType was less than {LEAST_STRATEGY_TYPE}.")
    return value


def _check_not_allowed(parameters: Parameters) -> None:
    """What no symbol here allows (exchangeInfo says so), however well it is formed."""
    if parameters.text("trailingDelta", INTEGER):
        raise ApiRefusal(-2010, "Trailing stop orders are not supported for this symbol.")
    if any(name in parameters for name in _PEGGED):
        raise ApiRefusal(-2010, "Pegged orders are not supported for this symbol.")


def response_type(parameters: Parameters, kind: str) -> str:
    """ACK, RESULT or FULL: as asked for, else FULL for MARKET and LIMIT and ACK for the rest."""
    default = "FULL" if kind in ("LIMIT", "MARKET") else "ACK"
    return parameters.choice("newOrderRespType", ("ACK", "RESULT", "FULL"), default)
