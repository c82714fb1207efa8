"""Our code, broken on purpose in the processes of a drill: each way must be caught by the comparison at its end."""

from collections.abc import Callable, Mapping

from django.db import transaction

from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import NewOrder, OrderReport
from exchanges.errors import OutcomeUnknown, Unavailable
from orders.models import Order

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


SABOTAGE: Mapping[str, Callable[[], None]] = {
    "resend-post": _put(_resend),
    "skip-intent": _put(_record_later),
    "ignore-unknown": _put(_forget),
}
