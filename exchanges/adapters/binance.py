"""Binance Spot over `requests`. The same code talks to mainnet, testnet and the paper exchange: only the base URL and
the transport mounted on the session differ.
"""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import requests
import tenacity
from django.db import connections
from django.utils.translation import gettext as _
from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import SSLError as TransportSSLError

from botbalance.lib.clock import now_ms
from botbalance.lib.money import plain
from exchanges import schemas, signing
from exchanges.domain import AccountInfo, BookTicker, ExchangeInfo, NewOrder, OrderReport, TradeReport
from exchanges.errors import (
    ClockSkew,
    CredentialsRefused,
    ExchangeError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")

READ_TRIES = 3
LONGEST_RETRY_WAIT_SECONDS = 5.0
TRADES_A_PAGE = 1000

# Binance's error codes by what they mean for us (REST documentation, "Errors").
CREDENTIAL_CODES = {-1002, -1022, -2008, -2014, -2015}
UNKNOWN_OUTCOME_CODES = {-1000, -1001, -1006, -1007}
BUSY_CODES = {-1004, -1008}
THROTTLE_CODES = {-1003, -1015}

# Milliseconds the exchange's clock is ahead of ours, per base URL; shared by the process, measured when it is needed.
_clock_offsets: dict[str, int] = {}
_clock_lock = threading.Lock()


def forget_clocks() -> None:
    """Measure every exchange's clock again when it is needed."""
    with _clock_lock:
        _clock_offsets.clear()


class InsideTransaction(RuntimeError):
    """The exchange was called inside a transaction: a rollback could forget an order that exists."""


def _refuse_inside_transaction() -> None:
    for alias in connections:
        connection = connections[alias]
        # A test case's own outer transaction is not the program's (the same test Django's `durable` makes).
        blocks: list[Any] = connection.atomic_blocks
        if alias == "default" and any(not block._from_testcase for block in blocks):
            raise InsideTransaction("The exchange must not be called inside atomic().")


class BinanceAdapter:
    """See ExchangeAdapter. `api_key` and `api_secret` may be empty for public data."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        api_secret: str = "",
        session: requests.Session,
        timeout: tuple[float, float] = (3.05, 10.0),
        recv_window_ms: int = 5000,
        clock: Callable[[], int] = now_ms,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._api_secret = api_secret
        self._session = session
        self._timeout = timeout
        self._recv_window_ms = recv_window_ms
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"BinanceAdapter({self.base_url}, key …{self._api_key[-4:]})"

    @property
    def recv_window_ms(self) -> int:
        return self._recv_window_ms

    # --- service and market data --------------------------------------------------------------------------

    def ping(self) -> None:
        self._read("/api/v3/ping", lambda body: None)

    def server_time(self) -> int:
        return self._read("/api/v3/time", schemas.server_time)

    def sync_clock(self) -> int:
        started = self._clock()
        server = self.server_time()
        ended = self._clock()
        offset = server - (started + ended) // 2
        with _clock_lock:
            _clock_offsets[self.base_url] = offset
        return offset

    def ticker_price(self) -> dict[str, Decimal]:
        return self._read("/api/v3/ticker/price", schemas.ticker_prices)

    def book_ticker(self) -> list[BookTicker]:
        return self._read("/api/v3/ticker/bookTicker", schemas.book_tickers)

    def exchange_info(self) -> ExchangeInfo:
        return self._read("/api/v3/exchangeInfo", schemas.exchange_info, [("showPermissionSets", "false")])

    # --- account ------------------------------------------------------------------------------------------

    def account_info(self) -> AccountInfo:
        return self._read("/api/v3/account", schemas.account, [("omitZeroBalances", "true")], signed=True)

    # --- orders -------------------------------------------------------------------------------------------

    def place_order(self, order: NewOrder, timestamp_ms: int) -> OrderReport:
        parameters = [
            ("symbol", order.symbol),
            ("side", order.side.value),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", plain(order.quantity)),
            ("price", plain(order.price)),
            ("newClientOrderId", order.client_order_id),
            ("newOrderRespType", "RESULT"),
        ]
        return self._write("POST", "/api/v3/order", parameters, schemas.order, timestamp_ms)

    def get_order_status(self, symbol: str, client_order_id: str) -> OrderReport:
        parameters = [("symbol", symbol), ("origClientOrderId", client_order_id)]
        return self._read("/api/v3/order", schemas.order, parameters, signed=True)

    def get_open_orders(self, symbol: str = "") -> list[OrderReport]:
        parameters = [("symbol", symbol)] if symbol else []
        return self._read("/api/v3/openOrders", schemas.orders, parameters, signed=True)

    def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        parameters = [("symbol", symbol), ("origClientOrderId", client_order_id)]
        return self._cancel("/api/v3/order", parameters, schemas.order)

    def cancel_open_orders(self, symbol: str) -> list[OrderReport]:
        return self._cancel("/api/v3/openOrders", [("symbol", symbol)], schemas.orders)

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
            page = self._read("/api/v3/myTrades", schemas.trades, parameters, signed=True)
            found += page
            if len(page) < TRADES_A_PAGE:
                return found

    # --- how a request is made ----------------------------------------------------------------------------

    def _read(
        self,
        path: str,
        parse: Callable[[Any], T],
        parameters: Sequence[tuple[str, str]] = (),
        *,
        signed: bool = False,
    ) -> T:
        """GET with up to READ_TRIES tries; a skewed clock is measured again before the next one."""

        def attempt() -> T:
            try:
                body = self._send("GET", path, parameters, self._clock() if signed else None)
                return _parsed(parse, body, Unavailable)
            except ClockSkew:
                if signed:  # the clock itself is asked for without a timestamp
                    self.sync_clock()
                raise

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_worth_another_try),
            stop=tenacity.stop_after_attempt(READ_TRIES),
            wait=_full_jitter,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(attempt)

    def _write(
        self,
        method: str,
        path: str,
        parameters: Sequence[tuple[str, str]],
        parse: Callable[[Any], T],
        timestamp_ms: int,
    ) -> T:
        """Send once, whatever happens."""
        body = self._send(method, path, parameters, timestamp_ms)
        return _parsed(parse, body, OutcomeUnknown)

    def _cancel(self, path: str, parameters: Sequence[tuple[str, str]], parse: Callable[[Any], T]) -> T:
        """DELETE; after -1021, which was refused before execution, once more with the right clock."""
        try:
            return self._write("DELETE", path, parameters, parse, self._clock())
        except ClockSkew:
            self.sync_clock()
            return self._write("DELETE", path, parameters, parse, self._clock())

    def _send(self, method: str, path: str, parameters: Sequence[tuple[str, str]], timestamp_ms: int | None) -> Any:
        """One request, one log line without secrets, one error of our tree. Signed when `timestamp_ms` is given."""
        _refuse_inside_transaction()
        headers = {"Accept": "application/json"}
        payload = signing.encode(parameters)
        if timestamp_ms is not None:
            if not (self._api_key and self._api_secret):
                raise CredentialsRefused(_("This account has no API key for the exchange."))
            headers["X-MBX-APIKEY"] = self._api_key
            stamp = timestamp_ms + _clock_offsets.get(self.base_url, 0)
            timing = [("recvWindow", str(self._recv_window_ms)), ("timestamp", str(stamp))]
            payload = signing.signed([*parameters, *timing], self._api_secret)
        url = f"{self.base_url}{path}"
        data: str | None = None
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = payload
        elif payload:
            url = f"{url}?{payload}"
        is_read = method == "GET"
        started = time.monotonic()
        status = 0
        try:
            response = self._session.request(
                method, url, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            )
            status = response.status_code
            return _body_or_error(response, is_read)
        except requests.RequestException as error:
            raise _network_error(error, is_read) from None  # the original carries the signed URL
        finally:
            milliseconds = int((time.monotonic() - started) * 1000)
            logger.info("exchange %s %s %s status=%s ms=%s", self.base_url, method, path, status, milliseconds)


def _parsed(parse: Callable[[Any], T], body: Any, failure: type[ExchangeError]) -> T:
    try:
        return parse(body)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise failure(_("The exchange's answer could not be understood: %(error)s") % {"error": error}) from error


def _network_error(error: requests.RequestException, is_read: bool) -> ExchangeError:
    """Timeouts and broken connections. A write is known not to have been sent only when no connection was made."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    # TLS can also break after the request has gone out; only a refused certificate is certain to come before it.
    cause = reason.args[0] if isinstance(reason, TransportSSLError) and reason.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unavailable(_("The exchange's certificate was not accepted."))
    if is_read or isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return Unavailable(_("The exchange cannot be reached. Nothing was sent; please try again."))
    return OutcomeUnknown(_("The connection broke before the exchange answered; the outcome is being looked up."))


def _body_or_error(response: requests.Response, is_read: bool) -> Any:
    """The JSON of a 2xx answer, or the error of our tree that the answer means."""
    status = response.status_code
    unknown: type[ExchangeError] = Unavailable if is_read else OutcomeUnknown
    try:
        body: Any = response.json()
    except (ValueError, RecursionError):
        body = None
    if 200 <= status < 300:
        if body is None:
            raise unknown(_("The exchange's answer was cut short or is not JSON."), http_status=status)
        return body
    code, text = 0, ""
    if isinstance(body, dict):
        given = body.get("code")
        code = given if isinstance(given, int) else 0
        text = str(body.get("msg", ""))
    raise error_for(status, code, text, is_read, response.headers.get("Retry-After", ""))


def error_for(status: int, code: int, text: str, is_read: bool, retry_after: str = "") -> ExchangeError:
    """Which error an HTTP status and Binance's code and text mean, for a read or for a write."""
    known: dict[str, Any] = {"exchange_code": code, "exchange_message": text, "http_status": status}
    said = f"{text} ({code})" if text else f"HTTP {status}"
    if status in (418, 429) or code in THROTTLE_CODES:
        error = Throttled(_("The exchange asks us to slow down: %(said)s") % {"said": said}, **known)
        error.retry_after = float(retry_after) if retry_after.isdecimal() else 1.0
        error.banned = status == 418
        return error
    if code == -1021:
        message = _("This server's clock and the exchange's differ too much: %(said)s") % {"said": said}
        return ClockSkew(message, **known)
    if code in CREDENTIAL_CODES or status == 401:
        return CredentialsRefused(_("The exchange refused the API key: %(said)s") % {"said": said}, **known)
    if code in BUSY_CODES:
        return Unavailable(_("The exchange is overloaded: %(said)s") % {"said": said}, **known)
    if status >= 500 or code in UNKNOWN_OUTCOME_CODES or 300 <= status < 400:
        failure: type[ExchangeError] = Unavailable if is_read else OutcomeUnknown
        return failure(_("The exchange had an internal problem: %(said)s") % {"said": said}, **known)
    if status == 451:
        return Rejected(_("The exchange does not serve this server's location: %(said)s") % {"said": said}, **known)
    if status == 403 and not code:
        return Unavailable(_("The exchange's firewall refused the request (HTTP 403)."), **known)
    return Rejected(_("The exchange refused: %(said)s") % {"said": said}, **known)


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, Throttled):
        return error.retry_after <= LONGEST_RETRY_WAIT_SECONDS and not error.banned
    return isinstance(error, Unavailable | ClockSkew)


def _full_jitter(state: tenacity.RetryCallState) -> float:
    """Exponential backoff with full jitter, but never less than the Retry-After we were given."""
    backoff = random.uniform(0, min(LONGEST_RETRY_WAIT_SECONDS, 0.25 * 2**state.attempt_number))  # noqa: S311  (spreads load, protects nothing)
    error = state.outcome.exception() if state.outcome else None
    return max(backoff, error.retry_after) if isinstance(error, Throttled) else backoff
