"""The facts of the status bar, read in three queries however much a user has; and marks that change when they do."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.status.domain import AccountFacts, AutopilotFacts, Because, Facts, ServerFacts, Standstill, Switch
from exchanges import markets, traffic
from exchanges import selectors as exchanges
from exchanges import services as venues
from exchanges.domain import Venue
from exchanges.ledger.pause import BANNED
from exchanges.models import ExchangeAccount
from orders import outlook
from orders.domain import FAILED_RUNS
from orders.models import Autopilot, Order, Run, StrangerOrder, Tick
from orders.selectors import Standing
from portfolio.models import CashFlow, PortfolioSnapshot
from strategies.backtest.models import BacktestRun, Sweep
from strategies.backtest.models.jobs import Job
from strategies.models import Strategy

SERVER_VENUES = {"mock": "PAPER", "testnet": "TESTNET", "mainnet": "LIVE"}
VENUE_NAMES = {Venue.PAPER: "PAPER", Venue.TESTNET: "TESTNET", Venue.MAINNET: "LIVE"}
FAILED = FAILED_RUNS | {"unreachable", "credentials_refused"}

# Secrets are decrypted when they are loaded, and balances are long.
_UNREAD = ("api_key", "api_secret", "paper_key", "paper_secret", "balances__balances")


@dataclass(frozen=True, slots=True)
class Known:
    """What was read: the rows the facts are made of."""

    user: User
    accounts: Sequence[Any]
    strategies: Sequence[Any]
    server: ServerFacts


def known_of(user: User, server: ServerFacts | None = None) -> Known:
    """Read the rows, in two queries beside those of the server's facts."""
    return Known(user, list(_accounts(user)), list(_strategies(user)), server or server_facts())


def facts_of(known: Known) -> Facts:
    """The facts of the status bar; one query more, for what the autopilots decided last."""
    wanted = [row.last_tick["id"] for row in known.strategies if row.last_tick]
    ticks = Tick.objects.select_related("run").in_bulk(wanted)
    watches = {account.pk: getattr(account, "watch", None) for account in known.accounts}
    labels = {account.pk: account.label for account in known.accounts}
    autopilots = []
    for row in known.strategies:
        last = ticks.get(row.last_tick["id"]) if row.last_tick else None
        standing = Standing(getattr(row, "autopilot", None), watches.get(row.account_id), last)
        state, reason = outlook.state_of(row, standing)
        if state != outlook.State.OFF:
            autopilots.append(_autopilot(row, labels.get(row.account_id, ""), standing, state, reason))
    return Facts(
        at=timezone.now(),
        server=known.server,
        accounts=tuple(_account(account) for account in known.accounts),
        autopilots=tuple(autopilots),
        is_suspended=known.user.is_suspended,
    )


def _autopilot(
    row: Strategy, label: str, standing: Standing, state: outlook.State, reason: outlook.Reason | None
) -> AutopilotFacts:
    watch, last, autopilot = standing.watch, standing.last, standing.autopilot
    assert autopilot is not None
    # It has looked since without a word: what failed then is over.
    failed = last is not None and last.status == Tick.Status.FAILED and not (watch and watch.quiet_looks)
    if reason is None and failed and last is not None:
        reason = outlook.reason_of(last)
    return AutopilotFacts(
        strategy=row.pk,
        name=row.name,
        account=label,
        switch=Switch(state.value),
        because=Because(reason.code, reason.values) if reason else None,
        is_late=outlook.is_late(standing),
        has_failed=failed,
        failures_in_a_row=autopilot.failures_in_a_row,
        last_look_at=outlook.at(watch.looked_at_ms) if watch else None,
        next_look_at=outlook.at(watch.due_ms) if watch and state != outlook.State.PAUSED else None,
    )


def _account(account: Any) -> AccountFacts:
    run = account.newest_run or {}
    ended = run.get("finished_at")
    return AccountFacts(
        id=account.pk,
        label=account.label,
        venue=_venue_name(account),
        state=account.status,
        state_reason=account.status_reason,
        run=run.get("id", 0),
        run_is_active=run.get("state") == Run.State.ACTIVE,
        run_problem=run.get("problem", ""),
        run_failed=run.get("state") == Run.State.STOPPED and run.get("reason_code") in FAILED,
        run_ended_at=_moment(ended) if ended else None,
    )


def _venue_name(account: Any) -> str:
    venue = _venue(account)
    return VENUE_NAMES[venue] if venue else ""


def _venue(account: Any) -> Venue | None:
    on_paper = account.venue == ExchangeAccount.Venue.PAPER
    return venues.venue_by(on_paper=on_paper, has_own_keys=bool(account.key_tail))


