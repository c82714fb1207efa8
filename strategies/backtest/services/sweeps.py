"""The life of a sweep: estimated, created, cancelled, taken up again, deleted."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import Conflict, Invalid, NotFound
from botbalance.lib.numbers import count, in_words
from exchanges.models import ExchangeAccount
from strategies.backtest import sweep_quotas
from strategies.backtest.domain import RunSettings
from strategies.backtest.engine.scenario import Scenario
from strategies.backtest.engine.simulation import Cancelled
from strategies.backtest.models.sweeps import Sweep, SweepChunk
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import scenarios
from strategies.backtest.services.sweep_ground import Ground, fingerprint_of, rules_to_json
from strategies.backtest.sweeping.judging import LEAST_DAYS, Objective
from strategies.backtest.sweeping.parameters import MOST_SETTINGS, PROBLEMS, Setting, SpaceError
from strategies.backtest.sweeping.spaces import Search, idle_parameters, impossible
from strategies.backtest.sweeping.trying import DAY_MS, Grid, try_setting
from strategies.models import Strategy

LONGEST_NAME = 80
LONGEST_KEY = 100
MOST_WINDOWS = 12
MOST_HELD_OUT_PCT = 50
MOST_SEED = 2**31 - 1
SETTINGS_A_PIECE = 10
PATHS_A_PIECE = 5
# An estimate tries this many settings, each for so long at most.
SAMPLES = 3
SAMPLE_NS = 1_500_000_000
# Reading the candles of a sweep takes seconds and memory of the process that answers everybody.
LONGEST_WAIT_SECONDS = 2
_ONE_AT_A_TIME = BoundedSemaphore()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep is asked to do, beside the settings it begins from.

    `held_out_pct` of the time is kept out of every choice; `windows` of the walk forward and `paths` of other pasts may
    be 0 for none.
    """

    search: Search
    objective: Objective = Objective.SHARPE
    held_out_pct: int = 20
    windows: int = 5
    paths: int = 200
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much work a sweep is: `seconds` with so many `processes` of this machine to itself."""

    settings: int
    seconds: int
    processes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Creation:
    """A sweep, and whether it was created now or is the one its idempotency key named before."""

    sweep: Sweep
    created: bool


def estimate(settings: RunSettings, plan: Plan, *, processes: int | None = None) -> Estimate:
    """Try a few settings, and reckon. Raises as `create_sweep`."""
    tried = check(settings, plan)
    places = sorted({0, len(tried) // 2, len(tried) - 1})[:SAMPLES]
    with one_at_a_time():
        ground, _notes, _cut = _ground(settings, plan, None)
        grid = ground.grid()
        spent = sum(_nanoseconds(grid, ground.scenario(tried[place])) for place in places)
    processes = processes or sweep_quotas.processes()
    each = spent / len(places) / 10**9
    seconds = each * (len(tried) + plan.paths + 3) / processes
    return Estimate(len(tried), math.ceil(seconds), processes, len(ground.tried))


def create_sweep(
    user: User | None,
    settings: RunSettings,
    plan: Plan,
    *,
    strategy: Strategy | None = None,
    account: ExchangeAccount | None = None,
    name: str = "",
    idempotency_key: str = "",
) -> Creation:
    """A sweep that waits for workers; have them begin at once with `sweep_tasks.begin_soon`.

    The rules are those of the account's venue (the strategy's account where none is given) as they are now. Without a
    user it is the command line's, and only that works on it. The same `idempotency_key` gives the same sweep.

    Raises Invalid with field messages, Conflict(too_many_sweeps), Conflict(looking_at_candles) where another's candles
    are being read, or another AppError where candles cannot be.
    """
    if len(idempotency_key) > LONGEST_KEY or "\0" in idempotency_key:  # which PostgreSQL cannot keep
        raise Invalid(_("An idempotency key has at most 100 characters, and no null character."))
    known = selectors.known_sweep(user, idempotency_key) if user is not None else None
    if known is not None:
        return Creation(known, created=False)
    name = name.strip() or (strategy.name if strategy is not None else _("Sweep"))
    if len(name) > LONGEST_NAME:
        _refuse("name", _("At most %(most)s characters.") % {"most": LONGEST_NAME})
    tried = check(settings, plan, limit=sweep_quotas.most_settings() if user is not None else MOST_SETTINGS)
    account = account or (strategy.account if strategy is not None else None)
    if user is not None:
        _check_waiting(user)  # before candles are read for nothing
    with one_at_a_time():
        ground, notes, held_out_ms = _ground(settings, plan, account)
    sweep = Sweep(
        user=user,
        strategy=strategy,
        name=name,
        settings=settings.to_json(),
        space=plan.search.to_json(),
        rules=rules_to_json(ground.info),
        notes=notes,
        fingerprint=fingerprint_of(ground.whole),
        objective=plan.objective.value,
        held_out_ms=held_out_ms,
        windows=plan.windows,
        paths=plan.paths,
        seed=plan.seed,
        settings_total=len(tried),
        idempotency_key=idempotency_key or None,
        created_at=timezone.now(),
    )
    try:
        _write(sweep)
    except IntegrityError:
        known = selectors.known_sweep(user, idempotency_key) if user is not None else None
        if known is None:
            raise
        return Creation(known, created=False)  # a second click, or a retried request, was faster
    return Creation(sweep, created=True)


def check(settings: RunSettings, plan: Plan, *, limit: int | None = None) -> list[Setting]:
    """Every setting the plan tries. Raises Invalid with field messages: those of a parameter under its own name."""
    limits = (
        ("held_out_pct", plan.held_out_pct, 0, MOST_HELD_OUT_PCT),
        ("windows", plan.windows, 0, MOST_WINDOWS),
        ("paths", plan.paths, 0, sweep_quotas.most_paths()),
        ("seed", plan.seed, 0, MOST_SEED),
    )
    for name, value, low, high in limits:
        if not low <= value <= high:
            _refuse(name, _("From %(low)s to %(high)s.") % {"low": count(low), "high": count(high)})
    if plan.windows == 1:
        _refuse("windows", _("One window tells nothing: 0 for no walk forward, or at least 2."))
    try:
        tried = plan.search.settings(limit=limit or sweep_quotas.most_settings())
    except SpaceError as error:
        raise space_problem(error) from None
    for name in idle_parameters(plan.search, str(settings.limits["trigger_mode"])):
        text = _("The autopilot does not read it in the mode it is in: choose another mode, or vary trigger_mode too.")
        _refuse(name, text)
    if impossible(tried, settings.limits) is not None:
        text = _("It must be above order_step_pct in all settings, or orders are priced anew as they are placed.")
        _refuse("reprice_distance_pct", text)
    return tried


def space_problem(error: SpaceError) -> Invalid:
    """What is wrong with what is varied, in the reader's language."""
    text = _(PROBLEMS[error.code]).format(**in_words(error.facts))
    return Invalid(_("Some fields need your attention."), fields={error.field: [text]})


