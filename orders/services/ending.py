"""How a run ends: once, with a reason."""

import logging
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts.notifications import services as notifications
from accounts.notifications.models import Kind
from orders.domain import FAILED_RUNS, UNFINISHED
from orders.models import Order, Run
from orders.services.pausing import count_failure, forget_failures, lock_autopilot

logger = logging.getLogger(__name__)


def finish(
    run: Run, state: str, code: str, values: Mapping[str, str] | None = None, *, leave_open: bool = False
) -> bool:
    """End an active run with a reason (a code of RUN_REASONS and its values); False when it had ended already.

    Its orders that have not ended are marked to be cancelled, unless `leave_open`: tracking repeats the cancel until
    the exchange has confirmed it, also of orders whose outcome is not known yet. A failure counts towards the pause of
    the strategy's autopilot, whoever met it; a goal that is reached ends the row of failures.
    """
    with transaction.atomic():
        lock_autopilot(run.strategy_id)
        changed = Run.objects.filter(pk=run.pk, state=Run.State.ACTIVE).update(
            state=state,
            reason_code=code,
            reason_values={name: text[:600] for name, text in (values or {}).items()},
            problem="",
            finished_at=timezone.now(),
        )
        run.refresh_from_db()
        if changed and not leave_open:
            Order.objects.filter(round__run=run, status__in=UNFINISHED).update(cancel_requested=True)
        if changed and code != "nothing_to_do":
            notifications.mark(run.user_id, Kind.REBALANCE, run.pk)
        if changed and code in FAILED_RUNS:
            count_failure(run.strategy_id, lambda: run.reason, run)
        elif changed and state == Run.State.COMPLETE:
            forget_failures(run.strategy_id)
    if changed:
        logger.info("run %s %s: %s", run.pk, state, code)
    return bool(changed)
