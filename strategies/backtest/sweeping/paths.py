"""Pasts that might as well have been, as histories the engine can walk through: whole candles of all assets together,
drawn in blocks from the real ones. Pure.

What is drawn are candles as factors of the close before them, the same rows for every asset, so that ranges, gaps and
what assets do together stay what they were. A path begins with the real first closes, has the times of the real rows,
and its prices are rounded to whole units of what their candles are counted in.
"""

from dataclasses import replace
from math import log10

import numpy as np
import numpy.typing as npt

from exchanges.candles.columns import CandleColumns
from strategies.backtest.engine.history import History
from strategies.backtest.statistics.bootstrap import block_length, drawn_rows

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Finer than the candles by so many digits, so that what falls to a hundredth is not rounded by percents; and never so
# large a number of units that a float cannot hold it.
MORE_PLACES = 4
LARGEST = 2.0**53
MOST_PLACES = 18
LEAST_ROWS = 200


class Pool:
    """Where paths are drawn from: the rows of a history in which every asset has a candle of its own.

    ValueError where fewer than 200 rows are so: there would be next to nothing to draw from.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        complete: Flags = np.ones(len(history), np.bool_)
        complete[history.incomplete_rows] = False
        # A candle's factors need the close before it: of the first row there is none.
        follows = np.flatnonzero(complete[1:] & (history.closes[:, :-1] > 0).all(axis=0)) + 1
        if len(follows) < LEAST_ROWS:
            raise ValueError(
                f"only {len(follows)} rows have candles of every asset; at least {LEAST_ROWS} are needed to draw from"
            )
        self._before = history.closes[:, follows - 1]
        self._units = [
            [self._column(place, name, follows) for name in ("open", "high", "low", "close")]
            for place in range(len(history.series))
        ]
        self._volumes = [self._raw(place, "volume", follows) for place in range(len(history.series))]
        self.rows = len(follows)
        self._start = history.closes[:, follows[0] - 1]
        chained = np.vstack([np.ones(len(history.series)), np.cumprod(self._factors_of_closes().T, axis=0)])
        self.block = min(max(block_length(chained), 1.0), float(self.rows))

    def path(self, seed: int, number: int) -> History:
        """Path `number` of the seed: the same in every process, and whatever other paths are made."""
        history = self.history
        drawn = drawn_rows(self.rows, len(history), block=self.block, seed=seed, number=number)
        series = []
        for place, one in enumerate(history.series):
            before = self._before[place, drawn]
            open_, high, low, close = (column[drawn] / before for column in self._units[place])
            closes = self._start[place] * np.cumprod(close)
            previous = np.append(self._start[place], closes[:-1])
            columns = _columns(
                one.columns,
                history.close_ms - history.interval_ms,
                (previous * open_, previous * high, previous * low, closes),
                self._volumes[place][drawn],
            )
            series.append(replace(one, columns=columns, places=None, present=None, first=0, last=len(history) - 1))
        return History(history.quote, history.interval_ms, history.close_ms, tuple(series))

    def _factors_of_closes(self) -> Floats:
        closes = np.array([columns[3] for columns in self._units])
        factors: Floats = closes / self._before
        return factors

    def _raw(self, place: int, name: str, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        series = self.history.series[place]
        found: npt.NDArray[np.int64] = getattr(series.columns, name)[
            rows if series.places is None else series.places[rows]
        ]
        return found

    def _column(self, place: int, name: str, rows: npt.NDArray[np.intp]) -> Floats:
        """Prices as floats, rows long."""
        found: Floats = self._raw(place, name, rows) / 10.0 ** self.history.series[place].columns.price_places
        return found


def _columns(
    like: CandleColumns, times: npt.NDArray[np.int64], prices: tuple[Floats, ...], volume: npt.NDArray[np.int64]
) -> CandleColumns:
    """Candles of these prices in whole units; a price never falls to nothing."""
    highest = max(float(price.max()) for price in prices)
    places = min(like.price_places + MORE_PLACES, MOST_PLACES, max(0, int(log10(LARGEST / max(highest, 1e-300)))))
    open_, high, low, close = (np.clip(np.rint(price * 10.0**places), 1, LARGEST).astype(np.int64) for price in prices)
    return CandleColumns(
        like.symbol, like.interval_ms, places, like.volume_places, times, open_, high, low, close, volume
    )
