"""The facts of the status bar, read in four queries however much a user has."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User
from accounts.notifications import selectors as notifications
from botbalance.lib import system_settings
from botbalance.lib.errors import AppError
from botbalance.lib.templatetags.numbers import money
from botbalance.status.domain import AccountFacts, AutopilotFacts, Because, Facts, ServerFacts, Standstill, Switch
from exchanges import markets, traffic
from exchanges import selectors as exchanges
from exchanges import services as venues
from exchanges.domain import Venue
from exchanges.ledger.pause import BANNED
from exchanges.models import ExchangeAccount
from orders import outlook
from orders.domain import FAILED_RUNS
from orders.models import Run, Tick
from orders.selectors import Standing
from portfolio import selectors as portfolio
from portfolio.domain import value_portfolio
from strategies.models import Strategy

SERVER_VENUES = {"mock": "PAPER", "testnet": "TESTNET", "mainnet": "LIVE"}
VENUE_NAMES = {Venue.PAPER: "PAPER", Venue.TESTNET: "TESTNET", Venue.MAINNET: "LIVE"}
FAILED = FAILED_RUNS | {"unreachable", "credentials_refused"}


def facts_of(user: User, server: ServerFacts) -> Facts:
    """The facts of the status bar, in four queries beside those of the server's facts."""
    accounts: list[Any] = list(_accounts(user))
    strategies: list[Any] = list(_strategies(user))
    wanted = [row.last_tick for row in strategies if row.last_tick]
    ticks = Tick.objects.select_related("run").in_bulk(wanted)
    watches = {account.pk: getattr(account, "watch", None) for account in accounts}
    labels = {account.pk: account.label for account in accounts}
    autopilots = []
    for row in strategies:
        last = ticks.get(row.last_tick) if row.last_tick else None
        standing = Standing(getattr(row, "autopilot", None), watches.get(row.account_id), last)
        state, reason = outlook.state_of(row, standing)
        if state != outlook.State.OFF:
            autopilots.append(_autopilot(row, labels.get(row.account_id, ""), standing, state, reason))
    return Facts(
        at=timezone.now(),
        server=server,
        accounts=tuple(_account(account) for account in accounts),
        autopilots=tuple(autopilots),
        is_suspended=user.is_suspended,
        can_be_told=notifications.has_working_channel(user),
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
    """The accounts, with when they are looked at and their newest rebalance."""
    runs = Run.objects.filter(account=OuterRef("pk")).order_by("-id")
    names = ("id", "state", "reason_code", "problem", "finished_at")
    newest = runs.values(all=JSONObject(**{name: F(name) for name in names}))
    rows = exchanges.accounts_of(user).select_related("watch").defer(*exchanges.SECRETS)
    return rows.annotate(newest_run=Subquery(newest[:1]))


def _strategies(user: User) -> QuerySet[Strategy]:
    """The strategies with their autopilots, and which decision is the last."""
    ticks = Tick.objects.filter(strategy=OuterRef("pk")).order_by("-id").values("pk")
    rows = Strategy.objects.filter(user=user, archived_at=None).select_related("autopilot")
    return rows.annotate(last_tick=Subquery(ticks[:1])).order_by("-is_active", "id")


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


def worth_of(user: User, account_id: str) -> str | None:
    """What one account is worth by the balances and prices that are known, as pages show it; None where that is not
    known, or it is none of the user's.
    """
    if not (account_id.isascii() and account_id.isdigit() and len(account_id) < 19):
        return None
    account = exchanges.accounts_of(user).defer(*exchanges.SECRETS).filter(pk=int(account_id)).first()
    venue = _venue(account) if account is not None else None
    known = portfolio.known_balances(account) if account is not None else None
    if account is None or venue is None or known is None:
        return None
    try:
        market = venues.shared_market(venue)
    except AppError:  # the page says so where it shows prices
        return None
    return money(value_portfolio(known.balances, account.quote, market.prices, market.info).nav)
