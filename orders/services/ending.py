"""How a run ends: once, with a reason."""

import logging
from collections.abc import Mapping

from django.utils import timezone

from orders.domain import UNFINISHED
from orders.models import Order, Run

logger = logging.getLogger(__name__)


def finish(
    run: Run, state: str, code: str, values: Mapping[str, str] | None = None, *, leave_open: bool = False
) -> bool:
    """End an active run with a reason (a code of RUN_REASONS and its values); False when it had ended already.

    Its orders that have not ended are marked to be cancelled, unless `leave_open`: tracking repeats the cancel until
    the exchange has confirmed it, also of orders whose outcome is not known yet.
    """
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
    if changed:
        logger.info("run %s %s: %s", run.pk, state, code)
    return bool(changed)
