"""What every exchange adapter can do. Money in Decimal, times in UTC milliseconds; errors as in exchanges.errors."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from exchanges.domain import (
    AccountInfo,
    BookTicker,
    CancelReplaceMode,
    CancelReplaceReport,
    Candle,
    Commission,
    Depth,
    DustConversion,
    DustLine,
    ExchangeInfo,
    KeyRights,
    NewOrder,
    OrderFacts,
    OrderReport,
    RateLimitMode,
    TradeReport,
)


class ExchangeAdapter(Protocol):
    """One account at one venue. Reads are retried; what writes is sent once."""

    def ping(self) -> None:
        """Raise Unavailable when the exchange does not answer."""

    def server_time(self) -> int:
        """The exchange's clock."""

    def sync_clock(self) -> int:
        """Measure and remember by how many ms the exchange's clock is ahead of ours."""

    def ticker_price(self) -> dict[str, Decimal]:
        """Last price of every symbol."""

    def book_ticker(self) -> list[BookTicker]:
        """Best bid and ask of every symbol."""

    def exchange_info(self) -> ExchangeInfo:
        """Rules of every symbol, and the limits on asking."""

    def klines(
        self, symbol: str, interval: str, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> list[Candle]:
        """Candles in ascending order, at most `limit` (1 to 1000).

        From `start_ms` on, or up to `end_ms`, or both; without either the latest. `interval` as Binance writes it:
        1m, 1h, 1d. Rejected(-1121) for an unknown symbol, (-1120) for an unknown interval.
        """

    def depth(self, symbol: str, limit: int = 100) -> Depth:
        """The order book, at most `limit` levels (up to 5000) on each side."""

    def account_info(self) -> AccountInfo:
        """Non-zero balances, rights and commission rates."""

    def api_restrictions(self) -> KeyRights:
        """What the API key may do; NotAvailable where the venue cannot be asked, which is all but mainnet."""

    def commission(self, symbol: str) -> Commission:
        """What trading `symbol` costs this account: standard, special and tax rates, and the discount."""

    def dust_offer(self) -> list[DustLine]:
        """Balances that can be converted to BNB now, and what would come of it; NotAvailable on the testnet."""

    def convert_dust(self, assets: Sequence[str], timestamp_ms: int) -> DustConversion:
        """Convert all that is free of these assets to BNB, once; NotAvailable on the testnet.

        `timestamp_ms` as in `place_order`. OutcomeUnknown when it may have been done: look at `dust_history`.
        """

    def dust_history(self, start_ms: int, end_ms: int) -> list[DustConversion]:
        """Conversions between two times of the exchange's clock, at most the last hundred; NotAvailable on the
        testnet.
        """

    def test_order(self, order: NewOrder) -> None:
        """Have a LIMIT GTC order checked without placing it; Rejected as `place_order` would be."""

    def test_order_commission(self, order: NewOrder) -> Commission:
        """As `test_order`, with the rates that the order would be charged (20 times dearer)."""

    def place_order(self, order: NewOrder, timestamp_ms: int) -> OrderReport:
        """Send a LIMIT GTC order, once. It cannot be accepted later than `timestamp_ms` + recvWindow.

        `timestamp_ms` is on our clock. Raises OutcomeUnknown when it may have been executed.
        """

    def cancel_replace(
        self,
        order: NewOrder,
        cancel_client_order_id: str,
        timestamp_ms: int,
        *,
        mode: CancelReplaceMode = CancelReplaceMode.STOP_ON_FAILURE,
        rate_limit_mode: RateLimitMode = RateLimitMode.DO_NOTHING,
    ) -> CancelReplaceReport:
        """Cancel one order and send a LIMIT GTC order on the same symbol, in one request, once.

        What became of each half is in the report, also when the exchange refused one or both. Rejected when it
        refused before trying either; OutcomeUnknown when either may have been executed: ask about both orders.
        """

    def get_order_status(self, symbol: str, client_order_id: str, known: OrderFacts | None = None) -> OrderReport:
        """The order with this client id; Rejected(-2013) where there is none. `known` tells it from any other."""

    def get_open_orders(self, symbol: str = "") -> list[OrderReport]:
        """Open orders of one symbol, or of all (20 times dearer)."""

    def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel one order; Rejected(-2011) when it is not open (filled, cancelled or unknown)."""

    def cancel_open_orders(self, symbol: str) -> list[OrderReport]:
        """Cancel every open order of a symbol, strangers' too."""

    def my_trades(self, symbol: str, exchange_order_id: int) -> Sequence[TradeReport]:
        """All trades of one order."""

    @property
    def recv_window_ms(self) -> int:
        """How long after its timestamp a signed request can still be accepted."""

    @property
    def used_limits(self) -> Mapping[str, int]:
        """What the latest answers said is used up, by RateLimit.name; empty before the first."""