def _moment(text: str) -> datetime | None:
    """A time inside of JSON; one without a zone is UTC."""
    moment = parse_datetime(text)
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _accounts(user: User) -> QuerySet[ExchangeAccount]:
    """The accounts, with when they are looked at, and of each what is newest."""
    here = OuterRef("pk")
    runs = Run.objects.filter(account=here).order_by("-id")
    names = ("id", "state", "reason_code", "problem", "problems_in_a_row", "finished_at")
    orders = Order.objects.filter(account=here).order_by("-updated_at").values("updated_at")
    strangers = StrangerOrder.objects.filter(account=here).order_by("-seen_at").values("seen_at")
    flows = CashFlow.objects.filter(account=here).order_by("-at", "-id").values("pk")
    snapshots = PortfolioSnapshot.objects.filter(account=here).order_by("-at", "-id").values("pk")
    return (
        exchanges.accounts_of(user)
        .select_related("watch", "balances")
        .defer(*_UNREAD)
        .annotate(
            newest_run=Subquery(runs.values(all=JSONObject(**{name: F(name) for name in names}))[:1]),
            newest_order=Subquery(orders[:1]),
            newest_stranger=Subquery(strangers[:1]),
            newest_flow=Subquery(flows[:1]),
            newest_snapshot=Subquery(snapshots[:1]),
        )
    )


def _strategies(user: User) -> QuerySet[Strategy]:
    """The strategies with their autopilots, and which decision is the last."""
    ticks = Tick.objects.filter(strategy=OuterRef("pk")).order_by("-id")
    last = ticks.values(all=JSONObject(id=F("id"), looks=F("looks"), ended=F("ended_at")))
    rows = Strategy.objects.filter(user=user, archived_at=None).select_related("autopilot")
    return rows.annotate(last_tick=Subquery(last[:1])).order_by("-is_active", "id")


def server_facts() -> ServerFacts:
    """What holds for everybody, read now."""
    held, effective = traffic.standing_still(), system_settings.read()
    ages = {venue: markets.price_age(venue) for venue in traffic.VENUES[settings.EXCHANGE_ENV]}
    return ServerFacts(
        venue=SERVER_VENUES[settings.EXCHANGE_ENV],
        trading_enabled=effective.trading_enabled,
        standstill=_standstill(held),
        standstill_until=outlook.at(held.until_ms) if held else None,
        prices_at={VENUE_NAMES[venue]: at for venue, age in ages.items() if (at := outlook.at(age.at_ms))},
        prices_failed_at={VENUE_NAMES[venue]: at for venue, age in ages.items() if (at := outlook.at(age.failed_ms))},
        oldest_price_seconds=effective.stale_price_seconds,
    )


def _standstill(held: traffic.Standstill | None) -> Standstill | None:
    if held is None:
        return None
    if not held.status:
        return Standstill.UNREADABLE
    return Standstill.BANNED if held.status == BANNED else Standstill.SLOWED


# --- what has changed ------------------------------------------------------------------------------------


def marks_of(known: Known) -> dict[str, str]:
    """A short mark for each part of what pages show; it is another one as soon as that part may look different.

    `orders`: orders, rebalances, and what was placed elsewhere. `looks`: autopilots, accounts, strategies, the server.
    `money`: balances, prices, what came and went.
    """
    server = known.server
    orders = [(row.pk, row.newest_order, row.newest_run, row.newest_stranger) for row in known.accounts]
    money = [(row.pk, _balances_at(row), row.newest_flow, row.newest_snapshot) for row in known.accounts]
    looks = [
        (server.trading_enabled, server.standstill, server.standstill_until, known.user.suspended_at),
        sorted(server.prices_failed_at),
        [(row.pk, row.label, row.venue, row.status, row.status_reason, _watch(row)) for row in known.accounts],
        [(row.pk, row.updated_at, row.is_active, row.last_tick, _switch(row)) for row in known.strategies],
    ]
    prices = sorted((venue, at) for venue, at in server.prices_at.items())
    return {"orders": _mark(orders), "looks": _mark(looks), "money": _mark([money, prices])}


def _balances_at(row: Any) -> Any:
    balances = getattr(row, "balances", None)
    return balances and balances.as_of


def _watch(row: Any) -> Any:
    watch = getattr(row, "watch", None)
    return watch and (watch.due_ms, watch.looked_at_ms, watch.quiet_looks, watch.is_blind)


def _switch(row: Any) -> Any:
    one: Autopilot | None = getattr(row, "autopilot", None)
    return one and (one.is_on, one.paused_at, one.pause_code, one.failures_in_a_row, one.scheduled_at)


def mark_of_jobs(user: User) -> str:
    """The same for back-tests and sweeps under way: what has been done of each."""
    runs = BacktestRun.objects.filter(user=user, state__in=Job.ACTIVE).order_by("id")
    sweeps = Sweep.objects.filter(user=user, state__in=Job.ACTIVE).order_by("id")
    done = Count("chunks", filter=Q(chunks__is_done=True))
    return _mark(
        [
            list(runs.values_list("pk", "state", "rows_done", "cancel_requested")),
            list(sweeps.annotate(done=done).values_list("pk", "state", "done")),
        ]
    )


def _mark(values: Iterable[Any]) -> str:
    return hashlib.blake2s(repr(values).encode(), digest_size=5).hexdigest()
