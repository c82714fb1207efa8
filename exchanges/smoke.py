"""One small order through its whole life on a venue without real money: placed, found, cancelled, seen cancelled."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Conflict, Invalid
from botbalance.lib.money import plain, wide
from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import NewOrder, Side, Venue
from exchanges.errors import ExchangeError, OutcomeUnknown, Rejected

logger = logging.getLogger(__name__)

# Far enough below the best bid to rest: a tenth.
BELOW_MARKET = Decimal("0.9")
# Above the least notional, for a market that falls between our look and the order.
ABOVE_LEAST_NOTIONAL = Decimal("1.2")
PAUSE_SECONDS = 1
CANCELED = "CANCELED"
Sleep = Callable[[float], None]


def refuse_mainnet(venue: Venue) -> None:
    """Conflict on mainnet: a trial order there would be real money."""
    if venue == Venue.MAINNET:
        raise Conflict(_("The smoke test places an order: it is refused on mainnet."), code="mainnet")


def run(adapter: BinanceAdapter, symbol: str, sleep: Sleep = time.sleep) -> Iterator[str]:
    """A sentence for each step as it is done. Raises the error that ends it; the order is cancelled in any case."""
    refuse_mainnet(adapter.venue)
    offset = adapter.sync_clock()
    yield f"Clock: the exchange is {offset} ms ahead."
    order = resting_order(adapter, symbol)
    may_exist = may_still_arrive = True
    try:
        try:
            placed = adapter.place_order(order, now_ms())
        except ExchangeError as error:
            may_exist = isinstance(error, OutcomeUnknown)  # every other one says that nothing was executed
            raise
        may_still_arrive = False
        yield f"Placed: BUY {plain(order.quantity)} {symbol} at {plain(order.price)}, {placed.status}."
        if order.client_order_id not in {found.client_order_id for found in adapter.get_open_orders(symbol)}:
            raise Conflict(_("The order that was placed is not among the open orders."), code="not_open")
        yield "Found among the open orders."
        may_exist = adapter.cancel_order(symbol, order.client_order_id).status != CANCELED
        status = adapter.get_order_status(symbol, order.client_order_id).status
        if status != CANCELED:
            may_exist = True
            raise Conflict(
                _("The cancelled order has the status %(status)s.") % {"status": status}, code="not_cancelled"
            )
        yield "Cancelled, and the exchange says so."
    finally:
        if may_exist:
            _clean_up(adapter, order, sleep, may_still_arrive=may_still_arrive)


def resting_order(adapter: BinanceAdapter, symbol: str) -> NewOrder:
    """A small BUY below the market that passes every filter; Invalid where `symbol` allows none."""
    rules = adapter.exchange_info().rules.get(symbol)
    if rules is None or not rules.is_trading:
        raise Invalid(_("%(symbol)s does not trade here.") % {"symbol": symbol})
    book = next((book for book in adapter.book_ticker() if book.symbol == symbol), None)
    if book is None or not book.is_usable:
        raise Invalid(_("%(symbol)s has no price now.") % {"symbol": symbol})
    with wide():
        lowest = book.ask * rules.bid_multiplier_down
        price = max(rules.floor_price(book.bid * BELOW_MARKET), rules.ceil_price(lowest))
        quantity = rules.ceil_quantity(rules.min_notional * ABOVE_LEAST_NOTIONAL / price) if price else Decimal(0)
    failure = "PERCENT_PRICE" if price >= book.bid else rules.failure(Side.BUY, price, quantity, book.mid)
    if failure:
        message = _("%(symbol)s allows no small order that rests: %(filter)s.")
        raise Invalid(message % {"symbol": symbol, "filter": failure})
    return NewOrder(symbol, Side.BUY, price, quantity, f"smoke-{secrets.token_hex(8)}")


def _clean_up(adapter: BinanceAdapter, order: NewOrder, sleep: Sleep, *, may_still_arrive: bool) -> None:
    """Cancel the order for as long as it may exist or still come to exist, which is recvWindow.

    Quiet only after the exchange has said CANCELED, or at last that there is no such order; else the log names it.
    """
    tries = adapter.recv_window_ms // 1000 + 2
    is_gone = False
    for _number in range(tries):
        is_gone = False
        try:
            if adapter.cancel_order(order.symbol, order.client_order_id).status == CANCELED:
                return
        except Rejected as error:
            is_gone = error.is_no_such_order
            if is_gone and not may_still_arrive:
                return
            if not is_gone:
                logger.warning("smoke order %s not cancelled yet: %s", order.client_order_id, error.message)
        except ExchangeError as error:
            logger.warning("smoke order %s not cancelled yet: %s", order.client_order_id, error.message)
        sleep(PAUSE_SECONDS)
    if not is_gone:
        logger.error("smoke order %s of %s must be cancelled by hand", order.client_order_id, order.symbol)
