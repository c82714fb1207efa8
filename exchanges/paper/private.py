"""Routes of one account, all signed: orders, trades, balances."""

import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from exchanges.paper import engine, store
from exchanges.paper.bodies import cancel_answer, order_answer, order_row, trade_row
from exchanges.paper.engine import Order, Refused
from exchanges.paper.exchange_info import ORDER_TYPES, ORDERS_PER_10_SECONDS, ORDERS_PER_DAY, STP_MODES, eight
from exchanges.paper.models import PaperAccount, PaperOrder, PaperTrade
from exchanges.paper.routing import Route, Routes
from exchanges.paper.store import OpenAccount
from exchanges.paper.symbols import ASSETS
from exchanges.paper.wire import CLIENT_ORDER_ID, INTEGER, ApiRefusal, Json, Parameters, invalid, missing

DAY_MS = 86_400_000
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
_UNSUPPORTED = "This operation is not supported."
_ALPHABET = string.ascii_letters + string.digits

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
_CONDITIONAL = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")
_NOT_SIMULATED = (
    "icebergQty", "strategyId", "strategyType", "trailingDelta", "pegPriceType", "pegOffsetValue", "pegOffsetType",
)  # fmt: skip
ORDER_PARAMETERS = (*_CONDITIONAL, *_NOT_SIMULATED, "newClientOrderId", "newOrderRespType", "selfTradePreventionMode")


@dataclass(slots=True)
class PrivateCall:
    """One signed request, while its account is locked. `headers` are added to the answer."""

    account: OpenAccount
    parameters: Parameters
    check_deadline: Callable[[int], None]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        return self.account.now_ms

    def one_symbol(self) -> str:
        """The mandatory `symbol`. A delisted one is still known here: its orders can be seen and cancelled."""
        self.parameters.required("symbol")
        symbol = self.parameters.symbol()
        if symbol is None or symbol not in self.account.market.symbols:
            raise ApiRefusal(-1121, "Invalid symbol.")
        return symbol


# --- Orders ----------------------------------------------------------------------------------------------


def new_order(call: PrivateCall) -> Json:
    parameters, account = call.parameters, call.account
    symbol = call.one_symbol()
    if symbol not in account.market.listed(call.now_ms):
        raise ApiRefusal(-1121, "Invalid symbol.")
    side = parameters.required("side")
    if side not in ("BUY", "SELL"):
        raise ApiRefusal(-1117, "Invalid side.")
    kind = parameters.required("type")
    if kind not in ORDER_TYPES:
        raise ApiRefusal(-1116, "Invalid orderType.")
    request = _order_request(parameters, symbol, side, kind)
    response = parameters.choice("newOrderRespType", ("ACK", "RESULT", "FULL"), _default_response(kind))
    call.check_deadline(call.account.clock_ms)
    if account.market.status(symbol, call.now_ms) != "TRADING":
        raise ApiRefusal(-2010, "Market is closed.")
    _check_order_counts(account)
    outcome = account.place(request)
    call.headers.update(_count_order(account))
    return order_answer(outcome.orders[-1], outcome.trades, response)


def _default_response(kind: str) -> str:
    return "FULL" if kind in ("LIMIT", "MARKET") else "ACK"


def _order_request(parameters: Parameters, symbol: str, side: str, kind: str) -> engine.Request:
    mandatory, allowed = _ORDER_FIELDS[kind]
    for name in mandatory:
        if name not in parameters:
            raise missing(name)
    for name in _CONDITIONAL:
        if name in parameters and name not in mandatory and name not in allowed:
            raise ApiRefusal(-1106, f"Parameter '{name}' sent when not required.")
    if kind == "MARKET" and ("quantity" in parameters) == ("quoteOrderQty" in parameters):
        if "quantity" in parameters:
            raise ApiRefusal(-1106, "Parameter 'quoteOrderQty' sent when not required.")
        raise missing("quantity")
    time_in_force = parameters.text("timeInForce") or "GTC"
    if time_in_force not in TIMES_IN_FORCE:
        raise ApiRefusal(-1115, "Invalid timeInForce.")
    amounts = {
        name: parameters.amount(name)
        for name in ("quantity", "price", "quoteOrderQty", "stopPrice", "icebergQty")
        if name in parameters
    }
    stp_mode = parameters.choice("selfTradePreventionMode", STP_MODES, "EXPIRE_MAKER")
    client_order_id = parameters.text("newClientOrderId", CLIENT_ORDER_ID) or _new_client_id()
    # Legal on the exchange, but not simulated here: said so rather than ignored.
    if any(name in parameters for name in _NOT_SIMULATED):
        raise ApiRefusal(-1020, _UNSUPPORTED)
    return engine.Request(
        symbol=symbol,
        side=side,
        quantity=amounts.get("quantity", Decimal(0)),
        price=amounts.get("price", Decimal(0)),
        client_order_id=client_order_id,
        type=kind,
        time_in_force=time_in_force,
        stp_mode=stp_mode,
    )


