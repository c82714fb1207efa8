"""The outbox: what is due goes out, each channel by itself, and what fails is tried again after growing pauses.

Rows say what is due; a task claims a try by a conditional update, sends it in a thread, and writes down how it went. A
worker that dies in between leaves a delivery that is tried again: at least once, with the same id.
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts import services as accounts
from accounts.notifications import door, selectors, wording
from accounts.notifications.domain import PAUSES, next_try
from accounts.notifications.models import Delivery, Event
from accounts.notifications.services.channels import note_outcome
from accounts.notifications.services.messages import message_of
from botbalance.lib import cache
from botbalance.lib.clock import now_ms

logger = logging.getLogger(__name__)

THREADS = 8
# One of each channel: what hangs holds up itself.
MOST_AT_ONCE = 40
# No further channel is begun after so long, and whoever has claimed a try by then and has not said how it went is dead.
SENDING_SECONDS = 45
CLAIM = timedelta(minutes=3)
KEEP_DAYS = 30
PRUNE_EVERY_SECONDS = 3600


def send_due() -> int:
    """Send what is due, for about SENDING_SECONDS; how many deliveries arrived."""
    started_ms = now_ms()
    arrived = 0
    while now_ms() - started_ms < SENDING_SECONDS * 1000:
        due = selectors.deliveries_due(timezone.now(), MOST_AT_ONCE)
        if not due:
            break
        arrived += _send_all([delivery for delivery in due if _claim(delivery)])
    if cache.first("notifications:prune", PRUNE_EVERY_SECONDS):
        prune()
    return arrived


def prune() -> int:
    """Forget what has long arrived, or was given up long ago; how many events."""
    old = Event.objects.filter(at__lt=timezone.now() - timedelta(days=KEEP_DAYS))
    return old.exclude(deliveries__next_try_at__isnull=False).delete()[1].get("notifications.Event", 0)


def _claim(delivery: Delivery) -> bool:
    """Take this try of a delivery: of two workers only one has it. What cannot be sent at all is settled at once, and
    what fell into quiet hours meanwhile, by a pause or by a new wish, waits for their end.
    """
    now = timezone.now()
    rows = Delivery.objects.filter(pk=delivery.pk, tries=delivery.tries, next_try_at=delivery.next_try_at)
    if not delivery.channel.enabled:
        rows.update(next_try_at=None, problem=_said(delivery, "switched_off"))
        return False
    if delivery.tries >= len(PAUSES):
        rows.update(next_try_at=None, problem=_said(delivery, "unknown_outcome"))
        return False
    user = delivery.channel.user
    until = selectors.held_until(user, selectors.preferences_of(user), delivery.event.kind, now)
    if until is not None:
        rows.update(next_try_at=until, held_until=until)
        return False
    return bool(rows.update(tries=delivery.tries + 1, next_try_at=now + CLAIM, problem=""))


def _send_all(deliveries: list[Delivery]) -> int:
    """Threads only send: rows are read before and written after, by this one."""
    arrived = 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="notify") as pool:
        under_way: dict[Future[door.Outcome], Delivery] = {}
        for delivery in deliveries:
            channel = delivery.channel
            message = message_of(delivery.event)
            work = pool.submit(door.deliver, channel.type, channel.address, channel.secret, message, now_ms() // 1000)
            under_way[work] = delivery
        for work in as_completed(under_way):
            arrived += _settle(under_way[work], work.result())
    return arrived


def _settle(delivery: Delivery, outcome: door.Outcome) -> bool:
    now = timezone.now()
    row = Delivery.objects.filter(pk=delivery.pk, tries=delivery.tries + 1)
    if not outcome.problem:
        row.update(next_try_at=None, sent_at=now, problem="")
        note_outcome(delivery.channel, "")
        return True
    problem = _said(delivery, outcome.problem, **outcome.values)
    again = next_try(delivery.tries + 1, delivery.event.at, now)
    row.update(next_try_at=again, problem=problem[:400])
    note_outcome(delivery.channel, problem)
    logger.info("delivery %s failed at try %s: %s", delivery.pk, delivery.tries + 1, outcome.problem)
    if again:
        _let_wait(delivery, again)
    return False


def _let_wait(delivery: Delivery, moment: datetime) -> None:
    """What else waits for this channel need not find out for itself that it does not work."""
    others = Delivery.objects.filter(Q(next_try_at__lt=moment), channel_id=delivery.channel_id)
    others.exclude(pk=delivery.pk).update(next_try_at=moment)


def _said(delivery: Delivery, problem: str, **values: str) -> str:
    with accounts.speaking_to(delivery.channel.user):
        return wording.sentence(problem, values)
