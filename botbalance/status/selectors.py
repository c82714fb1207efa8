"""The facts of the status bar, read in a few queries however much a user has."""

from collections.abc import Iterable, Sequence
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
from botbalance.lib.numbers import money
from botbalance.lib.prepared import NOBODY, Prepared
from botbalance.status.domain import AccountFacts, AutopilotFacts, Because, Facts, ServerFacts, Standstill, Switch
from exchanges import markets, traffic
from exchanges import services as venues
from exchanges.domain import Venue
from exchanges.ledger.pause import BANNED
from exchanges.models import ExchangeAccount
from orders import outlook
from orders.domain import FAILED_RUNS
from orders.models import Run, Tick
from orders.standings import Standing
from portfolio import selectors as portfolio
from portfolio.domain import value_portfolio
from strategies.models import Strategy

SERVER_VENUES = {"mock": "PAPER", "testnet": "TESTNET", "mainnet": "LIVE"}
VENUE_NAMES = {Venue.PAPER: "PAPER", Venue.TESTNET: "TESTNET", Venue.MAINNET: "LIVE"}
FAILED = FAILED_RUNS | {"unreachable", "credentials_refused"}


def facts_of(user: User, server: ServerFacts, standings: Iterable[tuple[Strategy, Standing]]) -> Facts:
    """The facts of the status bar, in two queries beside those of the server's facts and of how autopilots stand."""
    accounts = tuple(_account(row) for row in _ACCOUNTS.rows(user.pk))
    labels = {account.id: account.label for account in accounts}
    autopilots = []
    for strategy, standing in standings:
        state, reason = outlook.state_of(strategy, standing)
        if state != outlook.State.OFF:
            autopilots.append(_autopilot(strategy, labels.get(strategy.account_id, ""), standing, state, reason))
    return Facts(
        at=timezone.now(),
        server=server,
        accounts=accounts,
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


def _account(row: Sequence[Any]) -> AccountFacts:
    number, label, on, key_tail, state, state_reason, newest_run = row
    venue, run = _venue(on, has_own_keys=bool(key_tail)), newest_run or {}
    ended = run.get("finished_at")
    return AccountFacts(
        id=number,
        label=label,
        venue=VENUE_NAMES[venue] if venue else "",
        state=state,
        state_reason=state_reason,
        run=run.get("id", 0),
        run_is_active=run.get("state") == Run.State.ACTIVE,
        run_problem=run.get("problem", ""),
        run_failed=run.get("state") == Run.State.STOPPED and run.get("reason_code") in FAILED,
        run_ended_at=_moment(ended) if ended else None,
    )


def _venue(on: str, *, has_own_keys: bool) -> Venue | None:
    return venues.venue_by(on_paper=on == ExchangeAccount.Venue.PAPER, has_own_keys=has_own_keys)


def _moment(text: str) -> datetime | None:
    """A time inside of JSON; one without a zone is UTC."""
    moment = parse_datetime(text)
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _accounts() -> QuerySet[Any, Any]:
    """The accounts with their newest rebalance."""
    runs = Run.objects.filter(account=OuterRef("pk")).order_by("-id")
    names = ("id", "state", "reason_code", "problem", "finished_at")
    newest = runs.values(all=JSONObject(**{name: F(name) for name in names}))
    rows = ExchangeAccount.objects.filter(user=NOBODY, archived_at=None).order_by("id")
    return rows.annotate(newest_run=Subquery(newest[:1])).values_list(
        "pk", "label", "venue", "key_tail", "status", "status_reason", "newest_run"
    )


_ACCOUNTS = Prepared(_accounts)


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


def worth_of(user_id: int, account_id: str) -> str | None:
    """What one account is worth by the balances and prices that are known, as pages show it; None where that is not
    known, or it is none of the user's. One query.
    """
    found = next((row for row in _HELD.rows(user_id) if str(row[0]) == account_id), None)
    if found is None:
        return None
    _number, on, key_tail, quote, balances = found
    venue = _venue(on, has_own_keys=bool(key_tail))
    if venue is None or balances is None:
        return None
    try:
        market = venues.shared_market(venue)
    except AppError:  # the page says so where it shows prices
        return None
    return money(value_portfolio(portfolio.from_json(balances), quote, market.prices, market.info).nav)


_HELD = Prepared(
    lambda: ExchangeAccount.objects.filter(user=NOBODY, archived_at=None).values_list(
        "pk", "venue", "key_tail", "quote", "balances__balances"
    )
)
