"""Our code, broken on purpose in the processes of a drill: each way must be caught by the comparison at its end."""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.db.models import QuerySet

from exchanges.adapters.base import ExchangeAdapter
from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import NewOrder, OrderReport
from exchanges.errors import OutcomeUnknown, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import Status
from orders.models import Order
from orders.services import sending
from orders.services.resolving import ask

_place = BinanceAdapter.place_order


def _resend(adapter: BinanceAdapter, order: NewOrder, timestamp_ms: int) -> OrderReport:
    """An order whose outcome is unknown is sent again."""
    try:
        return _place(adapter, order, timestamp_ms)
    except OutcomeUnknown:
        return _place(adapter, order, timestamp_ms)


def _record_later(adapter: BinanceAdapter, order: NewOrder, timestamp_ms: int) -> OrderReport:
    """The row of an order is there only after the exchange has answered; without an answer it never is."""
    rows = list(Order.objects.filter(client_order_id=order.client_order_id))
    Order.objects.filter(client_order_id=order.client_order_id).delete()
    report = _place(adapter, order, timestamp_ms)
    with transaction.atomic():
        Order.objects.bulk_create(rows)
    return report


def _forget(adapter: BinanceAdapter, order: NewOrder, timestamp_ms: int) -> OrderReport:
    """What is not known to be placed is taken for not placed."""
    try:
        return _place(adapter, order, timestamp_ms)
    except OutcomeUnknown as error:
        raise Unavailable(error.message) from None


def _put(place_order: Callable[[BinanceAdapter, NewOrder, int], OrderReport]) -> Callable[[], None]:
    def patch() -> None:
        BinanceAdapter.place_order = place_order  # type: ignore[assignment,method-assign]  # this is what breaking it means

    return patch


def _never_ask() -> None:
    """Orders whose outcome is not known are not asked about: not after their answer was lost, not in any turn. Not
    among the public choices: a cancel asks about them, so all that shows it is the time when nobody helps.
    """
    due_orders = selectors.due_orders

    def without_unknown(account: ExchangeAccount) -> QuerySet[Order]:
        return due_orders(account).exclude(status=Status.UNKNOWN)

    def never(order: Order, adapter: ExchangeAdapter) -> bool:
        return order.status != Status.UNKNOWN and ask(order, adapter)

    selectors.due_orders = without_unknown
    sending.ask = never  # type: ignore[attr-defined]  # as above


SABOTAGE: Mapping[str, Callable[[], None]] = {
    "resend-post": _put(_resend),
    "skip-intent": _put(_record_later),
    "ignore-unknown": _put(_forget),
    "never-ask": _never_ask,
}
