"""What a worker does with the pieces of a sweep: settings tried, the best judged, other pasts tried, all put together.

Every piece is computed from the sweep's row and the candles alone, so it comes out the same whoever does it, and doing
it twice does no harm.
"""

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import services as accounts
from botbalance.lib.away import AWAY
from botbalance.lib.errors import AppError
from strategies.backtest.engine.simulation import Cancelled
from strategies.backtest.models.sweeps import Sweep, SweepChunk
from strategies.backtest.services import monte_carlo, sweep_claims, sweep_verdict
from strategies.backtest.services.sweep_ground import Ground, Moved, ground_of, search_of
from strategies.backtest.sweeping.packing import pack
from strategies.backtest.sweeping.parameters import Setting
from strategies.backtest.sweeping.trying import Grid, try_setting

logger = logging.getLogger(__name__)

NAP_SECONDS = 0.2
# So often a worker says that it lives, and asks whether it is still wanted.
BEAT_SECONDS = 1.0
Stage = SweepChunk.Stage


@dataclass(slots=True)
class Bench:
    """What a worker keeps from one piece to the next."""

    sweep: Sweep
    ground: Ground
    grid: Grid
    settings: list[Setting]
    pool: monte_carlo.Paths | None = field(default=None)

    @classmethod
    def of(cls, sweep: Sweep) -> "Bench":
        ground = ground_of(sweep)
        return cls(sweep, ground, ground.grid(), search_of(sweep).settings())


def work(sweep_id: int, worker: str, *, is_wanted: Callable[[], bool] = lambda: True) -> int:
    """Do pieces of a sweep until none is left, or `is_wanted` says no; how many were done. `worker` names the claimer.

    Where the rest is in other hands it waits for it, in case they let it fall.
    """
    sweep = Sweep.objects.select_related("user").get(pk=sweep_id)
    with accounts.speaking_to(sweep.user) if sweep.user is not None else nullcontext():
        return _work(sweep_id, worker, is_wanted)


def _work(sweep_id: int, worker: str, is_wanted: Callable[[], bool]) -> int:
    bench, done = None, 0
    while is_wanted():
        chunk = sweep_claims.claim(sweep_id, worker)
        if chunk is None:
            if not Sweep.objects.filter(pk=sweep_id, state__in=Sweep.ACTIVE).exists():
                return done
            time.sleep(NAP_SECONDS)
            continue
        try:
            bench = bench or Bench.of(Sweep.objects.get(pk=sweep_id))
            result = _do(bench, chunk, _Beat(chunk, worker, is_wanted))
        except Cancelled:
            sweep_claims.release(sweep_id, worker, has_died=False)
            continue
        except Moved:
            sweep_claims.fail(sweep_id, _("The candles have changed since the sweep began. Begin a new one."))
            return done
        except AWAY:
            raise
        except AppError as error:
            sweep_claims.fail(sweep_id, error.message)
            return done
        except ValueError as error:
            logger.exception("sweep %s cannot be tried", sweep_id)
            sweep_claims.fail(sweep_id, _("It cannot be tried: %(reason)s.") % {"reason": str(error)})
            return done
        except Exception:
            sweep_claims.fail(sweep_id, _("Something unexpected went wrong; the server's log says what."))
            raise
        with transaction.atomic():
            is_kept = sweep_claims.complete(chunk, worker, result)
            if is_kept and chunk.stage == Stage.FINISH:
                sweep_verdict.close(sweep_id, result)
        done += is_kept
    return done


class _Beat:
    """Told of progress, it renews the claim now and then; Cancelled where it is lost, or the worker has to stop."""

    def __init__(self, chunk: SweepChunk, worker: str, is_wanted: Callable[[], bool]) -> None:
        self.chunk, self.worker, self.is_wanted = chunk, worker, is_wanted
        self.last = time.monotonic()

    def __call__(self, _done: int = 0, _all: int = 0) -> None:
        if time.monotonic() - self.last < BEAT_SECONDS:
            return
        if not self.is_wanted() or not sweep_claims.renew(self.chunk, self.worker):
            raise Cancelled
        self.last = time.monotonic()


def _do(bench: Bench, chunk: SweepChunk, beat: _Beat) -> bytes:
    if chunk.stage == Stage.SETTINGS:
        outcomes = []
        for setting in bench.settings[chunk.first : chunk.first + chunk.count]:
            beat()
            outcomes.append(try_setting(bench.grid, bench.ground.scenario(setting), beat))
        return pack(outcomes)
    if chunk.stage == Stage.JUDGE:
        return sweep_verdict.judged(bench.sweep, bench.ground, bench.grid, bench.settings, beat)
    if chunk.stage == Stage.PATHS:
        bench.pool = bench.pool or monte_carlo.Paths.of(bench.ground)
        best = bench.settings[sweep_verdict.best_of(bench.sweep)]
        return bench.pool.tried(bench.ground.scenario(best), bench.sweep.seed, chunk.first, chunk.count, beat)
    return sweep_verdict.put_together(bench.sweep, bench.grid)
