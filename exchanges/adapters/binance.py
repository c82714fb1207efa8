"""Binance Spot over `requests`. The same code talks to mainnet, testnet and the paper exchange: only the base URL and
the transport mounted on the session differ.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import requests
from django.utils.translation import gettext as _

from botbalance.lib.clock import now_ms
from botbalance.lib.money import plain
from exchanges import schemas
from exchanges.adapters import identity
from exchanges.adapters.answers import UNKNOWN_OUTCOME_CODES, not_understood, outcome_unknown
from exchanges.adapters.clocks import forget_clocks
from exchanges.adapters.dust import DustCalls
from exchanges.adapters.features import NoEarnNoFutures
from exchanges.adapters.wire import Call, InsideTransaction, Wire
from exchanges.domain import (
    AccountInfo,
    BookTicker,
    CancelReplaceMode,
    CancelReplaceReport,
    Candle,
    Commission,
    Depth,
    ExchangeInfo,
    KeyRights,
    NewOrder,
    OrderFacts,
    OrderReport,
    RateLimitMode,
    Step,
    StepResult,
    TradeReport,
    Venue,
)
from exchanges.errors import NotAvailable, Throttled
from exchanges.ledger.services import Meter

__all__ = ["BinanceAdapter", "InsideTransaction", "forget_clocks"]

TRADES_A_PAGE = 1000
# No further try of a read begins later than this after the first.
READ_SECONDS = 30
# Answers to a cancel-replace that say what became of each half: -2021 one of them was done, -2022 neither.
CANCEL_REPLACE_FAILURES = frozenset({-2021, -2022})


class BinanceAdapter(DustCalls, NoEarnNoFutures):
    """See ExchangeAdapter. `api_key` and `api_secret` may be empty for public data. `meter` says on whose behalf.

    `uid` is the exchange's number of the account, None where it is not known.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        api_secret: str = "",
        session: requests.Session,
        meter: Meter,
        venue: Venue = Venue.PAPER,
        uid: int | None = None,
        timeout: tuple[float, float] = (3.05, 10.0),
        recv_window_ms: int = 5000,
        read_seconds: int = READ_SECONDS,
        backoff_seconds: float = 0.5,
        clock: Callable[[], int] = now_ms,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.venue = venue
        self._uid = uid
        self._wire = Wire(
            base_url,
            api_key=api_key,
            api_secret=api_secret,
            session=session,
            meter=meter,
            timeout=timeout,
            recv_window_ms=recv_window_ms,
            read_seconds=read_seconds,
            backoff_seconds=backoff_seconds,
            clock=clock,
            sleep=sleep,
        )

    def __repr__(self) -> str:
        return f"BinanceAdapter({self._wire.host}, key …{self._wire.key_tail})"

    @property
    def base_url(self) -> str:
        return self._wire.base_url

    @property
    def recv_window_ms(self) -> int:
        return self._wire.recv_window_ms

    @property
    def used_limits(self) -> Mapping[str, int]:
        return self._wire.used_limits

    # --- service and market data --------------------------------------------------------------------------

    def ping(self) -> None:
        self._wire.read("/api/v3/ping", schemas.nothing)

    def server_time(self) -> int:
        return self._wire.read("/api/v3/time", schemas.server_time)

    def sync_clock(self) -> int:
        return self._wire.sync_clock()

    def ticker_price(self) -> dict[str, Decimal]:
        return self._wire.read("/api/v3/ticker/price", schemas.ticker_prices)

    def book_ticker(self) -> list[BookTicker]:
        return self._wire.read("/api/v3/ticker/bookTicker", schemas.book_tickers)

    def exchange_info(self) -> ExchangeInfo:
        info = self._wire.read("/api/v3/exchangeInfo", schemas.exchange_info, [("showPermissionSets", "false")])
        self._wire.learn_limits(info.limits)
        return info

    def klines(
        self, symbol: str, interval: str, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> list[Candle]:
        parameters = [("symbol", symbol), ("interval", interval)]
        if start_ms is not None:
            parameters.append(("startTime", str(start_ms)))
        if end_ms is not None:
            parameters.append(("endTime", str(end_ms)))
        return self._wire.read("/api/v3/klines", schemas.candles, [*parameters, ("limit", str(limit))])

    def depth(self, symbol: str, limit: int = 100) -> Depth:
        return self._wire.read("/api/v3/depth", schemas.depth, [("symbol", symbol), ("limit", str(limit))])

    # --- account ------------------------------------------------------------------------------------------

    def account_info(self) -> AccountInfo:
        """See ExchangeAdapter. All accounts of a thread share its connections: what is said of another account is
        asked again on a fresh one. An answer that stands is believed (the testnet gives new numbers when it is wiped).
        """
        first = self._account_info()
        if identity.is_of(first, self._uid):
            return first
        self.hang_up()
        second = self._account_info()
        if not identity.is_of(second, self._uid) and second.uid != first.uid:
            raise not_understood(is_read=True, why=identity.OTHER)
        return second

    def hang_up(self) -> None:
        """Close this thread's connections to all exchanges."""
        self._wire.hang_up()

    def _account_info(self) -> AccountInfo:
        return self._wire.read("/api/v3/account", schemas.account, [("omitZeroBalances", "true")], signed=True)

    def api_restrictions(self) -> KeyRights:
        if self.venue != Venue.MAINNET:
            raise NotAvailable(_("Only on mainnet can Binance be asked what a key may do."))
        return self._wire.read("/sapi/v1/account/apiRestrictions", schemas.key_rights, signed=True)

    def commission(self, symbol: str) -> Commission:
        return self._wire.read("/api/v3/account/commission", schemas.commission, [("symbol", symbol)], signed=True)

    # --- orders -------------------------------------------------------------------------------------------

    def test_order(self, order: NewOrder) -> None:
        self._wire.read("/api/v3/order/test", schemas.nothing, _new_order(order), signed=True, method="POST")

    def test_order_commission(self, order: NewOrder) -> Commission:
        parameters = [*_new_order(order), ("computeCommissionRates", "true")]
        return self._wire.read("/api/v3/order/test", schemas.commission, parameters, signed=True, method="POST")

    def place_order(self, order: NewOrder, timestamp_ms: int) -> OrderReport:
        call = Call("POST", "/api/v3/order", _new_order(order), is_signed=True, is_read=False)
        return self._wire.write(call, identity.placed(order), timestamp_ms)

    def cancel_replace(
        self,
        order: NewOrder,
        cancel_client_order_id: str,
        timestamp_ms: int,
        *,
        mode: CancelReplaceMode = CancelReplaceMode.STOP_ON_FAILURE,
        rate_limit_mode: RateLimitMode = RateLimitMode.DO_NOTHING,
    ) -> CancelReplaceReport:
        parameters = [
            *_new_order(order),
            ("cancelReplaceMode", mode.value),
            ("cancelOrigClientOrderId", cancel_client_order_id),
            ("orderRateLimitExceededMode", rate_limit_mode.value),
        ]
        call = Call(
            "POST",
            "/api/v3/order/cancelReplace",
            parameters,
            is_signed=True,
            is_read=False,
            also_answers=CANCEL_REPLACE_FAILURES,
        )
        try:
            parse = identity.replacement(order.symbol, cancel_client_order_id, order.client_order_id)
            report = self._wire.write(call, parse, timestamp_ms)
        except Throttled as error:
            if error.exchange_code == -1015 and rate_limit_mode == RateLimitMode.CANCEL_ONLY:
                # Too many orders, and no word of the cancel, which is tried all the same in this mode.
                raise outcome_unknown(error.exchange_code, error.exchange_message) from None
            raise
        for step in (report.cancel, report.new_order):
            _raise_unless_known(step)
        return report

    def get_order_status(self, symbol: str, client_order_id: str, known: OrderFacts | None = None) -> OrderReport:
        parameters = [("symbol", symbol), ("origClientOrderId", client_order_id)]
        parse = identity.queried(symbol, client_order_id, known)
        return self._wire.read("/api/v3/order", parse, parameters, signed=True)

    def get_open_orders(self, symbol: str = "") -> list[OrderReport]:
        parameters = [("symbol", symbol)] if symbol else []
        return self._wire.read("/api/v3/openOrders", identity.orders(symbol), parameters, signed=True)

    def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        parameters = [("symbol", symbol), ("origClientOrderId", client_order_id)]
        return self._wire.cancel("/api/v3/order", parameters, identity.cancelled(symbol, client_order_id))

    def cancel_open_orders(self, symbol: str) -> list[OrderReport]:
        return self._wire.cancel("/api/v3/openOrders", [("symbol", symbol)], identity.orders(symbol))

    def my_trades(self, symbol: str, exchange_order_id: int) -> Sequence[TradeReport]:
        """See ExchangeAdapter. A large order in a thin market has more trades than one answer holds."""
        found: list[TradeReport] = []
        while True:
            # Without fromId the newest trades are given, and the oldest would be missed.
            next_id = found[-1].trade_id + 1 if found else 0
            parameters = [
                ("symbol", symbol),
                ("orderId", str(exchange_order_id)),
                ("fromId", str(next_id)),
                ("limit", str(TRADES_A_PAGE)),
            ]
            parse = identity.trades(symbol, exchange_order_id)
            page = self._wire.read("/api/v3/myTrades", parse, parameters, signed=True)
            found += page
            if len(page) < TRADES_A_PAGE:
                return found


def _new_order(order: NewOrder) -> list[tuple[str, str]]:
    return [
        ("symbol", order.symbol),
        ("side", order.side.value),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", plain(order.quantity)),
        ("price", plain(order.price)),
        ("newClientOrderId", order.client_order_id),
        ("newOrderRespType", "RESULT"),
    ]


def _raise_unless_known(step: Step) -> None:
    """A half that failed with "execution status unknown" may have been executed: the whole is unknown then."""
    if step.result == StepResult.FAILURE and step.exchange_code in UNKNOWN_OUTCOME_CODES:
        raise outcome_unknown(step.exchange_code, step.exchange_message)
