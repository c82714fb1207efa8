"""Tracking: ask about every order that is not fully known, then take every run as far as it goes."""

import logging

from django.utils.translation import gettext as _

from botbalance.lib.errors import AppError
from exchanges import services as exchanges
from exchanges.errors import CredentialsRefused, ExchangeError, Throttled, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import Status
from orders.services.cancelling import cancel
from orders.services.resolving import ask_or_raise
from orders.services.runs import advance
from orders.services.sending import withdraw
from portfolio import selectors as snapshots
from portfolio import services as portfolio
from portfolio.models import PortfolioSnapshot

logger = logging.getLogger(__name__)


def track_due() -> int:
    """Track every account with open orders or a run under way; how many accounts that were.

    One account's trouble never keeps another from being tracked.
    """
    tracked = 0
    for account in selectors.accounts_with_work():
        track_account(account)
        tracked += 1
    return tracked


def track_account(account: ExchangeAccount) -> list[str]:
    """Bring an account's orders and its run up to date; what went wrong, as sentences. Never raises an AppError."""
    problems = _ask_about_orders(account)
    run = selectors.active_run(account)
    if run is not None:
        advance(run, trouble=problems[0] if problems else "")
        if run.problem and run.problem not in problems:
            problems.append(run.problem)
    else:
        _withdraw_orphans(account)
    newest_fill = selectors.newest_fill_at(account)
    if newest_fill is not None and not snapshots.has_snapshot_after(account, newest_fill):
        _snapshot(account)
    return problems


def _ask_about_orders(account: ExchangeAccount) -> list[str]:
    """Ask about every order that is not fully known; what could not be found out, as sentences.

    An exchange that does not answer ends the asking; an order it cannot answer for keeps no other from its turn.
    """
    problems: list[str] = []
    try:
        adapter = exchanges.adapter_for(account)
    except AppError as error:
        return [error.message]
    for order in selectors.due_orders(account).exclude(status=Status.PENDING):
        try:
            ask_or_raise(order, adapter)
            if order.cancel_requested and order.is_resting:
                cancel(order, adapter)
        except CredentialsRefused as error:
            exchanges.mark_refused(account, error.message)
            return [*problems, error.message]
        except (Throttled, Unavailable) as error:
            logger.warning("account %s: %s", account.pk, error.message)
            return [*problems, error.message]
        except ExchangeError as error:
            logger.warning("order %s: %s", order.client_order_id, error.message)
            problems.append(f"{order.symbol}: {error.message}")
        else:
            if order.executed_quantity != order.recorded_quantity:
                problems.append(_("%(symbol)s: its trades cannot be read yet.") % {"symbol": order.symbol})
    return problems


def _withdraw_orphans(account: ExchangeAccount) -> None:
    """Unsent intents of a run that has ended are never sent."""
    for order in selectors.unfinished_orders(account).filter(status=Status.PENDING):
        withdraw(order, order.round.run.reason)


def _snapshot(account: ExchangeAccount) -> None:
    try:
        portfolio.take_snapshot(account, PortfolioSnapshot.Reason.FILL)
    except ExchangeError as error:
        logger.warning("no snapshot of account %s after fills: %s", account.pk, error.message)
