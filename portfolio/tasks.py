"""Hourly snapshots."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from botbalance.lib import system_settings
from botbalance.lib.errors import AppError
from portfolio import selectors, services
from portfolio.models import PortfolioSnapshot

logger = logging.getLogger(__name__)


@shared_task
def snapshot_accounts() -> int:
    """Snapshot every account that has none of the last hour; how many succeeded.

    Balances that are not older than an idle account's may be do for it: the hour costs no reading of its own.
    """
    taken = 0
    read_after = timezone.now() - timedelta(seconds=system_settings.current().idle_balance_seconds)
    for account in selectors.accounts_without_snapshot_since(timezone.now() - timedelta(minutes=59)):
        try:
            services.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY, read_after=read_after)
            taken += 1
        except AppError as error:
            logger.warning("no snapshot of account %s: %s", account.pk, error.message)
    return taken
