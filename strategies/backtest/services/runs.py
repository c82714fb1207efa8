"""The life of a back-test: created, claimed by one worker, told how far it is, ended."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services as accounts
from accounts.models import User
from botbalance.lib.away import AWAY
from botbalance.lib.errors import AppError, Conflict, Invalid, NotFound
from botbalance.lib.numbers import count
from exchanges.models import ExchangeAccount
from portfolio import services as portfolio
from strategies.backtest import quotas
from strategies.backtest.domain import RunSettings
from strategies.backtest.engine.simulation import Cancelled, run_backtest
from strategies.backtest.models import BacktestDetail, BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.services import outcome, reading, scenarios
from strategies.models import Strategy

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
LONGEST_NAME = 80
LONGEST_KEY = 100
# So often a running back-test writes how far it is, and looks whether it is to end: a cancel is heeded within a second.
TELL_MS = 300

State = BacktestRun.State


@dataclass(frozen=True, slots=True)
class Creation:
    """A back-test, and whether it was created now or is the one its idempotency key named before."""

    run: BacktestRun
    created: bool


class _LostClaim(Exception):
    """Another worker has taken the run over, or it was deleted."""


class _TooLong(Exception):
    """It has taken as long as one may take."""


# --- creating, cancelling, deleting -------------------------------------------------------------------------


def create_run(
    user: User,
    values: Mapping[str, Any],
    *,
    strategy: Strategy | None = None,
    account: ExchangeAccount | None = None,
    with_holdings: bool = False,
    name: str = "",
    idempotency_key: str = "",
) -> Creation:
    """A back-test that waits for a worker; have one begin at once with `tasks.begin_soon`.

    `values` are those of `reading.read`; what they leave out is the strategy's. `with_holdings`: it begins with what
    the account (or the strategy's) holds now, exactly as known, in place of cash and holdings of `values`. The rules
    are those of the account's venue. The same `idempotency_key` gives the same run.

    Raises Invalid with field messages, Conflict(too_many_backtests), or an ExchangeError where balances cannot be read.
    """
    if len(idempotency_key) > LONGEST_KEY or "\0" in idempotency_key:  # which PostgreSQL cannot keep
        raise Invalid(_("An idempotency key has at most 100 characters, and no null character."))
    known = _known(user, idempotency_key, strategy)
    if known is not None:
        return Creation(known, created=False)
    account = account or (strategy.account if strategy is not None else None)
    values = dict(values)
    if with_holdings:
        if account is None:
            text = _("Choose the account whose holdings it begins with.")
            raise Invalid(_("Some fields need your attention."), fields={"account": [text]})
        values |= holdings_of(account, str(values.get("quote") or (strategy.quote if strategy else account.quote)))
    settings = reading.read(values, strategy)
    name = name.strip() or (strategy.name if strategy is not None else _("Back-test"))
    if len(name) > LONGEST_NAME:
        text = _("At most %(most)s characters.") % {"most": LONGEST_NAME}
        raise Invalid(_("Some fields need your attention."), fields={"name": [text]})
    try:
        return Creation(_write(user, settings, strategy, account, name, idempotency_key), created=True)
    except IntegrityError:
        known = _known(user, idempotency_key, strategy)  # a second click, or a retried request, was faster
        if known is None:
            raise
        return Creation(known, created=False)


def _known(user: User, idempotency_key: str, strategy: Strategy | None) -> BacktestRun | None:
    """The run that was created with this key; Conflict where that was for another strategy."""
    known = selectors.known_run(user, idempotency_key)
    if known is not None and strategy is not None and known.strategy_id not in (None, strategy.pk):
        raise Conflict(_("This idempotency key was used for another strategy."), code="idempotency_key_reused")
    return known


def holdings_of(account: ExchangeAccount, quote: str) -> dict[str, Any]:
    """What the account holds, free and locked, as values of a back-test. Raises an AppError where it is not known."""
    balances = portfolio.balances_for_display(account).balances
    held = {row.asset: row.free + row.locked for row in balances if row.free + row.locked > 0}
    cash = held.pop(quote.strip().upper(), Decimal(0))
    return {"start_cash": cash, "start_holdings": held}


def _write(
    user: User,
    settings: RunSettings,
    strategy: Strategy | None,
    account: ExchangeAccount | None,
    name: str,
    idempotency_key: str,
) -> BacktestRun:
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # one after another, or the count is out of date
        rows = BacktestRun.objects.filter(user=user)
        waiting, most_waiting = rows.filter(state__in=BacktestRun.ACTIVE).count(), quotas.waiting_per_user()
        if waiting >= most_waiting:
            text = _("%(count)s of your back-tests are waiting or running, the most there can be. Wait, or cancel one.")
            raise Conflict(text % {"count": waiting}, code="too_many_backtests")
        kept, most_kept = rows.count(), quotas.kept_per_user()
        if kept >= most_kept:
            text = _("%(count)s of your back-tests are kept, the most there can be. Delete some that you do not need.")
            raise Conflict(text % {"count": kept}, code="too_many_backtests")
        return BacktestRun.objects.create(
            user=user,
            strategy=strategy,
            account=account,
            name=name,
            settings=settings.to_json(),
            interval=settings.interval,
            from_at=settings.begins,
            to_at=settings.ends,
            idempotency_key=idempotency_key or None,
        )


def run_again(run: BacktestRun) -> BacktestRun:
    """A new back-test with the same settings, on the candles there are now. Raises as `create_run`."""
    values = reading.values_of(selectors.settings_of(run))
    settings = reading.read({name: value for name, value in values.items() if name in reading.defaults()})
    return _write(run.user, settings, run.strategy, run.account, run.name, "")


def rename_run(run: BacktestRun, name: str) -> BacktestRun:
    """Call it something else. Raises Invalid."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or "\0" in name:
        text = _("Give it a name of 1 to %(most)s characters.") % {"most": LONGEST_NAME}
        raise Invalid(_("Some fields need your attention."), fields={"name": [text]})
    BacktestRun.objects.filter(pk=run.pk).update(name=name)
    run.name = name
    return run


def cancel_run(run: BacktestRun) -> BacktestRun:
    """End it: at once where nobody computes it, else its worker ends it within a second.

    Raises Conflict(backtest_over) where it has ended already, NotFound where it was deleted meanwhile.
    """
    now = timezone.now()
    rows = BacktestRun.objects.filter(pk=run.pk)
    ended = rows.filter(selectors.claimable(now)).update(
        state=State.CANCELLED, cancel_requested=True, finished_at=now, claim=""
    )
    is_heard = ended or rows.filter(state=State.RUNNING).update(cancel_requested=True)
    try:
        run.refresh_from_db()
    except BacktestRun.DoesNotExist:
        raise NotFound(_("There is no such back-test.")) from None
    if not is_heard and run.state != State.CANCELLED:
        raise Conflict(_("This back-test has ended already."), code="backtest_over")
    return run


def delete_run(run: BacktestRun) -> None:
    """Delete it with its outcome, whatever its state: a worker that computes it notices and stops."""
    run.delete()


# --- computing ---------------------------------------------------------------------------------------------


def execute_run(run_id: int) -> bool:
    """Claim a back-test that waits, and compute it; False where there is nothing to claim, or no room at the moment.

    Never raises for what is wrong with the back-test: the row says what it was. Raises what the database raises when it
    cannot be reached: the run is then claimed again later.
    """
    claim = _claim(run_id)
    if claim is None:
        return False
    run = BacktestRun.objects.select_related("user", "account").filter(pk=run_id, claim=claim).first()
    if run is None:
        return False  # deleted meanwhile
    if run.attempts > MOST_ATTEMPTS:
        _end(run, claim, State.FAILED, _died_text(run))
        return True
    with accounts.speaking_to(run.user):
        _compute(run, claim)
    return True


def _claim(run_id: int) -> str | None:
    now, claim = timezone.now(), uuid4().hex
    if selectors.count_running(now) >= quotas.at_once():
        return None
    claimed = (
        BacktestRun.objects.filter(selectors.claimable(now), pk=run_id, cancel_requested=False)
        .update(state=State.RUNNING, claim=claim, attempts=F("attempts") + 1, started_at=now, beat_at=now)
    )  # fmt: skip
    if claimed:
        return claim
    # A worker has died with it after its owner had cancelled it.
    BacktestRun.objects.filter(selectors.claimable(now), pk=run_id, cancel_requested=True).update(
        state=State.CANCELLED, finished_at=now, claim=""
    )
    return None


def _compute(run: BacktestRun, claim: str) -> None:
    teller = _Teller(run.pk, claim)
    try:
        settings = selectors.settings_of(run)
        inputs = scenarios.prepare(settings, run.account)
        teller.tell(0, len(inputs.history))
        result = run_backtest(inputs.history, inputs.scenario, on_progress=teller)
        teller.tell(len(inputs.history), len(inputs.history))
        found = outcome.outcome_of(result, inputs.bitcoin, inputs.notes)
        _finish(run, claim, found)
    except Cancelled:
        _end(run, claim, State.CANCELLED)
    except _LostClaim:
        logger.info("back-test %s was taken over or deleted while it was computed", run.pk)
    except _TooLong:
        text = _("It took longer than %(seconds)s seconds. Choose longer candles, a shorter time or a wider band.")
        _end(run, claim, State.FAILED, text % {"seconds": count(quotas.most_seconds())})
    except AWAY:
        raise
    except AppError as error:
        _end(run, claim, State.FAILED, error.message)
    except ValueError as error:
        logger.warning("back-test %s cannot be tried", run.pk, exc_info=error)
        _end(run, claim, State.FAILED, _("It cannot be tried with these settings: %(error)s.") % {"error": error})
    except Exception as error:
        # Of our own making: the row must not wait for ever, and the log has what happened.
        logger.exception("back-test %s failed", run.pk, exc_info=error)
        text = _("An error of this program ended it; its operator finds it in the log, under back-test %(number)s.")
        _end(run, claim, State.FAILED, text % {"number": run.pk})


def _finish(run: BacktestRun, claim: str, found: outcome.Outcome) -> None:
    with transaction.atomic():
        if not _end(run, claim, State.DONE, summary=found.summary):
            return
        BacktestDetail.objects.update_or_create(
            run_id=run.pk,
            defaults={
                "series": selectors.packed(found.series),
                "trades": selectors.packed(found.trades),
                "trade_count": found.trade_count,
            },
        )


def _end(run: BacktestRun, claim: str, state: str, problem: str = "", summary: Any = None) -> bool:
    """Write the end down, if the run still is this worker's."""
    ended = BacktestRun.objects.filter(pk=run.pk, claim=claim, state=State.RUNNING).update(
        state=state, problem=problem, summary=summary, finished_at=timezone.now(), claim=""
    )
    return bool(ended)


def _died_text(run: BacktestRun) -> str:
    with accounts.speaking_to(run.user):
        return _(
            "The worker that computed it died %(count)s times; it may need more memory than there is. "
            "Choose longer candles or a shorter time."
        ) % {"count": MOST_ATTEMPTS}


class _Teller:
    """Tells the row how far its run is, that its worker lives, and the run whether it is to end."""

    def __init__(self, run_id: int, claim: str) -> None:
        self._mine = BacktestRun.objects.filter(pk=run_id, claim=claim, state=State.RUNNING)
        self._begun = self._told = _ticking_ms()

    def __call__(self, done: int, rows: int) -> None:
        if _ticking_ms() - self._told >= TELL_MS:
            self.tell(done, rows)

    def tell(self, done: int, rows: int) -> None:
        """Raises Cancelled, _LostClaim or _TooLong."""
        self._told = _ticking_ms()
        if not self._mine.update(rows_done=done, rows_total=rows, beat_at=timezone.now()):
            raise _LostClaim
        if self._mine.filter(cancel_requested=True).exists():
            raise Cancelled
        if self._told - self._begun > quotas.most_seconds() * 1000:
            raise _TooLong


def _ticking_ms() -> int:
    """Milliseconds of a clock that is never set back."""
    return time.monotonic_ns() // 1_000_000
