"""Lines to draw of a back-test: thinned, but never without their highest and lowest points. Floats, pure."""

from dataclasses import dataclass

import numpy as np

from portfolio.performance.figures import Compared
from strategies.backtest.engine.history import Floats
from strategies.backtest.engine.result import Result
from strategies.backtest.figures.ideal import flow_values, growth_of, ideal_of
from strategies.backtest.figures.study import Study

MOST_POINTS = 2000


@dataclass(frozen=True, eq=False)
class Curves:
    """Values at `rows`, whose times are `close_ms`. `equity` and the benchmarks in the quote, None where a benchmark is
    not known there. `drawdown`: how far below its highest the growth is, 0 or negative. `weights`: one line an asset of
    `assets`, the quote's last, as fractions of the value.
    """

    rows: tuple[int, ...]
    close_ms: tuple[int, ...]
    equity: Floats
    drawdown: Floats
    assets: tuple[str, ...]
    weights: Floats
    ideal: Floats | None
    hold_targets: tuple[float | None, ...]
    hold: tuple[float | None, ...]
    bitcoin: tuple[float | None, ...]


def rows_to_draw(result: Result, most: int = MOST_POINTS) -> tuple[int, ...]:
    """At most `most` rows: the first, the last, and the lowest and highest equity of each of even stretches."""
    rows = len(result.history)
    if rows <= most:
        return tuple(range(rows))
    edges = np.linspace(0, rows, (most - 2) // 2 + 1).astype(int)
    chosen = {0, rows - 1}
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = result.equity[low:high]
        chosen |= {low + int(stretch.argmin()), low + int(stretch.argmax())}
    return tuple(sorted(chosen))


def curves_of(study: Study, rows: tuple[int, ...]) -> Curves:
    """The lines at `rows`, which the study has valued."""
    result = study.result
    places = np.array(rows)
    growth = growth_of(result.equity, flow_values(result), float(study.start_nav))
    highest = np.maximum.accumulate(np.concatenate(([1.0], growth)))[1:]
    equity, values = result.equity[places], result.values[:, places]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(equity > 0, values / equity, 0.0)
        drawdown = np.where(highest > 0, growth / highest - 1, 0.0)[places]
    ideal = ideal_of(result)
    return Curves(
        rows=rows,
        close_ms=tuple(result.history.close_ms[places].tolist()),
        equity=equity,
        drawdown=drawdown,
        assets=(*(series.asset for series in result.history.series), result.scenario.quote),
        weights=weights,
        ideal=None if ideal is None else ideal.values[places],
        hold_targets=_line(study, study.hold_targets, rows),
        hold=_line(study, study.hold, rows),
        bitcoin=_line(study, study.bitcoin, rows),
    )


def _line(study: Study, compared: Compared, rows: tuple[int, ...]) -> tuple[float | None, ...]:
    known = {point.at: point.after for point in compared.benchmark.points}
    found = dict(zip(study.rows, study.moments[1:], strict=True))
    return tuple(float(known[at]) if (at := found[row].at) in known else None for row in rows)
