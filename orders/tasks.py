"""The autopilot's beat, tracking, and a closer look while somebody waits.

Whatever a message would do is due by rows as well: one that is lost, late or doubled does no harm.
"""

import logging

from celery import Task, shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from accounts import services as accounts
from exchanges.models import ExchangeAccount
from orders import selectors, services

logger = logging.getLogger(__name__)

MOST_HURRIES = 90
HURRY_SECONDS = (1, 2, 3, 5, 5, 10, 10, 15, 15)


@shared_task
def dispatch() -> int:
    """Take the turns that are due, and have those ticked that need it; how many had their turn."""
    found = services.dispatch()
    for account_id, due_ms in found.ticks:
        # A tick that has waited for longer than a period is out of date: the next turn's is on its way.
        _enqueue(tick, (account_id, due_ms), expires=settings.AUTOPILOT_PERIOD_SECONDS)
    return found.looked


@shared_task
def tick(account_id: int, due_ms: int) -> None:
    """The account's turn that was due at `due_ms`."""
    services.tick(account_id, due_ms)


@shared_task
def track_orders() -> int:
    """Find accounts with orders or a rebalance under way that nobody looks at any more, and have them looked at."""
    return services.watch_unwatched()


@shared_task
def tell_owners() -> int:
    """Tell owners of rebalances that have ended, of fills, and of the kill switch; how many messages."""
    return services.tell_owners()


@shared_task
def hurry(account_id: int, attempt: int = 0) -> None:
    """Track one account that has just been sent orders, again after growing pauses while its run is under way.

    Only a courtesy to whoever is watching: everything it does is done by the account's ticks as well.
    """
    account = ExchangeAccount.objects.select_related("user").filter(pk=account_id, archived_at=None).first()
    if account is None:
        return
    with accounts.speaking_to(account.user):
        services.track_account(account)
    if selectors.active_run(account) is not None and attempt + 1 < MOST_HURRIES:
        pause = HURRY_SECONDS[min(attempt + 1, len(HURRY_SECONDS) - 1)]
        hurry.apply_async((account_id, attempt + 1), countdown=pause)


def hurry_soon(account_id: int) -> None:
    """Ask a worker to track an account in a moment."""
    _enqueue(hurry, (account_id,), countdown=HURRY_SECONDS[0])


def _enqueue(task: Task, arguments: tuple[int, ...], **options: int) -> None:
    """A broker that does not answer is no reason to fail: the account's turns come round without it."""
    try:
        task.apply_async(arguments, retry=False, **options)
    except OperationalError as error:
        logger.warning("the broker does not answer; account %s waits for its next turn: %s", arguments[0], error)
