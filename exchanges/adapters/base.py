"""What every exchange adapter can do. Money in Decimal, times in UTC milliseconds; errors as in exchanges.errors."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from exchanges.domain import AccountInfo, BookTicker, ExchangeInfo, NewOrder, OrderReport, TradeReport


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
        """Rules of every symbol."""

    def account_info(self) -> AccountInfo:
        """Non-zero balances, rights and commission rates."""

    def place_order(self, order: NewOrder, timestamp_ms: int) -> OrderReport:
        """Send a LIMIT GTC order, once. It cannot be accepted later than `timestamp_ms` + recvWindow.

        `timestamp_ms` is on our clock. Raises OutcomeUnknown when it may have been executed.
        """

    def get_order_status(self, symbol: str, client_order_id: str) -> OrderReport:
        """The order with this client id; Rejected(-2013) where there is none."""

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