def _new_client_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(22))


def _windows(now_ms: int) -> tuple[int, int]:
    return now_ms // 10_000, now_ms // DAY_MS


def _counts(row: PaperAccount, now_ms: int) -> tuple[int, int]:
    """Orders so far in the current 10 seconds and in the current UTC day."""
    ten, day = _windows(now_ms)
    return (row.orders_10s if row.window_10s == ten else 0), (row.orders_1d if row.window_1d == day else 0)


def _check_order_counts(account: OpenAccount) -> None:
    now = account.now_ms
    in_ten, in_day = _counts(account.row, now)
    for used, limit, length, name in (
        (in_day, ORDERS_PER_DAY, DAY_MS, "1 DAY"),
        (in_ten, ORDERS_PER_10_SECONDS, 10_000, "10 SECOND"),
    ):
        if used >= limit:
            wait = -(-(length - now % length) // 1000)
            text = f"Too many new orders; current limit is {limit} orders per {name}."
            raise ApiRefusal(-1015, text, 429, {"Retry-After": str(wait)})


def _count_order(account: OpenAccount) -> dict[str, str]:
    row = account.row
    in_ten, in_day = _counts(row, account.now_ms)
    row.window_10s, row.window_1d = _windows(account.now_ms)
    row.orders_10s, row.orders_1d = in_ten + 1, in_day + 1
    account.touch()
    return {"X-MBX-ORDER-COUNT-10S": str(row.orders_10s), "X-MBX-ORDER-COUNT-1D": str(row.orders_1d)}


def get_order(call: PrivateCall) -> Json:
    order = _find_order(call, -2013, "Order does not exist.")
    return order_row(order)


def cancel_order(call: PrivateCall) -> Json:
    parameters = call.parameters
    order = _find_order(call, -2011, "Unknown order sent.")
    new_id = parameters.text("newClientOrderId", CLIENT_ORDER_ID) or _new_client_id()
    restriction = parameters.text("cancelRestrictions")
    if restriction not in (None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise ApiRefusal(-1145, "Invalid cancelRestrictions")
    call.check_deadline(call.account.clock_ms)
    if order.is_open and restriction and restriction.removeprefix("ONLY_") != order.status:
        raise ApiRefusal(-2011, "Order was not canceled due to cancel restrictions.")
    cancelled = call.account.cancel(order.symbol, order.order_id)
    return cancel_answer(cancelled, new_id)


def cancel_open_orders(call: PrivateCall) -> list[Json]:
    symbol = call.one_symbol()
    call.check_deadline(call.account.clock_ms)
    mine = [order for order in call.account.state.open_orders.values() if order.symbol == symbol]
    if not mine:
        raise ApiRefusal(-2011, "Unknown order sent.")
    return [cancel_answer(call.account.cancel(symbol, order.order_id), _new_client_id()) for order in mine]


def open_orders(call: PrivateCall) -> list[Json]:
    wanted = call.one_symbol() if "symbol" in call.parameters else None
    orders = call.account.state.open_orders.values()
    return [order_row(order) for order in orders if wanted is None or order.symbol == wanted]


def all_orders(call: PrivateCall) -> list[Json]:
    symbol, parameters = call.one_symbol(), call.parameters
    rows = PaperOrder.objects.using(store.ALIAS).filter(account=call.account.row, symbol=symbol)
    first = parameters.integer("orderId")
    if first is not None:
        rows = rows.filter(order_id__gte=first)
    found = _page(rows, parameters, "order_id", from_first=first is not None)
    return [order_row(store.order_of(row)) for row in found]


def _find_order(call: PrivateCall, code: int, text: str) -> Order:
    """The order of `orderId` or `origClientOrderId`; of several with one client id, the newest."""
    symbol, parameters = call.one_symbol(), call.parameters
    parameters.text("orderId", INTEGER)
    order_id = parameters.text("orderId", INTEGER)
    client_id = parameters.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise ApiRefusal(-1102, "Param 'orderId' or 'origClientOrderId' must be sent, but both were empty/null!")
    rows = PaperOrder.objects.using(store.ALIAS).filter(account=call.account.row, symbol=symbol)
    if order_id is not None:
        row = rows.filter(order_id=int(order_id)).first() if int(order_id) < 1 << 63 else None
    else:
        row = rows.filter(client_order_id=client_id).order_by("-order_id").first()
    if row is None:
        raise ApiRefusal(code, text)
    if client_id is not None and row.client_order_id != client_id:
        if code == -2013:
            raise ApiRefusal(-2039, "Client order ID is not correct for this order ID")
        raise ApiRefusal(code, text)
    return store.order_of(row)


# --- Account and trades ----------------------------------------------------------------------------------


def get_account(call: PrivateCall) -> Json:
    account = call.account
    row, balances = account.row, account.state.balances
    if call.parameters.flag("omitZeroBalances", default=False):
        shown = sorted(asset for asset, balance in balances.items() if balance.total)
    else:
        shown = sorted({*ASSETS, *balances})
    return {
        "makerCommission": int(row.maker_rate * 10_000),
        "takerCommission": int(row.taker_rate * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": eight(row.maker_rate),
            "taker": eight(row.taker_rate),
            "buyer": eight(Decimal(0)),
            "seller": eight(Decimal(0)),
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": row.updated_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": eight(balance.free), "locked": eight(balance.locked)}
            for asset, balance in ((asset, account.state.balance(asset)) for asset in shown)
        ],
        "permissions": ["SPOT"],
        "uid": row.pk,
    }


def my_trades(call: PrivateCall) -> list[Json]:
    symbol, parameters = call.one_symbol(), call.parameters
    sent = frozenset(name for name in ("orderId", "startTime", "endTime", "fromId") if name in parameters)
    if sent not in _TRADE_QUERIES:
        raise ApiRefusal(-1128, "Combination of optional parameters invalid.")
    rows = PaperTrade.objects.using(store.ALIAS).filter(account=call.account.row, symbol=symbol)
    order_id, from_id = parameters.integer("orderId"), parameters.integer("fromId")
    if order_id is not None:
        rows = rows.filter(order_id=order_id)
    if from_id is not None:
        rows = rows.filter(trade_id__gte=from_id)
    found = _page(rows, parameters, "trade_id", from_first=from_id is not None)
    return [trade_row(row) for row in found]


def trades_weight(parameters: Parameters) -> int:
    return 5 if "orderId" in parameters else 20


def open_orders_weight(parameters: Parameters) -> int:
    return 6 if "symbol" in parameters else 80


_TRADE_QUERIES = {
    frozenset(names)
    for names in (
        (),
        ("orderId",),
        ("startTime",),
        ("endTime",),
        ("fromId",),
        ("startTime", "endTime"),
        ("orderId", "fromId"),
    )
}


def _page(rows: QuerySet[Any], parameters: Parameters, key: str, *, from_first: bool) -> list[Any]:
    """At most `limit` rows, ascending: the oldest from a start on, else the newest."""
    limit = parameters.integer("limit", low=1, high=1000) or 500
    start, end = parameters.integer("startTime"), parameters.integer("endTime")
    if start is not None and end is not None:
        if end < start:
            raise invalid("endTime")
        if _to_ms(end) - _to_ms(start) > DAY_MS:
            raise ApiRefusal(-1127, "More than 24 hours between startTime and endTime.")
    if start is not None:
        rows = rows.filter(time_ms__gte=_to_ms(start))
    if end is not None:
        rows = rows.filter(time_ms__lte=_to_ms(end))
    if from_first or start is not None:
        return list(rows.order_by(key)[:limit])
    return list(rows.order_by(f"-{key}")[:limit])[::-1]


def _to_ms(value: int) -> int:
    """A time parameter in milliseconds or microseconds, as milliseconds."""
    return value // 1000 if value >= 10**14 else value


# --- Keys and refusals ----------------------------------------------------------------------------------


def refusal_of(error: Refused) -> ApiRefusal:
    """What the engine refuses, as an answer."""
    return ApiRefusal(error.code, error.text)


_KEY = re.compile(r"[A-Za-z0-9]{64}")


def key_is_wellformed(api_key: str) -> bool:
    return _KEY.fullmatch(api_key) is not None


_ONE_ORDER = ("orderId", "origClientOrderId")
_HISTORY = ("startTime", "endTime", "limit")

ROUTES: Routes = {
    ("POST", "/api/v3/order"): Route(
        new_order, 1, ("symbol", "side", "type"), ORDER_PARAMETERS, signed=True, free=True
    ),
    ("GET", "/api/v3/order"): Route(get_order, 4, ("symbol",), _ONE_ORDER, signed=True),
    ("DELETE", "/api/v3/order"): Route(
        cancel_order, 1, ("symbol",), (*_ONE_ORDER, "newClientOrderId", "cancelRestrictions"), signed=True, free=True
    ),
    ("GET", "/api/v3/openOrders"): Route(open_orders, open_orders_weight, optional=("symbol",), signed=True),
    ("DELETE", "/api/v3/openOrders"): Route(cancel_open_orders, 1, ("symbol",), signed=True, free=True),
    ("GET", "/api/v3/allOrders"): Route(all_orders, 20, ("symbol",), ("orderId", *_HISTORY), signed=True),
    ("GET", "/api/v3/account"): Route(get_account, 20, optional=("omitZeroBalances",), signed=True),
    ("GET", "/api/v3/myTrades"): Route(
        my_trades, trades_weight, ("symbol",), ("orderId", "fromId", *_HISTORY), signed=True
    ),
}
