"""The best setting of a sweep on other pasts, drawn in blocks from the real one: how much was the path's doing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from strategies.backtest.engine.scenario import Scenario
from strategies.backtest.engine.simulation import Progress
from strategies.backtest.services.sweep_ground import Ground
from strategies.backtest.statistics.bootstrap import PERCENTILES, bands
from strategies.backtest.sweeping.packing import pack_growth, unpack_growth
from strategies.backtest.sweeping.paths import Pool
from strategies.backtest.sweeping.trying import Floats, Grid, try_setting

# Points of the fan that is kept.
MOST_POINTS = 200
# Bands are of growths above 0: one that has lost everything is drawn as this.
NEXT_TO_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Paths:
    """`pool` is None where there is too little to draw from, for the reason `problem`."""

    pool: Pool | None
    problem: str = ""

    @classmethod
    def of(cls, ground: Ground) -> "Paths":
        """Of the past that choices were made on: what is held out stays out of it."""
        try:
            return cls(Pool(ground.tried))
        except ValueError as error:
            return cls(None, str(error))

    def tried(self, scenario: Scenario, seed: int, first: int, count: int, beat: Progress) -> bytes:
        """Growth of the scenario on paths number `first` to `first` + `count` - 1, packed; b"" without a pool."""
        if self.pool is None:
            return b""
        found: list[Floats] = []
        for number in range(first, first + count):
            beat(0, 0)
            found.append(try_setting(Grid.of(self.pool.path(seed, number)), scenario, beat).growth)
        return pack_growth(found)


def fan_of(pieces: list[tuple[int, bytes]], at_ms: list[int]) -> dict[str, Any]:
    """Percentile bands of all paths as JSON, of pieces (count, packed growth) and the moments of a growth."""
    curves = np.concatenate([unpack_growth(body, count) for count, body in pieces if body] or [np.empty((0, 0))])
    if not len(curves):
        return {"problem": _("There are too few complete candles to draw other pasts from.")}
    found = bands(np.maximum(curves, NEXT_TO_NOTHING), points=MOST_POINTS)
    return {
        "problem": "",
        "paths": found.paths,
        "percentiles": list(PERCENTILES),
        "at_ms": [at_ms[row] for row in found.rows.tolist()],
        "growth": found.equity.tolist(),
        "end_value": found.end_value.tolist(),
        "max_drawdown": found.max_drawdown.tolist(),
        "losing": found.losing,
    }
