"""Routes that read an account: balances, commission, orders, trades, counts."""

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from exchanges.paper import engine, order_counts, store
from exchanges.paper.bodies import order_row, trade_row
from exchanges.paper.calls import PrivateCall
from exchanges.paper.exchange_info import eight
from exchanges.paper.models import PaperAccount, PaperOrder, PaperTrade
from exchanges.paper.order_counts import DAY_MS
from exchanges.paper.routing import Route, Routes
from exchanges.paper.symbols import ASSETS
from exchanges.paper.wire import ApiRefusal, Json, Parameters, invalid

_NONE = eight(Decimal(0))
ARCHIVED_AFTER_MS = 90 * DAY_MS
_ARCHIVED = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."


def get_order(call: PrivateCall) -> Json:
    order = call.find_order(-2013, "Order does not exist.")
    if not order.is_open and not order.executed and call.now_ms - order.update_ms > ARCHIVED_AFTER_MS:
        raise ApiRefusal(-2026, _ARCHIVED)
    return order_row(order)


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
            "buyer": _NONE,
            "seller": _NONE,
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


def get_commission(call: PrivateCall) -> Json:
    """GET account/commission: what trading one symbol costs this account."""
    return {"symbol": call.listed_symbol(), **commission_rates(call.account.row)}


def commission_rates(row: PaperAccount, suffix: str = "") -> Json:
    """The account's rates; there are no special or tax commissions here. `suffix` as POST order/test names them."""
    none = {"maker": _NONE, "taker": _NONE}
    sides = {} if suffix else {"buyer": _NONE, "seller": _NONE}
    return {
        f"standardCommission{suffix}": {"maker": eight(row.maker_rate), "taker": eight(row.taker_rate), **sides},
        f"specialCommission{suffix}": {**none, **sides},
        f"taxCommission{suffix}": {**none, **sides},
        "discount": {
            "enabledForAccount": row.burns_bnb,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": eight(engine.BNB_DISCOUNT),
        },
    }


def order_rate_limits(call: PrivateCall) -> list[Json]:
    return order_counts.rate_limits(call.account.row, call.now_ms)


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
    start, end = parameters.moment("startTime"), parameters.moment("endTime")
    if start is not None and end is not None:
        if end < start:
            raise invalid("endTime")
        if end - start > DAY_MS:
            raise ApiRefusal(-1127, "More than 24 hours between startTime and endTime.")
    if start is not None:
        rows = rows.filter(time_ms__gte=start)
    if end is not None:
        rows = rows.filter(time_ms__lte=end)
    if from_first or start is not None:
        return list(rows.order_by(key)[:limit])
    return list(rows.order_by(f"-{key}")[:limit])[::-1]


_ONE_ORDER = ("orderId", "origClientOrderId")
_HISTORY = ("startTime", "endTime", "limit")

ROUTES: Routes = {
    ("GET", "/api/v3/order"): Route(get_order, 4, ("symbol",), _ONE_ORDER, signed=True),
    ("GET", "/api/v3/openOrders"): Route(open_orders, open_orders_weight, optional=("symbol",), signed=True),
    ("GET", "/api/v3/allOrders"): Route(all_orders, 20, ("symbol",), ("orderId", *_HISTORY), signed=True),
    ("GET", "/api/v3/account"): Route(get_account, 20, optional=("omitZeroBalances",), signed=True),
    ("GET", "/api/v3/account/commission"): Route(get_commission, 20, ("symbol",), signed=True),
    ("GET", "/api/v3/rateLimit/order"): Route(order_rate_limits, 40, signed=True),
    ("GET", "/api/v3/myTrades"): Route(
        my_trades, trades_weight, ("symbol",), ("orderId", "fromId", *_HISTORY), signed=True
    ),
}
