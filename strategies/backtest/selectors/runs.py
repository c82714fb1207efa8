"""Reads of back-tests. `run_of` is the only door to a row on behalf of a user."""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import Conflict, NotFound
from strategies.backtest.domain import RunSettings
from strategies.backtest.models import BacktestDetail, BacktestRun
from strategies.models import Strategy

# A worker that was not heard of for so long has died: it says so a few times a second while it computes.
SILENT_FOR = timedelta(seconds=60)
MOST_BEGUN = 50

State = BacktestRun.State


class StoredTrade(NamedTuple):
    """One fill as it is kept. Decimals as texts; `fee` is in `fee_asset`; `order` numbers the order it is of. `counter`
    is the coin it was traded for, and its price is in, "" for the quote; `notional` is in the quote.
    """

    at_ms: int
    order: int
    symbol: str
    asset: str
    side: str
    price: str
    quantity: str
    notional: str
    fee: str
    fee_asset: str
    is_maker: bool
    counter: str = ""


def runs_of(user: User) -> QuerySet[BacktestRun]:
    """The user's back-tests, the newest first."""
    return BacktestRun.objects.filter(user=user).select_related("strategy", "account").order_by("-id")


def run_of(user: User, run_id: int) -> BacktestRun:
    """The user's back-test, or NotFound: another's looks like none."""
    run = runs_of(user).filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no such back-test."))
    return run


def done_run_of(user: User, run_id: int) -> BacktestRun:
    """The user's back-test with its outcome; Conflict(backtest_not_done) where it has none."""
    run = run_of(user, run_id)
    if run.state != State.DONE:
        raise Conflict(
            _("This back-test has no result: it is %(state)s.") % {"state": run.get_state_display()},
            code="backtest_not_done",
        )
    return run


def settings_of(run: BacktestRun) -> RunSettings:
    """What was asked for, typed. Conflict where another version of this program wrote it down."""
    try:
        return RunSettings.from_json(run.settings)
    except (KeyError, ValueError) as error:
        text = _(
            "Another version of this program wrote down the settings of this back-test (%(details)s). Set it up again."
        )
        raise Conflict(text % {"details": error}) from error


def strategy_by_number(strategy_id: int) -> Strategy:
    """Anybody's strategy, for the operator's command; NotFound where there is none."""
    rows = Strategy.objects.filter(pk=strategy_id, archived_at=None).select_related("account")
    strategy = rows.prefetch_related("allocations").first()
    if strategy is None:
        raise NotFound(_("There is no such strategy."))
    return strategy


def series_of(run: BacktestRun) -> dict[str, Any]:
    """The curves of a done back-test: see `services.outcome.series_body`. Empty where there are none."""
    packed = BacktestDetail.objects.filter(run=run).values_list("series", flat=True).first()
    return {} if packed is None else unpacked(packed)


def trades_of(run: BacktestRun) -> Sequence[StoredTrade]:
    """Every fill of a done back-test, oldest first: a sequence, so that it can be shown in pages."""
    packed = BacktestDetail.objects.filter(run=run).values_list("trades", flat=True).first()
    return [] if packed is None else [StoredTrade(*row) for row in unpacked(packed)]


def packed(body: Any) -> bytes:
    """JSON, compressed."""
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 6)


def unpacked(data: bytes | memoryview) -> Any:
    return json.loads(zlib.decompress(bytes(data)))


# --- whose turn it is --------------------------------------------------------------------------------------


def claimable(now: datetime) -> Q:
    """Runs that a worker may take: waiting ones, and those whose worker has died."""
    return Q(state=State.QUEUED) | Q(state=State.RUNNING, beat_at__lt=now - SILENT_FOR)


def due_runs(now: datetime) -> list[int]:
    """Numbers of the runs a worker may take, the longest waiting first."""
    return list(BacktestRun.objects.filter(claimable(now)).order_by("pk").values_list("pk", flat=True)[:MOST_BEGUN])


def count_running(now: datetime) -> int:
    """How many are being computed by workers that are alive."""
    return BacktestRun.objects.filter(state=State.RUNNING, beat_at__gte=now - SILENT_FOR).count()


def known_run(user: User, idempotency_key: str) -> BacktestRun | None:
    """The run that was created with this key."""
    return runs_of(user).filter(idempotency_key=idempotency_key).first() if idempotency_key else None
