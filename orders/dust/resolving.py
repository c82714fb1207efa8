"""What became of a conversion whose answer was lost: asked of the exchange's own record, never sent again."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services as accounts
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from botbalance.lib.money import ZERO, exact, plain
from exchanges import services as exchanges
from exchanges.domain import DustConversion, DustLine
from exchanges.errors import CredentialsRefused
from exchanges.models import ExchangeAccount
from orders.dust import selectors
from orders.dust.domain import matching
from orders.dust.models import DustSweep
from portfolio import services as portfolio

logger = logging.getLogger(__name__)

EARLY_MS = 10_000
"""How far the exchange's time of a conversion may lie before ours of its sending."""
UNSENT_FOR = timedelta(minutes=1)
"""An intent that has not been sent by then never will be: its process has died."""
MISSING_MS = 120_000
"""So long after it can be accepted no more the exchange's record is believed to be whole."""


def resolve_sweep(account: ExchangeAccount) -> str:
    """Find out what became of the account's unresolved conversion; "" or what could not be found out. Raises nothing
    that an exchange can cause.
    """
    sweep = selectors.unresolved(account.pk)
    if sweep is None:
        return ""
    if sweep.state == DustSweep.State.PENDING:
        if timezone.now() - sweep.created_at > UNSENT_FOR:
            fail(sweep, _("It was not sent."), only_from=DustSweep.State.PENDING)
        return ""
    try:
        with accounts.speaking_to(account.user):
            _ask(sweep, account)
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        return error.message
    except AppError as error:
        logger.warning("account %s: conversion %s: %s", account.pk, sweep.pk, error.message)
        return error.message
    return ""


def _ask(sweep: DustSweep, account: ExchangeAccount) -> None:
    adapter = exchanges.adapter_for(account)
    now = now_ms()
    since = sweep.sent_ms - EARLY_MS
    found = adapter.dust_history(since, now + EARLY_MS)
    conversion = matching(found, sweep.assets, since, selectors.known_transactions(account))
    if conversion is not None:
        finish(sweep, conversion)
    elif now - sweep.sent_ms > adapter.recv_window_ms + MISSING_MS:
        fail(sweep, _("The answer was lost, and the exchange has no record of it: nothing was converted."))


def finish(sweep: DustSweep, conversion: DustConversion) -> bool:
    """Write down what was converted; False when somebody else has said what became of it."""
    with exact():
        received = sum((line.received for line in conversion.lines), ZERO)
        charge = sum((line.charge for line in conversion.lines), ZERO)
    return _end(
        sweep,
        DustSweep.UNRESOLVED,
        state=DustSweep.State.DONE,
        transaction_id=conversion.transaction_id,
        lines=_stored(conversion.lines),
        received=received,
        charge=charge,
        executed_at=datetime.fromtimestamp(conversion.time_ms / 1000, tz=UTC),
        problem="",
    )


def fail(sweep: DustSweep, problem: str, only_from: DustSweep.State | None = None) -> bool:
    """Write down that nothing was converted, and why."""
    states = DustSweep.UNRESOLVED if only_from is None else (only_from,)
    return _end(sweep, states, state=DustSweep.State.FAILED, problem=problem[:400])


def _end(sweep: DustSweep, states: Iterable[DustSweep.State], **values: object) -> bool:
    now = timezone.now()
    with transaction.atomic():
        rows = DustSweep.objects.filter(pk=sweep.pk, state__in=list(states))
        ended = bool(rows.update(finished_at=now, updated_at=now, **values))
    sweep.refresh_from_db()
    if ended:
        logger.info("conversion %s of account %s: %s", sweep.pk, sweep.account_id, sweep.state)
        _read_balances(sweep)
    return ended


def _read_balances(sweep: DustSweep) -> None:
    """Whoever looks next sees what there is now. Where it cannot be read it is read by the next look."""
    if sweep.state != DustSweep.State.DONE:
        return
    try:
        portfolio.read_balances(sweep.account)
    except AppError as error:
        logger.info("account %s: balances not read after a conversion: %s", sweep.account_id, error.message)


def _stored(lines: Iterable[DustLine]) -> list[dict[str, str]]:
    return [
        {
            "asset": line.asset,
            "amount": plain(line.amount),
            "received": plain(line.received),
            "charge": plain(line.charge),
        }
        for line in lines
    ]
