"""Choosing on one stretch of the past and being judged on the next: windows of rows, and what they come to. Pure.

Rows are those of the candles, from 0, the oldest. A choice is made on the rows of `in_sample` alone and tried on those
of `out_of_sample`, which begin where the others end. The last rows of all are held out: they are in no window, and
whoever looks at them before every choice is made has nothing left to be judged by.

What is tried begins with the portfolio at the last row before it, so an equity curve of n rows has n + 1 values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class SplitError(ValueError):
    """What is wrong with the lengths of a split. `field` is the argument it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Window(NamedTuple):
    """Rows to choose on, and the rows right after them to try the choice on."""

    in_sample: range
    out_of_sample: range


@dataclass(frozen=True, slots=True)
class Split:
    """Windows in the order of time, whose out-of-sample rows follow one another without a gap or an overlap, and the
    rows held out, right after the last of them; empty where none are. `final` are the rows of the last choice, the one
    that is judged by what is held out: as many as a window's, or all there are where windows are anchored.
    """

    windows: tuple[Window, ...]
    final: range
    held_out: range

    @property
    def tried(self) -> range:
        """All out-of-sample rows."""
        return range(self.windows[0].out_of_sample.start, self.windows[-1].out_of_sample.stop)


def split(rows: int, *, in_sample: int, out_of_sample: int, held_out: int = 0, anchored: bool = False) -> Split:
    """Cut `rows` rows into windows. Lengths are in rows.

    Rolling windows all have `in_sample` rows to choose on; anchored ones begin with the first row and grow. Windows are
    laid from the end, so that what does not fill one is left over at the very beginning, where it is oldest; anchored
    windows use that, too. SplitError where a length is not possible, or where there is no room for one window.
    """
    for field, length, least in (
        ("in_sample", in_sample, 1),
        ("out_of_sample", out_of_sample, 1),
        ("held_out", held_out, 0),
    ):
        if length < least:
            raise SplitError(field, f"{field} must be at least {least} rows, not {length}")
    end = rows - held_out
    count = (end - in_sample) // out_of_sample
    if count < 1:
        needed = in_sample + out_of_sample + held_out
        raise SplitError("rows", f"one window and the held-out rows need {needed} rows; there are {rows}")
    windows = []
    for place in range(count):
        begin = end - (count - place) * out_of_sample
        start = 0 if anchored else begin - in_sample
        windows.append(Window(range(start, begin), range(begin, begin + out_of_sample)))
    return Split(tuple(windows), range(0 if anchored else end - in_sample, end), range(end, rows))


def stitch(curves: Sequence[Floats]) -> Floats:
    """One equity curve of several, each beginning with what the one before has ended with: every curve is scaled, the
    first one keeps its amounts. Each has the value before its first row as its first value, above 0; so the result has
    one value more than the rows together. An equity of 0 stays 0.
    """
    if not curves:
        raise ValueError("there is nothing to stitch")
    pieces = [_checked(curve) for curve in curves]
    whole = [pieces[0][:1]]
    for piece in pieces:
        whole.append(piece[1:] / piece[0] * whole[-1][-1])
    return np.concatenate(whole)


def growth_per_row(curves: Sequence[Floats]) -> float:
    """The growth of one row, a fraction, at which as many rows grow as much as these curves together: -1 where one of
    them has ended with nothing.
    """
    if not curves:
        raise ValueError("there are no curves")
    pieces = [_checked(curve) for curve in curves]
    if any(piece[-1] == 0 for piece in pieces):
        return -1.0
    logs = sum(log(piece[-1] / piece[0]) for piece in pieces)
    return exp(logs / sum(len(piece) - 1 for piece in pieces)) - 1


def efficiency(in_sample: Sequence[Floats], out_of_sample: Sequence[Floats]) -> float | None:
    """How much of what was found where choices were made is left where they were tried: growth of a row there by growth
    of a row here. 1: all of it; 0 and less: nothing. Pardo, The Evaluation and Optimization of Trading Strategies
    (2008), on walk-forward analysis, asks for at least a half.

    Equity curves of every window's choice, each beginning with the value before its first row. None where the choices
    have not even earned anything where they were made: then there is nothing that could be left.
    """
    if len(in_sample) != len(out_of_sample):
        raise ValueError("every window has one curve in sample and one out of it")
    here = growth_per_row(in_sample)
    return growth_per_row(out_of_sample) / here if here > 0 else None


def _checked(curve: Floats) -> Floats:
    values = np.asarray(curve, np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("an equity curve has at least 2 values, all of them finite numbers")
    if values[0] <= 0 or (values < 0).any():
        raise ValueError("an equity curve begins above 0 and is never below it")
    return values
