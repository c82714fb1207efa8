"""What the candles of a back-test were like: halts, gaps, coins listed late and gone early. Pure."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from strategies.backtest.engine.history import History
from strategies.backtest.figures.study import moment_of


@dataclass(frozen=True, slots=True)
class Halt:
    """A time without a candle of any asset: nothing was seen, and nothing happened."""

    from_at: datetime
    to_at: datetime
    candles: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """One asset's candles: its first and last, and rows between them in which others had one and it had none.

    `came_late`: it was listed after the first row. `ended_early`: it has no candle in the last one, so that it could
    not be sold any more, and is valued at its last close.
    """

    asset: str
    first_at: datetime
    last_at: datetime
    missing: int
    came_late: bool
    ended_early: bool


@dataclass(frozen=True, slots=True)
class Happenings:
    halts: tuple[Halt, ...]
    assets: tuple[Coverage, ...]


def happenings_of(history: History) -> Happenings:
    """Halts, the longest first, and the coverage of each asset by name. Times are those at which candles end."""
    close_ms = history.close_ms
    steps = np.diff(close_ms)
    halts = [
        Halt(
            moment_of(int(close_ms[row])),
            moment_of(int(close_ms[row + 1]) - history.interval_ms),
            int(steps[row]) // history.interval_ms - 1,
        )
        for row in np.flatnonzero(steps > history.interval_ms).tolist()
    ]
    rows = len(history)
    assets = []
    for series in history.series:
        has = rows if series.present is None else int(series.present.sum())
        assets.append(
            Coverage(
                series.asset,
                moment_of(int(close_ms[series.first])),
                moment_of(int(close_ms[series.last])),
                series.last - series.first + 1 - has,
                series.first > 0,
                series.last < rows - 1,
            )
        )
    return Happenings(tuple(sorted(halts, key=lambda halt: (-halt.candles, halt.from_at))), tuple(assets))
