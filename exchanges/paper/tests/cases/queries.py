"""Questions that are refused, of accounts and of the public."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import requests
import time_machine

from botbalance.lib.clock import now_ms
from exchanges.paper.tests.cases.base import (
    COMBINATION,
    ID,
    ILLEGAL,
    INVALID_SYMBOL,
    SYMBOLS,
    Act,
    Case,
    invalid,
    missing,
    neither,
    sending,
    unread,
    with_open_order,
)
from exchanges.paper.tests.support import Client

QUERIES: list[tuple[str, dict[str, Any], int, str]] = [
    ("order", {}, -1102, missing("symbol")),
    ("order", {"symbol": "BTCUSDT"}, -1102, neither("orderId", "origClientOrderId")),
    ("order", {"symbol": "BTCUSDT", "orderId": 5}, -2013, "Order does not exist."),
    ("order", {"symbol": "BTCUSDT", "orderId": "9" * 20}, -2013, "Order does not exist."),
    ("order", {"symbol": "BTCUSDT", "origClientOrderId": "x"}, -2013, "Order does not exist."),
    ("order", {"symbol": "BTCUSDT", "origClientOrderId": "a\0b"}, -2013, "Order does not exist."),
    ("order", {"symbol": "BTC\0这", "origClientOrderId": "a"}, -1121, INVALID_SYMBOL),
    ("order", {"symbol": "BTCUSDT", "orderId": "-5"}, -1100, ILLEGAL + "orderId" + ID),
    ("openOrders", {"symbol": "NOPE"}, -1121, INVALID_SYMBOL),
    ("allOrders", {}, -1102, missing("symbol")),
    ("allOrders", {"symbol": "BTCUSDT", "limit": 1001}, -1130, invalid("limit")),
    ("allOrders", {"symbol": "BTCUSDT", "startTime": 2, "endTime": 1}, -1130, invalid("endTime")),
    (
        "allOrders",
        {"symbol": "BTCUSDT", "startTime": 1_700_000_000_000, "endTime": 1_700_086_400_001},
        -1127,
        "More than 24 hours between startTime and endTime.",
    ),
    ("myTrades", {"symbol": "NOPE"}, -1121, INVALID_SYMBOL),
    ("myTrades", {"symbol": "BTCUSDT", "limit": 1001}, -1130, invalid("limit")),
    ("myTrades", {"symbol": "BTCUSDT", "limit": 0}, -1130, invalid("limit")),
    ("myTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": 1}, -1128, COMBINATION),
    (
        "myTrades",
        {"symbol": "BTCUSDT", "startTime": 1_700_000_000_000, "endTime": 1_700_086_400_001},
        -1127,
        "More than 24 hours between startTime and endTime.",
    ),
    ("account", {"omitZeroBalances": "maybe"}, -1130, invalid("omitZeroBalances")),
    ("account/commission", {}, -1102, missing("symbol")),
    ("account/commission", {"symbol": "NOPE"}, -1121, INVALID_SYMBOL),
    ("rateLimit/order", {"symbol": "BTCUSDT"}, -1104, unread(2, 3)),
]
MISMATCH = "The symbol's status does not match the requested symbolStatus."
WHICH = neither("symbol", "symbols")
PUBLIC: list[tuple[str, dict[str, str], int, str]] = [
    ("exchangeInfo", {"symbol": "NOPE"}, -1121, INVALID_SYMBOL),
    ("exchangeInfo", {"symbols": '["BTCUSDT","NOPE"]'}, -1121, INVALID_SYMBOL),
    ("exchangeInfo", {"symbol": "BTCUSDT", "symbolStatus": "TRADING"}, -1128, COMBINATION),
    ("ticker/price", {"symbol": "BTCUSDT", "symbols": "[]"}, -1128, COMBINATION),
    ("ticker/bookTicker", {"symbols": "BTCUSDT"}, -1100, ILLEGAL + "symbols" + SYMBOLS),
    ("ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151, "Symbol is present multiple times in the list."),
    ("ticker/price", {"symbolStatus": "OPEN"}, -1122, "Invalid symbolStatus."),
    (
        "ticker/price",
        {"symbol": "BTCUSDT", "symbolStatus": "HALT"},
        -1220,
        MISMATCH,
    ),
    ("avgPrice", {}, -1102, missing("symbol")),
    ("depth", {}, -1102, missing("symbol")),
    ("depth", {"symbol": "BTCUSDT", "limit": "0"}, -1130, invalid("limit")),
    ("depth", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220, MISMATCH),
    *((path, {}, -1102, missing("symbol")) for path in ("trades", "historicalTrades", "aggTrades")),
    *(
        (path, {"symbol": "BTCUSDT", "limit": "0"}, -1130, invalid("limit"))
        for path in ("trades", "historicalTrades", "aggTrades")
    ),
    ("historicalTrades", {"symbol": "BTCUSDT", "fromId": "-1"}, -1100, ILLEGAL + "fromId" + ID),
    ("aggTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"}, -1128, COMBINATION),
    ("aggTrades", {"symbol": "BTCUSDT", "startTime": "soon"}, -1100, ILLEGAL + "startTime" + ID),
    *((path, {"symbol": "BTCUSDT"}, -1102, missing("interval")) for path in ("klines", "uiKlines")),
    *(
        (path, {"symbol": "BTCUSDT", "interval": text}, -1120, "Invalid interval.")
        for path in ("klines", "uiKlines")
        for text in ("2m", "1D", "60")
    ),
    ("klines", {"symbol": "NOPE", "interval": "1m"}, -1121, INVALID_SYMBOL),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130, invalid("limit")),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "15"}, -1130, invalid("timeZone")),
    ("ticker/24hr", {"symbol": "NOPE"}, -1121, INVALID_SYMBOL),
    ("ticker/24hr", {"type": "LONG"}, -1130, invalid("type")),
    *((path, {}, -1102, WHICH) for path in ("ticker", "ticker/tradingDay")),
    *(
        (path, {"symbol": "BTCUSDT", "symbols": "[]"}, -1128, COMBINATION)
        for path in ("ticker", "ticker/tradingDay", "ticker/24hr")
    ),
    (
        "ticker",
        {"symbols": "[" + ",".join(f'"A{number}"' for number in range(101)) + "]"},
        -1101,
        "Too many values sent for parameter 'symbols', maximum allowed up to 100.",
    ),
    ("ticker", {"symbol": "BTCUSDT", "windowSize": "60m"}, -1130, invalid("windowSize")),
    ("ticker/tradingDay", {"symbol": "BTCUSDT", "timeZone": "+15:00"}, -1130, invalid("timeZone")),
    ("ping", {"x": "1"}, -1104, unread(0, 1)),
    ("time", {"x": "1"}, -1104, unread(0, 1)),
]


def asking(path: str, parameters: dict[str, str]) -> Act:
    return lambda client: client.public(f"/api/v3/{path}", **parameters)


def old_order(client: Client, placed: dict[str, Any]) -> requests.Response:
    cancelled = client.send("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert cancelled.status_code == 200
    with time_machine.travel(now_ms() / 1000 + timedelta(days=91).total_seconds(), tick=False):
        return client.send("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])


def mismatched(client: Client, placed: dict[str, Any]) -> requests.Response:
    pair = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "origClientOrderId": "wrong"}
    return client.send("GET", "/api/v3/order", **pair)


def queries() -> Iterator[Case]:
    for path, parameters, code, text in QUERIES:
        yield Case("GET", path, code, text, sending("GET", path, parameters))
    for path, public, code, text in PUBLIC:
        yield Case("GET", path, code, text, asking(path, public))
    text = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
    yield Case("GET", "order", -2026, text, with_open_order(old_order))
    text = "Client order ID is not correct for this order ID."
    yield Case("GET", "order", -2039, text, with_open_order(mismatched))
