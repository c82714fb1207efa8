"""Switching a strategy's autopilot on and off, and the time of its schedule."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from botbalance.lib.errors import AppError
from orders import selectors
from orders.models import Autopilot, Run
from orders.services import guards, watching
from orders.services.cancelling import cancel_orders
from orders.services.ending import finish
from strategies.models import Strategy
from strategies.schedules import next_time
from strategies.selectors import every_of

logger = logging.getLogger(__name__)


def start(user: User, strategy: Strategy) -> Autopilot:
    """Switch the autopilot on, or let a paused one go on. It looks at its next turn, within a period.

    Raises Forbidden or Conflict where it could not trade: a suspended owner, a strategy that is not the active one, an
    account whose key is refused. The schedule of the modes with one begins now; its first time is an interval away.
    """
    guards.refuse_unless_ready(user, strategy)
    account = strategy.account
    now = timezone.now()
    with transaction.atomic():
        switch_off_inactive(account.pk)
        row, _created = Autopilot.objects.get_or_create(strategy_id=strategy.pk, defaults={"user": user})
        row = Autopilot.objects.select_for_update(no_key=True).get(pk=row.pk)
        if not row.is_flying:
            row.is_on, row.started_at = True, now
            row.scheduled_at = next_time(now, every_of(strategy))
            row.paused_at, row.pause_code, row.pause_values, row.failures_in_a_row = None, "", {}, 0
            row.save()
            logger.info("autopilot of strategy %s on", strategy.pk)
        watching.keep_looking(account.pk)
        watching.forget_hold(account.pk)
    return row


def stop(strategy: Strategy) -> tuple[Autopilot, list[str]]:
    """Switch the autopilot off. A rebalance it has begun ends, and its open orders are cancelled, also those of earlier
    ones: what could not be cancelled yet is returned as sentences, and tried again by tracking.
    """
    row, _created = Autopilot.objects.get_or_create(strategy_id=strategy.pk, defaults={"user_id": strategy.user_id})
    Autopilot.objects.filter(pk=row.pk).update(is_on=False, paused_at=None, pause_code="", pause_values={})
    row.refresh_from_db()
    logger.info("autopilot of strategy %s off", strategy.pk)
    run = selectors.active_run(strategy.account)
    if run is not None and run.strategy_id == strategy.pk and run.trigger == Run.Trigger.AUTOPILOT:
        finish(run, Run.State.STOPPED, "autopilot_off")
    left = selectors.orders_left_by(strategy)
    left.update(cancel_requested=True)
    try:
        _ended, problems = cancel_orders(strategy.account, left)
    except AppError as error:  # the account cannot be asked now; it is off all the same
        problems = [error.message]
    return row, problems


def still_flies(autopilot: Autopilot) -> bool:
    """Whether it is on and not paused, for as long as the transaction around lasts: whoever switches it off meanwhile
    waits for its end, and finds the run that was begun in it.
    """
    rows = Autopilot.objects.select_for_update(no_key=True).filter(pk=autopilot.pk, is_on=True, paused_at=None)
    return rows.first() is not None


def switch_off_inactive(account_id: int) -> None:
    """A strategy that is not followed any more does not fly on when it is followed again one day."""
    rows = Autopilot.objects.filter(strategy__account_id=account_id, is_on=True)
    rows.exclude(strategy__is_active=True, strategy__archived_at=None).update(is_on=False)


def schedule(autopilot: Autopilot, at: datetime | None) -> None:
    """Keep the coming time of the schedule, None for a strategy without one."""
    if at != autopilot.scheduled_at:
        Autopilot.objects.filter(pk=autopilot.pk).update(scheduled_at=at)
        autopilot.scheduled_at = at