def cancel_sweep(sweep: Sweep) -> Sweep:
    """End it at once: its workers notice within a second or two, and what they find then is not kept.

    Raises Conflict(sweep_over) where it has ended already, NotFound where it was deleted meanwhile.
    """
    with transaction.atomic():
        ended = Sweep.objects.filter(pk=sweep.pk, state__in=Sweep.ACTIVE).update(
            state=Sweep.State.CANCELLED, finished_at=timezone.now()
        )
        if ended:
            SweepChunk.objects.filter(sweep=sweep).delete()
    try:
        sweep.refresh_from_db()
    except Sweep.DoesNotExist:
        raise NotFound(_("There is no such sweep.")) from None
    if not ended and sweep.state != Sweep.State.CANCELLED:
        raise Conflict(_("This sweep has ended already."), code="sweep_over")
    return sweep


def take_up(sweep: Sweep) -> Sweep:
    """Go on with a sweep that was interrupted or has failed; what is done stays done.

    Raises Conflict(sweep_over) where there is nothing to go on with, Conflict(too_many_sweeps) where a failed one
    would be one too many.
    """
    rows = Sweep.objects.filter(pk=sweep.pk, state__in=(*Sweep.ACTIVE, Sweep.State.FAILED))
    with transaction.atomic():
        if sweep.user is not None and rows.filter(state=Sweep.State.FAILED).exists():
            _check_room(sweep.user)
        if not rows.update(state=Sweep.State.RUNNING, problem="", finished_at=None):
            raise Conflict(_("This sweep has ended already."), code="sweep_over")
        SweepChunk.objects.filter(sweep=sweep, is_done=False, claim="").update(attempts=0)
    sweep.refresh_from_db()
    return sweep


