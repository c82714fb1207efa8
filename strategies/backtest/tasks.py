"""Back-tests on workers. Whatever a message would do is due by rows as well: one that is lost, late or doubled does no
harm.
"""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from strategies.backtest import services
from strategies.backtest.selectors import runs as selectors

logger = logging.getLogger(__name__)

RESUMED_EVERY_SECONDS = 15
"""How often the schedule has `resume_backtests` done."""


@shared_task
def run_backtest(run_id: int) -> bool:
    """Compute one back-test that waits, and have the next one begun."""
    was_mine = services.execute_run(run_id)
    if was_mine:
        _begin_due(most=1)
    return was_mine


@shared_task
def resume_backtests() -> int:
    """Have back-tests begun that wait, or whose worker has died; how many."""
    return _begin_due()


def begin_soon(run_id: int) -> None:
    """Ask a worker to compute a back-test that was just created. A broker that does not answer is no reason to fail."""
    try:
        run_backtest.apply_async((run_id,), retry=False)
    except OperationalError as error:
        logger.warning("the broker does not answer; back-test %s waits for its turn: %s", run_id, error)


def _begin_due(most: int | None = None) -> int:
    due = selectors.due_runs(timezone.now())[:most]
    for run_id in due:
        try:
            # One that has waited for longer than a turn of the schedule is out of date: the next turn asks again.
            run_backtest.apply_async((run_id,), retry=False, expires=RESUMED_EVERY_SECONDS)
        except OperationalError as error:
            logger.warning("the broker does not answer; back-tests wait for their turn: %s", error)
            break
    return len(due)
