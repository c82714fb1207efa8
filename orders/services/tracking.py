"""Tracking: ask about every order that is not fully known, then take every run as far as it goes."""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from django.utils.translation import gettext as _

from botbalance.lib import cache, system_settings
from botbalance.lib.errors import AppError
from exchanges import services as exchanges
from exchanges.adapters.base import ExchangeAdapter
from exchanges.domain import OrderReport
from exchanges.errors import CredentialsRefused, ExchangeError, Throttled, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import WHOLE_ACCOUNT, Status, choose_lists
from orders.dust.resolving import resolve_sweep
from orders.models import Order, Run
from orders.services.adopting import read_open_orders
from orders.services.cancelling import cancel
from orders.services.resolving import ask_or_raise, is_about, read_fills
from orders.services.runs import advance
from orders.services.sending import withdraw
from portfolio import selectors as snapshots
from portfolio import services as portfolio
from portfolio.models import PortfolioSnapshot

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 30
REFRESHES = 10


def track_account(account: ExchangeAccount, *, whole_list: bool = False) -> list[str]:
    """Bring an account's orders and its run up to date; what went wrong, as sentences. Never raises an AppError.

    With `whole_list` the list of all open orders is read, whatever it costs: for somebody who wants to know (see
    `reconcile_account`).
    """
    _heed_kill_switch(account)
    problems = _ask_about_orders(account, whole_list=whole_list)
    about_dust = resolve_sweep(account)
    if about_dust:
        problems.append(about_dust)
    run = selectors.active_run(account)
    if run is not None:
        advance(run, trouble=problems[0] if problems else "")
        if run.problem and run.problem not in problems:
            problems.append(run.problem)
    else:
        _withdraw_orphans(account)
    _snapshot_after_fills(account)
    return problems


def reconcile_account(account: ExchangeAccount) -> list[str]:
    """Track an account by the list of all its open orders (80 of weight): also finds orders of ours that have no row,
    and orders placed elsewhere. What went wrong, as sentences. Never raises an AppError.
    """
    return track_account(account, whole_list=True)


def refresh_account(account: ExchangeAccount) -> list[str]:
    """Bring an account up to date for somebody who asks now; what went wrong, as sentences. Never raises an AppError.

    The list of all its open orders, which is dear, is read once in REFRESH_SECONDS; otherwise only orders of ours that
    are not fully known are asked about. A user has REFRESHES of them in that time, or one could use up what all share.
    """
    if not any(cache.first(f"refresh:{account.user_id}:{turn}", REFRESH_SECONDS) for turn in range(REFRESHES)):
        return [_("You have asked often: ask again in %(seconds)s s.") % {"seconds": REFRESH_SECONDS}]
    return track_account(account, whole_list=cache.first(f"refresh-list:{account.pk}", REFRESH_SECONDS))


def _heed_kill_switch(account: ExchangeAccount) -> None:
    """Orders that are to be cancelled with the switch are, however it was set and whatever has become of their run."""
    effective = system_settings.read()
    if not effective.trading_enabled and effective.kill_switch_cancels:
        selectors.unfinished_orders(account).filter(cancel_requested=False).update(cancel_requested=True)


def _ask_about_orders(account: ExchangeAccount, *, whole_list: bool) -> list[str]:
    """Find out about every order that is not fully known, at the least weight; what could not be, as sentences.

    An exchange that does not answer ends the asking; an order it cannot answer for keeps no other from its turn.
    """
    problems: list[str] = []
    try:
        adapter = exchanges.adapter_for(account)
    except AppError as error:
        return [error.message]
    orders = _to_ask_about(account)
    # What is to be cancelled is not asked about first: the answer to a cancel says as much, and costs nothing.
    asked = [(order.symbol, Status(order.status)) for order in orders if not order.cancel_requested]
    lists = (WHOLE_ACCOUNT,) if whole_list else choose_lists(asked)
    listed: dict[str, OrderReport] = {}
    for symbol in lists:
        if not _attempt(account, symbol, partial(_read_list, account, adapter, symbol, listed), problems):
            return problems
    for order in _to_ask_about(account) if lists else orders:
        if not _attempt(account, order.symbol, partial(_bring_up_to_date, order, adapter, listed), problems):
            return problems
    return problems


def _to_ask_about(account: ExchangeAccount) -> list[Order]:
    return list(selectors.due_orders(account).exclude(status=Status.PENDING))


def _attempt(account: ExchangeAccount, symbol: str, step: Callable[[], str], problems: list[str]) -> bool:
    """Take one step and add what went wrong to the problems; False when no other step would fare better."""
    try:
        problem = step()
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        problems.append(error.message)
        return False
    except (Throttled, Unavailable) as error:
        logger.warning("account %s: %s", account.pk, error.message)
        problems.append(error.message)
        return False
    except ExchangeError as error:
        logger.warning("account %s, %s: %s", account.pk, symbol or "open orders", error.message)
        problem = error.message
    if problem:
        problems.append(f"{symbol}: {problem}" if symbol else problem)
    return True


def _read_list(account: ExchangeAccount, adapter: ExchangeAdapter, symbol: str, listed: dict[str, OrderReport]) -> str:
    """Read one list and add what it shows to `listed`, by client id."""
    listed.update((report.client_order_id, report) for report in read_open_orders(account, adapter, symbol))
    return ""


def _bring_up_to_date(order: Order, adapter: ExchangeAdapter, listed: Mapping[str, OrderReport]) -> str:
    """Find out what there is to know of an order; "" or what could not be found out.

    One that a list shows has been answered for. One that it does not show may have left it, or not be there yet: only
    the answer about the order itself says which.
    """
    report = listed.get(order.client_order_id)
    if report is not None and is_about(order, report):
        read_fills(order, adapter)
    elif not (order.cancel_requested and order.is_resting):
        ask_or_raise(order, adapter)
    if order.cancel_requested and order.is_resting:
        cancel(order, adapter)
    return "" if order.executed_quantity == order.recorded_quantity else _("its trades cannot be read yet.")


def _withdraw_orphans(account: ExchangeAccount) -> None:
    """Unsent intents of a run that has ended are never sent."""
    for order in (
        selectors.unfinished_orders(account)
        .filter(status=Status.PENDING)
        .exclude(
            round__run__state=Run.State.ACTIVE  # begun since we looked: its own process sends them
        )
    ):
        withdraw(order, order.round.run.reason)


def _snapshot_after_fills(account: ExchangeAccount) -> None:
    """Record the account's value once the orders that traded have ended, from balances read after the last change."""
    newest_fill = selectors.newest_fill_at(account)
    if newest_fill is None or snapshots.has_snapshot_after(account, newest_fill):
        return
    if selectors.due_orders(account).exists():
        return  # while orders rest, the hourly snapshot is enough; a balance costs five questions about an order
    try:
        changed_at = selectors.newest_order_change(account)
        portfolio.take_snapshot(account, PortfolioSnapshot.Reason.FILL, read_after=changed_at)
    except ExchangeError as error:
        logger.warning("no snapshot of account %s after fills: %s", account.pk, error.message)
