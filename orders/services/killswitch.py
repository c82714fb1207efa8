"""The global switch: off, no order leaves any process, from the moment it is committed. Cancels and reads still do."""

import logging
from dataclasses import dataclass

from botbalance.lib import system_settings
from botbalance.lib.errors import AppError
from orders import selectors
from orders.domain import UNFINISHED
from orders.models import Order, Run
from orders.services import watching
from orders.services.cancelling import cancel_orders
from orders.services.ending import finish

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """What switching off came to: rebalances ended, orders that ended, and what could not be cancelled yet."""

    runs: int
    cancelled: int
    problems: tuple[str, ...]


def switch_off(*, cancel: bool) -> SwitchedOff:
    """Switch trading off, end every rebalance under way, and cancel what is open, or leave it at the exchange.

    The choice is kept: processes that meet the switch later do the same. What could not be cancelled at once is tried
    again by every account's ticks.
    """
    system_settings.change(trading_enabled=False, kill_switch_cancels=cancel)
    logger.warning("trading switched off; open orders are %s", "cancelled" if cancel else "left")
    runs = list(Run.objects.filter(state=Run.State.ACTIVE))
    ended = sum(finish(run, Run.State.STOPPED, "trading_off", leave_open=not cancel) for run in runs)
    if not cancel:
        return SwitchedOff(ended, 0, ())
    Order.objects.filter(status__in=UNFINISHED).update(cancel_requested=True)
    watching.look_now()
    cancelled, problems = 0, []
    for account in selectors.accounts_with_work():
        try:
            count, more = cancel_orders(account, selectors.unfinished_orders(account))
        except AppError as error:
            count, more = 0, [error.message]
        cancelled += count
        problems += [f"account {account.pk}: {problem}" for problem in more]
    return SwitchedOff(ended, cancelled, tuple(problems))


def switch_on() -> None:
    """Let orders leave again. Autopilots that are on go on at their next turn; ended rebalances stay ended."""
    system_settings.change(trading_enabled=True)
    logger.warning("trading switched on")
