"""What makes an autopilot pause until its owner lets it go on: failures in a row, and the owner's own hand."""

import logging
from collections.abc import Callable, Mapping

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services as accounts
from accounts.notifications import services as notifications
from accounts.notifications.models import Kind
from botbalance.lib import system_settings
from botbalance.lib.numbers import in_words
from exchanges.models import ExchangeAccount
from orders.models import Autopilot, Run
from orders.services import history
from strategies.ticks import TICK_REASONS

logger = logging.getLogger(__name__)


def pause_for_owner(account: ExchangeAccount) -> None:
    """Pause the autopilot of an account whose owner stops a rebalance or cancels an order: it does not undo that at its
    next look. Its history says so.

    Before the run is looked for: none begins any more that would be overlooked.
    """
    with transaction.atomic():
        rows = Autopilot.objects.select_for_update(no_key=True).filter(strategy__account=account)
        for autopilot in rows.filter(is_on=True, paused_at=None):
            autopilot.paused_at, autopilot.pause_code, autopilot.pause_values = timezone.now(), "stopped_by_hand", {}
            autopilot.save(update_fields=["paused_at", "pause_code", "pause_values"])
            history.record_pause(autopilot, "stopped_by_hand", {}, None)
            logger.info("autopilot of strategy %s paused: its owner stopped it by hand", autopilot.pk)


def lock_autopilot(strategy_id: int) -> Autopilot | None:
    """A strategy's autopilot, locked for as long as the transaction around lasts; None where it never had one.

    Locks are taken in this order: account, autopilot, run, watch.
    """
    rows = Autopilot.objects.select_for_update(no_key=True, of=("self",)).select_related("strategy", "user")
    return rows.filter(pk=strategy_id).first()


def pause(autopilot: Autopilot, code: str, values: Mapping[str, str], run: Run | None = None) -> None:
    """Stop a strategy's autopilot until its owner lets it go on; say why in its history, and tell the owner."""
    strategy, user = autopilot.strategy, autopilot.user
    with transaction.atomic(), accounts.speaking_to(user):  # nobody pauses without being told
        changed = Autopilot.objects.filter(pk=autopilot.pk, is_on=True, paused_at=None).update(
            paused_at=timezone.now(), pause_code=code, pause_values=dict(values)
        )
        if changed:
            history.record_pause(autopilot, code, values, run)
            notifications.notify(
                user,
                Kind.PAUSED,
                _("The autopilot of %(name)s has paused") % {"name": strategy.name},
                _(TICK_REASONS[code]).format(**in_words(values)),
                reverse("orders:autopilot", args=[strategy.pk]),
                {
                    "strategy": {"id": strategy.pk, "name": strategy.name},
                    "account": {"id": strategy.account_id, "label": strategy.account.label},
                    "reason_code": code,
                },
            )
    autopilot.refresh_from_db()
    if changed:
        logger.warning("autopilot of strategy %s paused: %s", autopilot.pk, code)


def count_failure(strategy_id: int, details: Callable[[], str], run: Run | None = None) -> None:
    """One more failure in a row of a strategy's autopilot, where it flies; it pauses when that was one too many.

    `details` says what has failed, in the language that is spoken when it is called: its owner's.
    """
    with transaction.atomic():
        autopilot = lock_autopilot(strategy_id)
        if autopilot is None or not autopilot.is_flying:
            return
        autopilot.failures_in_a_row += 1
        autopilot.save(update_fields=["failures_in_a_row"])
        if autopilot.failures_in_a_row >= system_settings.current().failures_before_pause:
            with accounts.speaking_to(autopilot.user):
                values = {"count": str(autopilot.failures_in_a_row), "details": details()}
            pause(autopilot, "repeated_failures", values, run)


def forget_failures(strategy_id: int) -> None:
    """Something went as it should."""
    Autopilot.objects.filter(pk=strategy_id).exclude(failures_in_a_row=0).update(failures_in_a_row=0)
