"""Unfilled orders of an account: how many it may place in 10 seconds and in a UTC day.

An accepted order counts one; its first fill takes one off as a taker and five as a maker, so that who trades is not
slowed down; a cancel gives nothing back. Windows are aligned to the clock. (Binance Spot documentation, "Unfilled Order
Count"; what a maker's fill takes off is an example there.)
"""

from collections.abc import Iterator

from exchanges.paper.engine import Account, Outcome
from exchanges.paper.exchange_info import ORDERS_PER_10_SECONDS, ORDERS_PER_DAY
from exchanges.paper.models import PaperAccount
from exchanges.paper.wire import ApiRefusal, Json

TEN_SECONDS_MS = 10_000
DAY_MS = 86_400_000
TAKER_REFUND = 1
MAKER_REFUND = 5


def counts(row: PaperAccount, now_ms: int) -> tuple[int, int]:
    """Unfilled orders so far in the current 10 seconds and in the current UTC day."""
    ten, day = _windows(now_ms)
    return (row.orders_10s if row.window_10s == ten else 0), (row.orders_1d if row.window_1d == day else 0)


def exceeded(row: PaperAccount, now_ms: int) -> ApiRefusal | None:
    """The -1015 that a further order would meet, if any."""
    in_ten, in_day = counts(row, now_ms)
    for used, limit, length, name in (
        (in_day, ORDERS_PER_DAY, DAY_MS, "1 DAY"),
        (in_ten, ORDERS_PER_10_SECONDS, TEN_SECONDS_MS, "10 SECOND"),
    ):
        if used >= limit:
            wait = -(-(length - now_ms % length) // 1000)
            text = f"Too many new orders; current limit is {limit} orders per {name}."
            return ApiRefusal(-1015, text, 429, {"Retry-After": str(wait)})
    return None


def add(row: PaperAccount, now_ms: int) -> None:
    """Count one more order."""
    in_ten, in_day = counts(row, now_ms)
    row.window_10s, row.window_1d = _windows(now_ms)
    row.orders_10s = in_ten + 1
    row.orders_1d = in_day + 1


def refund(row: PaperAccount, before: Account, outcome: Outcome) -> None:
    """Take off what the first fills of orders give back, never below zero."""
    for is_maker in _first_fills(before, outcome):
        back = MAKER_REFUND if is_maker else TAKER_REFUND
        row.orders_10s = max(0, row.orders_10s - back)
        row.orders_1d = max(0, row.orders_1d - back)


def _first_fills(before: Account, outcome: Outcome) -> Iterator[bool]:
    """For every order that was filled for the first time: whether as a maker."""
    seen = {key for key, order in before.open_orders.items() if order.executed}
    for trade in outcome.trades:
        if (trade.symbol, trade.order_id) not in seen:
            seen.add((trade.symbol, trade.order_id))
            yield trade.is_maker


def headers(row: PaperAccount, now_ms: int) -> dict[str, str]:
    in_ten, in_day = counts(row, now_ms)
    return {"X-MBX-ORDER-COUNT-10S": str(in_ten), "X-MBX-ORDER-COUNT-1D": str(in_day)}


def rate_limits(row: PaperAccount, now_ms: int) -> list[Json]:
    """The body of GET rateLimit/order."""
    in_ten, in_day = counts(row, now_ms)
    return [
        {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit, "count": count}
        for interval, number, limit, count in (
            ("SECOND", 10, ORDERS_PER_10_SECONDS, in_ten),
            ("DAY", 1, ORDERS_PER_DAY, in_day),
        )
    ]


def _windows(now_ms: int) -> tuple[int, int]:
    return now_ms // TEN_SECONDS_MS, now_ms // DAY_MS
