"""The daily summary: what each account is worth, how it did within a day, and what was traded. In the morning of its
reader's time zone, for those who wish it.
"""

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import services as accounts
from accounts.models import User
from accounts.notifications import selectors as wishes
from accounts.notifications import services as notifications
from accounts.notifications.models import Kind
from botbalance.lib.money import HUNDRED, ZERO, plain, quantize, wide
from botbalance.lib.numbers import count, money, signed_percent
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from orders.models import Fill, Run
from portfolio import selectors as portfolio

logger = logging.getLogger(__name__)

# By the clock on the reader's wall. A server that was off for the whole morning leaves that day out.
FIRST_HOUR, LAST_HOUR = 8, 11
DAY = timedelta(days=1)
# A value from before that says nothing of the account's day.
OLDEST = timedelta(hours=3)


def tell_all() -> int:
    """Tell everybody whose morning it is and who has not been told today; how many."""
    told = 0
    for user in wishes.who_wants(Kind.SUMMARY):
        today = timezone.now().astimezone(wishes.zone_of(user))
        if not FIRST_HOUR <= today.hour <= LAST_HOUR:
            continue
        try:
            with transaction.atomic(), accounts.speaking_to(user):
                if notifications.is_news(f"summary:{user.pk}", today.date().isoformat()):
                    told += _tell(user)
        except Exception:  # one user's trouble, which is tried again
            logger.exception("the daily summary of user %s cannot be told", user.pk)
    return told


def _tell(user: User) -> bool:
    since = timezone.now() - DAY
    days = [_day_of(account, since) for account in exchanges.accounts_of(user)]
    if not days:
        return False
    text = "\n".join(_line(day) for day in days)
    notifications.notify(user, Kind.SUMMARY, _("Your day"), text, reverse("dashboard"), {"accounts": days})
    return True


def _day_of(account: ExchangeAccount, since: datetime) -> dict[str, Any]:
    """An account's last day, as data: `gain` is the change of its value less what came and went without an order of
    ours; None where one of these is not known.
    """
    now = timezone.now()
    last = portfolio.history(account, now - OLDEST, now).order_by("at", "id").last()
    first = portfolio.history(account, since - OLDEST, since).order_by("at", "id").last()
    gain = gain_pct = None
    if first is not None and last is not None and first.nav > 0:
        flows = portfolio.cash_flows(account, first.at, last.at).values_list("value", flat=True)
        if None not in flows:
            with wide():
                gain = last.nav - first.nav - sum((flow for flow in flows if flow is not None), ZERO)
                gain_pct = quantize(gain / first.nav * HUNDRED, 2)
    runs = Run.objects.filter(account=account, finished_at__gte=since).count()
    return {
        "account": {"id": account.pk, "label": account.label},
        "quote": account.quote,
        "nav": None if last is None else plain(last.nav),
        "gain": None if gain is None else plain(gain),
        "gain_pct": None if gain_pct is None else plain(gain_pct),
        "rebalances": runs,
        "fills": Fill.objects.filter(order__account=account, at__gte=since).count(),
    }


def _line(day: dict[str, Any]) -> str:
    worth = _("value not known") if day["nav"] is None else f"{money(Decimal(day['nav']))} {day['quote']}"
    parts = [f"{day['account']['label']}: {worth}"]
    if day["gain_pct"] is not None:
        parts.append(_("%(percent)s within a day") % {"percent": signed_percent(Decimal(day["gain_pct"]))})
    runs = ngettext("%(count)s rebalance", "%(count)s rebalances", day["rebalances"])
    fills = ngettext("%(count)s fill", "%(count)s fills", day["fills"])
    parts += [runs % {"count": count(day["rebalances"])}, fills % {"count": count(day["fills"])}]
    return ", ".join(parts) + "."
