"""Tracking every 30 s (a row of the schedule), and sooner when somebody waits for it."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from exchanges.models import ExchangeAccount
from orders import selectors, services

logger = logging.getLogger(__name__)

MOST_HURRIES = 90
HURRY_SECONDS = (1, 2, 3, 5, 5, 10, 10, 15, 15)


@shared_task
def track_orders() -> int:
    """Track every account with open orders or a rebalance under way."""
    return services.track_due()


@shared_task
def hurry(account_id: int, attempt: int = 0) -> None:
    """Track one account that has just been sent orders, again after growing pauses while its run is under way.

    Only a courtesy to whoever is watching: everything it does is done by track_orders as well.
    """
    account = ExchangeAccount.objects.filter(pk=account_id, archived_at=None).first()
    if account is None:
        return
    services.track_account(account)
    if selectors.active_run(account) is not None and attempt + 1 < MOST_HURRIES:
        pause = HURRY_SECONDS[min(attempt + 1, len(HURRY_SECONDS) - 1)]
        hurry.apply_async((account_id, attempt + 1), countdown=pause)


def hurry_soon(account_id: int) -> None:
    """Ask a worker to track an account in a moment. A broker that does not answer is no reason to fail."""
    try:
        hurry.apply_async((account_id,), countdown=HURRY_SECONDS[0], retry=False)
    except OperationalError as error:
        logger.warning("the broker does not answer; the schedule will track account %s: %s", account_id, error)
