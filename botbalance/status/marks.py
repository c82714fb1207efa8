"""Marks of what pages show: a mark is another one as soon as its part of a page may look different.

    orders   orders, rebalances, and what was placed elsewhere
    looks    autopilots, accounts, strategies, the server
    money    balances, and now and then prices
    worth    balances and prices: what the money is worth, which is told without a part of the page being made
    past     valuations, and what came and went
    jobs     back-tests and sweeps under way

Every open page asks for them every second or two. The rows are only digested: they never become models.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from botbalance.lib import system_settings
from botbalance.lib.clock import now_ms
from botbalance.lib.prepared import NOBODY, Prepared
from botbalance.status.domain import ServerFacts
from exchanges.models import ExchangeAccount
from orders.models import Order, Run, StrangerOrder, Tick
from portfolio.models import CashFlow, PortfolioSnapshot
from portfolio.selectors import milliseconds
from strategies.backtest.models import BacktestRun, Sweep
from strategies.backtest.models.jobs import Job
from strategies.models import Strategy

FAILING_MS = 15_000
PRICES_SHOWN_MS = 20_000
"""So often weights and holdings follow the prices, each user at moments of their own."""
_APART_MS = 6_151
_LOOKS = (
    "pk", "label", "venue", "status", "status_reason", "watch__due_ms", "watch__looked_at_ms", "watch__quiet_looks",
    "watch__is_blind", "user__suspended_at",
)  # fmt: skip
_ORDERS = ("newest_order", "newest_run", "newest_stranger")
_MONEY = ("balances__as_of", "newest_flow", "newest_snapshot")
_AUTOPILOTS = (
    "pk", "updated_at", "is_active", "last_tick", "autopilot__is_on", "autopilot__paused_at", "autopilot__pause_code",
    "autopilot__failures_in_a_row", "autopilot__scheduled_at",
)  # fmt: skip


def marks_of(user_id: int, server: ServerFacts) -> dict[str, str]:
    """The marks of all kinds but `jobs`, in two queries."""
    accounts, strategies = _ACCOUNTS.raw(user_id), _STRATEGIES.raw(user_id)
    ends = len(_LOOKS), len(_LOOKS) + len(_ORDERS)
    everybody = (server.trading_enabled, server.standstill, server.standstill_until, sorted(server.prices_failed_at))
    return {
        "orders": _mark(row[ends[0] : ends[1]] for row in accounts),
        "looks": _mark([everybody, [row[: ends[0]] for row in accounts], strategies]),
        "money": _mark([(now_ms() + user_id * _APART_MS) // PRICES_SHOWN_MS, [row[ends[1]] for row in accounts]]),
        "past": _mark(row[ends[1] + 1 :] for row in accounts),
        "worth": _mark([_prices(server), [row[ends[1]] for row in accounts]]),
    }


def mark_of_jobs(user_id: int) -> str:
    """The mark of `jobs`, in two queries."""
    return _mark([_BACKTESTS.raw(user_id), _SWEEPS.raw(user_id)])


def _prices(server: ServerFacts) -> list[Any]:
    """When there were prices last. Once they are old, somebody has to ask for new ones: each asks in turn, and seldom
    while the exchange gives none.
    """
    ttl_ms = system_settings.current().pricing_ttl_seconds * 1000
    wait_ms = FAILING_MS if server.prices_failed_at else max(ttl_ms, 1)
    now = now_ms()
    return [
        (venue, at, None if milliseconds(at) > now - ttl_ms else now // wait_ms)
        for venue, at in sorted(server.prices_at.items())
    ]


def _accounts() -> QuerySet[Any, Any]:
    here = OuterRef("pk")
    runs = Run.objects.filter(account=here).order_by("-id")
    names = ("id", "state", "problem", "problems_in_a_row", "finished_at")
    newest = {
        "newest_order": Order.objects.filter(account=here).order_by("-updated_at").values("updated_at"),
        "newest_run": runs.values(all=JSONObject(**{column: F(column) for column in names})),
        "newest_stranger": StrangerOrder.objects.filter(account=here).order_by("-seen_at").values("seen_at"),
        "newest_flow": CashFlow.objects.filter(account=here).order_by("-at", "-id").values("pk"),
        "newest_snapshot": PortfolioSnapshot.objects.filter(account=here).order_by("-at", "-id").values("pk"),
    }
    rows = ExchangeAccount.objects.filter(user=NOBODY, archived_at=None).order_by("id")
    rows = rows.annotate(**{column: Subquery(found[:1]) for column, found in newest.items()})
    return rows.values_list(*_LOOKS, *_ORDERS, *_MONEY)


def _strategies() -> QuerySet[Any, Any]:
    ticks = Tick.objects.filter(strategy=OuterRef("pk")).order_by("-id")
    last = ticks.values(all=JSONObject(id=F("id"), looks=F("looks"), ended=F("ended_at")))
    rows = Strategy.objects.filter(user=NOBODY, archived_at=None).order_by("id")
    return rows.annotate(last_tick=Subquery(last[:1])).values_list(*_AUTOPILOTS)


def _backtests() -> QuerySet[Any, Any]:
    rows = BacktestRun.objects.filter(user=NOBODY, state__in=Job.ACTIVE).order_by("id")
    return rows.values_list("pk", "state", "rows_done", "cancel_requested")


def _sweeps() -> QuerySet[Any, Any]:
    rows = Sweep.objects.filter(user=NOBODY, state__in=Job.ACTIVE).order_by("id")
    return rows.annotate(done=Count("chunks", filter=Q(chunks__is_done=True))).values_list("pk", "state", "done")


_ACCOUNTS, _STRATEGIES = Prepared(_accounts), Prepared(_strategies)
_BACKTESTS, _SWEEPS = Prepared(_backtests), Prepared(_sweeps)


def _mark(values: Iterable[Any]) -> str:
    return hashlib.blake2s(repr(list(values)).encode(), digest_size=5).hexdigest()
