"""Cancelling orders of ours. Orders placed elsewhere are never touched."""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from botbalance.lib.errors import Conflict
from exchanges import services as exchanges
from exchanges.adapters.base import ExchangeAdapter
from exchanges.errors import ExchangeError, OutcomeUnknown, Rejected, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import Status
from orders.models import Order, Run
from orders.services.ending import finish
from orders.services.pausing import pause_for_owner
from orders.services.recording import apply_report, note_failed_try, note_try
from orders.services.resolving import ask_or_raise, read_fills
from orders.services.sending import withdraw

_STILL_OPEN = gettext_lazy(
    "The exchange has not confirmed the cancellation, so the order may still be open. "
    "It is tried again every time the order is looked at."
)


def cancel_order(order: Order) -> Order:
    """Cancel one order for its owner, and stop what would place it again: its run, and an autopilot that flies.

    Raises Conflict when it has ended already, an ExchangeError when the exchange does not confirm.
    """
    if order.is_final:
        raise Conflict(_("This order has ended already: %(status)s.") % {"status": order.status}, code="order_final")
    run = order.round.run
    pause_for_owner(order.account)
    if run.is_active:
        finish(run, Run.State.STOPPED, "order_cancelled", {"symbol": order.symbol}, leave_open=True)
    cancel(order, exchanges.adapter_for(order.account), "cancelling_owner")
    if not order.is_final:
        raise Unavailable(str(_STILL_OPEN))
    return order


def cancel_all(account: ExchangeAccount) -> tuple[int, list[str]]:
    """Stop the account's run and cancel every open order of ours: how many ended, and what could not be cancelled.

    An autopilot that flies pauses where anything was open or under way, and flies on where nothing was.
    """
    if not selectors.has_work(account.pk):
        return 0, []
    pause_for_owner(account)
    run = selectors.active_run(account)
    if run is not None:
        finish(run, Run.State.STOPPED, "all_cancelled")
    return cancel_orders(account, selectors.unfinished_orders(account), "cancelling_owner")


def cancel_orders(account: ExchangeAccount, orders: Iterable[Order], why: str = "") -> tuple[int, list[str]]:
    """Cancel orders of ours at an account, one by one: how many ended, and what could not be cancelled yet.

    Raises an AppError where the account cannot be asked at all.
    """
    ended, problems = 0, []
    orders = list(orders)
    if not orders:
        return 0, []
    adapter = exchanges.adapter_for(account)
    for order in orders:
        try:
            cancel(order, adapter, why)
            if not order.is_final:
                raise Unavailable(str(_STILL_OPEN))
        except ExchangeError as error:
            problems.append(f"{order.symbol}: {error.message}")
        ended += order.is_final
    return ended, problems


def cancel(order: Order, adapter: ExchangeAdapter, why: str = "") -> None:
    """Bring one order to its end. A cancel that races a fill is settled by asking; so is one whose answer was lost.

    `why` is the kind of event that tells its history the reason; without one that its rebalance has ended, if it has.
    """
    if order.status == Status.PENDING and withdraw(order, _("Cancelled before it was sent.")):
        return
    if not order.cancel_requested:
        # First of all, and also while the outcome is unknown: whatever fails from here on, tracking tries again.
        Order.objects.filter(pk=order.pk).update(cancel_requested=True)
        order.cancel_requested = True
    if order.status == Status.UNKNOWN:
        ask_or_raise(order, adapter)
    if order.is_final or not order.is_resting:
        return
    why = why or ("cancelling" if order.round.run.is_active else "cancelling_ended")
    note_try(order, why)
    try:
        _ask_to_cancel(order, adapter)
    except ExchangeError as error:
        note_failed_try(order, error.message)
        raise


def _ask_to_cancel(order: Order, adapter: ExchangeAdapter) -> None:
    try:
        report = adapter.cancel_order(order.symbol, order.client_order_id)
    except (Rejected, OutcomeUnknown) as error:
        if isinstance(error, Rejected) and not error.is_no_such_order:
            raise
        ask_or_raise(order, adapter)
        return
    apply_report(order, report, "cancelled")
    read_fills(order, adapter)
