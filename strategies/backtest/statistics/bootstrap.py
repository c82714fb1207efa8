"""Other pasts that might as well have been: paths made of blocks of the real one, and where a strategy ends on them.

Rows of all assets are kept together, so that correlations stay, and blocks of rows are kept in their order, so that
trends and nervous weeks stay. A path is made of returns, never of prices, and begins with the prices it is given. Every
path has a generator of its own, seeded by (seed, number): path 7 is path 7 in whichever process it is made, and no path
depends on how many there are. What comes out are floats: statistics, and prices that are yet to be rounded to ticks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, isfinite, log10, sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

PERCENTILES = (5, 25, 50, 75, 95)
MOST_POINTS = 400


class Blocks(StrEnum):
    """STATIONARY: lengths vary around the mean, geometrically (Politis, Romano 1994). CIRCULAR: all have one length
    (Politis, Romano 1992). Both go on at the first row after the last, so that every row is as likely as any other.
    """

    STATIONARY = "stationary"
    CIRCULAR = "circular"


def returns_of(prices: Floats) -> Floats:
    """What each row's prices are of the row's before, as factors: one row less than `prices` (rows x assets).

    ValueError where a price is missing or not above 0, saying where: rows before a listing are the caller's to cut.
    """
    matrix = np.asarray(prices, np.float64)
    if matrix.ndim != 2 or len(matrix) < 2 or matrix.shape[1] < 1:
        raise ValueError("at least 2 rows of prices of at least one asset are needed")
    bad = np.argwhere(~(np.isfinite(matrix) & (matrix > 0)))
    if len(bad):
        row, column = bad[0]
        raise ValueError(f"row {row} has no usable price in column {column}: {matrix[row, column]}")
    factors: Floats = matrix[1:] / matrix[:-1]
    return factors


def drawn_rows(
    rows: int, length: int, *, block: float, seed: int, number: int, blocks: Blocks = Blocks.STATIONARY
) -> Rows:
    """Which rows of `rows` path `number` is made of, `length` of them, in their order.

    `block` is the length of a block in rows, the mean length where they vary; from 1 to `rows`.
    """
    if rows < 1 or length < 1:
        raise ValueError("at least one row is needed to draw from, and one to draw")
    if not (isfinite(block) and 1 <= block <= rows):
        raise ValueError(f"a block is from 1 to {rows} rows long, not {block}")
    draw = np.random.Generator(np.random.PCG64([seed, number]))
    places = np.arange(length)
    # Two numbers for each place, one place after the other: a longer path begins as a shorter one does.
    chances = draw.random((length, 2))
    starts = (chances[:, 1] * rows).astype(np.intp)
    if blocks is Blocks.CIRCULAR:
        first = places - places % round(block)
    else:
        begins = chances[:, 0] * block < 1
        begins[0] = True
        first = np.maximum.accumulate(np.where(begins, places, 0))
    # Every place goes on from where its block has begun.
    drawn: Rows = (starts[first] + places - first) % rows
    return drawn


def price_paths(
    prices: Floats,
    start: Floats,
    *,
    length: int,
    paths: int,
    block: float,
    seed: int,
    first: int = 0,
    blocks: Blocks = Blocks.STATIONARY,
) -> Iterator[Floats]:
    """Paths number `first` to `first` + `paths` - 1, one at a time: closes of (`length` + 1) rows x assets, the first
    row being `start`. `prices` are the real closes, rows x assets, above 0 and without gaps.
    """
    factors = returns_of(prices)
    begin = np.asarray(start, np.float64)
    if begin.shape != (factors.shape[1],) or not (np.isfinite(begin) & (begin > 0)).all():
        raise ValueError(f"the start has a price above 0 for each of the {factors.shape[1]} assets")

    def path(number: int) -> Floats:
        rows = drawn_rows(len(factors), length, block=block, seed=seed, number=number, blocks=blocks)
        made = np.empty((length + 1, factors.shape[1]))
        made[0] = begin
        # A running product of factors: a row of the past that is drawn gives its very factor again.
        np.cumprod(factors[rows], axis=0, out=made[1:])
        made[1:] *= begin
        return made

    return map(path, range(first, first + paths))


def block_length(prices: Floats, blocks: Blocks = Blocks.STATIONARY) -> float:
    """A block long enough for the memory of these prices (rows x assets): the longest that the rule of
    `politis_white` gives for the log returns of any asset or for their sizes. Returns themselves hardly remember; it
    is their sizes, calm and nervous weeks, that deep drawdowns are made of.
    """
    logs = np.log(returns_of(prices))
    return max(politis_white(series, blocks) for series in (*logs.T, *np.abs(logs).T))


def politis_white(series: Floats, blocks: Blocks = Blocks.STATIONARY) -> float:
    """The block length that errs least for the mean of a series, in rows, at least 1.

    Politis, White: Automatic block-length selection for the dependent bootstrap. Econometric Reviews 23 (2004), with
    the correction of Patton, Politis, White (2009): autocovariances up to twice the lag after which several in a row
    are insignificant, weighted by a flat-topped window; never longer than three roots of the rows, nor a third of them.
    """
    values = np.asarray(series, np.float64)
    rows = len(values)
    if values.ndim != 1 or rows < 8 or not np.isfinite(values).all():
        raise ValueError("at least 8 values are needed, every one a finite number")
    away = values - values.mean()
    quiet = max(5, ceil(sqrt(log10(rows))))
    last = min(ceil(sqrt(rows)) + quiet, rows - 1)
    # All at once, by way of the spectrum; padded, so that the end does not meet the beginning.
    size = 1 << (rows + last).bit_length()
    covariances = np.fft.irfft(np.abs(np.fft.rfft(away, size)) ** 2, size)[: last + 1] / rows
    if covariances[0] <= 1e-24 * max(float(values @ values) / rows, 1e-300):
        return 1.0  # a constant remembers nothing
    bound = 2 * sqrt(log10(rows) / rows)
    lags = min(2 * _silence(np.abs(covariances[1:]) / covariances[0] < bound, quiet), last)
    places = np.arange(-lags, lags + 1)
    weights = np.clip(2 * (1 - np.abs(places) / lags), 0, 1)
    both = covariances[np.abs(places)]
    slope, level = float(np.sum(weights * np.abs(places) * both)), float(np.sum(weights * both))
    spread = (2.0 if blocks is Blocks.STATIONARY else 4 / 3) * level**2
    if spread <= 0:
        return 1.0
    best = float((2 * slope**2 / spread * rows) ** (1 / 3))
    return max(min(best, ceil(min(3 * sqrt(rows), rows / 3))), 1.0)


def _silence(is_quiet: npt.NDArray[np.bool_], quiet: int) -> int:
    """The first lag from which on so many lags in a row are insignificant; the last one where there is none. By the
    authors' own program; their text has the lag before it, which leaves nothing to weigh where that is 0.
    """
    run = 0
    for lag, is_insignificant in enumerate(is_quiet.tolist(), start=1):
        run = run + 1 if is_insignificant else 0
        if run == quiet:
            return lag - quiet + 1
    return len(is_quiet)


@dataclass(frozen=True, eq=False, slots=True)
class Bands:
    """Where the paths are: for each of PERCENTILES a row. `rows` are the rows of a path that the columns stand for.

    `equity` and `drawdown`: percentiles x columns, each column by itself (no path need run along a band). `end_value`
    and `max_drawdown`: one for each percentile. Drawdowns are negative fractions, so the 5th percentile is the deep
    one. `losing`: share of the paths that end below their beginning.
    """

    paths: int
    rows: Rows
    equity: Floats
    drawdown: Floats
    end_value: Floats
    max_drawdown: Floats
    losing: float


def bands(curves: Iterable[Floats], *, points: int = MOST_POINTS) -> Bands:
    """Percentile bands of equity curves, all of one length and above 0, at most `points` columns of them: a curve is
    looked at whole and kept thinned, so that memory does not grow with its length.
    """
    if points < 2:
        raise ValueError("bands have at least 2 points: the first row and the last")
    rows: Rows = np.empty(0, np.intp)
    length = 0
    equity, falls, ends, deepest = [], [], [], []
    for curve in curves:
        values = np.asarray(curve, np.float64)
        if values.ndim != 1 or len(values) < 2 or not (np.isfinite(values) & (values > 0)).all():
            raise ValueError("an equity curve is a row of at least 2 values above 0")
        if not length:
            length = len(values)
            rows = np.unique(np.linspace(0, length - 1, min(points, length)).round().astype(np.intp))
        if len(values) != length:
            raise ValueError(f"all curves have one length: {length} rows, not {len(values)}")
        fall = values / np.maximum.accumulate(values) - 1
        equity.append(values[rows])
        falls.append(fall[rows])
        ends.append(values[-1] / values[0])
        deepest.append(fall.min())
    if not equity:
        raise ValueError("there are no paths")
    kept = np.array(equity)
    return Bands(
        paths=len(equity),
        rows=rows,
        equity=np.percentile(kept, PERCENTILES, axis=0),
        drawdown=np.percentile(np.array(falls), PERCENTILES, axis=0),
        end_value=np.percentile(kept[:, -1], PERCENTILES),
        max_drawdown=np.percentile(np.array(deepest), PERCENTILES),
        losing=float(np.mean(np.array(ends) < 1)),
    )
