"""How a run ends: once, with a reason."""

import logging
from collections.abc import Mapping

from django.utils import timezone

from orders.models import Run

logger = logging.getLogger(__name__)


def finish(run: Run, state: str, code: str, values: Mapping[str, str] | None = None) -> bool:
    """End an active run with a reason (a code of RUN_REASONS and its values); False when it had ended already."""
    changed = Run.objects.filter(pk=run.pk, state=Run.State.ACTIVE).update(
        state=state,
        reason_code=code,
        reason_values={name: text[:600] for name, text in (values or {}).items()},
        problem="",
        finished_at=timezone.now(),
    )
    run.refresh_from_db()
    if changed:
        logger.info("run %s %s: %s", run.pk, state, code)
    return bool(changed)
