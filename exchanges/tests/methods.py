"""Every method of an adapter: how it is called, what it asks for, and a body that answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exchanges.adapters.binance import BinanceAdapter
from exchanges.tests.support import ACCOUNT, NOW, ORDER, new_order

Call = Callable[[BinanceAdapter, int], Any]

RATES = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000"}
DISCOUNT = {"enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.75000000"}
COMMISSION = {
    "symbol": "BTCUSDT",
    "standardCommission": RATES,
    "specialCommission": {**RATES, "maker": "0.00000000", "taker": "0.00000000"},
    "taxCommission": {**RATES, "maker": "0.00000112", "taker": "0.00000114"},
    "discount": DISCOUNT,
}
ORDER_COMMISSION = {
    "standardCommissionForOrder": {"maker": "0.00000112", "taker": "0.00000114"},
    "specialCommissionForOrder": {"maker": "0.05000000", "taker": "0.06000000"},
    "taxCommissionForOrder": {"maker": "0.00000112", "taker": "0.00000114"},
    "discount": DISCOUNT,
}
CANDLE = [NOW, "1.1", "2.5", "0.5", "2.0", "148976.1", NOW + 59_999, "2434.19", 308, "1756.8", "28.4", "0"]
DEPTH = {"lastUpdateId": 1027024, "bids": [["4.00", "431.00"]], "asks": [["4.01", "12.00"], ["4.02", "1"]]}
RIGHTS = {
    "ipRestrict": True,
    "createTime": 1623840271000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
    "enableSpotAndMarginTrading": True,
    "enablePortfolioMarginTrading": False,
}
DUST = {"asset": "ADA", "amountFree": "6.21", "toBNBOffExchange": "0.01741756", "exchange": "0.00035546"}
CONVERTED = {
    "transferResult": [
        {
            "amount": "6.21",
            "fromAsset": "ADA",
            "operateTime": NOW,
            "serviceChargeAmount": "0.00035546",
            "tranId": 2970932918,
            "transferedAmount": "0.01741756",
        }
    ]
}
CANCELLED = {**ORDER, "origClientOrderId": "abc", "clientOrderId": "cancel1", "status": "CANCELED"}
REPLACED = {
    "cancelResult": "SUCCESS",
    "newOrderResult": "SUCCESS",
    "cancelResponse": CANCELLED,
    "newOrderResponse": {**ORDER, "orderId": 29, "clientOrderId": "new"},
}


class Kind(StrEnum):
    """READ is tried again; CANCEL is sent once more after -1021 only; WRITE once, whatever happens."""

    READ = "read"
    CANCEL = "cancel"
    WRITE = "write"


@dataclass(frozen=True)
class Method:
    """`call` takes the adapter and the time on our clock. `body` is what a successful answer holds."""

    name: str
    call: Call
    route: str
    body: Any
    kind: Kind = Kind.READ
    is_signed: bool = True
    is_mainnet_only: bool = False

    def __str__(self) -> str:
        return self.name


METHODS = [
    Method("ping", lambda a, t: a.ping(), "GET /api/v3/ping", {}, is_signed=False),
    Method("server_time", lambda a, t: a.server_time(), "GET /api/v3/time", {"serverTime": NOW}, is_signed=False),
    Method("sync_clock", lambda a, t: a.sync_clock(), "GET /api/v3/time", {"serverTime": NOW}, is_signed=False),
    Method("ticker_price", lambda a, t: a.ticker_price(), "GET /api/v3/ticker/price", [], is_signed=False),
    Method("book_ticker", lambda a, t: a.book_ticker(), "GET /api/v3/ticker/bookTicker", [], is_signed=False),
    Method(
        "exchange_info", lambda a, t: a.exchange_info(), "GET /api/v3/exchangeInfo", {"symbols": []}, is_signed=False
    ),
    Method("klines", lambda a, t: a.klines("BTCUSDT", "1h", limit=3), "GET /api/v3/klines", [CANDLE], is_signed=False),
    Method("depth", lambda a, t: a.depth("BTCUSDT", 5), "GET /api/v3/depth", DEPTH, is_signed=False),
    Method("account_info", lambda a, t: a.account_info(), "GET /api/v3/account", ACCOUNT),
    Method(
        "api_restrictions",
        lambda a, t: a.api_restrictions(),
        "GET /sapi/v1/account/apiRestrictions",
        RIGHTS,
        is_mainnet_only=True,
    ),
    Method("commission", lambda a, t: a.commission("BTCUSDT"), "GET /api/v3/account/commission", COMMISSION),
    Method(
        "dust_offer",
        lambda a, t: a.dust_offer(),
        "POST /sapi/v1/asset/dust-btc",
        {"details": [DUST]},
        is_mainnet_only=True,
    ),
    Method(
        "convert_dust",
        lambda a, t: a.convert_dust(["ADA"], t),
        "POST /sapi/v1/asset/dust",
        CONVERTED,
        Kind.WRITE,
        is_mainnet_only=True,
    ),
    Method(
        "dust_history",
        lambda a, t: a.dust_history(1, NOW),
        "GET /sapi/v1/asset/dribblet",
        {"userAssetDribblets": []},
        is_mainnet_only=True,
    ),
    Method("test_order", lambda a, t: a.test_order(new_order()), "POST /api/v3/order/test", {}),
    Method(
        "test_order_commission",
        lambda a, t: a.test_order_commission(new_order()),
        "POST /api/v3/order/test",
        ORDER_COMMISSION,
    ),
    Method(
        "place_order",
        lambda a, t: a.place_order(new_order(client_order_id="new"), t),
        "POST /api/v3/order",
        {**ORDER, "clientOrderId": "new"},
        Kind.WRITE,
    ),
    Method(
        "cancel_replace",
        lambda a, t: a.cancel_replace(new_order(client_order_id="new"), "abc", t),
        "POST /api/v3/order/cancelReplace",
        REPLACED,
        Kind.WRITE,
    ),
    Method("get_order_status", lambda a, t: a.get_order_status("BTCUSDT", "abc"), "GET /api/v3/order", ORDER),
    Method("get_open_orders", lambda a, t: a.get_open_orders("BTCUSDT"), "GET /api/v3/openOrders", [ORDER]),
    Method(
        "cancel_order", lambda a, t: a.cancel_order("BTCUSDT", "abc"), "DELETE /api/v3/order", CANCELLED, Kind.CANCEL
    ),
    Method(
        "cancel_open_orders",
        lambda a, t: a.cancel_open_orders("BTCUSDT"),
        "DELETE /api/v3/openOrders",
        [CANCELLED],
        Kind.CANCEL,
    ),
    Method("my_trades", lambda a, t: a.my_trades("BTCUSDT", 28), "GET /api/v3/myTrades", []),
]
SIGNED = [method for method in METHODS if method.is_signed]
WRITES = [method for method in METHODS if method.kind != Kind.READ]
BY_NAME = {method.name: method for method in METHODS}
