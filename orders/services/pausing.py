"""An autopilot that its owner has stopped by hand does not undo that at its next look: it waits to be let go on."""

import logging

from django.utils import timezone

from exchanges.models import ExchangeAccount
from orders.models import Autopilot

logger = logging.getLogger(__name__)


def pause_for_owner(account: ExchangeAccount) -> None:
    """Pause the autopilot of an account whose owner has stopped a rebalance or cancelled an order."""
    flying = Autopilot.objects.filter(strategy__account=account, is_on=True, paused_at=None)
    if flying.update(paused_at=timezone.now(), pause_code="stopped_by_hand", pause_values={}):
        logger.info("account %s: its autopilot paused, since its owner stopped it by hand", account.pk)