def delete_sweep(sweep: Sweep) -> None:
    """Delete it with all it has found, whatever its state: its workers notice and stop."""
    sweep.delete()


def _refuse(name: str, text: str) -> None:
    raise Invalid(_("Some fields need your attention."), fields={name: [text]})


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """While candles of a sweep are looked at, nobody else in this process does so; Conflict after a short wait."""
    if not _ONE_AT_A_TIME.acquire(timeout=LONGEST_WAIT_SECONDS):
        text = _("The server is looking at the candles of another sweep. Try again in a moment.")
        raise Conflict(text, code="looking_at_candles")
    try:
        yield
    finally:
        _ONE_AT_A_TIME.release()


def _ground(settings: RunSettings, plan: Plan, account: ExchangeAccount | None) -> tuple[Ground, dict[str, Any], int]:
    """What it stands on, what must be known of how it was made, and where the held-out time begins (UTC ms)."""
    inputs = scenarios.prepare(settings, account)
    whole = inputs.history
    ends = int(whole.close_ms[-1])
    begins = int(whole.close_ms[0]) - whole.interval_ms
    held_out_ms = ends
    if plan.held_out_pct:
        # At the end of a day, so that the days of the two parts are the same as those of the whole.
        held_out_ms = (ends - (ends - begins) * plan.held_out_pct // 100) // DAY_MS * DAY_MS
    if (held_out_ms - begins) // DAY_MS < LEAST_DAYS:
        text = _("Choose a longer time: at least %(days)s days must be left to choose on.") % {"days": LEAST_DAYS}
        _refuse("from", text)
    ground = Ground(settings, inputs.scenario.info, whole, whole.until(held_out_ms))
    return ground, inputs.notes.to_json(), held_out_ms


def _write(sweep: Sweep) -> None:
    with transaction.atomic():
        user = sweep.user
        if user is not None:
            _check_room(user)
            kept = selectors.sweeps_of(user).count()
            if kept >= sweep_quotas.kept_per_user():
                text = _("%(count)s of your sweeps are kept, the most there can be. Delete some that you do not need.")
                raise Conflict(text % {"count": kept}, code="too_many_sweeps")
        sweep.save()
        pieces = [
            *_pieces(sweep, SweepChunk.Stage.SETTINGS, sweep.settings_total, SETTINGS_A_PIECE),
            *_pieces(sweep, SweepChunk.Stage.JUDGE, 1, 1),
            *_pieces(sweep, SweepChunk.Stage.PATHS, sweep.paths, PATHS_A_PIECE),
            *_pieces(sweep, SweepChunk.Stage.FINISH, 1, 1),
        ]
        SweepChunk.objects.bulk_create(pieces)


def _check_room(user: User) -> None:
    """Conflict where as many sweeps of a user wait or run as there can be; holds the user's row, in a transaction."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # one after another, or the count is wrong
    _check_waiting(user)


def _check_waiting(user: User) -> None:
    waiting = selectors.count_active(user)
    if waiting >= sweep_quotas.waiting_per_user():
        text = _("%(count)s of your sweeps are waiting or running, the most there can be. Wait, or cancel one.")
        raise Conflict(text % {"count": waiting}, code="too_many_sweeps")


def _pieces(sweep: Sweep, stage: SweepChunk.Stage, total: int, size: int) -> list[SweepChunk]:
    return [
        SweepChunk(sweep=sweep, stage=stage, first=first, count=min(size, total - first))
        for first in range(0, total, size)
    ]


def _nanoseconds(grid: Grid, scenario: Scenario) -> int:
    """How long a setting takes; of one that is cut short, what it would have taken at that pace."""
    begun = time.perf_counter_ns()
    reached = [0, 1]

    def beat(done: int, rows: int) -> None:
        reached[:] = done, rows
        if time.perf_counter_ns() - begun > SAMPLE_NS:
            raise Cancelled

    try:
        try_setting(grid, scenario, beat)
    except Cancelled:
        return (time.perf_counter_ns() - begun) * reached[1] // max(reached[0], 1)
    return time.perf_counter_ns() - begun
